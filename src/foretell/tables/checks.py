"""Checks over the order rows as a whole: two currencies, shared order ids, giant accounts, doubles."""

from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from foretell.errors import Violation
from foretell.tables.dataset import Note
from foretell.tables.digests import all_differ, customer_digests
from foretell.tables.parsed import first_rows, most

_GIANT_SHARE = 0.01
GIANT_MIN_ROWS = 1_000
"""Of so few rows nobody's part says anything."""
_BUCKETS = 4_096
_AT_ONCE = 2**17


def currency_violations(currency: pl.Series) -> tuple[Violation, ...]:
    """Refuse orders in more than one currency.

    Parameters
    ----------
    currency : polars.Series
        String, one value per usable row.

    Returns
    -------
    tuple of Violation
        Empty if there is one currency or none.
    """
    return currencies_found(currency_table(currency))


def currency_table(currency: pl.Series, *, rows_before: int = 0) -> pl.DataFrame:
    """Count currencies.

    Parameters
    ----------
    currency : polars.Series
        String, one value per row; null where a row is not used.
    rows_before : int
        Rows of the source before these.

    Returns
    -------
    polars.DataFrame
        One row per currency: ``code``, ``rows``, and ``first``, the numbers of its first three rows. Tables of
        several batches may be put below one another.
    """
    code = currency.str.strip_chars().str.to_uppercase().alias("code")
    numbered = code.to_frame().with_row_index("row", offset=rows_before + 1)
    named = numbered.filter(pl.col("code").is_not_null() & (pl.col("code") != ""))
    return named.group_by("code", maintain_order=True).agg(rows=pl.len(), first=pl.col("row").head(3).cast(pl.Int64))


def currencies_found(found: pl.DataFrame) -> tuple[Violation, ...]:
    """Refuse more than one currency.

    Parameters
    ----------
    found : polars.DataFrame
        As from `currency_table`, of one batch or of several below one another.

    Returns
    -------
    tuple of Violation
        Empty if there is one currency or none.
    """
    codes = (
        found.group_by("code", maintain_order=True)
        .agg(pl.col("rows").sum(), pl.col("first").explode(keep_nulls=False, empty_as_null=False))
        .sort("rows", descending=True, maintain_order=True)
    )
    if codes.height < 2:
        return ()
    others = codes.tail(-1)
    rows = tuple(others["first"].explode().sort().head(3).to_list())
    rule = f"the amounts are in {codes.height} currencies"
    remedy = "Convert the amounts to one currency first, or read one currency at a time."
    return (Violation("orders", "currency", rule, int(others["rows"].sum()), rows, remedy),)


def observed_until_violations(late: pl.Series, observed_until: datetime) -> tuple[Violation, ...]:
    """Refuse an end of observation that most rows lie after.

    Parameters
    ----------
    late : polars.Series
        Boolean mask of the rows at or after it.
    observed_until : datetime
        First instant not observed, as given.

    Returns
    -------
    tuple of Violation
        Empty if at most half of the rows lie after it.
    """
    if not most(late):
        return ()
    rule = f"more than half of the rows lie at or after observed_until {observed_until:%Y-%m-%d}"
    remedy = "Check observed_until and the order of day and month; it is the first instant that was not observed."
    return (Violation("orders", "ordered_at", rule, int(late.sum()), first_rows(late), remedy),)


def repeated_rows(rows: pl.DataFrame) -> pl.Series:
    """Find rows that repeat an earlier row in every column.

    Parameters
    ----------
    rows : polars.DataFrame
        The source as it came.

    Returns
    -------
    polars.Series
        Boolean mask; the first of equal rows is not in it.
    """
    digest = rows.hash_rows(seed=0)
    repeats = pl.repeat(value=False, n=rows.height, eager=True)
    if all_differ(digest):
        return repeats
    suspects = digest.is_duplicated()
    # The digest may coincide for different rows, so the few suspects are compared in full.
    later = ~rows.filter(suspects).select(pl.struct(pl.all()).is_first_distinct()).to_series()
    return repeats.scatter(suspects.arg_true(), later)


def account_notes(customer_id: pl.Series, order: pl.Series | None, *, orders_repeat: bool) -> tuple[Note, ...]:
    """Report order ids shared by customers, and single accounts with a large part of all orders.

    Parameters
    ----------
    customer_id : polars.Series
        String, without nulls, one value per usable row.
    order : polars.Series or None
        What `order_digests` returned.
    orders_repeat : bool
        Whether any digest is there twice.

    Returns
    -------
    tuple of Note
        ``order_id_missing``, ``order_id_shared``, ``giant_account``; only those that hold.
    """
    customer = customer_digests(customer_id)
    notes = [] if order is None else [*unnamed_notes(order.null_count())]
    if order is not None and orders_repeat:
        keys = pl.DataFrame([customer, order.alias("order")])
        pairs = keys.drop_nulls().unique()
        shared = int(pairs.select(pl.col("order").filter(pl.col("order").is_duplicated()).n_unique()).item())
        notes += shared_notes(shared)
        customer = pl.concat([pairs["customer"], keys.filter(pl.col("order").is_null())["customer"]])
    if customer_id.len() > GIANT_MIN_ROWS:
        notes += giant_notes(heavy_counts(customer, _GIANT_SHARE * customer.len()), customer.len())
    return tuple(notes)


def unnamed_notes(rows: int) -> tuple[Note, ...]:
    """Report rows without an order id among others that have one.

    Parameters
    ----------
    rows : int
        How many.

    Returns
    -------
    tuple of Note
        One at most.
    """
    text = f"Rows without an order_id: {rows:,}; each counts as an order of its own."
    return (Note("order_id_missing", rows, text),) if rows else ()


def shared_notes(shared: int) -> tuple[Note, ...]:
    """Report order ids of several customers.

    Parameters
    ----------
    shared : int
        How many.

    Returns
    -------
    tuple of Note
        One at most.
    """
    text = f"{shared:,} order ids belong to several customers; each counts as one order for each of them."
    return (Note("order_id_shared", shared, text),) if shared else ()


def heavy_counts(customer_of_order: pl.Series, threshold: float) -> pl.Series:
    """Count the orders of customers who have many.

    Parameters
    ----------
    customer_of_order : polars.Series
        UInt64, one value per order.
    threshold : float
        Who has no more orders than that is not counted.

    Returns
    -------
    polars.Series
        UInt32, one value per such customer, in no promised order.
    """
    # Only a bucket that holds more than the share can hold an account that does: most rows are spared the count.
    counted = np.zeros(_BUCKETS, np.int64)
    for part in customer_of_order.to_frame().iter_slices(_AT_ONCE):
        counted += np.bincount(_bucket(part.to_series()), minlength=_BUCKETS)
    heavy = counted > threshold
    if not heavy.any():
        return pl.Series("count", [], pl.UInt32)
    counts = customer_of_order.filter(pl.Series(heavy[_bucket(customer_of_order)])).value_counts()["count"]
    return counts.filter(counts > threshold)


def _bucket(digests: pl.Series) -> NDArray[np.int64]:
    return (digests.to_numpy() & np.uint64(_BUCKETS - 1)).view(np.int64)


def giant_notes(counts: pl.Series, orders: int) -> tuple[Note, ...]:
    """Report single accounts with a large part of all orders.

    Parameters
    ----------
    counts : polars.Series
        Orders by customer, of those at least who have more than a hundredth.
    orders : int
        Orders of all customers.

    Returns
    -------
    tuple of Note
        One at most.
    """
    giants = counts.filter(counts > _GIANT_SHARE * orders)
    if giants.is_empty():
        return ()
    share = float(giants.sum()) / orders
    text = (
        f"Customer ids with more than a hundredth of all orders each: {giants.len():,}, together {share:.0%}; "
        "a guest or marketplace account would not be one customer. Leave such rows out of the source if so."
    )
    return (Note("giant_account", giants.len(), text),)
