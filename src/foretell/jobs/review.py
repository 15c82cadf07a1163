"""Review: every published run whose horizon has ended, against what happened."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foretell.config.settings import Settings
from foretell.delivery.reviewed import published_runs, write_review
from foretell.evaluation.review import Review, Said
from foretell.evaluation.review import review as review_runs
from foretell.jobs.inputs import read_shop
from foretell.jobs.output import held_output

_SHOWN = {
    "orders": "orders",
    "clv": "spend",
    "churn": "customers without an order",
}
_METRICS = (
    ("clv", "gini"), ("orders", "gini"), ("churn", "auc"), ("churn", "ece"), ("next_order", "coverage"),
    ("next_order", "within_7_days"),
)  # fmt: skip


@dataclass(frozen=True)
class ReviewResult:
    """What a review found.

    Parameters
    ----------
    review : Review
        Every frame.
    runs : int
        Published runs that were read.
    broken : tuple of str
        Folders that were changed since they were published: not read.
    folder : Path or None
        Where it was written; None on a dry run, or where nothing could be judged.
    changed : bool
        Whether it differs from the last one.
    run_id : str or None
        Run in the tracking store; None without one, or where nothing changed.
    """

    review: Review
    runs: int
    broken: tuple[str, ...]
    folder: Path | None
    changed: bool
    run_id: str | None = None

    def lines(self) -> list[str]:
        """Return the result in words, line by line."""
        judged = self.review.totals["cutoff"].n_unique()
        lines = [f"Published runs: {self.runs:,}, of which {judged:,} can be judged"]
        lines += [f"left out: {name} was changed since it was published" for name in self.broken]
        for row in self.review.totals.to_dicts():
            gap = "" if not row["actual"] else f" ({row['predicted'] / row['actual'] - 1:+.1%})"
            name = _SHOWN.get(row["target"], f"customers who order in {row['days']} days")
            lines.append(
                f"{row['cutoff']:%Y-%m-%d}, {row['days']} days: {name}: said {row['predicted']:,.0f}, "
                f"came {row['actual']:,.0f}{gap}"
            )
        for row in self.review.bands.to_dicts():
            lines.append(
                f"{row['cutoff']:%Y-%m-%d}: churn band {row['band']}: {row['customers']:,} customers, said "
                f"{row['predicted']:.1%}, left {row['observed']:.1%}"
            )
        for row in self.review.trend.to_dicts():
            if (row["target"], row["metric"]) in _METRICS:
                lines.append(
                    f"{row['target']} {row['metric']}: {row['first']:.3f} in the first of {row['runs']} runs, "
                    f"{row['last']:.3f} in the last ({row['change_per_30_days']:+.3f} per 30 days)"
                )
        if judged == 0:
            lines.append("No window has ended yet: come back when the shortest horizon of a run has passed.")
        elif self.folder is not None:
            lines.append(f"{'Wrote' if self.changed else 'Nothing changed in'} {self.folder}")
        return lines

    def as_dict(self) -> dict[str, Any]:
        """Return the result as plain values for JSON."""
        return {
            "broken": list(self.broken),
            "changed": self.changed,
            "folder": None if self.folder is None else str(self.folder),
            "run_id": self.run_id,
            "runs": self.runs,
            **{name: frame.to_dicts() for name, frame in self.review.frames().items()},
        }


def review(settings: Settings, *, dry_run: bool = False) -> ReviewResult:
    """Hold what was published against what happened since, and write it down.

    Parameters
    ----------
    settings : Settings
        Where the data and the published runs are, and whether runs are tracked.
    dry_run : bool
        Judge and write nothing.

    Returns
    -------
    ReviewResult
        Totals, calibration, deciles, bands, dates and trend, by run.

    Raises
    ------
    DataError, OutputError, LockHeld
        As the rooms raise them.
    """
    output = settings.folders.output
    data = read_shop(settings)
    published, broken = published_runs(output)
    runs = [Said(run.as_of, run.model_version, run.horizons, run.scores) for run in published]
    found = review_runs(data, runs, seed=settings.training.seed)
    result = ReviewResult(found, len(runs), tuple(broken), folder=None, changed=False)
    if dry_run or found.totals.is_empty():
        return result
    facts = {"runs": [run.as_of.isoformat() for run in runs], "observed_until": data.observed_until.isoformat()}
    with held_output(output):
        folder, changed = write_review(found.frames(), output, facts=facts)
    run_id = None
    if changed and settings.tracking.enabled:
        from foretell.tracking.mlflow_tracker import MlflowTracker

        tracker = MlflowTracker(settings.folders.models, experiment=settings.tracking.experiment)
        run_id = tracker.log_review(found, folder)
    return ReviewResult(found, len(runs), tuple(broken), folder, changed, run_id)
