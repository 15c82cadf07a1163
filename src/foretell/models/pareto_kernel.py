"""Likelihood of the Pareto/NBD model: what the orders so far say.

Symbols of Schmittlein, Morrison, Colombo (1987) and Fader, Hardie (2005, "A note on deriving the Pareto/NBD model"):
while alive a customer orders at rate lambda, lifetimes are exponential with rate mu, lambda ~ Gamma(r, rate alpha),
mu ~ Gamma(s, rate beta). A row holds x repeat orders, t_x the time of the last one, T the time observed. With
n = r + x, a = alpha + t_x, b = beta + t_x, everything that is not elementary is an integral over the time of death,

    H(w) = integral_0^w (1 + u/a)^-n (1 + u/b)^-(s+1) du,

of positive, smooth values. The closed form of that integral is a difference of two hypergeometric functions, which
cancels for t_x close to T and overflows for heavy buyers; Gauss-Legendre quadrature in ln(min(a, b) + u) does neither.
With 32 nodes (fewer where the integrand falls by less than e^-8) the log-likelihood agrees with adaptive integration
within 1e-9.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, gammaln

Vector = NDArray[np.float64]

_LOG_NEGLIGIBLE = 45.0
_ROWS_PER_BLOCK = 2_048
_NODES_BY_FALL = ((3.0, 8), (8.0, 16), (np.inf, 32))


@dataclass(frozen=True)
class ParetoNBDParameters:
    """Parameters of the Pareto/NBD; alpha and beta carry the unit of time of the rows.

    Attributes
    ----------
    r, alpha : float
        Shape and rate of the gamma law of order rates; the mean rate is r / alpha.
    s, beta : float
        Shape and rate of the gamma law of drop-out rates; the mean rate is s / beta.
    """

    r: float
    alpha: float
    s: float
    beta: float


@cache
def legendre(nodes: int) -> tuple[tuple[float, float], ...]:
    """Nodes and weights of Gauss-Legendre quadrature on (0, 1).

    Parameters
    ----------
    nodes : int
        Number of nodes, >= 1.

    Returns
    -------
    tuple of (node, weight)

    Notes
    -----
    Rows are summed node by node: a matrix product may add in another order where a row stands elsewhere in the
    frame, and a customer's figures must not depend on the others'.
    """
    points, weights = np.polynomial.legendre.leggauss(nodes)
    return tuple(zip(((points + 1.0) / 2.0).tolist(), (weights / 2.0).tolist(), strict=True))


def effective_width(n: Vector, s: float, a: Vector, b: Vector, width: Vector) -> Vector:
    """Cut an integration range where (1 + u/a)^-n or (1 + u/b)^-s has fallen to exp(-45).

    Parameters
    ----------
    n, a, b, width : ndarray of shape (rows,)
        Exponent, two scales of time and the full range.
    s : float
        The other exponent.

    Returns
    -------
    ndarray of shape (rows,)
    """
    with np.errstate(over="ignore"):
        reach = np.minimum(a * np.expm1(_LOG_NEGLIGIBLE / n), b * np.expm1(_LOG_NEGLIGIBLE / s))
    return np.asarray(np.minimum(width, reach), dtype=np.float64)


def blocks_of_rows(fall: Vector) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Share rows out to quadrature rules, in blocks that stay in the cache.

    Parameters
    ----------
    fall : ndarray of shape (rows,)
        Logarithm of the ratio of the integrand's factors at both ends of the range, plus that of the substitution.

    Yields
    ------
    nodes, rows : int, ndarray of int
        Every row once. Measured on 30,000 random rows, the log-likelihood is within 2e-11 of that by 96 nodes.
    """
    lower = -np.inf
    for limit, nodes in _NODES_BY_FALL:
        rows = np.flatnonzero((fall >= lower) & (fall < limit))
        for first in range(0, rows.size, _ROWS_PER_BLOCK):
            yield nodes, rows[first : first + _ROWS_PER_BLOCK]
        lower = limit


@dataclass(frozen=True)
class _Posterior:
    """Log-likelihood without the terms of x alone, P(alive), and means over the time of death tau, dead part only.

    ``mean_log_a`` is E[ln(1 + u/a); dead], ``mean_inverse_a`` is E[a / (a + u); dead] with u = tau - t_x; likewise b.
    """

    log_mass: Vector
    alive: Vector
    mean_log_a: Vector
    mean_log_b: Vector
    mean_inverse_a: Vector
    mean_inverse_b: Vector


def _integrate_death(p: ParetoNBDParameters, x: Vector, t_x: Vector, T: Vector) -> _Posterior:
    """Integrate the dead part and its derivatives in one pass, in blocks of rows that stay in the cache."""
    n = p.r + x
    a = p.alpha + t_x
    b = p.beta + t_x
    wait = T - t_x
    log_a = np.log1p(wait / a)
    log_b = np.log1p(wait / b)
    alive = np.exp(-n * log_a - p.s * log_b)
    width = effective_width(n, p.s, a, b, wait)
    short_is_a = p.alpha <= p.beta
    c, other = (a, b) if short_is_a else (b, a)
    n_short, n_long = (n - 1.0, np.full_like(n, p.s + 1.0)) if short_is_a else (np.full_like(n, p.s), n)
    h = np.log1p(width / c)
    scale = p.s * c * h / b
    ratio = c / other
    fall = n * np.log1p(width / a) + p.s * np.log1p(width / b) + h
    # Rows of sums: integral, times ln of the long factor, its inverse, times ln of the short factor, its inverse.
    sums = np.empty((5, x.size))
    for nodes, part in blocks_of_rows(fall):
        block = np.zeros((5, part.size))
        h_part, ratio_part, short_power, long_power = h[part], ratio[part], n_short[part], n_long[part]
        for xi, weight in legendre(nodes):
            step = xi * h_part
            short = np.exp(step)
            long = short - 1.0
            long *= ratio_part
            long += 1.0
            log_long = np.log(long)
            f = short_power * step
            f += long_power * log_long
            np.negative(f, out=f)
            np.exp(f, out=f)
            f *= weight
            block[0] += f
            block[1] += f * log_long
            block[2] += f / long
            step *= f
            block[3] += step
            block[4] += f / short
        sums[:, part] = block
    sums *= scale
    total = alive + sums[0]
    sums /= total
    (mean_log_a, inverse_a), (mean_log_b, inverse_b) = (sums[3:], sums[1:3]) if short_is_a else (sums[1:3], sums[3:])
    return _Posterior(
        np.log(total) - p.s * np.log1p(t_x / p.beta) - p.r * np.log1p(t_x / p.alpha) - x * np.log(a),
        alive / total,
        mean_log_a,
        mean_log_b,
        inverse_a,
        inverse_b,
    )


def log_likelihood(p: ParetoNBDParameters, x: Vector, t_x: Vector, T: Vector) -> Vector:
    """Log-likelihood of each row, as a density of the order times.

    Parameters
    ----------
    p : ParetoNBDParameters
    x, t_x, T : ndarray of shape (rows,)
        Repeat orders, time of the last order, time observed, in the unit of ``p.alpha``; 0 <= t_x <= T.

    Returns
    -------
    ndarray of shape (rows,)

    Notes
    -----
    ``lnG(r+x) - lnG(r) + r ln alpha + s ln beta + ln(A + D)`` with the alive part
    ``A = (alpha+T)^-(r+x) (beta+T)^-s`` and the dead part
    ``D = s integral_{t_x}^{T} (alpha+tau)^-(r+x) (beta+tau)^-(s+1) dtau`` (Fader, Hardie 2005, eq. 18 before the
    integral is solved).
    """
    mass = _integrate_death(p, x, t_x, T).log_mass
    return np.asarray(gammaln(p.r + x) - gammaln(p.r) + mass, dtype=np.float64)


def log_likelihood_gradient(
    p: ParetoNBDParameters, x: Vector, t_x: Vector, T: Vector
) -> tuple[Vector, NDArray[np.float64]]:
    """Log-likelihood of each row and its gradient with respect to ln r, ln alpha, ln s, ln beta.

    Parameters
    ----------
    p, x, t_x, T
        As in `log_likelihood`.

    Returns
    -------
    values : ndarray of shape (rows,)
    gradient : ndarray of shape (rows, 4)
        In the order r, alpha, s, beta.
    """
    state = _integrate_death(p, x, t_x, T)
    n = p.r + x
    dead = 1.0 - state.alive
    log_alpha = np.log1p(t_x / p.alpha)
    log_beta = np.log1p(t_x / p.beta)
    wait = T - t_x
    alive_log_a = state.alive * np.log1p(wait / (p.alpha + t_x))
    alive_log_b = state.alive * np.log1p(wait / (p.beta + t_x))
    share_alpha = p.alpha * (state.alive / (p.alpha + T) + state.mean_inverse_a / (p.alpha + t_x))
    dead_beta = p.beta * state.mean_inverse_b / (p.beta + t_x)
    gradient = np.empty((x.size, 4))
    gradient[:, 0] = p.r * (digamma(n) - digamma(p.r) - log_alpha - alive_log_a - state.mean_log_a)
    gradient[:, 1] = p.r - n * share_alpha
    gradient[:, 2] = dead - p.s * (log_beta + alive_log_b + state.mean_log_b)
    gradient[:, 3] = p.s * (state.alive * T / (p.beta + T) + dead - dead_beta) - dead_beta
    return np.asarray(gammaln(n) - gammaln(p.r) + state.log_mass, dtype=np.float64), gradient


def p_alive(p: ParetoNBDParameters, x: Vector, t_x: Vector, T: Vector) -> Vector:
    """Probability that a customer is still alive at T, given the orders so far.

    Parameters
    ----------
    p, x, t_x, T
        As in `log_likelihood`.

    Returns
    -------
    ndarray of shape (rows,), in [0, 1]

    Notes
    -----
    ``A / (A + D)`` (Schmittlein, Morrison, Colombo 1987, eq. 11-13). It is 1 where T equals t_x.
    """
    return _integrate_death(p, x, t_x, T).alive


def p_wait_longer(p: ParetoNBDParameters, x: Vector, t_x: Vector, T: Vector) -> Vector:
    """Probability that a customer who stays alive waits longer than T - t_x for the next order.

    Parameters
    ----------
    p, x, t_x, T
        As in `log_likelihood`.

    Returns
    -------
    ndarray of shape (rows,), in (0, 1]

    Notes
    -----
    ``((alpha+t_x)/(alpha+T))^(r+x)``: the wait is exponential with rate lambda ~ Gamma(r+x, alpha+t_x).
    """
    return np.asarray(np.exp(-(p.r + x) * np.log1p((T - t_x) / (p.alpha + t_x))), dtype=np.float64)
