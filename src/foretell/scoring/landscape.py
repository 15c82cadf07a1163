"""What the purchase model makes of every history that customers of one age can have."""

import numpy as np
import polars as pl

from foretell.bundles.bundle import Bundle
from foretell.errors import ConfigError

MOST_ORDERS, STEPS = 20, 40


def landscape(
    bundle: Bundle, *, days_as_customer: int = 365, most_orders: int = MOST_ORDERS, horizon_days: int | None = None
) -> pl.DataFrame:
    """Ask the purchase model about a grid of numbers of orders and days of silence.

    Parameters
    ----------
    bundle : Bundle
        The fitted values. Its purchase model answers alone, without level, trees and calibration, which read more than
        these two numbers.
    days_as_customer : int
        Days since the first order, the same for the whole grid, > 1.
    most_orders : int
        Largest number of orders, > 1.
    horizon_days : int or None
        Days ahead; None is the bundle's value horizon.

    Returns
    -------
    polars.DataFrame
        ``orders`` Int64 (purchase days), ``days_since_last_order`` Int64, ``expected_orders`` Float64 (purchase days
        within the horizon), ``p_alive`` Float64, ``horizon_days`` Int64. Histories that cannot be (two orders and no
        day between them) are left out. Gaps of the grid are even.

    Raises
    ------
    ConfigError
        If a number is too small.

    References
    ----------
    Fader, Hardie, Lee (2005), "RFM and CLV: using iso-value curves for customer base analysis", JMR 42(4).
    """
    horizon = bundle.horizons.clv_days if horizon_days is None else horizon_days
    wrong = {"days_as_customer": days_as_customer <= 1, "most_orders": most_orders <= 1, "horizon_days": horizon < 1}
    if any(wrong.values()):
        raise ConfigError([f"{name} is too small for a grid." for name, too_small in wrong.items() if too_small])
    silent = np.unique(np.linspace(1, days_as_customer, STEPS).astype(np.int64))
    orders = np.arange(1, most_orders + 1)
    grid = pl.DataFrame(
        {"orders": np.repeat(orders, silent.size), "days_since_last_order": np.tile(silent, orders.size)}
    )
    span = pl.lit(days_as_customer) - pl.col("days_since_last_order")
    repeats = pl.col("orders") - 1
    # One order lies at the start, so its silence is its age; several need as many days between them.
    possible = pl.when(repeats == 0).then(span == 0).otherwise(span >= repeats)
    first = grid.filter(repeats == 0).with_columns(days_since_last_order=pl.lit(days_as_customer, pl.Int64)).unique()
    rows = pl.concat([first, grid.filter(repeats > 0)]).filter(possible).sort("orders", "days_since_last_order")
    summary = rows.select(
        customer_id=pl.int_range(pl.len()).cast(pl.String),
        repeat_orders=repeats,
        days_first_to_last_order=span.cast(pl.Float64),
        days_observed=pl.lit(float(days_as_customer - 1)),
    ).with_columns(pl.min_horizontal("days_first_to_last_order", "days_observed"))
    model = bundle.purchase_model
    return rows.with_columns(
        expected_orders=model.expected_orders(summary, horizon)["expected_orders"],
        p_alive=model.p_alive(summary)["p_alive"],
        horizon_days=pl.lit(horizon, pl.Int64),
    )
