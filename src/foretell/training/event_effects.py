"""How much more a shop sells on the days of each event of its calendar, from the events that it has lived through.

An occurrence is compared with the days around it: purchases on its days, over what the same weekdays of the three
weeks before and after brought, less what the usual year lets those days differ by. Other events' days are left out of
the comparison. The log ratios r_i of an event's occurrences are observations of its effect c,

    r_i = c + noise_i,   c ~ N(0, tau^2),   var(noise_i) = phi (1/n_i + 1/m_i) + sigma^2,

n_i and m_i the purchases on both sides, phi how much more than Poisson they scatter from day to day; an event seen
once on few purchases moves little, one that returned is believed. Effects are those of events that end within four
weeks: a longer one is a season, and told by it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from foretell.models.event_days import EventDays

Vector = NDArray[np.float64]

_LONGEST_DAYS = 28
_AROUND_DAYS = 21
_FEWEST_AROUND_DAYS = 7
_EFFECT_SD = 0.4
_LOCAL_SD, _LOCAL_SD_ONE_SIDED = 0.08, 0.15
_LARGEST = 1.5


@dataclass(frozen=True)
class Occasion:
    """One occurrence of an event: its name, its first and last day, and the first day on which it was known.

    Parameters
    ----------
    name : str
        Event.
    starts_on, ends_on : date
        First and last day.
    known_from : date or None
        None where it was always known.
    """

    name: str
    starts_on: date
    ends_on: date
    known_from: date | None


def occasions_of(calendar: pl.DataFrame | None) -> tuple[Occasion, ...]:
    """Read the occurrences that are short enough to have an effect of their own.

    Parameters
    ----------
    calendar : polars.DataFrame or None
        Columns event, starts_on, ends_on, and announced_on where a shop says when an event became known.

    Returns
    -------
    tuple of Occasion
        By first day, then name.
    """
    if calendar is None or not {"event", "starts_on", "ends_on"} <= set(calendar.columns):
        return ()
    known_from = pl.col("announced_on") if "announced_on" in calendar.columns else pl.lit(None, pl.Date)
    length = (pl.col("ends_on") - pl.col("starts_on")).dt.total_days() + 1
    rows = (
        calendar.select("event", "starts_on", "ends_on", known_from=known_from)
        .drop_nulls(["event", "starts_on", "ends_on"])
        .filter(length.is_between(1, _LONGEST_DAYS))
        .unique()
        .sort("starts_on", "event", "ends_on", "known_from")
    )
    return tuple(map(Occasion, *rows.get_columns()))


def fit_event_effects(occasions: Iterable[Occasion], purchases: Vector, usual: Vector, end: date) -> EventDays:
    """Fit the effect of every event to the purchases before a day.

    Parameters
    ----------
    occasions : iterable of Occasion
        Past and future occurrences; those that were not known on the day are passed over.
    purchases : ndarray of shape (days,)
        Purchases by day before `end`, the newest first; NaN on days that say nothing.
    usual : ndarray of shape (days,)
        Log factor of those days in a usual year.
    end : date
        First day that is not seen.

    Returns
    -------
    EventDays
        All occurrences that were known, with the factor of their event; empty where none was seen before.
    """
    known = [each for each in occasions if each.known_from is None or each.known_from < end]
    if not known or not purchases.size:
        return EventDays()
    days = _Days.of(known, purchases, usual, end)
    effects = {name: days.effect([each for each in known if each.name == name]) for name in {o.name for o in known}}
    told = [each for each in known if effects[each.name]]
    return EventDays(
        names=tuple(each.name for each in told),
        starts_on=tuple(each.starts_on.isoformat() for each in told),
        ends_on=tuple(each.ends_on.isoformat() for each in told),
        log_factors=tuple(effects[each.name] for each in told),
    )


@dataclass(frozen=True, eq=False)
class _Days:
    """Days before an end, the oldest first: what was bought, what is usual there, and on which no event lies."""

    purchases: Vector
    usual: Vector
    plain: NDArray[np.bool_]
    first: date
    scatter: float

    @classmethod
    def of(cls, occasions: list[Occasion], purchases: Vector, usual: Vector, end: date) -> "_Days":
        bought, factor = purchases[::-1], np.exp(usual[::-1])
        first = end - timedelta(days=bought.size)
        plain = np.isfinite(bought)
        for each in occasions:
            plain[max((each.starts_on - first).days, 0) : max((each.ends_on - first).days + 1, 0)] = False
        weekday = (first.weekday() + np.arange(bought.size)) % 7
        counts = np.bincount(weekday[plain], minlength=7)
        sums = np.bincount(weekday[plain], weights=bought[plain], minlength=7)
        # A week's worth of average days is added to each weekday: a history of a few weeks does not swing on one day.
        mean = sums.sum() / max(counts.sum(), 1)
        by_weekday = (sums + mean) / (counts + 1)
        expected = factor * by_weekday[weekday]
        return cls(bought, expected, plain, first, _scatter(bought, expected, plain))

    def effect(self, occurrences: list[Occasion]) -> float:
        """Posterior mean of an event's log factor; 0 where no occurrence could be compared."""
        precision, total = 1 / _EFFECT_SD**2, 0.0
        for each in occurrences:
            compared = self._compared(each)
            if compared is not None:
                ratio, variance = compared
                precision += 1 / variance
                total += ratio / variance
        return round(float(np.clip(total / precision, -_LARGEST, _LARGEST)), 9)

    def _compared(self, each: Occasion) -> tuple[float, float] | None:
        """Log ratio of an occurrence and its variance; None where too little of it or around it was seen."""
        start, stop = (each.starts_on - self.first).days, (each.ends_on - self.first).days + 1
        if start < 0 or start >= self.purchases.size:
            return None
        inside = np.flatnonzero(np.isfinite(self.purchases[start:stop])) + start
        before = _plain_days(self.plain, start - _AROUND_DAYS, start)
        after = _plain_days(self.plain, stop, stop + _AROUND_DAYS)
        around = np.concatenate([before, after])
        if not inside.size or around.size < _FEWEST_AROUND_DAYS:
            return None
        seen, others = self.purchases[inside].sum(), self.purchases[around].sum()
        expected = others * self.usual[inside].sum() / self.usual[around].sum()
        local = _LOCAL_SD if min(before.size, after.size) >= _FEWEST_AROUND_DAYS else _LOCAL_SD_ONE_SIDED
        variance = self.scatter * (1 / (seen + 0.5) + 1 / (others + 0.5)) + local**2
        return float(np.log((seen + 0.5) / (expected + 0.5))), float(variance)


def _plain_days(plain: NDArray[np.bool_], start: int, stop: int) -> NDArray[np.int64]:
    start, stop = max(start, 0), min(max(stop, 0), plain.size)
    return np.flatnonzero(plain[start:stop]) + start


def _scatter(purchases: Vector, expected: Vector, plain: NDArray[np.bool_]) -> float:
    """How much more than Poisson the purchases of a day scatter around those of the four weeks about it, >= 1."""
    bought, thought = (_about(np.where(plain, each, 0.0)) for each in (purchases, expected))
    local = np.divide(expected * bought, thought, out=np.zeros_like(expected), where=thought > 0)
    told = plain & (local > 0)
    if not told.any():
        return 1.0
    return max(float(np.mean((purchases[told] - local[told]) ** 2 / local[told])), 1.0)


def _about(by_day: Vector) -> Vector:
    """Sum of the days within three weeks of each."""
    return np.convolve(by_day, np.ones(2 * _AROUND_DAYS + 1))[_AROUND_DAYS : _AROUND_DAYS + by_day.size]
