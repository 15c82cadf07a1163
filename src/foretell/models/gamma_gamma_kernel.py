"""The gamma-gamma model row by row: likelihood, expected order value.

Order values of a customer are Gamma(p, rate nu), nu ~ Gamma(q, rate v). A row holds x orders with a positive value
and their mean z. Sources: Fader, Hardie, Lee (2005), "RFM and CLV: using iso-value curves for customer base
analysis", Journal of Marketing Research 42(4); Fader, Hardie (2013), "The gamma-gamma model of monetary value".
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, digamma, gammaln

from foretell.models.optimise import Objective

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class GammaGammaParameters:
    """Parameters of the gamma-gamma model; v carries the currency unit.

    Attributes
    ----------
    p : float
        Shape of the order values of one customer: they vary by 1 / sqrt(p) around their mean.
    q, v : float
        Shape and rate of the gamma law of the rates nu.
    """

    p: float
    q: float
    v: float


def log_likelihood(parameters: GammaGammaParameters, x: Vector, z: Vector) -> Vector:
    """Log-likelihood of each row, as a density of the mean value.

    Parameters
    ----------
    parameters : GammaGammaParameters
    x, z : ndarray of shape (rows,)
        Number of orders with a positive value, >= 1, and their mean, > 0.

    Returns
    -------
    ndarray of shape (rows,)

    Notes
    -----
    Fader, Hardie (2013), eq. 1a.
    """
    p, q, v = parameters.p, parameters.q, parameters.v
    px = p * x
    return np.asarray(
        -betaln(px, q) - q * np.log1p(x * z / v) - px * np.log1p(v / (x * z)) - np.log(z),
        dtype=np.float64,
    )


def expected_value(parameters: GammaGammaParameters, population_mean: float, x: Vector, z: Vector) -> Vector:
    """Expected value of the next order of each customer.

    Parameters
    ----------
    parameters : GammaGammaParameters
    population_mean : float
        Mean of the population: p v / (q - 1), or what replaces it.
    x, z : ndarray of shape (rows,)
        Number of orders with a positive value and their mean; z is not read where x is 0.

    Returns
    -------
    ndarray of shape (rows,)

    Notes
    -----
    Fader, Hardie (2013), eq. 5, ``p (v + x z) / (p x + q - 1)``, as the mean of ``z`` and the population mean with
    weights ``p x`` and ``q - 1``.
    """
    return credible_value((parameters.q - 1.0) / parameters.p, population_mean, x, z)


def credible_value(prior_orders: float, population_mean: float, x: Vector, z: Vector) -> Vector:
    """Mean of a customer's own mean value and the population's, as far as either is believed.

    Parameters
    ----------
    prior_orders : float
        Number of orders that the population counts for, > 0: (q - 1) / p in the model.
    population_mean : float
        Mean of the population.
    x, z : ndarray of shape (rows,)
        Number of orders with a positive value and their mean; z is not read where x is 0.

    Returns
    -------
    ndarray of shape (rows,)

    Notes
    -----
    Bühlmann (1967), "Experience rating and credibility", ASTIN Bulletin 4(3).
    """
    return np.asarray((x * z + prior_orders * population_mean) / (x + prior_orders), np.float64)


def mean_negative_likelihood(x: Vector, z: Vector, weights: Vector) -> Objective:
    """Return the objective of a fit: a function of ln p, ln(q - 1), ln v.

    Parameters
    ----------
    x, z : ndarray of shape (rows,)
        As for `log_likelihood`.
    weights : ndarray of shape (rows,)
        Customers behind each row.

    Returns
    -------
    callable
        Gives the mean negative log-likelihood and its gradient. What depends on x alone is summed over the few distinct
        values of x.
    """
    share = weights / weights.sum()
    count, which = np.unique(x, return_inverse=True)
    count_share = np.bincount(which, share)
    x_share = share * x
    log_z = float((share * np.log(z)).sum())
    log_total = float((share * np.log(x * z)).sum())
    inverse = 1.0 / (x * z)

    def objective(theta: Vector) -> tuple[float, Vector]:
        p, excess, v = np.exp(theta).tolist()
        q = 1.0 + excess
        px = p * count
        y = v * inverse
        one_y = 1.0 + y
        log_one_y = np.log(one_y)
        others = float((share * log_one_y).sum()) + log_total - math.log(v)
        own = float((x_share * log_one_y).sum())
        psi = digamma(px + q)
        value = -float((count_share * betaln(px, q)).sum()) - q * others - p * own
        x_share_y = float((x_share * (y / one_y)).sum())
        share_one = float((share / one_y).sum())
        gradient = np.array(
            [
                float((count_share * px * (psi - digamma(px))).sum()) - p * own,
                excess * (float((count_share * psi).sum()) - float(digamma(q)) - others),
                q * share_one - p * x_share_y,
            ]
        )
        return log_z - value, -gradient

    return objective


class SharesLikelihood:
    """Mean log-likelihood of how customers' spend is shared out between their own orders: a function of p alone.

    Parameters
    ----------
    x : ndarray of shape (rows,)
        Number of orders with a positive value, >= 1.
    customers : ndarray of shape (rows,)
        Customers behind each row.
    spread : float
        Sum over all customers and orders of ln(value / mean value of the customer), <= 0.
    over : float
        What the sum over customers is divided by.

    Notes
    -----
    Given their sum S, Gamma(p, nu) values are S times shares that are Dirichlet(p, ..., p), whatever nu is: together
    with `log_likelihood` of the means this is the likelihood of all order values. A row with x = 1 has one share, 1,
    and says nothing.
    """

    def __init__(self, x: Vector, customers: Vector, spread: float, *, over: float) -> None:
        self._count, which = np.unique(x, return_inverse=True)
        self._customers = np.bincount(which, customers)
        self._orders = float((self._customers * self._count).sum())
        self._log_shares = spread - float((self._customers * self._count * np.log(self._count)).sum())
        self._over = over

    def __call__(self, p: float) -> tuple[float, float]:
        """Return the mean log-likelihood and its derivative with respect to ln p."""
        px = p * self._count
        value = float((self._customers * gammaln(px)).sum()) - self._orders * float(gammaln(p))
        slope = float((self._customers * self._count * digamma(px)).sum()) - self._orders * float(digamma(p))
        # One-time buyers: p - 1 times a log share of 0.
        return (value + (p - 1) * self._log_shares) / self._over, p * (slope + self._log_shares) / self._over


def expected_log_ratios(p: float) -> float:
    """Return the expected sum of ln(value / mean value) of a customer with two orders.

    Parameters
    ----------
    p : float
        Shape of one customer's order values, > 0.

    Returns
    -------
    float
        2 (digamma(p) - digamma(2 p) + ln 2), < 0: shares of two are Beta(p, p), and digamma(p) - digamma(2 p) is the
        mean of their log.
    """
    return 2.0 * float(digamma(p) - digamma(2.0 * p) + np.log(2.0))
