"""Second pass over scores: ranks among all scored customers."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from foretell.windows import Horizons

RANKED_DIGITS = 9
"""Predictions are rounded to so many decimals before ranking: last-bit noise cannot part customers who are alike."""


def add_percentiles(scores: pl.DataFrame, horizons: Horizons) -> pl.DataFrame:
    """Fill in ``clv_percentile`` and ``churn_percentile``.

    Parameters
    ----------
    scores : polars.DataFrame
        All scored customers, from `scoring.score.score_bucket`; not modified.
    horizons : Horizons
        The numbers in the columns' names.

    Returns
    -------
    polars.DataFrame
        The same rows; percentiles 1 to 100, the highest value or risk at 100, ties by mean rank, null where
        the value is null. Without money ``clv_percentile`` ranks the predicted purchases.
    """
    clv = f"predicted_clv_{horizons.clv_days}d"
    by = clv if scores[clv].null_count() < scores.height else f"predicted_orders_{horizons.clv_days}d"
    return scores.with_columns(
        clv_percentile=percentile(scores[by]),
        churn_percentile=percentile(scores[f"churn_risk_{horizons.churn_days}d"]),
    )


def percentile(values: pl.Series) -> pl.Series:
    """Rank values among themselves.

    Parameters
    ----------
    values : polars.Series
        Numbers, never NaN.

    Returns
    -------
    polars.Series
        Int64, 1 to 100, the highest at 100, ties by mean rank, null where the value is null.
    """
    numbers = values.drop_nulls().round(RANKED_DIGITS).to_numpy()
    if not numbers.size:
        return values.cast(pl.Int64)
    cuts = _cuts(np.sort(numbers))
    found = pl.Series(values.name, np.searchsorted(cuts, numbers, side="right"), pl.Int64)
    if not values.null_count():
        return found
    return (
        pl.repeat(None, values.len(), dtype=pl.Int64, eager=True)
        .alias(values.name)
        .scatter(values.is_not_null().arg_true(), found)
    )


def _cuts(ascending: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values from which on the percentile is at least 1, 2, …, 100; infinite where nobody's is."""
    rows = ascending.size
    # Twice the mean rank that this takes, in whole numbers: a quotient of floats that should be 31 may come out as a
    # little more, whose ceiling is 32.
    least = np.arange(100) * 2 * rows // 100 + 1
    middle = ascending[np.minimum((least - 1) // 2, rows - 1)]
    begin, end = (np.searchsorted(ascending, middle, side=side) for side in ("left", "right"))
    place = np.where(begin + end + 1 >= least, begin, end)
    return np.where(place < rows, ascending[np.minimum(place, rows - 1)], np.inf)


def highest_valued(scores: pl.DataFrame, horizons: Horizons, count: int) -> pl.Series:
    """Return whom reasons are told of first: the highest predicted value, then the most predicted purchases.

    Parameters
    ----------
    scores : polars.DataFrame
        ``customer_id``, predicted value and purchases of all scored customers.
    horizons : Horizons
        The numbers in the columns' names.
    count : int
        How many, >= 0.

    Returns
    -------
    polars.Series
        ``customer_id`` String, highest first; customers who are alike by id.
    """
    value, orders = f"predicted_clv_{horizons.clv_days}d", f"predicted_orders_{horizons.clv_days}d"
    rows = scores.select("customer_id", value, orders)
    first = value if rows[value].count() else orders
    if 0 < count <= rows[first].count():
        # Whoever is among the highest has at least this; few are left to be sorted.
        rows = rows.filter(pl.col(first) >= pl.lit(rows[first].top_k(count).min()))
    ranked = rows.sort(value, orders, "customer_id", descending=[True, True, False], nulls_last=True)
    return ranked["customer_id"].head(count)
