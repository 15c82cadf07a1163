"""Order values that no single giant order can carry off: a soft cap on the mean of a customer's orders.

A mean of x orders varies by 1 / sqrt(x) of what one order does, so what is believed grows with sqrt(x):

    z' = z up to K_x,        K_x (1 + ln(z / K_x)) above,        K_x = K sqrt(x),

K being a high quantile of the customers' mean values. The function is continuous and rising, with a continuous slope:
who spends more is still predicted more. The mean that is taken away is the level's to give back
(`foretell.models.level.Level.value`), which is learnt on the same values.
"""

import numpy as np
from numpy.typing import NDArray

from foretell.models.weighted import Counts, order_statistics

Vector = NDArray[np.float64]


def cap_of(z: Vector, quantile: float, customers: Counts) -> float:
    """Return the mean order value up to which the value of one order is believed.

    Parameters
    ----------
    z : ndarray of shape (customers,)
        Mean order values, > 0; at least one.
    quantile : float
        Within (0, 1).
    customers : ndarray of int64, shape (customers,)
        How often each counts.

    Returns
    -------
    float
        One of the values, never the largest of several: a single giant cannot raise it to itself.
    """
    place = np.floor((int(customers.sum()) - 1) * quantile).astype(np.int64)
    return float(order_statistics(z, customers, place))


def softly_capped(x: Vector, z: Vector, cap: float) -> Vector:
    """Return mean order values with the high end drawn in.

    Parameters
    ----------
    x : ndarray of shape (customers,)
        Orders behind each mean, >= 0.
    z : ndarray of shape (customers,)
        Mean order values, currency units, >= 0.
    cap : float
        As from `cap_of`, > 0.

    Returns
    -------
    ndarray of shape (customers,)
        At most `z`.
    """
    believed = cap * np.sqrt(np.maximum(x, 1.0))
    above = np.maximum(z / believed, 1.0)
    return np.where(above > 1, believed * (1 + np.log(above)), z)
