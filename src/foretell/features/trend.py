"""Whether a customer buys more or less, and dearer or cheaper, than before."""

import numpy as np

from foretell.features.feature import COUNT, MONEY, Family, Feature, Values
from foretell.features.history import Floats, Ints, PurchaseHistory
from foretell.features.ratios import ratio
from foretell.tables.dataset import MINOR_PER_UNIT

_NAME = "trend"
_PAIRS_DAYS = (30, 90, 180, 365)
_LATEST = 3

_FEATURES = (
    Feature(
        "orders_previous_90d",
        "purchase days",
        "Purchase days in the 90 days before the last 90 days.",
        _NAME,
        COUNT,
    ),
    Feature(
        "orders_change_90d",
        "purchase days",
        "Purchase days in the last 90 days less those in the 90 days before.",
        _NAME,
        COUNT,
    ),
    *(
        Feature(
            f"orders_last_{days}d_of_{2 * days}d_share",
            "share",
            f"Part of the purchase days of the last {2 * days} days that lies in the last {days}.",
            _NAME,
            null_when=f"there is no purchase in the last {2 * days} days",
        )
        for days in _PAIRS_DAYS
    ),
    Feature(
        "spend_change_90d",
        "currency",
        "Money of the last 90 days less that of the 90 days before.",
        _NAME,
        needs=MONEY,
    ),
    *(
        Feature(
            f"spend_last_{days}d_of_{2 * days}d_share",
            "share",
            f"Part of the money of the last {2 * days} days that was paid in the last {days}.",
            _NAME,
            null_when=f"nothing was paid in the last {2 * days} days",
            needs=MONEY,
        )
        for days in _PAIRS_DAYS
    ),
    Feature(
        "orders_mean_position_share",
        "share",
        "Mean position of the purchase days in the time since the first, 0 at the first and 1 at the cutoff.",
        _NAME,
        null_when="the first purchase was on the last day seen",
    ),
    Feature(
        "gap_slope_days_per_order",
        "days per order",
        "Least-squares slope of the gaps over their number.",
        _NAME,
        null_when="there are fewer than three purchase days",
    ),
    Feature(
        "gap_last_three_to_mean_ratio",
        "ratio",
        "Mean of the last three gaps over the mean gap.",
        _NAME,
        null_when="there is one purchase day only",
    ),
    Feature(
        "order_value_slope_per_order",
        "currency per order",
        "Least-squares slope of the amounts of purchase days over their number.",
        _NAME,
        null_when="there is one purchase day only",
        needs=MONEY,
    ),
    Feature(
        "order_value_last_three_to_mean_ratio",
        "ratio",
        "Mean amount of the last three purchase days over that of all.",
        _NAME,
        null_when="nothing was paid",
        needs=MONEY,
    ),
)


def _compute(history: PurchaseHistory) -> Values:
    recent, before = history.orders_last(90), history.orders_last(180) - history.orders_last(90)
    values: Values = {"orders_previous_90d": before, "orders_change_90d": recent - before}
    for days in _PAIRS_DAYS:
        share = ratio(history.orders_last(days), history.orders_last(2 * days))
        values[f"orders_last_{days}d_of_{2 * days}d_share"] = share
    repeats = history.orders - 1
    since_first = history.sum(history.day) - history.orders * history.first_day
    latest = np.minimum(_LATEST, repeats)
    latest_span = history.last_day - history.day[history.start + repeats - latest]
    values["orders_mean_position_share"] = ratio(since_first, history.orders * history.days_observed)
    # Gaps are numbered from 0 at a customer's second row; the first row has gap 0 and adds nothing.
    values["gap_slope_days_per_order"] = _slope(history, history.gap, history.rank - 1, repeats)
    values["gap_last_three_to_mean_ratio"] = ratio(ratio(latest_span, latest), ratio(history.span, repeats))
    if history.amount is not None:
        values.update(_money(history, history.amount))
    return values


def _money(history: PurchaseHistory, amount: Ints) -> Values:
    recent, before = history.spend_last(90), history.spend_last(180) - history.spend_last(90)
    values: Values = {"spend_change_90d": (recent - before) / MINOR_PER_UNIT}
    for days in _PAIRS_DAYS:
        share = ratio(history.spend_last(days), history.spend_last(2 * days))
        values[f"spend_last_{days}d_of_{2 * days}d_share"] = share
    latest = np.minimum(_LATEST, history.orders)
    is_latest = history.rank >= (history.orders - latest)[history.customer]
    mean = history.sum(amount) / history.orders
    slope = _slope(history, amount, history.rank, history.orders) / MINOR_PER_UNIT
    values["order_value_slope_per_order"] = slope
    values["order_value_last_three_to_mean_ratio"] = ratio(history.sum(amount * is_latest) / latest, mean)
    return values


def _slope(history: PurchaseHistory, values: Ints, number: Ints, count: Ints) -> Floats:
    """Least-squares slope over 0 … count − 1: Σ (i − mean i) y over n (n² − 1) / 12, NaN below two values."""
    centred = 2 * number - (count - 1)[history.customer]
    top = history.sum_floats(np.multiply(centred, values, dtype=np.float64)) / 2.0
    return ratio(top * 12.0, np.where(count > 1, count * (count * count - 1), 0))


TREND = Family(_NAME, _FEATURES, _compute)
"""The last days against the days before them, and slopes over a customer's purchases."""
