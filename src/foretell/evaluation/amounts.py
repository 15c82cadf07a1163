"""Metrics of level: how far predicted orders or spend are from what happened."""

import numpy as np
import numpy.typing as npt

from foretell.evaluation.gains import TieGroups, amounts_between, equal_shares
from foretell.evaluation.vectors import FloatArray, inner, outcome_pair, ratio, row_weights

DECILES = 10


def rmse(actual: npt.ArrayLike, predicted: npt.ArrayLike, *, weights: npt.ArrayLike | None = None) -> float:
    """Root of the mean squared error: sqrt(Σ(ŷ − y)² / n), in the unit of the amounts.

    Parameters
    ----------
    actual, predicted : array-like of shape (rows,)
        The same customers in the same order.
    weights : array-like of shape (rows,), optional
        How often each row counts.

    Returns
    -------
    float
        Not negative. NaN if there are no rows.

    Raises
    ------
    ValueError
        If lengths differ, or a value is NaN or infinite.

    References
    ----------
    Hyndman, Koehler (2006), "Another look at measures of forecast accuracy".
    """
    y, z = outcome_pair(actual, predicted)
    w = row_weights(weights, y.size)
    return float(np.sqrt(ratio(inner(w, (z - y) ** 2), float(w.sum()))))


def mae(actual: npt.ArrayLike, predicted: npt.ArrayLike, *, weights: npt.ArrayLike | None = None) -> float:
    """Mean absolute error: Σ|ŷ − y| / n, in the unit of the amounts.

    Where most customers do not return, predicting zero for everyone scores well: read it beside RMSE, bias
    and Gini.

    Parameters
    ----------
    actual, predicted : array-like of shape (rows,)
        The same customers in the same order.
    weights : array-like of shape (rows,), optional
        How often each row counts.

    Returns
    -------
    float
        Not negative. NaN if there are no rows.

    Raises
    ------
    ValueError
        If lengths differ, or a value is NaN or infinite.

    References
    ----------
    Hyndman, Koehler (2006).
    """
    y, z = outcome_pair(actual, predicted)
    w = row_weights(weights, y.size)
    return ratio(inner(w, np.abs(z - y)), float(w.sum()))


def wape(actual: npt.ArrayLike, predicted: npt.ArrayLike, *, weights: npt.ArrayLike | None = None) -> float:
    """Absolute error as a share of the actual amount: Σ|ŷ − y| / Σ|y|.

    Parameters
    ----------
    actual, predicted : array-like of shape (rows,)
        The same customers in the same order.
    weights : array-like of shape (rows,), optional
        How often each row counts.

    Returns
    -------
    float
        Not negative; 1 for predicting zero for everyone. NaN if every actual amount is zero, or there are no
        rows.

    Raises
    ------
    ValueError
        If lengths differ, or a value is NaN or infinite.

    References
    ----------
    Kolassa, Schütz (2007), "Advantages of the MAD/MEAN ratio over the MAPE", Foresight 6.
    """
    y, z = outcome_pair(actual, predicted)
    w = row_weights(weights, y.size)
    return ratio(inner(w, np.abs(z - y)), inner(w, np.abs(y)))


def bias(actual: npt.ArrayLike, predicted: npt.ArrayLike, *, weights: npt.ArrayLike | None = None) -> float:
    """Level of the predictions as a whole: Σŷ / Σy − 1.

    Parameters
    ----------
    actual, predicted : array-like of shape (rows,)
        The same customers in the same order; amounts, or events (0 or 1) and their probabilities.
    weights : array-like of shape (rows,), optional
        How often each row counts.

    Returns
    -------
    float
        0 for the right total, +0.1 for 10 % too much. NaN if the actual total is not positive.

    Raises
    ------
    ValueError
        If lengths differ, or a value is NaN or infinite.

    References
    ----------
    Fader, Hardie, Lee (2005), "Counting Your Customers the Easy Way" (tracking of totals).
    """
    y, z = outcome_pair(actual, predicted)
    w = row_weights(weights, y.size)
    return ratio(inner(w, z), inner(w, y)) - 1.0


def decile_mape(actual: npt.ArrayLike, predicted: npt.ArrayLike, *, weights: npt.ArrayLike | None = None) -> float:
    """Mean over the ten prediction deciles of |mean predicted − mean actual| / mean actual.

    Customers are sorted by prediction and cut into ten equal parts; ties that cross a cut are split in
    proportion.

    Parameters
    ----------
    actual, predicted : array-like of shape (rows,)
        The same customers in the same order.
    weights : array-like of shape (rows,), optional
        How often each row counts.

    Returns
    -------
    float
        Not negative. NaN if there are no rows, or in any decile the actual total is not positive (the
        percentage of nothing is undefined; `decile_table` still shows such a decile).

    Raises
    ------
    ValueError
        If lengths differ, or a value is NaN or infinite.

    References
    ----------
    Wang, Liu, Miao (2019), arXiv:1912.07753 (decile charts, decile-level MAPE).
    """
    _, z, y = decile_table(actual, predicted, weights=weights)
    return mean_relative_gap(z, y)


def decile_table(
    actual: npt.ArrayLike, predicted: npt.ArrayLike, *, weights: npt.ArrayLike | None = None
) -> FloatArray:
    """Predicted beside actual amount for each tenth of the customers by prediction.

    Parameters
    ----------
    actual, predicted : array-like of shape (rows,)
        The same customers in the same order.
    weights : array-like of shape (rows,), optional
        How often each row counts.

    Returns
    -------
    ndarray of float64, shape (3, 10)
        Rows: customers (a tenth each, so possibly fractional), mean predicted and mean actual
        per customer. Columns: deciles, lowest predictions first. NaN without rows.

    Raises
    ------
    ValueError
        If lengths differ, or a value is NaN or infinite.

    References
    ----------
    Wang, Liu, Miao (2019), arXiv:1912.07753 (decile charts).
    """
    y, z = outcome_pair(actual, predicted)
    w = row_weights(weights, y.size)
    groups = TieGroups.by(z)
    weight = groups.total(w)
    reached = np.cumsum(weight)
    if not (reached.size and float(reached[-1]) > 0.0):
        return np.full((3, DECILES), np.nan)
    columns = (weight, weight * groups.values, groups.total(w * y))
    sums = [amounts_between(equal_shares(DECILES), reached, weight, column) for column in columns]
    return np.stack([sums[0], sums[1] / sums[0], sums[2] / sums[0]])


def mean_relative_gap(predicted: FloatArray, actual: FloatArray) -> float:
    """Mean of |predicted − actual| / actual; NaN unless every actual value is positive.

    Parameters
    ----------
    predicted, actual : ndarray of shape (parts,)
        Sums or means of the same parts of the customers.

    Returns
    -------
    float
    """
    if not bool(np.all(actual > 0.0)):
        return float("nan")
    return float(np.mean(np.abs(predicted - actual) / actual))
