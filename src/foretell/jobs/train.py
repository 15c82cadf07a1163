"""Train: fit, judge, register as challenger, track, and promote by gate."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from foretell.bundles.files import StoredBundle
from foretell.bundles.record import newest_cutoff
from foretell.bundles.registry import Registry
from foretell.config.settings import Settings
from foretell.engines.trained_model import TrainedModel
from foretell.errors import ModelNotFound
from foretell.jobs.inputs import cutoff_of, read_shop
from foretell.tables.dataset import CustomerData
from foretell.training import train as training
from foretell.training.gate import Decision, decide

_SHOWN: Mapping[str, tuple[str, ...]] = {
    "orders": ("rmse", "mae", "bias"),
    "clv": ("gini", "spearman", "rmse", "bias"),
    "churn": ("auc", "log_loss", "ece", "bias"),
    "next_order": ("median_abs_error_days", "concordance", "coverage"),
}
"""Targets and metrics that a terminal shows; the record holds more."""


@dataclass(frozen=True)
class TrainResult:
    """What training made.

    Parameters
    ----------
    model : TrainedModel
        The fitted model with its record.
    decision : Decision or None
        The gate's answer; None on a dry run.
    champion : str or None
        Version that customers are scored with now.
    run_id : str or None
        Run in the tracking store; None without one.
    dry_run : bool
        Whether nothing was written.
    """

    model: TrainedModel
    decision: Decision | None
    champion: str | None
    run_id: str | None
    dry_run: bool

    def lines(self) -> list[str]:
        """Return the result in words, line by line."""
        card = self.model.bundle.card
        data = card["data"]
        lines = [
            f"Trained {self.model.bundle.rung} as of {self.model.bundle.as_of}: bundle {self.model.version}",
            f"on {data['customers']:,} customers with {data['purchase_days']:,} purchase days",
            f"Rung {self.model.bundle.rung}: {card['training']['rung_chosen_because']}",
            *backtest_lines(self.model.bundle.record, self.model.bundle.rung),
        ]
        if self.dry_run or self.decision is None:
            return [*lines, "Dry run: nothing was written."]
        lines += [f"Gate: {reason}" for reason in self.decision.reasons]
        verdict = "promoted to champion" if self.decision.promote else "NOT promoted: it stays challenger"
        lines.append(f"Bundle {self.model.version} {verdict}; champion is {self.champion or 'none'}")
        if not self.decision.promote:
            lines.append(f"To use it all the same: foretell promote {self.model.version} --why '...'")
        if self.run_id:
            lines.append(f"Tracked as MLflow run {self.run_id}")
        return lines

    def as_dict(self) -> dict[str, Any]:
        """Return the result as plain values for JSON."""
        return {
            "as_of": self.model.bundle.as_of.isoformat(),
            "champion": self.champion,
            "dry_run": self.dry_run,
            "promoted": bool(self.decision and self.decision.promote),
            "reasons": list(self.decision.reasons) if self.decision else [],
            "run_id": self.run_id,
            "rung": self.model.bundle.rung,
            "version": self.model.version,
        }


def train(settings: Settings, *, as_of: date | datetime | str | None = None, dry_run: bool = False) -> TrainResult:
    """Train on the shop's data up to a cutoff.

    Parameters
    ----------
    settings : Settings
        Where the data and the models are, horizons, rungs.
    as_of : date, datetime, str or None
        First instant that training does not see; None is the end of what the data observed.
    dry_run : bool
        Fit and judge, and write nothing, not even to the tracking store.

    Returns
    -------
    TrainResult
        Model, gate decision, champion.

    Raises
    ------
    DataError, WindowError, FitError, OutputError, LockHeld
        As the rooms raise them.
    """
    return train_data(read_shop(settings), settings, as_of=as_of, dry_run=dry_run)


def train_data(
    data: CustomerData, settings: Settings, *, as_of: date | datetime | str | None, dry_run: bool = False
) -> TrainResult:
    """Train on a data set up to a cutoff.

    Parameters
    ----------
    data : CustomerData
        The shop's rows.
    settings : Settings
        Where the models are, horizons, rungs.
    as_of : date, datetime, str or None
        First instant that training does not see; None is the end of what the data observed.
    dry_run : bool
        Write nothing.

    Returns
    -------
    TrainResult
        Model, gate decision, champion.
    """
    horizons, options = settings.horizons, settings.training
    model = training.train(
        data,
        cutoff_of(data, as_of),
        clv_days=horizons.clv_days,
        churn_days=horizons.churn_days,
        order_days=horizons.order_days,
        annual_discount_rate=options.annual_discount_rate,
        rungs=options.rungs,
        seed=options.seed,
    )
    registry = Registry(settings.folders.models)
    if dry_run:
        return TrainResult(model, None, registry.state().roles["champion"], None, dry_run=True)
    champion = _champion(registry)
    decision = decide(model.bundle, champion, data, seed=options.seed)
    version = registry.register(model.bundle)
    run_id = None
    if settings.tracking.enabled:
        from foretell.tracking.mlflow_tracker import MlflowTracker

        tracker = MlflowTracker(settings.folders.models, experiment=settings.tracking.experiment)
        run_id = tracker.log_training(model)
        if run_id:
            registry.note_run(version, run_id)
    if decision.promote:
        registry.promote(version, why="; ".join(decision.reasons))
    mirror(settings, registry)
    return TrainResult(model, decision, registry.state().roles["champion"], run_id, dry_run=False)


def mirror(settings: Settings, registry: Registry) -> None:
    """Make the tracking store's aliases follow the registry.

    Parameters
    ----------
    settings : Settings
        Whether and where runs are tracked.
    registry : Registry
        The registry that leads.
    """
    if settings.tracking.enabled:
        from foretell.tracking.mlflow_tracker import MlflowTracker

        MlflowTracker(settings.folders.models, experiment=settings.tracking.experiment).mirror_roles(
            registry.state().roles
        )


def backtest_lines(record: Mapping[str, pl.DataFrame], rung: str) -> list[str]:
    """Return the newest backtest as text: a block per target, a row per rung, a column per metric.

    Parameters
    ----------
    record : mapping of str to polars.DataFrame
        Frames of `bundles.record.RECORD_SCHEMAS`.
    rung : str
        The rung that scores, shown first.

    Returns
    -------
    list of str
        Lines of text; one sentence if nothing was judged.
    """
    newest = newest_cutoff(record)
    if newest is None:
        return ["Not judged: no past window was long enough."]
    rows = record["backtest"].filter(pl.col("cutoff") == newest)
    rungs = [rung, *(name for name in rows["rung"].unique(maintain_order=True) if name != rung)]
    cells = {(row["target"], row["metric"], row["rung"]): _cell(row) for row in rows.to_dicts()}
    lines = [f"Backtest at {newest} [95 % interval over customers]"]
    for target, metrics in _SHOWN.items():
        if not any((target, metric, name) in cells for metric in metrics for name in rungs):
            continue
        lines.append(f"{target:<19}" + "".join(f"{metric:<25}" for metric in metrics).rstrip())
        for name in rungs:
            figures = [cells.get((target, metric, name), "-") for metric in metrics]
            if any(figure != "-" for figure in figures):
                lines.append(f"  {name:<17}" + "".join(f"{figure:<25}" for figure in figures).rstrip())
    skipped = record["skipped"].filter(pl.col("cutoff") == newest)
    lines += [
        f"not judged: {row['rung'] or 'all'} {row['target'] or ''}: {row['reason']}" for row in skipped.to_dicts()
    ]
    return lines


def _cell(row: Mapping[str, Any]) -> str:
    if row["value"] is None:
        return "-"
    interval = "" if row["low"] is None else f" [{_figure(row['low'])}, {_figure(row['high'])}]"
    return f"{_figure(row['value'])}{interval}"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"


def _champion(registry: Registry) -> StoredBundle | None:
    try:
        return registry.load("champion")
    except ModelNotFound:
        return None
