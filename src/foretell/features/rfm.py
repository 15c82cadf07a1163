"""How long ago, how often and for how much: the sums of a customer's whole history."""

import numpy as np

from foretell.features.feature import COUNT, MONEY, Family, Feature, Values
from foretell.features.history import Ints, PurchaseHistory
from foretell.features.ratios import ratio
from foretell.tables.dataset import MINOR_PER_UNIT

_NAME = "rfm"
_UNPAID = "no purchase day has an amount above zero"

_FEATURES = (
    Feature("orders", "purchase days", "Purchase days so far.", _NAME, COUNT),
    Feature("repeat_orders", "purchase days", "Purchase days after the first.", _NAME, COUNT),
    Feature("order_rows", "order rows", "Order rows on purchase days so far.", _NAME, COUNT),
    Feature("order_rows_per_order_ratio", "ratio", "Order rows per purchase day.", _NAME),
    Feature("days_since_last_order", "days", "Days from the last purchase day to the cutoff.", _NAME, COUNT),
    Feature("days_since_first_order", "days", "Days from the first purchase day to the cutoff.", _NAME, COUNT),
    Feature("days_first_to_last_order", "days", "Days from first to last purchase day.", _NAME, COUNT),
    Feature(
        "orders_repeated_per_365d",
        "purchase days",
        "Repeat purchase days per 365 days since the first purchase day.",
        _NAME,
        null_when="the first purchase was on the last day seen",
    ),
    Feature(
        "active_life_share",
        "share",
        "Part of the days since the first purchase that lies before the last purchase.",
        _NAME,
        null_when="the first purchase was on the last day seen",
    ),
    Feature("spend_total", "currency", "Money paid so far, less all refunds seen.", _NAME, needs=MONEY),
    Feature("order_value_first", "currency", "Amount of the first purchase day.", _NAME, needs=MONEY),
    Feature("order_value_last", "currency", "Amount of the last purchase day.", _NAME, needs=MONEY),
    *(
        Feature(
            f"order_value_{name}",
            "currency",
            f"{words} amount of a purchase day, days without an amount left out.",
            _NAME,
            null_when=_UNPAID,
            needs=MONEY,
        )
        for name, words in {"mean": "Mean", "median": "Median", "min": "Smallest", "max": "Largest"}.items()
    ),
    Feature(
        "order_value_std",
        "currency",
        "Standard deviation of the amounts of purchase days, days without an amount left out.",
        _NAME,
        null_when="fewer than two purchase days have an amount above zero",
        needs=MONEY,
    ),
    Feature(
        "order_value_std_to_mean_ratio",
        "ratio",
        "Standard deviation over mean of the amounts of purchase days.",
        _NAME,
        null_when="fewer than two purchase days have an amount above zero",
        needs=MONEY,
    ),
    Feature(
        "order_value_last_to_mean_ratio",
        "ratio",
        "Amount of the last purchase day over the mean amount.",
        _NAME,
        null_when=_UNPAID,
        needs=MONEY,
    ),
    Feature("free_orders_share", "share", "Part of the purchase days without an amount.", _NAME, needs=MONEY),
    Feature(
        "loose_refund_share",
        "share",
        "Money given back outside of orders, as a part of the money paid.",
        _NAME,
        null_when=_UNPAID,
        needs=MONEY,
    ),
)


def _compute(history: PurchaseHistory) -> Values:
    rows = history.sum(history.order_rows)
    return {
        "orders": history.orders,
        "repeat_orders": history.orders - 1,
        "order_rows": rows,
        "order_rows_per_order_ratio": rows / history.orders,
        "days_since_last_order": history.wait,
        "days_since_first_order": history.end_day - history.first_day,
        "days_first_to_last_order": history.span,
        "orders_repeated_per_365d": ratio((history.orders - 1) * 365.0, history.days_observed),
        "active_life_share": ratio(history.span, history.days_observed),
        **({} if history.amount is None else _money(history, history.amount)),
    }


def _money(history: PurchaseHistory, amount: Ints) -> Values:
    paid_orders, total = history.sum(amount > 0), history.sum(amount)
    refund = np.zeros_like(total) if history.loose_refund is None else history.loose_refund
    mean = ratio(total, paid_orders) / MINOR_PER_UNIT
    # A customer who never paid has a mean of NaN and no row that uses it.
    deviation = np.where(amount > 0, amount / MINOR_PER_UNIT - mean[history.customer], 0.0)
    std = np.sqrt(ratio(history.sum_floats(deviation**2), np.where(paid_orders > 1, paid_orders - 1, 0)))
    last = amount[history.start + history.orders - 1] / MINOR_PER_UNIT
    return {
        "spend_total": (total + refund) / MINOR_PER_UNIT,
        "order_value_first": amount[history.start] / MINOR_PER_UNIT,
        "order_value_last": last,
        "order_value_mean": mean,
        "order_value_median": history.median_positive(amount) / MINOR_PER_UNIT,
        "order_value_min": _or_nan(history.smallest_positive(amount)) / MINOR_PER_UNIT,
        "order_value_max": _or_nan(history.largest(amount)) / MINOR_PER_UNIT,
        "order_value_std": std,
        "order_value_std_to_mean_ratio": ratio(std, mean),
        "order_value_last_to_mean_ratio": ratio(last, mean),
        "free_orders_share": 1.0 - paid_orders / history.orders,
        "loose_refund_share": ratio(-refund, total),
    }


def _or_nan(values: Ints) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.where(values > 0, values.astype(np.float64), np.nan)


RFM = Family(_NAME, _FEATURES, _compute)
"""Recency, frequency and money in the plainest form."""
