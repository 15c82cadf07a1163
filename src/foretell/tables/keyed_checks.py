"""Checks of tables with one row per key: repeated and contradicting rows, overlapping events, places on earth."""

from collections.abc import Mapping, Sequence

import polars as pl

from foretell.errors import Violation
from foretell.tables.parsed import Parsed


def equal_rows(frame: pl.DataFrame, usable: pl.Series) -> pl.Series:
    """Find usable rows that say the same as an earlier usable row.

    Parameters
    ----------
    frame : polars.DataFrame
        ``row_number`` and the columns of the table, one row per source row.
    usable : polars.Series
        Boolean mask.

    Returns
    -------
    polars.Series
        Boolean mask; the first of equal rows is not in it.
    """
    first = frame.filter(usable).select(pl.struct(pl.exclude("row_number")).is_first_distinct()).to_series()
    repeats = pl.repeat(value=False, n=frame.height, eager=True)
    return repeats.scatter(usable.arg_true(), ~first)


def unequal_rows(frame: pl.DataFrame, usable: pl.Series, table: str, key: Sequence[str]) -> list[Violation]:
    """Refuse rows of one key that contradict each other.

    Parameters
    ----------
    frame : polars.DataFrame
        ``row_number`` and the columns of the table, one row per source row.
    usable : polars.Series
        Boolean mask, equal rows left out already.
    table : str
        Name of the table.
    key : sequence of str
        Columns of which every usable row has its own values.

    Returns
    -------
    list of Violation
        One at most.
    """
    twice = frame.select(pl.struct(key).is_duplicated()).to_series() & usable
    if not twice.any():
        return []
    among = frame.filter(usable).select("row_number", twice=pl.struct(key).is_duplicated())
    numbers = among.filter(pl.col("twice"))["row_number"]
    if numbers.is_empty():
        return []
    return [contradicting_rows(table, key, numbers.len(), tuple(int(row) for row in numbers.head(3)))]


def contradicting_rows(table: str, key: Sequence[str], count: int, where: tuple[int, ...] = ()) -> Violation:
    """Return the refusal of rows of one key that contradict each other.

    Parameters
    ----------
    table : str
        Name of the table.
    key : sequence of str
        Columns of which every usable row has its own values.
    count : int
        Such rows.
    where : tuple of int
        Numbers of the first, where they are known.

    Returns
    -------
    Violation
    """
    rule = f"rows of the same {' and '.join(key)} say different things"
    remedy = "Keep the row that holds today: which of them does cannot be told from here."
    return Violation(table, key[0], rule, count, where, remedy)


def ends_before_starts(starts_on: pl.Series, ends_on: pl.Series) -> pl.Series:
    """Find events that end before they start.

    Parameters
    ----------
    starts_on, ends_on : polars.Series
        Date.

    Returns
    -------
    polars.Series
        Boolean mask.
    """
    return (ends_on < starts_on).fill_null(value=False)


def calendar_overlaps(frame: pl.DataFrame, usable: pl.Series) -> list[Violation]:
    """Refuse days that belong to one event twice.

    Parameters
    ----------
    frame : polars.DataFrame
        ``row_number``, ``event``, ``starts_on``, ``ends_on``, one row per source row.
    usable : polars.Series
        Boolean mask.

    Returns
    -------
    list of Violation
        One at most.
    """
    latest_end = pl.col("ends_on").cum_max().shift(1).over("event")
    late = (
        frame.filter(usable)
        .sort("event", "starts_on", "ends_on")
        .filter(pl.col("starts_on") <= latest_end)["row_number"]
        .sort()
    )
    if late.is_empty():
        return []
    rule = "rows of the same event overlap in time"
    remedy = "Give each event one row for each time that it takes place; two events may overlap."
    rows = tuple(int(row) for row in late.head(3))
    return [Violation("calendar", "starts_on", rule, late.len(), rows, remedy)]


def coordinates_outside(columns: Mapping[str, Parsed]) -> pl.Series | None:
    """Find coordinates that are nowhere on earth.

    Parameters
    ----------
    columns : mapping of str to Parsed
        ``lat`` and ``lon`` in degrees, where known.

    Returns
    -------
    polars.Series or None
        Boolean mask; None where one of the two is absent.
    """
    if not {"lat", "lon"} <= set(columns):
        return None
    inside = columns["lat"].values.is_between(-90, 90) & columns["lon"].values.is_between(-180, 180)
    return ~inside.fill_null(value=True)
