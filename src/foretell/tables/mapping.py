"""Which source column, or which SQL expression over source columns, becomes which column of a table."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from foretell.errors import DataError, Violation, did_you_mean
from foretell.tables.dataset import Note
from foretell.tables.expressions import Expression, ExpressionProblem, ReadsOtherRows, prepare, root_names
from foretell.tables.schema import Column, Table
from foretell.tables.sources import OpenedSource

_SHOWN_NAMES = 12
_VALUE_LIKE = re.compile(r"@|^\s*[-+]?[\d.,]*\d\s*$|^\s*\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{5,}")
_PLAIN_NAME = re.compile(r"^[\w .#]+$")
_OWN_NAMES = ("row_number", "amount_minor", "price_minor", "discount_minor")


@dataclass(frozen=True)
class MappedColumn:
    """Where one column of a table comes from.

    Parameters
    ----------
    name : str
        Its name in the table.
    origin : str or Expression
        A source column, or an SQL expression over source columns.
    """

    name: str
    origin: str | Expression

    @property
    def roots(self) -> tuple[str, ...]:
        """Source columns that are read for it."""
        return (self.origin,) if isinstance(self.origin, str) else self.origin.roots

    def read(self, rows: pl.DataFrame, *, decimal_comma: bool) -> pl.Series:
        """Return its values as the source has them, one per row.

        Parameters
        ----------
        rows : polars.DataFrame
            Holds the roots.
        decimal_comma : bool
            Whether numbers in text have a decimal comma.

        Returns
        -------
        polars.Series
            Of any type.

        Raises
        ------
        ExpressionProblem
            If an SQL expression fails on some row.
        """
        if isinstance(self.origin, str):
            return rows[self.origin]
        return self.origin.evaluate(rows, decimal_comma=decimal_comma)

    def written(self, rows: pl.DataFrame, values: pl.Series) -> pl.DataFrame:
        """Return the source columns that are to be read as numbers for it.

        Parameters
        ----------
        rows : polars.DataFrame
            Holds the roots.
        values : polars.Series
            What `read` returned.

        Returns
        -------
        polars.DataFrame
            One column at least, row by row as they came.
        """
        if isinstance(self.origin, Expression) and values.dtype != pl.String and self.origin.roots:
            return rows.select(self.origin.as_numbers or self.origin.roots)
        return values.to_frame()


@dataclass(frozen=True)
class TableMapping:
    """Where every column of a table comes from.

    Parameters
    ----------
    columns : dict of str to MappedColumn
        By name in the table; only those that the source has.
    attributes : tuple of str
        Further source columns that are kept as they came.
    notes : tuple of Note
        What was left out.
    """

    columns: dict[str, MappedColumn]
    attributes: tuple[str, ...]
    notes: tuple[Note, ...] = ()


def map_columns(
    source: OpenedSource, table: Table, wanted: Mapping[str, str | None], *, attributes: Sequence[str] | None = None
) -> TableMapping:
    """Resolve every wanted column to a source column or an expression.

    Parameters
    ----------
    source : OpenedSource
        What was opened.
    table : Table
        The table that it is to become.
    wanted : mapping of str to (str or None)
        A source column or an SQL expression by name in the table. An exact column name comes first. Columns of
        the table that are not named here are taken from a source column of the same name if there is one; None
        leaves them out.
    attributes : sequence of str or None
        Further source columns to keep; None keeps all of them.

    Returns
    -------
    TableMapping
        Where every column comes from.

    Raises
    ------
    DataError
        If columns are missing, mapped twice, ambiguous or of a type that cannot serve; all problems at once.
    """
    schema = source.schema
    columns: dict[str, MappedColumn] = {}
    violations: list[Violation] = []
    for column in table:
        text = wanted.get(column.name, column.name if column.name in schema else None)
        if text is None:
            continue
        try:
            columns[column.name] = _resolve(column, text, schema)
        except ExpressionProblem as problem:
            remedy = problem.remedy or _remedy(column, text, schema)
            violations.append(Violation(table.name, column.name, str(problem), 1, remedy=remedy))
    columns, twice = _without_repeats(columns, wanted, table)
    violations += [*twice, *_ambiguous(source, columns), *_absent_in_parts(source, columns)]
    violations += _missing_attributes(attributes, schema, table)
    if violations:
        raise DataError(_headerless(violations, schema, table), source=source.label)
    kept, notes = _attributes(columns, schema, table, attributes)
    return TableMapping(columns, kept, notes)


def _resolve(column: Column, text: str, schema: pl.Schema) -> MappedColumn:
    if text in schema:
        return MappedColumn(column.name, text)
    # Two bare words would be taken for a column and its alias.
    if _PLAIN_NAME.match(text):
        rule = f"the source has no column {text!r}"
        raise ExpressionProblem(rule)
    unknown = [name for name in root_names(text) if name not in schema]
    if unknown:
        listed = ", ".join(repr(name) for name in unknown)
        rule = f"the source has no column {text!r}, and as an expression it reads {listed}, which is missing"
        raise ExpressionProblem(rule)
    return MappedColumn(column.name, _prepare(text, column, schema, numeric=column.dtype.is_numeric()))


def _prepare(text: str, column: Column, schema: pl.Schema, *, numeric: bool) -> Expression:
    def fits(dtype: pl.DataType) -> bool:
        if numeric:
            return dtype.is_numeric()
        if column.dtype == pl.Boolean:
            return dtype == pl.Boolean or dtype.is_integer()
        if isinstance(column.dtype, pl.Datetime | pl.Date):
            return dtype == pl.String or isinstance(dtype, pl.Datetime | pl.Date)
        return not dtype.is_nested()

    try:
        return prepare(text, schema, wanted=fits, numbers_first=numeric)
    except ReadsOtherRows:
        raise
    except ExpressionProblem:
        if not numeric:
            raise
    # An expression that edits text, as in REPLACE(total, '€', ''), gives text, which is read as a number then.
    return prepare(text, schema, wanted=lambda dtype: dtype == pl.String, numbers_first=False)


def _remedy(column: Column, text: str, schema: pl.Schema) -> str:
    names = [name for name in schema if not _VALUE_LIKE.search(name)]
    unknown = [text, *(name for name in _roots_or_nothing(text) if name not in schema)]
    hint = next((hint for name in unknown if (hint := _closest(name, names))), "")
    shown = ", ".join(names[:_SHOWN_NAMES]) + (", …" if len(names) > _SHOWN_NAMES else "")
    return f'Say which column it is, as in {column.name}="…".{hint} The source has: {shown}.'


def _closest(name: str, names: Iterable[str]) -> str:
    known = list(names)
    same = next((other for other in known if other.lower() == name.lower()), None)
    return f" Did you mean {same!r}?" if same is not None else did_you_mean(name, known)


def _roots_or_nothing(text: str) -> list[str]:
    try:
        return list(root_names(text))
    except ExpressionProblem:
        return []


def _without_repeats(
    columns: dict[str, MappedColumn], wanted: Mapping[str, str | None], table: Table
) -> tuple[dict[str, MappedColumn], list[Violation]]:
    """Refuse one source column under two names; one taken by its own name only gives way."""
    owners: dict[str, str] = {}
    violations = []
    kept = dict(columns)
    for name, column in sorted(columns.items(), key=lambda item: item[0] not in wanted):
        if not isinstance(column.origin, str):
            continue
        if column.origin not in owners:
            owners[column.origin] = name
        elif name not in wanted:
            del kept[name]
        else:
            rule = f"the source column {column.origin!r} is mapped twice, also to {owners[column.origin]}"
            violations.append(Violation(table.name, name, rule, 2, remedy="Map each source column once."))
    return kept, violations


def _ambiguous(source: OpenedSource, columns: dict[str, MappedColumn]) -> list[Violation]:
    repeated = {name for part in source.parts for name in part.repeated}
    remedy = "Rename or remove one of the two in the source."
    return [
        Violation(source.table, name, f"the header holds the column {root!r} twice", 2, remedy=remedy)
        for name, column in columns.items()
        for root in column.roots
        if root in repeated
    ]


def _absent_in_parts(source: OpenedSource, columns: dict[str, MappedColumn]) -> list[Violation]:
    violations = []
    for name, column in columns.items():
        without = [part.name for part in source.parts if any(root not in part.schema for root in column.roots)]
        if without:
            rule = f"the column is missing in {len(without)} of {len(source.parts)} files, first in {without[0]}"
            remedy = "Give all files the same columns, or read them apart."
            violations.append(Violation(source.table, name, rule, len(without), remedy=remedy))
    return violations


def _missing_attributes(attributes: Sequence[str] | None, schema: pl.Schema, table: Table) -> list[Violation]:
    return [
        Violation(table.name, name, "the attribute is not in the source", 1, remedy=_closest(name, schema).strip())
        for name in attributes or ()
        if name not in schema
    ]


def _headerless(violations: list[Violation], schema: pl.Schema, table: Table) -> list[Violation]:
    """Where names look like values the header line is missing, and its cells must not be shown."""
    if not any(_VALUE_LIKE.search(name) for name in schema) or not any("no column" in v.rule for v in violations):
        return violations
    remedy = "Add a header line with the names of the columns."
    rule = "the first line seems to hold values, not column names"
    return [Violation(table.name, None, rule, 1, remedy=remedy)]


def _attributes(
    columns: dict[str, MappedColumn], schema: pl.Schema, table: Table, wanted: Sequence[str] | None
) -> tuple[tuple[str, ...], tuple[Note, ...]]:
    used = {column.origin for column in columns.values() if isinstance(column.origin, str)}
    extra = [name for name in (schema if wanted is None else wanted) if name not in used]
    clashing = [name for name in extra if name in table.names or name in _OWN_NAMES]
    kept = tuple(name for name in extra if name not in clashing)
    if not clashing:
        return kept, ()
    text = f"Source columns left out because foretell uses their names otherwise: {', '.join(clashing)}."
    return kept, (Note("attribute_left_out", len(clashing), text),)
