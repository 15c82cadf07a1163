"""What a backtest judges: the targets, what then happened, and the panels that compare the two."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from foretell.errors import HorizonNotObserved
from foretell.evaluation.panels import (
    AmountPanel,
    DatePanel,
    EventPanel,
    IntervalPanel,
    OrderingPanel,
    Panel,
)
from foretell.evaluation.predictions import Predictions
from foretell.evaluation.vectors import FloatArray
from foretell.labels.outcomes import outcomes
from foretell.tables.dataset import CustomerData
from foretell.windows import Horizons


@dataclass(frozen=True)
class Target:
    """One question that recipes answer and time decides.

    Attributes
    ----------
    name : str
        As in the backtest's tables.
    column : str
        What a recipe must predict to be judged.
    days : int
        Length of the label window.
    kind : str
        ``amount``, ``money``, ``event`` or ``date``: which panels judge it.
    """

    name: str
    column: str
    days: int
    kind: str


def targets(horizons: Horizons) -> tuple[Target, ...]:
    """Return the targets in the order of the backtest's tables.

    Parameters
    ----------
    horizons : Horizons
        The short-term purchase is named by its horizon, as in ``order_30d``.

    Returns
    -------
    tuple of Target
    """
    return (
        Target("orders", "predicted_orders", horizons.clv_days, "amount"),
        Target("clv", "predicted_clv", horizons.clv_days, "money"),
        Target("churn", "churn_risk", horizons.churn_days, "event"),
        Target(f"order_{horizons.order_days}d", "p_order", horizons.order_days, "event"),
        Target("next_order", "next_order_days", horizons.clv_days, "date"),
    )


@dataclass(frozen=True, eq=False)
class Truth:
    """What happened in one target's window, in the order of the customers.

    Attributes
    ----------
    target : Target
    actual : ndarray of float64, shape (customers,)
        Purchase days, spend in currency units, 1 where the event happened, or days to the next purchase (the
        window's length where there was none).
    bought : ndarray of float64, shape (customers,)
        1 where there was a purchase in the window, else 0.
    paid : ndarray of float64, shape (customers,), or None
        Spend as it was paid, which intervals are of, where `actual` is discounted; None where it is not.
    """

    target: Target
    actual: FloatArray
    bought: FloatArray
    paid: FloatArray | None = None


def observe(
    data: CustomerData, cutoff: datetime, horizons: Horizons, customers: pl.Series
) -> tuple[list[Truth], dict[str, str]]:
    """Look up what each customer did after a cutoff, for each target whose window was observed.

    Parameters
    ----------
    data : CustomerData
        All of the shop's rows.
    cutoff : datetime
        First instant of the windows.
    horizons : Horizons
        Their lengths.
    customers : pl.Series
        String, sorted, unique. One who is not in a window did nothing there.

    Returns
    -------
    list of Truth
        The targets that can be judged.
    dict of str to str
        Name of each other target, and the reason.
    """
    found: list[Truth] = []
    left_out: dict[str, str] = {}
    windows: dict[int, pl.DataFrame | str] = {}
    for target in targets(horizons):
        if target.days not in windows:
            windows[target.days] = _window(data, cutoff, target.days, customers)
        window = windows[target.days]
        if isinstance(window, str):
            left_out[target.name] = window
        elif target.kind == "money" and not data.has_amount:
            left_out[target.name] = "the orders carry no amounts"
        else:
            found.append(_truth(target, window))
    return found, left_out


def _window(data: CustomerData, cutoff: datetime, days: int, customers: pl.Series) -> pl.DataFrame | str:
    try:
        happened = outcomes(data, cutoff, days).collect()
    except HorizonNotObserved as error:
        return str(error)
    return customers.to_frame("customer_id").join(happened, on="customer_id", how="left", maintain_order="left")


def _truth(target: Target, window: pl.DataFrame) -> Truth:
    orders = window["orders_in_window"].fill_null(0).to_numpy().astype(np.float64)
    bought = (orders > 0.0).astype(np.float64)
    if target.kind == "amount":
        actual = orders
    elif target.kind == "money":
        actual = window["spend_in_window"].fill_null(0.0).to_numpy().astype(np.float64)
    elif target.kind == "date":
        actual = window["days_to_next_order"].fill_null(target.days).to_numpy().astype(np.float64)
    else:
        actual = 1.0 - bought if target.column == "churn_risk" else bought
    return Truth(target, actual, bought)


@dataclass(frozen=True, eq=False)
class Judged:
    """A panel over the predictions of some recipes for one target.

    Attributes
    ----------
    target : str
    rungs : tuple of str
        Names of the recipes, in the order of the panel's predictions.
    panel : Panel
    """

    target: str
    rungs: tuple[str, ...]
    panel: Panel


def judges(truth: Truth, predictions: Sequence[Predictions]) -> list[Judged]:
    """Bring what recipes predicted for one target together with what happened.

    Parameters
    ----------
    truth : Truth
        What happened.
    predictions : sequence of Predictions
        Of the same customers in the same order; recipes that do not answer are passed over.

    Returns
    -------
    list of Judged
        Empty if no recipe answers.
    """
    answering = [given for given in predictions if given.answers(truth.target.column)]
    return [
        Judged(truth.target.name, tuple(given.rung for given in able), build(truth, able))
        for needed, build in _PANELS[truth.target.kind]
        if (able := [given for given in answering if given.answers(*needed)])
    ]


def _columns(truth: Truth, predictions: Sequence[Predictions]) -> list[FloatArray]:
    return [given.columns[truth.target.column] for given in predictions]


def _amounts(truth: Truth, predictions: Sequence[Predictions]) -> Panel:
    return AmountPanel(truth.actual, _columns(truth, predictions), money=truth.target.kind == "money")


def _events(truth: Truth, predictions: Sequence[Predictions]) -> Panel:
    return EventPanel(truth.actual, _columns(truth, predictions))


def _dates(truth: Truth, predictions: Sequence[Predictions]) -> Panel:
    # No date means no purchase within the window: the day after it is the nearest such answer.
    days = [np.nan_to_num(z, nan=truth.target.days + 1.0) for z in _columns(truth, predictions)]
    return DatePanel(truth.actual, truth.bought, days)


def _orderings(truth: Truth, predictions: Sequence[Predictions]) -> Panel:
    last = [np.where(np.isnan(z), np.inf, z) for z in _columns(truth, predictions)]
    return OrderingPanel(truth.actual, truth.bought, last)


def _risk_orderings(truth: Truth, predictions: Sequence[Predictions]) -> Panel:
    risks = [given.columns["churn_risk"] for given in predictions]
    return OrderingPanel(truth.actual, truth.bought, risks, name="concordance_by_risk")


def _spend_intervals(truth: Truth, predictions: Sequence[Predictions]) -> Panel:
    pairs = [(given.columns["spend_low"], given.columns["spend_high"]) for given in predictions]
    paid = truth.actual if truth.paid is None else truth.paid
    return IntervalPanel(paid, pairs, among=np.ones_like(paid))


def _date_intervals(truth: Truth, predictions: Sequence[Predictions]) -> Panel:
    after = truth.target.days + 1.0
    names = ("next_order_days_early", "next_order_days_late")
    pairs = [
        (np.nan_to_num(given.columns[names[0]], nan=after), np.nan_to_num(given.columns[names[1]], nan=after))
        for given in predictions
    ]
    return IntervalPanel(truth.actual, pairs, among=truth.bought)


_Build = Callable[[Truth, Sequence[Predictions]], Panel]
_PANELS: Mapping[str, tuple[tuple[tuple[str, ...], _Build], ...]] = {
    "amount": (((), _amounts),),
    "money": (((), _amounts), (("spend_low", "spend_high"), _spend_intervals)),
    "event": (((), _events),),
    "date": (
        ((), _dates),
        ((), _orderings),
        (("churn_risk",), _risk_orderings),
        (("next_order_days_early", "next_order_days_late"), _date_intervals),
    ),
}
