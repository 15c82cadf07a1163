"""Rows that each answer's correction is learnt from: offset at the window's own level, outcome, folds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from foretell.features.catalogue import OPTIONAL_FAMILIES, family_of
from foretell.models.binned import Binned
from foretell.models.boosting_params import BoostingParams
from foretell.models.encoding import Encoding
from foretell.scoring.base import horizon, order_values, tree_inputs
from foretell.scoring.refine import event_offset
from foretell.tables.buckets import bucket_of
from foretell.training.cross_fit import STOPPERS, Rows, folds_for
from foretell.training.past import View, Window, log_hazard_ratio, log_ratio

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Ints = NDArray[np.int64]

AGE_WEIGHT = 0.75
"""A window counts so much of the next newer one."""

CAP_QUANTILE = 0.99
"""Spend is capped at this quantile of the buyers' before trees are fitted to it."""

MOST_LEVELS_OF_SETS = 12
"""Text columns of at most so many levels are split by sets; of more there are so many sets that one fits by chance."""

_NUMBERS = 1_000_000

NOT_INPUTS = frozenset(
    (
        *("as_of_days_to_year_end", "as_of_year_sin", "as_of_year_cos", "first_order_month", "last_order_month"),
        *("days_to_next_occasion", "next_occasion", "first_touch_campaign", "last_touch_campaign"),
    )
)
"""Features that name the date, as campaigns do: trees would learn which window a row is of, and with it its level."""


def split_by_sets(encoding: Encoding) -> tuple[int, ...]:
    """Return the positions of the columns whose codes trees split by sets and not by their order.

    Parameters
    ----------
    encoding : Encoding
        Of the inputs.

    Returns
    -------
    tuple of int
    """
    names, levels = encoding.features, encoding.levels
    return tuple(place for place in encoding.categorical if len(levels[names[place]]) <= MOST_LEVELS_OF_SETS)


@dataclass(frozen=True, eq=False)
class _Stacked:
    """What the rows of all answers with the same windows share."""

    masks: tuple[NDArray[np.bool_], ...]
    binned: Binned
    sizes: tuple[int, ...]
    fold: Ints
    stopper: Ints
    customer: Ints


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
        Rows per answer; customers are thinned by hash to keep to it.
    params : BoostingParams
        Settings of the trees.
    threads : int
        Threads of LightGBM.
    """

    family: str
    inputs_days: int
    encoding: Encoding
    most_rows: int
    params: BoostingParams
    threads: int
    _stacks: dict[tuple[datetime, ...], _Stacked] = field(default_factory=dict)

    @classmethod
    def of(
        cls, view: View, family: str, inputs_days: int, *, most_rows: int, params: BoostingParams, threads: int
    ) -> "Answers":
        """Learn the encoding from a view.

        Parameters
        ----------
        view : View
            Any of the windows'.
        family, inputs_days, most_rows, params, threads
            As for the class.

        Returns
        -------
        Answers
        """
        number = _number(view.known.summary["customer_id"])
        inputs = _inputs(view, family, inputs_days, number < _share(most_rows, number.size) * _NUMBERS)
        names = [name for name in inputs.columns if name != "customer_id" and name not in NOT_INPUTS]
        # A table may say the same of everybody (no visit yet): such a column costs time and can only add noise.
        names = [name for name in names if family_of(name) not in OPTIONAL_FAMILIES or inputs[name].n_unique() > 1]
        return cls(family, inputs_days, Encoding.learn(inputs, names), most_rows, params, threads)

    def rows(self, windows: Sequence[Window], answer: str) -> Rows | None:
        """Return the rows of an answer.

        Parameters
        ----------
        windows : sequence of Window
            The newest first.
        answer : str
            ``orders``, ``spend``, or an event.

        Returns
        -------
        Rows or None
            None without a window.
        """
        if not windows:
            return None
        stacked = self._stacked(windows)
        both = [self.target(window, answer) for window in windows]
        picked = [(actual[mask], offset[mask]) for (actual, offset), mask in zip(both, stacked.masks, strict=True)]
        return Rows(
            binned=stacked.binned,
            sizes=stacked.sizes,
            actual=np.concatenate([actual for actual, _ in picked]),
            offset=np.concatenate([offset for _, offset in picked]),
            weight=np.concatenate([np.full(size, AGE_WEIGHT**place) for place, size in enumerate(stacked.sizes)]),
            fold=stacked.fold,
            stopper=stacked.stopper,
            customer=stacked.customer,
        )

    def masks(self, windows: Sequence[Window]) -> tuple[NDArray[np.bool_], ...]:
        """Say which customers of each window's view have a row.

        Parameters
        ----------
        windows : sequence of Window
            The newest first; at least one.

        Returns
        -------
        tuple of ndarray of bool
        """
        return self._stacked(windows).masks

    def _stacked(self, windows: Sequence[Window]) -> "_Stacked":
        key = tuple(window.view.cutoff for window in windows)
        if key not in self._stacks:
            self._stacks[key] = self._stack([window.view for window in windows])
        return self._stacks[key]

    def _stack(self, views: Sequence[View]) -> "_Stacked":
        ids = [view.known.summary["customer_id"] for view in views]
        count = sum(len(each) for each in ids)
        share = _share(self.most_rows, count)
        folds = folds_for(min(count, self.most_rows))
        number = [_number(each) for each in ids]
        masks = tuple(each < share * _NUMBERS for each in number)
        kept = pl.concat([each.filter(mask) for each, mask in zip(ids, masks, strict=True)])
        matrix = np.concatenate([self.matrix(view, mask) for view, mask in zip(views, masks, strict=True)])
        return _Stacked(
            masks,
            Binned(matrix, self.params, threads=self.threads, categorical=split_by_sets(self.encoding)),
            tuple(int(mask.sum()) for mask in masks),
            bucket_of(kept, folds, salt="fold"),
            bucket_of(kept, STOPPERS, salt="stop"),
            np.concatenate([each[mask] for each, mask in zip(number, masks, strict=True)]),
        )

    def matrix(self, view: View, mask: NDArray[np.bool_]) -> Matrix:
        """Return the trees' inputs of some customers of a view.

        Parameters
        ----------
        view : View
            A past cutoff.
        mask : ndarray of bool, shape (customers,)
            True for those wanted.

        Returns
        -------
        ndarray of shape (wanted customers, inputs)
        """
        inputs = _inputs(view, self.family, self.inputs_days, mask)
        # An event of the calendar that was announced later is not known to an earlier view.
        absent = [
            name
            for name in self.encoding.features
            if name not in inputs.columns and family_of(name) in OPTIONAL_FAMILIES
        ]
        return self.encoding.to_matrix(
            inputs.with_columns(pl.lit(None, dtype=pl.Float64).alias(name) for name in absent)
        )

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
            # Both sides are capped: one giant must not set the level of everybody's offset.
            return spend, log_spend + log_ratio(spend, np.minimum(np.exp(log_spend), 1.0))
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


def _number(ids: pl.Series) -> Ints:
    """Number customers by hash: two of one number are taken for one, which is rare and harms no standard error."""
    return bucket_of(ids, _NUMBERS, salt="customer")


def _share(most: int, count: int) -> float:
    return min(1.0, most / max(count, 1))


def _inputs(view: View, family: str, days: int, mask: NDArray[np.bool_]) -> pl.DataFrame:
    known = view.known.described(mask)
    features = known.summary.select("customer_id") if known.features is None else known.features
    return tree_inputs(known.summary, features, view.models[family], view.spend_model, days)
