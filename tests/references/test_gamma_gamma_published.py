"""Published parameters, log-likelihoods and predictions of the gamma-gamma model.

Sources: Fader, Hardie (2013), "The gamma-gamma model of monetary value", and CLVTools 0.12.1,
``test_correctness_gg.R`` (CDNOW sample, 946 repeaters: 6.2496 3.7442 15.4435). Figures without a publication were
computed independently of this package.
"""

from datetime import date, datetime

import numpy as np
import polars as pl
import pytest

from foretell.features.summary import purchase_summary
from foretell.models.gamma_gamma import GammaGamma
from foretell.models.gamma_gamma_kernel import GammaGammaParameters, expected_value

FOUR_DECIMALS = 0.6e-4


@pytest.fixture(scope="module")
def all_orders(cdnow_sample):
    return purchase_summary(cdnow_sample, datetime(1997, 10, 1))


@pytest.fixture(scope="module")
def repeat_orders(cdnow_sample):
    """Repeat orders only, as the literature fits: their number and mean, zero orders included in neither."""
    day = pl.col("ordered_at").dt.date().alias("day")
    days = (
        cdnow_sample.orders.select("customer_id", day, "amount_minor")
        .filter(pl.col("day") <= date(1997, 9, 30))
        .group_by("customer_id", "day")
        .agg(pl.col("amount_minor").sum())
        .filter(pl.col("day") > pl.col("day").min().over("customer_id"))
        .group_by("customer_id")
        .agg(pl.len().alias("orders_with_value"), (pl.col("amount_minor").mean() / 10_000).alias("mean_order_value"))
    )
    return days.sort("customer_id").collect()


def test_repeat_orders_of_the_cdnow_sample(repeat_orders):
    assert repeat_orders.height == 946
    model = GammaGamma().fit(repeat_orders)
    p = model.params_
    assert (p.p, p.q, p.v) == pytest.approx((6.2496, 3.7442, 15.4435), rel=1e-4)
    assert model.log_likelihood_ == pytest.approx(-4055.9177, abs=FOUR_DECIMALS)
    assert model.population_mean_ == pytest.approx(35.170, abs=6e-4)
    assert model.fit_report_.value_count_correlation == pytest.approx(0.114, abs=6e-4)
    assert model.fit_report_.converged
    assert model.fit_report_.fallback == ""


def test_all_orders_of_the_cdnow_sample(all_orders):
    model = GammaGamma().fit(all_orders)
    p = model.params_
    assert (p.p, p.q, p.v) == pytest.approx((9.8813, 3.3988, 7.9286), abs=FOUR_DECIMALS)
    assert model.log_likelihood_ == pytest.approx(-9898.451, abs=6e-4)
    assert model.population_mean_ == pytest.approx(32.660, abs=6e-4)
    report = model.fit_report_
    assert (report.customers, report.customers_without_value) == (2349, 8)
    assert report.value_count_correlation == pytest.approx(0.098, abs=6e-4)
    assert model.expected_order_value(all_orders)["expected_order_value"].min() > 0


def test_expected_values():
    parameters = GammaGammaParameters(6.25, 3.744, 15.444)
    mean = parameters.p * parameters.v / (parameters.q - 1)
    x, z = np.array([0.0, 1.0, 5.0, 5.0]), np.array([0.0, 20.0, 20.0, 80.0])
    found = expected_value(parameters, mean, x, z)
    assert found == pytest.approx([35.176749, 24.630309, 21.225069, 76.381862], abs=5.1e-7)


def test_one_time_buyers_are_not_given_the_mean_of_those_who_came_back(all_orders):
    values = GammaGamma().fit(all_orders).expected_order_value(all_orders)["expected_order_value"]
    once = all_orders["repeat_orders"] == 0
    assert values.filter(once).mean() < values.filter(~once).mean()
    assert values.filter(once).n_unique() > 100
