"""The order values of a purchase summary as the spend model reads them: checked, 0 where there is none."""

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from foretell.models.estimator import number_columns, refuse_rows

Vector = NDArray[np.float64]

COUNT = "orders_with_value"
VALUE = "mean_order_value"
SPREAD = "sum_log_value_ratios"


def read_values(summary: pl.DataFrame, *, reader: str) -> tuple[Vector, Vector]:
    """Read the number of orders with a positive value and their mean.

    Parameters
    ----------
    summary : polars.DataFrame
        With ``orders_with_value`` and ``mean_order_value``, the latter null or 0 where there is none.
    reader : str
        Who reads, for messages.

    Returns
    -------
    x, z : ndarray of shape (customers,)
        Both 0 where there is no order of positive value.

    Raises
    ------
    ColumnMismatch
        If a column is absent or does not hold numbers.
    DataError
        If counts are not whole numbers of at least 0, or values are not finite.
    """
    columns = number_columns(_without_nulls(summary), (COUNT, VALUE), reader=reader)
    x, z = columns[COUNT], columns[VALUE]
    refuse_rows({(COUNT, "must be a whole number, 0 or more"): (x < 0) | (x != np.floor(x))})
    used = (x > 0) & (z > 0)
    return np.where(used, x, 0.0), np.where(used, z, 0.0)


def read_spread(summary: pl.DataFrame, *, reader: str) -> Vector:
    """Read how far the values of each customer lie apart.

    Parameters
    ----------
    summary : polars.DataFrame
        With ``sum_log_value_ratios``.
    reader : str
        Who reads, for messages.

    Returns
    -------
    ndarray of shape (customers,)
        Sum of the logs of order values over their mean, <= 0.

    Raises
    ------
    ColumnMismatch
        If the column is absent or does not hold numbers.
    DataError
        If sums are positive or not finite.
    """
    spread = number_columns(summary, (SPREAD,), reader=reader)[SPREAD]
    refuse_rows({(SPREAD, "must be 0 or less"): spread > 0})
    return spread


def _without_nulls(summary: Any) -> Any:
    """Write 0 for a mean that does not exist; what is no frame is left to the reader of columns to refuse."""
    if not isinstance(summary, pl.DataFrame) or VALUE not in summary.columns:
        return summary
    value = pl.col(VALUE).cast(pl.Float64) if summary.schema[VALUE] == pl.Null else pl.col(VALUE)
    return summary.with_columns(value.fill_null(0))
