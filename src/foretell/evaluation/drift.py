"""How far a distribution moved from one it is compared with, and how far chance alone would move it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

_CUTS = 20
_DIGITS = 6
_WRITTEN_OUT = 4


@dataclass(frozen=True)
class Distribution:
    """A sample as counts between cuts: small enough to be kept, exact at the cuts.

    Parameters
    ----------
    edges : tuple of float
        Rising cuts; values lie in (-inf, e1], (e1, e2], …, (ek, inf).
    counts : tuple of int
        Values in each interval, one more than there are edges.
    nulls : int
        Missing values.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    nulls: int = 0

    @classmethod
    def of(cls, values: pl.Series, counts: NDArray[np.int64] | None = None) -> Self:
        """Cut a sample at its own twentieths.

        Parameters
        ----------
        values : polars.Series
            Finite numbers, or null. Equal values share a cut, so that there may be fewer.
        counts : ndarray of int64, shape (values,), optional
            How often each counts, > 0; once if not given.

        Returns
        -------
        Distribution
            Cuts are rounded to six significant digits before anything is counted.
        """
        times = np.ones(values.len(), np.int64) if counts is None else counts
        there = values.is_not_null().to_numpy()
        nulls = int(times[~there].sum())
        numbers, times = values.drop_nulls().cast(pl.Float64).to_numpy(), times[there]
        if not numbers.size:
            return cls((), (0,), nulls)
        if int(times.sum()) <= _WRITTEN_OUT * numbers.size:
            # Writing them out is quicker than sorting them beside their counts.
            numbers = np.sort(np.repeat(numbers, times))
            until = np.arange(1, numbers.size + 1)
        else:
            order = np.argsort(numbers)
            numbers, until = numbers[order], np.cumsum(times[order])
        places = (until[-1] * np.arange(1, _CUTS)) // _CUTS
        cuts = numbers[np.searchsorted(until, places, side="right")]
        edges = tuple(sorted({float(f"{cut:.{_DIGITS}g}") for cut in cuts}))
        below = np.concatenate([[0], until])[np.searchsorted(numbers, edges, side="right")]
        parts = np.diff(np.concatenate([[0], below, until[-1:]]))
        return cls(edges, tuple(int(part) for part in parts), nulls)

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Self:
        """Read what `as_dict` gave.

        Parameters
        ----------
        value : mapping
            Plain values.

        Returns
        -------
        Distribution
            Equal to the one that was written.

        Raises
        ------
        ValueError
            If the values are no distribution.
        """
        edges = tuple(float(edge) for edge in value["edges"])
        counts, nulls = tuple(int(count) for count in value["counts"]), int(value["nulls"])
        rising = all(low < high for low, high in pairwise(edges)) and all(math.isfinite(edge) for edge in edges)
        if not rising or len(counts) != len(edges) + 1 or min(*counts, nulls, 0) < 0:
            msg = "the values are no distribution"
            raise ValueError(msg)
        return cls(edges, counts, nulls)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"edges": list(self.edges), "counts": list(self.counts), "nulls": self.nulls}

    @property
    def size(self) -> int:
        """Values, missing ones included."""
        return sum(self.counts) + self.nulls

    def distance(self, values: pl.Series) -> float:
        """Return how far another sample lies from this one.

        Parameters
        ----------
        values : polars.Series
            Finite numbers, or null.

        Returns
        -------
        float
            The larger of the Kolmogorov-Smirnov distance at the cuts (largest difference of the shares at or below a
            value) and the difference of the shares of missing values; 0 is equal, 1 is apart. 0 where either is empty.
        """
        if not self.size or not values.len():
            return 0.0
        nulls = abs(self.nulls / self.size - values.null_count() / values.len())
        numbers = np.sort(values.drop_nulls().cast(pl.Float64).to_numpy())
        if not numbers.size or not sum(self.counts):
            return nulls
        then = np.cumsum(self.counts[:-1]) / sum(self.counts)
        now = np.searchsorted(numbers, self.edges, side="right") / numbers.size
        return max(nulls, float(np.abs(then - now).max(initial=0.0)))


def chance_distance(first: int, second: int, *, level: float) -> float:
    """Return the Kolmogorov-Smirnov distance that two samples of one distribution exceed with a given probability.

    Parameters
    ----------
    first, second : int
        Sizes of the two samples.
    level : float
        Probability of exceeding it, 0 < level < 1.

    Returns
    -------
    float
        √(−ln(level/2)/2 · (n + m)/(n m)), at most 1; 1 where a sample is empty.

    Notes
    -----
    Smirnov's limit (Press et al., *Numerical Recipes*, 14.3.3), which ties make conservative. Two nightly runs share
    most of their customers, so that chance moves them by less than this.
    """
    if first < 1 or second < 1:
        return 1.0
    return min(1.0, math.sqrt(-math.log(level / 2) / 2 * (first + second) / (first * second)))
