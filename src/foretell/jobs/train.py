"""Train: fit, judge, register as challenger, track, and promote by gate."""

import logging
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from foretell.bundles.files import StoredBundle
from foretell.bundles.registry import Registry
from foretell.config.settings import Settings
from foretell.engines.trained_model import TrainedModel
from foretell.errors import BundleError, ForetellWarning
from foretell.jobs.backtest_text import backtest_lines
from foretell.jobs.findings import Account, finding_lines, notes_at
from foretell.jobs.inputs import cutoff_of, read_shop
from foretell.jobs.mirror import mirror
from foretell.jobs.train_cluster import Learnt, learn_on_cluster
from foretell.scoring.accounting import account_rows
from foretell.tables.dataset import CustomerData, Note
from foretell.training import train as training
from foretell.training.gate import Decision, decide
from foretell.training.prospect_recipe import NO_TABLES
from foretell.training.shop import ShopInMemory
from foretell.training.tuning_asked import TuningAsked

_logger = logging.getLogger("foretell")

TUNING_FOLDER = "tuning"
"""Where studies lie, below the models."""


@dataclass(frozen=True)
class TrainResult:
    """What training made.

    Parameters
    ----------
    model : TrainedModel
        The fitted model with its record.
    account : Account
        What became of every source row.
    notes : tuple of Note
        What stopped nothing and should be known.
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
    account: Account
    notes: tuple[Note, ...]
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
            *finding_lines(self.account, self.notes),
            f"Rung {self.model.bundle.rung}: {card['training']['rung_chosen_because']}",
            *_tuning_lines(card),
            *_prospect_lines(card),
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
            "notes": [asdict(note) for note in self.notes],
            "promoted": bool(self.decision and self.decision.promote),
            "quarantined": self.account.reasons(),
            "reasons": list(self.decision.reasons) if self.decision else [],
            "run_id": self.run_id,
            "rung": self.model.bundle.rung,
            "tuning": self.model.bundle.card.get("tuning"),
            "version": self.model.version,
        }


def train(
    settings: Settings,
    *,
    as_of: date | datetime | str | None = None,
    resume: bool = False,
    dry_run: bool = False,
) -> TrainResult:
    """Train on the shop's data up to a cutoff.

    Parameters
    ----------
    settings : Settings
        Where the data and the models are, horizons, rungs.
    as_of : date, datetime, str or None
        First instant that training does not see; None is the end of what the data observed.
    resume : bool
        Go on with the trials of an earlier tuning of the same data.
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
    if settings.training.engine == "spark":
        registry = Registry(settings.folders.models)
        champion = None if dry_run else _champion(registry)
        options = settings.training
        tune = TuningAsked(
            options.tune_trials,
            options.tune_timeout_seconds,
            None if dry_run else settings.folders.models / TUNING_FOLDER,
            resume and not dry_run,
        )
        learnt = learn_on_cluster(settings, as_of, champion, tune)
        return _registered(learnt, champion, registry, settings, dry_run=dry_run)
    return train_data(read_shop(settings), settings, as_of=as_of, resume=resume, dry_run=dry_run)


def train_data(
    data: CustomerData,
    settings: Settings,
    *,
    as_of: date | datetime | str | None,
    resume: bool = False,
    dry_run: bool = False,
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
    resume : bool
        Go on with the trials of an earlier tuning of the same data.
    dry_run : bool
        Write nothing, and read no earlier trials.

    Returns
    -------
    TrainResult
        Model, gate decision, champion.
    """
    cutoff, horizons, options = cutoff_of(data, as_of), settings.horizons, settings.training
    registry = Registry(settings.folders.models)
    # Before the fit: a registry that cannot be read should not cost an hour first.
    champion = None if dry_run else _champion(registry)
    model = training.train(
        data,
        cutoff,
        clv_days=horizons.clv_days,
        churn_days=horizons.churn_days,
        order_days=horizons.order_days,
        annual_discount_rate=options.annual_discount_rate,
        rungs=options.rungs,
        exclude_periods=options.exclude_periods or (),
        retail_year=options.retail_year,
        seed=options.seed,
        tune=options.tune_trials,
        tune_timeout_seconds=options.tune_timeout_seconds,
        tune_folder=None if dry_run else settings.folders.models / TUNING_FOLDER,
        resume=resume and not dry_run,
    )
    account, notes = account_rows(data, cutoff), notes_at(data, cutoff)
    shop = ShopInMemory.of(data, model.bundle.as_of)
    return _registered(Learnt(model, shop, account, notes), champion, registry, settings, dry_run=dry_run)


def _registered(
    learnt: Learnt, champion: StoredBundle | None, registry: Registry, settings: Settings, *, dry_run: bool
) -> TrainResult:
    """Register what was learnt as challenger, track it, and promote it by gate."""
    model, account, notes = learnt.model, learnt.account, learnt.notes
    if dry_run:
        return TrainResult(model, account, notes, None, registry.state().roles["champion"], None, dry_run=True)
    decision = decide(model.bundle, champion, learnt.shop, seed=settings.training.seed)
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
    else:
        # Exit 0, as nothing failed; but a job that nobody watches would score with an ageing model unnoticed.
        _logger.warning("Bundle %s was not promoted and stays challenger: %s", version, "; ".join(decision.refusals))
    mirror(settings, registry)
    return TrainResult(model, account, notes, decision, registry.state().roles["champion"], run_id, dry_run=False)


def _prospect_lines(card: Mapping[str, Any]) -> list[str]:
    """Say what was learnt of people who never ordered; nothing where the shop has no table of any."""
    facts = card.get("prospects", {"state": NO_TABLES})
    if facts["state"] == NO_TABLES:
        return []
    if facts["state"] != "on":
        return [f"Prospects: {facts['state']}"]
    ordered, people = facts["people_with_a_first_order"], facts["people"]
    return [f"Prospects: on, {ordered:,} of {people:,} people placed a first order in past windows"]


def _tuning_lines(card: Mapping[str, Any]) -> list[str]:
    tuning = card.get("tuning")
    if tuning is None:
        return []
    trials = f" after {tuning['trials']} of {tuning['trials_asked_for']} trials" if "trials" in tuning else ""
    return [f"Tuning{trials}: {tuning['chosen']} chosen; {tuning['chosen_because']}"]


def _champion(registry: Registry) -> StoredBundle | None:
    if registry.state().roles["champion"] is None:
        return None
    try:
        return registry.load("champion")
    except BundleError as error:
        text = f"The new bundle is compared with the naive rules only, as the champion cannot be read. {error}"
        warnings.warn(text, ForetellWarning, stacklevel=2)
        return None
