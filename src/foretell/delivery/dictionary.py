"""The data dictionary: what every column of every file of a run means, from the same schema that is checked."""

from collections.abc import Iterable, Sequence

import polars as pl

from foretell.delivery.prospects import CSV_NAME
from foretell.delivery.rule_columns import DERIVED
from foretell.delivery.run import Run
from foretell.delivery.segment_files import TABLES
from foretell.delivery.selection import Selection
from foretell.delivery.why_here import WHY_HERE
from foretell.tables.schema import QUARANTINE, Column


def data_dictionary(run: Run, selections: Sequence[Selection]) -> pl.DataFrame:
    """Describe every column that the files of a run hold.

    Parameters
    ----------
    run : Run
        A finished run.
    selections : sequence of Selection
        Its segments.

    Returns
    -------
    pl.DataFrame
        Columns file, column, type, unit, may_be_empty, meaning; files and columns in their own order.
    """
    known = {column.name: column for column in (*run.columns, *run.feature_columns, *DERIVED, WHY_HERE)}
    tables: list[tuple[str, Sequence[Column]]] = [("scores", run.columns)]
    if run.prospect_table is not None:
        tables.append((CSV_NAME.removesuffix(".csv"), run.prospect_table.columns))
    tables += [(name.removesuffix(".csv"), columns) for name, columns in TABLES]
    for selection in selections:
        columns = [known[name] if name in known else selection.described[name] for name in selection.columns]
        tables.append((selection.file_name.removesuffix(".csv"), columns))
        if selection.segment.holdout:
            tables.append((selection.holdout_file_name.removesuffix(".csv"), columns))
    tables.append((QUARANTINE.name, QUARANTINE.columns))
    return describe(tables)


def describe(tables: Iterable[tuple[str, Sequence[Column]]]) -> pl.DataFrame:
    """Describe the columns of files.

    Parameters
    ----------
    tables : iterable of (str, sequence of Column)
        Name of a file without its ending, and its columns.

    Returns
    -------
    pl.DataFrame
        Columns file, column, type, unit, may_be_empty, meaning.
    """
    rows = [
        {
            "file": file,
            "column": column.name,
            "type": type_words(column.dtype),
            "unit": column.unit,
            "may_be_empty": column.nullable,
            "meaning": column.meaning,
        }
        for file, columns in tables
        for column in columns
    ]
    return pl.DataFrame(rows, schema_overrides={"may_be_empty": pl.Boolean})


def type_words(dtype: pl.DataType) -> str:
    """Return the type of a column in a plain word.

    Parameters
    ----------
    dtype : pl.DataType
        Any type that a published column may have.

    Returns
    -------
    str
        text, whole number, number, date, date and time, or yes/no.
    """
    if dtype.is_integer():
        return "whole number"
    if dtype.is_float():
        return "number"
    if dtype == pl.Boolean:
        return "yes/no"
    if dtype == pl.Date:
        return "date"
    return "date and time" if isinstance(dtype, pl.Datetime) else "text"
