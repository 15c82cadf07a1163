"""What the known customers will order and spend week by week, all together, and how far that can be off.

The first pass, over buckets of customers, is the purchase model's alone and adds up exactly. The shop's level, its
season and the error of totals concern the shop as a whole, so they come second, over the sums: intervals of single
customers do not add up to that of their total.
"""

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
from scipy.special import ndtri

from foretell.bundles.bundle import Bundle
from foretell.features.summary import purchase_summary
from foretell.models.level import Level
from foretell.models.weekly import Vector, expected_totals, week_edges, weeks_of
from foretell.tables.dataset import CustomerData
from foretell.windows import as_cutoff, first_unseen_day

TOTALS_SCHEMA = {
    "horizon_days": pl.Int64,
    "node": pl.Int64,
    "orders_steps": pl.Int64,
    "spend_steps": pl.Int64,
}
"""Columns of the first pass."""
_COVERED = 0.8
_WEEK, _MONTH = 7, 28


def forecast_bucket(
    data: CustomerData, bundle: Bundle, as_of: date | datetime | str, *, summary: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Return what the purchase model expects of the customers in `data`, by a few days of the value horizon.

    Parameters
    ----------
    data : CustomerData
        Rows of all customers, or of one bucket of them; results of buckets add up exactly.
    bundle : Bundle
        The fitted values.
    as_of : date, datetime or str
        First instant that is not seen.
    summary : polars.DataFrame or None
        As from `features.summary.purchase_summary`, where it was computed already.

    Returns
    -------
    polars.DataFrame
        ``horizon_days``, ``node`` Int64: place in `models.weekly.node_days`; ``orders_steps``, ``spend_steps`` Int64:
        purchase days and money until then of customers with a purchase before `as_of`, in units of
        `models.weekly.ORDERS_STEP` and ``MONEY_STEP``; money is null where the bundle knows none.
    """
    if summary is None:
        summary = purchase_summary(data, as_cutoff(as_of))
    horizon = bundle.horizons.clv_days
    value = None
    if bundle.spend_model is not None and not summary.is_empty():
        value = bundle.spend_model.expected_order_value(summary)["expected_order_value"].to_numpy()
    totals = expected_totals(bundle.purchase_model, summary, horizon, value)
    return pl.DataFrame(
        {
            "horizon_days": [horizon] * len(totals),
            "node": range(len(totals)),
            "orders_steps": totals[:, 0],
            "spend_steps": [None] * len(totals) if bundle.spend_model is None else totals[:, 1],
        },
        schema=TOTALS_SCHEMA,
    )


def purchase_model_weeks(buckets: pl.DataFrame, as_of: date | datetime | str) -> pl.DataFrame:
    """Return what the purchase model alone expects of each week; the shop's level is not in it.

    Parameters
    ----------
    buckets : polars.DataFrame
        As from `forecast_bucket`, of one bucket or of several below one another.
    as_of : date, datetime or str
        The cutoff of `buckets`.

    Returns
    -------
    polars.DataFrame
        ``week_starts_on`` Date, ``days`` Int64 (7, fewer in the last week), ``expected_orders`` Float64 (purchase
        days), ``expected_spend`` Float64 (currency units; null without money).
    """
    horizon = int(buckets["horizon_days"][0])
    money = buckets["spend_steps"].null_count() == 0
    sums = buckets.group_by("node").agg(pl.col("orders_steps", "spend_steps").sum()).sort("node")
    orders, spend = weeks_of(sums.select("orders_steps", "spend_steps").to_numpy(), horizon)
    edges, start = week_edges(horizon), first_unseen_day(as_cutoff(as_of))
    return pl.DataFrame(
        {
            "week_starts_on": [start + timedelta(days=int(edge)) for edge in edges[:-1]],
            "days": np.diff(edges),
            "expected_orders": orders,
            "expected_spend": spend if money else [None] * spend.size,
        },
        schema_overrides={"expected_spend": pl.Float64},
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
    level, weeks = level or Level.none(), purchase_model_weeks(buckets, as_of)
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
    level, weeks = level or Level.none(), purchase_model_weeks(buckets, as_of)
    orders, spend = _at_level(weeks, level, as_cutoff(as_of))
    days = int(weeks["days"].sum())
    errors = np.array([level.total_error(days)])
    return pl.DataFrame({"starts_on": [weeks["week_starts_on"].min()], "days": [days]}).with_columns(
        *_with_interval("expected_orders", orders.sum(keepdims=True), errors[:, 0]),
        *_with_interval("expected_spend", spend.sum(keepdims=True), errors[:, 1]),
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
