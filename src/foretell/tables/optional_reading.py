"""One table beside orders, from its source to usable rows, quarantine and report."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import polars as pl

from foretell.errors import DataError, did_you_mean
from foretell.tables.checks import observed_until_violations, repeated_rows
from foretell.tables.dataset import ReadReport
from foretell.tables.keyed_checks import (
    calendar_overlaps,
    equal_rows,
    unequal_rows,
)
from foretell.tables.optional_checks import CHECKS, Circumstances
from foretell.tables.options import ReadOptions
from foretell.tables.parse import ParsedTable, parse_table
from foretell.tables.schema import OPTIONAL, Table
from foretell.tables.source import Source
from foretell.tables.sources import OpenedSource, open_source
from foretell.tables.verdict import canonical, judge, repeat_notes, row_masks

TABLES: Mapping[str, Table] = {table.name: table for table in OPTIONAL}
"""The tables beside orders, by name."""

_OPTIONS = ("time_zone", "drop_duplicates", "delimiter", "encoding", "decimal_comma", "date_format", "attributes")
_OWN_OPTIONS = {"events": ("event_names",), "customers": ("stable_attributes",)}
KEYS: Mapping[str, tuple[str, ...]] = {
    "customers": ("customer_id",),
    "calendar": ("event", "starts_on"),
    "places": ("place",),
}
"""Columns of which every row has its own values, by table."""


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
    arguments = given.arguments
    opened, wanted = plan_optional(name, given, time_zone=time_zone)
    parsed = parse_table(opened, TABLES[name], wanted, attributes=arguments.get("attributes"))
    circumstances = Circumstances(orders, arguments.get("event_names") or {})
    return _settle(parsed, circumstances, observed_until, drop_duplicates=bool(arguments.get("drop_duplicates")))


def plan_optional(name: str, given: Source, *, time_zone: str | None) -> tuple[OpenedSource, dict[str, str | None]]:
    """Open the source of a table beside orders and settle which column is what.

    Parameters
    ----------
    name, given, time_zone
        As for `read_optional`.

    Returns
    -------
    opened : OpenedSource
        Where the rows are; none is read.
    wanted : dict of str to (str or None)
        Source column or SQL expression by name in the table.

    Raises
    ------
    DataError, TypeError, ConfigError
        As from `read_optional`.
    """
    table, arguments = TABLES[name], given.arguments
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
    wanted: dict[str, str | None] = {column.name: column.name for column in table if column.required}
    return opened, wanted | {column: text for column, text in arguments.items() if column in table.names}


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
    parsed: ParsedTable, circumstances: Circumstances, observed_until: datetime | None, *, drop_duplicates: bool
) -> ReadTable:
    table, rows = parsed.table, parsed.rows
    found = CHECKS[table.name](parsed, circumstances)
    columns = found.columns
    key = KEYS.get(table.name, ("customer_id",))[0]
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
    if table.name in KEYS:
        usable = judge(table.name, rows.height, masks).usable
        masks["duplicate_row"] = equal_rows(frame, usable)
        usable &= ~masks["duplicate_row"]
        violations += unequal_rows(frame, usable, table.name, KEYS[table.name])
        if table.name == "calendar":
            violations += calendar_overlaps(frame, usable)
    verdict = judge(table.name, rows.height, masks)
    if not violations and not verdict.usable.any():
        violations.append(verdict.nothing_left())
    if violations:
        raise DataError(violations, source=parsed.title)
    dropped = drop_duplicates or table.name in KEYS
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
