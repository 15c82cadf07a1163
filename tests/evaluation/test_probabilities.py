"""Metrics of probabilities against slow loops and sklearn; ties, weights and degenerate input."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

import metric_oracles as slow
from foretell.evaluation.probabilities import auc, average_precision, brier, calibration_table, ece, log_loss

ROWS = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), st.integers(0, 3)), max_size=12
)
ALL = (auc, average_precision, log_loss, brier, ece)


def columns(rows):
    return (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])


@given(ROWS)
def test_scores_are_plain_loops(rows):
    actual, predicted, weights = columns(rows)
    y, p = slow.repeated(weights, actual, predicted)
    expected = {
        auc: slow.auc(y, p),
        average_precision: slow.average_precision(y, p),
        log_loss: slow.log_loss(y, p),
        brier: slow.mean([(a - b) ** 2 for a, b in zip(y, p, strict=True)]),
    }
    for metric, value in expected.items():
        assert metric(actual, predicted, weights=weights) == pytest.approx(value, rel=1e-9, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("distinct", [4, 100_000])
def test_scores_agree_with_sklearn(distinct):
    rng = np.random.default_rng(4)
    predicted = np.round(rng.random(600) * distinct) / distinct * 0.98 + 0.01
    actual = (rng.random(600) < predicted).astype(int)
    weights = rng.random(600)
    pairs = (
        (auc, metrics.roc_auc_score),
        (average_precision, metrics.average_precision_score),
        (brier, metrics.brier_score_loss),
        (log_loss, metrics.log_loss),
    )
    for ours, theirs in pairs:
        expected = theirs(actual, predicted, sample_weight=weights)
        assert ours(actual, predicted, weights=weights) == pytest.approx(expected, rel=1e-9)


@given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from([0.1, 0.5, 0.9])), min_size=1, max_size=5))
def test_calibration_bins_are_the_mean_over_all_orders_of_ties(rows):
    actual, predicted = columns(rows)
    customers, mean_predicted, observed = calibration_table(actual, predicted)
    hits = slow.over_all_tie_orders(actual, predicted, 10)
    said = slow.over_all_tie_orders(predicted, predicted, 10)
    assert customers == pytest.approx([len(rows) / 10] * 10, rel=1e-9)
    assert observed * customers == pytest.approx(hits, abs=1e-9)
    assert mean_predicted * customers == pytest.approx(said, abs=1e-9)
    expected = sum(abs(a - b) for a, b in zip(said, hits, strict=True)) / len(rows)
    assert ece(actual, predicted) == pytest.approx(expected, abs=1e-9)


@given(ROWS)
def test_weights_of_bins_repeat_rows(rows):
    actual, predicted, weights = columns(rows)
    y, p = slow.repeated(weights, actual, predicted)
    assert calibration_table(actual, predicted, weights=weights) == pytest.approx(
        calibration_table(y, p), abs=1e-9, nan_ok=True
    )
    assert ece(actual, predicted, weights=weights) == pytest.approx(ece(y, p), abs=1e-9, nan_ok=True)


def test_a_constant_at_the_base_rate_is_calibrated_and_separates_nothing():
    actual, predicted = [0, 0, 0, 1], [0.25] * 4
    assert ece(actual, predicted) == pytest.approx(0.0, abs=1e-12)
    assert auc(actual, predicted) == 0.5
    assert average_precision(actual, predicted) == 0.25


def test_a_certain_prediction_that_fails_is_costly_and_finite():
    assert log_loss([1], [0.0]) == pytest.approx(-math.log(1e-15), rel=1e-12)
    assert log_loss([1, 0], [1.0, 0.0]) == 0.0


def test_one_class_only():
    assert math.isnan(auc([1, 1], [0.2, 0.3]))
    assert math.isnan(auc([0, 0], [0.2, 0.3]))
    assert math.isnan(average_precision([0, 0], [0.2, 0.3]))
    assert average_precision([1, 1], [0.2, 0.3]) == 1.0


@pytest.mark.parametrize("metric", ALL)
def test_no_rows_is_nan(metric):
    assert math.isnan(metric([], []))
    assert math.isnan(metric([1, 0], [0.5, 0.5], weights=[0, 0]))


@pytest.mark.parametrize("metric", ALL)
@pytest.mark.parametrize(
    ("actual", "predicted", "text"),
    [([0, 2], [0.5, 0.5], "neither 0 nor 1"), ([0, 1], [0.5, 1.5], "outside"), ([0, 1], [0.5, math.nan], "NaN")],
)
def test_unsound_input_is_refused(metric, actual, predicted, text):
    with pytest.raises(ValueError, match=text):
        metric(actual, predicted)


def test_booleans_are_events():
    assert auc([True, False], [0.9, 0.1]) == 1.0
