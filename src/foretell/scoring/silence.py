"""Whether a shop fell silent before a cutoff: no order for longer than its own rhythm allows."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from foretell.scoring.activity import RECENT_DAYS
from foretell.tables.dataset import CustomerData
from foretell.windows import as_cutoff, first_unseen_day

RHYTHM_DAYS = 182
"""A pause so recent is part of the shop's present rhythm."""

_SEASON_DAYS = 28
_YEAR_DAYS = 365.25


@dataclass(frozen=True)
class Silence:
    """Days without an order before a cutoff, and what is usual.

    Parameters
    ----------
    days : int
        Days between the newest order's day and `as_of`, neither counted.
    longest_days : int
        Longest such pause that ended in the last `RHYTHM_DAYS`, or in the same four weeks before and after `as_of` of
        an earlier year: shops close for holidays.
    rows_per_day : float
        Order rows a day in the `RECENT_DAYS` that end with the newest order.
    """

    days: int
    longest_days: int
    rows_per_day: float


def silence_of(data: CustomerData, as_of: date | datetime | str) -> Silence | None:
    """Look at the days on which anybody ordered.

    Parameters
    ----------
    data : CustomerData
        Rows of the whole shop; those at or after `as_of` are not read.
    as_of : date, datetime or str
        First instant that is not seen.

    Returns
    -------
    Silence or None
        None where there is no order.
    """
    cutoff = as_cutoff(as_of)
    end = first_unseen_day(cutoff)
    ordered_on = data.before(cutoff).orders.select(day=pl.col("ordered_at").dt.date())
    found = ordered_on.group_by("day").agg(rows=pl.len()).collect(engine="streaming").sort("day")
    if found.is_empty():
        return None
    day, newest = pl.col("day"), found["day"][-1]
    paused = found.select("day", pause=day.diff().dt.total_days() - 1, age=(pl.lit(end) - day).dt.total_days())
    of_year = pl.col("age") % _YEAR_DAYS
    usual = paused.filter(
        (pl.col("age") <= RHYTHM_DAYS) | (of_year <= _SEASON_DAYS) | (of_year >= _YEAR_DAYS - _SEASON_DAYS)
    )
    recent = found.filter(day > newest - timedelta(days=RECENT_DAYS))
    longest = usual["pause"].max()
    return Silence(
        days=(end - newest).days - 1,
        longest_days=longest if isinstance(longest, int) else 0,
        rows_per_day=int(recent["rows"].sum()) / RECENT_DAYS,
    )
