"""The Pareto/NBD estimator: frames in, keyed frames out, fits that say how they went."""

import json
import pickle
from dataclasses import astuple, replace

import numpy as np
import polars as pl
import pytest
from sklearn.base import clone

from foretell.errors import BundleError, ColumnMismatch, ConvergenceWarning, DataError, FitError, NotFitted
from foretell.models import pareto_fit, pareto_future, pareto_kernel
from foretell.models.pareto_kernel import ParetoNBDParameters
from foretell.models.pareto_nbd import ParetoNBD
from models.oracles.pareto_oracle import simulate, summary_of

TRUTH = ParetoNBDParameters(0.553, 74.0, 0.606, 82.0)


@pytest.fixture(scope="module")
def drawn():
    return simulate(TRUTH, customers=20_000, observed=(190.0, 450.0), future=180.0, seed=8)


@pytest.fixture(scope="module")
def summary(drawn):
    # whole days, last orders rounded up: a repeat order is at least a day after the first
    return summary_of(drawn["x"], np.minimum(np.ceil(drawn["t_x"]), np.floor(drawn["T"])), np.floor(drawn["T"]))


@pytest.fixture(scope="module")
def small(summary):
    return summary.head(1500)


@pytest.fixture(scope="module")
def model(small):
    return ParetoNBD().fit(small)


def with_params(*values):
    state = {
        "kind": "pareto_nbd",
        "params": dict(zip(("r", "alpha", "s", "beta"), values, strict=True)),
        "log_likelihood": -1.0,
        "fit_report": {
            "converged": True,
            "starts": 1,
            "agreeing": 1,
            "evaluations": 1,
            "gradient_norm": 0.0,
            "at_boundary": False,
            "rows": 1,
            "customers": 1,
            "message": "",
        },
    }
    return ParetoNBD.from_dict(state)


def every_prediction(model, frame):
    return [
        model.p_alive(frame),
        model.p_wait_longer(frame),
        model.p_order(frame, 30),
        model.expected_orders(frame, 365),
        model.discounted_orders(frame, 365, 0.1),
        model.order_count_law(frame, 365, 8),
        model.next_order_days(frame, horizon_days=365),
    ]


def test_fit_finds_the_parameters_that_customers_were_drawn_with(drawn):
    exact = summary_of(drawn["x"], drawn["t_x"], drawn["T"])
    model = ParetoNBD().fit(exact)
    found, true = np.log(astuple(model.params_)), np.log(astuple(TRUTH))
    # published standard errors at 2,357 customers (CLVTools) are 9, 8, 31 and 53 %; here a third of that, four of them
    assert (np.abs(found - true) < 4 * np.array([0.09, 0.08, 0.31, 0.53]) * np.sqrt(2357 / 20_000)).all()
    at_truth = pareto_kernel.log_likelihood(TRUTH, drawn["x"].astype(float), drawn["t_x"], drawn["T"]).sum()
    # twice the gain over the truth is chi-square with 4 degrees of freedom: above 20 once in 2,000 draws
    assert 0 < model.log_likelihood_ - at_truth < 10
    assert model.fit_report_.converged
    assert not model.fit_report_.at_boundary
    assert model.fit_report_.customers == 20_000


def test_every_start_finds_the_same_optimum(model):
    assert model.fit_report_.agreeing == model.fit_report_.starts == 3


def test_coarse_times_first_does_not_move_the_optimum(small, model, monkeypatch):
    monkeypatch.setattr(pareto_fit, "_COARSE_ABOVE", 100)
    warm = ParetoNBD().fit(small)
    # the gradient of the mean log-likelihood is below 1e-7 at both: parameters agree to its flatness
    assert astuple(warm.params_) == pytest.approx(astuple(model.params_), rel=1e-4)
    assert warm.log_likelihood_ == pytest.approx(model.log_likelihood_, abs=1e-6)


def test_weeks_instead_of_days_change_the_unit_only(small, model):
    columns = ["days_first_to_last_order", "days_observed"]
    weeks = ParetoNBD().fit(small.with_columns(pl.col(columns) / 7))
    p = model.params_
    assert astuple(weeks.params_) == pytest.approx((p.r, p.alpha / 7, p.s, p.beta / 7), rel=1e-4)
    shift = small["repeat_orders"].sum() * np.log(7)
    assert weeks.log_likelihood_ == pytest.approx(model.log_likelihood_ + shift, abs=1e-6)


def test_order_of_rows_and_other_columns_have_no_influence(small, model):
    shuffled = small.sample(fraction=1.0, shuffle=True, seed=4).with_columns(pl.lit("x").alias("colour"))
    again = ParetoNBD().fit(shuffled)
    assert again.params_ == model.params_
    assert again.log_likelihood_ == model.log_likelihood_


def test_log_likelihood_is_the_sum_over_customers(small, model):
    x, t_x, T = (small[name].to_numpy().astype(float) for name in small.columns[1:])
    assert model.log_likelihood_ == pytest.approx(
        pareto_kernel.log_likelihood(model.params_, x, t_x, T).sum(), rel=1e-13
    )


def test_one_rate_of_dropping_out_for_all_is_flagged_and_predicts():
    same = ParetoNBDParameters(1.3, 50.0, 1e6, 2e8)
    drawn = simulate(same, customers=3000, observed=(150.0, 400.0), future=1.0, seed=2)
    frame = summary_of(drawn["x"], drawn["t_x"], drawn["T"])
    model = ParetoNBD().fit(frame)
    assert model.fit_report_.at_boundary
    assert model.params_.s / model.params_.beta == pytest.approx(1 / 200, rel=0.1)
    for prediction in every_prediction(model, frame):
        for column in prediction.drop("customer_id"):
            assert column.null_count() == 0
            assert np.isfinite(column.to_numpy()).all()


def test_a_shape_beyond_what_data_can_tell_is_flagged(small, model, monkeypatch):
    assert not model.fit_report_.at_boundary
    monkeypatch.setattr(pareto_fit, "_RIDGE", max(model.params_.r, model.params_.s) * 0.99)
    assert ParetoNBD().fit(small).fit_report_.at_boundary


def test_nobody_lost_is_flagged_and_predicts():
    rng = np.random.default_rng(6)
    T = np.full(400, 300.0)
    x = rng.poisson(rng.gamma(8.0, 1 / 100.0, 400) * T) + 3
    frame = summary_of(x, T - rng.uniform(0.0, 3.0, 400), T)
    model = ParetoNBD().fit(frame)
    assert model.fit_report_.at_boundary
    assert model.p_alive(frame)["p_alive"].min() > 0.99


def test_a_fit_that_does_not_converge_warns(small, monkeypatch):
    search = pareto_fit.maximise_likelihood

    def stopped(*args, **kwargs):
        return replace(search(*args, **kwargs), converged=False, message="stopped early")

    monkeypatch.setattr(pareto_fit, "maximise_likelihood", stopped)
    with pytest.warns(ConvergenceWarning, match="ParetoNBD ended with a gradient of .* \\(stopped early\\)"):
        model = ParetoNBD().fit(small)
    assert not model.fit_report_.converged


@pytest.mark.parametrize("rows", [0, 40])
def test_without_repeat_orders_there_is_no_fit(rows):
    frame = summary_of(np.zeros(rows), np.zeros(rows), np.full(rows, 30.0))
    with pytest.raises(FitError, match=f"none of {rows} has a second purchase day. Use a longer history"):
        ParetoNBD().fit(frame)


def test_predictions_are_keyed_in_the_order_given_and_change_nothing(model, small):
    frame = small.sample(fraction=1.0, shuffle=True, seed=9)
    before = frame.clone()
    names = [
        ["p_alive"],
        ["p_wait_longer"],
        ["p_order"],
        ["expected_orders"],
        ["discounted_orders"],
        ["p_at_least"],
        ["days_q10", "days_q50", "days_q90"],
    ]
    for prediction, columns in zip(every_prediction(model, frame), names, strict=True):
        assert prediction.columns == ["customer_id", *columns]
        assert prediction["customer_id"].equals(frame["customer_id"])
    assert frame.equals(before)


def test_predictions_of_a_customer_do_not_depend_on_the_others(model, small):
    whole = every_prediction(model, small)
    part = every_prediction(model, small[5:900:7])
    assert all(one.equals(all_[5:900:7]) for one, all_ in zip(part, whole, strict=True))


def test_predictions_cohere(model, small):
    soon = model.p_order(small, 30)["p_order"]
    late = model.p_order(small, 365)["p_order"]
    expected = model.expected_orders(small, 365)["expected_orders"]
    discounted = model.discounted_orders(small, 365, 0.1)["discounted_orders"]
    alive = model.p_alive(small)["p_alive"]
    law = model.order_count_law(small, 365, 3)["p_at_least"].to_numpy()
    days = model.next_order_days(small, horizon_days=365)
    assert (soon <= late).all()
    assert (late <= alive).all()
    assert (late <= expected).all()
    assert (discounted < expected).all()
    assert (discounted > expected * 0.9).all()
    assert law[:, 0] == pytest.approx(late.to_numpy(), abs=1e-12)
    assert (days["days_q10"] < days["days_q50"]).all()
    assert (days["days_q50"] < days["days_q90"]).all()
    assert (days["days_q90"] < 365).all()


def test_discounting_at_rate_zero_changes_nothing(model, small):
    plain = model.expected_orders(small, 200)["expected_orders"]
    assert (model.discounted_orders(small, 200, 0.0)["discounted_orders"] == plain).all()


def test_wait_longer_is_the_wait_of_a_customer_who_stays(model):
    # after t_x the next order comes at once or later: the law of the next order, without dropping out
    p, frame = model.params_, summary_of([4], [100.0], [160.0])
    stays = replace(p, s=1e-12)
    comes = pareto_future.p_order_alive(stays, np.array([4.0]), np.array([100.0]), np.array([60.0]))[0]
    assert model.p_wait_longer(frame)["p_wait_longer"][0] == pytest.approx(1 - comes, abs=1e-9)


def test_no_date_where_there_is_no_chance(model):
    frame = summary_of([2000, 2], [1.0, 20.0], [400.0, 60.0])
    assert model.p_alive(frame)["p_alive"][0] == 0.0
    days = model.next_order_days(frame, horizon_days=90, quantiles=(0.5,))
    assert days["days_q50"].is_null().to_list() == [True, False]
    assert model.p_order(frame, 90)["p_order"][0] == 0.0


def test_s_equal_to_one_is_an_ordinary_value():
    model = with_params(0.55, 10.0, 1.0, 11.0)
    assert model.expected_orders(summary_of([2], [30.0], [40.0]), 39)["expected_orders"][0] == pytest.approx(
        1.109209, abs=6e-7
    )
    assert model.new_customer_orders(39) == pytest.approx(0.916047, abs=6e-7)


@pytest.mark.parametrize("horizon", [0, -1, float("nan"), float("inf")])
def test_horizons_are_positive_numbers(model, small, horizon):
    for call in (
        lambda: model.p_order(small, horizon),
        lambda: model.expected_orders(small, horizon),
        lambda: model.discounted_orders(small, horizon, 0.1),
        lambda: model.order_count_law(small, horizon, 3),
        lambda: model.next_order_days(small, horizon_days=horizon),
        lambda: model.new_customer_orders(horizon),
    ):
        with pytest.raises(ValueError, match="horizon_days must be a positive number"):
            call()


def test_other_settings_are_checked(model, small):
    with pytest.raises(ValueError, match="quantiles must lie between 0 and 1"):
        model.next_order_days(small, horizon_days=30, quantiles=(0.5, 1.0))
    with pytest.raises(ValueError, match="max_orders must be 1 or more"):
        model.order_count_law(small, 30, 0)
    with pytest.raises(ValueError, match="annual_discount_rate must be a finite number of at least 0"):
        model.discounted_orders(small, 30, -0.1)


def test_bad_rows_and_columns_are_refused(model, small):
    with pytest.raises(ColumnMismatch, match="days_observed"):
        model.p_alive(small.drop("days_observed"))
    with pytest.raises(ColumnMismatch, match="customer_id"):
        model.p_alive(small.drop("customer_id"))
    with pytest.raises(DataError, match="must not be later than days_observed"):
        ParetoNBD().fit(summary_of([1], [5.0], [4.0]))


@pytest.mark.parametrize(
    "predict",
    [
        lambda model, frame: model.p_alive(frame),
        lambda model, frame: model.p_wait_longer(frame),
        lambda model, frame: model.next_order_days(frame, horizon_days=30),
        lambda model, _: model.new_customer_orders(30),
        lambda model, _: model.to_dict(),
    ],
)
def test_nothing_is_predicted_before_fit(predict, small):
    with pytest.raises(NotFitted, match="call fit"):
        predict(ParetoNBD(), small)


def test_state_survives_json(model, small):
    state = json.loads(json.dumps(model.to_dict(), allow_nan=False))
    again = ParetoNBD.from_dict(state)
    assert again.params_ == model.params_
    assert again.fit_report_ == model.fit_report_
    assert again.log_likelihood_ == model.log_likelihood_
    pairs = zip(every_prediction(again, small), every_prediction(model, small), strict=True)
    assert all(one.equals(other) for one, other in pairs)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("kind",), "cnbd"),
        (("params",), None),
        (("params", "r"), 0.0),
        (("params", "alpha"), -1.0),
        (("params", "s"), float("nan")),
        (("params", "beta"), "11"),
        (("params", "gamma"), 1.0),
        (("log_likelihood",), float("inf")),
        (("log_likelihood",), True),
        (("fit_report", "rows"), 2.5),
        (("fit_report", "converged"), 1),
        (("fit_report", "message"), None),
        (("fit_report", "extra"), 1),
    ],
)
def test_a_damaged_state_is_refused(model, path, value):
    state = json.loads(json.dumps(model.to_dict()))
    section = state
    for key in path[:-1]:
        section = section[key]
    section[path[-1]] = value
    with pytest.raises(BundleError, match=r"ParetoNBD model is damaged at .*; train it again"):
        ParetoNBD.from_dict(state)


@pytest.mark.parametrize("key", ["kind", "params", "log_likelihood", "fit_report"])
def test_an_incomplete_state_is_refused(model, key):
    state = model.to_dict()
    del state[key]
    with pytest.raises(BundleError):
        ParetoNBD.from_dict(state)


def test_pickle_and_clone(model, small):
    again = pickle.loads(pickle.dumps(model))  # noqa: S301 - our own bytes
    assert again.p_alive(small).equals(model.p_alive(small))
    fresh = clone(model)
    assert isinstance(fresh, ParetoNBD)
    assert not hasattr(fresh, "params_")
    assert model.get_params() == {}
    assert repr(model) == "ParetoNBD()"
