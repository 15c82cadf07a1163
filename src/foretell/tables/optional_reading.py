"""One table beside orders, from its source to usable rows, quarantine and report."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import polars as pl

from foretell.errors import DataError, Violation, did_you_mean
from foretell.tables.checks import observed_until_violations, repeated_rows
from foretell.tables.dataset import Note, ReadReport
from foretell.tables.event_names import UNKNOWN, canonical_events, unknown_events
from foretell.tables.keyed_checks import (
    calendar_overlaps,
    coordinates_outside,
    ends_before_starts,
    equal_rows,
    unequal_rows,
)
from foretell.tables.line_orders import place_lines
from foretell.tables.options import ReadOptions
from foretell.tables.parse import ParsedTable, parse_table
from foretell.tables.parsed import Parsed, first_rows, most
from foretell.tables.schema import OPTIONAL, Table
from foretell.tables.source import Source
from foretell.tables.sources import open_source
from foretell.tables.verdict import canonical, judge, repeat_notes, row_masks

TABLES: Mapping[str, Table] = {table.name: table for table in OPTIONAL}
"""The tables beside orders, by name."""

_OPTIONS = ("time_zone", "drop_duplicates", "delimiter", "encoding", "decimal_comma", "date_format", "attributes")
_OWN_OPTIONS = {"events": ("event_names",), "customers": ("stable_attributes",)}
_KEYS = {"customers": ("customer_id",), "calendar": ("event", "starts_on"), "places": ("place",)}


@dataclass(frozen=True)
class ReadTable:
    """One optional table, read.

    Parameters
    ----------
    frame : polars.DataFrame
        Usable rows: the columns that the source has, and its attributes.
    quarantine : polars.DataFrame
        ``row_number``, ``table``, ``column``, ``reason`` of rows left out.
    report : ReadReport
        Row accounting of this table.
    """

    frame: pl.DataFrame
    quarantine: pl.DataFrame
    report: ReadReport


@dataclass(frozen=True)
class _Found:
    """What the checks of one table found beyond its columns."""

    columns: dict[str, Parsed]
    masks: Mapping[str, pl.Series]
    violations: Sequence[Violation] = ()
    notes: Sequence[Note] = ()


@dataclass(frozen=True)
class _Circumstances:
    """What a table's checks need to know of the rest of the shop."""

    orders: pl.LazyFrame | None
    event_names: Mapping[str, str]


def read_optional(
    name: str,
    given: Source,
    *,
    time_zone: str | None,
    observed_until: datetime | None,
    orders: pl.LazyFrame | None,
) -> ReadTable:
    """Read one table beside orders and account for every row.

    Parameters
    ----------
    name : str
        Name of the table.
    given : Source
        Where it lies, its mapping and options.
    time_zone : str or None
        The shop's zone, unless the source names another.
    observed_until : datetime or None
        First instant not observed, where it was stated: lines and events from then on are left out.
    orders : polars.LazyFrame or None
        Usable rows of orders; None if they could not be read.

    Returns
    -------
    ReadTable
        ``rows_in == rows_used + rows_quarantined`` in its report.

    Raises
    ------
    DataError
        All problems of the table at once.
    TypeError
        If the source has an argument that is no column of the table and no option.
    ConfigError
        If an option is wrong.
    """
    table = TABLES[name]
    arguments = given.arguments
    require_known(name, arguments)
    formats = arguments.get("date_format")
    options = ReadOptions(
        arguments.get("delimiter"),
        arguments.get("encoding", "utf8"),
        arguments.get("decimal_comma", False),
        (formats,) if isinstance(formats, str) else tuple(formats or ()),
        arguments.get("time_zone") or time_zone,
    )
    opened = open_source(given.source, table=name, options=options)
    wanted = {column.name: column.name for column in table if column.required}
    wanted |= {column: text for column, text in arguments.items() if column in table.names}
    parsed = parse_table(opened, table, wanted, attributes=arguments.get("attributes"))
    circumstances = _Circumstances(orders, arguments.get("event_names") or {})
    return _settle(parsed, circumstances, observed_until, drop_duplicates=bool(arguments.get("drop_duplicates")))


def known_arguments(name: str) -> tuple[str, ...]:
    """Return what the source of a table may be given.

    Parameters
    ----------
    name : str
        Name of the table.

    Returns
    -------
    tuple of str
        Columns of the table, then options.
    """
    return (*TABLES[name].names, *_OPTIONS, *_OWN_OPTIONS.get(name, ()))


def require_known(name: str, arguments: Mapping[str, Any]) -> None:
    """Refuse an argument that a table's source cannot have.

    Parameters
    ----------
    name : str
        Name of the table.
    arguments : mapping of str to object
        Mapping and options.

    Raises
    ------
    TypeError
        With the nearest name that is known.
    """
    known = known_arguments(name)
    for argument in arguments:
        if argument not in known:
            msg = f"The source of {name} got an unexpected argument {argument!r}.{did_you_mean(argument, known)}"
            raise TypeError(msg)


def _settle(
    parsed: ParsedTable, circumstances: _Circumstances, observed_until: datetime | None, *, drop_duplicates: bool
) -> ReadTable:
    table, rows = parsed.table, parsed.rows
    found = _CHECKS[table.name](parsed, circumstances)
    columns = found.columns
    key = _KEYS.get(table.name, ("customer_id",))[0]
    masks = {**row_masks(rows, columns, key=key), **found.masks}
    violations = [violation for column in columns.values() for violation in column.refusals] + [*found.violations]
    at = next((name for name in ("ordered_at", "occurred_at") if name in columns), None)
    if at is not None and observed_until is not None:
        late = (columns[at].values >= observed_until).fill_null(value=False)
        masks["after_observed_until"] = late
        late_enough = observed_until_violations(late, observed_until)
        violations += [replace(violation, table=table.name, column=at) for violation in late_enough]
    repeats = repeated_rows(rows)
    if drop_duplicates:
        masks["duplicate_row"] = repeats
    frame = canonical(rows, columns, parsed.attributes)
    if table.name in _KEYS:
        usable = judge(table.name, rows.height, masks).usable
        masks["duplicate_row"] = equal_rows(frame, usable)
        usable &= ~masks["duplicate_row"]
        violations += unequal_rows(frame, usable, table.name, _KEYS[table.name])
        if table.name == "calendar":
            violations += calendar_overlaps(frame, usable)
    verdict = judge(table.name, rows.height, masks)
    if not violations and not verdict.usable.any():
        violations.append(verdict.nothing_left())
    if violations:
        raise DataError(violations, source=parsed.title)
    dropped = drop_duplicates or table.name in _KEYS
    notes = (
        *parsed.notes,
        *(note for column in columns.values() for note in column.notes),
        *found.notes,
        *verdict.notes(),
        *repeat_notes(table.name, repeats & verdict.usable, dropped=dropped),
    )
    used = frame.filter(verdict.usable).drop("row_number")
    report = ReadReport(rows.height, used.height, rows.height - used.height, tuple(notes))
    return ReadTable(used, verdict.quarantine(), report)


def _check_lines(parsed: ParsedTable, circumstances: _Circumstances) -> _Found:
    columns, notes = dict(parsed.columns), []
    height = parsed.rows.height
    if "amount" not in columns:
        text = "There is no column amount: nothing is said about the money of lines. Name it with amount=…"
        notes.append(Note("no_amount", 0, text, "order_lines"))
    if "quantity" not in columns:
        text = "There is no column quantity: every line is taken for one piece. Name it with quantity=…"
        notes.append(Note("no_quantity", 0, text, "order_lines"))
        columns["quantity"] = Parsed(pl.repeat(1.0, height, dtype=pl.Float64, eager=True).alias("quantity"))
    placed = place_lines(columns, height, circumstances.orders)
    for name, values in (("customer_id", placed.customer_id), ("ordered_at", placed.ordered_at)):
        was = columns.pop(name, Parsed(values))
        # A line without its own may still have that of its order; what cannot be read stays a reason.
        unusable = tuple(pair for pair in was.unusable if pair[0] != f"{name}_missing")
        columns[name] = replace(was, values=values.alias(name), unusable=unusable)
    return _Found(columns, placed.masks, placed.violations, notes)


def _check_events(parsed: ParsedTable, circumstances: _Circumstances) -> _Found:
    events = canonical_events(parsed.columns["event"].values, circumstances.event_names)
    columns = {**parsed.columns, "event": replace(parsed.columns["event"], values=events)}
    unknown = unknown_events(events) & events.is_not_null()
    if not unknown.any():
        return _Found(columns, {})
    count, kinds = int(unknown.sum()), events.filter(unknown).n_unique()
    listed = ", ".join(str(row) for row in first_rows(unknown))
    text = (
        f"{count:,} events have one of {kinds:,} names that foretell gives no meaning to (first in rows {listed}); "
        "they were kept. event_names says what they are, as in {'added to cart': 'cart'}."
    )
    return _Found(columns, {}, (), (Note(UNKNOWN, count, text, "events"),))


def _check_customers(parsed: ParsedTable, _circumstances: _Circumstances) -> _Found:
    columns = dict(parsed.columns)
    outside = coordinates_outside(columns)
    if outside is None or not outside.any():
        return _Found(columns, {})
    if most(outside):
        return _Found(columns, {}, (_swapped("customers", outside),))
    for name in ("lat", "lon"):
        columns[name] = replace(columns[name], values=columns[name].values.set(outside, None))
    count = int(outside.sum())
    text = f"Rows whose latitude or longitude is nowhere on earth: {count:,}; both were left out there."
    return _Found(columns, {}, (), (Note("coordinates_out_of_range", count, text, "customers"),))


def _check_calendar(parsed: ParsedTable, _circumstances: _Circumstances) -> _Found:
    starts = parsed.columns["starts_on"]
    ends = parsed.columns.get("ends_on", starts)
    unusable = tuple(pair for pair in ends.unusable if pair[0].startswith("ends_on") and "missing" not in pair[0])
    unreadable = pl.repeat(value=False, n=parsed.rows.height, eager=True)
    for _, mask in unusable:
        unreadable |= mask
    one_day = ends.values.is_null() & ~unreadable
    filled = ends.values.zip_with(~one_day, starts.values).alias("ends_on")
    columns = {**parsed.columns, "ends_on": replace(ends, values=filled, unusable=unusable)}
    return _Found(columns, {"ends_before_starts": ends_before_starts(starts.values, filled)})


def _check_places(parsed: ParsedTable, _circumstances: _Circumstances) -> _Found:
    outside = coordinates_outside(parsed.columns)
    if outside is None:
        return _Found(parsed.columns, {})
    violations = (_swapped("places", outside),) if most(outside) else ()
    return _Found(parsed.columns, {"coordinates_out_of_range": outside}, violations)


def _swapped(table: str, outside: pl.Series) -> Violation:
    rule = "more than half of the rows have a latitude or longitude that is nowhere on earth"
    remedy = "Check lat (-90 to 90 degrees) and lon (-180 to 180): they may be swapped, or in another unit."
    return Violation(table, "lat", rule, int(outside.sum()), first_rows(outside), remedy)


_CHECKS: Mapping[str, Callable[[ParsedTable, _Circumstances], _Found]] = {
    "order_lines": _check_lines,
    "events": _check_events,
    "customers": _check_customers,
    "calendar": _check_calendar,
    "places": _check_places,
}
