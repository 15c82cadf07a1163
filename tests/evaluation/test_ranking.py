"""Metrics of order against slow loops and scipy; ties, weights and degenerate input."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import metric_oracles as slow
from foretell.evaluation.ranking import normalised_gini, spearman, top_capture

# small whole numbers, so that ties are frequent; sums of them are exact
ROWS = st.lists(st.tuples(st.integers(-1, 5), st.integers(0, 4), st.integers(0, 3)), max_size=12)


def columns(rows):
    actual, predicted, weights = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    return actual, predicted, weights


@given(ROWS)
def test_gini_is_the_area_under_the_gain_curve(rows):
    actual, predicted, weights = columns(rows)
    expected = slow.normalised_gini(*slow.repeated(weights, actual, predicted))
    assert normalised_gini(actual, predicted, weights=weights) == pytest.approx(
        expected, rel=1e-9, abs=1e-9, nan_ok=True
    )


@given(ROWS)
def test_spearman_is_the_correlation_of_mid_ranks(rows):
    actual, predicted, weights = columns(rows)
    expected = slow.spearman(*slow.repeated(weights, actual, predicted))
    assert spearman(actual, predicted, weights=weights) == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), min_size=1, max_size=5), st.integers(1, 10))
def test_top_capture_is_the_mean_over_all_orders_of_ties(rows, tenths):
    actual, predicted = (list(column) for column in zip(*rows, strict=True))
    top = slow.over_all_tie_orders(actual, predicted, 10)[10 - tenths :]
    expected = sum(top) / sum(actual) if sum(actual) else math.nan
    assert top_capture(actual, predicted, top_share=tenths / 10) == pytest.approx(expected, abs=1e-9, nan_ok=True)


def test_spearman_agrees_with_scipy():
    rng = np.random.default_rng(1)
    actual, predicted = rng.poisson(0.5, 500), rng.poisson(2.0, 500)
    assert spearman(actual, predicted) == pytest.approx(stats.spearmanr(actual, predicted).statistic, rel=1e-9)


def test_right_order_is_one_and_reversed_order_is_minus_one():
    actual = [0, 0, 1, 2, 10]
    assert normalised_gini(actual, [v**3 for v in actual]) == 1.0
    assert spearman(actual, actual) == pytest.approx(1.0, rel=1e-12)
    assert normalised_gini([1, 2, 3], [3, 2, 1]) == pytest.approx(-1.0, rel=1e-12)


def test_a_constant_prediction_ranks_nothing():
    actual = [0, 0, 1, 2, 10]
    assert normalised_gini(actual, [7] * 5) == 0.0
    assert math.isnan(spearman(actual, [7] * 5))
    assert top_capture(actual, [7] * 5, top_share=0.1) == pytest.approx(0.1, rel=1e-12)


def test_gini_worked_by_hand():
    # shares of the total by prediction: 2/4, 2/4, 3/4, 4/4; trapezoids 1/16 (2+4+5+7) = 18/32 of 1
    # by actual: 2/4, 3/4, 4/4, 4/4 gives 22/32
    assert normalised_gini([2, 0, 1, 1], [9, 8, 7, 6]) == pytest.approx(
        (2 * 18 / 32 - 1) / (2 * 22 / 32 - 1), rel=1e-12
    )


def test_row_order_never_matters():
    rng = np.random.default_rng(2)
    actual, predicted = rng.poisson(0.7, 300), rng.integers(0, 5, 300)
    shuffled = rng.permutation(300)
    for metric in (normalised_gini, spearman, top_capture):
        assert metric(actual, predicted) == pytest.approx(metric(actual[shuffled], predicted[shuffled]), rel=1e-12)


@pytest.mark.parametrize("metric", [normalised_gini, spearman, top_capture])
def test_nothing_to_rank_is_nan(metric):
    assert math.isnan(metric([], []))
    assert math.isnan(metric([0, 0, 0], [1, 2, 3]))
    assert math.isnan(metric([1, 2], [1, 2], weights=[0, 0]))


def test_a_total_below_zero_has_no_shares():
    assert math.isnan(normalised_gini([-3, 1], [1, 2]))
    assert math.isnan(top_capture([-3, 1], [1, 2]))


@pytest.mark.parametrize("metric", [normalised_gini, spearman, top_capture])
@pytest.mark.parametrize(
    ("actual", "predicted", "weights", "text"),
    [
        ([1, math.nan], [1, 2], None, "1 value"),
        ([1, 2], [1, math.inf], None, "predicted has 1 value"),
        ([1, 2, 3], [1, 2], None, "actual 3, predicted 2"),
        ([[1, 2]], [[1, 2]], None, "one-dimensional"),
        ([1, 2], [1, 2], [1], "1 values for 2 rows"),
        ([1, 2], [1, 2], [1, -1], "negative"),
    ],
)
def test_unsound_input_is_refused(metric, actual, predicted, weights, text):
    with pytest.raises(ValueError, match=text):
        metric(actual, predicted, weights=weights)


@pytest.mark.parametrize("share", [0.0, -0.1, 1.1, math.nan])
def test_top_share_is_a_share(share):
    with pytest.raises(ValueError, match="top_share"):
        top_capture([1], [1], top_share=share)
