"""What a purchase model expects of all customers together, week by week."""

import math
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

Vector = NDArray[np.float64]

_NODES = 9
ORDERS_STEP = 2.0**-32
"""Grid of expected purchases: totals up to two thousand million purchase days fit into 64 bits."""
MONEY_STEP = 2.0**-18
"""Grid of expected money, in currency units: totals up to 3.5e13 fit into 64 bits."""


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
    return weeks_of(expected_totals(model, summary, horizon_days, order_value), horizon_days)


def node_days(horizon_days: int) -> Vector:
    """Return the days of a horizon at which totals are computed: Chebyshev points, dense where the curve bends most.

    Parameters
    ----------
    horizon_days : int
        > 0.

    Returns
    -------
    ndarray of shape (nodes,)
        From 0 to the horizon.
    """
    return horizon_days * (1 - np.cos(np.pi * np.arange(_NODES) / (_NODES - 1))) / 2


def expected_totals(
    model: ExpectsOrders, summary: pl.DataFrame, horizon_days: int, order_value: Vector | None = None
) -> NDArray[np.int64]:
    """Return the purchases and the money expected by each of a few days, summed over customers.

    Each customer's number is rounded to a fixed grid before it is added, so that totals of several groups of
    customers add up exactly, however the customers are split.

    Parameters
    ----------
    model, summary, horizon_days, order_value
        As for `weekly_expected`.

    Returns
    -------
    ndarray of int64, shape (nodes, 2)
        By the days of `node_days`: purchase days in units of `ORDERS_STEP`, money in units of `MONEY_STEP`.
    """
    totals = np.zeros((_NODES, 2), dtype=np.int64)
    if summary.is_empty():
        return totals
    value = np.zeros(summary.height) if order_value is None else order_value
    for row, node in enumerate(node_days(horizon_days)[1:], start=1):
        expected = model.expected_orders(summary, float(node))["expected_orders"].to_numpy()
        totals[row] = _whole(expected, ORDERS_STEP), _whole(expected * value, MONEY_STEP)
    return totals


def weeks_of(totals: NDArray[np.int64], horizon_days: int) -> tuple[Vector, Vector]:
    """Return what is expected in each week, from totals by a few days.

    Expected purchases grow smoothly with time, so a monotone cubic through the totals is close between them. It is
    not linear in them: add the totals of groups of customers first.

    Parameters
    ----------
    totals : ndarray of int64, shape (nodes, 2)
        As from `expected_totals`.
    horizon_days : int
        > 0.

    Returns
    -------
    orders, spend : ndarray of shape (weeks,)
        Purchase days, and currency units.
    """
    from scipy.interpolate import PchipInterpolator

    edges = week_edges(horizon_days)
    curve = PchipInterpolator(node_days(horizon_days), totals * np.array([ORDERS_STEP, MONEY_STEP]))
    # The cubic keeps a rising curve rising, but for the last bits.
    weekly = np.maximum(np.diff(curve(edges), axis=0), 0.0)
    return weekly[:, 0], weekly[:, 1]


def _whole(values: Vector, step: float) -> int:
    return int(np.rint(values / step).astype(np.int64).sum())
