"""What the known customers will order and spend week by week, all together, and how far that can be off.

The first pass, over buckets of customers, is the purchase model's alone and adds up. The shop's level, its season and
the error of totals concern the shop as a whole, so they come second, over the sums: intervals of single customers do
not add up to that of their total.
"""

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
from scipy.special import ndtri

from foretell.bundles.bundle import Bundle
from foretell.features.summary import purchase_summary
from foretell.models.level import Level
from foretell.models.weekly import Vector, week_edges, weekly_expected
from foretell.tables.dataset import CustomerData
from foretell.windows import as_cutoff, first_unseen_day

FORECAST_SCHEMA = {
    "week_starts_on": pl.Date,
    "days": pl.Int64,
    "expected_orders": pl.Float64,
    "expected_spend": pl.Float64,
}
_COVERED = 0.8
_WEEK, _MONTH = 7, 28


def forecast_bucket(data: CustomerData, bundle: Bundle, as_of: date | datetime | str) -> pl.DataFrame:
    """Return what the purchase model expects of the customers in `data`, by week of the value horizon.

    Parameters
    ----------
    data : CustomerData
        Rows of all customers, or of one bucket of them; results of buckets add up.
    bundle : Bundle
        The fitted values.
    as_of : date, datetime or str
        First instant that is not seen.

    Returns
    -------
    polars.DataFrame
        ``week_starts_on`` Date, ``days`` Int64 (7, fewer in the last week), ``expected_orders`` Float64
        (purchase days of customers with a purchase before `as_of`), ``expected_spend`` Float64 (currency units; null
        without money). The shop's level is not in them: see `forecast_weeks`.
    """
    cutoff = as_cutoff(as_of)
    summary = purchase_summary(data, cutoff)
    horizon = bundle.horizons.clv_days
    value = None
    if bundle.spend_model is not None and not summary.is_empty():
        value = bundle.spend_model.expected_order_value(summary)["expected_order_value"].to_numpy()
    orders, spend = weekly_expected(bundle.purchase_model, summary, horizon, value)
    edges, start = week_edges(horizon), first_unseen_day(cutoff)
    return pl.DataFrame(
        {
            "week_starts_on": [start + timedelta(days=int(edge)) for edge in edges[:-1]],
            "days": np.diff(edges),
            "expected_orders": orders,
            "expected_spend": [None] * orders.size if bundle.spend_model is None else spend,
        },
        schema=FORECAST_SCHEMA,
    )


def forecast_weeks(buckets: pl.DataFrame, level: Level | None, as_of: date | datetime | str) -> pl.DataFrame:
    """Return the purchases and the spend of each week at the shop's level, with 80 % intervals.

    Parameters
    ----------
    buckets : polars.DataFrame
        As from `forecast_bucket`, of one bucket or of several below one another.
    level : Level or None
        The shop's level; None corrects nothing, and its intervals are wide.
    as_of : date, datetime or str
        The cutoff of `buckets`.

    Returns
    -------
    polars.DataFrame
        ``week_starts_on``, ``days``, ``expected_orders``, ``expected_orders_low``, ``expected_orders_high``,
        ``expected_spend``, ``expected_spend_low``, ``expected_spend_high``: purchase days and currency units of the
        known customers together; spend is null without money.
    """
    level, weeks = level or Level.none(), _summed(buckets)
    orders, spend = _at_level(weeks, level, as_cutoff(as_of))
    ends = weeks["days"].cum_sum().to_list()
    errors = np.array([_error_of_week(level, int(end)) for end in ends]).reshape(-1, 2)
    return weeks.select("week_starts_on", "days").with_columns(
        *_with_interval("expected_orders", orders, errors[:, 0]), *_with_interval("expected_spend", spend, errors[:, 1])
    )


def forecast_total(buckets: pl.DataFrame, level: Level | None, as_of: date | datetime | str) -> pl.DataFrame:
    """Return the purchases and the spend of the whole horizon at the shop's level, with 80 % intervals.

    Parameters
    ----------
    buckets, level, as_of
        As for `forecast_weeks`.

    Returns
    -------
    polars.DataFrame
        One row: ``starts_on``, ``days``, and the columns of `forecast_weeks` for the horizon; their expected values
        are the sums of its weeks, their intervals are narrower than the sums.
    """
    level, weeks = level or Level.none(), _summed(buckets)
    orders, spend = _at_level(weeks, level, as_cutoff(as_of))
    days = int(weeks["days"].sum())
    errors = np.array([level.total_error(days)])
    return pl.DataFrame({"starts_on": [weeks["week_starts_on"].min()], "days": [days]}).with_columns(
        *_with_interval("expected_orders", orders.sum(keepdims=True), errors[:, 0]),
        *_with_interval("expected_spend", spend.sum(keepdims=True), errors[:, 1]),
    )


def _summed(buckets: pl.DataFrame) -> pl.DataFrame:
    money = pl.col("expected_spend")
    return (
        buckets.group_by("week_starts_on", "days")
        .agg(
            pl.col("expected_orders").sum(),
            expected_spend=pl.when(money.null_count() == 0).then(money.sum()),
        )
        .sort("week_starts_on")
    )


def _at_level(weeks: pl.DataFrame, level: Level, cutoff: datetime) -> tuple[Vector, Vector]:
    """Purchases and money of each week; money is NaN where there is none."""
    orders = weeks["expected_orders"].to_numpy()
    factor = level.weekly_log_orders(cutoff, int(weeks["days"].sum()), orders)
    spend = weeks["expected_spend"].fill_null(float("nan")).to_numpy()
    return orders * np.exp(factor), spend * np.exp(factor + level.log_value())


def _error_of_week(level: Level, end: int) -> tuple[float, float]:
    """Standard errors of one week's logs: of a week by itself, and what the level may drift until then."""
    alone, month, until = (level.total_error(days) for days in (_WEEK, _MONTH, max(end, _MONTH)))
    orders, spend = (np.sqrt(a**2 + max(u**2 - m**2, 0.0)) for a, m, u in zip(alone, month, until, strict=True))
    return float(orders), float(spend)


def _with_interval(name: str, expected: Vector, error: Vector) -> tuple[pl.Series, ...]:
    reach = float(ndtri((1 + _COVERED) / 2)) * error
    columns = {name: expected, f"{name}_low": expected * np.exp(-reach), f"{name}_high": expected * np.exp(reach)}
    return tuple(pl.Series(column, values).fill_nan(None) for column, values in columns.items())
