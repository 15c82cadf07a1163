"""The usual hand-rolled two-stage LightGBM on recency, frequency and money at one earlier cutoff."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from accuracy_peers import as_answers, purchases

from foretell.errors import FitError
from foretell.tables.dataset import CustomerData
from foretell.windows import Horizons

LEAST_CUSTOMERS = 100
DEFAULTS = {"n_estimators": 200, "learning_rate": 0.05, "num_leaves": 15, "num_threads": 1, "verbosity": -1}


@dataclass(frozen=True)
class TwoStage:
    """Who buys by a classifier, how much by regressors among buyers, all trained on the window before the cutoff.

    Features as of the training cutoff D − H: purchase days, days since the last and the first, mean gap, mean and
    total spend. P(buys) × E[spend | buys] is the spend, P(buys) × E[purchases | buys] the purchases.

    Parameters
    ----------
    name : str
        Name of the row.
    recent_days : tuple of int
        Windows whose purchase days and spend are features too.
    """

    name: str = "two-stage LightGBM"
    recent_days: tuple[int, ...] = ()

    def fit_predict(self, data: CustomerData, as_of: datetime, horizons: Horizons, seed: int) -> pl.DataFrame:
        """Train one horizon before the cutoff and predict every customer; FitError if that lies before the data."""
        from lightgbm import LGBMClassifier, LGBMRegressor

        days = purchases(data)
        cutoff = as_of.date()
        earlier = cutoff - timedelta(days=horizons.clv_days)
        known = features(days.filter(pl.col("day") < earlier), earlier, self.recent_days)
        if known.height < LEAST_CUSTOMERS:
            msg = f"{known.height} customers were known at the training cutoff; {LEAST_CUSTOMERS} are needed"
            raise FitError(msg)
        happened = (
            days.filter(pl.col("day") >= earlier).group_by("customer_id").agg(n=pl.len(), m=pl.col("spend").sum())
        )
        label = known.select("customer_id").join(happened, on="customer_id", how="left", maintain_order="left")
        orders, spend = (label[column].fill_null(0).to_numpy().astype(float) for column in ("n", "m"))
        train, now = matrix(known), features(days, cutoff, self.recent_days)
        bought = orders > 0
        options = {**DEFAULTS, "random_state": seed}
        p_buys = LGBMClassifier(**options).fit(train, bought).predict_proba(matrix(now))[:, 1]
        amounts = [
            np.maximum(LGBMRegressor(**options).fit(train[bought], y[bought]).predict(matrix(now)), 0.0)
            for y in (orders, spend)
        ]
        return as_answers(now["customer_id"], p_buys * amounts[0], p_buys * amounts[1], p_buys)


def features(days: pl.DataFrame, cutoff: date, recent_days: tuple[int, ...]) -> pl.DataFrame:
    """Return recency, frequency and money of every customer in `days`, as of a cutoff."""
    since = (pl.lit(cutoff) - pl.col("day")).dt.total_days()
    recent = [
        column
        for window in recent_days
        for column in (
            (since <= window).sum().alias(f"orders_{window}"),
            pl.col("spend").filter(since <= window).sum().alias(f"spend_{window}"),
        )
    ]
    return days.group_by("customer_id", maintain_order=True).agg(
        pl.len().alias("orders"),
        since.min().alias("since_last"),
        since.max().alias("since_first"),
        pl.col("day").diff().dt.total_days().mean().alias("gap"),
        pl.col("spend").mean().alias("mean_spend"),
        pl.col("spend").sum().alias("total_spend"),
        *recent,
    )


def matrix(frame: pl.DataFrame) -> Any:
    """Return the features as numbers, NaN where undefined."""
    return frame.drop("customer_id").cast(pl.Float64).to_numpy()
