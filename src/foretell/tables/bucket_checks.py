"""Checks that take all rows of a customer together, bucket by bucket, and what few of them concern several buckets."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from foretell.tables.bucketed import DIGEST, scan_buckets
from foretell.tables.checks import (
    GIANT_MIN_ROWS,
    giant_notes,
    heavy_counts,
    shared_notes,
    unnamed_notes,
)
from foretell.tables.dataset import Note
from foretell.tables.digests import customer_digests, order_digests

_LIKELY_SHARE = 0.01


@dataclass(frozen=True)
class BucketFindings:
    """What was found in the orders of all buckets.

    Parameters
    ----------
    repeats : polars.Series
        UInt32, numbers of the rows that repeat an earlier row in every source column, sorted.
    notes : tuple of Note
        ``order_id_missing``, ``order_id_shared``, ``giant_account``; only those that hold.
    """

    repeats: pl.Series
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class Accounts:
    """What the customers of one bucket ordered.

    Parameters
    ----------
    orders : int
        Orders; an id of several customers is one for each of them.
    unnamed : int
        Rows without an order id among others that have one.
    heavy : polars.Series
        UInt32, orders of each customer who has more than a hundredth of the bucket's.
    """

    orders: int
    unnamed: int
    heavy: pl.Series


def accounts_of(rows: pl.DataFrame) -> tuple[Accounts, pl.Series]:
    """Count the orders of the customers of one bucket.

    Parameters
    ----------
    rows : polars.DataFrame
        All rows of these customers: ``customer_id``, where known ``order_id``.

    Returns
    -------
    Accounts
    polars.Series
        UInt64, a digest for each order id and customer; empty where orders have no ids.
    """
    customer, unnamed = customer_digests(rows["customer_id"]), 0
    named = pl.Series("order", [], dtype=pl.UInt64)
    if "order_id" in rows.columns:
        order = order_digests(rows["order_id"]).alias("order")
        unnamed, named = order.null_count(), order.drop_nulls()
        if named.n_unique() < named.len():
            pairs = pl.DataFrame([customer, order]).drop_nulls().unique()
            customer = pl.concat([pairs["customer"], customer.filter(order.is_null())])
            named = pairs["order"]
    return Accounts(customer.len(), unnamed, heavy_counts(customer, _LIKELY_SHARE * customer.len())), named


def account_notes_of(found: Sequence[Accounts], *, shared: int, rows_used: int) -> tuple[Note, ...]:
    """Report order ids that are missing or shared, and accounts with a large part of all orders.

    Parameters
    ----------
    found : sequence of Accounts
        Of all buckets, one at least.
    shared : int
        Order ids of several customers.
    rows_used : int
        Rows of all buckets.

    Returns
    -------
    tuple of Note
        As from `foretell.tables.checks.account_notes`.
    """
    notes = [*unnamed_notes(sum(one.unnamed for one in found)), *shared_notes(shared)]
    if rows_used > GIANT_MIN_ROWS:
        notes += giant_notes(pl.concat([one.heavy for one in found]), sum(one.orders for one in found))
    return tuple(notes)


def check_buckets(
    folder: Path,
    buckets: int,
    *,
    beside: pl.DataFrame | None = None,
    drop_repeats: bool,
    rewrite: Callable[[int, pl.DataFrame], None],
) -> BucketFindings:
    """Look at the orders of every bucket.

    Rows that are equal in every source column are of one customer, so that they meet in one bucket. An order id may
    be of customers in several: its digest is kept for each of its customers, and they are counted stretch by stretch
    of all digests.

    Parameters
    ----------
    folder : Path
        Filled by `foretell.tables.bucketed.BucketWriter`; the digests go there too, and are removed.
    buckets : int
        Number of buckets.
    beside : polars.DataFrame or None
        Rows of customers who are in no bucket; nothing is rewritten for them.
    drop_repeats : bool
        Whether rows that repeat an earlier one are not to be used.
    rewrite : callable
        Takes a bucket's number and its rows without the repeats.

    Returns
    -------
    BucketFindings
    """
    names = scan_buckets(folder, "orders").collect_schema().names()
    has_orders = "order_id" in names
    wanted = (
        names if drop_repeats else [name for name in ("row_number", "customer_id", "order_id", DIGEST) if name in names]
    )
    repeats: list[pl.Series] = []
    found: list[Accounts] = []
    rows_used = 0
    digests = _Digests(folder / "order-digests")
    for number in range(buckets + (beside is not None)):
        if beside is not None and number == buckets:
            rows = beside.select(wanted)
        else:
            rows = scan_buckets(folder, "orders", number).select(wanted).collect()
        again = _repeats(rows, exactly=drop_repeats)
        repeats.append(rows["row_number"].filter(again))
        if drop_repeats and again.any():
            rows = rows.filter(~again)
            if number < buckets:
                rewrite(number, rows)
        rows_used += rows.height
        accounts, order = accounts_of(rows)
        found.append(accounts)
        if has_orders:
            digests.write(number, order)
    notes = account_notes_of(found, shared=digests.shared(buckets), rows_used=rows_used)
    return BucketFindings(pl.concat(repeats).sort(), notes)


def _repeats(rows: pl.DataFrame, *, exactly: bool) -> pl.Series:
    """Rows that come again; the rows of a bucket are in source order.

    What is dropped must be equal in foretell's columns too, and not in its digest alone.
    """
    if rows[DIGEST].n_unique() == rows.height:
        return pl.repeat(value=False, n=rows.height, eager=True)
    same = pl.struct(pl.exclude("row_number")) if exactly else pl.col(DIGEST)
    return ~rows.select(same.is_first_distinct()).to_series()


class _Digests:
    """Order ids of each bucket as sorted digests, one for each of an order's customers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, number: int, order: pl.Series) -> None:
        self._folder.mkdir(exist_ok=True)
        content = io.BytesIO()
        order.sort().to_frame().write_parquet(content, compression="uncompressed", row_group_size=65_536)
        (self._folder / f"{number:05d}.parquet").write_bytes(content.getbuffer())

    def shared(self, stretches: int) -> int:
        """Count the digests that are there more than once."""
        files = sorted(self._folder.glob("*.parquet")) if self._folder.exists() else []
        if not files:
            return 0
        rows, found, width = pl.scan_parquet(files, glob=False), 0, -(-(2**64) // stretches)
        for place in range(stretches):
            first, last = place * width, min((place + 1) * width, 2**64) - 1
            within = pl.col("order").is_between(pl.lit(first, pl.UInt64), pl.lit(last, pl.UInt64))
            order = rows.filter(within).collect()["order"]
            found += int(order.filter(order.is_duplicated()).n_unique())
        for file in files:
            file.unlink()
        return found
