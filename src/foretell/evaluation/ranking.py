"""Metrics of order: were the customers ranked right, whatever the level of the numbers?"""

import numpy as np
import numpy.typing as npt

from foretell.evaluation.gains import TieGroups, amounts_between, centred_ranks
from foretell.evaluation.vectors import FloatArray, inner, outcome_pair, ratio, row_weights


def normalised_gini(actual: npt.ArrayLike, predicted: npt.ArrayLike, *, weights: npt.ArrayLike | None = None) -> float:
    """Gini coefficient of the gain curve, as a share of the best one possible.

    Customers are sorted by prediction, highest first; the curve plots the cumulative share of customers (x)
    and of the actual amount (y). Gini = 2 × area − 1 = 2 Σ yᵢ rᵢ / (n Σ yᵢ), with r the centred rank of the
    prediction, ties sharing theirs. The result is Gini(by prediction) / Gini(by actual): 1 for the right
    order, 0 for a constant prediction, below 0 for a wrong order. Row order never matters. (A sum over the
    right ends of the curve, as in some code, adds 1/n to both Ginis.)

    Parameters
    ----------
    actual, predicted : array-like of shape (rows,)
        The same customers in the same order; only the order of `predicted` matters.
    weights : array-like of shape (rows,), optional
        How often each row counts.

    Returns
    -------
    float
        At most 1. NaN if there are no rows, the actual total is not positive, or all actual values are equal.

    Raises
    ------
    ValueError
        If lengths differ, or a value is NaN or infinite.

    References
    ----------
    Wang, Liu, Miao (2019), "A Deep Probabilistic Model for Customer Lifetime Value Prediction",
    arXiv:1912.07753 (Lorenz curve; model Gini over label Gini).
    """
    y, z = outcome_pair(actual, predicted)
    w = row_weights(weights, y.size)
    held = w * y
    if not float(held.sum()) > 0.0:
        return float("nan")
    return ratio(inner(held, _ranks(z, w)), inner(held, _ranks(y, w)))


def spearman(actual: npt.ArrayLike, predicted: npt.ArrayLike, *, weights: npt.ArrayLike | None = None) -> float:
    """Spearman's rank correlation, ties sharing their mean rank.

    Parameters
    ----------
    actual, predicted : array-like of shape (rows,)
        The same customers in the same order.
    weights : array-like of shape (rows,), optional
        How often each row counts; ranks are those of the rows so repeated.

    Returns
    -------
    float
        Within [-1, 1]. NaN if there are no rows, or either side is constant.

    Raises
    ------
    ValueError
        If lengths differ, or a value is NaN or infinite.

    References
    ----------
    Kendall (1945), "The treatment of ties in ranking problems", Biometrika 33 (mid-ranks).
    """
    y, z = outcome_pair(actual, predicted)
    w = row_weights(weights, y.size)
    rank_y, rank_z = _ranks(y, w), _ranks(z, w)
    spread = inner(w * rank_y, rank_y) * inner(w * rank_z, rank_z)
    return ratio(inner(w * rank_y, rank_z), float(np.sqrt(spread)))


def top_capture(
    actual: npt.ArrayLike,
    predicted: npt.ArrayLike,
    *,
    top_share: float = 0.1,
    weights: npt.ArrayLike | None = None,
) -> float:
    """Share of the actual total held by the customers with the highest predictions.

    A tie that crosses the border of the top counts in proportion; a border within a customer counts that
    part.

    Parameters
    ----------
    actual, predicted : array-like of shape (rows,)
        The same customers in the same order.
    top_share : float
        Share of the customers counted as the top, within (0, 1].
    weights : array-like of shape (rows,), optional
        How often each row counts.

    Returns
    -------
    float
        `top_share` for a constant prediction. NaN if there are no rows or the actual total is not positive.

    Raises
    ------
    ValueError
        If lengths differ, a value is NaN or infinite, or `top_share` is outside (0, 1].

    References
    ----------
    Wang, Liu, Miao (2019), arXiv:1912.07753 (one point of the gain curve).
    """
    if not 0.0 < top_share <= 1.0:
        msg = f"top_share must be within (0, 1], got {top_share}"
        raise ValueError(msg)
    y, z = outcome_pair(actual, predicted)
    w = row_weights(weights, y.size)
    groups = TieGroups.by(z)
    weight, amount = groups.total(w), groups.total(w * y)
    total = float(amount.sum())
    if not total > 0.0:
        return float("nan")
    top = amounts_between(np.array([1.0 - top_share, 1.0]), np.cumsum(weight), weight, amount)
    return float(top[0]) / total


def _ranks(values: FloatArray, weights: FloatArray) -> FloatArray:
    groups = TieGroups.by(values)
    weight = groups.total(weights)
    return centred_ranks(np.cumsum(weight), weight)[groups.of_row]
