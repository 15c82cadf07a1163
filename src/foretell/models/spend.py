"""Quantiles of the spend that a customer will realise in a horizon.

Given m orders in the horizon and x_v past ones of mean value z, the posterior of the gamma-gamma's rate is
nu ~ Gamma(p x_v + q, rate V), V = v + x_v z, and the spend S is Gamma(p m, nu). Hence S / V is beta-prime and

    P(S <= s) = P(X = 0) + sum over m >= 1 of P(X = m) I_t(p m, p x_v + q),      t = s / (s + V),

with I the regularised incomplete beta function (the compound of Fader, Hardie 2013, "The gamma-gamma model of monetary
value", eq. 1a, with the law of the number of orders X). The law of S / V depends on the order history and x_v only, so
customers share rows whatever they spent.

The root in u = ln(S / V) is found on a lattice whose step depends on the row alone, never on its neighbours: the
distribution function is exact on the lattice and cubic in between, within 1e-5 of probability of the exact one.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import betainc, betaincinv, betaln, expit, polygamma

from foretell.models.compress import compress
from foretell.models.estimator import keyed
from foretell.models.gamma_gamma import GammaGamma
from foretell.models.gamma_gamma_kernel import GammaGammaParameters
from foretell.models.gamma_gamma_state import PooledMean
from foretell.models.history import HISTORY, read_history

Vector = NDArray[np.float64]

_READER = "spend_quantiles"
_FIRST_MOST = 16
_LAST_MOST = 2**17
_TAIL = 1e-6
_CELLS_PER_CHUNK = 2_000_000
_STEPS_PER_DEVIATION = 2.5
_SMALLEST_STEP = 0.004
_NEWTON_STEPS = 12
# Lattices of so many orders are kept from one part of a shop to the next: 40 MB at most.
_MOST_KEPT = 128


class PurchaseModel(Protocol):
    """What is asked of a fitted purchase model, such as `MBGCNBD` or `ParetoNBD`."""

    def expected_orders(self, summary: pl.DataFrame, horizon_days: float) -> pl.DataFrame:
        """Expected orders within a horizon, column ``expected_orders``."""
        ...

    def p_order(self, summary: pl.DataFrame, horizon_days: float) -> pl.DataFrame:
        """Probability of an order within a horizon, column ``p_order``."""
        ...

    def order_count_law(self, summary: pl.DataFrame, horizon_days: float, max_orders: int) -> pl.DataFrame:
        """P(X >= 1), ..., P(X >= max_orders) as an array column ``p_at_least``."""
        ...


def spend_quantiles(
    purchase_model: PurchaseModel,
    gamma_gamma: GammaGamma,
    summary: pl.DataFrame,
    *,
    horizon_days: float,
    probabilities: Sequence[float] = (0.1, 0.9),
) -> pl.DataFrame:
    """Quantiles of the spend that each customer will realise within a horizon.

    Parameters
    ----------
    purchase_model : PurchaseModel
        Fitted.
    gamma_gamma : GammaGamma
        Fitted. Where it fell back to the pooled mean, every order is worth that mean and only their number varies.
    summary : polars.DataFrame
        As for both models, with ``customer_id``.
    horizon_days : float
        > 0, counted from the end of ``days_observed``.
    probabilities : sequence of float
        Each in (0, 1).

    Returns
    -------
    polars.DataFrame
        ``customer_id`` and one column per probability, ``spend_q10``, ``spend_q90``, in the currency unit, in the row
        order given. 0 where no order is at least as probable as that.

    Raises
    ------
    NotFitted, ColumnMismatch, DataError
        As the models.
    ValueError
        If a probability is not in (0, 1) or the horizon is not a positive number.

    Notes
    -----
    Formula and accuracy in the head of this module. The uncertainty of the fitted parameters is not included.
    """
    if not probabilities or not all(0 < probability < 1 for probability in probabilities):
        message = "probabilities must lie between 0 and 1"
        raise ValueError(message)
    x_v, z = gamma_gamma.values(summary)
    histories = read_history(summary, reader=_READER)
    params = gamma_gamma.params_
    if isinstance(params, PooledMean):
        x_v, scale = np.zeros_like(x_v), np.full_like(z, params.mean)
    else:
        scale = params.v + x_v * z
    rows = compress({"history": histories.inverse.astype(np.float64), "x_v": x_v})
    which = rows.columns["history"].astype(np.intp)
    frame = pl.DataFrame({"customer_id": which, **{name: histories.columns[name][which] for name in HISTORY}})
    standard = _standard_quantiles(
        purchase_model, params, frame, rows.columns["x_v"], horizon=horizon_days, probabilities=probabilities
    )
    columns = {
        f"spend_q{100 * probability:g}": scale * standard[rows.inverse, number]
        for number, probability in enumerate(probabilities)
    }
    return keyed(summary, columns, reader=_READER)


def _standard_quantiles(
    model: PurchaseModel,
    params: GammaGammaParameters | PooledMean,
    frame: pl.DataFrame,
    x_v: Vector,
    *,
    horizon: float,
    probabilities: Sequence[float],
) -> NDArray[np.float64]:
    """Quantiles of S / V, or of the number of orders with a pooled mean; shape (rows, probabilities)."""
    result = np.zeros((frame.height, len(probabilities)))
    expected = model.expected_orders(frame, horizon)["expected_orders"].to_numpy()
    none = 1.0 - model.p_order(frame, horizon)["p_order"].to_numpy()
    largest = max(probabilities)
    open_ = np.flatnonzero(none + _TAIL < largest)
    open_ = open_[np.argsort(x_v[open_], kind="stable")]
    most = _FIRST_MOST
    while open_.size:
        last = most >= _LAST_MOST
        tried = open_ if last else open_[expected[open_] < most]
        too_short = [open_[:0]] if last else [open_[expected[open_] >= most]]
        size = max(1, _CELLS_PER_CHUNK // most)
        for first in range(0, tried.size, size):
            part = tried[first : first + size]
            law = model.order_count_law(frame[part], horizon, most)["p_at_least"].to_numpy()
            reached = (law[:, -1] <= _TAIL) | last
            too_short.append(part[~reached])
            _fill(result, part[reached], law[reached], x_v=x_v, params=params, probabilities=probabilities)
        open_ = np.concatenate(too_short)
        open_ = open_[np.argsort(x_v[open_], kind="stable")]
        most *= 2
    return result


def _fill(
    result: NDArray[np.float64],
    rows: NDArray[np.intp],
    law: NDArray[np.float64],
    *,
    x_v: Vector,
    params: GammaGammaParameters | PooledMean,
    probabilities: Sequence[float],
) -> None:
    """Write the quantiles of some rows, sorted by x_v, into the result."""
    for number, probability in enumerate(probabilities):
        some = np.flatnonzero(1.0 - law[:, 0] + _TAIL < probability)
        if isinstance(params, PooledMean):
            result[rows[some], number] = (1.0 - law[some] < probability).sum(axis=1)
            continue
        edges = np.flatnonzero(np.diff(x_v[rows[some]], prepend=-1.0, append=-1.0))
        for start, end in pairwise(edges):
            group = some[start:end]
            count = float(x_v[rows[group[0]]])
            result[rows[group], number] = _spend_over_scale(law[group], params, count, probability)


def _spend_over_scale(law: NDArray[np.float64], params: GammaGammaParameters, x_v: float, probability: float) -> Vector:
    """Quantile of S / V for rows that share x_v; P(X = 0) < probability in each."""
    m = np.arange(1, law.shape[1] + 1, dtype=np.float64)
    shapes, posterior = params.p * m, params.p * x_v + params.q
    mass = law.copy()
    mass[:, :-1] -= law[:, 1:]
    np.maximum(mass, 0.0, out=mass)
    none = 1.0 - law[:, 0]
    deviation = math.sqrt(float(polygamma(1, shapes[-1])) + float(polygamma(1, posterior)))
    step = max(deviation / _STEPS_PER_DEVIATION, _SMALLEST_STEP)
    low, high = _bracket(law, none, shapes, posterior, probability)
    first, last = math.floor(low / step) - 1, math.ceil(high / step) + 1
    u = step * np.arange(first, last + 1)
    chances = _kept_chances if law.shape[1] <= _MOST_KEPT else _Chances
    table = chances(params.p, posterior, law.shape[1], step).between(first, last)
    reached = none[:, None] + mass @ table
    cell = np.clip((reached <= probability).sum(axis=1) - 1, 0, u.size - 2)
    log_density = -shapes[:, None] * np.logaddexp(0.0, -u) - posterior * np.logaddexp(0.0, u)
    density = np.exp(log_density - betaln(shapes, posterior)[:, None])
    below, above = (none + (mass * table.T[at]).sum(axis=1) for at in (cell, cell + 1))
    rise = np.maximum(above - below, 0.0)
    # Slopes beyond three times the secant would let the cubic turn back (Fritsch, Carlson 1980).
    slope_below, slope_above = (
        np.minimum(step * (mass * density.T[at]).sum(axis=1), 3.0 * rise) for at in (cell, cell + 1)
    )
    wanted = np.clip(probability - below, 0.0, rise)
    inside = _solved(slope_below, slope_above, rise, wanted)
    return np.asarray(np.exp(u[cell] + step * inside), dtype=np.float64)


def _solved(slope_below: Vector, slope_above: Vector, rise: Vector, wanted: Vector) -> Vector:
    """Where in [0, 1] the rising cubic with these slopes at its ends, and this rise, has got as far as wanted.

    Newton steps, and a halving where one would leave the bracket; their number is the same for all rows, so that no
    row depends on those beside it.
    """
    square, cube = 3.0 * rise - 2.0 * slope_below - slope_above, slope_below + slope_above - 2.0 * rise
    left, right = np.zeros_like(rise), np.ones_like(rise)
    # Where nothing rises, any place is right: the upper end.
    s = np.divide(wanted, rise, out=np.ones_like(rise), where=rise > 0)
    for _ in range(_NEWTON_STEPS):
        missing = ((cube * s + square) * s + slope_below) * s - wanted
        slope = (3.0 * cube * s + 2.0 * square) * s + slope_below
        np.copyto(left, s, where=missing < 0)
        np.copyto(right, s, where=missing >= 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            s = s - missing / slope
        halved = ~((s >= left) & (s <= right))
        np.copyto(s, 0.5 * (left + right), where=halved)
    return s


class _Chances:
    """I_t(p m, posterior) for m = 1 .. most on a lattice of u = ln(t / (1 - t)), which grows as places are asked for.

    Customers of all parts of a shop share it, and it is what costs most here.
    """

    def __init__(self, p: float, posterior: float, most: int, step: float) -> None:
        self._shapes = p * np.arange(1, most + 1, dtype=np.float64)[:, None]
        self._posterior, self._step = posterior, step
        self._first = 0
        self._table = np.empty((most, 0))

    def between(self, first: int, last: int) -> NDArray[np.float64]:
        """Return the columns of places first to last on the lattice; shape (most, last - first + 1)."""
        end = self._first + self._table.shape[1]
        if self._first == end:
            self._first, self._table = first, self._at(first, last + 1)
        else:
            parts = [self._table]
            if first < self._first:
                parts.insert(0, self._at(first, self._first))
            if last >= end:
                parts.append(self._at(end, last + 1))
            if len(parts) > 1:
                self._first, self._table = min(first, self._first), np.concatenate(parts, axis=1)
        here = slice(first - self._first, last + 1 - self._first)
        return np.ascontiguousarray(self._table[:, here])

    def _at(self, first: int, end: int) -> NDArray[np.float64]:
        u = self._step * np.arange(first, end)
        return np.asarray(betainc(self._shapes, self._posterior, expit(u)), dtype=np.float64)


_kept_chances = lru_cache(maxsize=256)(_Chances)


def _bracket(
    law: NDArray[np.float64], none: Vector, shapes: Vector, posterior: float, probability: float
) -> tuple[float, float]:
    """Values of u = ln(S / V) that lie below and above the quantile of every row.

    P(S <= s) <= P(X < m) + I(m): with P(X < m) at most half-way from P(X = 0) to the probability, the s at which
    I(m) is the other half is too low. P(S <= s) >= P(X <= m) I(m) gives the upper end alike.
    """
    at_most = 1.0 - law
    fewest = (at_most <= ((none + probability) / 2.0)[:, None]).sum(axis=1)
    half = (probability - none) / 2.0
    middle = (1.0 + probability) / 2.0
    largest = 1 + (at_most[:, 1:] < middle).sum(axis=1)
    t_low = float(betaincinv(shapes[fewest.min() - 1], posterior, half.min()))
    rest_high = float(betaincinv(posterior, shapes[largest.max() - 1], 1.0 - probability / middle))
    tiny = np.finfo(np.float64).tiny
    low = math.log(max(t_low, tiny)) - math.log1p(-t_low)
    return low, math.log1p(-rest_high) - math.log(max(rest_high, tiny))
