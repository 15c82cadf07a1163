"""What was put into carts, what of it was not bought, and how far along the funnel a customer is.

A cart is open where its day lies after the last purchase day: what was put in on the day of a purchase counts as
bought. After 30 days it is given up.
"""

from functools import partial

import numpy as np
import polars as pl

from foretell.features.behaviour.available import Available
from foretell.features.behaviour.family import TableFamily
from foretell.features.behaviour.seen import NEVER, Rows, Seen
from foretell.features.behaviour.segments import Pairs, Segments
from foretell.features.feature import COUNT, TEXT, Feature, Values
from foretell.features.history import Ints
from foretell.features.ratios import ratio
from foretell.tables.dataset import MINOR_PER_UNIT

OPEN_DAYS = 30
"""Days after which an open cart is given up."""

CONVERTED_WITHIN_DAYS = 7
"""Days, the cart's included, within which a purchase counts as that of the cart."""

STAGES = ("awareness", "consideration", "conversion", "loyalty")
"""Stages of the funnel, the first that is furthest along holds."""

WINDOWS_DAYS = (7, 30, 90)
"""Lengths of the windows in which events are counted, in days; each ends with the last day seen."""

_NAME = "carts"
_KINDS = ("cart", "checkout")
_NONE = f"there is no open cart of the last {OPEN_DAYS} days"

_declare_one = partial(Feature, family=_NAME, source="events", needs=("event",))

_FEATURES = (
    *(
        _declare_one(
            f"{kind}_events_last_{days}d", "events", f"Events named {kind} in the last {days} days.", dtype=COUNT
        )
        for kind in _KINDS
        for days in WINDOWS_DAYS
    ),
    *(
        _declare_one(
            f"open_{kind}_events_last_{OPEN_DAYS}d",
            "events",
            f"Events named {kind} in the last {OPEN_DAYS} days and after the last purchase day.",
            dtype=COUNT,
        )
        for kind in _KINDS
    ),
    _declare_one("days_since_open_cart", "days", "Days since the newest open cart.", null_when=_NONE),
    _declare_one(
        "open_cart_value",
        "currency",
        f"Prices of what was put into open carts in the last {OPEN_DAYS} days, added up.",
        null_when=f"{_NONE} with a price",
        needs=("event", "price"),
    ),
    _declare_one(
        "open_cart_category",
        "name",
        "The category put most often into open carts on their newest day, the first in the alphabet of equals.",
        dtype=TEXT,
        null_when=f"{_NONE} with a category, or it was not known when the model was fitted",
        needs=("event", "category"),
    ),
    _declare_one(
        "carts_abandoned_share",
        "share",
        f"Part of the days with a cart, at least {CONVERTED_WITHIN_DAYS} days ago, that no purchase followed within "
        f"{CONVERTED_WITHIN_DAYS} days.",
        null_when="no cart is so long ago",
    ),
    _declare_one(
        "funnel_stage",
        "name",
        "Loyalty with two purchase days and one in the last 365 days, else conversion with an open cart or checkout, "
        "else consideration with a view or search in the last 90 days, else awareness.",
        dtype=TEXT,
        null_when="the model knew no events when it was fitted",
    ),
)


def _declare(_: Available) -> tuple[Feature, ...]:
    return _FEATURES


def _compute(seen: Seen) -> Values:
    visits = seen.visits
    cart, checkout = (visits.named("event", (kind,)) for kind in _KINDS)
    age = seen.end_day - visits.day
    recent = age <= OPEN_DAYS
    is_open = recent & (visits.day > seen.last_purchase_day[visits.customer])
    open_cart = is_open & cart
    own = visits.segments
    newest = own.last(visits.day, open_cart, NEVER)
    values: Values = {
        f"{kind}_events_last_{days}d": own.count(is_kind & (age <= days))
        for kind, is_kind in zip(_KINDS, (cart, checkout), strict=True)
        for days in WINDOWS_DAYS
    }
    values |= {
        f"open_cart_events_last_{OPEN_DAYS}d": own.count(open_cart),
        f"open_checkout_events_last_{OPEN_DAYS}d": own.count(is_open & checkout),
        "days_since_open_cart": seen.days_since(newest),
        "carts_abandoned_share": _abandoned(seen, visits.where(cart)),
        "funnel_stage": _stage(seen, visits, is_open & (cart | checkout)),
    }
    if "price" in visits.numbers:
        priced = open_cart & visits.known["price"]
        money = own.sum(visits.numbers["price"] * priced) / MINOR_PER_UNIT
        values["open_cart_value"] = np.where(own.count(priced) > 0, money, np.nan)
    if "category" in visits.codes:
        names = visits.names["category"]
        there = visits.where(open_cart & (visits.codes["category"] != NEVER))
        last = there.segments.last(there.day, np.ones(there.day.size, dtype=np.bool_), NEVER)
        there = there.where(there.day == last[there.customer])
        pairs = Pairs.of(there.customer, seen.customers, there.codes["category"], len(names), there.day)
        values["open_cart_category"] = seen.text(
            "category", names, pairs.segments.of_largest(pairs.rows, pairs.code, NEVER)
        )
    return values


def _abandoned(seen: Seen, carts: Rows) -> np.ndarray:
    """Look for the purchase day that follows each day with a cart."""
    new = np.ones(carts.day.size, dtype=np.bool_)
    new[1:] = (np.diff(carts.customer) != 0) | (np.diff(carts.day) != 0)
    new &= carts.day <= seen.end_day - CONVERTED_WITHIN_DAYS
    customer, day = carts.customer[new], carts.day[new]
    own = Segments(customer, seen.customers)
    wait = _next_purchase(seen, customer, day) - day
    return ratio(own.count(wait >= CONVERTED_WITHIN_DAYS), own.rows)


def _next_purchase(seen: Seen, customer: Ints, day: Ints) -> Ints:
    """Return the first purchase day at or after a day; far ahead where there is none."""
    far = np.full(day.size, np.iinfo(np.int64).max // 2)
    if seen.history is None or not day.size:
        return far
    bought = seen.history
    width = seen.end_day + 1
    keys = bought.customer * width + bought.day
    at = np.searchsorted(keys, customer * width + day)
    inside = np.minimum(at, keys.size - 1)
    same = (at < keys.size) & (bought.customer[inside] == customer)
    return np.where(same, bought.day[inside], far)


def _stage(seen: Seen, visits: Rows, is_open: np.ndarray) -> pl.Series:
    stage = np.zeros(seen.customers, dtype=np.int64)
    interest = visits.named("event", ("view", "search")) & (visits.day >= seen.end_day - 90)
    stage[visits.segments.count(interest) > 0] = STAGES.index("consideration")
    stage[visits.segments.count(is_open) > 0] = STAGES.index("conversion")
    if seen.history is not None:
        loyal = (seen.history.orders > 1) & (seen.history.wait <= 365)
        stage[loyal] = STAGES.index("loyalty")
    return seen.text("stage", STAGES, stage)


CARTS = TableFamily(_NAME, {"events": "events"}, _declare, _compute)
"""Carts and checkouts, open and given-up ones, and the stage of the funnel."""
