"""The lifetimes row is what a user of lifetimes gets: checked against lifetimes called by hand."""

from datetime import date, datetime

import numpy as np
import polars as pl

from foretell.tables.dataset import CustomerData
from foretell.training.lifetimes_peer import LifetimesPeer, _quiet_lifetimes
from foretell.windows import Horizons


def test_the_row_is_lifetimes_own_answer_in_weeks(cdnow_sample: CustomerData) -> None:
    """CDNOW's published split: 39 weeks, the last day seen is 30 September 1997."""
    as_of, last_seen = datetime(1997, 10, 1), date(1997, 9, 30)
    answers = LifetimesPeer().fit_predict(cdnow_sample, as_of, Horizons(180, 90, 30), 0)
    day, first = pl.col("day"), pl.col("day").min()
    by_day = (
        cdnow_sample.orders.filter(pl.col("ordered_at") < as_of)
        .group_by("customer_id", pl.col("ordered_at").dt.date().alias("day"))
        .agg(spend=pl.col("amount_minor").sum() / 10_000)
    )
    people = (
        by_day.group_by("customer_id")
        .agg(
            x=(pl.len() - 1).cast(pl.Float64),
            t_x=(day.max() - first).dt.total_days() / 7,
            T=(last_seen - first).dt.total_days() / 7,
            # the first order is no repeat order
            z=pl.col("spend").filter(day > first).mean().fill_null(0.0),
        )
        .sort("customer_id")
        .collect()
    )
    x, t_x, T, z = (people[name].to_numpy() for name in ("x", "t_x", "T", "z"))
    with _quiet_lifetimes() as lifetimes:
        model = lifetimes.BetaGeoFitter().fit(x, t_x, T)
        expected = {
            days: np.asarray(model.conditional_expected_number_of_purchases_up_to_time(days / 7, x, t_x, T))
            for days in (180, 90, 30)
        }
        paid = (x > 0) & (z > 0)
        money = lifetimes.GammaGammaFitter().fit(x[paid], z[paid])
        value = np.asarray(money.conditional_expected_average_profit(np.where(paid, x, 0), z))
        # Fader, Hardie, Lee (2005), table 2: four digits of r
        assert round(float(model.params_["r"]), 3) == 0.243
    assert answers["customer_id"].equals(people["customer_id"])
    by_hand = {
        "predicted_orders": expected[180],
        "churn_risk": np.exp(-expected[90]),
        "p_order": 1 - np.exp(-expected[30]),
        "predicted_clv": expected[180] * value,
    }
    for name, wanted in by_hand.items():
        # lifetimes' optimiser stops a little elsewhere on compressed rows; a day's error in T moves answers by 3e-3
        np.testing.assert_allclose(answers[name].to_numpy(), wanted, rtol=3e-4, atol=1e-9, err_msg=name)
