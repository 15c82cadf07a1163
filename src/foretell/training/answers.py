"""Rows that each answer's correction is learnt from: offset at the window's own level, outcome, folds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from foretell.models.encoding import Encoding
from foretell.scoring.base import horizon, order_values, tree_inputs
from foretell.scoring.refine import event_offset
from foretell.tables.buckets import bucket_of
from foretell.training.cross_fit import STOPPERS, Rows, folds_for
from foretell.training.past import View, Window, log_hazard_ratio, log_ratio

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

AGE_WEIGHT = 0.75
"""A window counts so much of the next newer one."""

CAP_QUANTILE = 0.99
"""Spend is capped at this quantile of the buyers' before trees are fitted to it."""

_NUMBERS = 1_000_000

NOT_INPUTS = frozenset(
    {"as_of_days_to_year_end", "as_of_year_sin", "as_of_year_cos", "first_order_month", "last_order_month"}
)
"""Features that name the date: trees would learn which window a row is of, and with it the window's level."""


@dataclass(frozen=True, eq=False)
class Answers:
    """Turns windows into rows for one purchase model.

    Parameters
    ----------
    family : str
        Name of the purchase model in the views.
    inputs_days : int
        Horizon of the models' answers among the trees' inputs.
    encoding : Encoding
        Of the inputs.
    most_rows : int
        Rows per answer; customers of older windows are thinned by hash to keep to it.
    """

    family: str
    inputs_days: int
    encoding: Encoding
    most_rows: int
    _matrices: dict[datetime, Matrix] = field(default_factory=dict)

    @classmethod
    def of(cls, view: View, family: str, inputs_days: int, most_rows: int) -> "Answers":
        """Learn the encoding from a view.

        Parameters
        ----------
        view : View
            Any of the windows'.
        family, inputs_days, most_rows
            As for the class.

        Returns
        -------
        Answers
        """
        inputs = _inputs(view, family, inputs_days)
        names = [name for name in inputs.columns if name != "customer_id" and name not in NOT_INPUTS]
        return cls(family, inputs_days, Encoding.learn(inputs, names), most_rows)

    def rows(self, windows: Sequence[Window], answer: str) -> tuple[tuple[Rows, NDArray[np.bool_]], ...]:
        """Return the rows of an answer, window by window.

        Parameters
        ----------
        windows : sequence of Window
            The newest first.
        answer : str
            ``orders``, ``spend``, or an event.

        Returns
        -------
        tuple of (Rows, mask)
            Per window its rows, and which of the view's customers they are.
        """
        sizes = [len(window.orders) for window in windows]
        share = min(1.0, self.most_rows / max(sum(sizes), 1))
        folds = folds_for(int(min(sum(sizes), self.most_rows)))
        return tuple(
            self._window_rows(window, answer, folds, AGE_WEIGHT**place, share) for place, window in enumerate(windows)
        )

    def _window_rows(
        self, window: Window, answer: str, folds: int, weight: float, share: float
    ) -> tuple[Rows, NDArray[np.bool_]]:
        ids = window.view.known.summary["customer_id"]
        mask = np.ones(len(ids), dtype=bool)
        if share < 1:
            mask = bucket_of(ids, 1_000_000, salt="thin") < share * 1_000_000
        actual, offset = self.target(window, answer)
        matrix = self.matrix(window.view)[mask]
        count = int(mask.sum())
        kept = ids.filter(mask)
        rows = Rows(
            matrix,
            actual[mask],
            offset[mask],
            np.full(count, weight),
            bucket_of(kept, folds, salt="fold"),
            bucket_of(kept, STOPPERS, salt="stop"),
            # Two customers in one of so many buckets are taken for one: rare, and harmless to a standard error.
            bucket_of(kept, _NUMBERS, salt="number"),
        )
        return rows, mask

    def matrix(self, view: View) -> Matrix:
        """Return the trees' inputs of a view.

        Parameters
        ----------
        view : View
            A past cutoff.

        Returns
        -------
        ndarray of shape (customers, inputs)
        """
        if view.cutoff not in self._matrices:
            self._matrices[view.cutoff] = self.encoding.to_matrix(_inputs(view, self.family, self.inputs_days))
        return self._matrices[view.cutoff]

    def target(self, window: Window, answer: str) -> tuple[Vector, Vector]:
        """Return what happened, and the purchase model's answer at the window's own level.

        Parameters
        ----------
        window : Window
            A past window.
        answer : str
            ``orders``, ``spend``, or an event.

        Returns
        -------
        tuple of ndarray of shape (customers,)
            Outcome, and offset on the link scale. Spend is capped, and in units of the cap.
        """
        expected = horizon(window.view.models[self.family], window.view.known.summary, window.days)
        if answer == "orders":
            return window.orders, expected.log_orders() + log_ratio(window.orders, expected.orders)
        if answer == "spend":
            spend, log_spend = capped_spend(window), self.log_spend(window)
            return spend, log_spend + log_ratio(spend, np.exp(log_spend))
        return window.bought, event_offset(expected, log_hazard_ratio(window, self.family))

    def log_spend(self, window: Window) -> Vector:
        """Return the log of the spend that the models expect in a window, in units of the cap.

        Parameters
        ----------
        window : Window
            With money.

        Returns
        -------
        ndarray of shape (customers,)
        """
        view = window.view
        if view.spend_model is None:
            return np.zeros(len(window.spend))
        value = order_values(view.spend_model, view.known.summary) / cap_of(window)
        expected = horizon(view.models[self.family], view.known.summary, window.days)
        return expected.log_orders() + np.log(np.maximum(value, 1e-9))


def cap_of(window: Window) -> float:
    """Return the amount at which a window's spend is capped: a high quantile of the buyers' spend.

    Parameters
    ----------
    window : Window
        With money.

    Returns
    -------
    float
        Currency units, > 0.
    """
    paid = window.spend[window.spend > 0]
    return float(np.quantile(paid, CAP_QUANTILE)) if paid.size else 1.0


def capped_spend(window: Window) -> Vector:
    """Return the window's spend in units of its cap, within [0, 1].

    Parameters
    ----------
    window : Window
        With money.

    Returns
    -------
    ndarray of shape (customers,)
    """
    return np.clip(window.spend / cap_of(window), 0.0, 1.0)


def _inputs(view: View, family: str, days: int) -> pl.DataFrame:
    known = view.known
    features = known.summary.select("customer_id") if known.features is None else known.features
    return tree_inputs(known.summary, features, view.models[family], view.spend_model, days)
