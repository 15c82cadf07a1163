"""The columns of a table, parsed from an opened source each by its kind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from foretell.errors import DataError, Violation
from foretell.storage.threads import on_threads
from foretell.tables.amounts import read_amount, read_number
from foretell.tables.dataset import Note
from foretell.tables.datetimes import read_instant
from foretell.tables.expressions import ExpressionProblem
from foretell.tables.flags import read_flag
from foretell.tables.identifiers import read_identifier, read_text
from foretell.tables.mapping import MappedColumn, TableMapping, map_columns
from foretell.tables.options import ReadOptions
from foretell.tables.parsed import Parsed, masks
from foretell.tables.reasons import words_of
from foretell.tables.schema import Column, Table
from foretell.tables.sources import OpenedSource


@dataclass(frozen=True)
class ParsedTable:
    """A table as it was read, before anything is left out.

    Parameters
    ----------
    table : Table
        Which table it is.
    title : str
        The source as messages call it.
    rows : polars.DataFrame
        The source as it came, in source order.
    columns : dict of str to Parsed
        The columns of the table that the source has, by name.
    attributes : tuple of str
        Further columns of `rows` to keep.
    notes : tuple of Note
        What was noticed.
    """

    table: Table
    title: str
    rows: pl.DataFrame
    columns: dict[str, Parsed]
    attributes: tuple[str, ...]
    notes: tuple[Note, ...]


def parse_table(
    opened: OpenedSource,
    table: Table,
    wanted: Mapping[str, str | None],
    *,
    attributes: Sequence[str] | None,
) -> ParsedTable:
    """Read all rows of a source and parse the columns of a table.

    Parameters
    ----------
    opened : OpenedSource
        Where the rows are.
    table : Table
        Which table they are to become.
    wanted : mapping of str to (str or None)
        Source column or SQL expression by name in the table, as for `foretell.tables.mapping.map_columns`.
    attributes : sequence of str or None
        Further source columns to keep; None keeps all of them.

    Returns
    -------
    ParsedTable
        Columns with the rows that each cannot use.

    Raises
    ------
    DataError
        If columns are missing or there is no row.
    """
    mapping = map_columns(opened, table, wanted, attributes=attributes)
    rows = opened.collect(tuple(opened.schema))
    if rows.is_empty():
        raise no_rows(opened)
    columns = parse_columns(rows, mapping, table, opened.options)
    return ParsedTable(table, opened.title, rows, columns, mapping.attributes, mapping.notes)


def no_rows(opened: OpenedSource) -> DataError:
    """Return the error of a source that holds column names and nothing else.

    Parameters
    ----------
    opened : OpenedSource
        The source.

    Returns
    -------
    DataError
        To be raised.
    """
    rule, remedy = "there are column names and no row", "Check that the export was not cut off."
    return DataError([Violation(opened.table, None, rule, 0, remedy=remedy)], source=opened.label)


def parse_columns(rows: pl.DataFrame, mapping: TableMapping, table: Table, options: ReadOptions) -> dict[str, Parsed]:
    """Parse the columns of a table from rows of its source.

    How a row is read depends on that row alone. What is refused, and what is noted, is what holds of the rows given.

    Parameters
    ----------
    rows : polars.DataFrame
        All rows of the source, or a batch of them.
    mapping : TableMapping
        Which column is what.
    table : Table
        Which table they are to become.
    options : ReadOptions
        How text is written.

    Returns
    -------
    dict of str to Parsed
        By name in the table.
    """
    columns = list(mapping.columns.values())
    parsed = on_threads(lambda column: _parse(rows, column, table, options), columns)
    return dict(zip(mapping.columns, parsed, strict=True))


def _parse(rows: pl.DataFrame, mapped: MappedColumn, table: Table, options: ReadOptions) -> Parsed:
    column = table[mapped.name]
    try:
        parsed = _read(rows, mapped, column, options)
    except ExpressionProblem as problem:
        refusal = Violation(table.name, column.name, str(problem), rows.height, remedy=problem.remedy)
        nothing = pl.Series(column.stored_name, [None] * rows.height, dtype=column.dtype)
        return Parsed(nothing, refusals=(refusal,))
    # A reader of one column does not know which table it belongs to.
    refusals = tuple(replace(violation, table=table.name) for violation in parsed.refusals)
    notes = tuple(replace(note, table=table.name) for note in parsed.notes)
    if not column.nullable:
        return replace(parsed, refusals=refusals, notes=notes)
    if column.unreadable_costs_row:
        wrong = tuple(pair for pair in parsed.unusable if not pair[0].endswith("_missing"))
        return Parsed(parsed.values, wrong, refusals, notes)
    lost = _lost_notes(parsed, column, table)
    return Parsed(parsed.values, (), refusals, (*notes, *lost))


def _read(rows: pl.DataFrame, mapped: MappedColumn, column: Column, options: ReadOptions) -> Parsed:
    values = mapped.read(rows, decimal_comma=options.decimal_comma)
    name = column.name
    if column.kind == "identifier":
        return read_identifier(values, name)
    if column.kind == "word":
        return _read_word(values, name)
    if column.kind in {"instant", "day"}:
        parsed = read_instant(values, date_format=options.date_format, time_zone=options.time_zone, name=name)
        return replace(parsed, values=parsed.values.dt.date()) if column.kind == "day" else parsed
    if column.kind == "money":
        written = mapped.written(rows, values)
        return read_amount(values, written, decimal_comma=options.decimal_comma, name=name)
    if column.kind == "flag":
        return read_flag(values, name, nullable=column.nullable)
    if column.kind == "number":
        return _read_number(values, column, options)
    return read_text(values, name)


def _read_word(values: pl.Series, name: str) -> Parsed:
    read = read_text(values, name)
    words = read.values.str.strip_chars().str.to_lowercase()
    nothing = (words == "").fill_null(value=True)
    return replace(read, values=words.set(nothing, None), unusable=masks(**{f"{name}_missing": nothing}))


def _read_number(values: pl.Series, column: Column, options: ReadOptions) -> Parsed:
    read = read_number(values, column.name, decimal_comma=options.decimal_comma)
    if column.nullable:
        return read
    finite = read.values.is_finite().fill_null(value=False)
    numbers = read.values.set(~finite, None)
    blank = values.is_null()
    if values.dtype == pl.String:
        blank |= (values.str.strip_chars() == "").fill_null(value=False)
    named = {f"{column.name}_missing": blank, f"{column.name}_unreadable": ~blank & ~finite}
    return Parsed(numbers, masks(**named))


def _lost_notes(parsed: Parsed, column: Column, table: Table) -> list[Note]:
    """A value that cannot be used costs a row that may be without it the value only."""
    words = dict(words_of(column))
    notes = []
    for reason, mask in parsed.unusable:
        if not reason.endswith("_missing"):
            count = int(mask.sum())
            text = f"{count:,} {words[reason]}; the value was left out there."
            notes.append(Note(reason, count, text, table.name))
    return notes
