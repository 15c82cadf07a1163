"""The level of a shop: how far its purchases and their value will stand above or below its purchase model.

A purchase model tells customers apart, but it spreads what it saw evenly over the future: it knows no Christmas, and
a shop that fades or grows keeps surprising it in the same direction. A level is what past cutoffs taught about that:
a log factor for every week ahead, a log factor for every calendar week, and how wrong the corrected totals were.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from foretell.models.event_days import EventDays
from foretell.models.operational_time import OperationalTime
from foretell.models.state import damaged, is_finite
from foretell.windows import first_unseen_day

Vector = npt.NDArray[np.float64]

WEEKS_PER_YEAR = 52
"""Weeks of the yearly pattern: 364 days, so that a week of this year meets the same weekdays of last year."""

SD_ORDERS_UNKNOWN, SD_SPEND_UNKNOWN = 0.25, 0.3
"""Standard errors of log totals where no past window tells: about twice what purchase models missed on the
histories of four shops, since nothing says that a new shop is like them."""

_LARGEST = 5.0
_NAME = "Level"


@dataclass(frozen=True)
class Level:
    """What past cutoffs say about a shop's totals; plain values, fitted by `foretell.training.level.fit_level`.

    Parameters
    ----------
    reason : str
        Why there is no correction; empty where there is one.
    windows : int
        Past cutoffs that were compared with what followed, >= 0.
    expected : tuple of float
        Purchases of known customers that the purchase model expects in the first, second, ... week after a cutoff,
        > 0, as shares of the first: weights of the weeks.
    by_lead : tuple of float
        Log factor on them by week after the cutoff; as long as `expected`.
    season_starts_on : str
        ISO date of the first day of the first week of `season`; empty without one.
    season : tuple of float
        Log factor by calendar week, 52 of them, repeated yearly; empty without one.
    season_weeks_seen : int
        How many of them the shop has shown; the others are a published retail year's, or 0.
    events : EventDays
        Coming events of the shop's calendar whose effect was seen before; they come on top of the season.
    value : float
        Log factor on money per purchase.
    error_days : tuple of int
        Horizons at which errors of totals were measured, ascending, in days.
    sd_orders, sd_spend : tuple of float
        Standard error of the log of total purchases and of total spend at those horizons, > 0.
    """

    reason: str
    windows: int
    expected: tuple[float, ...]
    by_lead: tuple[float, ...]
    season_starts_on: str
    season: tuple[float, ...]
    season_weeks_seen: int
    events: EventDays
    value: float
    error_days: tuple[int, ...]
    sd_orders: tuple[float, ...]
    sd_spend: tuple[float, ...]

    @classmethod
    def none(cls, reason: str = "no level was fitted") -> Self:
        """Return a level that corrects nothing and whose errors are wide.

        Parameters
        ----------
        reason : str
            Why, for the model card.

        Returns
        -------
        Level
        """
        return cls(
            reason, 0, (1.0,), (0.0,), "", (), 0, EventDays(), 0.0, (28,), (SD_ORDERS_UNKNOWN,), (SD_SPEND_UNKNOWN,)
        )

    def log_orders(self, as_of: datetime, days: int) -> float:
        """Log factor on the purchases expected of known customers over a horizon.

        Parameters
        ----------
        as_of : datetime
            First instant that is not seen. Only the season follows it.
        days : int
            Length of the horizon, > 0.

        Returns
        -------
        float
            Mean of the factors of its weeks, weighted by `expected`, as a log.
        """
        factor, weights = self._by_week(as_of, days)
        return float(np.log(np.average(np.exp(factor), weights=weights)))

    def log_value(self) -> float:
        """Log factor on the money per purchase.

        Returns
        -------
        float
        """
        return self.value

    def weekly_log_orders(self, as_of: datetime, days: int, expected: npt.ArrayLike | None = None) -> Vector:
        """Log factor on the purchases of each week of a horizon.

        Parameters
        ----------
        as_of : datetime
            First instant that is not seen.
        days : int
            Length of the horizon, > 0.
        expected : array-like of shape (weeks,), optional
            Purchases that the purchase model expects in each week, >= 0; None takes the shop's usual course.

        Returns
        -------
        ndarray of shape (weeks,)
            The last week may have fewer than seven days. Weighted by `expected`, the factors average to the factor
            that `log_orders` returns.
        """
        factor, usual = self._by_week(as_of, days)
        weights = usual if expected is None else np.asarray(expected, dtype=np.float64)
        if weights.sum() <= 0:
            return factor
        return factor + self.log_orders(as_of, days) - float(np.log(np.average(np.exp(factor), weights=weights)))

    def operational_time(self, as_of: datetime, days: int) -> OperationalTime | None:
        """Return how the purchase model's time passes over a horizon.

        Parameters
        ----------
        as_of : datetime
            First instant that is not seen.
        days : int
            Length of the horizon, > 0.

        Returns
        -------
        OperationalTime or None
            By season and events; None without any. By how much purchases in all stand above the model's (`by_lead`)
            is not in it: that says how many customers come rather than when.
        """
        return OperationalTime.of(self._season_by_day(as_of, days))

    def total_error(self, days: int) -> tuple[float, float]:
        """Standard errors of the logs of total purchases and of total spend over a horizon.

        Parameters
        ----------
        days : int
            Length of the horizon, > 0.

        Returns
        -------
        tuple of float
            Of purchases, of spend; > 0. Beyond the longest horizon measured they grow with its square root.
        """
        beyond = math.sqrt(max(days / self.error_days[-1], 1.0))
        orders, spend = (float(np.interp(days, self.error_days, sd)) for sd in (self.sd_orders, self.sd_spend))
        return orders * beyond, spend * beyond

    def facts(self) -> dict[str, Any]:
        """Return what the model card says about the level.

        Returns
        -------
        dict of str to object
            Factors, windows behind them, errors of totals, whether a season was seen.
        """
        return {
            "fitted": f"no: {self.reason}" if self.reason else "yes",
            "past_windows": self.windows,
            "factor_on_orders_first_week": round(math.exp(self.by_lead[0]), 4),
            "factor_on_orders_last_week": round(math.exp(self.by_lead[-1]), 4),
            "weeks_ahead": len(self.by_lead),
            "factor_on_order_value": round(math.exp(self.value), 4),
            "season": f"{self.season_weeks_seen} of 52 weeks seen" if any(self.season) else "not seen, or none found",
            "coming_events_factor_on_a_day": self.events.factors(),
            "season_lowest_factor": round(math.exp(min(self.season, default=0.0)), 4),
            "season_highest_factor": round(math.exp(max(self.season, default=0.0)), 4),
            "error_of_total_orders": dict(zip(map(str, self.error_days), self.sd_orders, strict=True)),
            "error_of_total_spend": dict(zip(map(str, self.error_days), self.sd_spend, strict=True)),
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the level as plain values.

        Returns
        -------
        dict of str to object
            For JSON; read back by `from_dict`.
        """
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        return {**plain, "events": self.events.to_dict()}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Rebuild a level from plain values.

        Parameters
        ----------
        state : mapping
            As from `to_dict`, possibly through JSON.

        Returns
        -------
        Level

        Raises
        ------
        BundleError
            If the state is not that of a level.
        """
        if set(state) != {field.name for field in fields(cls)}:
            raise damaged(_NAME, "fields")
        for name in ("reason", "season_starts_on"):
            if not isinstance(state[name], str):
                raise damaged(_NAME, name)
        for name in ("windows", "season_weeks_seen"):
            if type(state[name]) is not int or state[name] < 0:
                raise damaged(_NAME, name)
        if not is_finite(state["value"]) or abs(state["value"]) > _LARGEST:
            raise damaged(_NAME, "value")
        days = _numbers(state, "error_days")
        level = cls(
            reason=state["reason"],
            windows=state["windows"],
            expected=_numbers(state, "expected"),
            by_lead=_numbers(state, "by_lead"),
            season_starts_on=state["season_starts_on"],
            season=_numbers(state, "season"),
            season_weeks_seen=state["season_weeks_seen"],
            events=EventDays.from_dict(state["events"]),
            value=float(state["value"]),
            error_days=tuple(int(day) for day in days),
            sd_orders=_numbers(state, "sd_orders"),
            sd_spend=_numbers(state, "sd_spend"),
        )
        _require_sound(level, days)
        return level

    def _by_week(self, as_of: datetime, days: int) -> tuple[Vector, Vector]:
        """Log factors and weights of the weeks of a horizon."""
        lead = np.minimum(np.arange(math.ceil(days / 7)), len(self.by_lead) - 1)
        length = np.minimum(days - 7 * np.arange(lead.size), 7) / 7
        return np.asarray(self.by_lead)[lead] + self._season(as_of, days), np.asarray(self.expected)[lead] * length

    def _season(self, as_of: datetime, days: int) -> Vector:
        """Log factor of season and events for the weeks of a horizon: the mean over the days of each."""
        starts = np.arange(0, days, 7)
        if not self.season and not self.events.names:
            return np.zeros(starts.size)
        by_day = self._season_by_day(as_of, days)
        return np.log(np.add.reduceat(np.exp(by_day), starts) / np.minimum(days - starts, 7))

    def _season_by_day(self, as_of: datetime, days: int) -> Vector:
        """Log factor of season and events for the days of a horizon."""
        by_day = self.events.by_day(first_unseen_day(as_of), days)
        if self.season:
            first = (first_unseen_day(as_of) - date.fromisoformat(self.season_starts_on)).days
            by_day += np.asarray(self.season)[(first + np.arange(days)) % (7 * WEEKS_PER_YEAR) // 7]
        return by_day


def _numbers(state: Mapping[str, Any], name: str) -> tuple[float, ...]:
    values = state[name]
    if not isinstance(values, list | tuple) or not all(is_finite(value) for value in values):
        raise damaged(_NAME, name)
    return tuple(float(value) for value in values)


def _require_sound(level: Level, days: tuple[float, ...]) -> None:
    lengths = {len(level.error_days), len(level.sd_orders), len(level.sd_spend)}
    checks = {
        "expected": bool(level.expected) and min(level.expected) > 0,
        "by_lead": len(level.by_lead) == len(level.expected) and max(map(abs, level.by_lead), default=0) <= _LARGEST,
        "season": len(level.season) in (0, WEEKS_PER_YEAR) and max(map(abs, level.season), default=0) <= _LARGEST,
        "season_starts_on": bool(level.season) == bool(level.season_starts_on) and _is_date(level.season_starts_on),
        "error_days": days == level.error_days and days[:1] > (0,) and sorted(set(days)) == list(days),
        "sd_orders": lengths == {len(days)} and min(level.sd_orders + level.sd_spend, default=0) > 0,
    }
    for where, holds in checks.items():
        if not holds:
            raise damaged(_NAME, where)


def _is_date(text: str) -> bool:
    try:
        return not text or bool(date.fromisoformat(text))
    except ValueError:
        return False
