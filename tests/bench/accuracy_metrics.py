"""How good the answers to one case are, as a row of numbers; and the same on resamples of the customers."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from foretell.evaluation.amounts import bias
from foretell.evaluation.bootstrap import replicates
from foretell.evaluation.panels import AmountPanel, DatePanel, EventPanel, IntervalPanel, OrderingPanel
from foretell.evaluation.predictions import Predictions
from foretell.evaluation.vectors import FloatArray

HIGHER_IS_BETTER = {
    "gini": True,
    "spearman": True,
    "auc": True,
    "log_loss": False,
    "ece": False,
    "rmse": False,
    "decile_mape": False,
}
"""The columns in which rows are compared; ``gini``, ``spearman``, ``rmse``, ``decile_mape`` are of spend."""

_SPEND = ("gini", "spearman", "rmse", "decile_mape")
_BUYING = ("auc", "log_loss", "ece")


@dataclass(frozen=True, eq=False)
class Outcome:
    """What the customers of a case did, in the order of ``customer_id``.

    Attributes
    ----------
    orders_before, orders, spend : ndarray of float64, shape (customers,)
        Purchase days before the cutoff; purchase days and spend in the window after it.
    days : ndarray of float64, shape (customers,)
        Days to the first purchase, 1 for the cutoff's own day; the window's length without one.
    """

    orders_before: FloatArray
    orders: FloatArray
    spend: FloatArray
    days: FloatArray

    @classmethod
    def of(cls, frame: pl.DataFrame, window_days: int) -> "Outcome":
        """Take the columns of `accuracy_cases.Case.outcome`."""
        filled = frame.with_columns(pl.col("days").fill_null(window_days))
        return cls(
            *(filled[name].cast(pl.Float64).to_numpy().copy() for name in ("orders_before", "orders", "spend", "days"))
        )

    @property
    def bought(self) -> FloatArray:
        """Return 1 where there was a purchase, else 0."""
        return (self.orders > 0.0).astype(np.float64)


def judge(outcome: Outcome, given: Predictions) -> dict[str, float]:
    """Return every metric that the answers allow."""
    everyone = np.ones((1, outcome.orders.size))
    row: dict[str, float] = {}
    if given.answers("predicted_clv"):
        panel = AmountPanel(outcome.spend, [given.columns["predicted_clv"]], money=True)
        found = dict(zip(panel.names, panel(everyone)[0, 0].tolist(), strict=True))
        row |= {name: found[name] for name in _SPEND} | {"bias_spend": found["bias"]}
    if given.answers("predicted_orders"):
        row["bias_orders"] = bias(outcome.orders, given.columns["predicted_orders"])
    if given.answers("churn_risk"):
        events = EventPanel(outcome.bought, [1.0 - given.columns["churn_risk"]])
        found = dict(zip(events.names, events(everyone)[0, 0].tolist(), strict=True))
        row |= {name: found[name] for name in (*_BUYING, "average_precision")}
    return row


def resampled(outcome: Outcome, given: Predictions, *, times: int, seed: int) -> dict[str, FloatArray]:
    """Return the compared metrics on resamples of the customers; the same seed draws the same ones for any answers.

    Returns
    -------
    dict of str to ndarray of float64, shape (times,)
        One entry for each of `HIGHER_IS_BETTER` that the answers allow.
    """
    panels: list[AmountPanel | EventPanel] = []
    if given.answers("predicted_clv"):
        panels.append(AmountPanel(outcome.spend, [given.columns["predicted_clv"]], money=True))
    if given.answers("churn_risk"):
        panels.append(EventPanel(outcome.bought, [1.0 - given.columns["churn_risk"]]))
    drawn = replicates(panels, outcome.orders.size, times=times, seed=seed)
    return {
        name: values[:, 0, place].copy()
        for panel, values in zip(panels, drawn, strict=True)
        for place, name in enumerate(panel.names)
        if name in (*_SPEND, *_BUYING)
    }


def level_error(outcome: FloatArray) -> float:
    """Return the standard error of a total relative to it: how well the outcome itself is known."""
    return float(np.sqrt(outcome.size * outcome.var()) / outcome.sum())


def judge_dates(outcome: Outcome, given: Predictions, window_days: int) -> dict[str, float]:
    """Return errors of dates among buyers, orderings among all and coverage of early to late.

    A missing date is read as the day after the window, and ranks last.
    """
    everyone = np.ones((1, outcome.days.size))
    row: dict[str, float] = {}
    if given.answers("next_order_days"):
        expected = given.columns["next_order_days"]
        after = np.nan_to_num(expected, nan=window_days + 1.0)
        errors = DatePanel(outcome.days, outcome.bought, [after])(everyone)[0, 0]
        row["median_abs_error_days"], row["within_7_days"] = errors.tolist()
        last = np.where(np.isnan(expected), np.inf, expected)
        row["concordance_by_date"] = float(OrderingPanel(outcome.days, outcome.bought, [last])(everyone).item())
    if given.answers("churn_risk"):
        by_risk = OrderingPanel(outcome.days, outcome.bought, [given.columns["churn_risk"]])
        row["concordance_by_risk"] = float(by_risk(everyone).item())
    if given.answers("next_order_days_early", "next_order_days_late"):
        ends = tuple(
            np.nan_to_num(given.columns[f"next_order_days_{end}"], nan=window_days + 1.0) for end in ("early", "late")
        )
        within = IntervalPanel(outcome.days, [(ends[0], ends[1])], among=outcome.bought)
        row["date_coverage"] = float(within(everyone)[0, 0, 0])
    return row
