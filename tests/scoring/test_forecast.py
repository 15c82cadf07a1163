"""Weekly forecasts of the shop: buckets add up, the level is applied once, intervals are those of the total."""

from datetime import date, datetime

import numpy as np
import polars as pl
import pytest

from foretell.bundles.bundle import Bundle
from foretell.features.summary import purchase_summary
from foretell.models.event_days import EventDays
from foretell.models.level import Level
from foretell.scoring.forecast import forecast_bucket, forecast_total, forecast_weeks, purchase_model_weeks
from foretell.tables.buckets import bucket_of
from foretell.tables.dataset import CustomerData

AS_OF = datetime(2025, 8, 1)
LEVEL = Level(
    reason="",
    windows=9,
    expected=tuple(0.97**week for week in range(30)),
    by_lead=(-0.2,) * 30,
    season_starts_on="2025-07-01",
    season=tuple(0.3 if 22 <= week < 26 else 0.0 for week in range(52)),
    season_weeks_seen=30,
    events=EventDays(),
    value=0.1,
    error_days=(7, 28, 182),
    sd_orders=(0.2, 0.1, 0.15),
    sd_spend=(0.3, 0.15, 0.25),
)


@pytest.fixture(scope="module")
def totals(big_shop: CustomerData, bundle: Bundle) -> pl.DataFrame:
    return forecast_bucket(big_shop, bundle, AS_OF)


@pytest.fixture(scope="module")
def weekly(totals: pl.DataFrame) -> pl.DataFrame:
    return purchase_model_weeks(totals, AS_OF)


def of_bucket(data: CustomerData, bucket: int) -> CustomerData:
    rows = data.orders.collect()
    chosen = pl.Series(bucket_of(rows["customer_id"], 3) == bucket)
    return CustomerData.from_orders(rows.filter(chosen), observed_until=data.observed_until)


def test_buckets_give_the_forecast_of_the_whole(big_shop: CustomerData, bundle: Bundle, totals: pl.DataFrame) -> None:
    buckets = pl.concat([forecast_bucket(of_bucket(big_shop, bucket), bundle, AS_OF) for bucket in range(3)])
    # Customers are rounded to a grid before they are added: sums are exact in any order.
    assert forecast_weeks(buckets, LEVEL, AS_OF).equals(forecast_weeks(totals, LEVEL, AS_OF))


def test_spend_is_orders_times_order_values(big_shop: CustomerData, bundle: Bundle, weekly: pl.DataFrame) -> None:
    summary = purchase_summary(big_shop, AS_OF)
    value = bundle.spend_model.expected_order_value(summary)["expected_order_value"]
    expected = bundle.purchase_model.expected_orders(summary, 180)["expected_orders"]
    assert weekly["expected_spend"].sum() == pytest.approx((expected * value).sum(), rel=1e-9)


def test_totals_are_those_of_the_level(weekly: pl.DataFrame, totals: pl.DataFrame) -> None:
    weeks, total = (forecast(totals, LEVEL, AS_OF) for forecast in (forecast_weeks, forecast_total))
    factor = np.exp(LEVEL.log_orders(AS_OF, 180))
    assert total["expected_orders"][0] == pytest.approx(weekly["expected_orders"].sum() * factor, rel=1e-9)
    assert weeks["expected_orders"].sum() == pytest.approx(total["expected_orders"][0], rel=1e-9)
    assert weeks["expected_spend"].sum() == pytest.approx(total["expected_spend"][0], rel=1e-9)
    assert total.row(0)[:2] == (date(2025, 8, 1), 180)


def test_a_busy_season_stands_out(weekly: pl.DataFrame, totals: pl.DataFrame) -> None:
    ratio = (forecast_weeks(totals, LEVEL, AS_OF)["expected_orders"] / weekly["expected_orders"]).to_numpy()
    # Weeks 22 to 25 of the season begin on 2 December: 123 days after 1 August, in the 18th week.
    assert ratio[19] / ratio[10] == pytest.approx(np.exp(0.3), rel=1e-9)


def test_spend_carries_the_value_factor(weekly: pl.DataFrame, totals: pl.DataFrame) -> None:
    weeks = forecast_weeks(totals, LEVEL, AS_OF)
    spend = (weeks["expected_spend"] / weekly["expected_spend"]).to_numpy()
    orders = (weeks["expected_orders"] / weekly["expected_orders"]).to_numpy()
    np.testing.assert_allclose(spend / orders, np.exp(0.1), rtol=1e-9)


def test_intervals_are_80_percent_of_the_total_error(totals: pl.DataFrame) -> None:
    total = forecast_total(totals, LEVEL, AS_OF)
    orders, _ = LEVEL.total_error(180)
    # 1.2816: 90 % quantile of the normal distribution.
    assert np.log(total["expected_orders_high"][0] / total["expected_orders"][0]) == pytest.approx(
        1.2816 * orders, rel=1e-4
    )
    weeks = forecast_weeks(totals, LEVEL, AS_OF)
    width = np.log(weeks["expected_orders_high"] / weeks["expected_orders_low"]).to_numpy() / 2 / 1.2816
    assert width[0] == pytest.approx(0.2, rel=1e-4)
    assert width[-1] == pytest.approx(np.sqrt(0.2**2 + LEVEL.total_error(180)[0] ** 2 - 0.1**2), rel=1e-4)
    assert total["expected_orders_low"][0] > weeks["expected_orders_low"].sum()
    assert total["expected_orders_high"][0] < weeks["expected_orders_high"].sum()


def test_without_a_level_the_purchase_model_stands_and_intervals_are_wide(
    weekly: pl.DataFrame, totals: pl.DataFrame
) -> None:
    weeks = forecast_weeks(totals, None, AS_OF)
    np.testing.assert_allclose(weeks["expected_orders"], weekly["expected_orders"], rtol=1e-12)
    plain, known = (forecast_total(totals, level, AS_OF) for level in (None, LEVEL))
    assert (plain["expected_spend_high"] / plain["expected_spend"])[0] > (
        known["expected_spend_high"] / known["expected_spend"]
    )[0]


def test_without_money_spend_is_null(totals: pl.DataFrame) -> None:
    counts = totals.with_columns(spend_steps=pl.lit(None, pl.Int64))
    for frame in (forecast_weeks(counts, LEVEL, AS_OF), forecast_total(counts, LEVEL, AS_OF)):
        assert (
            frame.select("expected_spend", "expected_spend_low", "expected_spend_high").null_count().row(0)
            == (frame.height,) * 3
        )
        assert frame["expected_orders_high"].null_count() == 0
