"""One customer's history as the purchase model sees it: alive or not, day by day, and when the next order comes."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import numpy as np
import polars as pl

from foretell.bundles.bundle import Bundle
from foretell.errors import ColumnMismatch
from foretell.features.history import PurchaseHistory, purchase_history
from foretell.features.summary import summarise
from foretell.models.next_order import next_order_at_levels
from foretell.scoring.predict import operational_time
from foretell.tables.dataset import CustomerData
from foretell.windows import as_cutoff

_LEVELS = np.linspace(0.01, 0.99, 99)


@dataclass(frozen=True, eq=False)
class Timeline:
    """One customer's past and the law of the next order.

    Parameters
    ----------
    days : polars.DataFrame
        One row per day from the first order to the last day seen: ``day`` Date, ``orders`` Int64 (purchase days so
        far), ``ordered`` Boolean (on that day), ``p_alive`` Float64 (at the end of that day, from what was known
        then).
    next_order : polars.DataFrame
        ``day`` Date and ``probability`` Float64 (of the next order by that day, given that it comes within the value
        horizon): the days of the 1 % to 99 % levels; empty where an order has no chance.
    """

    days: pl.DataFrame
    next_order: pl.DataFrame


def customer_timeline(data: CustomerData, bundle: Bundle, customer_id: str, as_of: date | datetime | str) -> Timeline:
    """Follow one customer through time with the purchase model of a bundle.

    Parameters
    ----------
    data : CustomerData
        Rows of the shop; those at or after `as_of` are not read.
    bundle : Bundle
        The fitted values. The purchase model and the model of dates answer, by the shop's season; trees, level and
        calibration do not.
    customer_id : str
        Whom to follow.
    as_of : date, datetime or str
        First instant that is not seen.

    Returns
    -------
    Timeline

    Raises
    ------
    ColumnMismatch
        If nobody of that id has bought before `as_of`.
    WindowError
        If `as_of` lies after a given ``observed_until``.
    """
    cutoff = as_cutoff(as_of)
    history = purchase_history(data.of_customers(pl.Series([customer_id], dtype=pl.String)), cutoff)
    if not len(history.customer_id):
        msg = f"No customer of that id has bought before {cutoff}. Remedy: take an id of the scores."
        raise ColumnMismatch(msg)
    return Timeline(_days(history, bundle), _next_order(history, bundle, cutoff))


def _days(history: PurchaseHistory, bundle: Bundle) -> pl.DataFrame:
    first, end = int(history.day[0]), history.end_day
    day = np.arange(first, end)
    so_far = np.searchsorted(history.day, day, side="right")
    last = history.day[so_far - 1]
    summary = pl.DataFrame(
        {
            "customer_id": pl.Series(day).cast(pl.String),
            "repeat_orders": so_far - 1,
            "days_first_to_last_order": (last - first).astype(np.float64),
            "days_observed": (day - first).astype(np.float64),
        }
    )
    return pl.DataFrame(
        {
            "day": pl.Series(day.astype(np.int32)).cast(pl.Date),
            "orders": so_far,
            "ordered": np.isin(day, history.day),
            "p_alive": bundle.purchase_model.p_alive(summary)["p_alive"],
        }
    )


def _next_order(history: PurchaseHistory, bundle: Bundle, cutoff: datetime) -> pl.DataFrame:
    model = bundle.timing_model
    found = next_order_at_levels(
        model,
        summarise(history),
        _LEVELS[np.newaxis, :],
        horizon_days=bundle.horizons.clv_days,
        time=operational_time(bundle, cutoff),
    )[0]
    known = np.isfinite(found)
    midnight = datetime.combine(date(1970, 1, 1) + timedelta(days=history.end_day - 1), time.min)
    ahead = pl.Series(np.maximum(np.ceil(found[known]), 1)).cast(pl.Int64)
    return (
        pl.DataFrame({"ahead": ahead, "probability": _LEVELS[known]})
        .select(day=(pl.lit(midnight) + pl.duration(days="ahead")).dt.date(), probability="probability")
        .group_by("day")
        .agg(pl.col("probability").max())
        .sort("day")
    )
