"""A run before the gates: what they need is gathered, who refuses stops it, and what was forced is said."""

import logging
import warnings
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from foretell.bundles.files import StoredBundle
from foretell.config.settings import Settings
from foretell.delivery.gates import judge
from foretell.delivery.outcomes import GateLimits, Outcome, refused, require_passed
from foretell.delivery.profile import RunProfile, order_rows, profile_before
from foretell.delivery.run import Familiarity, Run
from foretell.errors import BundleError, DataWarning
from foretell.evaluation.drift import Distribution
from foretell.tables.categories import changed_columns, unseen_shares
from foretell.tables.dataset import CustomerData

_logger = logging.getLogger("foretell")


def limits_of(settings: Settings) -> GateLimits:
    """Return the limits that the settings set.

    Parameters
    ----------
    settings : Settings
        Sections ``[gates]`` and ``[scoring]``.

    Returns
    -------
    GateLimits
        As delivery takes them.
    """
    given = settings.gates.model_dump()
    return GateLimits(max_input_age_days=settings.scoring.max_input_age_days, **given)


def familiarity_of(data: CustomerData, stored: StoredBundle, cutoff: datetime) -> Familiarity | None:
    """Compare the orders with those that the bundle learnt from.

    Parameters
    ----------
    data : CustomerData
        The shop's rows.
    stored : StoredBundle
        The bundle with its version.
    cutoff : datetime
        First instant that is not seen.

    Returns
    -------
    Familiarity or None
        None if the bundle does not say what it saw.

    Raises
    ------
    BundleError
        If what it says cannot be read.
    """
    profile = stored.bundle.profile
    if not profile:
        return None
    seen = data.before(cutoff)
    since = cutoff - timedelta(days=stored.bundle.horizons.churn_days)
    try:
        return Familiarity(
            history={name: Distribution.from_dict(value) for name, value in profile["history"].items()},
            changed_columns=changed_columns(seen, profile["columns"]),
            unseen_shares=unseen_shares(seen, profile["columns"], since),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        msg = (
            f"The bundle {stored.version} does not hold a profile of its training ({type(error).__name__}). "
            "Remedy: roll back to the previous bundle (foretell rollback) or train again."
        )
        raise BundleError(msg) from error


def pass_gates(run: Run, output: Path, limits: GateLimits, *, force: bool) -> tuple[Run, tuple[Outcome, ...]]:
    """Let a run through the gates, or stop it.

    Parameters
    ----------
    run : Run
        A finished run.
    output : Path
        Where published runs lie, to compare with the last.
    limits : GateLimits
        How far the run may lie from what is expected.
    force : bool
        Let it through whatever they say.

    Returns
    -------
    (Run, tuple of Outcome)
        The run, with a note for its readers where it was forced, and what every gate said.

    Raises
    ------
    GateRefused, InputTooOld
        If a gate refuses and nobody forced it.
    """
    before = profile_before(output, run.as_of)
    _tell_of_new_rows_left_out(run, before)
    outcomes = judge(run, before, limits)
    if not force:
        require_passed(outcomes)
    notes = []
    for outcome in refused(outcomes):
        warnings.warn(f"forced past the gate {outcome}", DataWarning, stacklevel=2)
        notes.append(f"Published by force although a check refused: {outcome.text}")
    return replace(run, notes=(*run.notes, *notes)), outcomes


def _tell_of_new_rows_left_out(run: Run, before: RunProfile | None) -> None:
    """Warn where half of the orders that are new since the last run could not be used: of all rows they are few."""
    if before is None or before.order_rows_used is None or before.order_rows_quarantined is None:
        return
    used = order_rows(run, "used") - before.order_rows_used
    left_out = order_rows(run, "quarantined") - before.order_rows_quarantined
    if left_out > 0 and left_out >= used:
        _logger.warning(
            "Since the run of %s %d rows of orders more could not be used, and %d more could. Remedy: see "
            "quarantine.csv and how the newest rows are written.",
            f"{before.as_of:%Y-%m-%d}", left_out, max(used, 0),
        )  # fmt: skip
