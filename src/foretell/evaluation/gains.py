"""Tie groups along a ranking: the ranks they share, and the parts of the customers they fall into.

Customers with one and the same prediction are one group: nothing in the data says which of them comes first.
They share their mean rank, and a cut through a group takes from all its members in proportion. That is the
mean over all orders of the members, so that no result depends on the order of rows.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np

from foretell.evaluation.vectors import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class TieGroups:
    """Rows grouped by equal value, groups from the lowest value to the highest.

    Attributes
    ----------
    values : ndarray of float64, shape (groups,)
        The distinct values, ascending.
    of_row : ndarray of intp, shape (rows,)
        Group of each row.
    """

    values: FloatArray
    of_row: IntArray

    @classmethod
    def by(cls, values: FloatArray) -> Self:
        """Group rows by value.

        Parameters
        ----------
        values : ndarray of float64, shape (rows,)
            Without NaN; infinities are allowed.

        Returns
        -------
        TieGroups
        """
        distinct, inverse = np.unique(values, return_inverse=True)
        return cls(values=distinct, of_row=np.ascontiguousarray(inverse, dtype=np.intp))

    def total(self, per_row: FloatArray) -> FloatArray:
        """Sum a quantity of the rows within each group.

        Parameters
        ----------
        per_row : ndarray of float64, shape (rows,)

        Returns
        -------
        ndarray of float64, shape (groups,)
        """
        sums = np.bincount(self.of_row, weights=per_row, minlength=self.values.size)
        return np.asarray(sums, dtype=np.float64)


def centred_ranks(reached: FloatArray, weight: FloatArray) -> FloatArray:
    """Mean rank of each group's members, less the mean rank of all.

    Parameters
    ----------
    reached : ndarray of shape (groups,)
        Running sum of `weight`.
    weight : ndarray of shape (groups,)
        Rows in each group, groups in ascending order.

    Returns
    -------
    ndarray of shape (groups,)
        Their mean over the rows is 0; a single group has the rank 0.
    """
    half_of_all = 0.5 * float(reached[-1]) if reached.size else 0.0
    return reached - 0.5 * weight - half_of_all


def amounts_between(shares: FloatArray, reached: FloatArray, weight: FloatArray, amount: FloatArray) -> FloatArray:
    """Amount held by the customers between neighbouring shares of the ranking.

    Parameters
    ----------
    shares : ndarray of shape (points,)
        Shares of the customers from the lowest ranked on, ascending, within [0, 1].
    reached : ndarray of shape (groups,)
        Running sum of `weight`; its last value must be positive.
    weight, amount : ndarray of shape (groups,)
        Customers and amount of each group, groups in ascending order of rank.

    Returns
    -------
    ndarray of shape (points - 1,)
    """
    at = shares * reached[-1]
    # A share of 1 is reached within the last group that holds anybody.
    group = np.minimum(np.searchsorted(reached, at, side="left"), reached.size - 1)
    below = reached[group] - weight[group]
    size = np.where(weight[group] > 0.0, weight[group], 1.0)
    part = amount[group] * np.clip((at - below) / size, 0.0, 1.0)
    whole = [float(amount[start:stop].sum()) for start, stop in pairwise(group)]
    return np.asarray(np.array(whole) + np.diff(part), dtype=np.float64)


def equal_shares(bins: int) -> FloatArray:
    """Return the edges of equal parts: 0, 1/bins, …, 1.

    Parameters
    ----------
    bins : int
        At least 1.

    Returns
    -------
    ndarray of float64, shape (bins + 1,)
    """
    return np.arange(bins + 1) / bins
