"""The Pareto/NBD model's law of the orders to come.

Given alive at T, the order rate is Gamma(n, rate a) and the drop-out rate Gamma(s, rate b), independent, with
n = r + x, a = alpha + T, b = beta + T (Fader, Hardie 2005, "A note on deriving the Pareto/NBD model"). The m-th further
order comes after l with density l^(m-1) a^n / (B(m, n) (a + l)^(m+n)), and the customer survives until then with
probability (b / (b + l))^s. Hence, with q = l / (a + l),

    P(X(T, T+t] >= m | alive) = 1/a integral_0^t  q^(m-1) (1-q)^(n+1) / B(m, n)  (1 + l/b)^-s  dl,

one set of quadrature nodes for every m; the sum over m is the expected number of orders. Nothing cancels: the
integrands are positive.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, exprel

from foretell.models.pareto_kernel import (
    ParetoNBDParameters,
    Vector,
    blocks_of_rows,
    effective_width,
    legendre,
)

_ROWS_PER_BLOCK = 1_024
_FEWEST_NODES = 32
_MOST_NODES = 2048
_SAFE_EXPONENT = 480.0
_NEWTON_STEPS = 60
_NEWTON_TOLERANCE = 1e-12
_FOREVER_NODES = 64
_LOG_NEGLIGIBLE = 45.0


def expected_orders_alive(p: ParetoNBDParameters, x: Vector, T: Vector, horizon: float) -> Vector:
    """Expected orders in (T, T + horizon] of a customer who is alive at T.

    Parameters
    ----------
    p : ParetoNBDParameters
    x, T : ndarray of shape (rows,)
        Repeat orders and time observed, in the unit of ``p.alpha``.
    horizon : float
        Length of the window, >= 0, finite.

    Returns
    -------
    ndarray of shape (rows,)

    Notes
    -----
    ``(r+x)/(alpha+T) (beta+T) L exprel((1-s) L)``, ``L = ln(1 + t/(beta+T))``: Schmittlein, Morrison, Colombo
    (1987), eq. 22, written so that s = 1 is an ordinary value.
    """
    b = p.beta + T
    log_growth = np.log1p(horizon / b)
    return np.asarray((p.r + x) / (p.alpha + T) * b * log_growth * exprel((1.0 - p.s) * log_growth), np.float64)


def expected_orders_new(p: ParetoNBDParameters, horizon: Vector) -> Vector:
    """Expected repeat orders of a customer in the time ``horizon`` after the first order.

    Parameters
    ----------
    p : ParetoNBDParameters
    horizon : ndarray of shape (rows,)
        Time since the first order, >= 0.

    Returns
    -------
    ndarray of shape (rows,)

    Notes
    -----
    Schmittlein, Morrison, Colombo (1987), eq. 17: `expected_orders_alive` with x = 0 and T = 0.
    """
    log_growth = np.log1p(np.asarray(horizon, dtype=np.float64) / p.beta)
    return np.asarray(p.r / p.alpha * p.beta * log_growth * exprel((1.0 - p.s) * log_growth), np.float64)


def p_order_alive(p: ParetoNBDParameters, x: Vector, T: Vector, horizon: Vector) -> Vector:
    """Probability of at least one order in (T, T + horizon] of a customer who is alive at T.

    Parameters
    ----------
    p, x, T
        As in `expected_orders_alive`.
    horizon : ndarray of shape (rows,) or (1,)
        Length of the window, one for each row or one for all, >= 0, finite.

    Returns
    -------
    ndarray of shape (rows,), in [0, 1]

    Notes
    -----
    ``n/a integral_0^t (1+u/a)^-(n+1) (1+u/b)^-s du``. Times P(alive) it equals one minus the ratio of the likelihood
    of "no order until T + t" to that of "no order until T".
    """
    n, a, b = p.r + x, p.alpha + T, p.beta + T
    width = effective_width(n, p.s, a, b, np.broadcast_to(horizon, n.shape))
    log_a, log_b = np.log1p(width / a), np.log1p(width / b)
    h = np.maximum(log_a, log_b)
    c = np.minimum(a, b)
    total = np.empty_like(n)
    for nodes, part in blocks_of_rows((n + 1.0) * log_a + p.s * log_b + h):
        sum_ = np.zeros(part.size)
        for xi, weight in legendre(nodes):
            step = xi * h[part]
            u = np.exp(step)
            u -= 1.0
            u *= c[part]
            step -= (n[part] + 1.0) * np.log(1.0 + u / a[part])
            step -= p.s * np.log(1.0 + u / b[part])
            sum_ += weight * np.exp(step, out=step)
        total[part] = sum_
    return np.asarray(np.clip(n / a * c * h * total, 0.0, 1.0), dtype=np.float64)


def next_order_time(
    p: ParetoNBDParameters, x: Vector, T: Vector, *, horizon: float, quantile: float | Vector
) -> Vector:
    """Quantile of the time from T to the next order, given that there is one within the horizon.

    Parameters
    ----------
    p, x, T
        As in `expected_orders_alive`.
    horizon : float
        Length of the window, > 0, finite.
    quantile : float or ndarray of shape (rows,)
        In (0, 1).

    Returns
    -------
    ndarray of shape (rows,)
        Times in (0, horizon).

    Notes
    -----
    Solves ``F(t) = quantile F(horizon)`` with F of `p_order_alive`. In ``z = 1 - (1+t/a)^-n``, the chance of an order
    if nobody ever dropped out, F is concave with slope ``(1+t/b)^-s``, so Newton's steps from z = F <= root rise to
    the root without overshooting.
    """
    n, a, b = p.r + x, p.alpha + T, p.beta + T
    target = quantile * p_order_alive(p, x, T, np.asarray([horizon]))
    z = target.copy()
    time = a * np.expm1(-np.log1p(-z) / n)
    open_rows = np.arange(n.size)
    for _ in range(_NEWTON_STEPS):
        if not open_rows.size:
            break
        rows = open_rows
        missing = target[rows] - p_order_alive(p, x[rows], T[rows], time[rows])
        step = missing * np.exp(p.s * np.log1p(time[rows] / b[rows]))
        z[rows] = np.clip(z[rows] + step, 0.0, 1.0 - 1e-16)
        time[rows] = np.minimum(a[rows] * np.expm1(-np.log1p(-z[rows]) / n[rows]), horizon)
        open_rows = rows[np.abs(missing) > _NEWTON_TOLERANCE * target[rows]]
    return time


def count_law_alive(p: ParetoNBDParameters, x: Vector, T: Vector, *, horizon: float, max_orders: int) -> Vector:
    """P(X(T, T + horizon] >= m | alive at T) for m = 1 .. max_orders.

    Parameters
    ----------
    p, x, T
        As in `expected_orders_alive`.
    horizon : float
        Length of the window, >= 0, finite.
    max_orders : int
        Largest count, >= 1.

    Returns
    -------
    ndarray of shape (rows, max_orders)
        Falling along each row, in [0, 1].

    Notes
    -----
    The formula in the head of this module. Its integrand is a peak of relative width 1/sqrt(n); rows are put into
    classes of 32, 64, ... nodes so that it is resolved (absolute error below 1e-9).
    """
    law = np.empty((x.size, max_orders))
    n, a, b = p.r + x, p.alpha + T, p.beta + T
    c = np.minimum(a, b)
    with np.errstate(over="ignore"):
        h = np.log1p(np.minimum(horizon, b * np.expm1(_LOG_NEGLIGIBLE / p.s)) / c)
    needed = 16.0 + math.pi * np.sqrt(np.maximum(n * h * (1.0 + h), h * max_orders / np.expm1(np.maximum(h, 1e-9))))
    classes = np.clip(2.0 ** np.ceil(np.log2(needed)), _FEWEST_NODES, _MOST_NODES).astype(np.int64)
    underflows = n * np.log1p(horizon / a) + p.s * np.log1p(horizon / b) + (n + max_orders) > _SAFE_EXPONENT
    for in_logs in (False, True):
        for nodes in np.unique(classes[underflows == in_logs]):
            rows = np.flatnonzero((classes == nodes) & (underflows == in_logs))
            for first in range(0, rows.size, _ROWS_PER_BLOCK):
                part = rows[first : first + _ROWS_PER_BLOCK]
                block = _law_in_logs if in_logs else _law_by_recurrence
                law[part] = block(p.s, n[part], a[part], b[part], h[part], nodes=int(nodes), max_orders=max_orders)
    np.clip(law, 0.0, 1.0, out=law)
    return np.minimum.accumulate(law, axis=1, out=law)


def _law_by_recurrence(
    s: float, n: Vector, a: Vector, b: Vector, h: Vector, *, nodes: int, max_orders: int
) -> NDArray[np.float64]:
    """From m to m + 1 the integrand grows by q (n + m) / m."""
    c = np.minimum(a, b)
    law = np.zeros((max_orders, n.size))
    for xi, weight in legendre(nodes):
        step = xi * h
        l = c * np.expm1(step)  # noqa: E741 - the time of the m-th order in the head of this module
        term = weight * np.exp(step - (n + 1.0) * np.log1p(l / a) - s * np.log1p(l / b))
        q = l / (a + l)
        for m in range(max_orders):
            law[m] += term
            term *= q
    counts = np.arange(1, max_orders, dtype=np.float64)[:, None]
    law *= n * c * h / a
    law[1:] *= np.cumprod((n + counts) / counts, axis=0)
    return law.T


def _law_in_logs(
    s: float, n: Vector, a: Vector, b: Vector, h: Vector, *, nodes: int, max_orders: int
) -> NDArray[np.float64]:
    """Heavy buyers: every factor as a logarithm."""
    c = np.minimum(a, b)
    law = np.zeros((n.size, max_orders))
    counts = np.arange(1, max_orders + 1, dtype=np.float64)
    log_scale = np.log(c * h / a)[:, None] - betaln(counts, n[:, None])
    for xi, weight in legendre(nodes):
        step = xi * h
        l = c * np.expm1(step)  # noqa: E741 - the time of the m-th order in the head of this module
        log_stay = step - (n + 1.0) * np.log1p(l / a) - s * np.log1p(l / b)
        exponent = (counts - 1.0) * np.log(l / (a + l))[:, None]
        exponent += log_scale
        exponent += log_stay[:, None]
        law += weight * np.exp(exponent, out=exponent)
    return law


def discounted_orders_forever(p: ParetoNBDParameters, x: Vector, T: Vector, delta: float) -> Vector:
    """Discounted expected orders after T of a customer who is alive at T, without an end.

    Parameters
    ----------
    p, x, T
        As in `expected_orders_alive`.
    delta : float
        Continuous rate of discount per unit of time, > 0.

    Returns
    -------
    ndarray of shape (rows,)

    Notes
    -----
    ``(r+x)/(alpha+T) integral_0^inf e^(-delta t) (1+t/(beta+T))^-s dt``, the DERT of Fader, Hardie, Lee (2005, "RFM
    and CLV: using iso-value curves for customer base analysis"), there as a confluent hypergeometric function.
    """
    b = p.beta + T
    h = np.log1p(_LOG_NEGLIGIBLE / (delta * b))
    total = np.zeros_like(b)
    for xi, weight in legendre(_FOREVER_NODES):
        step = xi * h
        total += weight * np.exp(-delta * b * np.expm1(step) + (1.0 - p.s) * step)
    return np.asarray((p.r + x) / (p.alpha + T) * b * h * total, dtype=np.float64)
