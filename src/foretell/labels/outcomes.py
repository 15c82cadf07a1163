"""What each customer did in the window after a cutoff."""

from datetime import date, datetime

import polars as pl

from foretell.tables.dataset import MINOR_PER_UNIT, CustomerData
from foretell.tables.purchases import loose_refunds, purchase_days
from foretell.windows import as_cutoff, first_unseen_day, label_window


def outcomes(data: CustomerData, cutoff: date | datetime | str, horizon_days: int) -> pl.LazyFrame:
    """Return purchases, spend and the next purchase day within a horizon after a cutoff.

    Parameters
    ----------
    data : CustomerData
        Orders of a shop. Not modified.
    cutoff : date, datetime or str
        First instant of the window.
    horizon_days : int
        Length of the window in days, > 0.

    Returns
    -------
    pl.LazyFrame
        One row per customer with a purchase or a refund in the window, sorted by ``customer_id``; a customer
        who is not there did nothing:

        - ``customer_id`` String
        - ``orders_in_window`` Int64: purchase days, >= 0 (0 where there were refunds only)
        - ``spend_in_window`` Float64: currency units, net of the window's refunds, so it may be negative;
          null without amounts
        - ``days_to_next_order`` Int64: 1 is the first unseen day; null without a purchase. A purchase
          later on the day of a cutoff that is not midnight counts as 1

    Raises
    ------
    HorizonNotObserved
        If the window ends after ``observed_until``: what was not observed is no zero.
    WindowError
        If the cutoff cannot be read, or the horizon is not a positive number of days.

    Notes
    -----
    Only rows of the window are read. A refund of an order before the window finds no order here and lowers
    the spend of the window.
    """
    start = as_cutoff(cutoff)
    window = label_window(start, horizon_days)
    seen = data.between(window.start, window.end)
    zero_day = pl.lit(first_unseen_day(start)) - pl.duration(days=1)
    bought = (
        purchase_days(seen)
        .group_by("customer_id")
        .agg(
            orders_in_window=pl.len().cast(pl.Int64),
            bought_minor=pl.col("amount_minor").cast(pl.Int64).sum(),
            next_date=pl.col("purchase_date").min(),
        )
    )
    given_back = loose_refunds(seen).select("customer_id", "refund_minor")
    spend_minor = pl.col("bought_minor").fill_null(0) + pl.col("refund_minor").fill_null(0)
    # polars divides by a constant through its reciprocal, which misses the last bit; rounding mends it.
    spend = (spend_minor / MINOR_PER_UNIT).round(4) if seen.has_amount else pl.lit(None, dtype=pl.Float64)
    return (
        bought.join(given_back, on="customer_id", how="full", coalesce=True)
        .select(
            "customer_id",
            orders_in_window=pl.col("orders_in_window").fill_null(0),
            spend_in_window=spend,
            days_to_next_order=(pl.col("next_date") - zero_day).dt.total_days().clip(lower_bound=1),
        )
        .sort("customer_id")
    )
