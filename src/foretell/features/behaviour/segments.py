"""Rows sorted by customer, a customer having none to many: exact sums and places of extremes for each."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from foretell.features.history import Floats, Ints

Mask = NDArray[np.bool_]

_WIDEST = 2**62


@dataclass(frozen=True, eq=False)
class Segments:
    """Which customer each row is of.

    Parameters
    ----------
    customer : ndarray of int64, shape (N,)
        Index of the customer of each row, ascending.
    customers : int
        Number of customers, C, those without a row included.
    """

    customer: Ints
    customers: int

    @cached_property
    def edges(self) -> Ints:
        """First row of each customer, and the number of rows, shape (C + 1,)."""
        counts = np.bincount(self.customer, minlength=self.customers)
        return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)

    @cached_property
    def rows(self) -> Ints:
        """Rows of each customer, shape (C,)."""
        return np.diff(self.edges)

    def count(self, mask: Mask) -> Ints:
        """Count true values per customer.

        Parameters
        ----------
        mask : ndarray of bool, shape (N,)

        Returns
        -------
        ndarray of int64, shape (C,)
        """
        return np.bincount(self.customer[mask], minlength=self.customers).astype(np.int64)

    def sum(self, values: Ints) -> Ints:
        """Add up whole numbers per customer.

        Parameters
        ----------
        values : ndarray of int64, shape (N,)

        Returns
        -------
        ndarray of int64, shape (C,)
            Differences of one running sum: exact, even where the running sum leaves 64 bits.
        """
        running = np.concatenate([[0], np.cumsum(values, dtype=np.int64)])
        sums: Ints = running[self.edges[1:]] - running[self.edges[:-1]]
        return sums

    def last(self, values: Ints, mask: Mask, absent: int) -> Ints:
        """Return the value of the last row of each customer that a mask keeps.

        Parameters
        ----------
        values : ndarray of int64, shape (N,)
        mask : ndarray of bool, shape (N,)
        absent : int
            Stands where there is no row.

        Returns
        -------
        ndarray of int64, shape (C,)
        """
        found = np.full(self.customers, absent, dtype=np.int64)
        # Of several values for one place, the last is kept.
        found[self.customer[mask]] = values[mask]
        return found

    def first(self, values: Ints, mask: Mask, absent: int) -> Ints:
        """Return the value of the first row of each customer that a mask keeps.

        Parameters
        ----------
        values : ndarray of int64, shape (N,)
        mask : ndarray of bool, shape (N,)
        absent : int
            Stands where there is no row.

        Returns
        -------
        ndarray of int64, shape (C,)
        """
        kept = np.flatnonzero(mask)[::-1]
        found = np.full(self.customers, absent, dtype=np.int64)
        found[self.customer[kept]] = values[kept]
        return found

    def of_largest(self, weight: Ints | Floats, values: Ints, absent: int) -> Ints:
        """Return the value of each customer's heaviest row, the first of equals; rows of no weight are passed over.

        Parameters
        ----------
        weight : ndarray of int64 or float64, shape (N,)
            >= 0.
        values : ndarray of int64, shape (N,)
        absent : int
            Stands where no row has a weight.

        Returns
        -------
        ndarray of int64, shape (C,)
        """
        if not self.customer.size:
            return np.full(self.customers, absent, dtype=np.int64)
        some = self.rows > 0
        largest = np.zeros(self.customers, dtype=weight.dtype)
        largest[some] = np.maximum.reduceat(weight, self.edges[:-1][some])
        return self.first(values, (weight > 0) & (weight == largest[self.customer]), absent)


def sort_together(*columns: tuple[Ints, int]) -> tuple[Ints, ...]:
    """Sort rows by their first column, then by the second, and so on.

    Parameters
    ----------
    *columns : tuple of (ndarray of int64, int)
        Whole numbers from 0, and a number above all of them.

    Returns
    -------
    tuple of ndarray of int64
        The columns of the sorted rows.

    Notes
    -----
    One sort of packed integers is several times faster than a sort by several keys.
    """
    widths = [max(width, 1) for _, width in columns]
    product = 1
    for width in widths:
        product *= width
    if product > _WIDEST:
        order = np.lexsort([values for values, _ in columns][::-1])
        return tuple(values[order] for values, _ in columns)
    packed = _packed([values for values, _ in columns], widths)
    packed.sort()
    found = []
    for width in widths[:0:-1]:
        packed, values = np.divmod(packed, width)
        found.append(values)
    return (packed, *found[::-1])


def order_of(*columns: tuple[Ints, int]) -> NDArray[np.intp]:
    """Return the order that sorts rows by their first column, then by the second, and so on.

    Parameters
    ----------
    *columns : tuple of (ndarray of int64, int)
        Whole numbers from 0, and a number above all of them.

    Returns
    -------
    ndarray of int
        Row numbers; rows with equal columns in any order.
    """
    widths = [max(width, 1) for _, width in columns]
    product = 1
    for width in widths:
        product *= width
    if product > _WIDEST:
        return np.lexsort([values for values, _ in columns][::-1])
    return np.argsort(_packed([values for values, _ in columns], widths))


def _packed(values: Sequence[Ints], widths: Sequence[int]) -> Ints:
    packed = values[0].astype(np.int64)
    for column, width in zip(values[1:], widths[1:], strict=True):
        packed = packed * width + column
    return packed


@dataclass(frozen=True, eq=False)
class Pairs:
    """Each customer with each of the customer's categories (brands, products), sorted by both.

    Parameters
    ----------
    segments : Segments
        Customer of each pair.
    code : ndarray of int64, shape (P,)
        Category of each pair.
    rows, days : ndarray of int64, shape (P,)
        Rows of the pair, and the days that they fell on.
    first_day, last_day : ndarray of int64, shape (P,)
        First and last of these days.
    start : ndarray of int64, shape (P,)
        First row of each pair among `row_day`.
    row_day : ndarray of int64, shape (N,)
        Day of each row, sorted by pair and day.
    """

    segments: Segments
    code: Ints
    rows: Ints
    days: Ints
    first_day: Ints
    last_day: Ints
    start: Ints
    row_day: Ints

    @classmethod
    def of(cls, customer: Ints, customers: int, code: Ints, codes: int, day: Ints) -> "Pairs":
        """Gather the pairs of some rows.

        Parameters
        ----------
        customer : ndarray of int64, shape (N,)
            Customer of each row.
        customers : int
            Number of customers.
        code : ndarray of int64, shape (N,)
            Category of each row; rows with -1 are left out.
        codes : int
            Number of categories.
        day : ndarray of int64, shape (N,)
            Day of each row.

        Returns
        -------
        Pairs
        """
        known = code >= 0
        if not known.all():
            customer, code, day = customer[known], code[known], day[known]
        origin = int(day.min(initial=0))
        customer, code, day = sort_together(
            (customer, customers), (code, codes), (day - origin, int(day.max(initial=0)) - origin + 1)
        )
        new = np.ones(day.size, dtype=np.bool_)
        new[1:] = (np.diff(customer) != 0) | (np.diff(code) != 0)
        start = np.flatnonzero(new).astype(np.int64)
        rows = np.diff(start, append=day.size).astype(np.int64)
        new[1:] |= np.diff(day) != 0
        last = start + rows - 1
        return cls(
            segments=Segments(customer[start], customers),
            code=code[start],
            rows=rows,
            days=np.add.reduceat(new, start, dtype=np.int64) if start.size else rows,
            first_day=day[start] + origin,
            last_day=day[last] + origin,
            start=start,
            row_day=day + origin,
        )

    def rows_since(self, day: int) -> Ints:
        """Count the rows of each pair from a day on.

        Parameters
        ----------
        day : int
            First day that counts.

        Returns
        -------
        ndarray of int64, shape (P,)
        """
        return self._added(self.row_day >= day)

    def rows_on(self, day: Ints) -> Ints:
        """Count the rows of each pair on one day of its customer.

        Parameters
        ----------
        day : ndarray of int64, shape (C,)
            The day of each customer.

        Returns
        -------
        ndarray of int64, shape (P,)
        """
        return self._added(self.row_day == np.repeat(day[self.segments.customer], self.rows))

    def _added(self, mask: Mask) -> Ints:
        return np.add.reduceat(mask, self.start, dtype=np.int64) if self.start.size else self.rows
