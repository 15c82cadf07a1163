"""Sums and order statistics of values that count several times, to the last bit those of the values written out."""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Counts = NDArray[np.int64]

_LOW_BITS = np.int64((1 << 27) - 1)
_COUNT_BITS = 26
_MANTISSA_BITS, _HALF_BITS = 53, 27
_AT_ONCE = 2**15
_WRITTEN_OUT = 4


def exact_sum(values: Vector, counts: Counts) -> float:
    """Return the sum of values, each as often as it counts, rounded once.

    Parameters
    ----------
    values : ndarray of float64, shape (rows,)
        Finite.
    counts : ndarray of int64, shape (rows,)
        >= 0, below 2⁵².

    Returns
    -------
    float
        As `math.fsum` of the values written out: the same for any grouping and order.

    Notes
    -----
    Each value is cut into halves of 26 and 27 bits, and each count likewise, so that their products are exact (Dekker
    1971, "A floating-point technique for extending the available precision").
    """
    values = np.ascontiguousarray(values, dtype=np.float64)
    if (counts == 1).all():
        return float(_exact(values))
    high = (values.view(np.int64) & ~_LOW_BITS).view(np.float64)
    many = (counts >> _COUNT_BITS) << _COUNT_BITS
    return float(sum(_exact(half * count) for half in (high, values - high) for count in (counts - many, many)))


def exact_parts(values: Vector) -> tuple[float, float]:
    """Return two floats whose sum is that of the values, before it is rounded.

    Parameters
    ----------
    values : ndarray of float64
        Finite multiples of one step, such that the sum of their sizes is below 2¹⁰⁶ steps.

    Returns
    -------
    float, float
        The sum rounded, and what rounding took: `math.fsum` of the parts of any groups is that of all values.
    """
    exact = _exact(values)
    whole = float(exact)
    return whole, float(exact - Fraction(whole))


def _exact(values: Vector) -> Fraction:
    """The sum itself: halves of the digits of values of one size are added up as whole numbers below 2⁵³."""
    total = Fraction(0)
    for start in range(0, values.size, _AT_ONCE):
        digits, exponent = np.frexp(values[start : start + _AT_ONCE])
        digits *= 2.0**_MANTISSA_BITS
        high = np.rint(digits * 2.0**-_HALF_BITS)
        low = digits - high * 2.0**_HALF_BITS
        least = int(exponent.min())
        exponent -= least
        sums = [np.bincount(exponent, half).tolist() for half in (high, low)]
        steps = sum(
            ((int(upper) << _HALF_BITS) + int(lower)) << place
            for place, (upper, lower) in enumerate(zip(*sums, strict=True))
        )
        total += steps * Fraction(2) ** (least - _MANTISSA_BITS)
    return total


def order_statistics(values: Vector, counts: Counts, places: NDArray[np.int64]) -> Vector:
    """Return values by their place in the sorted sample in which each stands as often as it counts.

    Parameters
    ----------
    values : ndarray of float64, shape (rows,)
        Without NaN, in any order.
    counts : ndarray of int64, shape (rows,)
        >= 0, in all at least 1.
    places : ndarray of int64
        From 0 to the sum of the counts less 1.

    Returns
    -------
    ndarray of the shape of `places`
    """
    found: Vector
    if (counts == 1).all():
        found = np.partition(values, np.atleast_1d(places))[places]
        return found
    if int(counts.sum()) <= _WRITTEN_OUT * values.size:
        # Writing them out is quicker than sorting them beside their counts.
        written = np.repeat(values, counts)
        found = np.partition(written, np.atleast_1d(places))[places]
        return found
    order = np.argsort(values, kind="stable")
    found = values[order][np.searchsorted(np.cumsum(counts[order]), places, side="right")]
    return found


def median(values: Vector, counts: Counts) -> float:
    """Return the median of values, each as often as it counts.

    Parameters
    ----------
    values : ndarray of float64, shape (rows,)
        Without NaN.
    counts : ndarray of int64, shape (rows,)
        >= 0, in all at least 1.

    Returns
    -------
    float
        As `numpy.median` of the values written out.
    """
    size = int(counts.sum())
    low, high = order_statistics(values, counts, np.array([(size - 1) // 2, size // 2]))
    return float((low + high) / 2)
