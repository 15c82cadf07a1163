"""Operational time: how much of a purchase model's time has passed by each day ahead, where days are not alike.

A purchase model spreads purchases evenly over the days ahead of it. In a busy week more of its time passes than there
are days, in a quiet one less, so that a wait of its law ends on the day by which as much has passed:

    S(t) = sum over the days up to t of exp(log factor),   P(order by day t) = F(S(t)).

Who leaves does so at an order in the MBG/CNBD-k, so that nothing but waits is measured in it; lifetimes of the
Pareto/NBD pass in it too.

References
----------
Feller (1971), "An Introduction to Probability Theory and Its Applications", volume II, chapter X.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class OperationalTime:
    """Time of a purchase model that has passed by the end of each day of a horizon.

    Parameters
    ----------
    passed : ndarray of shape (days + 1,)
        Days of the model; 0 at first, then rising.
    """

    passed: Vector

    @classmethod
    def of(cls, log_factors: npt.ArrayLike) -> Self | None:
        """Return the operational time of consecutive days.

        Parameters
        ----------
        log_factors : array-like of shape (days,)
            By day ahead: log of its purchases over those that the model expects of a day; finite.

        Returns
        -------
        OperationalTime or None
            None where every factor is 1: then it is the calendar's.

        Raises
        ------
        ValueError
            If a log factor is not finite, or there is no day.
        """
        logs = np.asarray(log_factors, dtype=np.float64)
        if logs.ndim != 1 or not logs.size or not np.isfinite(logs).all():
            message = "log factors must be finite numbers, one for each day"
            raise ValueError(message)
        return cls(np.concatenate([[0.0], np.cumsum(np.exp(logs))])) if logs.any() else None

    @property
    def days(self) -> int:
        """Days of the horizon."""
        return self.passed.size - 1

    @property
    def total(self) -> float:
        """Days of the model that pass within the horizon."""
        return float(self.passed[-1])

    def by_end_of(self, days: npt.ArrayLike) -> Vector:
        """Return how much has passed by the end of whole days.

        Parameters
        ----------
        days : array-like
            Whole days, within [0, horizon].

        Returns
        -------
        ndarray of the same shape
            Days of the model.
        """
        of_days: Vector = self.passed[np.asarray(days, dtype=np.float64).astype(np.int64)]
        return of_days

    def calendar_days(self, waits: npt.ArrayLike) -> Vector:
        """Return when waits of the model end.

        Parameters
        ----------
        waits : array-like
            Days of the model, >= 0; NaN stays.

        Returns
        -------
        ndarray of the same shape
            Days of the calendar, within [0, horizon], rising with the wait.
        """
        asked = np.asarray(waits, dtype=np.float64)
        known = np.where(np.isnan(asked), 0.0, np.clip(asked, 0.0, self.total))
        # Not by interpolating: in the last bits that can pass the end of a day, and a date would be a day late.
        day = np.maximum(np.searchsorted(self.passed, known, side="left"), 1)
        before = self.passed[day - 1]
        ends = day - 1 + (known - before) / (self.passed[day] - before)
        return np.where(np.isnan(asked), np.nan, ends)
