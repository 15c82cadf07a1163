"""Quantiles of a spend over its scale for customers who share their number of past order values.

With u = ln(S / V), the chance of more is a mixture of few functions of u, one for each law of the number of orders:

    P(U > u) = sum over phases j of weight_j * A_j(u),    A_j(u) = sum over m of P(X = m | j) * I_{1-t}(q', p m),

t = e^u / (1 + e^u), q' = p x_v + q (formula in the head of `foretell.models.spend`). These are tabulated on a lattice
whose step depends on the number of orders and of past values alone; a customer's root is looked up between two places
of the lattice, and found on the cubic that has the exact values and slopes there: within 1e-5 of probability.
"""

import math
import threading
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincinv, betaln, expit, polygamma

from foretell.models.gamma_gamma_kernel import GammaGammaParameters

Vector = NDArray[np.float64]

TAIL = 1e-6
"""So probable may be more orders than a law has terms."""

_STEPS_PER_DEVIATION = 2.5
_SMALLEST_STEP = 0.004
_NEWTON_STEPS = 12
_MOST_ARRIVE = 5
_PLACE = 4
# The logarithm of what taken from 1 leaves 1.
_NOTHING = -40.0
_CELLS_AT_ONCE = 2**15
# Lattices of so many orders are kept from one part of a shop to the next: 40 MB at most.
_MOST_KEPT = 128


@dataclass(frozen=True, eq=False)
class Mixed:
    """Rows as mixtures of laws of the number of orders.

    Attributes
    ----------
    law : ndarray of shape (phases, laws, most)
        P(X >= m) of each law, m = 1 .. most.
    which : ndarray of int, shape (rows,)
        The law of each row.
    weights : ndarray of shape (phases, rows)
        Its weight in each phase.
    """

    law: NDArray[np.float64]
    which: NDArray[np.intp]
    weights: NDArray[np.float64]

    def of(self, rows: NDArray[np.intp]) -> "Mixed":
        """Return some of the rows.

        Parameters
        ----------
        rows : ndarray of int
            Which.

        Returns
        -------
        Mixed
        """
        return Mixed(self.law, self.which[rows], self.weights[:, rows])

    def alone(self) -> "Mixed":
        """Return the same rows, sorted by law, with the laws that they have and no others.

        Returns
        -------
        Mixed
        """
        begins = np.diff(self.which, prepend=-1) != 0
        return Mixed(self.law[:, self.which[begins]], np.cumsum(begins) - 1, self.weights)

    def chance(self, orders: int) -> Vector:
        """P(X >= orders) of each row.

        Parameters
        ----------
        orders : int
            1 to the largest count.

        Returns
        -------
        ndarray of shape (rows,)
        """
        return self.read(self.law[:, :, orders - 1])

    def read(self, table: NDArray[np.float64]) -> Vector:
        """Mix a number of each law.

        Parameters
        ----------
        table : ndarray of shape (phases, laws)

        Returns
        -------
        ndarray of shape (rows,)
        """
        total = self.weights[0] * table[0][self.which]
        for weight, of_phase in zip(self.weights[1:], table[1:], strict=True):
            total += weight * of_phase[self.which]
        return np.asarray(total, dtype=np.float64)

    def orders(self, probability: float) -> Vector:
        """Return the quantile of the number of orders.

        Parameters
        ----------
        probability : float
            In (0, 1).

        Returns
        -------
        ndarray of shape (rows,)
        """
        found = np.zeros(self.which.size)
        for m in range(1, self.law.shape[2] + 1):
            found += 1.0 - self.chance(m) < probability
        return found


def spend_over_scale(mixed: Mixed, params: GammaGammaParameters, x_v: float, probability: float) -> Vector:
    """Quantile of S / V for rows that share x_v.

    Parameters
    ----------
    mixed : Mixed
        Sorted by law, with P(X = 0) < probability in each row.
    params : GammaGammaParameters
    x_v : float
        Past orders of positive value.
    probability : float
        In (0, 1).

    Returns
    -------
    ndarray of shape (rows,)
    """
    mixed = mixed.alone()
    most = mixed.law.shape[2]
    shapes, posterior = params.p * np.arange(1, most + 1, dtype=np.float64), params.p * x_v + params.q
    deviation = math.sqrt(float(polygamma(1, shapes[-1])) + float(polygamma(1, posterior)))
    step = max(deviation / _STEPS_PER_DEVIATION, _SMALLEST_STEP)
    low, high = _bracket(mixed, shapes, posterior, probability)
    first, last = math.floor(low / step) - 1, math.ceil(high / step) + 1
    u = step * np.arange(first, last + 1)
    chances = _kept_chances if most <= _MOST_KEPT else _Chances
    log_density = -shapes[:, None] * np.logaddexp(0.0, -u) - posterior * np.logaddexp(0.0, u)
    density = step * np.exp(log_density - betaln(shapes, posterior)[:, None])
    rest = 1.0 - chances(params.p, posterior, most, step).between(first, last)
    of_orders = np.ascontiguousarray(np.concatenate([rest, density], axis=1).T)
    result = np.empty(mixed.which.size)
    size = max(_CELLS_AT_ONCE // u.size, 1)
    edges = np.searchsorted(mixed.which, np.arange(0, mixed.law.shape[1] + size, size))
    for number, (start, end) in enumerate(pairwise(edges)):
        laws, rows = slice(number * size, (number + 1) * size), slice(start, end)
        part = Mixed(mixed.law[:, laws], mixed.which[rows] - laws.start, mixed.weights[:, rows])
        more, fall = np.split(_tables(part.law, of_orders), 2, axis=1)
        cell, inside = _looked_up(part, more, fall, 1.0 - probability)
        result[rows] = np.exp(u[cell] + step * inside)
    return result


def _tables(law: NDArray[np.float64], of_orders: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of some functions of the number of orders under each law; shape (phases, functions, laws).

    Not by a product of matrices, which gives a law other last bits among others.
    """
    mass = law.copy()
    mass[:, :, :-1] -= law[:, :, 1:]
    np.maximum(mass, 0.0, out=mass)
    return np.stack([np.einsum("cm,lm->cl", of_orders, of_phase) for of_phase in mass])


def _looked_up(
    mixed: Mixed, more: NDArray[np.float64], fall: NDArray[np.float64], left: float
) -> tuple[NDArray[np.intp], Vector]:
    """The place behind which each row's chance of more falls to what is left, and the part of the way to the next."""
    places = more.shape[1]

    def at(table: NDArray[np.float64], place: NDArray[np.intp]) -> Vector:
        total = mixed.weights[0] * table[0][place, mixed.which]
        for weight, of_phase in zip(mixed.weights[1:], table[1:], strict=True):
            total += weight * of_phase[place, mixed.which]
        return np.asarray(total, dtype=np.float64)

    cell = np.zeros(mixed.which.size, np.intp)
    for bit in reversed(range((places - 2).bit_length())):
        tried = np.minimum(cell + (1 << bit), places - 2)
        cell = np.where(at(more, tried) >= left, tried, cell)
    here = at(more, cell)
    rise = np.maximum(here - at(more, cell + 1), 0.0)
    # Slopes beyond three times the secant would let the cubic turn back (Fritsch, Carlson 1980).
    slope_here, slope_next = (np.minimum(at(fall, place), 3.0 * rise) for place in (cell, cell + 1))
    return cell, _solved(slope_here, slope_next, rise, np.clip(here - left, 0.0, rise))


def _solved(slope_below: Vector, slope_above: Vector, rise: Vector, wanted: Vector) -> Vector:
    """Where in [0, 1] the rising cubic with these slopes at its ends, and this rise, has got as far as wanted.

    Newton steps, and a halving where one would leave the bracket; as many for all rows as if nobody arrived before, so
    that no row depends on those beside it.
    """
    square, cube = 3.0 * rise - 2.0 * slope_below - slope_above, slope_below + slope_above - 2.0 * rise
    # Where nothing rises, any place is right: the upper end.
    begin = np.divide(wanted, rise, out=np.ones_like(rise), where=rise > 0)
    state = np.stack([cube, square, slope_below, wanted, begin, np.zeros_like(rise), np.ones_like(rise)])
    moved = _stepped(state, _MOST_ARRIVE)
    result = state[_PLACE]
    # Who does not move any more will not: the others alone go on.
    left = np.compress(moved, state, axis=1)
    _stepped(left, _NEWTON_STEPS - _MOST_ARRIVE)
    result[moved] = left[_PLACE]
    return np.asarray(result, dtype=np.float64)


def _stepped(state: NDArray[np.float64], steps: int) -> NDArray[np.bool_]:
    """Take some steps in place, and say which rows the last of them moved."""
    cube, square, slope_below, wanted, s, left, right = state
    before = s
    for _ in range(steps):
        before = s.copy()
        missing = ((cube * s + square) * s + slope_below) * s - wanted
        slope = (3.0 * cube * s + 2.0 * square) * s + slope_below
        np.copyto(left, s, where=missing < 0)
        np.copyto(right, s, where=missing >= 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            s -= missing / slope
        halved = ~((s >= left) & (s <= right))
        np.copyto(s, 0.5 * (left + right), where=halved)
    return np.asarray(s != before)


class _Chances:
    """I_t(p m, posterior) for m = 1 .. most on a lattice of u = ln(t / (1 - t)), which grows as places are asked for.

    Customers of all parts of a shop share it, on several threads, and it is what costs most here.
    """

    def __init__(self, p: float, posterior: float, most: int, step: float) -> None:
        self._shapes = p * np.arange(1, most + 1, dtype=np.float64)[:, None]
        self._posterior, self._step = posterior, step
        self._first = 0
        self._table = np.empty((most, 0))
        self._growing = threading.Lock()

    def between(self, first: int, last: int) -> NDArray[np.float64]:
        """Return the columns of places first to last on the lattice; shape (most, last - first + 1)."""
        with self._growing:
            self._grow(first, last)
            here = slice(first - self._first, last + 1 - self._first)
            return np.ascontiguousarray(self._table[:, here])

    def _grow(self, first: int, last: int) -> None:
        end = self._first + self._table.shape[1]
        if self._first == end:
            self._first, self._table = first, self._at(first, last + 1)
            return
        parts = [self._table]
        if first < self._first:
            parts.insert(0, self._at(first, self._first))
        if last >= end:
            parts.append(self._at(end, last + 1))
        if len(parts) > 1:
            self._first, self._table = min(first, self._first), np.concatenate(parts, axis=1)

    def _at(self, first: int, end: int) -> NDArray[np.float64]:
        u = self._step * np.arange(first, end)
        t, below, above, both = expit(u), self._shapes, self._posterior, self._shapes + self._posterior
        # Chernoff's bound of the beta law's lower tail: three of four cells are nothing beside 1.
        chance = below * (np.log(both / below) - np.logaddexp(0.0, -u))
        chance += above * (np.log(both / above) - np.logaddexp(0.0, u))
        some = np.nonzero((chance > _NOTHING) | (t * both > below))
        table = np.zeros(chance.shape)
        table[some] = betainc(below[some[0], 0], above, t[some[1]])
        return table


_kept_chances = lru_cache(maxsize=256)(_Chances)


def _bracket(mixed: Mixed, shapes: Vector, posterior: float, probability: float) -> tuple[float, float]:
    """Values of u = ln(S / V) that lie below and above the quantile of every row.

    For any m, P(S <= s) <= P(X < m) + I(m), so that I(m) at the quantile is at least probability - P(X < m); and
    P(S <= s) >= P(X <= m) I(m), so that it is at most probability / P(X <= m).
    """
    lows, highs = [], []
    most = shapes.size
    for m in sorted({2**power for power in range((most - 1).bit_length())} | {most - 1}):
        least = float((probability - 1.0 + mixed.chance(m)).min())
        if least > 0:
            lows.append(_logit(float(betaincinv(shapes[m - 1], posterior, least))))
        share = probability / (1.0 - float(mixed.chance(m + 1).max()))
        if share >= 1 and m == most - 1:
            # The longest law of all is cut, wherever it has got to.
            share = (1.0 + probability) / 2.0
        if share < 1:
            highs.append(-_logit(float(betaincinv(posterior, shapes[m - 1], 1.0 - share))))
    return max(lows), min(highs)


def _logit(t: float) -> float:
    tiny = float(np.finfo(np.float64).tiny)
    return math.log(max(t, tiny)) - math.log1p(-t)
