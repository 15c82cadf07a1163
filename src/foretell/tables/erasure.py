"""Erasure: the rows of people who are to be forgotten are dropped from every table, before anything is made of them."""

from dataclasses import replace

import polars as pl

from foretell.errors import DataError, Violation
from foretell.tables.dataset import CustomerData, Note, ReadReport
from foretell.windows import midnight_after

FORGOTTEN = "forgotten"
"""Code of the note on people who are to be forgotten; its count is that of the list."""

_KEYED = ("order_lines", "events", "customers")


def without_people(data: CustomerData, ids: pl.Series) -> CustomerData:
    """Return a shop's data as if some people had never been in it.

    Parameters
    ----------
    data : CustomerData
        The shop's rows. Not modified.
    ids : polars.Series
        Customer ids, as text; blanks around an id do not matter.

    Returns
    -------
    CustomerData
        Without their rows in orders, lines, events and customers, which the row counts no longer hold either. Where
        the end of observation was not given it is that of the rows that stay. A note says how long the list is and
        how many rows went, and of nobody who it was. Rows that were left out while reading stay counted: they carry
        no id.

    Raises
    ------
    DataError
        If no order row stays.
    """
    if ids.is_empty():
        return data
    return with_orders_kept(data, ids, data.orders.filter(~is_named("customer_id", ids)).collect().lazy())


def with_orders_kept(data: CustomerData, ids: pl.Series, orders: pl.LazyFrame) -> CustomerData:
    """Return a shop's data as if some people had never been in it, where their orders were told apart before.

    Parameters
    ----------
    data : CustomerData
        The shop's rows, those of the people too. Not modified.
    ids : polars.Series
        Customer ids, as text; not empty.
    orders : polars.LazyFrame
        The order rows of everybody else; they may lie on disk.

    Returns
    -------
    CustomerData
        As from `without_people`.

    Raises
    ------
    DataError
        If no order row stays.
    """
    ordered = _height(orders)
    if not ordered:
        remedy = "Check privacy.forget: it names everybody."
        raise DataError([Violation("orders", None, "nobody is left of those who ordered", 0, remedy=remedy)])
    gone = is_named("customer_id", ids)
    tables = {name: table for name in _KEYED if (table := getattr(data.optional, name)) is not None}
    kept = {name: table.filter(~gone).collect() for name, table in tables.items()}
    # What is read in place of a row count: rows that the table held when it was cut.
    before = {"orders": _height(data.orders), **{name: _height(table) for name, table in tables.items()}}
    stay = {"orders": ordered, **{name: frame.height for name, frame in kept.items()}}
    dropped = {name: before[name] - rows for name, rows in stay.items()}
    found = replace(
        data,
        orders=orders,
        optional=replace(data.optional, **{name: frame.lazy() for name, frame in kept.items()}),
        report=_recounted(data.report, dropped, ids.n_unique()),
    )
    if data.observed_until_given:
        return found
    last = found.last_order_at()
    return found if last is None else replace(found, observed_until=midnight_after(last))


def is_named(column: str, ids: pl.Series) -> pl.Expr:
    """Return the condition that a row is of somebody on a list.

    Parameters
    ----------
    column : str
        Column of the customers, text.
    ids : polars.Series
        Customer ids, as text.

    Returns
    -------
    polars.Expr
        Boolean, false for a row without an id; blanks around ids do not matter.
    """
    listed = ids.str.strip_chars().unique().implode()
    return pl.col(column).cast(pl.String).str.strip_chars().is_in(listed).fill_null(value=False)


def _height(table: pl.LazyFrame) -> int:
    return int(table.select(pl.len()).collect(engine="streaming").item())


def _recounted(report: ReadReport, dropped: dict[str, int], listed: int) -> ReadReport:
    def less(one: ReadReport, rows: int) -> ReadReport:
        return replace(one, rows_in=one.rows_in - rows, rows_used=one.rows_used - rows)

    text = (
        f"The list of people to be forgotten names {listed:,}; {sum(dropped.values()):,} rows of theirs were dropped "
        "before anything was made of them."
    )
    return replace(
        less(report, dropped["orders"]),
        notes=(*report.notes, Note(FORGOTTEN, listed, text)),
        tables={name: less(one, dropped.get(name, 0)) for name, one in report.tables.items()},
    )
