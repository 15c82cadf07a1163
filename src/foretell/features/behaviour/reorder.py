"""When a customer's categories are due again: own intervals, drawn to those that are usual for the category."""

from functools import partial

import numpy as np

from foretell.features.behaviour.assortment import bought_pairs
from foretell.features.behaviour.available import Available
from foretell.features.behaviour.family import TableFamily
from foretell.features.behaviour.seen import NEVER, Seen
from foretell.features.behaviour.segments import Pairs
from foretell.features.feature import COUNT, TEXT, Feature, Values
from foretell.features.history import Floats
from foretell.features.ratios import ratio

DUE_UP_TO = 2.0
"""A category is due from once to twice its expected interval after it was bought last; later it has lapsed."""

_NAME = "reorder"
_NONE = "no line bought has a category"
_EXPECTED = "no interval is expected: it was bought on one day, and the model knows no usual interval"

_declare_one = partial(Feature, family=_NAME, source="order_lines", needs=("category",))

_FEATURES = (
    _declare_one(
        "top_category_days_since_last", "days", "Days since the top category was bought last.", null_when=_NONE
    ),
    _declare_one(
        "top_category_gap_mean_days",
        "days",
        "Mean days between two days with the top category.",
        null_when="the top category was bought on fewer than two days",
    ),
    _declare_one(
        "top_category_wait_to_expected_ratio",
        "ratio",
        "Days since the top category was bought last over the expected interval, above 1 is overdue.",
        null_when=f"{_NONE}, or {_EXPECTED}",
    ),
    _declare_one(
        "categories_due",
        "categories",
        "Categories bought last one to two expected intervals ago.",
        dtype=COUNT,
    ),
    _declare_one(
        "categories_lapsed", "categories", "Categories bought last more than two expected intervals ago.", dtype=COUNT
    ),
    _declare_one(
        "due_category",
        "name",
        "The category with the most lines among those due, the first in the alphabet of equals.",
        dtype=TEXT,
        null_when="no category is due, or it was not known when the model was fitted",
    ),
)


def _declare(_: Available) -> tuple[Feature, ...]:
    return _FEATURES


def _compute(seen: Seen) -> Values:
    pairs, names = bought_pairs(seen, "category"), seen.lines.names["category"]
    own = pairs.segments
    top = own.of_largest(pairs.rows, np.arange(pairs.code.size), NEVER)
    gap = ratio(pairs.last_day - pairs.first_day, pairs.days - 1)
    wait = (seen.end_day - pairs.last_day).astype(np.float64)
    waits = ratio(wait, _expected(seen, pairs, names))
    due = (waits >= 1.0) & (waits <= DUE_UP_TO)
    return {
        "top_category_days_since_last": _at(wait, top),
        "top_category_gap_mean_days": _at(gap, top),
        "top_category_wait_to_expected_ratio": _at(waits, top),
        "categories_due": own.count(due),
        "categories_lapsed": own.count(waits > DUE_UP_TO),
        "due_category": seen.text("category", names, own.of_largest(pairs.rows * due, pairs.code, NEVER)),
    }


def _expected(seen: Seen, pairs: Pairs, names: tuple[str, ...]) -> Floats:
    """Return the interval expected of each pair: the mean of its own and one that is usual for the category."""
    usual = np.array([seen.statistics.reorder_days.get(name, np.nan) for name in names], dtype=np.float64)
    usual = usual[pairs.code] if usual.size else np.full(pairs.code.size, np.nan)
    gaps, days = pairs.days - 1, pairs.last_day - pairs.first_day
    return np.where(np.isnan(usual), ratio(days, gaps), (days + usual) / (gaps + 1))


def _at(values: Floats, place: np.ndarray) -> Floats:
    """Return the value at each customer's place, NaN at `NEVER`."""
    return np.append(values, np.nan)[np.where(place == NEVER, values.size, place)]


REORDER = TableFamily(_NAME, {"order_lines": "order lines", "category": "a category of the lines"}, _declare, _compute)
"""Intervals of categories."""
