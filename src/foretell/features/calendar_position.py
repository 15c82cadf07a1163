"""Where the cutoff and a customer's purchases lie in the year and in the week.

The same weeks of last year begin 364 days before the cutoff, so that weekdays match.
"""

import math
from datetime import date, timedelta

import numpy as np

from foretell.features.feature import COUNT, MONEY, Family, Feature, Values
from foretell.features.history import Ints, PurchaseHistory
from foretell.tables.dataset import MINOR_PER_UNIT

_NAME = "calendar"
_EPOCH = date(1970, 1, 1)
_YEAR_OF_WEEKS_DAYS = 364
_AHEAD_DAYS = (30, 90)

_FEATURES = (
    Feature("first_order_month", "month 1-12", "Month of the first purchase day.", _NAME, COUNT),
    Feature("last_order_month", "month 1-12", "Month of the last purchase day.", _NAME, COUNT),
    Feature("first_order_weekday", "weekday 1-7", "Weekday of the first purchase day, 1 is Monday.", _NAME, COUNT),
    Feature("last_order_weekday", "weekday 1-7", "Weekday of the last purchase day, 1 is Monday.", _NAME, COUNT),
    Feature("weekend_orders_share", "share", "Part of the purchase days on a Saturday or Sunday.", _NAME),
    Feature("quarter_4_orders_share", "share", "Part of the purchase days in October to December.", _NAME),
    *(
        Feature(
            f"orders_next_{days}d_last_year",
            "purchase days",
            f"Purchase days in the {days} days that began 364 days before the cutoff.",
            _NAME,
            COUNT,
        )
        for days in _AHEAD_DAYS
    ),
    *(
        Feature(
            f"spend_next_{days}d_last_year",
            "currency",
            f"Money of the purchase days in the {days} days that began 364 days before the cutoff.",
            _NAME,
            needs=MONEY,
        )
        for days in _AHEAD_DAYS
    ),
    Feature("as_of_days_to_year_end", "days", "Days from the cutoff to 31 December of its year.", _NAME, COUNT),
    Feature("as_of_year_sin", "cyclic", "Sine of the cutoff's position in its year.", _NAME),
    Feature("as_of_year_cos", "cyclic", "Cosine of the cutoff's position in its year.", _NAME),
)


def _compute(history: PurchaseHistory) -> Values:
    as_of = _EPOCH + timedelta(days=history.end_day)
    new_year, next_year = date(as_of.year, 1, 1), date(as_of.year + 1, 1, 1)
    angle = 2.0 * math.pi * ((as_of - new_year).days / (next_year - new_year).days)
    customers = history.orders.size
    values: Values = {
        "first_order_month": _month(history.first_day),
        "last_order_month": _month(history.last_day),
        "first_order_weekday": _weekday(history.first_day),
        "last_order_weekday": _weekday(history.last_day),
        "weekend_orders_share": history.sum(_weekday(history.day) >= 6) / history.orders,
        "quarter_4_orders_share": history.sum(_month(history.day) >= 10) / history.orders,
        "as_of_days_to_year_end": np.full(customers, (next_year - as_of).days - 1),
        "as_of_year_sin": np.full(customers, math.sin(angle)),
        "as_of_year_cos": np.full(customers, math.cos(angle)),
    }
    for days in _AHEAD_DAYS:
        begun, ended = _YEAR_OF_WEEKS_DAYS, _YEAR_OF_WEEKS_DAYS - days
        values[f"orders_next_{days}d_last_year"] = history.orders_last(begun) - history.orders_last(ended)
        if history.amount is not None:
            spend = history.spend_last(begun) - history.spend_last(ended)
            values[f"spend_next_{days}d_last_year"] = spend / MINOR_PER_UNIT
    return values


def _month(day: Ints) -> Ints:
    # A look-up by day is much faster than converting every row.
    first = int(day.min(initial=0))
    days = np.arange(first, int(day.max(initial=0)) + 1)
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12 + 1
    return months[day - first]


def _weekday(day: Ints) -> Ints:
    # 1970-01-01 was a Thursday.
    return (day + 3) % 7 + 1


CALENDAR = Family(_NAME, _FEATURES, _compute)
"""Months, weekdays and the same weeks of last year."""
