"""The few numbers per customer that purchase and spend models read."""

from datetime import date, datetime

import numpy as np
import polars as pl

from foretell.features.history import Floats, Ints, PurchaseHistory, purchase_history
from foretell.features.ratios import ratio
from foretell.features.value_spread import sum_log_value_ratios
from foretell.storage.threads import side_by_side
from foretell.tables.dataset import MINOR_PER_UNIT, CustomerData

_KEPT = "purchase_summary"


def purchase_summary(data: CustomerData, as_of: date | datetime | str) -> pl.DataFrame:
    """Return what purchase and spend models need to know of each customer at a cutoff.

    Parameters
    ----------
    data : CustomerData
        Orders of a shop, or of any subset of its customers. Not modified.
    as_of : date, datetime or str
        First instant that is not seen. Only rows before it are read, for the netting of refunds too.

    Returns
    -------
    pl.DataFrame
        One row per customer with at least one purchase before ``as_of``, sorted by ``customer_id``:

        - ``customer_id`` String
        - ``first_purchase_date``, ``last_purchase_date`` Date
        - ``orders`` Int64: purchase days, >= 1
        - ``repeat_orders`` Int64: purchase days after the first, >= 0 (x)
        - ``days_first_to_last_order`` Float64: days, >= 0 (t_x)
        - ``days_observed`` Float64: days from the first purchase day to the last day seen, >= 0 (T)
        - ``sum_log_gaps_days`` Float64: sum of the natural logs of the gaps in days, >= 0; 0 without a gap
        - ``orders_with_value`` Int64: purchase days with an amount above zero, >= 0; 0 if refunds took all of it
        - ``mean_order_value`` Float64: currency units per such day, net of all refunds seen; null without one
        - ``sum_log_value_ratios`` Float64: sum of the natural logs of the value of such a day over their mean, <= 0; 0
          without two of them
        - ``order_rows`` Int64: order rows on purchase days, >= orders
        - ``days_since_last_order`` Int64: days from the last purchase day to the first unseen day, >= 1
        - ``historic_spend`` Float64: currency units, net of all refunds seen; null without amounts
        - ``avg_days_between_orders`` Float64: days, >= 1; null without a repeat order

    Raises
    ------
    WindowError
        If ``as_of`` cannot be read, or lies after a given ``observed_until``.

    Notes
    -----
    Purchases are counted in calendar days. T and t_x as in Fader, Hardie & Lee (2005), "'Counting your
    customers' the easy way", Marketing Science 24(2); the sum of log gaps as in Reutterer, Platzer & Schröder
    (2021), "Leveraging purchase regularity for predicting customer behavior the easy way", IJRM 38(1).
    """
    seen = data.before(as_of)
    if _KEPT not in seen.kept:
        seen.kept[_KEPT] = summarise(purchase_history(data, as_of))
    # A copy, which shares the columns: whoever puts others into it leaves this one alone.
    summary: pl.DataFrame = seen.kept[_KEPT].clone()
    return summary


def summarise(history: PurchaseHistory) -> pl.DataFrame:
    """Return the summary of a history that was collected already.

    Parameters
    ----------
    history : PurchaseHistory
        Purchase days before a cutoff.

    Returns
    -------
    polars.DataFrame
        As from `purchase_summary`.
    """
    repeats = history.orders - 1
    spend, order_rows = side_by_side(
        lambda: None if history.amount is None else history.sum(history.amount),
        lambda: history.sum(history.order_rows),
    )
    return pl.DataFrame(
        {
            "customer_id": history.customer_id,
            "first_purchase_date": _dates(history.first_day),
            "last_purchase_date": _dates(history.last_day),
            "orders": history.orders,
            "repeat_orders": repeats,
            "days_first_to_last_order": history.span.astype(np.float64),
            "days_observed": history.days_observed.astype(np.float64),
            "sum_log_gaps_days": history.sum_log_gaps,
            **_value_columns(history, spend),
            "order_rows": order_rows,
            "days_since_last_order": history.wait,
            **_spend_column(history, spend),
            "avg_days_between_orders": _nullable(ratio(history.span, repeats)),
        },
        schema_overrides={"customer_id": pl.String},
    )


def _value_columns(history: PurchaseHistory, spend: Ints | None) -> dict[str, pl.Series]:
    if history.amount is None or spend is None:
        count = len(history.customer_id)
        return {
            "orders_with_value": pl.zeros(count, pl.Int64, eager=True),
            "mean_order_value": pl.repeat(None, count, dtype=pl.Float64, eager=True),
            "sum_log_value_ratios": pl.zeros(count, pl.Float64, eager=True),
        }
    # A refund that names no order cannot be taken off one, but the customer's orders were worth that much less.
    loose = 0 if history.loose_refund is None else history.loose_refund
    net = np.maximum(spend + loose, 0)
    paid = history.orders if history.amount.min(initial=1) > 0 else history.sum(history.amount > 0)
    paid = np.where(net > 0, paid, 0)
    return {
        "orders_with_value": pl.Series(paid),
        "mean_order_value": _nullable(ratio(net, paid * float(MINOR_PER_UNIT))),
        "sum_log_value_ratios": pl.Series(np.where(paid > 0, sum_log_value_ratios(history), 0.0)),
    }


def _spend_column(history: PurchaseHistory, spend: Ints | None) -> dict[str, pl.Series]:
    if spend is None or history.loose_refund is None:
        return {"historic_spend": pl.repeat(None, len(history.customer_id), dtype=pl.Float64, eager=True)}
    net = spend + history.loose_refund
    return {"historic_spend": pl.Series(net / MINOR_PER_UNIT)}


def _dates(days: Ints) -> pl.Series:
    return pl.Series(days.astype(np.int32)).cast(pl.Date)


def _nullable(values: Floats) -> pl.Series:
    return pl.Series(values, nan_to_null=True)
