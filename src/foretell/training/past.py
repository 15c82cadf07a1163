"""The shop as it was at past cutoffs, and what its customers did next: what every correction is learnt from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from foretell.errors import FitError
from foretell.features.fit_statistics import fit_statistics
from foretell.labels.outcomes import outcomes
from foretell.models.gamma_gamma import GammaGamma
from foretell.scoring.base import PurchaseModel, horizon
from foretell.scoring.known import Known, known_at
from foretell.tables.dataset import CustomerData
from foretell.windows import as_cutoff, first_unseen_day

Vector = NDArray[np.float64]
Models = Mapping[str, PurchaseModel]
Fit = Callable[[pl.DataFrame], tuple[Models, GammaGamma | None]]
"""From a summary to the candidate purchase models by name, and the spend model."""

Periods = Sequence[tuple[date, date]]

_LEAST_CUSTOMERS = 20
_BISECTIONS = 40
_WIDEST_LOG_FACTOR = 4.0


@dataclass(frozen=True, eq=False)
class View:
    """A shop at a past cutoff: what was known, and the models that could be fitted then.

    Parameters
    ----------
    known : Known
        With its history: features are computed of the customers who are learnt from.
    models : mapping of str to purchase model
        Fitted to what was known.
    spend_model : GammaGamma or None
        Fitted to what was known; None without money.
    """

    known: Known
    models: Models
    spend_model: GammaGamma | None

    @property
    def cutoff(self) -> datetime:
        """First instant that was not known."""
        return self.known.as_of


@dataclass(frozen=True, eq=False)
class Window:
    """A view and what happened in the days after it, one entry per customer of the view.

    Parameters
    ----------
    view : View
        Where the window begins.
    days : int
        Its length.
    orders : ndarray of shape (customers,)
        Purchase days in the window.
    spend : ndarray of shape (customers,)
        Money in the window; zeros without money.
    next_day : ndarray of shape (customers,)
        Day of the next purchase, 1 is the first unseen day; NaN without one in the window.
    """

    view: View
    days: int
    orders: Vector
    spend: Vector
    next_day: Vector

    @property
    def bought(self) -> Vector:
        """1 where the customer bought in the window, else 0."""
        return (self.orders > 0).astype(np.float64)


def as_periods(periods: Sequence[tuple[date | str, date | str]]) -> Periods:
    """Read periods that a user gave.

    Parameters
    ----------
    periods : sequence of (date or str, date or str)
        First and last day of each; text is ISO 8601.

    Returns
    -------
    sequence of (date, date)

    Raises
    ------
    WindowError
        If a text is no date.
    """
    return tuple((as_cutoff(start).date(), as_cutoff(end).date()) for start, end in periods)


def periods_of(card: Mapping[str, Any]) -> Periods:
    """Read the excluded periods back that a model card states.

    Parameters
    ----------
    card : mapping of str to object
        Of a bundle.

    Returns
    -------
    sequence of (date, date)
    """
    stated = card.get("excluded_periods", [])
    pairs = (text.split(" to ") for text in stated)
    return tuple((date.fromisoformat(start), date.fromisoformat(end)) for start, end in pairs)


class Past:
    """Views and windows of a shop before a cutoff, each made once.

    Parameters
    ----------
    data : CustomerData
        Rows before the cutoff and nothing else.
    fit : callable
        Fits the candidate models to a summary.
    exclude_periods : sequence of (date, date)
        First and last day of stretches that say nothing about the future; no window touches one.
    """

    def __init__(self, data: CustomerData, fit: Fit, exclude_periods: Periods = ()) -> None:
        self._data = data
        self._fit = fit
        self._excluded = exclude_periods
        self._views: dict[datetime, View | None] = {}
        self._first = data.first_order_at()

    def windows(self, days: int, *, most: int, least_history_days: int | None = None) -> tuple[Window, ...]:
        """Return complete windows of a length, the newest first.

        Parameters
        ----------
        days : int
            Length of each window, > 0.
        most : int
            At most so many.
        least_history_days : int, optional
            Days of history that a window needs before it; by default half its length, at least 30.

        Returns
        -------
        tuple of Window
            Each ends by the end of what was observed. A cutoff at which no model can be fitted is passed over.
        """
        found = []
        for cutoff in self.cutoffs(days, most=most, least_history_days=least_history_days):
            view = self.view(cutoff)
            if view is not None:
                found.append(self.window(view, days))
        return tuple(found)

    def cutoffs(self, days: int, *, most: int, least_history_days: int | None = None) -> Sequence[datetime]:
        """Return the cutoffs of complete windows, the newest first.

        Parameters
        ----------
        days, most, least_history_days
            As for `windows`.

        Returns
        -------
        sequence of datetime
            A third of the window apart, in whole tens of days, so that windows of different lengths share cutoffs.
        """
        if self._first is None:
            return ()
        history = timedelta(days=max(days // 2, 30) if least_history_days is None else least_history_days)
        step = timedelta(days=max(days // 30, 1) * 10)
        newest = self._data.observed_until - timedelta(days=days)
        found: list[datetime] = []
        cutoff = newest
        while len(found) < most and cutoff - history >= self._first:
            if not self._touches_excluded(cutoff, days):
                found.append(cutoff)
            cutoff -= step
        return tuple(found)

    def _touches_excluded(self, cutoff: datetime, days: int) -> bool:
        start = first_unseen_day(cutoff)
        end = start + timedelta(days=days)
        return any(first < end and start <= last for first, last in self._excluded)

    def longest_window_days(self, days: int) -> int:
        """Return the longest window up to a length that the history holds, with half of it before.

        Parameters
        ----------
        days : int
            Length asked for.

        Returns
        -------
        int
            `days`, or less; 0 if not even a month fits.
        """
        if self.cutoffs(days, most=1):
            return days
        if self._first is None:
            return 0
        history = self.history_days()
        fits = min(days, history // 2, history - 30)
        return fits if fits >= 28 else 0

    def history_days(self) -> int:
        """Return the days from the first order to the end of what was observed."""
        return 0 if self._first is None else (self._data.observed_until - self._first).days

    def view(self, cutoff: datetime) -> View | None:
        """Return the shop at a past cutoff.

        Parameters
        ----------
        cutoff : datetime
            First instant that was not known.

        Returns
        -------
        View or None
            None where no model could be fitted then.
        """
        if cutoff not in self._views:
            self._views[cutoff] = self._look(cutoff)
        return self._views[cutoff]

    def window(self, view: View, days: int) -> Window:
        """Return what happened in the days after a view.

        Parameters
        ----------
        view : View
            Where the window begins.
        days : int
            Its length.

        Returns
        -------
        Window

        Raises
        ------
        HorizonNotObserved
            If the window was not observed to its end.
        """
        happened = outcomes(self._data, view.cutoff, days)
        rows = (
            view.known.summary.select("customer_id")
            .lazy()
            .join(happened, on="customer_id", how="left", maintain_order="left")
            .collect()
        )
        zeros = (pl.col("orders_in_window").fill_null(0), pl.col("spend_in_window").fill_null(0.0))
        rows = rows.with_columns(*zeros)
        return Window(
            view,
            days,
            rows["orders_in_window"].cast(pl.Float64).to_numpy(),
            rows["spend_in_window"].to_numpy(),
            rows["days_to_next_order"].cast(pl.Float64).fill_null(float("nan")).to_numpy(),
        )

    def _look(self, cutoff: datetime) -> View | None:
        # What the shop knew of itself then: statistics of today would tell the past of the future.
        statistics = fit_statistics(self._data, cutoff)
        known = known_at(self._data, cutoff, with_features=False, keep_history=True, statistics=statistics)
        if known.summary.height < _LEAST_CUSTOMERS:
            return None
        try:
            models, spend_model = self._fit(known.summary)
        except FitError:
            return None
        return View(known, models, spend_model)


def log_ratio(actual: Vector, expected: Vector) -> float:
    """Return the log of what happened over what was expected, in all.

    Parameters
    ----------
    actual, expected : ndarray
        Amounts >= 0.

    Returns
    -------
    float
        0 where either is nothing.
    """
    happened, thought = float(actual.sum()), float(expected.sum())
    return float(np.log(happened / thought)) if happened > 0 and thought > 0 else 0.0


def log_hazard_ratio(window: Window, family: str) -> float:
    """Return the log factor on the model's hazards at which as many customers buy as did.

    Parameters
    ----------
    window : Window
        A past window.
    family : str
        Name of the model.

    Returns
    -------
    float
        By bisection, within ±4; 0 where nobody or everybody bought.
    """
    bought = float(window.bought.mean())
    if not 0 < bought < 1:
        return 0.0
    answer = horizon(window.view.models[family], window.view.known.summary, window.days)
    hazard = answer.log_hazard()
    low, high = -_WIDEST_LOG_FACTOR, _WIDEST_LOG_FACTOR
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if float(-np.expm1(-np.exp(hazard + middle)).mean()) < bought:
            low = middle
        else:
            high = middle
    return (low + high) / 2
