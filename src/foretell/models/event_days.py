"""What the named events of a shop's calendar do to its purchases: a log factor for every day of each of them.

Events move through the year (Black Friday, Easter) and are shorter than what a season is told from, so they carry
their own dates.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from foretell.models.state import damaged, is_finite

Vector = npt.NDArray[np.float64]

_LARGEST = 5.0
_NAME = "EventDays"


@dataclass(frozen=True)
class EventDays:
    """Occurrences of events and their effect; all four are equally long.

    Parameters
    ----------
    names : tuple of str
        Event of each occurrence.
    starts_on, ends_on : tuple of str
        ISO dates of its first and last day.
    log_factors : tuple of float
        Log of purchases on its days over those of the same weekdays around it. Where events overlap, they add up.
    """

    names: tuple[str, ...] = ()
    starts_on: tuple[str, ...] = ()
    ends_on: tuple[str, ...] = ()
    log_factors: tuple[float, ...] = ()

    def by_day(self, first: date, days: int) -> Vector:
        """Return the log factor of consecutive days.

        Parameters
        ----------
        first : date
            The first of them.
        days : int
            How many, >= 0.

        Returns
        -------
        ndarray of shape (days,)
            0 on days without an event.
        """
        factors = np.zeros(days)
        for start, end, factor in zip(self.starts_on, self.ends_on, self.log_factors, strict=True):
            begins, stops = ((date.fromisoformat(day) - first).days for day in (start, end))
            factors[max(begins, 0) : max(stops + 1, 0)] += factor
        return factors

    def by_week(self, start: date, weeks: npt.NDArray[np.int64]) -> Vector:
        """Return the log of the mean factor of some weeks.

        Parameters
        ----------
        start : date
            First day of week 0.
        weeks : ndarray of int64
            Numbers of weeks, ascending or not; negative ones lie before `start`.

        Returns
        -------
        ndarray of float64, as many as `weeks`
        """
        if not self.names or not weeks.size:
            return np.zeros(weeks.size)
        oldest = int(weeks.min())
        first = date.fromordinal(start.toordinal() + 7 * oldest)
        by_day = self.by_day(first, 7 * (int(weeks.max()) - oldest + 1))
        means: Vector = np.log(np.exp(by_day).reshape(-1, 7).mean(axis=1))
        return means[weeks - oldest]

    def from_day(self, day: date) -> Self:
        """Return the occurrences that end on a day or later.

        Parameters
        ----------
        day : date
            First day that matters.

        Returns
        -------
        EventDays
        """
        kept = [row for row in self._rows() if date.fromisoformat(row[2]) >= day]
        return type(self)(*zip(*kept, strict=True)) if kept else type(self)()

    def factors(self) -> dict[str, float]:
        """Return the factor on a day's purchases by event, for the model card.

        Returns
        -------
        dict of str to float
            By name, in the alphabet's order.
        """
        return {name: round(float(np.exp(factor)), 4) for name, _, _, factor in sorted(self._rows())}

    def to_dict(self) -> dict[str, Any]:
        """Return the events as plain values.

        Returns
        -------
        dict of str to list
            For JSON; read back by `from_dict`.
        """
        return {name: list(values) for name, values in asdict(self).items()}

    @classmethod
    def from_dict(cls, state: object) -> Self:
        """Rebuild the events from plain values.

        Parameters
        ----------
        state : mapping
            As from `to_dict`, possibly through JSON.

        Returns
        -------
        EventDays

        Raises
        ------
        BundleError
            If the state is not that of events.
        """
        if not isinstance(state, Mapping) or set(state) != {field.name for field in fields(cls)}:
            raise damaged(_NAME, "fields")
        for name, values in state.items():
            if not isinstance(values, list | tuple) or len(values) != len(state["names"]):
                raise damaged(_NAME, name)
        if not all(isinstance(name, str) and name for name in state["names"]):
            raise damaged(_NAME, "names")
        for name in ("starts_on", "ends_on"):
            if not all(_is_date(day) for day in state[name]):
                raise damaged(_NAME, name)
        if not all(start <= end for start, end in zip(state["starts_on"], state["ends_on"], strict=True)):
            raise damaged(_NAME, "ends_on")
        if not all(is_finite(factor) and abs(factor) <= _LARGEST for factor in state["log_factors"]):
            raise damaged(_NAME, "log_factors")
        return cls(
            names=tuple(state["names"]),
            starts_on=tuple(state["starts_on"]),
            ends_on=tuple(state["ends_on"]),
            log_factors=tuple(float(factor) for factor in state["log_factors"]),
        )

    def _rows(self) -> list[tuple[str, str, str, float]]:
        return list(zip(self.names, self.starts_on, self.ends_on, self.log_factors, strict=True))


def _is_date(text: object) -> bool:
    try:
        return isinstance(text, str) and date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
