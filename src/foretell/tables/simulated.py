"""What a simulated shop consists of before it becomes tables: people, purchases, refunds."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class People:
    """What is true of each customer; arrays of one length.

    Parameters
    ----------
    kind : ndarray of int
        One-time, random or regular buyer.
    rate_per_day : ndarray of float
        Orders a day while a customer.
    gap_shape : ndarray of int
        Erlang shape of the gaps.
    leave : ndarray of float
        Probability to leave after an order.
    mean_value : ndarray of float
        Mean order value in currency units.
    """

    kind: Ints
    rate_per_day: Floats
    gap_shape: Ints
    leave: Floats
    mean_value: Floats


@dataclass(frozen=True)
class Purchases:
    """Orders of the period.

    Parameters
    ----------
    who : ndarray of int
        Customer of each order.
    seconds : ndarray of int
        Seconds after the start of each order.
    cents : ndarray of int
        Value of each order.
    left : ndarray of int
        For each customer, whether they left (1) before the end.
    """

    who: Ints
    seconds: Ints
    cents: Ints
    left: Ints

    def numbers(self) -> Ints:
        """Return the number of each order in order of time, from 1."""
        in_time = np.lexsort((self.who, self.seconds))
        number = np.empty(in_time.size, dtype=np.int64)
        number[in_time] = np.arange(1, in_time.size + 1)
        return number


@dataclass(frozen=True)
class Refunds:
    """Refunds that were seen.

    Parameters
    ----------
    order : ndarray of int
        Position of the order among purchases.
    seconds : ndarray of int
        Seconds after the start.
    cents : ndarray of int
        Cents handed back.
    """

    order: Ints
    seconds: Ints
    cents: Ints


def identifier(column: str, prefix: str) -> pl.Expr:
    """Return ids as text of one length.

    Parameters
    ----------
    column : str
        Column of numbers.
    prefix : str
        One letter.

    Returns
    -------
    polars.Expr
        String.
    """
    return prefix + pl.col(column).cast(pl.String).str.zfill(8)


def instant(start: datetime, seconds: str) -> pl.Expr:
    """Return instants from seconds after the start.

    Parameters
    ----------
    start : datetime
        First instant of the shop.
    seconds : str
        Column of whole seconds.

    Returns
    -------
    polars.Expr
        Datetime[us].
    """
    return pl.lit(start, pl.Datetime("us")) + pl.duration(seconds=pl.col(seconds))
