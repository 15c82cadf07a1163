"""Frames as CSV files that a spreadsheet opens without surprise and without running anything."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import polars as pl

from foretell.delivery.checks import is_money
from foretell.delivery.formulas import harmless, is_dangerous
from foretell.tables.schema import Column

MONEY_DECIMALS = 2
OTHER_DECIMALS = 4
# Bounds the memory that the text of a large frame takes.
SLICE_ROWS = 250_000
# Excel reads a CSV without this mark in the code page of the machine, which garbles names and signs.
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def decimals_of(columns: Sequence[Column]) -> Mapping[str, int]:
    """Return how many decimals each column of a schema is written with.

    Parameters
    ----------
    columns : sequence of Column
        A schema.

    Returns
    -------
    mapping of str to int
        Money 2; everything else 4.
    """
    return {column.name: MONEY_DECIMALS if is_money(column) else OTHER_DECIMALS for column in columns}


class Table(Protocol):
    """What is asked of rows: a `polars.DataFrame`, or rows that are made or read a slice at a time."""

    @property
    def height(self) -> int:
        """Number of rows."""
        ...

    def lazy(self) -> pl.LazyFrame:
        """All rows, lazily."""
        ...

    def iter_slices(self, n_rows: int) -> Iterator[pl.DataFrame]:
        """Rows in order, at most so many at a time."""
        ...


def write_csv(
    frame: Table,
    path: Path,
    decimals: Mapping[str, int] | None = None,
    *,
    decimal_comma: bool = False,
) -> int:
    """Write a frame as CSV: fixed decimals, ISO dates, empty for null, formulas made harmless.

    Equal frames give equal bytes: UTF-8 with a byte order mark, commas, one header line. Text that starts with a
    formula sign is written with an apostrophe before it; numbers are never touched.

    Parameters
    ----------
    frame : Table
        Text, finite number, boolean, date and datetime columns.
    path : Path
        The file to make.
    decimals : mapping of str to int, optional
        Column to decimals for floats; a float column that is not named gets 4.
    decimal_comma : bool
        Write numbers as 1234,56 and semicolons between cells, for spreadsheets of countries that do.

    Returns
    -------
    int
        Text cells that got an apostrophe.
    """
    escaped = 0
    with path.open("wb") as file:
        file.write(BYTE_ORDER_MARK)
        separator = ";" if decimal_comma else ","
        names = pl.Series("name", frame.lazy().collect_schema().names(), dtype=pl.String).to_frame()
        head = names.select(harmless(pl.col("name"))).to_series()
        pl.DataFrame(schema=dict.fromkeys(head, pl.String)).write_csv(file, separator=separator)
        for part in frame.iter_slices(SLICE_ROWS):
            ready, cells = _ready(part, decimals or {}, decimal_comma=decimal_comma)
            ready.write_csv(file, include_header=False, separator=separator)
            escaped += cells
    return escaped


def _ready(frame: pl.DataFrame, decimals: Mapping[str, int], *, decimal_comma: bool) -> tuple[pl.DataFrame, int]:
    text = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    floats = [name for name, dtype in frame.schema.items() if dtype.is_float()]
    instants = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Datetime)]
    dangerous = frame.select(is_dangerous(pl.col(name)).sum() for name in text)
    ready = frame.with_columns(
        *(harmless(pl.col(name)).alias(name) for name in text),
        *(
            _in_locale(fixed_text(pl.col(name), decimals.get(name, OTHER_DECIMALS)), decimal_comma=decimal_comma)
            for name in floats
        ),
        *(_iso_text(name) for name in instants),
    )
    return ready, int(sum(dangerous.row(0))) if text else 0


def fixed_text(value: pl.Expr, decimals: int) -> pl.Expr:
    """Return a float expression as text with a fixed number of decimals.

    Parameters
    ----------
    value : pl.Expr
        Finite floats below 1e30 in size, or null.
    decimals : int
        Digits after the point, >= 0.

    Returns
    -------
    pl.Expr
        Text; never a minus before a zero; null stays null.
    """
    return value.round(decimals).cast(pl.Decimal(38, decimals)).cast(pl.String)


def _in_locale(text: pl.Expr, *, decimal_comma: bool) -> pl.Expr:
    return text.str.replace(".", ",", literal=True) if decimal_comma else text


def _iso_text(name: str) -> pl.Expr:
    value = pl.col(name)
    whole_seconds = value.dt.to_string("%Y-%m-%dT%H:%M:%S")
    parts = value.dt.to_string("%Y-%m-%dT%H:%M:%S%.6f")
    return pl.when(value.dt.microsecond() == 0).then(whole_seconds).otherwise(parts).alias(name)
