"""Days of orders: those far from all others, and stretches without any."""

from datetime import date, datetime

import numpy as np
import polars as pl

from foretell.tables.dataset import Note

_AT_ONCE = 2**17
_EPOCH = date(1970, 1, 1)
_LONELY_DAYS = 366
_QUIET_DAYS = 28
_FEWEST_DAYS = 56


def order_day_notes(ordered_at: pl.Series) -> tuple[Note, ...]:
    """Report days of orders that look like slips, and stretches in which the shop may have been closed.

    Parameters
    ----------
    ordered_at : polars.Series
        Datetime, without nulls, one value per usable row.

    Returns
    -------
    tuple of Note
        ``lonely_first_day`` and ``lonely_last_day``, more than a year from all others: mostly slips or placeholders;
        ``quiet_days``, four weeks or more without an order, where at least half of the days have one, the longest such
        stretch left out.
    """
    return notes_of_days(days_table(ordered_at))


def days_table(ordered_at: pl.Series) -> pl.DataFrame:
    """Count rows by day.

    Parameters
    ----------
    ordered_at : polars.Series
        Datetime, without nulls.

    Returns
    -------
    polars.DataFrame
        ``day``, ``rows``; tables of several batches may be put below one another.
    """
    first, last = ordered_at.min(), ordered_at.max()
    if not (isinstance(first, datetime) and isinstance(last, datetime)):
        return pl.DataFrame(schema={"day": pl.Date, "rows": pl.UInt32})
    low = (first.date() - _EPOCH).days
    counted = np.zeros((last.date() - first.date()).days + 1, np.int64)
    for part in ordered_at.to_frame().iter_slices(_AT_ONCE):
        day = part.to_series().drop_nulls().dt.date().to_physical()
        counted += np.bincount(day.to_numpy() - low, minlength=counted.size)
    there = np.flatnonzero(counted)
    day = pl.Series("day", there + low, pl.Int32).cast(pl.Date)
    return pl.DataFrame([day, pl.Series("rows", counted[there], pl.UInt32)])


def notes_of_days(found: pl.DataFrame) -> tuple[Note, ...]:
    """Report what days of orders tell.

    Parameters
    ----------
    found : polars.DataFrame
        As from `days_table`, of one batch or of several below one another.

    Returns
    -------
    tuple of Note
        As from `order_day_notes`.
    """
    table = found.group_by("day").agg(pl.col("rows").sum()).sort("day")
    if table.height < 3:
        return ()
    gaps = table["day"].diff().dt.total_days()
    first, last = gaps[1] > _LONELY_DAYS, gaps[-1] > _LONELY_DAYS
    lonely = [
        _lonely(code, table.row(place, named=True), gap)
        for code, place, gap, far in (("first", 0, gaps[1], first), ("last", -1, gaps[-1], last))
        if far
    ]
    return (*lonely, *_quiet(table["day"].slice(int(first), table.height - int(first) - int(last))))


def _lonely(code: str, found: dict[str, object], gap: int) -> Note:
    text = f"The {code} day of orders, {found['day']}, lies {gap:,} days from all others: a slip or a placeholder?"
    return Note(f"lonely_{code}_day", int(str(found["rows"])), text)


def _quiet(days: pl.Series) -> tuple[Note, ...]:
    if days.len() < _FEWEST_DAYS:
        return ()
    without = (days.diff().dt.total_days() - 1).fill_null(0).to_numpy()
    quiet = np.flatnonzero(without >= _QUIET_DAYS)
    others = days.len() + int(without.sum() - without.max())
    if not quiet.size or 2 * days.len() < others:
        return ()
    total = int(without[quiet].sum())
    stretches = [f"{days[int(at) - 1]} to {days[int(at)]}" for at in quiet[:3]]
    more = f" and {quiet.size - 3:,} more" if quiet.size > 3 else ""
    text = (
        f"{total:,} days without an order (from {'; from '.join(stretches)}{more}), and some on most other days: "
        "was it closed? Such days say nothing of the next ones; exclude_periods keeps them out of season and level."
    )
    return (Note("quiet_days", total, text),)
