"""A table of any columns, one row per customer: columns of a text file get the type that all their values have."""

from collections.abc import Collection
from pathlib import Path

import polars as pl

from foretell.tables.options import ReadOptions
from foretell.tables.sources import open_source

_LEADING_ZERO = r"^-?0\d"
_FLAGS = {"true": True, "false": False}


def read_keyed_file(path: str | Path, *, table: str, texts: Collection[str]) -> pl.DataFrame:
    """Read a table whose columns are not known beforehand.

    Parameters
    ----------
    path : str or Path
        A file, a pattern or a folder, as for `foretell.read_orders`.
    table : str
        What it is, for messages.
    texts : collection of str
        Columns that stay text whatever they look like: keys and addresses.

    Returns
    -------
    polars.DataFrame
        In the order of the rows. Columns of a text file become flags (true, false), whole numbers or numbers where
        every value is one and none begins with a needless zero; empty cells are null.

    Raises
    ------
    DataError
        If nothing is there, or it cannot be read.
    """
    source = open_source(str(path), table=table, options=ReadOptions())
    frame = source.collect(list(source.schema))
    if any(part.kind != "text" for part in source.parts):
        return frame.with_columns(pl.col(name).cast(pl.String) for name in texts if name in frame.columns)
    kept = [_text(column) if column.name in texts else _typed(_text(column)) for column in frame]
    return pl.DataFrame(kept)


def keyed_file_columns(path: str | Path, *, table: str) -> tuple[str, ...]:
    """Return the names of the columns of such a table; no row of it is read.

    Parameters
    ----------
    path : str or Path
        As for `read_keyed_file`.
    table : str
        What it is, for messages.

    Returns
    -------
    tuple of str

    Raises
    ------
    DataError
        If nothing is there, or it cannot be read.
    """
    return tuple(open_source(str(path), table=table, options=ReadOptions()).schema)


def _text(column: pl.Series) -> pl.Series:
    stripped = column.cast(pl.String).str.strip_chars()
    return pl.select(pl.when(stripped.str.len_chars() > 0).then(stripped)).to_series().alias(column.name)


def _typed(column: pl.Series) -> pl.Series:
    present = column.drop_nulls()
    if not present.len() or present.str.contains(_LEADING_ZERO).any():
        return column
    if present.str.to_lowercase().is_in(list(_FLAGS)).all():
        return column.str.to_lowercase().replace_strict(_FLAGS, return_dtype=pl.Boolean)
    for dtype in (pl.Int64, pl.Float64):
        numbers = column.cast(dtype, strict=False)
        if numbers.null_count() == column.null_count() and numbers.is_finite().all():
            return numbers
    return column
