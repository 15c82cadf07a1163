"""foretell as its users call it: train on the past, score, and read the published columns only."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

import foretell as ft
from foretell.tables.dataset import CustomerData
from foretell.windows import Horizons, first_unseen_day


@dataclass(frozen=True)
class Foretell:
    """The product as a row of its own benchmark.

    Parameters
    ----------
    rungs : tuple of str
        Handed to `foretell.train`; none leaves its choice to it.
    name : str
        Name of the row.
    """

    rungs: tuple[str, ...] = ()
    name: str = "foretell"

    def fit_predict(self, data: CustomerData, as_of: datetime, horizons: Horizons, seed: int) -> pl.DataFrame:
        """Train and score."""
        clv, churn = horizons.clv_days, horizons.churn_days
        model = ft.train(
            data,
            as_of,
            clv_days=clv,
            churn_days=churn,
            order_days=horizons.order_days,
            rungs=self.rungs or None,
            seed=seed,
            threads=1,
        )
        scores = model.score(data, as_of, explained_customers=0)
        before = pl.lit(first_unseen_day(as_of) - timedelta(days=1))
        dates = ("expected_next_order_date", "next_order_date_early", "next_order_date_late")
        return scores.select(
            "customer_id",
            predicted_orders=f"predicted_orders_{clv}d",
            predicted_clv=f"predicted_clv_{clv}d",
            churn_risk=f"churn_risk_{churn}d",
            spend_low=f"predicted_clv_{clv}d_low",
            spend_high=f"predicted_clv_{clv}d_high",
            **{
                name: (pl.col(column) - before).dt.total_days()
                for name, column in zip(
                    ("next_order_days", "next_order_days_early", "next_order_days_late"), dates, strict=True
                )
            },
        )
