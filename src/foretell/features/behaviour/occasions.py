"""How a customer buys on the named events of the shop's calendar: Black Friday week, a sale, a holiday.

An event of a year is an occurrence, its first and last day included; the newest is the last that began before the
cutoff.
"""

from datetime import date
from functools import partial

import numpy as np
import polars as pl

from foretell.features.behaviour.available import Available, slug
from foretell.features.behaviour.family import TableFamily
from foretell.features.behaviour.seen import NEVER, Seen
from foretell.features.feature import COUNT, TEXT, Feature, Values
from foretell.features.history import Ints, PurchaseHistory
from foretell.features.ratios import ratio

NAMES_THE_DATE = ("days_to_next_occasion", "next_occasion")
"""Features that are the same for all customers at a cutoff."""

_NAME = "occasions"
_EPOCH = date(1970, 1, 1)
_NONE = "the calendar holds no event at or after the cutoff"

_declare_one = partial(Feature, family=_NAME, source="calendar", needs=("event", "starts_on", "ends_on"))

_GENERAL = (
    _declare_one(
        "occasion_orders_share",
        "share",
        "Part of the purchase days that lies in an event of the calendar.",
        null_when="nothing was bought",
    ),
    _declare_one(
        "occasion_only_flag", "yes 1, no 0", "Whether all purchase days lie in events of the calendar.", dtype=COUNT
    ),
    _declare_one(
        "days_to_next_occasion", "days", "Days from the cutoff to the next event's first day.", null_when=_NONE
    ),
    _declare_one(
        "next_occasion",
        "name",
        "The next event to begin, the first in the alphabet of equals.",
        dtype=TEXT,
        null_when=f"{_NONE}, or it was not in the calendar when the model was fitted",
    ),
)


def _declare(available: Available) -> tuple[Feature, ...]:
    return (*_GENERAL, *(feature for name in available.occasions for feature in _of_occasion(name)))


def _of_occasion(name: str) -> tuple[Feature, ...]:
    words = name.replace("_", " ")
    declare = partial(_declare_one, unit="purchase days", dtype=COUNT)
    return (
        declare(f"orders_in_{name}", meaning=f"Purchase days in {words}, of all years."),
        declare(
            f"orders_in_{name}_newest", meaning=f"Purchase days in the newest {words} that began before the cutoff."
        ),
        declare(f"orders_in_{name}_before_newest", meaning=f"Purchase days in the {words} before that."),
        _declare_one(f"years_in_{name}", "years", f"Occurrences of {words} with a purchase day.", dtype=COUNT),
    )


def _compute(seen: Seen) -> Values:
    calendar = seen.tables.calendar
    occurrences = _occurrences(pl.DataFrame() if calendar is None else calendar)
    history, zeros = seen.history, np.zeros(seen.customers, dtype=np.int64)
    values: Values = {}
    covered = np.zeros(0 if history is None else history.day.size, dtype=np.bool_)
    for name in seen.available.occasions:
        begun = [span for span in occurrences.get(name, []) if span[0] < seen.end_day]
        orders = [zeros if history is None else history.sum(_within(history, span)) for span in begun]
        if history is not None:
            mine = np.zeros(history.day.size, dtype=np.bool_)
            for span in begun:
                mine |= _within(history, span)
            covered |= mine
        # Occurrences that overlap share days, so the days themselves are counted.
        values[f"orders_in_{name}"] = zeros if history is None else history.sum(mine)
        values[f"orders_in_{name}_newest"] = orders[-1] if orders else zeros
        values[f"orders_in_{name}_before_newest"] = orders[-2] if len(orders) > 1 else zeros
        values[f"years_in_{name}"] = sum(((count > 0).astype(np.int64) for count in orders), zeros)
    inside = zeros if history is None else history.sum(covered)
    total = zeros if history is None else history.orders
    values["occasion_orders_share"] = ratio(inside, total)
    values["occasion_only_flag"] = ((inside == total) & (total > 0)).astype(np.int64)
    return values | _ahead(seen, occurrences)


def _occurrences(calendar: pl.DataFrame) -> dict[str, list[tuple[int, int]]]:
    """Return first and last day of each event's occurrences, the oldest first."""
    found: dict[str, list[tuple[int, int]]] = {}
    if calendar.is_empty():
        return found
    whole = calendar.drop_nulls(["event", "starts_on", "ends_on"]).sort("starts_on", "ends_on")
    for event, start, end in zip(whole["event"], whole["starts_on"], whole["ends_on"], strict=True):
        found.setdefault(slug(event), []).append(((start - _EPOCH).days, (end - _EPOCH).days))
    return found


def _within(history: PurchaseHistory, span: tuple[int, int]) -> np.ndarray:
    return (history.day >= span[0]) & (history.day <= span[1])


def _ahead(seen: Seen, occurrences: dict[str, list[tuple[int, int]]]) -> Values:
    ahead = sorted((start, name) for name, spans in occurrences.items() for start, _ in spans if start >= seen.end_day)
    everyone: Ints = np.full(seen.customers, 0 if ahead else NEVER, dtype=np.int64)
    days = np.full(seen.customers, float(ahead[0][0] - seen.end_day) if ahead else np.nan)
    return {
        "days_to_next_occasion": days,
        "next_occasion": seen.text("occasion", [ahead[0][1]] if ahead else [], everyone),
    }


OCCASIONS = TableFamily(_NAME, {"calendar": "a calendar of events"}, _declare, _compute)
"""Purchases on the events of a calendar."""
