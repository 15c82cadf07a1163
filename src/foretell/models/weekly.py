"""What a purchase model expects of all customers together, week by week."""

import math
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

Vector = NDArray[np.float64]

_NODES = 9


class ExpectsOrders(Protocol):
    """What is asked of a fitted purchase model, such as `MBGCNBD` or `ParetoNBD`."""

    def expected_orders(self, summary: pl.DataFrame, horizon_days: float) -> pl.DataFrame:
        """Expected orders within a horizon, column ``expected_orders``."""
        ...


def week_edges(horizon_days: int) -> NDArray[np.int64]:
    """Return the days at which the weeks of a horizon begin and end.

    Parameters
    ----------
    horizon_days : int
        > 0.

    Returns
    -------
    ndarray of int64, shape (weeks + 1,)
        0, 7, 14, ..., and the horizon itself.
    """
    return np.minimum(np.arange(math.ceil(horizon_days / 7) + 1) * 7, horizon_days)


def weekly_expected(
    model: ExpectsOrders, summary: pl.DataFrame, horizon_days: int, order_value: Vector | None = None
) -> tuple[Vector, Vector]:
    """Return the purchases and the money expected in each week, summed over customers.

    Expected purchases grow smoothly with time, so their total is computed at a few spread points and interpolated by
    a monotone cubic. Results of several groups of customers add up.

    Parameters
    ----------
    model : ExpectsOrders
        A fitted purchase model.
    summary : polars.DataFrame
        As from `features.summary.purchase_summary`; may be empty.
    horizon_days : int
        > 0. The last week may have fewer than seven days.
    order_value : ndarray of shape (customers,), optional
        Expected money per purchase of each customer, in currency units; None leaves money at 0.

    Returns
    -------
    orders, spend : ndarray of shape (weeks,)
        Purchase days, and currency units.
    """
    from scipy.interpolate import PchipInterpolator

    edges = week_edges(horizon_days)
    if summary.is_empty():
        return np.zeros(edges.size - 1), np.zeros(edges.size - 1)
    # Chebyshev points: dense at both ends, where the curve bends most.
    nodes = horizon_days * (1 - np.cos(np.pi * np.arange(_NODES) / (_NODES - 1))) / 2
    value = np.zeros(summary.height) if order_value is None else order_value
    totals = np.zeros((_NODES, 2))
    for row, node in enumerate(nodes[1:], start=1):
        expected = model.expected_orders(summary, float(node))["expected_orders"].to_numpy()
        totals[row] = np.sum(expected), np.sum(expected * value)
    # The cubic keeps a rising curve rising, but for the last bits.
    weekly = np.maximum(np.diff(PchipInterpolator(nodes, totals)(edges), axis=0), 0.0)
    return weekly[:, 0], weekly[:, 1]
