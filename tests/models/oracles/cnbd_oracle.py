"""Slow, obvious re-implementations of the (M)BG/CNBD-k: numeric integration, direct sums, simulation."""

import math
from itertools import pairwise

import numpy as np
import polars as pl
from scipy.integrate import quad
from scipy.special import betainc, betaln, gammaln, hyp2f1


def _log_scale_integral(log_density, centre):
    """Integral of exp(log_density(z)) over the real line, z smooth and falling off exponentially."""
    pieces = [centre - 400, centre - 40, centre - 10, centre - 3, centre, centre + 3, centre + 10, centre + 40]
    return sum(
        quad(lambda z: math.exp(log_density(z)), low, high, epsabs=0, epsrel=1e-11, limit=400)[0]
        for low, high in pairwise(pieces)
    )


def _over_rates(p, power, time, silence):
    """E[lambda^power e^(-lambda time) S_k(lambda silence)], lambda ~ Gamma(r, alpha), on z = ln lambda."""

    def log_density(z):
        rate = math.exp(z)
        phases = sum((rate * silence) ** j / math.factorial(j) for j in range(p.k))
        prior = p.r * math.log(p.alpha) - math.lgamma(p.r) + p.r * z - p.alpha * rate
        return prior + power * z - rate * (time + silence) + math.log(phases)

    return _log_scale_integral(log_density, math.log((p.r + power) / (p.alpha + time + silence)))


def _over_coins(p, leave, stay):
    """E[p^leave (1-p)^stay], p ~ Beta(a, b), on z = logit p."""

    def log_density(z):
        log_p, log_not_p = -np.logaddexp(0.0, -z), -np.logaddexp(0.0, z)
        return (p.a + leave) * log_p + (p.b + stay) * log_not_p - betaln(p.a, p.b)

    return _log_scale_integral(log_density, math.log((p.a + leave) / (p.b + stay)))


def log_likelihood(p, x, t_x, T, log_gaps):
    """Marginal likelihood by integrating the individual one over lambda and p."""
    stay = x if p.dropout_at_first else max(x - 1, 0)
    gone = 0.0 if x == 0 and not p.dropout_at_first else _over_coins(p, 1, stay) * _over_rates(p, p.k * x, t_x, 0.0)
    coins = 0 if x == 0 and not p.dropout_at_first else 1
    alive = _over_coins(p, 0, stay + coins) * _over_rates(p, p.k * x, t_x, T - t_x)
    return (p.k - 1) * log_gaps - x * math.lgamma(p.k) + math.log(gone + alive)


def expected_orders(p, x, t_x, T, t, *, most=40_000):
    """P(alive) times the sum over m of g_m R_m, R_m by regularised incomplete beta functions."""
    n = p.r + p.k * x
    q, u = (T - t_x) / (p.alpha + T), t / (p.alpha + T + t)
    c = np.array([math.exp(gammaln(n + j) - gammaln(n) - gammaln(j + 1)) * q**j for j in range(p.k)])
    w = math.exp(n * math.log1p(-q)) * c.sum()
    m = np.arange(1, most)
    reached = sum(c[j] / c.sum() * betainc(p.k * m - j, n + j, u) for j in range(p.k))
    coins = p.b + x + (1 if p.dropout_at_first else 0)
    survived = np.exp(betaln(p.a, coins + m - 1) - betaln(p.a, coins))
    odds = p.a / (coins - 1) if p.dropout_at_first or x > 0 else 0.0
    return w / (w + odds) * float((survived * reached).sum())


def expected_orders_k1(p, x, T, t, p_alive):
    """Closed form with 2F1 for the MBG/NBD (k = 1)."""
    u = t / (p.alpha + T + t)
    hyper = hyp2f1(p.r + x, p.b + x + 1, p.a + p.b + x, u)
    return p_alive * (p.a + p.b + x) / (p.a - 1) * (1 - ((p.alpha + T) / (p.alpha + T + t)) ** (p.r + x) * hyper)


def simulate(p, *, customers, observed, future, seed):
    """Customers drawn from the model, in continuous time.

    Returns a dict of arrays: x, t_x, T, log_gaps, alive (at T), next (time of the first order after T since T, inf if
    none within the future), later (orders in (T, T + future]).
    """
    rng = np.random.default_rng(seed)
    T = rng.uniform(*observed, customers)
    rate = rng.gamma(p.r, 1 / p.alpha, customers)
    leave = rng.beta(p.a, p.b, customers)
    x, t_x, log_gaps, later = (np.zeros(customers) for _ in range(4))
    first_after = np.full(customers, np.inf)
    alive_at_T = np.zeros(customers, bool)
    now = np.zeros(customers)
    going = np.arange(customers)
    if p.dropout_at_first:
        going = going[rng.random(going.size) >= leave[going]]
    while going.size:
        gap = rng.gamma(p.k, 1 / rate[going])
        then = now[going] + gap
        crossing = (now[going] <= T[going]) & (then > T[going])
        alive_at_T[going[crossing]] = True
        first_after[going[crossing]] = then[crossing] - T[going[crossing]]
        now[going] = then
        early = then <= T[going]
        seen = going[early]
        x[seen] += 1
        t_x[seen] = then[early]
        log_gaps[seen] += np.log(gap[early])
        later[going[~early & (then <= T[going] + future)]] += 1
        going = going[then <= T[going] + future]
        going = going[rng.random(going.size) >= leave[going]]
    first_after[first_after > future] = np.inf
    return {
        "x": x, "t_x": t_x, "T": T, "log_gaps": log_gaps, "alive": alive_at_T, "next": first_after, "later": later
    }  # fmt: skip


def summary_of(x, t_x, T, log_gaps=None):
    """Return a summary frame with the columns that the estimators read."""
    x, t_x, T = (np.atleast_1d(np.asarray(values, dtype=np.float64)) for values in (x, t_x, T))
    return pl.DataFrame(
        {
            "customer_id": [f"c{row:06d}" for row in range(x.size)],
            "repeat_orders": x.astype(np.int64),
            "days_first_to_last_order": t_x,
            "days_observed": T,
            "sum_log_gaps_days": np.zeros(x.size) if log_gaps is None else np.asarray(log_gaps, dtype=np.float64),
        }
    )
