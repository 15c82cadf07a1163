"""What the money of a window is worth at its start, beside what it was."""

from datetime import date, datetime

import polars as pl

from foretell.tables.dataset import CustomerData
from foretell.tables.purchases import purchase_days
from foretell.windows import as_cutoff, first_unseen_day, label_window


def discounted_share(
    data: CustomerData, cutoff: date | datetime | str, horizon_days: int, daily_rate: float
) -> pl.LazyFrame:
    """Return how much of each customer's spend in a window is left after discounting it to the window's start.

    Parameters
    ----------
    data : CustomerData
        Orders of a shop, with amounts. Not modified.
    cutoff : date, datetime or str
        First instant of the window.
    horizon_days : int
        Length of the window in days, > 0.
    daily_rate : float
        Continuous rate a day, >= 0: money after t days counts e^(-rate t). A purchase counts from the middle of its
        day.

    Returns
    -------
    pl.LazyFrame
        ``customer_id`` String and ``share`` Float64, in (0, 1], of customers who paid something in the window.

    Raises
    ------
    HorizonNotObserved
        If the window ends after ``observed_until``.
    WindowError
        If the cutoff cannot be read, or the horizon is not a positive number of days.
    """
    start = as_cutoff(cutoff)
    window = label_window(start, horizon_days)
    day = (pl.col("purchase_date") - pl.lit(first_unseen_day(start))).dt.total_days().clip(lower_bound=0) + 0.5
    amount = pl.col("amount_minor").cast(pl.Float64)
    return (
        purchase_days(data.between(window.start, window.end))
        .filter(pl.col("amount_minor") > 0)
        .sort("customer_id", "purchase_date")
        .group_by("customer_id", maintain_order=True)
        .agg(share=(amount * (-daily_rate * day).exp()).sum() / amount.sum())
    )
