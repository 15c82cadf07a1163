"""Metrics of the next-order date, among customers who did buy."""

import numpy as np
import numpy.typing as npt

from foretell.evaluation.vectors import FloatArray, inner, outcome_pair, ratio, row_weights

NEAR_DAYS = 7


def median_abs_error(actual: npt.ArrayLike, predicted: npt.ArrayLike, *, weights: npt.ArrayLike | None = None) -> float:
    """Median of |predicted − actual|, in days.

    Parameters
    ----------
    actual, predicted : array-like of shape (buyers,)
        Days from the cutoff to the next order, of customers who bought.
    weights : array-like of shape (buyers,), optional
        How often each row counts; the median is that of the rows so repeated.

    Returns
    -------
    float
        Not negative. NaN without buyers.

    Raises
    ------
    ValueError
        If lengths differ, or a value is NaN or infinite.

    References
    ----------
    Hyndman, Koehler (2006), "Another look at measures of forecast accuracy" (MdAE).
    """
    y, z = outcome_pair(actual, predicted)
    w = row_weights(weights, y.size)
    error = np.abs(z - y)
    order = np.argsort(error, kind="stable")
    return weighted_median(error[order], w[order])


def within_7_days(actual: npt.ArrayLike, predicted: npt.ArrayLike, *, weights: npt.ArrayLike | None = None) -> float:
    """Share of buyers whose predicted day is at most seven days off.

    Parameters
    ----------
    actual, predicted : array-like of shape (buyers,)
        Days from the cutoff to the next order, of customers who bought.
    weights : array-like of shape (buyers,), optional
        How often each row counts.

    Returns
    -------
    float
        Within [0, 1]. NaN without buyers.

    Raises
    ------
    ValueError
        If lengths differ, or a value is NaN or infinite.

    References
    ----------
    foretell's own: a week is the span over which a campaign is timed.
    """
    y, z = outcome_pair(actual, predicted)
    w = row_weights(weights, y.size)
    return ratio(inner(w, (np.abs(z - y) <= NEAR_DAYS).astype(np.float64)), float(w.sum()))


def weighted_median(ascending: FloatArray, weights: FloatArray) -> float:
    """Median of sorted values that count as often as their weights say.

    Parameters
    ----------
    ascending, weights : ndarray of shape (rows,)

    Returns
    -------
    float
        The mean of the two middle values where the middle falls between them; NaN if all weights are 0.
    """
    reached = np.cumsum(weights)
    if not (reached.size and float(reached[-1]) > 0.0):
        return float("nan")
    half = 0.5 * float(reached[-1])
    lower = int(np.searchsorted(reached, half, side="left"))
    upper = int(np.searchsorted(reached, half, side="right"))
    return 0.5 * float(ascending[lower] + ascending[upper])
