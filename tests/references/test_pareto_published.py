"""Published parameters, log-likelihoods and predictions of the Pareto/NBD, reproduced digit by digit, in weeks.

Sources: Fader, Hardie, Lee (2005), "RFM and CLV", JMR 42(4), and Marketing Science 24(2) (CDNOW sample: .553 10.578
.606 11.669, LL -9595.0); CLVTools 0.12.1, ``test_correctness_pnbd.R`` (.55315 10.57633 .60625 11.67150). Figures
without a publication were computed independently of this package, with 40-digit integration where they are likelihoods.
"""

import math
import os
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from foretell.models import pareto_future, pareto_kernel
from foretell.models.discounting import discounted_expected_orders
from foretell.models.pareto_kernel import ParetoNBDParameters
from foretell.models.pareto_nbd import ParetoNBD
from models.oracles.pareto_oracle import summary_of
from models.oracles.weekly import orders_between, weekly_summary

CDNOW = ParetoNBDParameters(0.553, 10.578, 0.606, 11.669)
X, T_X, T = np.array([2.0, 0.0, 10.0]), np.array([30.43, 0.0, 38.0]), np.array([38.86, 39.0, 39.0])
# Half a unit of the sixth decimal that is printed.
SIX = 5.1e-7


@pytest.fixture(scope="module")
def cdnow_weeks(cdnow_sample):
    orders = cdnow_sample.orders.select("customer_id", pl.col("ordered_at").dt.date().alias("date")).collect()
    return orders, weekly_summary(orders, end=date(1997, 9, 30))


@pytest.fixture(scope="module")
def grocery_weeks():
    folder = os.environ.get("FORETELL_DATA")
    if not folder or not (Path(folder) / "btydplus_grocery_elog.parquet").exists():
        pytest.skip("needs btydplus_grocery_elog.parquet in the folder named by FORETELL_DATA")
    orders = pl.read_parquet(Path(folder) / "btydplus_grocery_elog.parquet")
    return orders, weekly_summary(orders, end=date(2006, 12, 31))


def of(p, frame):
    """Return a fitted model that has these parameters."""
    model = ParetoNBD().fit(frame)
    model.params_ = p
    return model


def vector(*values):
    return np.array(values, dtype=np.float64)


def holdout(model, weeks, end, length):
    orders, summary = weeks
    actual = orders_between(orders, summary, after=end, until=end + timedelta(weeks=length)).to_numpy()
    predicted = model.expected_orders(summary, length)["expected_orders"].to_numpy()
    error = predicted - actual
    return np.abs(error).mean(), math.sqrt((error**2).mean()), predicted.sum() / actual.sum() - 1


def test_cdnow_sample(cdnow_weeks):
    model = ParetoNBD().fit(cdnow_weeks[1])
    p = model.params_
    assert (round(p.r, 3), round(p.alpha, 3), round(p.s, 3), round(p.beta, 3)) == (0.553, 10.578, 0.606, 11.669)
    # the s-beta ridge is flat: an independent fit printed .55328 10.57768 .60624 11.66873
    assert (p.r, p.alpha, p.s, p.beta) == pytest.approx((0.55328, 10.57768, 0.60624, 11.66873), rel=5e-5)
    assert model.log_likelihood_ == pytest.approx(-9594.97618, abs=1e-5)
    assert model.fit_report_.converged
    assert model.fit_report_.agreeing == 3
    assert model.p_alive(cdnow_weeks[1])["p_alive"].mean() == pytest.approx(0.446, abs=5e-4)


def test_cdnow_sample_holdout(cdnow_weeks):
    model = ParetoNBD().fit(cdnow_weeks[1])
    mae, rmse, bias = holdout(model, cdnow_weeks, date(1997, 9, 30), 39)
    assert (mae, rmse) == pytest.approx((0.7545, 1.6028), abs=6e-5)
    assert bias == pytest.approx(-0.115, abs=6e-4)


def test_grocery(grocery_weeks):
    model = ParetoNBD().fit(grocery_weeks[1])
    p = model.params_
    assert (p.r, p.alpha, p.s, p.beta) == pytest.approx((0.78644, 5.67904, 0.38624, 5.71779), rel=2e-5)
    assert model.log_likelihood_ == pytest.approx(-15782.392, abs=6e-4)
    mae, rmse, bias = holdout(model, grocery_weeks, date(2006, 12, 31), 52)
    assert (mae, rmse) == pytest.approx((1.508, 3.194), abs=6e-4)
    assert bias == pytest.approx(0.178, abs=6e-4)


def test_micro_fixtures():
    alive = pareto_kernel.p_alive(CDNOW, X, T_X, T)
    assert pareto_kernel.log_likelihood(CDNOW, X, T_X, T) == pytest.approx([-9.554283, -0.521507, -27.178115], abs=SIX)
    assert alive == pytest.approx([0.869168, 0.294467, 0.986620], abs=SIX)
    expected = {26.0: (1.022846, 0.074873, 4.787286), 52.0: (1.850827, 0.135506, 8.664108)}
    for horizon, values in expected.items():
        found = alive * pareto_future.expected_orders_alive(CDNOW, X, T, horizon)
        assert found == pytest.approx(values, abs=SIX)
    chances = {
        4.0: (0.153136, 0.012089, 0.540742),
        18.0: (0.439707, 0.042450, 0.904486),
        1e9: (0.704658, 0.141359, 0.934045),
    }
    for horizon, values in chances.items():
        assert alive * pareto_future.p_order_alive(CDNOW, X, T, vector(horizon)) == pytest.approx(values, abs=SIX)
    medians = pareto_future.next_order_time(CDNOW, X, T, horizon=18.0, quantile=0.5)
    assert medians == pytest.approx([6.2327, 7.5174, 3.0334], abs=6e-5)
    assert pareto_future.expected_orders_new(CDNOW, vector(52.0))[0] == pytest.approx(1.472997, abs=SIX)


def test_discounted_micro_fixtures():
    alive = pareto_kernel.p_alive(CDNOW, X, T_X, T)
    # the printed rate .0027 is per week; the function takes an annual one and days
    annual = math.expm1(0.0027 * 365.25)
    found = discounted_expected_orders(
        lambda time: alive * pareto_future.expected_orders_alive(CDNOW, X, T, time), 52.0, annual
    )
    assert found == pytest.approx([1.735372, 0.127052, 8.123563], abs=SIX)


def test_discounted_expected_residual_transactions():
    p = ParetoNBDParameters(0.55327, 10.57762, 0.60622, 11.66875)
    x, t_x, T_ = vector(0, 7, 20), vector(0, 35, 38), vector(39, 39, 38.86)
    delta = math.log(1.15) / 52
    alive = pareto_kernel.p_alive(p, x, t_x, T_)
    forever = alive * pareto_future.discounted_orders_forever(p, x, T_, delta)
    assert forever == pytest.approx([0.476106, 20.610841, 59.455465], abs=SIX)
    year = discounted_expected_orders(
        lambda time: alive * pareto_future.expected_orders_alive(p, x, T_, time), 52.0, math.expm1(delta * 365.25)
    )
    assert year == pytest.approx([0.127065, 5.500691, 15.877244], abs=SIX)


def test_heavy_buyers_that_overflow_elsewhere():
    p = ParetoNBDParameters(0.5143, 2.8845, 0.2856, 14.1087)
    x = vector(221, 254, 161, 204, 1000)
    t_x = vector(103.42857, 97.14286, 94.71429, 98.57143, 100)
    T_ = vector(103.57143, 97.28571, 98, 99.42857, 100.5)
    alive = pareto_kernel.p_alive(p, x, t_x, T_)
    assert alive == pytest.approx([0.999596, 0.999558, 0.749488, 0.994255, 0.968360], abs=SIX)
    orders = alive * pareto_future.expected_orders_alive(p, x, T_, 26.0)
    # times are printed to five decimals; their rounding moves these by less than 1e-6 of their value
    assert orders == pytest.approx([52.516656, 64.025867, 30.255485, 50.130174, 236.443940], rel=1e-6)


def test_s_of_one_that_divides_by_zero_elsewhere():
    p = ParetoNBDParameters(0.55, 10.0, 1.0, 11.0)
    x, t_x, T_ = vector(2), vector(30), vector(40)
    found = pareto_kernel.p_alive(p, x, t_x, T_) * pareto_future.expected_orders_alive(p, x, T_, 39.0)
    assert found[0] == pytest.approx(1.109209, abs=SIX)
    assert pareto_future.expected_orders_new(p, vector(39.0))[0] == pytest.approx(0.916047, abs=SIX)


def test_drop_out_at_its_boundary_that_is_nan_elsewhere():
    # lifetimes' own fit of the apparel data, 40 weeks, whose total likelihood and predictions are NaN there
    p = ParetoNBDParameters(1.308, 47.366, 110.697, 13388.898)
    x, t_x, T_ = vector(2), vector(30), vector(40)
    alive = pareto_kernel.p_alive(p, x, t_x, T_)
    assert alive[0] == pytest.approx(0.904425, abs=SIX)
    found = alive * pareto_future.expected_orders_alive(p, x, T_, 39.0)
    assert found[0] == pytest.approx(1.142304, abs=SIX)
    rng = np.random.default_rng(1)
    many = rng.poisson(3.0, 2000).astype(float)
    last = np.where(many > 0, rng.uniform(1.0, 40.0, 2000), 0.0)
    assert np.isfinite(pareto_kernel.log_likelihood(p, many, last, np.full(2000, 40.0))).all()


def test_the_estimator_answers_as_the_formulas_do():
    frame = summary_of(X, T_X, T)
    model = of(CDNOW, frame)
    assert model.p_alive(frame)["p_alive"].to_list() == pytest.approx([0.869168, 0.294467, 0.986620], abs=SIX)
    assert model.p_order(frame, 18)["p_order"].to_list() == pytest.approx([0.439707, 0.042450, 0.904486], abs=SIX)
    assert model.next_order_days(frame, horizon_days=18)["days_q50"].to_list() == pytest.approx(
        [6.2327, 7.5174, 3.0334], abs=6e-5
    )
    assert model.new_customer_orders(52) == pytest.approx(1.472997, abs=SIX)
    law = model.order_count_law(frame, 52, 2000)["p_at_least"].to_numpy()
    assert law.sum(axis=1) == pytest.approx([1.850827, 0.135506, 8.664108], abs=SIX)
