"""A population says of its customers what their summary says, and fits of either are the same."""

from datetime import datetime

import numpy as np
import polars as pl
import pytest

from foretell.evaluation.drift import Distribution
from foretell.features.summary import purchase_summary
from foretell.models import population as room
from foretell.models.gamma_gamma import GammaGamma
from foretell.models.population import Population
from foretell.training.purchase_recipe import typical_customer
from foretell.training.requirements import capabilities
from foretell.windows import Horizons

AS_OF = datetime(2025, 8, 1)


@pytest.fixture(scope="module")
def summary(big_shop) -> pl.DataFrame:
    return purchase_summary(big_shop, AS_OF)


def test_counts_and_days_are_those_of_the_summary(summary) -> None:
    customers = Population.of(summary)
    assert customers.customers == summary.height
    assert customers.paying == summary.filter(pl.col("orders_with_value") > 0).height
    assert customers.newest_wait_days == summary["days_since_last_order"].min()
    assert customers.history_days == (AS_OF.date() - summary["first_purchase_date"].min()).days
    assert customers.sum_log_gaps == pytest.approx(summary["sum_log_gaps_days"].sum(), rel=1e-14)
    found = {item.measure: item.observed for item in capabilities(customers, clv_days=30, churn_days=20)}
    assert found["customers with a second order"] == summary.filter(pl.col("orders") >= 2).height
    assert found["customers with 3 orders"] == summary.filter(pl.col("orders") >= 3).height


def test_the_typical_customer_is_the_median_of_all(summary, bundle) -> None:
    model, spend = bundle.purchase_model, bundle.spend_model
    typical = typical_customer(Population.of(summary), model, spend, Horizons(90, 60, 30))
    assert typical.p_alive == float(np.median(model.p_alive(summary)["p_alive"].to_numpy()))
    worth = spend.expected_order_value(summary)["expected_order_value"].to_numpy()
    assert typical.order_value == float(np.median(worth))
    assert typical.days_between_orders == summary["avg_days_between_orders"].median()


def test_nobody_and_nobody_with_money(summary) -> None:
    nobody = Population.of(summary.clear())
    assert (nobody.customers, nobody.history_days, nobody.newest_wait_days) == (0, 0, float("inf"))
    unpaid = summary.with_columns(
        pl.lit(None, pl.Float64).alias("historic_spend"), pl.lit(None, pl.Float64).alias("mean_order_value")
    )
    assert Population.of(unpaid).values is None


def test_order_values_of_very_many_customers_are_those_of_a_sample(summary, monkeypatch) -> None:
    whole = Population.of(summary)
    monkeypatch.setattr(room, "MOST_VALUED", summary.height // 2)
    half = Population.of(summary)
    assert half.values is not None
    assert abs(half.values.customers.sum() - summary.height / 2) < 3 * summary.height**0.5
    assert half.customers == whole.customers
    assert half.paying == whole.paying
    # A mean of half the customers varies by about its standard error.
    values = summary["mean_order_value"].drop_nulls()
    error = float(values.std()) / (summary.height / 2) ** 0.5
    wanted, found = (GammaGamma(min_customers=10**9).fit(each).population_mean_ for each in (whole, half))
    assert found != wanted
    assert found == pytest.approx(wanted, abs=3 * error)


def test_a_distribution_of_counted_values_is_that_of_the_values_written_out() -> None:
    rng = np.random.default_rng(0)
    values = pl.Series([None, *np.round(rng.gamma(2, 3, 200), 1)], dtype=pl.Float64)
    counts = rng.integers(1, 20, 201)
    written = pl.Series(np.repeat(values.to_numpy(), counts), nan_to_null=True)
    assert Distribution.of(values, counts) == Distribution.of(written)
    assert Distribution.of(written).nulls == counts[0]
