"""Where a customer came from: source, medium and campaign of the first and the last touch, and how much was paid.

A touch is an order or an event that carries a source, a medium or a campaign; of messages only clicks are.
"""

from functools import partial

import polars as pl

from foretell.features.behaviour.assortment import RECENT_DAYS
from foretell.features.behaviour.available import Available
from foretell.features.behaviour.family import TableFamily
from foretell.features.behaviour.messages import CLICKED
from foretell.features.behaviour.seen import NEVER, Rows, Seen
from foretell.features.behaviour.segments import Segments, order_of
from foretell.features.feature import COUNT, TEXT, Feature, Values
from foretell.features.ratios import ratio

COLUMNS = ("source", "medium", "campaign")
"""Columns of which one makes a touch."""

# fmt: off
PAID = frozenset((
    "cpc", "ppc", "cpm", "cpv", "cpa", "paid", "paidsearch", "paidsocial", "paidshopping", "paidvideo", "sem",
    "shopping", "display", "banner", "ads", "ad", "retargeting", "remarketing", "affiliate", "affiliates",
    "sponsored",
))
# fmt: on
"""Media that are paid for, in lower case without spaces and signs."""

_NAME = "touches"
_SOURCE = "orders or events"

_declare_one = partial(Feature, family=_NAME, source=_SOURCE)


def _declare(available: Available) -> tuple[Feature, ...]:
    found = [column for column in COLUMNS if any(available.has(table, column) for table in ("orders", "events"))]
    if not found:
        return ()
    named = tuple(
        _declare_one(
            f"{which}_touch_{column}",
            "name",
            f"The {column} of the {which} touch that has one, the first in the alphabet of the same second.",
            dtype=TEXT,
            null_when=f"no touch has a {column}, or it was not known when the model was fitted",
            needs=(column,),
        )
        for which in ("first", "last")
        for column in found
    )
    paid = _declare_one(
        "paid_touches_share",
        "share",
        "Part of the touches with a medium whose medium is paid for.",
        null_when="no touch has a medium",
        needs=("medium",),
    )
    recent = _declare_one(
        f"touches_last_{RECENT_DAYS}d",
        "touches",
        f"Orders and events of the last {RECENT_DAYS} days with a source, medium or campaign.",
        dtype=COUNT,
        needs=(found[0],),
    )
    return (*named, *([paid] if "medium" in found else []), recent)


def _compute(seen: Seen) -> Values:
    touches = _touches(seen)
    own = touches.segments
    values: Values = {f"touches_last_{RECENT_DAYS}d": own.count(touches.day >= seen.end_day - RECENT_DAYS)}
    for column, names in touches.names.items():
        for which in ("first", "last"):
            # Of touches in one second the first in the alphabet is wanted at either end.
            sorted_ = _by_time(touches, column, newest_first=which == "last")
            code = sorted_.codes[column]
            values[f"{which}_touch_{column}"] = seen.text(
                column, names, sorted_.segments.first(code, code != NEVER, NEVER)
            )
    if "medium" in touches.codes:
        paid = tuple(name for name in touches.names["medium"] if is_paid(name))
        with_medium = own.count(touches.codes["medium"] != NEVER)
        values["paid_touches_share"] = ratio(own.count(touches.named("medium", paid)), with_medium)
    return values


def is_paid(medium: str) -> bool:
    """Say whether a medium is paid for.

    Parameters
    ----------
    medium : str
        As in utm_medium.

    Returns
    -------
    bool
    """
    return "".join(letter for letter in medium.lower() if letter.isalnum()) in PAID


def _touches(seen: Seen) -> Rows:
    texts = [column for column in COLUMNS if any(seen.available.has(table, column) for table in ("orders", "events"))]
    tables = [("orders", seen.orders, "ordered_at"), ("events", _visits_and_clicks(seen), "occurred_at")]
    parts = []
    for table, frame, time in tables:
        has = [column for column in texts if seen.available.has(table, column)]
        if frame is not None and has:
            columns = [(pl.col(name) if name in has else pl.lit(None)).cast(pl.String).alias(name) for name in texts]
            touched = pl.any_horizontal(pl.col(column).is_not_null() for column in has)
            at = pl.col(time).cast(pl.Datetime("us")).alias("touched_at")
            parts.append(frame.filter(touched).select("customer_id", at, *columns))
    return seen.rows_of(pl.concat(parts), "touched_at", {}, texts)


def _visits_and_clicks(seen: Seen) -> pl.LazyFrame | None:
    events = seen.tables.events
    if events is None:
        return None
    message = pl.col("event").str.starts_with("email_") | pl.col("event").str.starts_with("sms_")
    events = events.filter(~message | pl.col("event").is_in(CLICKED))
    if seen.available.has("events", "machine_generated"):
        events = events.filter(~pl.col("machine_generated").fill_null(value=False))
    return events


def _by_time(touches: Rows, column: str, *, newest_first: bool) -> Rows:
    """Sort each customer's touches by second, and those of one second by the alphabet."""
    customer, code, second = touches.customer, touches.codes[column], touches.second
    first, last = int(second.min(initial=0)), int(second.max(initial=0))
    since = last - second if newest_first else second - first
    order = order_of(
        (customer, touches.segments.customers), (since, last - first + 1), (code + 1, len(touches.names[column]) + 1)
    )
    return Rows(
        Segments(customer[order], touches.segments.customers),
        second[order],
        {},
        {},
        {column: code[order]},
        {column: touches.names[column]},
    )


TOUCHES = TableFamily(
    _NAME,
    {"orders or events": "orders or events", "source or medium or campaign": "a source, medium or campaign of them"},
    _declare,
    _compute,
)
"""First and last touch, and paid media."""
