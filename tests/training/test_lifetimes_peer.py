"""The lifetimes row is what a user of lifetimes gets: checked against lifetimes called by hand."""

from datetime import date, datetime

import numpy as np
import polars as pl
import pytest

from boosted_shops import HORIZONS
from foretell.errors import FitError
from foretell.tables.dataset import CustomerData
from foretell.training.backtest import run_backtest
from foretell.training.lifetimes_peer import LifetimesPeer, _quiet_lifetimes
from foretell.training.purchase_recipe import PurchaseRecipe
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


def test_answers_that_can_be_none_are_refused_and_the_backtest_goes_on(boosted_shop: CustomerData) -> None:
    """On gaps in turn short and long lifetimes expects fewer than no orders of half the customers."""
    with pytest.raises(FitError, match="no churn_risk that could be one for"):
        LifetimesPeer().fit_predict(boosted_shop, datetime(2025, 6, 2), HORIZONS, 0)
    record = run_backtest(boosted_shop, [datetime(2025, 6, 2)], [PurchaseRecipe()], horizons=HORIZONS, bootstrap=0)
    assert record["skipped"].filter(rung=LifetimesPeer().name)["reason"].str.contains("that could be one").all()
    assert "purchase" in record["backtest"]["rung"]
