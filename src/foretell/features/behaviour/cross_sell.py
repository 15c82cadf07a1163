"""What a customer of some categories has never bought though others of them do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from foretell.features.behaviour.assortment import bought_pairs
from foretell.features.behaviour.available import Available
from foretell.features.behaviour.family import TableFamily
from foretell.features.behaviour.seen import NEVER, Seen
from foretell.features.behaviour.segments import Pairs, Segments, order_of
from foretell.features.feature import COUNT, TEXT, Feature, Values
from foretell.features.history import Floats, Ints
from foretell.features.statistics import Partner

_NAME = "cross_sell"
_NONE = "nothing that goes with the categories bought is missing"

_declare_one = partial(Feature, family=_NAME, source="order_lines", needs=("category",))

_FEATURES = (
    _declare_one(
        "categories_to_cross_sell",
        "categories",
        "Categories never bought that go with one that was.",
        dtype=COUNT,
    ),
    _declare_one(
        "cross_sell_category",
        "name",
        "The category never bought that goes best with one that was, by lift.",
        dtype=TEXT,
        null_when=_NONE,
    ),
    _declare_one(
        "cross_sell_from_category",
        "name",
        "The category bought that the cross-sell category goes with.",
        dtype=TEXT,
        null_when=_NONE,
    ),
    _declare_one(
        "cross_sell_lift_ratio",
        "ratio",
        "How many times likelier its buyers are to buy the cross-sell category than customers on the whole.",
        null_when=_NONE,
    ),
    _declare_one(
        "cross_sell_buyers_share",
        "share",
        "Part of the buyers of the category bought that buy the cross-sell category.",
        null_when=_NONE,
    ),
)


def _declare(_: Available) -> tuple[Feature, ...]:
    return _FEATURES


@dataclass(frozen=True, eq=False)
class _Gaps:
    """Pairs of a category bought and a partner of it that never was, one row each, sorted by customer and names."""

    segments: Segments
    target: Ints
    bought: Ints
    lift: Floats
    share: Floats


def _compute(seen: Seen) -> Values:
    pairs, seen_names = bought_pairs(seen, "category"), seen.lines.names["category"]
    partners = seen.statistics.partners
    # Categories that nobody at hand bought can be gaps all the same.
    targets = {each.category for found in partners.values() for each in found}
    names = tuple(sorted({*seen_names, *targets}))
    gaps = _gaps(pairs, seen_names, names, partners)
    own = gaps.segments
    best = own.of_largest(gaps.lift, np.arange(gaps.lift.size), NEVER)
    new = np.ones(gaps.target.size, dtype=np.bool_)
    new[1:] = (np.diff(own.customer) != 0) | (np.diff(gaps.target) != 0)

    def at(values: Ints | Floats, absent: float) -> np.ndarray:
        return np.append(values, absent)[np.where(best == NEVER, values.size, best)]

    return {
        "categories_to_cross_sell": own.count(new),
        "cross_sell_category": seen.text("category", names, at(gaps.target, NEVER).astype(np.int64)),
        "cross_sell_from_category": seen.text("category", names, at(gaps.bought, NEVER).astype(np.int64)),
        "cross_sell_lift_ratio": at(gaps.lift, np.nan),
        "cross_sell_buyers_share": at(gaps.share, np.nan),
    }


def _gaps(
    pairs: Pairs, seen_names: Sequence[str], names: Sequence[str], partners: Mapping[str, Sequence[Partner]]
) -> _Gaps:
    """Look for each pair's partners among the customer's categories, one place of the partners' lists at a time."""
    place = {name: number for number, name in enumerate(names)}
    own, width = pairs.segments, max(len(names), 1)
    code = np.array([place[name] for name in seen_names], dtype=np.int64)[pairs.code] if seen_names else pairs.code
    # Keys ascend, since pairs are sorted by customer and by name.
    have = own.customer * width + code
    found: list[tuple[Ints, Ints, Ints, Floats, Floats]] = []
    for number in range(max((len(each) for each in partners.values()), default=0) if have.size else 0):
        known = [partners.get(name, ())[number : number + 1] for name in seen_names]
        target = np.array([place[each[0].category] if each else NEVER for each in known])[pairs.code]
        lift = np.array([each[0].lift if each else 0.0 for each in known])[pairs.code]
        share = np.array([each[0].share if each else 0.0 for each in known])[pairs.code]
        key = own.customer * width + target
        bought = have[np.minimum(np.searchsorted(have, key), have.size - 1)] == key
        row = np.flatnonzero((target != NEVER) & ~bought)
        found.append((own.customer[row], target[row], code[row], lift[row], share[row]))
    none, never = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float64)
    # Without any partner there is still one part of each column, an empty one.
    parts = zip((none, none, none, never, never), *found, strict=True)
    columns: tuple[Any, ...] = tuple(np.concatenate(each) for each in parts)
    customer, target, code, lift, share = columns
    order = order_of((customer, own.customers), (target, width), (code, width))
    segments = Segments(customer[order], own.customers)
    return _Gaps(segments, target[order], code[order], lift[order], share[order])


CROSS_SELL = TableFamily(
    _NAME, {"order_lines": "order lines", "category": "a category of the lines"}, _declare, _compute
)
"""Gaps among categories that go together."""
