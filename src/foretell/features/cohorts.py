"""Which share of each month's new customers buys again, month by month."""

from datetime import date, datetime

import polars as pl

from foretell.features.history import purchase_history
from foretell.tables.dataset import CustomerData


def cohort_retention(data: CustomerData, as_of: date | datetime | str | None = None) -> pl.DataFrame:
    """Follow the customers of each first month through the calendar months after it.

    Parameters
    ----------
    data : CustomerData
        Orders of a shop. Not modified.
    as_of : date, datetime, str or None
        First instant that is not seen; None is the end of what `data` observed.

    Returns
    -------
    polars.DataFrame
        ``cohort`` Date (first day of the month of the first purchase), ``month`` Int64 (0 is that month),
        ``customers`` Int64 (of the cohort), ``active`` Int64 (with a purchase in the month), ``retention`` Float64
        (their share). Months that are not over by `as_of` are left out: they would look like a decline.

    Raises
    ------
    WindowError
        If `as_of` cannot be read, or lies after a given ``observed_until``.
    """
    history = purchase_history(data, data.observed_until if as_of is None else as_of)
    months = pl.DataFrame(
        {"customer": history.customer, "day": history.day, "first": history.first_day[history.customer]}
    )
    months = months.with_columns(pl.col("day", "first").cast(pl.Int32).cast(pl.Date).dt.truncate("1mo"))
    after = (pl.col("day").dt.year() - pl.col("first").dt.year()) * 12 + (
        pl.col("day").dt.month().cast(pl.Int32) - pl.col("first").dt.month().cast(pl.Int32)
    )
    active = (
        months.with_columns(month=after.cast(pl.Int64))
        .unique(["customer", "month"])
        .group_by(cohort="first", month="month")
        .agg(active=pl.len().cast(pl.Int64))
    )
    cohorts = active.filter(month=0).select("cohort", customers="active")
    unseen = pl.lit(history.end_day).cast(pl.Int32).cast(pl.Date)
    whole = cohorts.select(
        "cohort",
        "customers",
        start=pl.date_ranges(pl.col("cohort"), unseen, interval="1mo", closed="both"),
    ).explode("start")
    whole = whole.filter(pl.col("start").dt.offset_by("1mo") <= unseen)
    number = (pl.col("start").dt.year() - pl.col("cohort").dt.year()) * 12 + (
        pl.col("start").dt.month().cast(pl.Int32) - pl.col("cohort").dt.month().cast(pl.Int32)
    )
    return (
        whole.select("cohort", "customers", month=number.cast(pl.Int64))
        .join(active, on=["cohort", "month"], how="left")
        .with_columns(pl.col("active").fill_null(0))
        .with_columns(retention=pl.col("active") / pl.col("customers"))
        .select("cohort", "month", "customers", "active", "retention")
        .sort("cohort", "month")
    )
