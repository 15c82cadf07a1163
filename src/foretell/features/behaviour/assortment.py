"""Which categories and brands a customer buys: how many, how mixed, which most, which last, how many new ones."""

from functools import partial

import numpy as np

from foretell.features.behaviour.available import Available
from foretell.features.behaviour.family import TableFamily
from foretell.features.behaviour.seen import NEVER, Seen
from foretell.features.behaviour.segments import Pairs
from foretell.features.feature import COUNT, TEXT, Feature, Values
from foretell.features.history import Floats
from foretell.features.ratios import ratio

RECENT_DAYS = 90
"""Days before the cutoff that count as lately."""

_NAME = "assortment"
_PLURALS = {"category": "categories", "brand": "brands"}
_STEP = 2.0**-30


def _declared(level: str, plural: str) -> tuple[Feature, ...]:
    declare = partial(Feature, family=_NAME, source="order_lines", needs=(level,))
    none = f"no line bought has a {level}"
    unknown = f"{none}, or the {level} was not known when the model was fitted"
    return (
        declare(f"{plural}_bought", plural, f"Different {plural} bought so far.", dtype=COUNT),
        declare(
            f"{plural}_bought_last_{RECENT_DAYS}d",
            plural,
            f"Different {plural} bought in the last {RECENT_DAYS} days.",
            dtype=COUNT,
        ),
        declare(
            f"new_{plural}_last_{RECENT_DAYS}d_share",
            "share",
            f"Part of the {plural} bought in the last {RECENT_DAYS} days that were never bought before.",
            null_when=f"no line of the last {RECENT_DAYS} days has a {level}",
        ),
        declare(
            f"{level}_entropy_nats",
            "nats",
            f"Entropy of the lines over {plural}, 0 where all are of one.",
            null_when=none,
        ),
        declare(
            f"top_{level}",
            "name",
            f"The {level} with the most lines bought, the first in the alphabet of equals.",
            dtype=TEXT,
            null_when=unknown,
        ),
        declare(f"top_{level}_lines_share", "share", f"Part of the lines that are of the top {level}.", null_when=none),
        declare(
            f"latest_{level}",
            "name",
            f"The {level} with the most lines on the last day with any, the first in the alphabet of equals.",
            dtype=TEXT,
            null_when=unknown,
        ),
    )


_FEATURES = tuple(feature for level, plural in _PLURALS.items() for feature in _declared(level, plural))


def _declare(_: Available) -> tuple[Feature, ...]:
    return _FEATURES


def _compute(seen: Seen) -> Values:
    values: Values = {}
    for level, plural in _PLURALS.items():
        if seen.available.has("order_lines", level):
            values |= _of_level(seen, level, plural)
    return values


def bought_pairs(seen: Seen, level: str) -> Pairs:
    """Return each customer's categories (brands, products) among the lines bought, returns left out.

    Parameters
    ----------
    seen : Seen
        Customers and their rows.
    level : str
        ``category``, ``brand`` or ``product_id``.

    Returns
    -------
    Pairs
    """
    lines = seen.lines
    code = np.where(lines.numbers["returned"] > 0, NEVER, lines.codes[level])
    return Pairs.of(lines.customer, seen.customers, code, len(lines.names[level]), lines.day)


def _of_level(seen: Seen, level: str, plural: str) -> Values:
    pairs, names = bought_pairs(seen, level), seen.lines.names[level]
    own, since = pairs.segments, seen.end_day - RECENT_DAYS
    recent = pairs.last_day >= since
    lines = own.sum(pairs.rows)
    last_day = np.full(seen.customers, NEVER, dtype=np.int64)
    np.maximum.at(last_day, own.customer, pairs.last_day)
    top = own.of_largest(pairs.rows, np.arange(pairs.code.size), NEVER)
    top_lines = np.where(top == NEVER, 0, _at(pairs.rows, top))
    latest = own.of_largest(pairs.rows_on(last_day), pairs.code, NEVER)
    return {
        f"{plural}_bought": own.rows,
        f"{plural}_bought_last_{RECENT_DAYS}d": own.count(recent),
        f"new_{plural}_last_{RECENT_DAYS}d_share": ratio(own.count(pairs.first_day >= since), own.count(recent)),
        f"{level}_entropy_nats": _entropy(pairs),
        f"top_{level}": seen.text(level, names, np.where(top == NEVER, NEVER, _at(pairs.code, top))),
        f"top_{level}_lines_share": ratio(top_lines, lines),
        f"latest_{level}": seen.text(level, names, latest),
    }


def _at(values: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Return values at places; what stands at `NEVER` is to be masked by the caller."""
    return values[place] if values.size else np.full(place.size, NEVER, dtype=np.int64)


def _entropy(pairs: Pairs) -> Floats:
    """Return ln n − (1/n) Σ c ln c, with c ln c added as whole multiples of a small step: exact in any order."""
    counts = np.arange(int(pairs.rows.max(initial=0)) + 1)
    steps = np.rint(counts * np.log(np.maximum(counts, 1)) / _STEP).astype(np.int64)
    lines = pairs.segments.sum(pairs.rows)
    mixed = ratio(pairs.segments.sum(steps[pairs.rows]) * _STEP, lines)
    return np.maximum(np.log(np.where(lines > 0, lines, np.nan)) - mixed, 0.0)


ASSORTMENT = TableFamily(
    _NAME,
    {"order_lines": "order lines", "category or brand": "a category or a brand of the lines"},
    _declare,
    _compute,
)
"""Mix of categories and brands."""
