"""Score: champion bundle to scores, segments and report, published whole."""

import warnings
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from foretell.bundles.files import StoredBundle
from foretell.bundles.registry import Registry
from foretell.config.settings import Settings
from foretell.delivery.lookalike_columns import with_lookalikes
from foretell.delivery.outcomes import Outcome, refused
from foretell.delivery.previous import find_previous
from foretell.delivery.publish import publish
from foretell.delivery.reached import find_reached
from foretell.delivery.reviewed import reviewed_bands_before, reviewed_before
from foretell.delivery.run import Counts, Run
from foretell.errors import DataWarning, InputTooOld
from foretell.jobs.bundle_facts import model_facts, past_record
from foretell.jobs.database import write_to_database
from foretell.jobs.findings import finding_lines, notes_at
from foretell.jobs.gating import familiarity_of, limits_of, pass_gates
from foretell.jobs.inputs import cutoff_of
from foretell.jobs.output import held_output
from foretell.jobs.privacy import forgotten_ids
from foretell.jobs.prospects import prospect_table, why_no_chances
from foretell.jobs.run_log import RunLog
from foretell.jobs.score_engine import activity_of, opened_shop, parts_of, run_engine
from foretell.jobs.segment_inputs import segments_digest, segments_of, with_features
from foretell.jobs.uploads import check_uploads, upload_plan
from foretell.scoring.accounting import RowAccount, account_rows
from foretell.scoring.schema import score_columns
from foretell.scoring.silence import silence_of
from foretell.storage.hashing import sha256_json
from foretell.tables.bucketed import BucketedData
from foretell.tables.dataset import CustomerData, Note


@dataclass(frozen=True)
class ScoreResult:
    """What a scoring run wrote.

    Parameters
    ----------
    folder : Path or None
        The published folder; None on a dry run.
    changed : bool
        False if the same result was there already.
    files : tuple of str
        Files in the folder.
    customers : int
        Customers scored.
    model_version : str
        Bundle that scored.
    as_of : datetime
        First instant that scoring did not see.
    head : polars.DataFrame
        The five customers with the highest predicted value, a few columns.
    account : RowAccount
        What became of every source row.
    notes : tuple of Note
        What stopped nothing and should be known.
    outcomes : tuple of Outcome
        What every gate said.
    """

    folder: Path | None
    changed: bool
    files: tuple[str, ...]
    customers: int
    model_version: str
    as_of: datetime
    head: pl.DataFrame
    account: RowAccount
    notes: tuple[Note, ...] = ()
    outcomes: tuple[Outcome, ...] = ()

    def lines(self) -> list[str]:
        """Return the result in words, line by line."""
        lines = [
            f"Scored {self.customers:,} customers as of {self.as_of} with bundle {self.model_version}",
            self.account.words(),
            *finding_lines(self.account, self.notes),
        ]
        if self.folder is None:
            return [*lines, "Dry run: nothing was written."]
        here = Path.cwd()
        shown = self.folder.relative_to(here) if self.folder.is_relative_to(here) else self.folder
        if not self.changed:
            return [*lines, f"Nothing changed: {shown} already holds this result."]
        return [*lines, f"Wrote {len(self.files)} files to {shown}:", *(f"  {name}" for name in self.files)]

    def as_dict(self) -> dict[str, Any]:
        """Return the result as plain values for JSON."""
        return {
            "as_of": self.as_of.isoformat(),
            "changed": self.changed,
            "customers": self.customers,
            "files": list(self.files),
            "folder": None if self.folder is None else str(self.folder),
            "forced": [outcome.gate for outcome in refused(self.outcomes)],
            "gates": [asdict(outcome) for outcome in self.outcomes],
            "model_version": self.model_version,
            "notes": [asdict(note) for note in self.notes],
            "rows": vars(_counts(self.account)),
        }


def score(
    settings: Settings, *, as_of: date | datetime | str | None = None, force: bool = False, dry_run: bool = False
) -> ScoreResult:
    """Score the shop's customers with the champion bundle and publish the result.

    Parameters
    ----------
    settings : Settings
        Where the data, the models and the output are.
    as_of : date, datetime, str or None
        First instant that is not seen; None is the end of what the data observed.
    force : bool
        Publish whatever the gates say, and again even if the same result is there.
    dry_run : bool
        Read and score, and write nothing.

    Returns
    -------
    ScoreResult
        The folder, its files, and whether anything changed.

    Raises
    ------
    ModelNotFound
        If there is no champion.
    GateRefused, InputTooOld
        If the run lies too far from the last one or from the shop's past; see `foretell.delivery.gates`.
    DataError, WindowError, BundleError, OutputError, LockHeld
        As the rooms raise them; what was published before is untouched.
    """
    log = RunLog()
    check_uploads(settings, segments_of(settings))  # a mistake in a segment is said before anything slow
    # Held from the start: a second run is told at once, not after an hour's work.
    with held_output(settings.folders.output, dry_run=dry_run):
        stored = Registry(settings.folders.models).load("champion")
        with opened_shop(settings, log, dry_run=dry_run) as shop:
            return score_data(shop, stored, settings, as_of=as_of, force=force, dry_run=dry_run, log=log)


def score_data(
    shop: CustomerData | BucketedData,
    stored: StoredBundle,
    settings: Settings,
    *,
    as_of: date | datetime | str | None,
    force: bool = False,
    dry_run: bool = False,
    log: RunLog,
) -> ScoreResult:
    """Score a data set with a bundle and publish the result; whoever calls holds the output folder.

    Parameters
    ----------
    shop : CustomerData or BucketedData
        The shop's rows, in memory or in buckets on disk.
    stored : StoredBundle
        The bundle with its version.
    settings : Settings
        The shop's name, what is explained, where the output goes.
    as_of : date, datetime, str or None
        First instant that is not seen; None is the end of what the data observed.
    force, dry_run : bool
        As in `score`.
    log : RunLog
        Times of the run, for ``run.json`` only.

    Returns
    -------
    ScoreResult
        The folder, its files, and whether anything changed.
    """
    segments = segments_of(settings)
    data = shop.shop if isinstance(shop, BucketedData) else shop
    cutoff = cutoff_of(data, as_of)
    newest = data.before(cutoff).last_order_at()
    if not force:
        # Told before the work; the gate tells it once more, for the manifest.
        _require_fresh(newest, cutoff, settings.scoring.max_input_age_days)
    if settings.horizons.as_horizons() != stored.bundle.horizons:
        warnings.warn(
            f"The settings ask other horizons than the champion answers ({stored.bundle.horizons}): scored with the "
            "champion's. Remedy: foretell train.",
            DataWarning,
            stacklevel=2,
        )
    edges = settings.scoring.churn_band_edges
    stored = replace(stored, bundle=replace(stored.bundle, churn_band_edges=edges))
    explained = settings.scoring.explained_customers
    scored = log.timed(
        "score",
        lambda: run_engine(
            shop, stored, cutoff, explained_customers=explained, on_spark=settings.scoring.engine == "spark"
        ),
        rows=lambda scored: scored.scores.height,
    )
    plan, upload_notes = upload_plan(data, settings, segments, cutoff)
    account = account_rows(data, cutoff, refunds_only=scored.refunds_only)
    notes = (*notes_at(data, cutoff), *upload_notes)
    reviewed = reviewed_before(settings.folders.output, cutoff)
    reviewed_bands = reviewed_bands_before(settings.folders.output, cutoff)
    reached = find_reached(settings.folders.output, cutoff, settings.shop.name)
    previous = None if dry_run else find_previous(settings.folders.output, cutoff)
    if previous is not None:
        # Or who left a segment would be told of people who are to be forgotten.
        previous = previous.without(forgotten_ids(settings))
    run = Run(
        shop=settings.shop.name,
        as_of=cutoff,
        horizons=stored.bundle.horizons,
        currency=settings.shop.currency,
        scores=scored.scores,
        columns=score_columns(stored.bundle.horizons),
        forecast=scored.forecast,
        model=model_facts(stored),
        counts=_counts(account),
        record=past_record(stored),
        quarantine=account.quarantine,
        notes=tuple(note.sentence for note in notes),
        inputs={
            "orders": data.before(cutoff).fingerprint(),
            "lookalikes": "none" if reached is None else reached.content,
            "review": sha256_json([reviewed.write_json(), reviewed_bands.write_json()]),
            "segments": segments_digest(segments),
            "segments of the last run": "none" if previous is None else previous.content,
            "uploads": "none" if plan is None else plan.fingerprint,
        },
        options={
            "churn_band_edges": list(edges),
            "currency": settings.shop.currency,
            "explained_customers": explained,
            "segments_key": settings.segments.key,
            "shop": settings.shop.name,
        },
        circumstances=log.circumstances(),
        activity=activity_of(shop, cutoff, active_days=stored.bundle.horizons.churn_days),
        familiarity=familiarity_of(data, stored, cutoff),
        newest_order_at=newest,
        silence=silence_of(data, cutoff),
        reviewed=reviewed,
        total=scored.total,
        reviewed_bands=reviewed_bands,
        reached=reached,
        prospect_table=log.timed(
            "prospects", lambda: prospect_table(data, stored, cutoff, explained_customers=explained)
        ),
        no_chances=why_no_chances(stored),
    )
    run = log.timed(
        "features",
        lambda: with_features(run, data, segments, cutoff, stored.bundle.statistics, parts=parts_of(shop)),
    )
    run = with_lookalikes(run, settings.folders.output, segments)
    clv = f"predicted_clv_{stored.bundle.horizons.clv_days}d"
    ranked = scored.scores.lazy().sort(clv, "customer_id", descending=[True, False], nulls_last=True)
    head = ranked.head(5).collect(engine="streaming")
    output, limits = settings.folders.output, limits_of(settings)
    result = ScoreResult(
        folder=None,
        changed=False,
        files=(),
        customers=scored.scores.height,
        model_version=stored.version,
        as_of=cutoff,
        head=_shown(head),
        account=account,
        notes=notes,
    )
    if dry_run:
        return replace(result, outcomes=pass_gates(run, output, limits, force=force)[1])
    run, outcomes = pass_gates(run, output, limits, force=force)
    published = log.timed(
        "publish",
        lambda: publish(
            run,
            output,
            segments=segments,
            key=settings.segments.key or "",
            previous=previous,
            force=force,
            outcomes=outcomes,
            uploads=plan,
        ),
    )
    written = settings.database.address is not None and log.timed(
        "database",
        lambda: write_to_database(
            run.all_scores(),
            published,
            settings.database,
            cutoff,
            prospects=None if run.prospect_table is None else run.prospect_table.scores,
        ),
    )
    return replace(
        result,
        folder=published.path,
        changed=published.changed or written,
        files=tuple(published.files),
        outcomes=outcomes,
    )


def _require_fresh(newest: datetime | None, cutoff: datetime, max_age_days: int | None) -> None:
    if max_age_days is None or newest is None or (cutoff - newest).days <= max_age_days:
        return
    msg = (
        f"The newest order is {(cutoff - newest).days} days before as_of {cutoff}; scoring.max_input_age_days "
        f"allows {max_age_days}. Nothing was published. Remedy: see why no newer orders arrived, or raise the limit."
    )
    raise InputTooOld(msg)


def _shown(head: pl.DataFrame) -> pl.DataFrame:
    wanted = ("customer_id", "orders", "predicted_orders", "predicted_clv", "churn_risk", "expected_next_order_date")
    names = [name for name in head.columns if name.startswith(wanted) and not name.endswith(("_low", "_high"))]
    return head.select(names).with_columns(pl.selectors.float().round(2))


def _counts(account: RowAccount) -> Counts:
    tables = {table.table: table.counts() for table in account.tables}
    return Counts(account.rows_in, account.used, account.at_or_after_as_of, account.quarantine.height, tables)
