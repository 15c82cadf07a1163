"""Customers numbered in the order of their ids, and rows sorted by such numbers: all by sorting whole numbers.

Text is slow to sort and to group by, and whole numbers are sorted at the speed of memory. So rows are brought together
by the whole number that their id reads as, or else by a digest of it, and the ids are then compared as text, so that
customers who share a number or a digest are parted.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from foretell.storage.threads import on_threads
from foretell.tables.whole_numbers import places_of

_SEED = 1
_AT_ONCE = 2**16
_COMPARED_AT_ONCE = 2**19
_BITS = 63


def numbered(ids: pl.Series) -> tuple[pl.Series, NDArray[np.uint32]]:
    """Number customers in the order of their ids.

    Parameters
    ----------
    ids : polars.Series
        String without nulls, one value per row.

    Returns
    -------
    customers : polars.Series
        Each id once, ascending; called as `ids`.
    number : ndarray of uint32, shape (rows,)
        Place of each row's id among them.
    """
    if ids.is_empty():
        return ids, np.zeros(0, np.uint32)
    customers, number = _by_whole_numbers(ids) or _by_digests(ids)
    strangers = _strangers(ids, customers, number)
    if strangers.size:
        customers, number = _with_strangers(ids, customers, number, strangers)
    return customers.alias(ids.name), number


def _by_whole_numbers(ids: pl.Series) -> tuple[pl.Series, NDArray[np.uint32]] | None:
    """Put together ids that read as one whole number; None where they read as none, or as numbers far apart."""
    number = places_of(ids)
    if number is None:
        return None
    low = number.min()
    row = np.zeros(int(number.max() - low) + 1, np.uint32)
    for part in _parts(number.size, _AT_ONCE):
        number[part] -= low
        row[number[part]] = np.arange(part.start + 1, part.stop + 1)
    there = row > 0
    customers = ids.gather(pl.Series(row[there] - np.uint32(1)))
    del row
    rank = np.cumsum(there, dtype=np.uint32) - np.uint32(1)
    if not customers.is_sorted():
        order = customers.arg_sort()
        customers = customers.gather(order)
        rank = _inverse(order.to_numpy())[rank]
    for part in _parts(number.size, _AT_ONCE):
        number[part] = rank[number[part]]
    return customers, number


def _by_digests(ids: pl.Series) -> tuple[pl.Series, NDArray[np.uint32]]:
    """Put together ids that share a digest."""
    bits = ids.len().bit_length()
    digests = _tagged(ids, bits)
    digests.sort()
    row = _row_of(digests, bits)
    digests >>= np.uint64(bits)
    starts = np.flatnonzero(_begins(digests))
    del digests
    # In the order of memory texts are gathered several times faster.
    customers = ids.gather(pl.Series(np.sort(row[starts]))).sort()
    # Sorted by the same digest, the ids are in the order of the groups of rows, each with its place among all ids.
    places = _tagged(customers, bits)
    places.sort()
    number = np.empty(row.size, np.uint32)
    number[row] = np.repeat(_row_of(places, bits), np.diff(starts, append=row.size))
    return customers, number


def _inverse(order: NDArray[np.integer]) -> NDArray[np.uint32]:
    place = np.empty(order.size, np.uint32)
    place[order] = np.arange(order.size, dtype=np.uint32)
    return place


@dataclass(frozen=True, eq=False)
class SortedRows:
    """Rows sorted by customer and by a whole number.

    Attributes
    ----------
    place : ndarray of int64, shape (rows,)
        Ascending: a customer's number and the value in one, equal where both are.
    row : ndarray of uint32, shape (rows,)
        Which row is where.
    width : int
        Bits of `place` that the value takes.
    lowest : int
        Value whose bits are all 0.
    """

    place: NDArray[np.int64]
    row: NDArray[np.uint32]
    width: int
    lowest: int

    def firsts(self) -> NDArray[np.uint32]:
        """Return where a customer or a value begins, ascending."""
        begins = _begins(self.place)
        # Places of 8 bytes would be as large as what was sorted.
        found, filled = np.empty(np.count_nonzero(begins), np.uint32), 0
        for part in _parts(begins.size, _AT_ONCE):
            here = np.flatnonzero(begins[part])
            found[filled : filled + here.size] = here + part.start
            filled += here.size
        return found

    def sums(self, values: NDArray[np.int64], at: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Add up whole numbers of the rows from each of some places to the next.

        Parameters
        ----------
        values : ndarray of int64, shape (rows,)
            In the order in which the rows came.
        at : ndarray of int, shape (places,)
            Ascending from 0.

        Returns
        -------
        ndarray of int64, shape (places,)
        """
        summed = np.empty(at.size, np.int64)

        def of_part(part: slice) -> None:
            starts = at[part].astype(np.intp)
            end = at[part.stop] if part.stop < at.size else self.row.size
            # Nothing is clipped: it is the mode that checks no place beforehand.
            in_order = np.take(values, self.row[starts[0] : end], mode="clip")
            np.add.reduceat(in_order, starts - starts[0], out=summed[part])

        on_threads(of_part, _parts(at.size, _AT_ONCE))
        return summed

    def split(self, at: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
        """Return the values at some places, that have each customer's first among them, and where customers begin.

        They are written over `place`, which is used up.

        Parameters
        ----------
        at : ndarray of int, shape (places,)
            Ascending.

        Returns
        -------
        values : ndarray of int64, shape (places,)
        starts : ndarray of int, shape (customers,)
            Positions in `at`.
        """
        found, begins = self.place[: at.size], np.empty(at.size, np.bool_)
        before = -1
        # What is read next lies behind what is written.
        for part in _parts(at.size, _AT_ONCE):
            here = self.place[at[part]]
            customer = here >> self.width
            begins[part] = customer != np.concatenate([[before], customer[:-1]])
            before = customer[-1]
            here &= (1 << self.width) - 1
            np.add(here, self.lowest, out=found[part])
        # A few of them would keep all of `place` in memory.
        return found.copy() if 2 * at.size < self.place.size else found, np.flatnonzero(begins)


def sorted_within(number: NDArray[np.uint32], values: NDArray[np.integer]) -> SortedRows:
    """Sort rows by customer and, within a customer, by a whole number; rows that share both stay in their order.

    Parameters
    ----------
    number : ndarray of uint32, shape (rows,)
        As from `numbered`.
    values : ndarray of int, shape (rows,)
        Such as days.

    Returns
    -------
    SortedRows
    """
    rows = number.size
    low, high = (int(values.min()), int(values.max())) if rows else (0, 0)
    width, row_bits = (high - low).bit_length(), rows.bit_length()
    if int(number.max(initial=0)).bit_length() + width + row_bits > _BITS:
        place = (number.astype(np.int64) << width) + (values - low)
        order = np.argsort(place, kind="stable")
        return SortedRows(place[order], order.astype(np.uint32), width, low)
    place = np.empty(rows, np.int64)
    for part in _parts(rows, _AT_ONCE):
        here = place[part]
        here[:] = number[part]
        here <<= width
        here += values[part]
        here -= low
        here <<= row_bits
        here |= np.arange(part.start, part.stop)
    place.sort()
    row = np.empty(rows, np.uint32)
    for part in _parts(rows, _AT_ONCE):
        np.bitwise_and(place[part], (1 << row_bits) - 1, out=row[part], casting="unsafe")
        place[part] >>= row_bits
    return SortedRows(place, row, width, low)


def _tagged(ids: pl.Series, bits: int) -> NDArray[np.uint64]:
    """Digests of some ids, whose lower bits are the place of the id."""
    tagged = np.empty(ids.len(), np.uint64)
    upper = ~np.uint64((1 << bits) - 1)
    for part in _parts(tagged.size, _AT_ONCE):
        digest = ids.slice(part.start, part.stop - part.start).hash(seed=_SEED).to_numpy()
        np.bitwise_and(digest, upper, out=tagged[part])
        tagged[part] |= np.arange(part.start, part.stop, dtype=np.uint64)
    return tagged


def _row_of(tagged: NDArray[np.uint64], bits: int) -> NDArray[np.uint32]:
    row = np.empty(tagged.size, np.uint32)
    np.bitwise_and(tagged, np.uint64((1 << bits) - 1), out=row, casting="unsafe")
    return row


def _begins(ascending: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Where a value differs from the one before."""
    begins = np.ones(ascending.size, np.bool_)
    np.not_equal(ascending[1:], ascending[:-1], out=begins[1:])
    return begins


def _strangers(ids: pl.Series, customers: pl.Series, number: NDArray[np.uint32]) -> NDArray[np.intp]:
    """Rows whose id is not that of the customer they were put to: their digests coincide."""

    def of_part(part: slice) -> NDArray[np.intp]:
        other = customers.gather(pl.Series(number[part])) != ids[part]
        return np.asarray(np.flatnonzero(other.to_numpy()) + part.start, dtype=np.intp)

    return np.concatenate(on_threads(of_part, _parts(number.size, _COMPARED_AT_ONCE)))


def _with_strangers(
    ids: pl.Series, customers: pl.Series, number: NDArray[np.uint32], strangers: NDArray[np.intp]
) -> tuple[pl.Series, NDArray[np.uint32]]:
    """Make customers of their own of rows that were put to another one."""
    theirs = ids.gather(pl.Series(strangers))
    every = pl.concat([customers, theirs.unique()]).sort()
    number = every.search_sorted(customers).to_numpy().astype(np.uint32)[number]
    number[strangers] = every.search_sorted(theirs).to_numpy()
    return every, number


def _parts(rows: int, at_once: int) -> list[slice]:
    return [slice(start, min(start + at_once, rows)) for start in range(0, rows, at_once)]
