"""A purchase summary as the sufficient statistics of the purchase models: checked, compressed."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from foretell.errors import FitError
from foretell.models.compress import Compressed, compress
from foretell.models.estimator import number_columns, refuse_rows

ORDERS = "repeat_orders"
LAST = "days_first_to_last_order"
OBSERVED = "days_observed"
LOG_GAPS = "sum_log_gaps_days"
HISTORY = (ORDERS, LAST, OBSERVED)


@dataclass(frozen=True, eq=False)
class Histories:
    """A purchase summary whose distinct rows were found already: for those who ask several things of it.

    Parameters
    ----------
    summary : polars.DataFrame
        One row per customer, as for `read_history`.
    rows : Compressed
        As from `read_history`.
    """

    summary: pl.DataFrame
    rows: Compressed

    @classmethod
    def of(cls, summary: pl.DataFrame, *, reader: str) -> Self:
        """Read a summary.

        Parameters
        ----------
        summary : polars.DataFrame
            As for `read_history`.
        reader : str
            Who reads, for messages.

        Returns
        -------
        Histories

        Raises
        ------
        ColumnMismatch, DataError
            As from `read_history`.
        """
        return cls(summary, read_history(summary, reader=reader))


Summary = pl.DataFrame | Histories


def frame_of(summary: Summary) -> pl.DataFrame:
    """Return the frame with one row per customer.

    Parameters
    ----------
    summary : polars.DataFrame or Histories

    Returns
    -------
    polars.DataFrame
    """
    return summary.summary if isinstance(summary, Histories) else summary


def read_history(summary: Summary, *, reader: str) -> Compressed:
    """Read x, t_x and T of every customer, check them, and keep the distinct rows.

    Parameters
    ----------
    summary : polars.DataFrame or Histories
        One row per customer with ``repeat_orders`` (purchase days after the first), ``days_first_to_last_order``
        and ``days_observed`` since the first order. Days may be any other unit, one for the whole frame.
    reader : str
        Who reads, for messages.

    Returns
    -------
    Compressed
        Columns ``repeat_orders``, ``days_first_to_last_order``, ``days_observed``.

    Raises
    ------
    ColumnMismatch
        If a column is absent or does not hold numbers.
    DataError
        If a value is missing or not finite, counts are negative or broken, or times contradict one another.
    """
    if isinstance(summary, Histories):
        return summary.rows
    columns = number_columns(summary, HISTORY, reader=reader)
    x, t_x, T = (columns[name] for name in HISTORY)
    refuse_rows(
        {
            (ORDERS, "must be a whole number, 0 or more"): (x < 0) | (x != np.floor(x)),
            (LAST, "must not be negative"): t_x < 0,
            (LAST, f"must not be later than {OBSERVED}"): t_x > T,
            (LAST, f"must be 0 where {ORDERS} is 0, and only there"): (x == 0) != (t_x == 0),
        },
        remedy="compute the summary from purchase days, one per customer and day",
    )
    return compress(columns)


def require_repeats(rows: Compressed) -> None:
    """Refuse a history from which no purchase model can learn when customers come back.

    Parameters
    ----------
    rows : Compressed
        From `read_history`.

    Raises
    ------
    FitError
        If nobody has a second purchase day.
    """
    if not rows.columns[ORDERS].any():
        message = (
            f"The purchase model learns from customers who came back; none of {rows.rows:,} has a second purchase "
            "day. Use a longer history, or check how customers are identified."
        )
        raise FitError(message)


def sum_log_gaps(summary: Summary, *, reader: str) -> NDArray[np.float64]:
    """Read ``sum_log_gaps_days``: the sum of the logarithms of each customer's gaps.

    Parameters
    ----------
    summary : polars.DataFrame or Histories
    reader : str
        Who reads, for messages.

    Returns
    -------
    ndarray of float64, shape (customers,)

    Raises
    ------
    ColumnMismatch, DataError
        As `read_history`.
    """
    return number_columns(frame_of(summary), (LOG_GAPS,), reader=reader)[LOG_GAPS]


def positive_horizon(days: float) -> float:
    """Return a horizon as a float.

    Parameters
    ----------
    days : float
        Length of a window, in the unit of the summary.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If it is not finite and above 0.
    """
    if not (math.isfinite(days) and days > 0):
        message = "horizon_days must be a positive number"
        raise ValueError(message)
    return float(days)
