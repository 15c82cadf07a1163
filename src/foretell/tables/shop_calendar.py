"""The calendar of a simulated shop: how busy each hour is, as a clock that runs faster in busy ones.

A busy day is an average day's worth of activity. A process that is even in busy days is seasonal in real time.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from foretell.windows import Window

_HOUR = 3_600
_DAY = 24 * _HOUR
_YEAR_DAYS = 365.25
# from midnight: a quiet night, a plateau from late morning, a peak in the evening
_HOURS = (
    0.4, 0.2, 0.1, 0.1, 0.1, 0.2, 0.4, 0.7, 1.0, 1.2, 1.4, 1.4,
    1.4, 1.3, 1.3, 1.3, 1.3, 1.3, 1.4, 1.6, 1.9, 1.8, 1.3, 0.8,
)  # fmt: skip


class ShopCalendar:
    """Turns busy days since the start into seconds since the start.

    Parameters
    ----------
    span : Window
        First instant of the shop and first instant after it.
    season_strength : float
        Amplitude of the yearly wave around 1, in [0, 1).
    season_peak_day : int
        Day of the year on which it is highest.
    weekday_weights : sequence of float
        Seven weights, Monday first; if all are equal, hours are too.

    Attributes
    ----------
    length_seconds : int
        Length of the span.
    length_days : float
        Length of the span in days; over the whole of it busy days and days are the same.
    """

    def __init__(
        self, span: Window, *, season_strength: float, season_peak_day: int, weekday_weights: Sequence[float]
    ) -> None:
        length = span.end - span.start
        self.length_seconds = length.days * _DAY + length.seconds
        self.length_days = self.length_seconds / _DAY
        edges = np.append(np.arange(0, self.length_seconds, _HOUR), self.length_seconds)
        middle = (edges[:-1] + edges[1:]) / 2
        midnight = span.start.hour * _HOUR + span.start.minute * 60 + span.start.second
        day = (middle + midnight) / _DAY
        day_of_year = span.start.timetuple().tm_yday + day
        busy = 1 + season_strength * np.cos(2 * np.pi * (day_of_year - season_peak_day) / _YEAR_DAYS)
        if len(set(weekday_weights)) > 1:
            weekday = (day.astype(np.int64) + span.start.weekday()) % 7
            hour = (day * 24).astype(np.int64) % 24
            busy *= np.asarray(weekday_weights)[weekday] * np.asarray(_HOURS)[hour]
        worth = np.concatenate([[0.0], np.cumsum(busy * np.diff(edges))])
        self._busy_days = worth / worth[-1] * self.length_days
        self._seconds = edges.astype(np.float64)

    def seconds_after_start(self, busy_days: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the whole seconds after the start at which so many busy days have passed.

        Parameters
        ----------
        busy_days : numpy.ndarray of float64
            Busy days since the start, in [0, length_days).

        Returns
        -------
        numpy.ndarray of int64
            Seconds since the start, in [0, length_seconds).
        """
        seconds = np.interp(busy_days, self._busy_days, self._seconds).astype(np.int64)
        return np.minimum(seconds, self.length_seconds - 1)
