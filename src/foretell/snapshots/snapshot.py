"""Features as of a past cutoff joined with the outcomes of the window after it."""

from collections.abc import Iterable
from datetime import date, datetime

import polars as pl

from foretell.errors import WindowError
from foretell.features.compute import compute
from foretell.features.fit_statistics import fit_statistics
from foretell.labels.outcomes import outcomes
from foretell.tables.dataset import CustomerData
from foretell.windows import as_cutoff

LABELS = ("orders_in_window", "spend_in_window", "days_to_next_order")
"""Columns of a snapshot that were not known at its cutoff."""


def snapshot(data: CustomerData, cutoff: date | datetime | str, horizon_days: int) -> pl.DataFrame:
    """Return what was known of every customer at a cutoff, and what the customer did next.

    Parameters
    ----------
    data : CustomerData
        Orders of a shop. Not modified.
    cutoff : date, datetime or str
        Features read rows before it, labels read the window that starts with it.
    horizon_days : int
        Length of the label window in days, > 0.

    Returns
    -------
    pl.DataFrame
        One row per customer with a purchase before the cutoff, sorted by ``customer_id``: ``customer_id``,
        ``cutoff`` Datetime, the features, then ``orders_in_window`` Int64 (0 without a purchase),
        ``spend_in_window`` Float64 (currency units; 0 without one, null without amounts) and
        ``days_to_next_order`` Int64 (null where there was none in the window). Customers whose first purchase is in
        the window are left out: nothing was known of them.

    Raises
    ------
    HorizonNotObserved
        If the label window ends after ``observed_until``.
    WindowError
        If the cutoff cannot be read, or the horizon is not a positive number of days.
    """
    start = as_cutoff(cutoff)
    happened = outcomes(data, start, horizon_days)
    nothing_spent = pl.lit(0.0 if data.has_amount else None, dtype=pl.Float64)
    return (
        compute(data, start, fit_statistics(data, start))
        .join(happened, on="customer_id", how="left", maintain_order="left")
        .with_columns(
            pl.lit(start, dtype=pl.Datetime("us")).alias("cutoff"),
            pl.col("orders_in_window").fill_null(0),
            pl.col("spend_in_window").fill_null(nothing_spent),
        )
        .select("customer_id", "cutoff", pl.exclude("customer_id", "cutoff"))
        .collect()
    )


def stack(data: CustomerData, cutoffs: Iterable[date | datetime | str], horizon_days: int) -> pl.DataFrame:
    """Return the snapshots of several cutoffs under one another, the oldest first.

    Parameters
    ----------
    data : CustomerData
        Orders of a shop. Not modified.
    cutoffs : iterable of date, datetime or str
        At least one, all different.
    horizon_days : int
        Length of every label window in days, > 0.

    Returns
    -------
    pl.DataFrame
        The columns of `snapshot`, sorted by ``cutoff`` and ``customer_id``; a customer has a row per cutoff that
        lies after the customer's first purchase.

    Raises
    ------
    HorizonNotObserved
        If any label window ends after ``observed_until``.
    WindowError
        If there is no cutoff, one is given twice or cannot be read, or the horizon is not positive.
    """
    starts = sorted(as_cutoff(cutoff) for cutoff in cutoffs)
    if not starts or len(set(starts)) < len(starts):
        message = f"Give at least one cutoff, and each once: got {len(starts)}, {len(set(starts))} of them different."
        raise WindowError(message)
    return pl.concat([snapshot(data, start, horizon_days) for start in starts])
