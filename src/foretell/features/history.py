"""The purchase days of every customer as flat arrays, sorted by customer and day, as of a cutoff.

Sorting once here lets every feature be a linear pass over integers. Counts, days and money are whole numbers,
so their sums are exact and the same for any number of threads and any split of the customers into buckets.
"""

from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from foretell.errors import ColumnMismatch
from foretell.features.customer_numbers import numbered, sorted_within
from foretell.tables.dataset import CustomerData
from foretell.tables.purchases import loose_refunds, purchases
from foretell.windows import as_cutoff, first_unseen_day

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_EPOCH = date(1970, 1, 1)
_INT64_MAX = np.iinfo(np.int64).max
# Logs of gaps are added as whole multiples of this step, so that the sum is exact in any order. The step
# keeps every log to 3e-14, and the sum over any span of 250 years fits into 64 bits.
_LOG_STEP = 2.0**-44
_AT_ONCE = 2**13


@dataclass(frozen=True, eq=False)
class PurchaseHistory:
    """Purchase days before a cutoff, one segment of rows per customer, sorted by customer and day.

    Attributes
    ----------
    customer_id : pl.Series
        One id per customer with at least one purchase, ascending. Length C.
    end_day : int
        First day of which nothing is seen, in days since 1970-01-01.
    start : ndarray of int64, shape (C,)
        Index of each customer's first row.
    day : ndarray of int64, shape (N,)
        Purchase day of each row, in days since 1970-01-01, ascending within a customer.
    order_rows : ndarray of int64 or int32, shape (N,)
        Order rows that fell on the day.
    amount : ndarray of int64, shape (N,), or None
        Money of the day in minor units, >= 0; None where the shop has no amounts.
    loose_refund : ndarray of int64, shape (C,), or None
        Money given back outside of any order, in minor units, <= 0; None where the shop has no amounts.
    """

    customer_id: pl.Series
    end_day: int
    start: Ints
    day: Ints
    order_rows: NDArray[np.integer]
    amount: Ints | None
    loose_refund: Ints | None

    @cached_property
    def orders(self) -> Ints:
        """Purchase days of each customer, shape (C,), >= 1."""
        return np.diff(self.start, append=self.day.size).astype(np.int64)

    @cached_property
    def customer(self) -> Ints:
        """Index of the customer of each row, shape (N,)."""
        return np.repeat(np.arange(self.start.size), self.orders)

    @cached_property
    def rank(self) -> Ints:
        """Place of each row within its customer, shape (N,), 0 for the first purchase day."""
        return np.arange(self.day.size) - self.start[self.customer]

    @cached_property
    def age(self) -> Ints:
        """Days from each purchase day to the end of what is seen, shape (N,), >= 1."""
        return self.end_day - self.day

    @cached_property
    def gap(self) -> Ints:
        """Days since the purchase day before, shape (N,); 0 on a customer's first row, >= 1 elsewhere."""
        gap = np.diff(self.day, prepend=0)
        gap[self.start] = 0
        return gap

    @cached_property
    def sum_log_gaps(self) -> Floats:
        """Sum of the natural logs of each customer's gaps in days, shape (C,), >= 0; 0 without a gap."""
        lengths = np.arange(int(self.span.max(initial=0)) + 1)
        steps = np.rint(np.log(np.maximum(lengths, 1)) / _LOG_STEP).astype(np.int64)
        sums = np.empty(self.start.size, np.int64)
        # Some customers at a time: their rows stay in the processor's own memory.
        for first in range(0, sums.size, _AT_ONCE):
            start = self.start[first : first + _AT_ONCE]
            end = self.start[first + _AT_ONCE] if first + _AT_ONCE < sums.size else self.day.size
            gap = np.diff(self.day[start[0] : end], prepend=0)
            gap[start - start[0]] = 0
            sums[first : first + _AT_ONCE] = np.add.reduceat(steps[gap], start - start[0])
        return np.asarray(sums * _LOG_STEP, dtype=np.float64)

    @property
    def first_day(self) -> Ints:
        """First purchase day of each customer, shape (C,), in days since 1970-01-01."""
        return self.day[self.start]

    @property
    def last_day(self) -> Ints:
        """Last purchase day of each customer, shape (C,), in days since 1970-01-01."""
        last: Ints = self.start + self.orders - 1
        return self.day[last]

    @cached_property
    def span(self) -> Ints:
        """Days from the first to the last purchase day, shape (C,), >= 0 (t_x of the models)."""
        return self.last_day - self.first_day

    @cached_property
    def wait(self) -> Ints:
        """Days from the last purchase day to the end of what is seen, shape (C,), >= 1."""
        return self.end_day - self.last_day

    @property
    def days_observed(self) -> Ints:
        """Whole days from the first purchase day to the last day seen, shape (C,), >= 0 (T of the models)."""
        return self.end_day - 1 - self.first_day

    def of(self, chosen: NDArray[np.bool_]) -> "PurchaseHistory":
        """Return the history of some of the customers.

        Parameters
        ----------
        chosen : ndarray of bool, shape (C,)
            True for those to keep.

        Returns
        -------
        PurchaseHistory
            As if the others had never been there.
        """
        orders, rows = self.orders[chosen], np.repeat(chosen, self.orders)
        return PurchaseHistory(
            customer_id=self.customer_id.filter(pl.Series(chosen)),
            end_day=self.end_day,
            start=np.cumsum(orders) - orders,
            day=self.day[rows],
            order_rows=self.order_rows[rows],
            amount=None if self.amount is None else self.amount[rows],
            loose_refund=None if self.loose_refund is None else self.loose_refund[chosen],
        )

    def orders_last(self, days: int) -> Ints:
        """Count purchase days in the last days seen.

        Parameters
        ----------
        days : int
            Length of the window that ends with the last day seen, > 0.

        Returns
        -------
        ndarray of int64, shape (C,)
        """
        if days not in self._orders_last:
            self._orders_last[days] = self.sum(self.age <= days)
        return self._orders_last[days]

    def spend_last(self, days: int) -> Ints:
        """Add up the money of purchase days in the last days seen, in minor units.

        Parameters
        ----------
        days : int
            Length of the window that ends with the last day seen, > 0.

        Returns
        -------
        ndarray of int64, shape (C,)
        """
        end: Ints = self.start + self.orders
        begin: Ints = end - self.orders_last(days)
        spend: Ints = self._running_amount[end] - self._running_amount[begin]
        return spend

    def sum(self, values: NDArray[np.integer | np.bool_]) -> Ints:
        """Add up whole numbers, or count true values, per customer.

        Parameters
        ----------
        values : ndarray of integers or bool, shape (N,)
            One value per row.

        Returns
        -------
        ndarray of int64, shape (C,)
        """
        return np.add.reduceat(values, self.start, dtype=np.int64)

    def sum_floats(self, values: Floats) -> Floats:
        """Add up floats per customer, in row order, so that no other customer changes the last bit.

        Parameters
        ----------
        values : ndarray of float64, shape (N,)
            One value per row.

        Returns
        -------
        ndarray of float64, shape (C,)
        """
        return np.add.reduceat(values, self.start)

    def largest(self, values: Ints) -> Ints:
        """Return the largest value per customer.

        Parameters
        ----------
        values : ndarray of int64, shape (N,)
            One value per row.

        Returns
        -------
        ndarray of int64, shape (C,)
        """
        return np.maximum.reduceat(values, self.start)

    def smallest_positive(self, values: Ints) -> Ints:
        """Return the smallest value above zero per customer, 0 where there is none.

        Parameters
        ----------
        values : ndarray of int64, shape (N,)
            One value per row, >= 0.

        Returns
        -------
        ndarray of int64, shape (C,)
        """
        smallest = np.minimum.reduceat(np.where(values > 0, values, _INT64_MAX), self.start)
        return np.where(smallest == _INT64_MAX, 0, smallest)

    def median_positive(self, values: Ints) -> Floats:
        """Return the median of the values above zero per customer, NaN where there is none.

        Parameters
        ----------
        values : ndarray of int64, shape (N,)
            One value per row, >= 0.

        Returns
        -------
        ndarray of float64, shape (C,)
        """
        ordered = self._sorted_within(values)
        zeros = self.sum(values == 0)
        positive = self.orders - zeros
        first = self.start + zeros
        # Customers without a positive value point at any valid row and are blanked below.
        low = np.where(positive > 0, first + (positive - 1) // 2, self.start)
        high = np.where(positive > 0, first + positive // 2, self.start)
        middle = (ordered[low] + ordered[high]) / 2.0
        middle[positive == 0] = np.nan
        return middle

    @cached_property
    def _orders_last(self) -> dict[int, Ints]:
        """Counts of `orders_last` that were asked for so far, by length of the window."""
        return {}

    @cached_property
    def _running_amount(self) -> Ints:
        """Money up to each row, over all customers: differences within a customer are exact integers."""
        if self.amount is None:
            message = "These orders carry no amounts."
            raise ColumnMismatch(message)
        return np.concatenate([[0], np.cumsum(self.amount)])

    def _sorted_within(self, values: Ints) -> Ints:
        """Sort values within each customer."""
        width = int(values.max(initial=0)) + 1
        if width > _INT64_MAX // max(self.start.size, 1):
            return values[np.lexsort((values, self.customer))]
        # One sort of packed integers is several times faster than a sort by two keys.
        offset = self.customer * width
        return np.sort(offset + values) - offset


def purchase_history(data: CustomerData, as_of: date | datetime | str) -> PurchaseHistory:
    """Collect the purchase days before a cutoff into sorted arrays.

    Parameters
    ----------
    data : CustomerData
        Orders of a shop, or of any subset of its customers. Not modified.
    as_of : date, datetime or str
        First instant that is not seen.

    Returns
    -------
    PurchaseHistory
        One segment per customer with at least one purchase before ``as_of``.

    Raises
    ------
    WindowError
        If ``as_of`` cannot be read, or lies after a given ``observed_until``.
    """
    cutoff = as_cutoff(as_of)
    seen = data.before(cutoff)
    several_rows = seen.has_refunds or seen.order_ids_repeat
    columns = {"customer_id": pl.col("customer_id"), "day": pl.col("purchase_date").cast(pl.Int32)}
    if seen.has_amount:
        columns["amount"] = pl.col("amount_minor").cast(pl.Int64).fill_null(0)
    if several_rows:
        columns["order_rows"] = pl.col("order_rows").cast(pl.Int64)
    bought, refunds = pl.collect_all([purchases(seen).select(**columns), loose_refunds(seen)])
    customers, number = numbered(bought["customer_id"])
    rows = sorted_within(number, bought.drop_in_place("day").to_numpy())
    del number
    first = rows.firsts()
    amount = rows.sums(bought["amount"].to_numpy(), first) if seen.has_amount else None
    order_rows: NDArray[np.integer] | None = None
    if several_rows:
        order_rows = rows.sums(bought["order_rows"].to_numpy(), first)
    day, start = rows.split(first)
    height = bought.height
    # Several times the size of what is left of them; days are written over the places of rows where most are days.
    del bought, rows
    if order_rows is None:
        order_rows = np.empty(first.size, np.int32)
        np.subtract(first[1:], first[:-1], out=order_rows[:-1], casting="same_kind")
        order_rows[-1:] = height - first[-1:]
    refund = None
    if seen.has_amount and refunds.is_empty():
        refund = np.zeros(customers.len(), np.int64)
    elif seen.has_amount:
        given_back = customers.to_frame().join(refunds, on="customer_id", how="left", maintain_order="left")
        refund = given_back["refund_minor"].fill_null(0).to_numpy()
    return PurchaseHistory(
        customer_id=customers,
        end_day=(first_unseen_day(cutoff) - _EPOCH).days,
        start=start,
        day=day,
        order_rows=order_rows,
        amount=amount,
        loose_refund=refund,
    )
