"""The law of the number of future orders of a (M)BG/CNBD-k: exact for every k and every a > 0.

Given alive, s = phases completed between the last order and T+t. Of these, j < k lie before T with probability
pi_j = c_j / sum c; the s - j after T are negative binomial with shape n+j and u = t/(alpha+T+t). An order
is every k-th phase, and the m-th of them survives the coins with probability g_m, g_1 = 1,
g_{m+1} = g_m (b'+m-1)/(a+b'+m-1). Hence, with G(m) = g_1 + ... + g_m,

    P(X(T,T+t] >= m | alive) = g_m P(s >= k m),        E[X(T,T+t] | alive] = E[G(floor(s/k))].

Every term is positive: nothing cancels, there is no hypergeometric function, and the expectation of FHL
eq. (10) is the special case k = 1 (sources: `foretell.models.cnbd_kernel`).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaln, gammaln

from foretell.models.cnbd_kernel import CNBDParams, History, Vector, p_alive, tosses
from foretell.models.compress import Compressed, compress
from foretell.storage.threads import on_threads

_CHUNK = 8192
_TOLERANCE = 1e-12
_CHECK_EVERY = 8
_UNDERFLOW = -600.0
_TAIL = 10.0
_LONGEST = 20_000.0
_DECADES = 40.0
_TERMS = 2_000
_NODES = 300


def expected_orders(p: CNBDParams, h: History, t: float) -> Vector:
    """E[X(T, T+t] | history].

    Parameters
    ----------
    p : CNBDParams
    h : History
    t : float
        Horizon, >= 0.

    Returns
    -------
    ndarray of shape (rows,)
    """
    if t <= 0 or not h.x.size:
        return np.zeros_like(h.x)
    pairs = _pairs(h)
    by_phase = np.empty((p.k, pairs.distinct))
    x, T = pairs.columns["x"], pairs.columns["T"]

    def of_part(rows: slice) -> None:
        by_phase[:, rows] = _expected_if_alive(p, x[rows], T[rows], t)

    on_threads(of_part, [slice(start, start + _CHUNK) for start in range(0, x.size, _CHUNK)])
    expected = np.zeros_like(h.x)
    for pi, of_phase in zip(_phase_law(p, h), by_phase, strict=True):
        expected += pi * of_phase[pairs.inverse]
    return np.asarray(expected * p_alive(p, h), dtype=np.float64)


def _pairs(h: History) -> Compressed:
    """Distinct x and T: given the phase at T, the future does not depend on t_x, and there are few such pairs."""
    return compress({"x": h.x, "T": h.T})


def new_customer_orders(p: CNBDParams, t: float) -> float:
    """E[X(t)] of a customer at the first order, that order not counted: the history (0, 0, 0).

    Parameters
    ----------
    p : CNBDParams
    t : float
        Days after the first order, >= 0.

    Returns
    -------
    float
        Expected repeat orders.
    """
    zero = np.zeros(1)
    return float(expected_orders(p, History(zero, zero, zero), t)[0])


def p_at_least(p: CNBDParams, h: History, t: float, most: int) -> Vector:
    """P(X(T, T+t] >= m | history) for m = 1 .. most.

    Parameters
    ----------
    p : CNBDParams
    h : History
    t : float
        Horizon, >= 0.
    most : int
        Largest count, >= 1.

    Returns
    -------
    ndarray of shape (rows, most)
        Each row falls from left to right; P(X = 0) is one minus its first entry.
    """
    result = np.zeros((h.x.size, most))
    pairs = _pairs(h)
    law = p_at_least_alive(p, pairs.columns["x"], pairs.columns["T"], t, most)
    for weight, of_phase in zip(phase_weights(p, h), law, strict=True):
        result += weight[:, None] * of_phase[pairs.inverse]
    return result


def p_at_least_alive(p: CNBDParams, x: Vector, T: Vector, t: float, most: int) -> NDArray[np.float64]:
    """P(X(T, T+t] >= m | alive, j phases completed at T) for j = 0 .. k-1 and m = 1 .. most.

    Parameters
    ----------
    p : CNBDParams
    x, T : ndarray of shape (rows,)
        Repeat orders and time observed.
    t : float
        Horizon, >= 0.
    most : int
        Largest count, >= 1.

    Returns
    -------
    ndarray of shape (k, rows, most)
    """
    law = np.empty((p.k, x.size, most))
    for start in range(0, x.size, _CHUNK):
        rows = slice(start, start + _CHUNK)
        reached = _reached(p, x[rows], T[rows], t, most)
        survived = tosses(p, x[rows]) + p.b
        g = np.ones_like(survived)
        for m in range(most):
            if m > 0:
                g = g * (survived + (m - 1)) / (p.a + survived + (m - 1))
            law[:, rows, m] = g * reached[:, m]
    return law


def phase_weights(p: CNBDParams, h: History) -> NDArray[np.float64]:
    """P(alive, j phases completed at T) for j = 0 .. k-1.

    Parameters
    ----------
    p : CNBDParams
    h : History

    Returns
    -------
    ndarray of shape (k, rows)
        They sum to `p_alive`.
    """
    return np.asarray(np.stack(_phase_law(p, h)) * p_alive(p, h), dtype=np.float64)


def _phase_law(p: CNBDParams, h: History) -> list[Vector]:
    """pi_j: probability of j completed phases at T, given alive, j = 0 .. k-1."""
    n = p.r + p.k * h.x
    q = (h.T - h.t_x) / (p.alpha + h.T)
    c = [np.ones_like(q)]
    for j in range(1, p.k):
        c.append(c[-1] * (n + (j - 1)) * q / j)
    total = np.sum(c, axis=0)
    return [c_j / total for c_j in c]


def _expected_if_alive(p: CNBDParams, x: Vector, T: Vector, t: float) -> Vector:
    """E[X(T, T+t] | alive, j phases completed at T], j = 0 .. k-1; shape (k, rows)."""
    n = p.r + p.k * x
    u = t / (p.alpha + T + t)
    heavy = (n + (p.k - 1)) * np.log1p(-u) <= _UNDERFLOW
    long = (n + _DECADES) * t / (p.alpha + T) > _LONGEST
    light = ~(heavy | long)
    if light.all():
        return _expected_light(p, x, n, u)
    result = np.empty((p.k, n.size))
    result[:, light] = _expected_light(p, x[light], n[light], u[light])
    for row in np.flatnonzero(~light):
        slow = _expected_heavy if heavy[row] else _expected_long
        for j in range(p.k):
            result[j, row] = slow(p, float(x[row]), float(T[row]), t, j)
    return result


def _expected_light(p: CNBDParams, x: Vector, n: Vector, u: Vector) -> Vector:
    """Sum over s upwards from 0 by recurrence; rows leave when what is left of their sums is negligible."""
    k = p.k
    log_none = np.log1p(-u)
    f = np.stack([np.exp((n + j) * log_none) for j in range(k)])
    survived = p.b + tosses(p, x)
    result = np.empty_like(f)
    rows: NDArray[np.intp] = np.arange(n.size)
    done = np.zeros(n.size, np.bool_)
    sums, g, G = np.zeros_like(f), np.ones_like(n), np.zeros_like(n)
    s = 0
    while rows.size:
        if s >= k:
            if s % k == 0:
                m = s // k
                if m > 1:
                    g *= (survived + (m - 2)) / (p.a + survived + (m - 2))
                G += g
            term = f * G
            sums += term
            if s % _CHECK_EVERY == 0:
                ratio = u * (n + s) / (s - k + 1) * (1.0 + k / s)
                complete = (term * ratio <= _TOLERANCE * (1.0 - ratio) * sums).all(axis=0)
                complete &= (ratio < 1.0) & ~done
                # a row's sum is taken when that row is complete, so that it does not depend on the rows beside it
                result[:, rows[complete]] = sums[:, complete]
                done |= complete
                if 2 * np.count_nonzero(done) >= rows.size:
                    left = ~done
                    rows, n, u, survived, done = rows[left], n[left], u[left], survived[left], done[left]
                    sums, g, G, f = sums[:, left], g[left], G[left], f[:, left]
        step = u * (n + s)
        for j in range(min(k, s + 1)):
            f[j] *= step / (s - j + 1)
        s += 1
    return result


def _expected_heavy(p: CNBDParams, x: float, T: float, t: float, phase: int) -> float:
    """One row whose P(s = phase) underflows: logarithms, around the mean of s only."""
    n = float(p.r + p.k * x)
    u = float(t / (p.alpha + T + t))
    mean, spread = n * u / (1.0 - u), np.sqrt((n + p.k) * u) / (1.0 - u)
    low = max(phase, int(mean - _TAIL * spread))
    high = int((n + p.k) * u / (1.0 - u) + 1.5 * _TAIL * spread) + p.k + 2
    s = np.arange(low, high, dtype=np.float64)
    i, shape = s - phase, n + phase
    law = np.exp(gammaln(shape + i) - gammaln(shape) - gammaln(i + 1.0) + i * np.log(u) + shape * np.log1p(-u))
    coin = p.b + float(tosses(p, np.array([x]))[0]) + np.arange(high // p.k, dtype=np.float64)
    log_g = np.concatenate([[0.0], np.cumsum(-np.log1p(p.a / coin))])
    G = np.concatenate([[0.0], np.cumsum(np.exp(log_g))])
    return float((law * G[(s // p.k).astype(np.intp)]).sum() / law.sum())


def _expected_long(p: CNBDParams, x: float, T: float, t: float, phase: int) -> float:
    """One row whose law of s reaches far: sum of g_m R_m, terms first, then the integral over their smooth rest."""
    n = float(p.r + p.k * x)
    odds = float(t / (p.alpha + T))
    coins = p.b + float(tosses(p, np.array([x]))[0])

    def terms(m: Vector) -> Vector:
        log_g = betaln(p.a, coins + m - 1.0) - betaln(p.a, coins)
        reached = betainc(p.k * m - phase, n + phase, odds / (1.0 + odds))
        return np.asarray(np.exp(log_g) * reached, dtype=np.float64)

    first = np.arange(1.0, _TERMS + 1.0)
    start, end = np.log(_TERMS + 0.5), np.log(_TERMS + (n + _DECADES + _TAIL * np.sqrt(n)) * odds / p.k)
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    m = np.exp(0.5 * (end + start) + 0.5 * (end - start) * nodes)
    return float(terms(first).sum() + 0.5 * (end - start) * (weights * terms(m) * m).sum())


def _reached(p: CNBDParams, x: Vector, T: Vector, t: float, most: int) -> NDArray[np.float64]:
    """P(s >= k m | j phases completed at T), m = 1 .. most; shape (k, most, rows)."""
    n = p.r + p.k * x
    u = t / (p.alpha + T + t)
    result = np.zeros((p.k, most, n.size))
    light = (n + (p.k - 1)) * np.log1p(-u) > _UNDERFLOW
    if light.any():
        result[:, :, light] = _reached_light(p.k, n[light], u[light], most)
    if not light.all():
        heavy = ~light
        for m in range(1, most + 1):
            for j in range(p.k):
                result[j, m - 1, heavy] = betainc(p.k * m - j, n[heavy] + j, u[heavy])
    return result


def _reached_light(k: int, n: Vector, u: Vector, most: int) -> NDArray[np.float64]:
    log_none = np.log1p(-u)
    f = np.stack([np.exp((n + j) * log_none) for j in range(k)])
    result = np.empty((k, most, n.size))
    below = np.zeros_like(f)
    for s in range(k * most):
        active = min(k, s + 1)
        below[:active] += f[:active]
        if (s + 1) % k == 0:
            np.maximum(1.0 - below, 0.0, out=result[:, (s + 1) // k - 1])
        step = u * (n + s)
        for j in range(active):
            f[j] *= step / (s - j + 1)
    return result
