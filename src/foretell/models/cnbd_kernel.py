"""The BG/CNBD-k and MBG/CNBD-k models row by row: likelihood, being alive, the next order.

Notation: x repeat orders, t_x time of the last order, T time observed, both since the first order; l the sum of
the logarithms of the gaps. Gaps are Erlang(k, rate lambda), lambda ~ Gamma(r, rate alpha); after an order the
customer drops out with probability p ~ Beta(a, b). MBG tosses that coin after the first order too, BG does not.
k = 1 is the (M)BG/NBD.

Sources: Fader, Hardie, Lee (2005), "Counting your customers the easy way", Marketing Science 24(2) [FHL];
Batislam, Denizel, Filiztekin (2007), "Empirical validation and comparison of models for customer base analysis",
IJRM 24(3) [BDF]; Reutterer, Platzer, Schroeder (2021), "Leveraging purchase regularity for predicting customer
behavior the easy way", IJRM 38(1) [RPS].
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, betaln, expit, gammaln

from foretell.models.compress import Compressed
from foretell.models.history import HISTORY
from foretell.storage.threads import on_threads

Vector = NDArray[np.float64]

# So many customers' numbers stay in a core's cache.
_PART = 2**15


@dataclass(frozen=True)
class CNBDParams:
    """Parameters of a (M)BG/CNBD-k model.

    Attributes
    ----------
    r, alpha : float
        Shape and rate of the gamma law of lambda; alpha is in the time unit of the data.
    a, b : float
        Parameters of the beta law of the drop-out probability.
    k : int
        Regularity of the gaps; 1 is "at random", more is more regular.
    dropout_at_first : bool
        True for MBG (drop-out is possible after the first order), False for BG.
    """

    r: float
    alpha: float
    a: float
    b: float
    k: int = 1
    dropout_at_first: bool = True


@dataclass(frozen=True)
class History:
    """Sufficient statistics of some customers.

    Attributes
    ----------
    x, t_x, T : ndarray of float64, each of shape (rows,)
        Repeat orders, time of the last order, time observed: 0 <= t_x <= T, t_x = 0 where x = 0.
    """

    x: Vector
    t_x: Vector
    T: Vector

    @classmethod
    def of(cls, rows: Compressed) -> "History":
        """Take the columns from distinct rows.

        Parameters
        ----------
        rows : Compressed
            From `foretell.models.history.read_history`.

        Returns
        -------
        History
        """
        return cls(*(rows.columns[name] for name in HISTORY))

    def __getitem__(self, rows: slice | NDArray[np.bool_]) -> "History":
        """Return some of the rows."""
        return History(self.x[rows], self.t_x[rows], self.T[rows])


def in_parts(kernel: Callable[[History], Vector], h: History) -> Vector:
    """Evaluate a function of single customers some at a time, on several threads.

    Parameters
    ----------
    kernel : callable
        From some customers to a number for each; no customer's depends on the others.
    h : History

    Returns
    -------
    ndarray of shape (rows,)
    """
    parts = [h[slice(start, start + _PART)] for start in range(0, h.x.size, _PART)]
    return np.concatenate(on_threads(kernel, parts)) if len(parts) > 1 else kernel(h)


def log_wait_longer(p: CNBDParams, h: History, T: Vector | None = None) -> Vector:
    """ln w, w = P(the current gap is longer than T - t_x | still a customer); RPS eq. (8), w = I_y(n, k).

    Parameters
    ----------
    p : CNBDParams
    h : History
    T : ndarray of shape (rows,), optional
        Another end of the observation, for example T + t.

    Returns
    -------
    ndarray of shape (rows,)
        At most 0; never overflows or underflows.
    """
    end = h.T if T is None else T
    n = p.r + p.k * h.x
    q = (end - h.t_x) / (p.alpha + end)
    c = np.ones_like(q)
    total = np.ones_like(q)
    for j in range(1, p.k):
        c = c * (n + (j - 1)) * q / j
        total += c
    return np.asarray(n * np.log1p(-q) + np.log(total), dtype=np.float64)


def tosses(p: CNBDParams, x: Vector) -> Vector:
    """Drop-out coins that a customer with x repeat orders has survived if still alive.

    Parameters
    ----------
    p : CNBDParams
    x : ndarray of shape (rows,)

    Returns
    -------
    ndarray of shape (rows,)
    """
    return x + 1.0 if p.dropout_at_first else x


def log_dropout_odds(p: CNBDParams, x: Vector) -> Vector:
    """ln [a/(b+m-1)], m the coins tossed: prior odds of having dropped out at the last order; -inf if m = 0.

    Parameters
    ----------
    p : CNBDParams
    x : ndarray of shape (rows,)

    Returns
    -------
    ndarray of shape (rows,)
    """
    m = tosses(p, x)
    some = m > 0
    return np.where(some, np.log(p.a / (p.b + np.where(some, m, 1.0) - 1.0)), -np.inf)


def log_likelihood(p: CNBDParams, h: History, sum_log_gaps: Vector | float = 0.0) -> Vector:
    """Log of the density of a customer's order times, lambda and p integrated out; FHL eq. (6), BDF eq. (10).

    Parameters
    ----------
    p : CNBDParams
    h : History
    sum_log_gaps : ndarray of shape (rows,) or float
        l, the sum of the logarithms of the gaps; without influence for k = 1.

    Returns
    -------
    ndarray of shape (rows,)
        Comparable between k and with the Pareto/NBD on the same rows.
    """
    n = p.r + p.k * h.x
    m = tosses(p, h.x)
    return np.asarray(
        (p.k - 1) * np.asarray(sum_log_gaps)
        - h.x * gammaln(p.k)
        + gammaln(n)
        - gammaln(p.r)
        + p.r * np.log(p.alpha)
        - n * np.log(p.alpha + h.t_x)
        + betaln(p.a, p.b + m)
        - betaln(p.a, p.b)
        + np.logaddexp(log_dropout_odds(p, h.x), log_wait_longer(p, h)),
        dtype=np.float64,
    )


def p_alive(p: CNBDParams, h: History) -> Vector:
    """P(still a customer at T | history) = w / (w + a/(b+m-1)); BDF eq. (12), RPS eq. (8).

    Parameters
    ----------
    p : CNBDParams
    h : History

    Returns
    -------
    ndarray of shape (rows,)
        Exactly 1 for BG at x = 0: that model knows no drop-out before the first repeat order.
    """
    return np.asarray(expit(log_wait_longer(p, h) - log_dropout_odds(p, h.x)), dtype=np.float64)


def p_order_if_alive(p: CNBDParams, h: History, t: float | Vector) -> Vector:
    """P(an order in (T, T+t] | alive at T) = 1 - w(T+t)/w(T): the ratio of two likelihoods of silence.

    Parameters
    ----------
    p : CNBDParams
    h : History
    t : float or ndarray of shape (rows,)
        Horizon, >= 0.

    Returns
    -------
    ndarray of shape (rows,)
    """
    return np.asarray(-np.expm1(log_wait_longer(p, h, h.T + t) - log_wait_longer(p, h)), dtype=np.float64)


def p_order(p: CNBDParams, h: History, t: float) -> Vector:
    """P(an order in (T, T+t] | history): the product of `p_alive` and `p_order_if_alive`.

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
    wait = log_wait_longer(p, h)
    alive = expit(wait - log_dropout_odds(p, h.x))
    return np.asarray(alive * -np.expm1(log_wait_longer(p, h, h.T + t) - wait), dtype=np.float64)


def next_order_quantiles(
    p: CNBDParams, h: History, taus: Sequence[float | Vector], horizon: float
) -> NDArray[np.float64]:
    """Times after T by which the next order has come with some probabilities, given an order within the horizon.

    Solves P(no order by t | alive) = v with v = 1 - tau F(H)/P(alive): y* = betaincinv(n, k, v w(T)),
    t = (alpha+t_x)/y* - alpha - T; for k = 1, t = (alpha+T)(v^(-1/n) - 1).

    Parameters
    ----------
    p : CNBDParams
    h : History
    taus : sequence of (float or ndarray of shape (rows,))
        In (0, 1).
    horizon : float
        H > 0; ``inf`` gives the quantiles given alive.

    Returns
    -------
    ndarray of shape (rows, taus)
        In [0, horizon]; NaN where an order within the horizon has no chance in floating point.
    """
    wait = log_wait_longer(p, h)
    share = np.ones_like(h.T)
    if np.isfinite(horizon):
        share = -np.expm1(log_wait_longer(p, h, h.T + horizon) - wait)
    possible = (share > 0) & (expit(wait - log_dropout_odds(p, h.x)) > 0)
    n = p.r + p.k * h.x
    times = np.empty((h.x.size, len(taus)))
    for place, tau in enumerate(taus):
        there, log_v = possible, np.log1p(-tau * share)
        if p.k == 1:
            t = (p.alpha + h.T) * np.expm1(-log_v / n)
        else:
            y = betaincinv(n, p.k, np.exp(log_v + wait))
            there = possible & (y > 0)
            t = (p.alpha + h.t_x) / np.where(y > 0, y, 1.0) - p.alpha - h.T
        times[:, place] = np.where(there, np.clip(t, 0.0, horizon), np.nan)
    return times


def next_order_quantile(p: CNBDParams, h: History, tau: float | Vector, horizon: float) -> Vector:
    """One of `next_order_quantiles`.

    Parameters
    ----------
    p : CNBDParams
    h : History
    tau : float or ndarray of shape (rows,)
        In (0, 1).
    horizon : float
        H > 0.

    Returns
    -------
    ndarray of shape (rows,)
    """
    return next_order_quantiles(p, h, [tau], horizon)[:, 0]
