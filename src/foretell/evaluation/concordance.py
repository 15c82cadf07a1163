"""Harrell's concordance with censoring, in O(n log n), ready for many sets of weights."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from foretell.evaluation.gains import TieGroups
from foretell.evaluation.vectors import FloatArray, IntArray, inner, ratio, row_weights, same_length, vector


@dataclass(frozen=True, eq=False)
class _Level:
    """Pairs of rows whose places in time first differ at one binary digit.

    ``earlier`` and ``later`` are rows; ``later`` is sorted by block and prediction. For each earlier row,
    ``low`` and ``high`` bound the later rows of its block with the same prediction, ``end`` is where its
    block ends.
    """

    earlier: IntArray
    later: IntArray
    low: IntArray
    high: IntArray
    end: IntArray


class PairTree:
    """Comparable pairs of customers in time, split by binary digits of their place in it.

    Two places differ first at one digit; so each pair belongs to one level, and within a level a sorted
    search counts all pairs at once. Nothing of it depends on weights, so that a resample costs sums only.

    Parameters
    ----------
    days : array-like of shape (rows,)
        Days until the purchase or, where none was seen, until the customer was last watched.
    observed : array-like of bool, shape (rows,)
        Whether the purchase was seen.
    expected : array-like of shape (rows,)
        Any number that should be larger for customers who buy later; infinity is allowed and comes last.

    Raises
    ------
    ValueError
        If lengths differ, `days` is not finite, or `expected` has a NaN.
    """

    def __init__(self, days: npt.ArrayLike, observed: npt.ArrayLike, expected: npt.ArrayLike) -> None:
        t, seen = vector(days, "days"), vector(observed, "observed")
        by_expected = TieGroups.by(_without_nan(expected))
        same_length(days=t, observed=seen, expected=by_expected.of_row.astype(np.float64))
        self.rows = t.size
        bought = seen != 0.0
        self._bought = bought.astype(np.float64)
        self._place = _places(t, bought)
        self._places = int(self._place.max(initial=0)) + 1
        levels = (_level(self._place, bought, by_expected, bit) for bit in range(self._places.bit_length()))
        self._levels = [level for level in levels if level is not None]

    def __call__(self, weights: FloatArray, pairs: float | None = None) -> float:
        """Return the concordance for row weights of shape (rows,); NaN if no pair is comparable.

        Parameters
        ----------
        weights : ndarray of shape (rows,)
            How often each row counts.
        pairs : float, optional
            As from `pairs`, where another ordering of the same rows has counted them.

        Returns
        -------
        float
        """
        counted = self.pairs(weights) if pairs is None else pairs
        return ratio(sum(_concordant(level, weights) for level in self._levels), counted)

    def pairs(self, weights: FloatArray) -> float:
        """Return the number of comparable pairs, whatever the ordering.

        Parameters
        ----------
        weights : ndarray of shape (rows,)
            How often each row counts.

        Returns
        -------
        float
        """
        at_place, bought_at_place = self._at_place(weights), self._at_place(weights * self._bought)
        return inner(bought_at_place, float(at_place.sum()) - np.cumsum(at_place))

    def _at_place(self, per_row: FloatArray) -> FloatArray:
        sums = np.bincount(self._place, weights=per_row, minlength=self._places)
        return np.asarray(sums, dtype=np.float64)


def _without_nan(expected: npt.ArrayLike) -> FloatArray:
    out = np.ascontiguousarray(expected, dtype=np.float64)
    nans = int(np.count_nonzero(np.isnan(out)))
    if out.ndim != 1 or nans:
        msg = f"expected must be one-dimensional without NaN, got shape {out.shape} with {nans} NaN"
        raise ValueError(msg)
    return out


def _places(days: FloatArray, seen: npt.NDArray[np.bool_]) -> IntArray:
    """Number the moments in order; one last watched on a day comes after those who bought on it."""
    rows = days.size
    if not rows:
        return np.zeros(0, dtype=np.intp)
    order = np.lexsort((~seen, days))
    moves = (np.diff(days[order]) != 0.0) | (np.diff(seen[order].astype(np.int8)) != 0)
    place = np.empty(rows, dtype=np.intp)
    place[order] = np.concatenate(([0], np.cumsum(moves)))
    # Most customers are watched to the end of the window. A power of two for their place puts all of their
    # pairs into one level; otherwise they would be counted again at each digit.
    last = int(place.max())
    if last and not seen[order[-1]]:
        place[place == last] = 1 << (last - 1).bit_length()
    return place


def _level(place: IntArray, seen: npt.NDArray[np.bool_], by_expected: TieGroups, bit: int) -> _Level | None:
    upper = (place >> bit) & 1 == 1
    earlier, later = np.flatnonzero(~upper & seen), np.flatnonzero(upper)
    if not (earlier.size and later.size):
        return None
    block = place >> (bit + 1)
    groups = by_expected.values.size
    key = block * groups + by_expected.of_row
    later = later[np.argsort(key[later], kind="stable")]
    sorted_keys, keys = key[later], key[earlier]
    return _Level(
        earlier=earlier,
        later=later,
        low=np.searchsorted(sorted_keys, keys, side="left"),
        high=np.searchsorted(sorted_keys, keys, side="right"),
        end=np.searchsorted(sorted_keys, (block[earlier] + 1) * groups, side="left"),
    )


def _concordant(level: _Level, weights: FloatArray) -> float:
    before = np.concatenate(([0.0], np.cumsum(weights[level.later])))
    agreeing = before[level.end] - 0.5 * (before[level.low] + before[level.high])
    return inner(weights[level.earlier], agreeing)


def concordance(
    days: npt.ArrayLike,
    observed: npt.ArrayLike,
    expected: npt.ArrayLike,
    *,
    weights: npt.ArrayLike | None = None,
) -> float:
    """Share of comparable pairs of customers that are ordered right in time, ties in `expected` one half.

    A pair is comparable if one was seen to buy, and the other bought later or was watched at least as long.
    Two who bought on the same day are not comparable; one who bought on the day the other was last watched
    bought earlier.

    Parameters
    ----------
    days : array-like of shape (rows,)
        Days until the purchase or, where none was seen, until the customer was last watched.
    observed : array-like of bool, shape (rows,)
        Whether the purchase was seen.
    expected : array-like of shape (rows,)
        Any number that should be larger for customers who buy later; infinity is allowed and comes last.
    weights : array-like of shape (rows,), optional
        How often each row counts; copies of one row are not compared with one another.

    Returns
    -------
    float
        Within [0, 1]; 0.5 for a constant. NaN if no pair is comparable.

    Raises
    ------
    ValueError
        If lengths differ, `days` is not finite, or `expected` has a NaN.

    References
    ----------
    Harrell, Lee, Mark (1996), "Multivariable prognostic models", Statistics in Medicine 15.
    """
    tree = PairTree(days, observed, expected)
    return tree(row_weights(weights, tree.rows))
