"""What a customer's baskets are like: lines and products, prices against their category, discounts, returns.

A basket is the lines that a customer bought on one day.
"""

from functools import partial

import numpy as np

from foretell.features.behaviour.assortment import RECENT_DAYS, bought_pairs
from foretell.features.behaviour.available import Available
from foretell.features.behaviour.family import TableFamily
from foretell.features.behaviour.price_bands import in_bands
from foretell.features.behaviour.seen import Rows, Seen
from foretell.features.behaviour.segments import Segments
from foretell.features.feature import COUNT, Feature, Values
from foretell.features.history import Floats, Ints
from foretell.features.ratios import ratio
from foretell.tables.dataset import MINOR_PER_UNIT

_NAME = "baskets"
_LATEST = 3
_NONE = "no line was bought"

_declare_one = partial(Feature, family=_NAME, source="order_lines", needs=())

_FEATURES = (
    _declare_one("lines_bought", "lines", "Lines bought so far, returns left out.", dtype=COUNT),
    _declare_one(
        f"lines_bought_last_{RECENT_DAYS}d", "lines", f"Lines bought in the last {RECENT_DAYS} days.", dtype=COUNT
    ),
    _declare_one(
        "products_bought", "products", "Different products bought so far.", dtype=COUNT, needs=("product_id",)
    ),
    _declare_one(
        "products_bought_again_share",
        "share",
        "Part of the products bought that were bought on two days or more.",
        null_when=_NONE,
        needs=("product_id",),
    ),
    _declare_one("basket_lines_mean", "lines", "Lines per day with a line.", null_when=_NONE),
    _declare_one("basket_lines_last", "lines", "Lines on the last day with a line.", null_when=_NONE),
    _declare_one(
        "basket_lines_slope",
        "lines",
        "Least-squares slope of the lines per basket over the baskets' number.",
        null_when="lines were bought on fewer than two days",
    ),
    _declare_one(
        "basket_lines_last_three_to_mean_ratio",
        "ratio",
        "Mean lines of the last three baskets over that of all.",
        null_when=_NONE,
    ),
    _declare_one("line_value_mean", "currency", "Mean amount of a line.", null_when=_NONE, needs=("amount",)),
    *(
        _declare_one(
            f"{band}_price_lines_share",
            "share",
            f"Part of the lines whose unit price is in the {band} third of its category, or of all lines where the "
            "category has too few.",
            null_when="no line bought has a price, or the model knows no prices",
            needs=("amount",),
        )
        for band in ("low", "high")
    ),
    _declare_one(
        "discounted_lines_share", "share", "Part of the lines with a discount.", null_when=_NONE, needs=("discount",)
    ),
    _declare_one(
        "discount_of_price_share",
        "share",
        "Discounts as a part of what the lines would have cost without them.",
        null_when="nothing was to be paid even without discounts",
        needs=("discount", "amount"),
    ),
    _declare_one("returned_lines_share", "share", "Part of all lines that are returns.", null_when="there is no line"),
)


def _declare(_: Available) -> tuple[Feature, ...]:
    return _FEATURES


def _compute(seen: Seen) -> Values:
    lines = seen.lines
    returned = lines.numbers["returned"] > 0
    bought = lines.where(~returned)
    values: Values = {
        "lines_bought": bought.segments.rows,
        f"lines_bought_last_{RECENT_DAYS}d": bought.segments.count(bought.day >= seen.end_day - RECENT_DAYS),
        "returned_lines_share": ratio(lines.segments.count(returned), lines.segments.rows),
        **_sizes(bought),
    }
    if "product_id" in lines.codes:
        products = bought_pairs(seen, "product_id")
        own = products.segments
        values["products_bought"] = own.rows
        values["products_bought_again_share"] = ratio(own.count(products.days > 1), own.rows)
    if "amount" in lines.numbers:
        money = bought.segments.sum(bought.numbers["amount"])
        values["line_value_mean"] = ratio(money, bought.segments.rows * MINOR_PER_UNIT)
        values |= _bands(seen, bought)
    if "discount" in lines.numbers:
        off = np.maximum(bought.numbers["discount"], 0)
        values["discounted_lines_share"] = ratio(bought.segments.count(off > 0), bought.segments.rows)
        if "amount" in lines.numbers:
            total = bought.segments.sum(off)
            values["discount_of_price_share"] = ratio(total, total + money)
    return values


def _sizes(bought: Rows) -> Values:
    """Lines of each basket, the baskets of a customer in the order of their days."""
    customer, day = bought.customer, bought.day
    new = np.ones(day.size, dtype=np.bool_)
    new[1:] = (np.diff(customer) != 0) | (np.diff(day) != 0)
    start = np.flatnonzero(new).astype(np.int64)
    size = np.diff(start, append=day.size).astype(np.int64)
    baskets = Segments(customer[start], bought.segments.customers)
    number = np.arange(size.size) - baskets.edges[:-1][baskets.customer]
    count = baskets.rows
    latest = np.minimum(count, _LATEST)
    mean = ratio(bought.segments.rows, count)
    last = number >= (count - latest)[baskets.customer]
    last_size = baskets.last(size, np.ones(size.size, dtype=np.bool_), 0)
    return {
        "basket_lines_mean": mean,
        "basket_lines_last": np.where(count > 0, last_size, np.nan),
        "basket_lines_slope": _slope(baskets, size, number),
        "basket_lines_last_three_to_mean_ratio": ratio(ratio(baskets.sum(size * last), latest), mean),
    }


def _slope(baskets: Segments, size: Ints, number: Ints) -> Floats:
    """Least-squares slope over 0 … n − 1: Σ (i − mean i) y over n (n² − 1) / 12, in whole numbers up to the end."""
    count = baskets.rows
    centred = 2 * number - (count - 1)[baskets.customer]
    return ratio(6.0 * baskets.sum(centred * size), np.where(count > 1, count * (count * count - 1), 0))


def _bands(seen: Seen, bought: Rows) -> Values:
    low, high = in_bands(seen.statistics, bought, "unit_price")
    priced = bought.segments.count(bought.known["unit_price"] & bool(seen.statistics.price_bands))
    return {
        "low_price_lines_share": ratio(bought.segments.count(low), priced),
        "high_price_lines_share": ratio(bought.segments.count(high), priced),
    }


BASKETS = TableFamily(_NAME, {"order_lines": "order lines"}, _declare, _compute)
"""Sizes, prices, discounts and returns."""
