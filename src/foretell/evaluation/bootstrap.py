"""Intervals by resampling customers: one set of resamples, shared by every prediction that is compared."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from foretell.evaluation.panels import Panel
from foretell.evaluation.vectors import FloatArray, IntArray, outcome_pair, same_length, vector

LEVEL = 0.95
BATCH = 16
"""Resamples judged together: each prediction then stays in the processor's cache for all of them."""
MOST_UNDEFINED = 0.05
"""An interval is refused where more than this share of the resamples leaves the metric undefined."""


Metric = Callable[..., float]
"""A metric as ``metric(actual, predicted, weights=...)``."""


@dataclass(frozen=True)
class Estimate:
    """A number with its percentile interval.

    Attributes
    ----------
    value : float
        On the customers as they are.
    low, high : float
        Ends of the bootstrap interval; NaN where there is none.
    """

    value: float
    low: float
    high: float


def customer_weights(customers: int | npt.ArrayLike, *, times: int, seed: int | Sequence[int]) -> Iterator[FloatArray]:
    """Draw customers with replacement and yield how often each row counts.

    All rows of one customer are drawn together, so that rows of different cutoffs stay dependent as they are.

    Parameters
    ----------
    customers : int, or array-like of shape (rows,)
        Number of rows if each is another customer; else the customer of each row, numbered from 0 without
        gaps.
    times : int
        Number of resamples.
    seed : int or sequence of int
        The same seed gives the same resamples.

    Yields
    ------
    ndarray of float64, shape (rows,)
        Whole numbers; over one row per customer they sum to the number of customers.

    References
    ----------
    Efron (1979), "Bootstrap methods"; Field, Welsh (2007), "Bootstrapping clustered data".
    """
    of_row: IntArray | None = None if isinstance(customers, int) else np.asarray(customers, dtype=np.intp)
    count = customers if isinstance(customers, int) else _clusters(of_row)
    rng = np.random.default_rng(seed)
    for _ in range(times):
        drawn = np.bincount(rng.integers(0, count, size=count), minlength=count) if count else np.zeros(0)
        weights = drawn.astype(np.float64)
        yield weights if of_row is None else weights[of_row]


def _clusters(of_row: IntArray | None) -> int:
    return 0 if of_row is None or not of_row.size else int(of_row.max()) + 1


def replicates(
    panels: Sequence[Panel],
    customers: int | npt.ArrayLike,
    *,
    times: int,
    seed: int | Sequence[int],
) -> tuple[FloatArray, ...]:
    """Evaluate all panels on the same resamples of the customers.

    Parameters
    ----------
    panels : sequence of Panel
        All over the same rows in the same order.
    customers : int, or array-like of shape (rows,)
        As in `customer_weights`.
    times, seed
        As in `customer_weights`.

    Returns
    -------
    tuple of ndarray of float64, each of shape (times, predictions, names)
        Row i of every array comes from the same resample, so that differences between predictions are paired.
    """
    draws = customer_weights(customers, times=times if panels else 0, seed=seed)
    rows = customers if isinstance(customers, int) else np.size(customers)
    batches = [[panel(np.empty((0, rows)))] for panel in panels]
    while batch := list(islice(draws, BATCH)):
        weights = np.stack(batch)
        for scores, panel in zip(batches, panels, strict=True):
            scores.append(panel(weights))
    return tuple(np.concatenate(scores) for scores in batches)


def percentile_interval(values: npt.ArrayLike, *, level: float = LEVEL) -> tuple[float, float]:
    """Percentile interval of resampled values.

    Parameters
    ----------
    values : array-like of shape (times,)
        NaN where a resample leaves the metric undefined.
    level : float
        Share of the resamples inside, within (0, 1).

    Returns
    -------
    tuple of float
        Low and high end, from the defined values; NaN both if there are none, or if more than 5 % are
        undefined.

    References
    ----------
    Efron (1981), "Nonparametric standard errors and confidence intervals" (percentile method).
    """
    drawn = np.asarray(values, dtype=np.float64)
    defined = drawn[~np.isnan(drawn)]
    if not defined.size or drawn.size - defined.size > MOST_UNDEFINED * drawn.size:
        return float("nan"), float("nan")
    tail = 0.5 * (1.0 - level)
    low, high = np.quantile(defined, [tail, 1.0 - tail])
    return float(low), float(high)


def interval(
    metric: Metric,
    actual: npt.ArrayLike,
    predicted: npt.ArrayLike,
    *,
    customers: npt.ArrayLike | None = None,
    times: int = 200,
    seed: int = 0,
    level: float = LEVEL,
) -> Estimate:
    """Value of a metric with its bootstrap interval over customers.

    Parameters
    ----------
    metric : callable
        ``metric(actual, predicted, weights=...)``, as those of this package.
    actual, predicted : array-like of shape (rows,)
        The same customers in the same order.
    customers : array-like of int, shape (rows,), optional
        Customer of each row, numbered from 0 without gaps; each row another one if not given.
    times : int
        Number of resamples.
    seed : int
        The same seed gives the same interval.
    level : float
        Share of the resamples inside the interval.

    Returns
    -------
    Estimate

    Raises
    ------
    ValueError
        If lengths differ, or a value is NaN or infinite.

    References
    ----------
    Efron, Tibshirani (1993), "An Introduction to the Bootstrap".
    """
    y, z = outcome_pair(actual, predicted)
    rows = y.size if customers is None else np.asarray(customers, dtype=np.intp)
    drawn = [metric(y, z, weights=weights) for weights in customer_weights(rows, times=times, seed=seed)]
    return Estimate(metric(y, z), *percentile_interval(drawn, level=level))


def paired_difference(
    metric: Metric,
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    *,
    actual: npt.ArrayLike,
    customers: npt.ArrayLike | None = None,
    times: int = 200,
    seed: int = 0,
    level: float = LEVEL,
) -> Estimate:
    """Difference metric(a) − metric(b) of two predictions, with its interval on shared resamples.

    Two predictions of the same customers err together; resampling both at once removes what they share. They
    are not told apart where the interval holds 0.

    Parameters
    ----------
    metric : callable
        ``metric(actual, predicted, weights=...)``, as those of this package.
    a, b : array-like of shape (rows,)
        Two predictions of the same customers in the same order.
    actual : array-like of shape (rows,)
        What happened.
    customers, times, seed, level
        As in `interval`.

    Returns
    -------
    Estimate

    Raises
    ------
    ValueError
        If lengths differ, or a value is NaN or infinite.

    References
    ----------
    Efron, Tibshirani (1993) (resampling of whole units).
    """
    y, first = outcome_pair(actual, a)
    second = vector(b, "b")
    same_length(actual=y, a=first, b=second)
    rows = y.size if customers is None else np.asarray(customers, dtype=np.intp)
    drawn = [
        metric(y, first, weights=weights) - metric(y, second, weights=weights)
        for weights in customer_weights(rows, times=times, seed=seed)
    ]
    return Estimate(metric(y, first) - metric(y, second), *percentile_interval(drawn, level=level))
