"""What a history must hold before a model is fitted, and before its numbers can be trusted."""

import warnings
from dataclasses import dataclass
from datetime import datetime

from foretell.errors import FitError, SmallSampleWarning, WindowError
from foretell.models.history import ORDERS
from foretell.models.population import Population

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


def capabilities(customers: Population, *, clv_days: int, churn_days: int) -> tuple[Capability, ...]:
    """Say what a history is long enough for.

    Parameters
    ----------
    customers : Population
        Those with a purchase before a cutoff.
    clv_days, churn_days : int
        Horizons asked for, in days.

    Returns
    -------
    tuple of Capability
        Fitting, trusting and judging, each with observed and needed.
    """
    count, history = customers.customers, customers.history_days
    repeat_orders, weights = customers.histories.columns[ORDERS], customers.histories.weights
    repeats, thrice = (int(weights[repeat_orders >= least].sum()) for least in (1, 2))
    rows = [
        ("fit a purchase model", "customers", count, _LEAST_CUSTOMERS, True),
        ("fit a purchase model", "days of history", history, _LEAST_HISTORY_DAYS, True),
        ("fit a purchase model", "customers with a second order", repeats, 1, True),
        ("fit a spend model", "customers with a paid order", customers.paying, 2, True),
        ("trust the predictions", "customers", count, 500, True),
        ("trust the predictions", "days of history", history, 180, True),
        ("trust the predictions", "customers with 3 orders", thrice, 50, True),
        ("trust the predictions", "days since the newest order", customers.newest_wait_days, 30, False),
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


def require_trainable(customers: Population, as_of: datetime) -> tuple[str, ...]:
    """Refuse a history that no purchase model can be fitted to; warn of one that is thin.

    Parameters
    ----------
    customers : Population
        Those with a purchase before a cutoff.
    as_of : datetime
        The cutoff.

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
    if not customers.customers:
        msg = f"Nobody bought before as_of {as_of}. Remedy: a later as_of, or check the source and its mapping."
        raise WindowError(msg)
    found = capabilities(customers, clv_days=365, churn_days=90)
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
