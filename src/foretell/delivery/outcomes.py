"""What gates said of a run: each with its number, limit and remedy; who refused stops the run."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from foretell.errors import GateRefused, InputTooOld


@dataclass(frozen=True)
class GateLimits:
    """How far a run may lie from what is expected of it; None switches a gate off.

    Parameters
    ----------
    max_input_age_days : int or None
        Days from the newest order to `as_of`.
    max_silent_days : int or None
        Days without an order before `as_of`; None is by the shop's own rhythm.
    max_customers_gone : float or None
        Share of the last run's customers who may be gone.
    max_rows_fall, max_active_fall : float or None
        Share of the last run's rows, and of its active customers, that may be gone.
    max_score_drift, max_feature_drift : float or None
        Kolmogorov-Smirnov distance from the last run's predictions, and from the training histories, on the same day.
    max_model_age_days : int or None
        Days from the end of the training to `as_of`; None is the horizon of predicted value, at least 180.
    max_unseen_share : float or None
        Share of the newest rows whose category training did not see.
    max_level_ratio : float or None
        Factor between the orders predicted and the recent ones, either way.
    """

    max_input_age_days: int | None = None
    max_rows_fall: float | None = 0.05
    max_active_fall: float | None = 0.1
    max_score_drift: float | None = 0.1
    max_feature_drift: float | None = 0.15
    max_model_age_days: int | None = None
    max_unseen_share: float | None = 0.2
    max_level_ratio: float | None = 2.0
    max_silent_days: int | None = None
    max_customers_gone: float | None = 0.1


@dataclass(frozen=True)
class Outcome:
    """What one gate said.

    Parameters
    ----------
    gate : str
        Name of the gate.
    value, limit : float or None
        The number and what it may be at most; None where it could not be judged.
    passed : bool
        Whether the run may go on; True where nothing was judged.
    text : str
        One sentence with both numbers, or why there is no judgement.
    remedy : str
        What a person can do; empty where it passed.
    """

    gate: str
    value: float | None
    limit: float | None
    passed: bool
    text: str
    remedy: str = ""

    def __str__(self) -> str:
        """Return the outcome as one line."""
        return f"{self.gate}: {self.text}" + (f" Remedy: {self.remedy}" if self.remedy else "")


def refused(outcomes: Sequence[Outcome]) -> tuple[Outcome, ...]:
    """Return the gates that a run did not pass.

    Parameters
    ----------
    outcomes : sequence of Outcome
        As from `foretell.delivery.gates.judge`.

    Returns
    -------
    tuple of Outcome
        In the same order.
    """
    return tuple(outcome for outcome in outcomes if not outcome.passed)


def require_passed(outcomes: Sequence[Outcome]) -> None:
    """Stop a run that a gate refused.

    Parameters
    ----------
    outcomes : sequence of Outcome
        As from `foretell.delivery.gates.judge`.

    Raises
    ------
    InputTooOld
        If the newest order is too old; the other refusals are told with it.
    GateRefused
        If any other gate refused.
    """
    failed = refused(outcomes)
    if not failed:
        return
    count = "1 gate" if len(failed) == 1 else f"{len(failed)} gates"
    text = "\n".join([f"Nothing was published: {count} refused.", *(f"  - {outcome}" for outcome in failed)])
    text += "\nIf it is right all the same: --force publishes it, and the manifest says so."
    raise (InputTooOld if failed[0].gate == "input_age" else GateRefused)(text)


def gate_facts(outcomes: Sequence[Outcome], *, forced: bool) -> dict[str, Any]:
    """Return outcomes as plain values for a manifest.

    Parameters
    ----------
    outcomes : sequence of Outcome
        As from `foretell.delivery.gates.judge`.
    forced : bool
        Whether a person overrode refusals.

    Returns
    -------
    dict
        ``gates``, every outcome; ``forced``, the names of those that were overridden.
    """
    failed = [outcome.gate for outcome in refused(outcomes)]
    return {"gates": [asdict(outcome) for outcome in outcomes], "forced": failed if forced else []}
