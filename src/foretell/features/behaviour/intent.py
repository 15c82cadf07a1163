"""What a customer is after: events of visits by category, brand and price, the newer and the nearer to a purchase
the more they count.

An event counts its kind's points, halved every 14 days; what is older than 90 days is left out. Points are added as
whole multiples of a small step, so that sums are exact in any order.
"""

from functools import partial

import numpy as np

from foretell.features.behaviour.available import Available
from foretell.features.behaviour.family import TableFamily
from foretell.features.behaviour.price_bands import in_bands
from foretell.features.behaviour.seen import NEVER, Rows, Seen
from foretell.features.behaviour.segments import Segments, order_of
from foretell.features.feature import TEXT, Feature, Values
from foretell.features.history import Ints
from foretell.features.ratios import ratio

POINTS = {"view": 1, "search": 1, "cart": 4, "checkout": 6}
"""Points of an event on the last day seen, by its name."""

HALF_LIFE_DAYS = 14
"""Days in which the points of an event halve."""

MOST_DAYS = 90
"""Age from which an event no longer counts."""

_NAME = "intent"
_STEPS_A_POINT = 2**20

_declare_one = partial(Feature, family=_NAME, source="events")


def _of_level(level: str) -> tuple[Feature, ...]:
    none = f"no event of a visit in the last {MOST_DAYS} days has a {level}"
    return (
        _declare_one(
            f"intent_{level}",
            "name",
            f"The {level} with the most points of intent, the first in the alphabet of equals.",
            dtype=TEXT,
            null_when=f"{none}, or it was not known when the model was fitted",
            needs=("event", level),
        ),
        _declare_one(
            f"intent_{level}_points",
            "points",
            f"Points of intent of that {level}.",
            null_when=none,
            needs=("event", level),
        ),
        _declare_one(
            f"intent_{level}_share",
            "share",
            f"That {level}'s part of the points of intent of all with a {level}.",
            null_when=none,
            needs=("event", level),
        ),
    )


_FEATURES = (
    _declare_one(
        "intent_points",
        "points",
        "Points of intent: 1 a view or search, 4 a cart, 6 a checkout, halved every 14 days.",
        needs=("event",),
    ),
    *(feature for level in ("category", "brand") for feature in _of_level(level)),
    *(
        _declare_one(
            f"intent_{band}_price_share",
            "share",
            f"Part of the points of intent with a price that are in the {band} third of prices of the category.",
            null_when=f"no event of a visit in the last {MOST_DAYS} days has a price, or the model knows no prices",
            needs=("event", "price"),
        )
        for band in ("low", "high")
    ),
)


def _declare(_: Available) -> tuple[Feature, ...]:
    return _FEATURES


def _compute(seen: Seen) -> Values:
    visits = seen.visits
    visits = visits.where(visits.day >= seen.end_day - MOST_DAYS)
    points = _points(seen, visits)
    values: Values = {"intent_points": visits.segments.sum(points) / _STEPS_A_POINT}
    for level in ("category", "brand"):
        if level in visits.codes:
            values |= _favourite(seen, visits, points, level)
    if "price" in visits.numbers:
        low, high = in_bands(seen.statistics, visits, "price")
        known = visits.known["price"] & bool(seen.statistics.price_bands)
        priced = visits.segments.sum(points * known)
        values["intent_low_price_share"] = ratio(visits.segments.sum(points * low), priced)
        values["intent_high_price_share"] = ratio(visits.segments.sum(points * high), priced)
    return values


def _points(seen: Seen, visits: Rows) -> Ints:
    by_age = np.rint(_STEPS_A_POINT * 2.0 ** (-np.arange(MOST_DAYS) / HALF_LIFE_DAYS)).astype(np.int64)
    by_name = np.array([POINTS.get(name, 0) for name in visits.names["event"]] + [0], dtype=np.int64)
    return by_name[visits.codes["event"]] * by_age[seen.end_day - 1 - visits.day]


def _favourite(seen: Seen, visits: Rows, points: Ints, level: str) -> Values:
    names, there = visits.names[level], visits.codes[level] != NEVER
    customer, code, points = visits.customer[there], visits.codes[level][there], points[there]
    order = order_of((customer, seen.customers), (code, len(names)))
    customer, code, points = customer[order], code[order], points[order]
    new = np.ones(code.size, dtype=np.bool_)
    new[1:] = (np.diff(customer) != 0) | (np.diff(code) != 0)
    start = np.flatnonzero(new)
    total = np.add.reduceat(points, start) if start.size else points
    own = Segments(customer[start], seen.customers)
    all_points, most = own.sum(total), own.of_largest(total, total, 0)
    some = all_points > 0
    return {
        f"intent_{level}": seen.text(level, names, own.of_largest(total, code[start], NEVER)),
        f"intent_{level}_points": np.where(some, most / _STEPS_A_POINT, np.nan),
        f"intent_{level}_share": ratio(most, all_points),
    }


INTENT = TableFamily(_NAME, {"events": "events"}, _declare, _compute)
"""Points of intent by category, brand and price."""
