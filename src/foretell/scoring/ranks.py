"""Second pass over scores: ranks among all scored customers."""

import numpy as np
import polars as pl

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
    rows = numbers.size
    ascending = np.sort(numbers)
    begins = np.flatnonzero(np.diff(ascending, prepend=np.nan) != 0)
    # Twice the mean rank of equal values, in whole numbers: a quotient of floats that should be 31 may come out as a
    # little more, whose ceiling is 32.
    twice = begins + np.append(begins[1:], rows) + 1
    told = np.clip((100 * twice + 2 * rows - 1) // max(2 * rows, 1), 1, 100)
    # There are a hundred steps at most: whoever is at or beyond a step has what it says.
    step = np.flatnonzero(np.diff(told, prepend=0))
    place = np.searchsorted(ascending[begins[step]], numbers, side="right") - 1
    found = pl.Series(values.name, told[step][place], pl.Int64)
    if not values.null_count():
        return found
    return (
        pl.repeat(None, values.len(), dtype=pl.Int64, eager=True)
        .alias(values.name)
        .scatter(values.is_not_null().arg_true(), found)
    )


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
