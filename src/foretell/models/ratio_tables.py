"""Quantile tables of a ratio by group: learnt from a sample, read between knots.

Within a group the law of the ratio moves with a covariate. The tables hold its quantiles over one grid of
probabilities at a few knots of the covariate, and are linear between knots and between grid points. Each row has a
dispersion of its own: a table is that of its knot's dispersion, and is stretched about 1 to that of who reads it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from foretell.models.objectives import Matrix, Vector
from foretell.models.state import damaged, is_finite

GRID = np.round(np.concatenate([[0.0, 0.01], np.linspace(0.025, 0.975, 39), [0.99, 1.0]]), 3)

_ROWS_PER_KNOT = 100
_MOST_KNOTS = 6
_POOLED = 30.0
_DECIMALS = 9
_CHUNK = 4096
_NODES = 7


@dataclass(frozen=True)
class GroupTables:
    """Quantiles of the ratio in one group.

    Parameters
    ----------
    size : float
        Effective number of observations behind the tables.
    knots : tuple of float
        Ascending values of the covariate.
    quantiles : tuple of tuple of float
        For each knot the quantiles, ascending, over `GRID`.
    dispersions : tuple of float
        For each knot the dispersion that its quantiles are of, > 0.
    """

    size: float
    knots: tuple[float, ...]
    quantiles: tuple[tuple[float, ...], ...]
    dispersions: tuple[float, ...]

    @classmethod
    def from_dict(cls, state: object, *, model: str) -> Self:
        """Rebuild the tables of a group from plain values.

        Parameters
        ----------
        state : object
            As from `dataclasses.asdict`, possibly through JSON.
        model : str
            Whose state it is, for the message.

        Returns
        -------
        GroupTables

        Raises
        ------
        BundleError
            If a field is absent, or knots or quantiles are none, not finite or not ascending.
        """
        if not isinstance(state, Mapping) or set(state) != {"size", "knots", "quantiles", "dispersions"}:
            raise damaged(model, "groups")
        size, knots, tables, widths = (state[name] for name in ("size", "knots", "quantiles", "dispersions"))
        if not is_finite(size) or size < 0:
            raise damaged(model, "groups.size")
        if not _ascending(knots) or len(set(knots)) != len(knots):
            raise damaged(model, "groups.knots")
        if not isinstance(tables, list | tuple) or len(tables) != len(knots):
            raise damaged(model, "groups.quantiles")
        if not all(_ascending(table) and len(table) == GRID.size for table in tables):
            raise damaged(model, "groups.quantiles")
        if not isinstance(widths, list | tuple) or len(widths) != len(knots):
            raise damaged(model, "groups.dispersions")
        if not all(is_finite(width) and width > 0 for width in widths):
            raise damaged(model, "groups.dispersions")
        quantiles = tuple(tuple(map(float, table)) for table in tables)
        return cls(float(size), tuple(map(float, knots)), quantiles, tuple(map(float, widths)))


@dataclass(frozen=True, eq=False)
class Sample:
    """Observed ratios.

    Parameters
    ----------
    ratio, at, weights, dispersion : ndarray of shape (rows,)
        The ratio, its covariate, how much the row counts, > 0, and how far its ratio may stray, > 0.
    """

    ratio: Vector
    at: Vector
    weights: Vector
    dispersion: Vector

    def part(self, chosen: npt.NDArray[Any]) -> "Sample":
        """Return the chosen rows.

        Parameters
        ----------
        chosen : ndarray
            Mask or positions.

        Returns
        -------
        Sample
        """
        return Sample(self.ratio[chosen], self.at[chosen], self.weights[chosen], self.dispersion[chosen])

    def size(self) -> float:
        """Return the effective number of rows, (Σw)² / Σw² (Kish 1965).

        Returns
        -------
        float
        """
        return float(self.weights.sum() ** 2 / (self.weights**2).sum()) if self.weights.size else 0.0


def learn(sample: Sample, group: npt.NDArray[np.intp], groups: int, *, factor_sd: float = 0.0) -> list[GroupTables]:
    """Learn the tables of each group, pooled toward all observations.

    Parameters
    ----------
    sample : Sample
        At least one row.
    group : ndarray of int, shape (rows,)
        Number of each row's group, from 0.
    groups : int
        How many groups there are.
    factor_sd : float
        The ratio is widened by a lognormal factor with this standard deviation of its logarithm.

    Returns
    -------
    list of GroupTables
        A group has a knot for each 100 effective rows, at least one and at most 6, at the middles of as many equal
        parts of its covariate. A knot's table, learnt from n effective rows, is averaged with that of its group, and a
        group's with that of all rows, in proportion n : 30.
    """
    width = float(np.median(sample.dispersion))
    every = _Table(_quantiles(sample, width, factor_sd), width)
    return [_learn_group(sample.part(group == number), every, factor_sd) for number in range(groups)]


def stretched(ratio: Vector, factor: Vector | float) -> Vector:
    """Return ratios at another dispersion.

    Parameters
    ----------
    ratio : ndarray
    factor : ndarray or float
        Dispersion wanted over that of the ratio, > 0.

    Returns
    -------
    ndarray
        1 + factor · (ratio − 1), which never passes below 0; what is at or below 0 (free orders, refunds) stays.
    """
    moved = np.where(np.equal(factor, 1.0), ratio, 1 + (ratio - 1) * factor)
    return np.where(ratio <= 0, ratio, np.maximum(moved, 0.0))


@dataclass(frozen=True, eq=False)
class _Table:
    """Quantiles over `GRID`, at a dispersion."""

    quantiles: Vector
    width: float

    def at(self, width: float) -> Vector:
        return stretched(self.quantiles, width / self.width)


def _learn_group(sample: Sample, every: _Table, factor_sd: float) -> GroupTables:
    size = sample.size()
    middle = _pooled(sample, every, factor_sd)
    order = np.argsort(sample.at, kind="stable")
    share = np.cumsum(sample.weights[order]) / max(float(sample.weights.sum()), np.finfo(np.float64).tiny)
    knots: dict[float, _Table] = {}
    count = int(np.clip(size // _ROWS_PER_KNOT, 1, _MOST_KNOTS))
    for number in range(count):
        # Rows of one covariate value may fill several parts: the first of them holds the knot.
        rows = order[(share > number / count) & (share <= (number + 1) / count + 1e-12)]
        if rows.size:
            part = sample.part(rows)
            at = round(float(np.median(part.at)), _DECIMALS)
            knots.setdefault(at, _pooled(part, middle, factor_sd) if count > 1 else middle)
    if not knots:
        knots[0.0] = middle
    tables = tuple(tuple(np.round(table.quantiles, _DECIMALS).tolist()) for table in knots.values())
    return GroupTables(round(size, _DECIMALS), tuple(knots), tables, tuple(table.width for table in knots.values()))


def _pooled(sample: Sample, parent: _Table, factor_sd: float) -> _Table:
    size = sample.size()
    if not size:
        return parent
    width = round(float(np.median(sample.dispersion)), _DECIMALS)
    own = _quantiles(sample, width, factor_sd)
    return _Table(np.asarray((size * own + _POOLED * parent.at(width)) / (size + _POOLED), dtype=np.float64), width)


def _quantiles(sample: Sample, width: float, factor_sd: float) -> Vector:
    """Quantiles over the grid, at a dispersion: the i-th smallest of n is the i / (n + 1) quantile."""
    size = sample.size()
    ratio, weights, factor = sample.ratio, sample.weights, width / sample.dispersion
    if factor_sd:
        nodes, shares = np.polynomial.hermite_e.hermegauss(_NODES)
        ratio = np.outer(ratio, np.exp(factor_sd * nodes)).ravel()
        weights, factor = np.outer(weights, shares).ravel(), np.repeat(factor, _NODES)
    ratio = stretched(ratio, factor)
    order = np.argsort(ratio, kind="stable")
    reached = np.cumsum(weights[order]) / weights.sum() * (size / (size + 1))
    return np.asarray(np.interp(GRID, reached, ratio[order]), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Place:
    """Where customers stand among the tables: each a share of the way from table ``left`` to table ``right``.

    Parameters
    ----------
    tables : ndarray of shape (tables, grid)
    left, right : ndarray of int, shape (rows,)
    share : ndarray of shape (rows,)
        Within [0, 1].
    factor : ndarray of shape (rows,)
        Dispersion of the customer over that of the tables there, > 0.
    """

    tables: Matrix
    left: npt.NDArray[np.intp]
    right: npt.NDArray[np.intp]
    share: Vector
    factor: Vector

    @classmethod
    def of(cls, groups: Sequence[GroupTables], group: npt.NDArray[np.intp], at: Vector, dispersion: Vector) -> "Place":
        """Find the tables of customers.

        Parameters
        ----------
        groups : sequence of GroupTables
        group : ndarray of int, shape (rows,)
            Number of each customer's group.
        at : ndarray of shape (rows,)
            Covariate; beyond the outer knots their tables hold.
        dispersion : ndarray of shape (rows,)
            How far each customer's ratio may stray, > 0.

        Returns
        -------
        Place
        """
        left, right = np.zeros(at.size, np.intp), np.zeros(at.size, np.intp)
        share = np.zeros(at.size)
        first = 0
        for number, spread in enumerate(groups):
            rows = np.flatnonzero(group == number)
            last = len(spread.knots) - 1
            position = np.interp(at[rows], spread.knots, np.arange(last + 1.0))
            below = np.minimum(position.astype(np.intp), max(last - 1, 0))
            left[rows], right[rows] = first + below, first + np.minimum(below + 1, last)
            share[rows] = position - below
            first += last + 1
        tables = np.asarray([table for spread in groups for table in spread.quantiles])
        widths = np.asarray([width for spread in groups for width in spread.dispersions])
        return cls(tables, left, right, share, dispersion / (widths[left] + share * (widths[right] - widths[left])))

    def ratio(self, level: Vector) -> Vector:
        """Quantiles of the ratio.

        Parameters
        ----------
        level : ndarray of shape (rows,)
            Each customer's own probability; beyond [0, 1] counts as its ends.

        Returns
        -------
        ndarray of shape (rows,)
        """
        position = np.interp(level, GRID, np.arange(GRID.size, dtype=np.float64))
        column = np.minimum(position.astype(np.intp), GRID.size - 2)
        part = position - column
        low, high = (self._between(column + step) for step in (0, 1))
        return stretched(np.asarray(low + part * (high - low), dtype=np.float64), self.factor)

    def probabilities(self, ratio: Vector) -> tuple[Vector, Vector]:
        """Probability of less than, and of at most, a ratio.

        Parameters
        ----------
        ratio : ndarray of shape (rows,)

        Returns
        -------
        below, at : ndarray of shape (rows,)
        """
        below, at = np.empty(ratio.size), np.empty(ratio.size)
        # Which ratio of the tables a positive ratio was stretched from; all that ends at zero lies up to `nothing`.
        source = np.where(self.factor == 1.0, ratio, 1 + (ratio - 1) / self.factor)
        source = np.where(ratio > 0, np.maximum(source, 0.0), ratio)
        nothing = np.where(ratio == 0, np.maximum(1 - 1 / self.factor, 0.0), source)
        # A ratio that tables cannot reach lies above those at zero, which stay where they are.
        passed = (ratio > 0) & (source == 0)
        for start in range(0, ratio.size, _CHUNK):
            rows = slice(start, start + _CHUNK)
            share = self.share[rows, None]
            tables = (1 - share) * self.tables[self.left[rows]] + share * self.tables[self.right[rows]]
            low, high = source[rows, None], nothing[rows, None]
            at[rows] = _inverse(tables, high, (tables <= high).sum(axis=1))
            below[rows] = np.where(passed[rows], at[rows], _inverse(tables, low, (tables < low).sum(axis=1)))
        return below, at

    def _between(self, column: npt.NDArray[np.intp]) -> Vector:
        left, right = self.tables[self.left, column], self.tables[self.right, column]
        return np.asarray(left + self.share * (right - left), dtype=np.float64)


def _inverse(tables: Matrix, asked: Matrix, passed: npt.NDArray[np.intp]) -> Vector:
    """Probability at a value that lies above ``passed`` entries of its table."""
    rows, cell = np.arange(len(tables)), np.clip(passed - 1, 0, GRID.size - 2)
    low, high = tables[rows, cell], tables[rows, cell + 1]
    part = np.clip((asked[:, 0] - low) / np.where(high > low, high - low, 1.0), 0.0, 1.0)
    inside = GRID[cell] + np.where(high > low, part, 0.0) * (GRID[cell + 1] - GRID[cell])
    return np.where(passed == 0, 0.0, np.where(passed == GRID.size, 1.0, inside))


def _ascending(values: object) -> bool:
    return (
        isinstance(values, list | tuple)
        and bool(values)
        and all(is_finite(value) for value in values)
        and bool((np.diff(values) >= 0).all())
    )
