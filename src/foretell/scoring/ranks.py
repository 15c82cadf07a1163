"""Second pass over scores: ranks among all scored customers."""

import polars as pl

from foretell.windows import Horizons


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
        clv_percentile=percentile(by), churn_percentile=percentile(f"churn_risk_{horizons.churn_days}d")
    )


def percentile(name: str) -> pl.Expr:
    """Rank of a column's values.

    Parameters
    ----------
    name : str
        The column.

    Returns
    -------
    polars.Expr
        1 to 100, the highest at 100, ties by mean rank, null where the value is null.
    """
    # Predictions are rounded before ranking so that last-bit noise cannot part customers who are alike.
    rank = pl.col(name).round(9).rank("average")
    return (100 * rank / pl.col(name).count()).ceil().clip(1, 100).cast(pl.Int64)
