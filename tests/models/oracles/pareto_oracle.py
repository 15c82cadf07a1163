"""The Pareto/NBD by adaptive integration and by simulation: slow, sharing symbols only with the package."""

import itertools
import math

import numpy as np
import polars as pl
from scipy.integrate import quad
from scipy.special import betainc, expit, gammaln
from scipy.stats import gamma


def dead_over_alive(p, x, t_x, T):
    """ln of the ratio of the dead to the alive part of the likelihood, by adaptive integration."""
    if t_x == T:
        return -math.inf
    n = p.r + x

    def log_f(tau):
        return -n * math.log((p.alpha + tau) / (p.alpha + t_x)) - (p.s + 1) * math.log((p.beta + tau) / (p.beta + t_x))

    # The integrand falls on the scale of (alpha + t_x) / n: pieces that double from there on.
    scale = 0.01 / (n / (p.alpha + t_x) + (p.s + 1) / (p.beta + t_x))
    edges = [t_x]
    while edges[-1] < T:
        edges.append(min(T, t_x + scale))
        scale *= 2
    total = math.fsum(
        quad(lambda tau: math.exp(log_f(tau)), low, high, epsabs=0, epsrel=1e-13)[0]
        for low, high in itertools.pairwise(edges)
    )
    log_alive = -n * math.log((p.alpha + T) / (p.alpha + t_x)) - p.s * math.log((p.beta + T) / (p.beta + t_x))
    return math.log(p.s / (p.beta + t_x) * total) - log_alive


def log_likelihood(p, x, t_x, T):
    n = p.r + x
    log_alive = (
        gammaln(n)
        - gammaln(p.r)
        + p.r * math.log(p.alpha)
        - n * math.log(p.alpha + T)
        + p.s * math.log(p.beta / (p.beta + T))
    )
    return log_alive + np.logaddexp(0.0, dead_over_alive(p, x, t_x, T))


def p_alive(p, x, t_x, T):
    return float(expit(-dead_over_alive(p, x, t_x, T)))


def mixed_likelihood(p, x, t_x, T):
    """Likelihood of one customer with given rates, averaged over the gamma laws of both rates.

    Trapezoids in the logarithms of the rates, where the integrand vanishes at both ends with all its derivatives.
    """
    rates = np.exp(np.linspace(-45.0, 3.0, 2000))
    step = math.log(rates[1] / rates[0])
    rate, dropout = rates[:, None], rates[None, :]
    both = rate + dropout
    likelihood = rate**x * (dropout * np.exp(-both * t_x) + rate * np.exp(-both * T)) / both
    weight_rate = gamma(p.r, scale=1 / p.alpha).pdf(rates) * rates * step
    weight_dropout = gamma(p.s, scale=1 / p.beta).pdf(rates) * rates * step
    return float(weight_rate @ likelihood @ weight_dropout)


def p_at_least(p, x, T, horizon, m):
    """P(X >= m | alive): mixture over the remaining lifetime of the negative binomial tail."""
    n, a, b = p.r + x, p.alpha + T, p.beta + T

    def f(life):
        return p.s / b * (1 + life / b) ** (-p.s - 1) * betainc(m, n, life / (a + life))

    edges = [0.0, *(horizon * np.array([0.003, 0.01, 0.03, 0.1, 0.3, 0.6, 1.0]))]
    dies = math.fsum(quad(f, low, high, epsabs=1e-14, epsrel=1e-12)[0] for low, high in itertools.pairwise(edges))
    return dies + (1 + horizon / b) ** -p.s * betainc(m, n, horizon / (a + horizon))


def simulate(p, *, customers, observed, future, seed):
    """Orders of customers drawn from the model: what is seen until T, and the number in the time after it."""
    rng = np.random.default_rng(seed)
    T = rng.uniform(*observed, customers)
    rate = rng.gamma(p.r, 1 / p.alpha, customers)
    life = rng.exponential(1 / rng.gamma(p.s, 1 / p.beta, customers))
    active = np.minimum(life, T)
    x = rng.poisson(rate * active)
    # Given their number, order times are uniform: the last one is the largest of x uniform numbers.
    t_x = np.where(x > 0, active * rng.uniform(size=customers) ** (1 / np.maximum(x, 1)), 0.0)
    left = np.clip(life - T, 0.0, future)
    wait = rng.exponential(1 / rate)
    first = np.where(wait <= left, wait, np.inf)
    remaining = np.maximum(left - wait, 0.0)
    later = np.where(np.isfinite(first), 1 + rng.poisson(rate * remaining), 0)
    return {"x": x, "t_x": t_x, "T": T, "alive": life > T, "future": later, "first": first}


def summary_of(x, t_x, T):
    return pl.DataFrame(
        {
            "customer_id": [f"c{number:06d}" for number in range(len(x))],
            "repeat_orders": np.asarray(x, dtype=np.int64),
            "days_first_to_last_order": np.asarray(t_x, dtype=np.float64),
            "days_observed": np.asarray(T, dtype=np.float64),
        }
    )
