"""Many metrics of many predictions of one outcome at once, ready for many sets of weights.

A panel sorts once; a resample then costs a few passes over the rows, and what depends on the outcome alone is
computed once for all predictions. The numbers are those of the functions of the same names in `ranking`,
`amounts`, `probabilities`, `timing`, `concordance` and `intervals`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

from foretell.evaluation.amounts import DECILES, mean_relative_gap
from foretell.evaluation.concordance import PairTree
from foretell.evaluation.gains import TieGroups, amounts_between, centred_ranks, equal_shares
from foretell.evaluation.probabilities import (
    CALIBRATION_BINS,
    area_from_ranks,
    log_losses,
    precision_over_recall,
)
from foretell.evaluation.timing import NEAR_DAYS, weighted_median
from foretell.evaluation.vectors import FloatArray, IntArray, inner, ratio, weighted_sums

NAN = float("nan")
AMOUNT_METRICS: tuple[str, ...] = ("gini", "spearman", "rmse", "mae", "wape", "bias")
MONEY_METRICS: tuple[str, ...] = ("decile_mape", "top10_capture")


class Panel(Protocol):
    """Metrics of several predictions of the same customers."""

    @property
    def names(self) -> tuple[str, ...]:
        """What the metrics are called."""

    def __call__(self, weights: FloatArray) -> FloatArray:
        """Return the metrics for many sets of row weights.

        Parameters
        ----------
        weights : ndarray of shape (times, rows)

        Returns
        -------
        ndarray of shape (times, predictions, names)
        """


@dataclass(frozen=True, eq=False)
class _Ranked:
    """A prediction: its tie groups, and the columns whose weighted sums are needed."""

    groups: TieGroups
    columns: FloatArray

    @classmethod
    def of(cls, predicted: FloatArray, *columns: FloatArray) -> Self:
        return cls(TieGroups.by(predicted), np.stack(columns))


@dataclass(frozen=True, eq=False)
class _AmountDraw:
    """What one set of weights makes of the outcome, whatever the prediction."""

    weights: FloatArray
    customers: float
    held: FloatArray
    total: float
    size: float
    weighted_rank: FloatArray
    spread: float
    best: float


class AmountPanel:
    """Order and level of predicted amounts.

    Parameters
    ----------
    actual : ndarray of float64, shape (rows,)
        What happened, finite.
    predictions : sequence of ndarray of float64, each of shape (rows,)
        Finite.
    money : bool
        Whether to add ``decile_mape`` and ``top10_capture``, which speak of money.
    """

    def __init__(self, actual: FloatArray, predictions: Sequence[FloatArray], *, money: bool) -> None:
        self.names = (*AMOUNT_METRICS, *MONEY_METRICS) if money else AMOUNT_METRICS
        self._money = money
        self._actual = actual
        self._by_actual = TieGroups.by(actual)
        self._size_of_actual = np.abs(actual)
        self._ranked = [_Ranked.of(z, (z - actual) ** 2, np.abs(z - actual), z) for z in predictions]

    def __call__(self, weights: FloatArray) -> FloatArray:
        """Return the metrics, shape (times, predictions, names), for weights of shape (times, rows)."""
        draws = [self._draw(row) for row in weights]
        return _by_time([[self._judge(ranked, draw) for draw in draws] for ranked in self._ranked], self.names)

    def _draw(self, weights: FloatArray) -> _AmountDraw:
        held = weights * self._actual
        at_actual = self._by_actual.total(weights)
        rank = centred_ranks(np.cumsum(at_actual), at_actual)
        return _AmountDraw(
            weights=weights,
            customers=float(weights.sum()),
            held=held,
            total=float(held.sum()),
            size=inner(weights, self._size_of_actual),
            weighted_rank=weights * rank[self._by_actual.of_row],
            spread=inner(at_actual * rank, rank),
            best=inner(at_actual * rank, self._by_actual.values),
        )

    def _judge(self, ranked: _Ranked, draw: _AmountDraw) -> tuple[float, ...]:
        squared, absolute, predicted = weighted_sums(ranked.columns, draw.weights)
        weight = ranked.groups.total(draw.weights)
        reached = np.cumsum(weight)
        rank = centred_ranks(reached, weight)
        of_row = rank[ranked.groups.of_row]
        spread = inner(weight * rank, rank)
        scores = (
            ratio(inner(draw.held, of_row), draw.best) if draw.total > 0.0 else NAN,
            ratio(inner(draw.weighted_rank, of_row), float(np.sqrt(spread * draw.spread))),
            float(np.sqrt(ratio(squared, draw.customers))),
            ratio(absolute, draw.customers),
            ratio(absolute, draw.size),
            ratio(predicted, draw.total) - 1.0,
        )
        if not self._money:
            return scores
        if not draw.customers > 0.0:
            return (*scores, NAN, NAN)
        edges = equal_shares(DECILES)
        held = amounts_between(edges, reached, weight, ranked.groups.total(draw.held))
        foreseen = amounts_between(edges, reached, weight, weight * ranked.groups.values)
        return (*scores, mean_relative_gap(foreseen, held), ratio(float(held[-1]), draw.total))


class EventPanel:
    """Separation and calibration of predicted probabilities.

    Parameters
    ----------
    actual : ndarray of float64, shape (rows,)
        1 where the event happened, else 0.
    predictions : sequence of ndarray of float64, each of shape (rows,)
        Within [0, 1].
    """

    names: tuple[str, ...] = ("auc", "average_precision", "log_loss", "brier", "ece", "bias")

    def __init__(self, actual: FloatArray, predictions: Sequence[FloatArray]) -> None:
        self._actual = actual
        self._ranked = [_Ranked.of(p, log_losses(actual, p), (p - actual) ** 2, p) for p in predictions]

    def __call__(self, weights: FloatArray) -> FloatArray:
        """Return the metrics, shape (times, predictions, names), for weights of shape (times, rows)."""
        happened = weights * self._actual
        draws = list(zip(weights, happened, strict=True))
        return _by_time([[_judge_events(ranked, *draw) for draw in draws] for ranked in self._ranked], self.names)


def _judge_events(ranked: _Ranked, weights: FloatArray, happened: FloatArray) -> tuple[float, ...]:
    loss, squared, predicted = weighted_sums(ranked.columns, weights)
    weight, hits = ranked.groups.total(weights), ranked.groups.total(happened)
    customers, events = float(weights.sum()), float(happened.sum())
    reached = np.cumsum(weight)
    gap = NAN
    if customers > 0.0:
        excess = weight * ranked.groups.values - hits
        gaps = amounts_between(equal_shares(CALIBRATION_BINS), reached, weight, excess)
        gap = float(np.abs(gaps).sum()) / customers
    return (
        area_from_ranks(centred_ranks(reached, weight), hits, customers),
        precision_over_recall(reached, weight, hits),
        ratio(loss, customers),
        ratio(squared, customers),
        gap,
        ratio(predicted, events) - 1.0,
    )


class IntervalPanel:
    """Coverage and width of intervals.

    Parameters
    ----------
    actual : ndarray of float64, shape (rows,)
        What happened; any number where it does not count.
    intervals : sequence of (low, high), each an ndarray of float64 of shape (rows,)
        Finite, low <= high.
    among : ndarray of float64, shape (rows,)
        1 for rows that count, else 0.
    """

    names: tuple[str, ...] = ("coverage", "interval_width")

    def __init__(
        self, actual: FloatArray, intervals: Sequence[tuple[FloatArray, FloatArray]], *, among: FloatArray
    ) -> None:
        self._columns = [
            np.stack([among, among * ((low <= actual) & (actual <= high)), among * (high - low)])
            for low, high in intervals
        ]

    def __call__(self, weights: FloatArray) -> FloatArray:
        """Return the metrics, shape (times, predictions, names), for weights of shape (times, rows)."""
        return _by_time([[_judge_interval(columns, row) for row in weights] for columns in self._columns], self.names)


def _judge_interval(columns: FloatArray, weights: FloatArray) -> tuple[float, ...]:
    rows, inside, width = weighted_sums(columns, weights)
    return ratio(inside, rows), ratio(width, rows)


class DatePanel:
    """Errors of predicted days to the next order, among those who bought.

    Parameters
    ----------
    days : ndarray of float64, shape (rows,)
        Days to the purchase; any number where none was seen.
    bought : ndarray of float64, shape (rows,)
        1 where a purchase was seen, else 0.
    predictions : sequence of ndarray of float64, each of shape (rows,)
        Days to the purchase, finite where one was seen.
    """

    names: tuple[str, ...] = ("median_abs_error_days", "within_7_days")

    def __init__(self, days: FloatArray, bought: FloatArray, predictions: Sequence[FloatArray]) -> None:
        buyers = np.flatnonzero(bought)
        self._sorted: list[tuple[IntArray, FloatArray]] = []
        for z in predictions:
            error = np.abs(z[buyers] - days[buyers])
            order = np.argsort(error, kind="stable")
            self._sorted.append((buyers[order], error[order]))

    def __call__(self, weights: FloatArray) -> FloatArray:
        """Return the metrics, shape (times, predictions, names), for weights of shape (times, rows)."""
        return _by_time([[_judge_dates(*errors, row) for row in weights] for errors in self._sorted], self.names)


def _judge_dates(buyers: IntArray, ascending: FloatArray, weights: FloatArray) -> tuple[float, ...]:
    of_buyer = weights[buyers]
    near = int(np.searchsorted(ascending, NEAR_DAYS, side="right"))
    return weighted_median(ascending, of_buyer), ratio(float(of_buyer[:near].sum()), float(of_buyer.sum()))


class OrderingPanel:
    """Concordance of orderings in time, with censoring.

    Parameters
    ----------
    days, bought : ndarray of shape (rows,)
        As ``days`` and ``observed`` of `concordance.PairTree`.
    orderings : sequence of ndarray of float64, each of shape (rows,)
        Larger for customers who are expected to buy later; infinity comes last.
    name : str
        What the metric is called.
    """

    def __init__(
        self,
        days: FloatArray,
        bought: FloatArray,
        orderings: Sequence[FloatArray],
        *,
        name: str = "concordance",
    ) -> None:
        self.names = (name,)
        self._trees = [PairTree(days, bought, values) for values in orderings]

    def __call__(self, weights: FloatArray) -> FloatArray:
        """Return the metrics, shape (times, predictions, names), for weights of shape (times, rows)."""
        counted = [(row, self._trees[0].pairs(row)) for row in weights] if self._trees else []
        return _by_time([[(tree(row, pairs),) for row, pairs in counted] for tree in self._trees], self.names)


def _by_time(scores: list[list[tuple[float, ...]]], names: tuple[str, ...]) -> FloatArray:
    by_prediction = np.array(scores, dtype=np.float64).reshape(len(scores), -1, len(names))
    return np.ascontiguousarray(by_prediction.swapaxes(0, 1))
