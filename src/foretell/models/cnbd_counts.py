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
    result = np.zeros_like(h.x)
    for start in range(0, h.x.size if t > 0 else 0, _CHUNK):
        rows = slice(start, start + _CHUNK)
        result[rows] = _expected_if_alive(p, h[rows], t)
    return np.asarray(result * p_alive(p, h), dtype=np.float64)


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
    result = np.empty((h.x.size, most))
    for start in range(0, h.x.size, _CHUNK):
        rows = slice(start, start + _CHUNK)
        part = h[rows]
        reached = _reached(p, part, t, most)
        survived = tosses(p, part.x) + p.b
        g = p_alive(p, part)
        for m in range(most):
            if m > 0:
                g = g * (survived + (m - 1)) / (p.a + survived + (m - 1))
            np.multiply(g, reached[m], out=result[rows, m])
    return result


def _phase_law(p: CNBDParams, h: History) -> list[Vector]:
    """pi_j: probability of j completed phases at T, given alive, j = 0 .. k-1."""
    n = p.r + p.k * h.x
    q = (h.T - h.t_x) / (p.alpha + h.T)
    c = [np.ones_like(q)]
    for j in range(1, p.k):
        c.append(c[-1] * (n + (j - 1)) * q / j)
    total = np.sum(c, axis=0)
    return [c_j / total for c_j in c]


def _expected_if_alive(p: CNBDParams, h: History, t: float) -> Vector:
    n = p.r + p.k * h.x
    u = t / (p.alpha + h.T + t)
    heavy = n * np.log1p(-u) <= _UNDERFLOW
    long = (n + _DECADES) * t / (p.alpha + h.T) > _LONGEST
    light = ~(heavy | long)
    if light.all():
        return _expected_light(p, h, n, u)
    result = np.empty_like(n)
    result[light] = _expected_light(p, h[light], n[light], u[light])
    for row in np.flatnonzero(~light):
        slow = _expected_heavy if heavy[row] else _expected_long
        result[row] = slow(p, h[slice(row, row + 1)], t)
    return result


def _expected_light(p: CNBDParams, h: History, n: Vector, u: Vector) -> Vector:
    """Sum over s upwards from 0 by recurrence; rows leave when what is left of their sum is negligible."""
    k = p.k
    log_none = np.log1p(-u)
    f = np.stack([pi * np.exp((n + j) * log_none) for j, pi in enumerate(_phase_law(p, h))])
    survived = p.b + tosses(p, h.x)
    result = np.empty_like(n)
    rows: NDArray[np.intp] = np.arange(n.size)
    done = np.zeros(n.size, np.bool_)
    sums, g, G = np.zeros_like(n), np.ones_like(n), np.zeros_like(n)
    s = 0
    while rows.size:
        if s >= k:
            if s % k == 0:
                m = s // k
                if m > 1:
                    g *= (survived + (m - 2)) / (p.a + survived + (m - 2))
                G += g
            term = (f[0] if k == 1 else f.sum(axis=0)) * G
            sums += term
            if s % _CHECK_EVERY == 0:
                ratio = u * (n + s) / (s - k + 1) * (1.0 + k / s)
                complete = (ratio < 1.0) & (term * ratio <= _TOLERANCE * (1.0 - ratio) * sums)
                complete &= ~done
                # a row's sum is taken when that row is complete, so that it does not depend on the rows beside it
                result[rows[complete]] = sums[complete]
                done |= complete
                if 2 * np.count_nonzero(done) >= rows.size:
                    left = ~done
                    rows, n, u, survived, done = rows[left], n[left], u[left], survived[left], done[left]
                    sums, g, G, f = sums[left], g[left], G[left], f[:, left]
        step = u * (n + s)
        for j in range(min(k, s + 1)):
            f[j] *= step / (s - j + 1)
        s += 1
    return result


def _expected_heavy(p: CNBDParams, h: History, t: float) -> float:
    """One row whose P(s = 0) underflows: logarithms, around the mean of s only."""
    n = float(p.r + p.k * h.x[0])
    u = float(t / (p.alpha + h.T[0] + t))
    mean, spread = n * u / (1.0 - u), np.sqrt((n + p.k) * u) / (1.0 - u)
    low = max(0, int(mean - _TAIL * spread))
    high = int((n + p.k) * u / (1.0 - u) + 1.5 * _TAIL * spread) + p.k + 2
    s = np.arange(low, high, dtype=np.float64)
    law = np.zeros_like(s)
    for j, pi in enumerate(_phase_law(p, h)):
        valid = s >= j
        i = s[valid] - j
        log_f = gammaln(n + j + i) - gammaln(n + j) - gammaln(i + 1.0) + i * np.log(u) + (n + j) * np.log1p(-u)
        law[valid] += pi[0] * np.exp(log_f)
    coin = p.b + float(tosses(p, h.x)[0]) + np.arange(high // p.k, dtype=np.float64)
    log_g = np.concatenate([[0.0], np.cumsum(-np.log1p(p.a / coin))])
    G = np.concatenate([[0.0], np.cumsum(np.exp(log_g))])
    return float((law * G[(s // p.k).astype(np.intp)]).sum() / law.sum())


def _expected_long(p: CNBDParams, h: History, t: float) -> float:
    """One row whose law of s reaches far: sum of g_m R_m, terms first, then the integral over their smooth rest."""
    n = float(p.r + p.k * h.x[0])
    odds = float(t / (p.alpha + h.T[0]))
    coins = p.b + float(tosses(p, h.x)[0])
    phases = [float(pi[0]) for pi in _phase_law(p, h)]

    def terms(m: Vector) -> Vector:
        log_g = betaln(p.a, coins + m - 1.0) - betaln(p.a, coins)
        u = odds / (1.0 + odds)
        reached = sum(pi * betainc(p.k * m - j, n + j, u) for j, pi in enumerate(phases))
        return np.asarray(np.exp(log_g) * reached, dtype=np.float64)

    first = np.arange(1.0, _TERMS + 1.0)
    start, end = np.log(_TERMS + 0.5), np.log(_TERMS + (n + _DECADES + _TAIL * np.sqrt(n)) * odds / p.k)
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    m = np.exp(0.5 * (end + start) + 0.5 * (end - start) * nodes)
    return float(terms(first).sum() + 0.5 * (end - start) * (weights * terms(m) * m).sum())


def _reached(p: CNBDParams, h: History, t: float, most: int) -> NDArray[np.float64]:
    """R_m = P(s >= k m), m = 1 .. most; shape (most, rows)."""
    n = p.r + p.k * h.x
    u = t / (p.alpha + h.T + t)
    phases = _phase_law(p, h)
    result = np.zeros((most, n.size))
    light = n * np.log1p(-u) > _UNDERFLOW
    if light.any():
        result[:, light] = _reached_light(p.k, n[light], u[light], [pi[light] for pi in phases], most)
    if not light.all():
        heavy = ~light
        for m in range(1, most + 1):
            for j, pi in enumerate(phases):
                result[m - 1, heavy] += pi[heavy] * betainc(p.k * m - j, n[heavy] + j, u[heavy])
    return result


def _reached_light(k: int, n: Vector, u: Vector, phases: list[Vector], most: int) -> NDArray[np.float64]:
    log_none = np.log1p(-u)
    f = np.stack([pi * np.exp((n + j) * log_none) for j, pi in enumerate(phases)])
    result = np.empty((most, n.size))
    below = np.zeros_like(n)
    for s in range(k * most):
        active = min(k, s + 1)
        below += f[:active].sum(axis=0)
        if (s + 1) % k == 0:
            np.maximum(1.0 - below, 0.0, out=result[(s + 1) // k - 1])
        step = u * (n + s)
        for j in range(active):
            f[j] *= step / (s - j + 1)
    return result
