"""Discounted expected orders of any purchase model, from its expected orders alone.

Convention: continuous discounting in exact days at ``ln(1 + annual rate) / 365.25`` per day, each order at the time
it is expected. Discounting at the end of each day instead gives values about 0.02 % lower.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from foretell.models.pareto_kernel import legendre

Vector = NDArray[np.float64]

DAYS_PER_YEAR = 365.25
_NODES = 16


def daily_discount_rate(annual_discount_rate: float) -> float:
    """Continuous rate of discount per day that belongs to an annual rate.

    Parameters
    ----------
    annual_discount_rate : float
        For example 0.1: money in one year is worth 1 / 1.1 of money now. At least 0.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the rate is negative or not finite.
    """
    if not (math.isfinite(annual_discount_rate) and annual_discount_rate >= 0.0):
        message = f"annual_discount_rate must be a finite number of at least 0, not {annual_discount_rate!r}"
        raise ValueError(message)
    return math.log1p(annual_discount_rate) / DAYS_PER_YEAR


def discounted_expected_orders(
    expected_orders: Callable[[float], Vector], horizon_days: float, annual_discount_rate: float
) -> Vector:
    """Discounted expected orders within a horizon.

    Parameters
    ----------
    expected_orders : callable
        Takes a number of days t, returns the expected orders of each customer in the t days to come, shape (rows,).
    horizon_days : float
        Length of the horizon in days, > 0, finite.
    annual_discount_rate : float
        At least 0; 0 returns ``expected_orders(horizon_days)``.

    Returns
    -------
    ndarray of shape (rows,)

    Raises
    ------
    ValueError
        If the rate is negative or not finite.

    Notes
    -----
    By parts: ``integral_0^h e^(-delta t) dE(t) = e^(-delta h) E(h) + delta integral_0^h e^(-delta t) E(t) dt``, the
    integral by Gauss-Legendre with 16 nodes (relative error 1e-11 at one year). The quantity is the DET of Fader,
    Hardie (2020), "Deriving an expression for P(X(t) = x) under the Pareto/NBD model" and related notes, for a
    finite horizon.
    """
    delta = daily_discount_rate(annual_discount_rate)
    total = expected_orders(horizon_days)
    if delta == 0.0:
        return total
    total = math.exp(-delta * horizon_days) * total
    for node, weight in legendre(_NODES):
        time = horizon_days * node
        total += delta * horizon_days * weight * math.exp(-delta * time) * expected_orders(time)
    return total
