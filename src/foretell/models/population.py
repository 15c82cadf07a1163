"""All customers of a shop at a cutoff as purchase and spend models read them: those that are alike counted together.

A summary has a row for each customer; this has a row for each history, wherever the customers were counted. Fits to
the one and to the other are the same to the last bit.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from foretell.models.compress import Compressed, compress
from foretell.models.history import HISTORY, LAST, OBSERVED, Histories, Summary, frame_of, read_history, sum_log_gaps
from foretell.models.order_values import COUNT, SPREAD, VALUE, read_spread, read_values
from foretell.models.weighted import exact_parts
from foretell.tables.buckets import drawn

MOST_VALUED = 1_000_000
"""Customers whose order values are read; of more, about so many chosen by hash. Hardly two means are alike, so that
counting together saves nothing here, and a thousandth of an order value is known from a million."""

VALUED = "values"
"""Salt of that choice."""

_NAME = "Population"


@dataclass(frozen=True, eq=False)
class Values:
    """Orders of positive value and their mean, of customers.

    Parameters
    ----------
    x, z : ndarray of float64, shape (rows,)
        Number of such orders and their mean in currency units; both 0 without one.
    customers : ndarray of int64, shape (rows,)
        How many customers each row stands for; rows may repeat.
    spread : ndarray of float64, shape (rows,), or None
        Sum of the logs of a customer's order values over their mean, <= 0; None where nobody added it up.
    """

    x: NDArray[np.float64]
    z: NDArray[np.float64]
    customers: NDArray[np.int64]
    spread: NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class Population:
    """Customers with a purchase before a cutoff.

    Parameters
    ----------
    histories : Compressed
        x, t_x and T of all customers, as from `foretell.models.history.read_history`; its index is not used.
    log_gaps : tuple of (float, float)
        Sum of the logarithms of all gaps in days, in exact parts.
    paying : int
        Customers with an order of positive value.
    values : Values or None
        Of all customers, or of those chosen by hash where there are more than `MOST_VALUED`; None without money.
    """

    histories: Compressed
    log_gaps: tuple[float, float]
    paying: int
    values: Values | None

    @classmethod
    def of(cls, customers: Summary) -> Self:
        """Count the customers of a summary.

        Parameters
        ----------
        customers : polars.DataFrame or Histories
            One row per customer, as from `foretell.features.summary.purchase_summary`.

        Returns
        -------
        Population

        Raises
        ------
        ColumnMismatch, DataError
            As from `foretell.models.history.read_history`.
        """
        counted, summary = cls.counted(customers), frame_of(customers)
        if summary["historic_spend"].null_count() == summary.height:
            return counted
        chosen = drawn(summary["customer_id"], MOST_VALUED, among=summary.height, salt=VALUED)
        return cls(
            counted.histories,
            counted.log_gaps,
            counted.paying,
            valued(summary if chosen.all() else summary.filter(chosen)),
        )

    @classmethod
    def counted(cls, customers: Summary) -> Self:
        """Count the customers of a summary, and leave their order values out.

        Parameters
        ----------
        customers : polars.DataFrame or Histories
            As for `of`.

        Returns
        -------
        Population
            Without values.

        Raises
        ------
        ColumnMismatch, DataError
            As from `of`.
        """
        return cls(
            read_history(customers, reader=_NAME),
            exact_parts(sum_log_gaps(customers, reader=_NAME)),
            int((frame_of(customers)[COUNT] > 0).sum()),
            None,
        )

    @classmethod
    def summed(cls, rows: pl.DataFrame, *, log_gaps: Sequence[float], paying: int, values: Values | None) -> Self:
        """Return the population whose parts were counted apart.

        Parameters
        ----------
        rows : polars.DataFrame
            x, t_x and T under their names, and ``customers``; rows may repeat.
        log_gaps : sequence of float
            Exact parts of all sums.
        paying : int
            Customers with an order of positive value.
        values : Values or None
            As of the whole.

        Returns
        -------
        Population
        """
        weights = rows["customers"].cast(pl.Int64).to_numpy()
        histories = compress({name: rows[name].cast(pl.Float64).to_numpy() for name in HISTORY}, weights)
        whole = math.fsum(log_gaps)
        return cls(histories, (whole, math.fsum([*log_gaps, -whole])), paying, values)

    @property
    def customers(self) -> int:
        """Number of customers."""
        return self.histories.rows

    @property
    def sum_log_gaps(self) -> float:
        """Sum of the logarithms of all gaps in days, rounded once."""
        return math.fsum(self.log_gaps)

    @property
    def days_observed(self) -> int:
        """Days from the very first purchase day to the last day seen; 0 without a customer."""
        return int(self.histories.columns[OBSERVED].max(initial=0))

    @property
    def newest_wait_days(self) -> float:
        """Days from the newest purchase day of all to the first unseen day; infinite without a customer."""
        columns = self.histories.columns
        return float((columns[OBSERVED] - columns[LAST]).min(initial=np.inf)) + 1

    @property
    def history_days(self) -> int:
        """Days from the very first purchase day to the first unseen one; 0 where all purchases were on one day."""
        one_day = self.newest_wait_days == self.days_observed + 1
        return 0 if not self.customers or one_day else self.days_observed + 1

    def history_rows(self) -> Histories:
        """Return a row for each history, for the methods of purchase models; the key is its number."""
        columns, distinct = self.histories.columns, self.histories.distinct
        frame = pl.DataFrame({name: columns[name] for name in HISTORY}).with_row_index("customer_id")
        return Histories(frame, Compressed(columns, np.ones(distinct, np.int64), np.arange(distinct)))

    def value_rows(self) -> pl.DataFrame:
        """Return a row for each row of `values`, for the methods of spend models; the key is its number.

        Returns
        -------
        polars.DataFrame
            No row without money.
        """
        if self.values is None:
            return pl.DataFrame(schema={"customer_id": pl.UInt32, COUNT: pl.Float64, VALUE: pl.Float64})
        return pl.DataFrame({COUNT: self.values.x, VALUE: self.values.z}).with_row_index("customer_id")


def valued(summary: pl.DataFrame, *, reader: str = _NAME) -> Values:
    """Read the order values of a summary, a row for each customer.

    Parameters
    ----------
    summary : polars.DataFrame
        With ``orders_with_value`` and ``mean_order_value``, and ``sum_log_value_ratios`` where it is wanted.
    reader : str
        Who reads, for messages.

    Returns
    -------
    Values

    Raises
    ------
    ColumnMismatch, DataError
        As from `foretell.models.order_values.read_values` and `read_spread`.
    """
    x, z = read_values(summary, reader=reader)
    spread = read_spread(summary, reader=reader) if SPREAD in summary.columns else None
    return Values(x, z, np.ones(x.size, np.int64), spread)


def histories_of(customers: Summary | Population, *, reader: str) -> Compressed:
    """Return x, t_x and T of customers, one by one or counted.

    Parameters
    ----------
    customers : polars.DataFrame, Histories or Population
        A summary, or who was counted before.
    reader : str
        Who reads, for messages.

    Returns
    -------
    Compressed

    Raises
    ------
    ColumnMismatch, DataError
        As from `foretell.models.history.read_history`.
    """
    return customers.histories if isinstance(customers, Population) else read_history(customers, reader=reader)


def log_gaps_of(customers: Summary | Population, *, reader: str) -> float:
    """Return the sum of the logarithms of all gaps in days.

    Parameters
    ----------
    customers, reader
        As for `histories_of`; the summary has ``sum_log_gaps_days``.

    Returns
    -------
    float

    Raises
    ------
    ColumnMismatch, DataError
        As from `foretell.models.history.sum_log_gaps`.
    """
    if isinstance(customers, Population):
        return customers.sum_log_gaps
    return math.fsum(sum_log_gaps(customers, reader=reader))


def values_of(customers: Summary | Population, *, reader: str) -> Values:
    """Return the order values of customers, one by one or counted.

    Parameters
    ----------
    customers, reader
        As for `histories_of`; the summary has ``orders_with_value`` and ``mean_order_value``.

    Returns
    -------
    Values

    Raises
    ------
    ColumnMismatch, DataError
        As from `foretell.models.order_values.read_values`.
    """
    if isinstance(customers, Population):
        return customers.values or Values(np.zeros(0), np.zeros(0), np.zeros(0, np.int64), np.zeros(0))
    return valued(frame_of(customers), reader=reader)
