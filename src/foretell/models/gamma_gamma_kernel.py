"""The gamma-gamma model row by row: likelihood, expected order value.

Order values of a customer are Gamma(p, rate nu), nu ~ Gamma(q, rate v). A row holds x orders with a positive value
and their mean z. Sources: Fader, Hardie, Lee (2005), "RFM and CLV: using iso-value curves for customer base
analysis", Journal of Marketing Research 42(4); Fader, Hardie (2013), "The gamma-gamma model of monetary value".
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, digamma

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
    weight = parameters.p * x
    return np.asarray((weight * z + (parameters.q - 1.0) * population_mean) / (weight + parameters.q - 1.0), np.float64)


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
