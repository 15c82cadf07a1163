"""Past cutoffs beside what followed them: the evidence that a shop's level is fitted to.

Every window ends where the data end, so windows of different cutoffs overlap; weeks are counted back from that end,
and a week means the same days in all of them.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from foretell.errors import FitError, ForetellWarning
from foretell.features.summary import purchase_summary
from foretell.models.gamma_gamma import GammaGamma
from foretell.models.weekly import ExpectsOrders, weekly_expected
from foretell.tables.buckets import bucket_of
from foretell.tables.dataset import MINOR_PER_UNIT, CustomerData
from foretell.tables.purchases import purchase_days
from foretell.training.event_effects import Occasion, occasions_of
from foretell.windows import first_unseen_day

Vector = NDArray[np.float64]
Models = tuple[ExpectsOrders, GammaGamma | None]
FitModels = Callable[[pl.DataFrame], Models]

STEP_WEEKS = 4
"""Weeks between cutoffs, and in a block of the fit: a month that always has the same weekdays."""

VALUE_WEEKS = 13
"""Weeks over which the value of orders is compared."""

_MOST_CUTOFFS = 20
_MOST_CUSTOMERS = 10_000
_FEWEST_REPEATERS = 20
_LEAST_HISTORY_DAYS = 42
_LARGEST_SHARE, _LARGEST_OF_MEAN = 0.05, 10.0
_LIMITED_AGAIN = 20


@dataclass(frozen=True, eq=False)
class PastWindow:
    """One past cutoff: what its purchase model expected of its customers, and what they did.

    Attributes
    ----------
    weeks : int
        Weeks from the cutoff to the end of what is seen, > 0.
    expected, expected_spend : ndarray of shape (longest horizon in weeks,)
        Purchases and currency units expected in each week.
    actual, actual_spend : ndarray of shape (min(weeks, longest horizon in weeks),)
        Purchases and currency units of each week seen.
    log_value : float or None
        Log of money per purchase over what was expected, giants limited in both; None without money.
    order_noise : float
        Variance of the number of purchases over its mean, from how unequally customers bought, >= 1.
    spend_noise : float
        Relative variance of the money of one average purchase, likewise, >= 1.
    """

    weeks: int
    expected: Vector
    expected_spend: Vector
    actual: Vector
    actual_spend: Vector
    log_value: float | None
    order_noise: float
    spend_noise: float


@dataclass(frozen=True, eq=False)
class History:
    """All past windows of a shop as of one end.

    Attributes
    ----------
    windows : tuple of PastWindow
        Newest first.
    end : date
        First day that is not seen.
    shown : ndarray of bool, shape (weeks,)
        Whether a week counts; the last is the one that ends at the end of what is seen.
    share : float
        Share of the customers that was looked at, in (0, 1].
    tried : int
        Cutoffs that lay far enough from the first order.
    repeats : ndarray of shape (weeks since the first order,)
        Purchases of customers who had one before, by week, the newest first: what purchase models learn rates from.
    known : ndarray of shape (weeks since the first order,)
        Customers who had bought by the middle day of each week, the newest first.
    repeats_by_day : ndarray of shape (7 x weeks since the first order,)
        The same by day; NaN on days that say nothing.
    occasions : tuple of Occasion
        Events of the shop's calendar, past and coming.
    """

    windows: tuple[PastWindow, ...]
    end: date
    shown: NDArray[np.bool_]
    share: float
    tried: int
    repeats: Vector
    known: Vector
    repeats_by_day: Vector
    occasions: tuple[Occasion, ...]


def past_windows(
    data: CustomerData,
    as_of: datetime,
    fit_models: FitModels,
    *,
    horizon_weeks: int,
    exclude_periods: Sequence[tuple[date, date]] = (),
) -> History:
    """Fit the models at past cutoffs and put beside them what followed before `as_of`.

    Parameters
    ----------
    data : CustomerData
        Orders of a shop. Rows at or after `as_of` are not read.
    as_of : datetime
        First instant that is not seen.
    fit_models : callable
        From a summary to a fitted purchase model and a fitted spend model or None; a cutoff at which it raises
        `FitError` is passed over.
    horizon_weeks : int
        Weeks that each cutoff looks ahead, > 0.
    exclude_periods : sequence of (date, date)
        First and last day of stretches whose weeks do not count.

    Returns
    -------
    History
    """
    seen = data.before(as_of)
    first = seen.first_order_at()
    # Weeks between the last order and a later as_of were not seen: they are no zeros.
    end = first_unseen_day(min(as_of, seen.observed_until))
    if first is None:
        return History((), end, np.zeros(0, dtype=bool), 1.0, 0, np.zeros(0), np.zeros(0), np.zeros(0), ())
    seen, share = _sample(seen)
    longest = max((end - first.date()).days - _LEAST_HISTORY_DAYS, 0) // 7
    tried = min(longest // STEP_WEEKS, _MOST_CUTOFFS)
    days = purchase_days(seen).collect()
    windows = []
    for back in range(1, tried + 1):
        cutoff = datetime.combine(end, time.min) - timedelta(weeks=STEP_WEEKS * back)
        summary = purchase_summary(seen.before(cutoff), cutoff)
        models = _fitted(summary, fit_models)
        if models is not None:
            weeks = STEP_WEEKS * back
            window = _window(summary, _by_week(days, cutoff.date(), weeks), models, weeks, horizon_weeks)
            if window is not None:
                windows.append(window)
    shown = _shown(end, STEP_WEEKS * tried, exclude_periods)
    repeats = _repeats(days, first.date(), end)
    return History(
        tuple(windows),
        end,
        shown,
        share,
        tried,
        repeats.reshape(-1, 7).sum(axis=1),
        _known(days, end, repeats.size // 7),
        _without(repeats, end, first.date(), exclude_periods),
        occasions_of(seen.optional.calendar),
    )


def _repeats(days: pl.DataFrame, first: date, end: date) -> Vector:
    """Purchases after each customer's first, by day before the end, in whole weeks."""
    day = pl.col("purchase_date")
    again = days.filter(day > day.min().over("customer_id"))
    before = again.select((pl.lit(end) - day).dt.total_days() - 1).to_series().to_numpy()
    return np.bincount(before, minlength=7 * -(-(end - first).days // 7)).astype(np.float64)


def _known(days: pl.DataFrame, end: date, weeks: int) -> Vector:
    """Customers who had bought by the middle day of each week before the end."""
    first = days.group_by("customer_id").agg(pl.col("purchase_date").min())
    before = np.sort(first.select((pl.lit(end) - pl.col("purchase_date")).dt.total_days()).to_series().to_numpy())
    return (before.size - np.searchsorted(before, 7 * np.arange(weeks) + 4)).astype(np.float64)


def _without(by_day: Vector, end: date, first: date, exclude_periods: Sequence[tuple[date, date]]) -> Vector:
    """NaN on excluded days and on those before the first order."""
    told = by_day.copy()
    told[(end - first).days :] = np.nan
    for start, stop in exclude_periods:
        told[max((end - stop).days - 1, 0) : max((end - start).days, 0)] = np.nan
    return told


def _sample(data: CustomerData) -> tuple[CustomerData, float]:
    ids = data.orders.select(pl.col("customer_id").unique()).collect()["customer_id"].sort()
    if len(ids) <= _MOST_CUSTOMERS:
        return data, 1.0
    parts = 1_000
    chosen = ids.filter(pl.Series(bucket_of(ids, parts, salt="level") < parts * _MOST_CUSTOMERS // len(ids)))
    kept = data.orders.filter(pl.col("customer_id").is_in(chosen.implode())).collect()
    return replace(data, orders=kept.lazy()), len(chosen) / len(ids)


def _fitted(summary: pl.DataFrame, fit_models: FitModels) -> Models | None:
    if summary.filter(pl.col("repeat_orders") > 0).height < _FEWEST_REPEATERS:
        return None
    try:
        with warnings.catch_warnings():
            # What is wrong with a fit is said once, by whoever fits as of today.
            warnings.simplefilter("ignore", ForetellWarning)  # noqa: TID251  # as above
            return fit_models(summary)
    except FitError:
        return None


def _by_week(days: pl.DataFrame, start: date, weeks: int) -> pl.DataFrame:
    """Purchase days of some weeks from a day on: customer_id, week (from 0), money in currency units."""
    week = (pl.col("purchase_date") - pl.lit(start)).dt.total_days() // 7
    return days.select("customer_id", week=week, money=pl.col("amount_minor").fill_null(0) / MINOR_PER_UNIT).filter(
        pl.col("week").is_between(0, weeks - 1)
    )


def _window(
    summary: pl.DataFrame, later: pl.DataFrame, models: Models, weeks: int, horizon_weeks: int
) -> PastWindow | None:
    purchase_model, spend_model = models
    value = None
    if spend_model is not None:
        value = spend_model.expected_order_value(summary)["expected_order_value"].to_numpy()
    expected, expected_spend = weekly_expected(purchase_model, summary, 7 * horizon_weeks, value)
    if expected[0] <= 0:
        return None
    bought = later.join(summary.select("customer_id").with_row_index("customer"), on="customer_id")
    week, money = bought["week"].to_numpy(), bought["money"].to_numpy()
    length = min(weeks, horizon_weeks)
    compared = min(weeks, VALUE_WEEKS)
    within = week < compared
    customer = bought["customer"].to_numpy()[within]
    orders = np.bincount(customer, minlength=summary.height).astype(np.float64)
    spent = np.bincount(customer, weights=money[within], minlength=summary.height).astype(np.float64)
    promised = purchase_model.expected_orders(summary, 7.0 * compared)["expected_orders"].to_numpy()
    promised_spend = promised if value is None else promised * value
    log_value = None if value is None else _log_value(orders, spent, promised, promised_spend)
    return PastWindow(
        weeks=weeks,
        expected=np.maximum(expected, expected[0] * 1e-6),
        expected_spend=expected_spend,
        actual=np.bincount(week, minlength=weeks)[:length].astype(np.float64),
        actual_spend=np.bincount(week, weights=money, minlength=weeks)[:length].astype(np.float64),
        log_value=log_value,
        order_noise=_noise(orders, promised, float(orders.sum())),
        spend_noise=_noise(spent, promised_spend, float(orders.sum())),
    )


def _log_value(orders: Vector, spent: Vector, promised: Vector, promised_spend: Vector) -> float | None:
    """Log of money per purchase over its expectation, what one customer brings limited to a small share of all.

    Nobody is left out: whoever turned out large would be left out more often than whoever was thought to, and the
    ratio would be too low. A limit on one side only would bias it, too; and where few bought it would be one, since
    expectations are never as unequal as what happens: it is ten buyers' mean at least.
    """
    bought, thought = orders.sum(), promised.sum()
    limit = max(_LARGEST_SHARE, _LARGEST_OF_MEAN / max(float(np.sum(orders > 0)), 1.0))
    real, hoped = (_limited(each, limit).sum() for each in (spent, promised_spend))
    if min(bought, thought, real, hoped) <= 0:
        return None
    return float(np.log(real / bought * thought / hoped))


def _limited(each: Vector, share: float) -> Vector:
    """Limit each to a share of the sum of what is left; a giant hides the next one behind it."""
    limited = each
    for _ in range(_LIMITED_AGAIN):
        limited = np.minimum(each, share * limited.sum())
    return limited


def _noise(each: Vector, promised: Vector, orders: float) -> float:
    """Relative variance of a sum over customers who act on their own, times the number of purchases."""
    total, thought = each.sum(), promised.sum()
    if total <= 0 or thought <= 0:
        return 1.0
    # What the model knew of a customer is no noise; the level of all is somebody else's to tell.
    return float(max(orders * np.sum((each - promised * (total / thought)) ** 2) / total**2, 1.0))


def _shown(end: date, weeks: int, exclude_periods: Sequence[tuple[date, date]]) -> NDArray[np.bool_]:
    shown = np.ones(weeks, dtype=bool)
    for first, last in exclude_periods:
        oldest, newest = ((end - day).days for day in (first, last))
        shown[max(weeks - 1 - (oldest - 1) // 7, 0) : max(weeks - (newest - 1) // 7, 0)] = False
    return shown
