"""Calibration: against scikit-learn's logistic regression, by sample size, and never out of order."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from foretell.errors import BundleError, FitError
from foretell.models.calibration import EDGE, ProbabilityCalibrator


def drawn(rows, seed, true=lambda margin: margin):
    rng = np.random.default_rng(seed)
    margin = rng.normal(-1, 1.5, rows)
    return expit(margin), (rng.random(rows) < expit(true(margin))).astype(float)


def test_platt_with_much_data_is_logistic_regression_on_the_log_odds():
    p, y = drawn(40_000, 1, lambda margin: 0.6 * margin + 0.8)
    found = ProbabilityCalibrator.fit(p, y, method="platt")
    oracle = LogisticRegression(C=np.inf, tol=1e-10).fit(logit(p)[:, None], y)
    # the priors pull by 1 / (rows x information): of the order of 4 / 5000 x distance
    assert found.low == found.high == pytest.approx(oracle.coef_[0, 0], abs=1e-3)
    assert found.shift == pytest.approx(oracle.intercept_[0], abs=1e-3)
    np.testing.assert_allclose(found.calibrate(p), oracle.predict_proba(logit(p)[:, None])[:, 1], atol=1e-3)


def test_beta_with_much_data_is_logistic_regression_on_both_logarithms():
    p, y = drawn(40_000, 2, lambda margin: np.where(margin < 0, 0.5, 1.6) * margin)
    found = ProbabilityCalibrator.fit(p, y, method="beta")
    columns = np.column_stack([np.log(p), -np.log1p(-p)])
    oracle = LogisticRegression(C=np.inf, tol=1e-10).fit(columns, y)
    # A prior of .5 pulls a slope known to .06 by (.06 / .5)² of its distance .8 from 1.
    np.testing.assert_allclose([found.low, found.high], oracle.coef_[0], atol=0.015)


def test_weights_are_repetitions():
    p, y = drawn(600, 3, lambda margin: margin + 0.7)
    times = np.random.default_rng(4).integers(0, 4, 600)
    for method in ("shift", "platt", "beta"):
        weighted = ProbabilityCalibrator.fit(p, y, times, method=method)
        repeated = ProbabilityCalibrator.fit(np.repeat(p, times), np.repeat(y, times), method=method)
        # both are rounded to 1e-9 where Newton's steps end
        for name in ("low", "high", "shift"):
            assert getattr(weighted, name) == pytest.approx(getattr(repeated, name), abs=5e-9)


@pytest.mark.parametrize("seed", range(5))
def test_the_level_is_right_after_a_shift(seed):
    p, y = drawn(3000, 10 + seed, lambda margin: margin - 0.7)
    found = ProbabilityCalibrator.fit(p, y)
    assert found.method != "identity"
    # shrinkage of a shift: 1 / (1 + information), information about 400
    assert found.calibrate(p).mean() == pytest.approx(y.mean(), rel=0.01)


def test_true_probabilities_are_mostly_left_alone():
    methods = [ProbabilityCalibrator.fit(*drawn(5000, seed)).method for seed in range(20)]
    # the rule of one standard error keeps the simplest in about 5 of 6 draws for each rival
    assert methods.count("identity") >= 14


def test_a_bend_needs_and_gets_beta():
    p, y = drawn(60_000, 5, lambda margin: np.where(margin < 0, 0.5, 1.6) * margin)
    assert ProbabilityCalibrator.fit(p, y).method == "beta"


def test_the_method_follows_the_smaller_class_not_the_rows():
    p, y = drawn(20_000, 6, lambda margin: margin + 2)
    for events, allowed in ((19, {"identity"}), (99, {"identity", "shift"}), (999, {"identity", "shift", "platt"})):
        keep = (y == 0) | (np.cumsum(y) <= events)
        assert ProbabilityCalibrator.fit(p[keep], y[keep]).method in allowed


def test_a_few_heavy_rows_are_few_rows():
    p, y = np.full(2000, 0.01), (np.arange(2000) % 2).astype(float)
    assert ProbabilityCalibrator.fit(p, y, np.full(2000, 7.0)).method != "identity"
    heavy = np.where(np.arange(2000) < 30, 1e6, 1.0)
    assert ProbabilityCalibrator.fit(p, y, heavy).method == "identity"


@pytest.mark.parametrize("events", [np.zeros(50), np.ones(50), np.zeros(0)])
def test_one_class_or_no_rows_leave_the_probabilities(events):
    p = np.linspace(0.1, 0.9, events.size)
    np.testing.assert_array_equal(ProbabilityCalibrator.fit(p, events).calibrate(p), p)


def test_a_reversed_or_constant_model_keeps_its_order():
    p, y = drawn(5000, 7, lambda margin: -2 * margin)
    found = ProbabilityCalibrator.fit(p, y, method="beta")
    assert min(found.low, found.high) >= 0.01
    assert (np.diff(found.calibrate(np.sort(p))) > 0).all()
    constant = ProbabilityCalibrator.fit(np.full(5000, 0.5), y)
    assert constant.calibrate([0.5])[0] == pytest.approx(y.mean(), abs=0.01)


METHODS = st.sampled_from(["identity", "shift", "platt", "beta"])


@given(st.lists(st.floats(0, 1), min_size=2, max_size=30), st.lists(st.booleans(), min_size=30, max_size=30), METHODS)
def test_never_certain_never_out_of_order(values, events, method):
    p = np.sort(np.array(values))
    found = ProbabilityCalibrator.fit(p, events[: p.size], method=method)
    calibrated = found.calibrate(p)
    assert ((calibrated >= EDGE) & (calibrated <= 1 - EDGE)).all()
    # log and expit are monotone to the last bit but one
    assert (np.diff(calibrated) >= -1e-15).all()


def test_a_probability_does_not_depend_on_its_neighbours():
    p, y = drawn(4001, 8, lambda margin: 0.5 * margin)
    found = ProbabilityCalibrator.fit(p, y, method="beta")
    alone = np.concatenate([found.calibrate(p[[row]]) for row in range(p.size)])
    np.testing.assert_array_equal(found.calibrate(p), alone)


def test_state_survives_json_and_is_read_strictly():
    found = ProbabilityCalibrator.fit(*drawn(5000, 9, lambda margin: 0.5 * margin))
    state = json.loads(json.dumps(found.to_dict()))
    assert ProbabilityCalibrator.from_dict(state) == found
    for change in ({"method": "isotonic"}, {"low": 0.0}, {"high": -1.0}, {"shift": "0"}, {"more": 1}):
        with pytest.raises(BundleError, match="damaged"):
            ProbabilityCalibrator.from_dict({"curve": {**state["curve"], **change}})
    with pytest.raises(BundleError, match="damaged"):
        ProbabilityCalibrator.from_dict({**state, "more": {}})


def test_bad_rows_are_named_all_at_once():
    with pytest.raises(FitError, match=r"2 probabilities .* 1 events are neither .* weights are negative"):
        ProbabilityCalibrator.fit([1.5, np.nan, 0.2], [0, 1, 2], [1, 1, -1])
    with pytest.raises(FitError, match="lengths differ"):
        ProbabilityCalibrator.fit([0.5], [0, 1])
