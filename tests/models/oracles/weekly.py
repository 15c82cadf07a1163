"""Purchase summaries in weeks, as the literature fits them, from plain order dates."""

from datetime import date

import polars as pl


def weekly_summary(orders: pl.DataFrame, *, end: date) -> pl.DataFrame:
    """Summary at the end of a day, times in weeks.

    Parameters
    ----------
    orders : polars.DataFrame
        ``customer_id`` and ``date``; orders of one customer and day are one purchase.
    end : date
        Last day observed.

    Returns
    -------
    polars.DataFrame
        The columns that the purchase models read, plus ``customer_id``; gaps and times in weeks.
    """
    days = orders.select("customer_id", "date").filter(pl.col("date") <= end).unique().sort("customer_id", "date")
    gap = (pl.col("date").diff().over("customer_id").dt.total_days() / 7).alias("gap")
    return (
        days.with_columns(gap)
        .group_by("customer_id", maintain_order=True)
        .agg(
            (pl.len() - 1).cast(pl.Int64).alias("repeat_orders"),
            ((pl.col("date").max() - pl.col("date").min()).dt.total_days() / 7).alias("days_first_to_last_order"),
            ((pl.lit(end) - pl.col("date").min()).dt.total_days() / 7).alias("days_observed"),
            pl.col("gap").log().sum().alias("sum_log_gaps_days"),
        )
    )


def orders_between(orders: pl.DataFrame, summary: pl.DataFrame, *, after: date, until: date) -> pl.Series:
    """Purchase days after one day and until another, in the row order of the summary, zeros included."""
    later = orders.select("customer_id", "date").filter(pl.col("date") > after, pl.col("date") <= until).unique()
    counts = later.group_by("customer_id").len("later")
    return summary.join(counts, on="customer_id", how="left", maintain_order="left")["later"].fill_null(0)
