"""Metrics of level against slow loops and sklearn; deciles over all orders of ties; degenerate input."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

import metric_oracles as slow
from foretell.evaluation.amounts import bias, decile_mape, decile_table, mae, rmse, wape

ROWS = st.lists(st.tuples(st.integers(-3, 9), st.integers(0, 9), st.integers(0, 3)), max_size=12)
ALL = (rmse, mae, wape, bias, decile_mape)


def columns(rows):
    return (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])


def share(part, whole):
    return part / whole if whole > 0 else math.nan


@given(ROWS)
def test_errors_are_plain_sums(rows):
    actual, predicted, weights = columns(rows)
    y, z = slow.repeated(weights, actual, predicted)
    gaps = [abs(a - b) for a, b in zip(y, z, strict=True)]
    expected = {
        rmse: math.sqrt(slow.mean([gap**2 for gap in gaps])),
        mae: slow.mean(gaps),
        wape: share(sum(gaps), sum(abs(value) for value in y)),
        bias: share(sum(z), sum(y)) - 1,
    }
    for metric, value in expected.items():
        assert metric(actual, predicted, weights=weights) == pytest.approx(value, rel=1e-9, abs=1e-12, nan_ok=True)


def test_errors_agree_with_sklearn():
    rng = np.random.default_rng(3)
    actual, predicted, weights = rng.gamma(1, 50, 400), rng.gamma(1, 50, 400), rng.random(400)
    assert rmse(actual, predicted, weights=weights) == pytest.approx(
        metrics.root_mean_squared_error(actual, predicted, sample_weight=weights), rel=1e-12
    )
    assert mae(actual, predicted, weights=weights) == pytest.approx(
        metrics.mean_absolute_error(actual, predicted, sample_weight=weights), rel=1e-12
    )


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2)), min_size=1, max_size=5))
def test_deciles_are_the_mean_over_all_orders_of_ties(rows):
    actual, predicted = columns(rows)
    customers, mean_predicted, mean_actual = decile_table(actual, predicted)
    assert customers == pytest.approx([len(rows) / 10] * 10, rel=1e-9)
    assert mean_actual * customers == pytest.approx(slow.over_all_tie_orders(actual, predicted, 10), abs=1e-9)
    assert mean_predicted * customers == pytest.approx(slow.over_all_tie_orders(predicted, predicted, 10), abs=1e-9)


@given(ROWS)
def test_weights_of_deciles_repeat_rows(rows):
    actual, predicted, weights = columns(rows)
    repeated = slow.repeated(weights, actual, predicted)
    assert decile_table(actual, predicted, weights=weights) == pytest.approx(
        decile_table(*repeated), abs=1e-9, nan_ok=True
    )


def test_decile_mape_by_hand():
    # one customer a decile; predictions 10 % too high in the lower half, exact in the upper
    actual = np.arange(1.0, 11.0) * 10
    predicted = np.where(np.arange(10) < 5, actual * 1.1, actual)
    assert decile_mape(actual, predicted) == pytest.approx(0.05, rel=1e-9)


def test_a_decile_without_sales_has_no_percentage():
    actual = np.concatenate(([0.0] * 10, [5.0] * 90))
    predicted = np.arange(100.0)
    assert math.isnan(decile_mape(actual, predicted))
    assert decile_table(actual, predicted)[2][0] == 0.0


def test_a_perfect_prediction_has_no_error():
    actual = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0, 5.0, 3.0]
    assert [metric(actual, actual) for metric in ALL] == [0.0] * 5


def test_zero_for_all_has_a_wape_of_one_and_a_bias_of_minus_one():
    assert wape([0, 0, 3], [0, 0, 0]) == 1.0
    assert bias([0, 0, 3], [0, 0, 0]) == -1.0


@pytest.mark.parametrize("metric", ALL)
def test_no_rows_is_nan(metric):
    assert math.isnan(metric([], []))
    assert math.isnan(metric([1.0], [1.0], weights=[0]))


def test_shares_of_nothing_are_nan():
    assert math.isnan(wape([0, 0], [1, 1]))
    assert math.isnan(bias([0, 0], [1, 1]))
    assert math.isnan(bias([-2, 1], [1, 1]))


@pytest.mark.parametrize("metric", ALL)
def test_unsound_input_is_refused(metric):
    with pytest.raises(ValueError, match="NaN or infinite"):
        metric([1.0, 2.0], [1.0, math.nan])
