"""Scores: every column coherent, a function of the customer's own past and the bundle."""

import math
from datetime import date, datetime, timedelta
from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from foretell.bundles.bundle import Bundle
from foretell.bundles.files import StoredBundle
from foretell.engines.frame import score_frame
from foretell.errors import WindowError
from foretell.features.summary import purchase_summary
from foretell.scoring.forecast import forecast_bucket, purchase_model_weeks
from foretell.scoring.ranks import add_percentiles, percentile
from foretell.scoring.reasons import explain_bucket, factors
from foretell.scoring.schema import PREDICTION_STATUSES, score_columns, score_schema
from foretell.scoring.score import score_bucket
from foretell.tables.dataset import CustomerData
from foretell.windows import Horizons

AS_OF = datetime(2025, 8, 1)


@pytest.fixture(scope="module")
def stored(bundle: Bundle) -> StoredBundle:
    return StoredBundle(bundle, "v1")


@pytest.fixture(scope="module")
def scores(big_shop: CustomerData, stored: StoredBundle) -> pl.DataFrame:
    return score_frame(big_shop, stored, AS_OF).scores


def test_the_columns_are_those_declared(scores: pl.DataFrame, bundle: Bundle) -> None:
    assert dict(scores.schema) == score_schema(bundle.horizons)
    for column in score_columns(bundle.horizons):
        assert column.nullable or scores[column.name].null_count() == 0, column.name
    assert scores["customer_id"].is_sorted()
    assert scores["customer_id"].is_unique().all()
    assert set(scores["prediction_status"]) <= set(PREDICTION_STATUSES)


def test_every_customer_with_a_purchase_before_is_scored(scores: pl.DataFrame, big_shop: CustomerData) -> None:
    assert scores["customer_id"].to_list() == purchase_summary(big_shop, AS_OF)["customer_id"].to_list()


def test_the_columns_agree_with_one_another(scores: pl.DataFrame) -> None:
    orders, clv = pl.col("predicted_orders_180d"), pl.col("predicted_clv_180d")
    rules = {
        "p_order_30d <= 1 - churn": pl.col("p_order_30d") <= 1 - pl.col("churn_risk_90d") + 1e-12,
        "orders >= P(purchase in 90 days)": orders >= 1 - pl.col("churn_risk_90d") - 1e-12,
        "probabilities": pl.all_horizontal(pl.col("p_alive", "churn_risk_90d", "p_order_30d").is_between(0, 1)),
        "a customer who is gone does not buy": pl.col("p_alive") >= 1 - pl.col("churn_risk_90d") - 1e-12,
        "money": pl.all_horizontal(pl.col("predicted_clv_180d", "predicted_clv_180d_low").is_between(0, 1e9)),
        "low <= high": pl.col("predicted_clv_180d_low") <= pl.col("predicted_clv_180d_high"),
        "total": (pl.col("total_clv") - pl.col("historic_clv") - clv).abs() < 1e-9,
        "early <= expected": pl.col("next_order_date_early") <= pl.col("expected_next_order_date"),
        "expected <= late": pl.col("expected_next_order_date") <= pl.col("next_order_date_late"),
        "dates in the horizon": pl.all_horizontal(
            pl.col("^.*order_date(_early|_late)?$").exclude("first_order_date", "last_order_date")
            .is_between(AS_OF.date(), AS_OF.date() + timedelta(days=179))
        ),
        "band": pl.col("churn_band") == pl.when(pl.col("churn_risk_90d") < 0.33).then(pl.lit("low"))
        .when(pl.col("churn_risk_90d") < 0.66).then(pl.lit("medium")).otherwise(pl.lit("high")),
        "waits": (pl.lit(AS_OF.date()) - pl.col("last_order_date")).dt.total_days() == pl.col("days_since_last_order"),
    }  # fmt: skip
    kept = scores.select(**{name: rule.all() for name, rule in rules.items()}).row(0, named=True)
    assert kept == dict.fromkeys(rules, True)


def test_splitting_the_customers_changes_nothing(
    big_shop: CustomerData, stored: StoredBundle, scores: pl.DataFrame
) -> None:
    ids = scores["customer_id"].to_list()
    parts = []
    for bucket in (ids[::3], ids[1::3], ids[2::3]):
        rows = big_shop.orders.filter(pl.col("customer_id").is_in(bucket)).collect()
        part = CustomerData.from_orders(rows, observed_until=big_shop.observed_until)
        parts.append(score_bucket(part, stored, AS_OF))
    joined = add_percentiles(pl.concat(parts).sort("customer_id"), stored.bundle.horizons)
    # 1e-9: the promise of the design for any number of buckets
    assert_frame_equal(joined.drop("^reason_.$"), scores.drop("^reason_.$"), abs_tol=1e-9, rel_tol=0)


def test_a_model_is_not_asked_about_a_past_that_it_has_seen_past(big_shop: CustomerData, stored: StoredBundle) -> None:
    with pytest.raises(WindowError, match="seen the future"):
        score_bucket(big_shop, stored, "2025-06-30")


def test_an_as_of_with_nobody_before_is_named(stored: StoredBundle, few_orders: CustomerData) -> None:
    rows = few_orders.orders.with_columns(pl.col("ordered_at").dt.offset_by("5y")).collect()
    with pytest.raises(WindowError, match=r"Nobody bought before.*first order"):
        score_frame(CustomerData.from_orders(rows), stored, "2026-01-01")


def test_without_money_the_money_columns_are_empty(big_shop: CustomerData, stored: StoredBundle) -> None:
    rows = big_shop.orders.filter(pl.col("amount_minor") >= 0).drop("amount_minor").collect()
    scored = score_frame(CustomerData.from_orders(rows), stored, AS_OF).scores
    assert scored.select("avg_order_value", "historic_clv", "predicted_clv_180d", "total_clv").null_count().row(0) == (
        (scored.height,) * 4
    )
    assert set(scored["prediction_status"]) == {"no_money"}
    assert scored["clv_percentile"].null_count() == 0
    assert scored["reason_3"].null_count() == scored.height
    assert scored["reason_2"].null_count() == 0


def test_discounting_lowers_value_and_nothing_else(
    big_shop: CustomerData, bundle: Bundle, scores: pl.DataFrame
) -> None:
    from dataclasses import replace

    discounted = score_bucket(big_shop, StoredBundle(replace(bundle, annual_discount_rate=0.5), "v1"), AS_OF)
    ratio = (discounted["predicted_clv_180d"] / scores["predicted_clv_180d"]).to_numpy()
    # half a year at 50 %: the last day counts for 1.5 ** -(180 / 365.25) = .819, the first for 1
    assert np.all((ratio > 0.819) & (ratio < 1))
    assert discounted["churn_risk_90d"].equals(scores["churn_risk_90d"])


def test_percentiles_rank_with_ties_in_the_middle() -> None:
    frame = pl.DataFrame(
        {"predicted_clv_180d": [1.0, 2.0, 2.0, 3.0], "predicted_orders_180d": [0.0] * 4, "churn_risk_90d": [0.5] * 4}
    )
    ranked = add_percentiles(frame, Horizons(180, 90, 30))
    assert ranked["clv_percentile"].to_list() == [25, 63, 63, 100]
    assert ranked["churn_percentile"].to_list() == [63] * 4


def test_the_factors_multiply_to_the_prediction(big_shop: CustomerData, bundle: Bundle, scores: pl.DataFrame) -> None:
    parts = factors(purchase_summary(big_shop, AS_OF), bundle)
    product = (parts["alive"] * parts["orders_if_alive"] * parts["value"]).to_numpy()
    np.testing.assert_allclose(product, scores["predicted_clv_180d"].to_numpy(), rtol=1e-9, atol=1e-12)


def test_reasons_tell_the_largest_distance_first_and_true_facts(
    big_shop: CustomerData, bundle: Bundle, scores: pl.DataFrame
) -> None:
    parts = factors(purchase_summary(big_shop, AS_OF), bundle)
    starts = {
        "alive": "Last order",
        "orders": ("One order", r"\d+ orders since"),
        "value": ("Average order", "No paid order"),
    }
    kinds = ("alive", "orders", "value")
    for row, told in zip(parts.to_dicts(), scores.to_dicts(), strict=True):
        sizes = {kind: abs(row[f"{kind}_distance"]) for kind in kinds}
        reasons = [told[f"reason_{i}"] for i in (1, 2, 3)]
        order = [next(kind for kind in kinds if begins(reason, starts[kind])) for reason in reasons]
        assert sorted(order) == sorted(kinds)
        assert sizes[order[0]] >= sizes[order[1]] - 1e-5
        assert sizes[order[1]] >= sizes[order[2]] - 1e-5
        assert f" {row['days_since_last_order']} day" in reasons[order.index("alive")]


def begins(text: str, patterns: str | tuple[str, ...]) -> bool:
    import re

    return any(re.match(pattern, text) for pattern in ((patterns,) if isinstance(patterns, str) else patterns))


def test_only_the_highest_are_explained_when_asked(big_shop: CustomerData, stored: StoredBundle) -> None:
    scored = score_frame(big_shop, stored, AS_OF, explained_customers=10).scores
    told = scored.filter(pl.col("reason_1").is_not_null())
    assert told.height == 10
    least = told["predicted_clv_180d"].min()
    assert scored.filter(pl.col("reason_1").is_null())["predicted_clv_180d"].max() <= least
    assert explain_bucket(big_shop, stored.bundle, [], AS_OF).is_empty()


def test_the_weekly_forecast_adds_up_to_the_customers(
    big_shop: CustomerData, bundle: Bundle, scores: pl.DataFrame
) -> None:
    weekly = purchase_model_weeks(forecast_bucket(big_shop, bundle, AS_OF), AS_OF)
    assert weekly["week_starts_on"][0] == date(2025, 8, 1)
    assert weekly["days"].sum() == 180
    assert weekly["expected_orders"].sum() == pytest.approx(scores["predicted_orders_180d"].sum(), rel=1e-9)
    # The interpolation against the exact difference in one week in the middle: 1e-3 is a tenth of an order here.
    model, summary = bundle.purchase_model, purchase_summary(big_shop, AS_OF)
    exact = [float(model.expected_orders(summary, days)["expected_orders"].sum()) for days in (70, 77)]
    assert weekly["expected_orders"][10] == pytest.approx(exact[1] - exact[0], rel=5e-3)


def test_the_columns_say_what_their_ranges_and_ranks_promise():
    meaning = {column.name: column.meaning for column in score_columns(Horizons())}
    assert meaning["predicted_clv_365d_low"].startswith("At most 1 in 10 such customers will spend less")
    assert meaning["predicted_clv_365d_high"].startswith("At most 1 in 10 such customers will spend more")
    assert "predicted_orders without money" in meaning["clv_percentile"]
    assert "90 % of the waits expected" in meaning["overdue"]


@pytest.mark.parametrize("customers", [100, 300, 1_200, 3_500])
def test_percentiles_are_exact_where_a_rank_is_a_whole_percent(customers: int) -> None:
    ranks = percentile(pl.Series([float(number) for number in range(customers)])).to_list()
    assert ranks == [-(-100 * (number + 1) // customers) for number in range(customers)]


@given(
    st.lists(
        st.one_of(st.none(), st.integers(-3, 3).map(float), st.integers(-999, 999).map(lambda n: n / 8)), max_size=250
    )
)
def test_percentiles_are_mean_ranks_one_by_one(values: list[float | None]) -> None:
    rounded = [None if value is None else round(value, 9) for value in values]
    there = [value for value in rounded if value is not None]
    expected = []
    for value in rounded:
        smaller, equal = sum(other < value for other in there if value is not None), there.count(value)
        mean_rank = Fraction(2 * smaller + equal + 1, 2)
        expected.append(None if value is None else max(math.ceil(100 * mean_rank / len(there)), 1))
    assert percentile(pl.Series(values, dtype=pl.Float64)).to_list() == expected
