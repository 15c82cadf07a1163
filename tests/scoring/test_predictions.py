"""Each score is the models' answer to the question in its name, on the right day, and true of a shop that is known."""

import math
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from foretell.bundles.bundle import Bundle
from foretell.bundles.files import StoredBundle
from foretell.features.summary import purchase_summary
from foretell.labels.outcomes import outcomes
from foretell.models.spend import spend_quantiles
from foretell.scoring.forecast import forecast_bucket
from foretell.scoring.score import score_bucket
from foretell.tables.dataset import CustomerData
from foretell.tables.simulate import simulate
from foretell.training.purchase_recipe import PurchaseRecipe
from foretell.windows import Horizons

AS_OF = datetime(2025, 8, 1)


def test_each_score_answers_for_the_horizon_in_its_name(big_shop: CustomerData, bundle: Bundle) -> None:
    scores, summary = score_bucket(big_shop, StoredBundle(bundle, "v1"), AS_OF), purchase_summary(big_shop, AS_OF)
    model, values = bundle.purchase_model, bundle.spend_model
    assert values is not None
    spend = spend_quantiles(model, values, summary, horizon_days=180, probabilities=(0.1, 0.9))
    orders = model.expected_orders(summary, 180)["expected_orders"]
    expected = {
        "p_alive": model.p_alive(summary)["p_alive"],
        "p_order_30d": model.p_order(summary, 30)["p_order"],
        "churn_risk_90d": 1 - model.p_order(summary, 90)["p_order"],
        "predicted_orders_180d": orders,
        "predicted_clv_180d": orders * values.expected_order_value(summary)["expected_order_value"],
        "predicted_clv_180d_low": spend["spend_q10"],
        "predicted_clv_180d_high": spend["spend_q90"],
    }
    for name, answer in expected.items():
        np.testing.assert_allclose(scores[name].to_numpy(), answer.to_numpy(), rtol=1e-12, atol=1e-12, err_msg=name)
    waits = model.p_wait_longer(summary)["p_wait_longer"]
    assert scores["overdue"].to_list() == [wait < 0.1 for wait in waits]
    assert 0 < scores["overdue"].sum() < scores.height


def test_the_typical_customer_is_the_median_of_those_trained_on(big_shop: CustomerData, bundle: Bundle) -> None:
    model, values = bundle.purchase_model, bundle.spend_model
    assert values is not None
    summary = purchase_summary(big_shop, bundle.as_of)
    alive = model.p_alive(summary)["p_alive"]
    typical = bundle.typical
    assert typical.p_alive == pytest.approx(alive.median())
    assert typical.orders_if_alive == pytest.approx(
        (model.expected_orders(summary, 180)["expected_orders"] / alive).median()
    )
    assert typical.order_value == pytest.approx(values.expected_order_value(summary)["expected_order_value"].median())
    assert typical.days_between_orders == pytest.approx(summary["avg_days_between_orders"].median())


def test_a_date_is_the_day_on_which_the_wait_ends(big_shop: CustomerData, bundle: Bundle) -> None:
    """A purchase .3 days after the last day seen, 31 July, falls on 1 August; one 1.2 days after it on 2 August."""
    scores, summary = score_bucket(big_shop, StoredBundle(bundle, "v1"), AS_OF), purchase_summary(big_shop, AS_OF)
    waits = bundle.purchase_model.next_order_days(summary, horizon_days=180, quantiles=(0.1, 0.5, 0.9))
    names = {
        "next_order_date_early": "days_q10",
        "expected_next_order_date": "days_q50",
        "next_order_date_late": "days_q90",
    }
    last_seen = AS_OF.date() - timedelta(days=1)
    for name, quantile in names.items():
        assert scores[name].to_list() == [last_seen + timedelta(days=math.ceil(days)) for days in waits[quantile]], name


def test_a_day_that_has_begun_counts_as_seen(big_shop: CustomerData, bundle: Bundle) -> None:
    stored = StoredBundle(bundle, "v1")
    noon, night = datetime(2025, 8, 1, 12), datetime(2025, 8, 2)
    quiet = CustomerData.from_orders(
        big_shop.orders.filter(~pl.col("ordered_at").is_between(noon, night, closed="left")).collect()
    )
    at_noon, at_night = (score_bucket(quiet, stored, as_of) for as_of in (noon, night))
    assert at_noon.drop("as_of").equals(at_night.drop("as_of"))
    assert at_noon["as_of"].unique().to_list() == [noon]
    assert forecast_bucket(quiet, bundle, noon).equals(forecast_bucket(quiet, bundle, night))


@pytest.fixture(scope="module", params=[0.0, 1.0], ids=["at random times", "regular"])
def known(request: pytest.FixtureRequest) -> pl.DataFrame:
    """Scores of a shop in which the models' assumptions hold, beside what its customers then did."""
    data, _ = simulate(
        customers=12_000, seed=3, start="2023-01-01", one_time_share=0, regular_share=request.param,
        season_strength=0, weekday_weights=[1] * 7, refund_share=0,
    )  # fmt: skip
    bundle = PurchaseRecipe().fit(data, datetime(2025, 7, 1), Horizons(180, 90, 30))
    scores = score_bucket(data, StoredBundle(bundle, "v1"), "2025-07-01")
    for days in (30, 90, 180):
        happened = (
            outcomes(data, "2025-07-01", days)
            .collect()
            .select("customer_id", pl.exclude("customer_id").name.suffix(f"_{days}"))
        )
        scores = scores.join(happened, on="customer_id", how="left")
    return scores.with_columns(pl.selectors.matches("in_window").fill_null(0))


def test_scores_are_true_of_a_known_shop(known: pl.DataFrame) -> None:
    errors = known.select(
        (pl.col("orders_in_window_30") > 0) - pl.col("p_order_30d"),
        (pl.col("orders_in_window_90") == 0) - pl.col("churn_risk_90d"),
        pl.col("orders_in_window_180") - pl.col("predicted_orders_180d"),
        pl.col("spend_in_window_180") - pl.col("predicted_clv_180d"),
        # where the quantile is above 0, one in ten spends more
        pl.when(pl.col("predicted_clv_180d_high") > 0).then(
            (pl.col("spend_in_window_180") > pl.col("predicted_clv_180d_high")) - pl.lit(0.1)
        ).alias("high"),
        pl.when(pl.col("predicted_clv_180d_low") > 0).then(
            (pl.col("spend_in_window_180") < pl.col("predicted_clv_180d_low")) - pl.lit(0.1)
        ).alias("low"),
    )  # fmt: skip
    for column in errors.get_columns():
        error = column.drop_nulls().to_numpy()
        # 4 standard errors of the sample: one false alarm in 16,000, and the seed is fixed
        assert abs(error.mean()) < 4 * error.std() / math.sqrt(error.size), column.name


def test_dates_are_true_of_a_known_shop(known: pl.DataFrame) -> None:
    """The share that came by the date lies between those of the day before and the day itself."""
    bought = known.filter(pl.col("days_to_next_order_180").is_not_null())
    came = pl.lit(datetime(2025, 6, 30).date()) + pl.duration(days=pl.col("days_to_next_order_180"))
    shares = {"next_order_date_early": 0.1, "expected_next_order_date": 0.5, "next_order_date_late": 0.9}
    for name, share in shares.items():
        before, by = bought.select((came < pl.col(name)).mean(), (came <= pl.col(name)).mean().alias("by")).row(0)
        slack = 4 * math.sqrt(share * (1 - share) / bought.height)
        assert before - slack <= share <= by + slack, name
