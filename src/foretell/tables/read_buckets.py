"""Orders from any source into buckets on disk, batch by batch, with every row accounted for as in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from foretell.errors import DataError, Violation
from foretell.tables.bucket_checks import check_buckets
from foretell.tables.bucket_facts import load_facts, save_facts
from foretell.tables.bucketed import DIGEST, BucketedData, BucketWriter, scan_buckets, scan_orders, write_optional
from foretell.tables.checks import observed_until_violations
from foretell.tables.dataset import CustomerData, ReadReport
from foretell.tables.erasure import is_named, with_orders_kept
from foretell.tables.ledger import OrderLedger
from foretell.tables.mapping import TableMapping, map_columns
from foretell.tables.parse import no_rows, parse_columns
from foretell.tables.read import OrdersPlan, plan_orders
from foretell.tables.read_data import read_data
from foretell.tables.schema import ORDERS
from foretell.tables.source import Source
from foretell.tables.verdict import repeats_kept
from foretell.windows import midnight_after

_TABLE = ORDERS.name
_LET_GO = ("order_lines", "events")


def read_data_into_buckets(
    folder: Path,
    buckets: int,
    *,
    rows_at_once: int,
    orders: Source,
    time_zone: str | None = None,
    forget: pl.Series | None = None,
    **others: Source,
) -> BucketedData:
    """Read orders and the tables beside them, and split them by customer into files.

    Of the orders a batch is in memory at a time. The tables beside them are read whole before they are split; lines and
    events are let go then.

    Parameters
    ----------
    folder : Path
        Where the rows go; made if absent. Orders that were read into it to the end are not read again: they must be
        of the same source, arguments and number of buckets. Where somebody is to be forgotten it must be empty.
    buckets : int
        Number of buckets, > 0.
    rows_at_once : int
        Rows of a batch, > 0.
    orders : Source
        Orders.
    time_zone : str or None
        The shop's zone, for every source that names none.
    forget : polars.Series or None
        Customer ids whose rows are dropped, as by `foretell.tables.erasure.without_people`: none of them reaches the
        disk. Until all tables are read, their orders are in memory.
    **others : Source
        The other tables, as for `foretell.read_data`.

    Returns
    -------
    BucketedData
        With the quarantine, the report and the notes that `foretell.read_data` gives.

    Raises
    ------
    DataError, ConfigError, WindowError, TypeError
        As from `foretell.read_data`.
    OSError
        If the folder cannot be written to.
    """
    arguments = {"time_zone": time_zone} | orders.arguments
    names_somebody = forget is not None and not forget.is_empty()
    shop = None if names_somebody else load_facts(folder)
    if shop is None:
        shop = read_orders_into_buckets(
            orders.source, folder, buckets, rows_at_once=rows_at_once, forget=forget, **arguments
        )
        if not names_somebody:
            # Another run could not tell from them what to drop of the other tables.
            save_facts(folder, shop)
    if others:
        shop = read_data(orders=shop, time_zone=time_zone, **others)
    if forget is not None and names_somebody:
        shop = with_orders_kept(shop, forget, scan_orders(folder))
    if others:
        write_optional(BucketWriter(folder, buckets), shop, rows_at_once=rows_at_once)
        # Of the largest tables the rows in memory are let go; customers stay, whose contacts never reach the disk.
        split: dict[str, Any] = {name: scan_buckets(folder, name) for name in _LET_GO if name in shop.optional.names}
        shop = replace(shop, optional=replace(shop.optional, **split))
    return BucketedData(shop, folder, buckets)


def read_orders_into_buckets(
    source: object,
    folder: Path,
    buckets: int,
    *,
    rows_at_once: int,
    drop_duplicates: bool = False,
    attributes: Sequence[str] | None = None,
    time_zone: str | None = None,
    observed_until: date | datetime | str | None = None,
    forget: pl.Series | None = None,
    customer_id: str = "customer_id",
    ordered_at: str = "ordered_at",
    **arguments: Any,
) -> CustomerData:
    """Read orders batch by batch and split them by customer into files.

    Parameters
    ----------
    source : str, Path, sequence of them, polars.DataFrame, polars.LazyFrame or Arrow-compatible frame
        As for `foretell.read_orders`.
    folder : Path
        Where the rows go; empty, or to be made.
    buckets : int
        Number of buckets, > 0.
    rows_at_once : int
        Rows of a batch, > 0.
    drop_duplicates, attributes, time_zone, observed_until, customer_id, ordered_at
        As for `foretell.read_orders`; attributes are checked, and do not reach the disk.
    forget : polars.Series or None
        Customer ids whose rows are accounted for and do not reach the disk.
    **arguments : object
        The other arguments of `foretell.read_orders`.

    Returns
    -------
    CustomerData
        Its rows are read from the files, lazily; those of people to be forgotten come after them, from memory.

    Raises
    ------
    DataError, ConfigError, WindowError, TypeError
        As from `foretell.read_orders`.
    OSError
        If the folder cannot be written to.
    """
    options = ("amount", "delimiter", "encoding", "decimal_comma", "date_format", "query", "table")
    named = {"customer_id": customer_id, "ordered_at": ordered_at}
    plan = plan_orders(
        source,
        named={**named, **{name: value for name, value in arguments.items() if name not in options}},
        time_zone=time_zone,
        observed_until=observed_until,
        **{name: value for name, value in arguments.items() if name in options},
    )
    mapping = map_columns(plan.opened, ORDERS, plan.wanted, attributes=attributes)
    writer = BucketWriter(folder, buckets)
    ledger = OrderLedger(plan.observed_until, plan.opened.options.time_zone)
    gone = None if forget is None or forget.is_empty() else is_named("customer_id", forget)
    apart: list[pl.DataFrame] = []
    for part, rows in enumerate(plan.opened.batches(tuple(plan.opened.schema), rows_at_once)):
        parsed = parse_columns(rows, mapping, ORDERS, plan.opened.options)
        used = ledger.add(rows, parsed)
        if not part:
            writer.begin(_TABLE, used)
        if gone is not None:
            apart.append(used.filter(gone))
            used = used.filter(~gone)
        writer.write(_TABLE, used, part)
    if not ledger.rows_in:
        raise no_rows(plan.opened)
    _require_sound(plan, mapping, ledger)
    held = pl.concat(apart) if apart else None
    found = check_buckets(
        folder,
        buckets,
        beside=held,
        drop_repeats=drop_duplicates,
        rewrite=lambda number, rows: writer.rewrite(_TABLE, number, rows),
    )
    kept = [] if drop_duplicates else repeats_kept(_TABLE, found.repeats.len())
    if drop_duplicates and found.repeats.len():
        if held is not None:
            held = held.filter(~pl.col("row_number").is_in(found.repeats.implode()))
        left = pl.concat([scan_buckets(folder, _TABLE), *([] if held is None else [held.lazy()])])
        days = left.select(pl.col("ordered_at").dt.date().alias("day"))
        counted = days.group_by("day").agg(rows=pl.len()).collect(engine="streaming")
        ledger.leave_out_repeats(found.repeats, counted)
    notes = (*plan.notes, *mapping.notes, *ledger.notes(), *kept, *found.notes, *ledger.day_notes())
    report = ReadReport(ledger.rows_in, ledger.used, ledger.rows_in - ledger.used, notes)
    empty = CustomerData(pl.LazyFrame(), plan.observed_until or _end(ledger))
    return replace(
        empty,
        orders=pl.concat([scan_orders(folder), *([] if held is None else [held.drop(DIGEST).lazy()])]),
        observed_until_given=plan.observed_until is not None,
        quarantine=ledger.quarantine(),
        report=report,
    )


def _end(ledger: OrderLedger) -> datetime:
    if ledger.last is None:
        msg = "A source of which rows are used has a last one."
        raise AssertionError(msg)
    return midnight_after(ledger.last)


def _require_sound(plan: OrdersPlan, mapping: TableMapping, ledger: OrderLedger) -> None:
    """Refuse what the in-memory reader refuses, in its words.

    A share above one half of all rows is one in some batch too, so a column that no batch refuses is fine. One that
    some batch refuses is read once more as a whole: the rule is about all rows, and so are its count and first rows.
    """
    suspects = [column for name, column in mapping.columns.items() if name in ledger.suspects]
    violations: list[Violation] = []
    for column in suspects:
        rows = plan.opened.collect(column.roots or tuple(plan.opened.schema)[:1])
        alone = replace(mapping, columns={column.name: column})
        violations += parse_columns(rows, alone, ORDERS, plan.opened.options)[column.name].refusals
    if plan.observed_until is not None and ledger.mostly_late():
        column = mapping.columns["ordered_at"]
        rows = plan.opened.collect(column.roots or tuple(plan.opened.schema)[:1])
        alone = replace(mapping, columns={column.name: column})
        at = parse_columns(rows, alone, ORDERS, plan.opened.options)["ordered_at"].values
        late = (at >= plan.observed_until).fill_null(value=False)
        violations += observed_until_violations(late, plan.observed_until)
    violations += ledger.currencies()
    if not violations and not ledger.used:
        violations.append(ledger.nothing_left())
    if violations:
        raise DataError(violations, source=plan.opened.title)
