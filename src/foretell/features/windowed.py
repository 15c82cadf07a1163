"""Counts and sums over the last days before the cutoff."""

from foretell.features.feature import COUNT, MONEY, Family, Feature, Values
from foretell.features.history import PurchaseHistory
from foretell.features.ratios import ratio
from foretell.tables.dataset import MINOR_PER_UNIT

WINDOWS_DAYS = (7, 14, 30, 60, 90, 180, 365)
"""Lengths of the windows, in days; each ends with the last day seen."""

_NAME = "windowed"
_SHARES_DAYS = (30, 90, 365)

_FEATURES = (
    *(
        Feature(f"orders_last_{d}d", "purchase days", f"Purchase days in the last {d} days.", _NAME, COUNT)
        for d in WINDOWS_DAYS
    ),
    *(
        Feature(
            f"orders_last_{days}d_share",
            "share",
            f"Part of all purchase days that lies in the last {days} days.",
            _NAME,
        )
        for days in _SHARES_DAYS
    ),
    *(
        Feature(
            f"spend_last_{days}d",
            "currency",
            f"Money of the purchase days in the last {days} days, net of refunds of their orders.",
            _NAME,
            needs=MONEY,
        )
        for days in WINDOWS_DAYS
    ),
    *(
        Feature(
            f"spend_last_{days}d_share",
            "share",
            f"Part of the money of all purchase days that lies in the last {days} days.",
            _NAME,
            null_when="no purchase day has an amount above zero",
            needs=MONEY,
        )
        for days in _SHARES_DAYS
    ),
)


def _compute(history: PurchaseHistory) -> Values:
    values: Values = {f"orders_last_{days}d": history.orders_last(days) for days in WINDOWS_DAYS}
    for days in _SHARES_DAYS:
        values[f"orders_last_{days}d_share"] = history.orders_last(days) / history.orders
    if history.amount is not None:
        total = history.sum(history.amount)
        for days in WINDOWS_DAYS:
            values[f"spend_last_{days}d"] = history.spend_last(days) / MINOR_PER_UNIT
        for days in _SHARES_DAYS:
            values[f"spend_last_{days}d_share"] = ratio(history.spend_last(days), total)
    return values


WINDOWED = Family(_NAME, _FEATURES, _compute)
"""How much happened lately, at several lengths of lately."""
