"""What a history must hold before a model is fitted, and before its numbers can be trusted."""

import warnings
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from foretell.errors import FitError, SmallSampleWarning, WindowError
from foretell.windows import first_unseen_day

_LEAST_HISTORY_DAYS = 14
_LEAST_CUSTOMERS = 10


@dataclass(frozen=True)
class Capability:
    """One thing a history is long enough for, or not.

    Parameters
    ----------
    name : str
        What would be possible.
    measure : str
        What is counted, with its unit.
    observed, needed : float
        What the data have, and what it takes.
    holds : bool
        Whether it is enough.
    """

    name: str
    measure: str
    observed: float
    needed: float
    holds: bool


def capabilities(summary: pl.DataFrame, as_of: datetime, *, clv_days: int, churn_days: int) -> tuple[Capability, ...]:
    """Say what a history is long enough for.

    Parameters
    ----------
    summary : polars.DataFrame
        One row per customer, as from `features.summary.purchase_summary`.
    as_of : datetime
        The cutoff that `summary` was made at.
    clv_days, churn_days : int
        Horizons asked for, in days.

    Returns
    -------
    tuple of Capability
        Fitting, trusting and judging, each with observed and needed.
    """
    customers, history = summary.height, _history_days(summary, as_of)
    repeats = int((summary["repeat_orders"] > 0).sum())
    thrice = int((summary["orders"] >= 3).sum())
    newest = summary["days_since_last_order"].min() if customers else None
    wait = float(newest) if isinstance(newest, int | float) else float("inf")
    rows = [
        ("fit a purchase model", "customers", customers, _LEAST_CUSTOMERS, True),
        ("fit a purchase model", "days of history", history, _LEAST_HISTORY_DAYS, True),
        ("fit a purchase model", "customers with a second order", repeats, 1, True),
        ("fit a spend model", "customers with a paid order", int((summary["orders_with_value"] > 0).sum()), 2, True),
        ("trust the predictions", "customers", customers, 500, True),
        ("trust the predictions", "days of history", history, 180, True),
        ("trust the predictions", "customers with 3 orders", thrice, 50, True),
        ("trust the predictions", "days since the newest order", wait, 30, False),
        (
            f"judge churn over {churn_days} days",
            "days of history",
            history,
            churn_days + max(churn_days // 2, 30),
            True,
        ),
        (f"judge value over {clv_days} days", "days of history", history, clv_days + max(clv_days // 2, 30), True),
        ("see a full season", "days of history", history, 2 * 365, True),
    ]
    return tuple(
        Capability(name, measure, float(seen), float(need), seen >= need if at_least else seen <= need)
        for name, measure, seen, need, at_least in rows
    )


def require_trainable(summary: pl.DataFrame, as_of: datetime) -> tuple[str, ...]:
    """Refuse a history that no purchase model can be fitted to; warn of one that is thin.

    Parameters
    ----------
    summary : polars.DataFrame
        One row per customer, as from `features.summary.purchase_summary`.
    as_of : datetime
        The cutoff that `summary` was made at.

    Returns
    -------
    tuple of str
        Limits to be stated in the model card, one sentence each.

    Raises
    ------
    WindowError
        If nobody bought before `as_of`.
    FitError
        If the history is too thin to fit; all reasons at once.
    """
    if summary.is_empty():
        msg = f"Nobody bought before as_of {as_of}. Remedy: a later as_of, or check the source and its mapping."
        raise WindowError(msg)
    found = capabilities(summary, as_of, clv_days=365, churn_days=90)
    short = [item for item in found if item.name == "fit a purchase model" and not item.holds]
    if short:
        raise FitError(
            "The history is too thin to fit a purchase model: "
            + "; ".join(f"{item.measure} {item.observed:,.0f}, needed {item.needed:,.0f}" for item in short)
            + ". Remedy: read a longer history or more customers; until then rank customers by their last order."
        )
    thin = [item for item in found if item.name == "trust the predictions" and not item.holds]
    limits = tuple(f"{item.measure}: {item.observed:,.0f}, advised {item.needed:,.0f}" for item in thin)
    if limits:
        warnings.warn(
            f"The history is thin ({'; '.join(limits)}): treat single predictions with care.",
            SmallSampleWarning,
            stacklevel=2,
        )
    return limits


def _history_days(summary: pl.DataFrame, as_of: datetime) -> int:
    first, last = summary["first_purchase_date"].min(), summary["last_purchase_date"].max()
    if not isinstance(first, date) or first == last:
        return 0
    return (first_unseen_day(as_of) - first).days
