"""The rules of thumb that every model has to beat: recent rate and last gap."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from foretell.features.summary import purchase_summary
from foretell.labels.outcomes import outcomes
from foretell.tables.dataset import MINOR_PER_UNIT, CustomerData
from foretell.tables.purchases import purchase_days
from foretell.windows import Horizons, first_unseen_day

_BINS = 10


@dataclass(frozen=True)
class RecentRate:
    """The next horizon repeats the last one, and whoever bought lately buys again.

    Purchases and spend are those of the last ``clv_days`` (of the whole history, scaled up, where it is
    shorter). Probabilities are the shares of buyers, in the newest observed window, among customers with the same
    wait since the last purchase when it began (ten equal groups); where nobody was known then, those of a steady
    buyer at the customer's recent rate.

    Parameters
    ----------
    name : str
        Name of the row in tables.
    """

    name: str = "naive_rate"

    def fit_predict(self, data: CustomerData, as_of: datetime, horizons: Horizons, seed: int) -> pl.DataFrame:  # noqa: ARG002  # recipes are called alike
        """Predict every customer seen before a cutoff, as backtests ask.

        Parameters
        ----------
        data : CustomerData
            Rows before `as_of`.
        as_of : datetime
            First instant that is not seen.
        horizons : Horizons
            Horizons to answer for.
        seed : int
            Not used.

        Returns
        -------
        polars.DataFrame
            ``customer_id``, ``predicted_orders``, ``predicted_clv`` (with money), ``churn_risk``, ``p_order``.
        """
        summary = purchase_summary(data, as_of)
        end = first_unseen_day(as_of)
        history_days = int(summary["days_observed"].max() or 0) + 1  # type: ignore[arg-type]  # loosely typed max()
        window = min(horizons.clv_days, history_days)
        recent = (
            purchase_days(data.before(as_of))
            .filter(pl.col("purchase_date") >= end - timedelta(days=window))
            .group_by("customer_id")
            .agg(count=pl.len(), minor=pl.col("amount_minor").sum())
            .collect()
        )
        scale = horizons.clv_days / window
        joined = summary.select("customer_id", "days_since_last_order").join(
            recent, on="customer_id", how="left", maintain_order="left"
        )
        predicted = joined.select(
            "customer_id",
            (pl.col("count").fill_null(0) * scale).alias("predicted_orders"),
            (pl.col("minor").fill_null(0) / MINOR_PER_UNIT * scale).round(9).alias("predicted_clv"),
        ).with_columns(
            churn_risk=1 - self._p_buys(data, as_of, horizons.churn_days, joined, window),
            p_order=self._p_buys(data, as_of, horizons.order_days, joined, window),
        )
        return predicted if data.has_amount else predicted.drop("predicted_clv")

    def _p_buys(self, data: CustomerData, as_of: datetime, days: int, joined: pl.DataFrame, window: int) -> pl.Series:
        # A cutoff after days without any order (a closed Sunday) still has a window before them that was observed.
        earlier = data.before(as_of).observed_until - timedelta(days=days)
        waits = joined["days_since_last_order"].to_numpy()
        past = purchase_summary(data, earlier)
        if past.height < _BINS:
            rate = joined["count"].fill_null(0).to_numpy() / window
            return pl.Series(1 - np.exp(-rate * days))
        bought = outcomes(data, earlier, days).filter(pl.col("orders_in_window") > 0).collect()
        hit = past["customer_id"].is_in(bought["customer_id"].implode()).to_numpy()
        past_waits = past["days_since_last_order"].to_numpy()
        edges = np.unique(np.quantile(past_waits, np.linspace(0, 1, _BINS + 1)[1:-1]))
        # An edge at the longest wait would open a group that nobody was in.
        edges = edges[edges < past_waits.max()]
        group = np.searchsorted(edges, past_waits)
        counts = np.bincount(group, minlength=len(edges) + 1)
        hits = np.bincount(group, weights=hit, minlength=len(edges) + 1)
        # One customer's worth of the shop's share keeps empty and extreme groups away from 0 and 1.
        share = (hits + hit.mean()) / (counts + 1)
        return pl.Series(np.clip(share[np.searchsorted(edges, waits)], 1e-6, 1 - 1e-6))


@dataclass(frozen=True)
class LastGap:
    """The next purchase comes one average gap after the last one; who is overdue comes tomorrow.

    Parameters
    ----------
    name : str
        Name of the row in tables.
    """

    name: str = "naive_gap"

    def fit_predict(self, data: CustomerData, as_of: datetime, horizons: Horizons, seed: int) -> pl.DataFrame:  # noqa: ARG002  # recipes are called alike
        """Predict every customer seen before a cutoff, as backtests ask.

        Parameters
        ----------
        data : CustomerData
            Rows before `as_of`.
        as_of : datetime
            First instant that is not seen.
        horizons : Horizons
            Horizons to answer for.
        seed : int
            Not used.

        Returns
        -------
        polars.DataFrame
            ``customer_id``; ``predicted_orders`` (horizon over gap, none once the wait passes two gaps);
            ``predicted_clv`` (times own mean order value, with money); ``next_order_days``.
        """
        summary = purchase_summary(data, as_of)
        gaps = summary["avg_days_between_orders"].drop_nulls()
        usual = float(np.median(gaps.to_numpy())) if len(gaps) else float(horizons.clv_days)
        gap = pl.col("avg_days_between_orders").fill_null(usual)
        wait = pl.col("days_since_last_order")
        predicted = summary.select(
            "customer_id",
            predicted_orders=pl.when(wait <= 2 * gap).then(horizons.clv_days / gap).otherwise(0.0),
            mean_order_value=pl.col("mean_order_value").fill_null(0.0),
            next_order_days=(gap - wait + 1).round(0).clip(lower_bound=1.0),
        ).with_columns(predicted_clv=pl.col("predicted_orders") * pl.col("mean_order_value"))
        return predicted.drop("mean_order_value" if data.has_amount else ["mean_order_value", "predicted_clv"])
