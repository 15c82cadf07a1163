"""Resampling of customers: seeds, clusters, pairing, and how often an interval holds the truth."""

import math

import numpy as np
import pytest

from foretell.evaluation.amounts import bias, mae, rmse
from foretell.evaluation.bootstrap import (
    customer_weights,
    interval,
    paired_difference,
    percentile_interval,
    replicates,
)
from foretell.evaluation.panels import AmountPanel
from foretell.evaluation.ranking import normalised_gini


def test_a_resample_has_as_many_customers_as_the_shop():
    for weights in customer_weights(50, times=20, seed=1):
        assert weights.shape == (50,)
        assert weights.sum() == 50
        assert np.array_equal(weights, np.rint(weights))


def test_the_same_seed_draws_the_same_customers():
    first, again, other = (np.stack(list(customer_weights(50, times=5, seed=seed))) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first[0], first[1])


def test_rows_of_a_customer_are_drawn_together():
    customers = [0, 1, 1, 2, 0, 2, 2]
    for weights in customer_weights(customers, times=20, seed=3):
        assert weights[0] == weights[4]
        assert weights[1] == weights[2]
        assert weights[3] == weights[5] == weights[6]
        assert weights[0] + weights[1] + weights[3] == 3


def test_one_row_each_is_the_same_by_number_and_by_list():
    for by_number, by_list in zip(
        customer_weights(9, times=5, seed=4), customer_weights(range(9), times=5, seed=4), strict=True
    ):
        assert np.array_equal(by_number, by_list)


def test_weights_have_the_mean_and_spread_of_draws_with_replacement():
    weights = np.stack(list(customer_weights(100, times=400, seed=5)))
    # a weight is binomial(100, 1/100): mean 1, variance .99; 40,000 of them, each row summing to 100
    assert weights.mean() == 1.0
    assert weights.var() == pytest.approx(0.99, abs=5 * math.sqrt(3 / 40_000))


def test_all_panels_see_the_same_resamples():
    rng = np.random.default_rng(6)
    actual = rng.poisson(1.0, 80).astype(float)
    first, second = rng.gamma(1, 1, 80), rng.gamma(1, 1, 80)
    together = replicates([AmountPanel(actual, [first, second, first], money=False)], 80, times=33, seed=7)[0]
    alone = replicates([AmountPanel(actual, [second], money=False)], 80, times=33, seed=7)[0]
    assert together.shape == (33, 3, 6)
    assert np.array_equal(together[:, 0], together[:, 2])
    assert np.array_equal(together[:, 1], alone[:, 0])


def test_replicates_are_the_metric_on_the_resampled_rows():
    rng = np.random.default_rng(8)
    actual, predicted = rng.poisson(1.0, 30).astype(float), rng.gamma(1, 1, 30)
    found = replicates([AmountPanel(actual, [predicted], money=False)], 30, times=5, seed=9)[0]
    for row, weights in zip(found, customer_weights(30, times=5, seed=9), strict=True):
        rows = np.repeat(np.arange(30), weights.astype(int))
        assert row[0, 0] == pytest.approx(normalised_gini(actual[rows], predicted[rows]), rel=1e-9)
        assert row[0, 2] == pytest.approx(rmse(actual[rows], predicted[rows]), rel=1e-9)


def test_no_resamples_give_no_replicates():
    actual = np.array([1.0, 2.0])
    assert replicates([AmountPanel(actual, [actual], money=False)], 2, times=0, seed=0)[0].shape == (0, 1, 6)
    assert replicates([], 2, times=5, seed=0) == ()


def test_percentiles_by_hand():
    assert percentile_interval(np.arange(101.0), level=0.9) == pytest.approx((5.0, 95.0), rel=1e-12)


def test_few_undefined_resamples_are_left_out_and_many_refuse_the_interval():
    values = np.arange(100.0)
    values[:5] = math.nan
    assert percentile_interval(values) == percentile_interval(values[5:])
    values[5] = math.nan
    assert all(math.isnan(end) for end in percentile_interval(values))
    assert all(math.isnan(end) for end in percentile_interval([]))


def test_an_interval_holds_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(10)
    held = 0
    for shop in range(200):
        actual = rng.exponential(1.0, 80)
        found = interval(mae, actual, np.zeros(80), times=100, seed=shop)
        held += found.low <= 1.0 <= found.high
    # nominal .95; percentile intervals of a skewed mean of 80 lose one to three points, the quantiles of 100 resamples
    # one more: .92 expected. 200 shops have a standard error of .019: four of them either way
    assert 0.845 <= held / 200 <= 0.995


def test_repeated_rows_of_a_customer_add_no_certainty():
    rng = np.random.default_rng(11)
    error = rng.gamma(1.0, 1.0, 100)
    rows, customers = np.tile(error, 4), np.tile(np.arange(100), 4)
    right = interval(mae, rows, np.zeros(400), customers=customers, times=400)
    naive = interval(mae, rows, np.zeros(400), times=400)
    # four copies halve the naive standard error; a width from 400 resamples has about 5 % error of its own
    assert (right.high - right.low) / (naive.high - naive.low) == pytest.approx(2.0, abs=0.4)


def test_paired_intervals_are_narrow_where_predictions_err_together():
    rng = np.random.default_rng(12)
    actual = rng.gamma(0.3, 100.0, 400)
    shared = rng.gamma(0.3, 100.0, 400)
    first, second = shared, shared + 2.0
    paired = paired_difference(bias, first, second, actual=actual, seed=1)
    alone = interval(bias, actual, first, seed=1)
    assert paired.value == pytest.approx(bias(actual, first) - bias(actual, second), rel=1e-12)
    assert paired.high < 0
    assert paired.high - paired.low < 0.2 * (alone.high - alone.low)


def test_a_prediction_differs_from_itself_by_nothing():
    rng = np.random.default_rng(13)
    actual, predicted = rng.gamma(1, 1, 50), rng.gamma(1, 1, 50)
    found = paired_difference(rmse, predicted, predicted, actual=actual)
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)


def test_an_interval_repeats_with_its_seed():
    rng = np.random.default_rng(14)
    actual, predicted = rng.gamma(1, 1, 50), rng.gamma(1, 1, 50)
    assert interval(rmse, actual, predicted, seed=3) == interval(rmse, actual, predicted, seed=3)
    assert interval(rmse, actual, predicted, seed=3) != interval(rmse, actual, predicted, seed=4)


def test_unsound_input_is_refused():
    with pytest.raises(ValueError, match="differ in length"):
        paired_difference(mae, [1.0, 2.0], [1.0], actual=[1.0, 2.0])
    with pytest.raises(ValueError, match="NaN"):
        interval(mae, [1.0, math.nan], [1.0, 2.0])


def test_an_empty_shop_has_no_interval():
    found = interval(mae, [], [], times=3)
    assert all(math.isnan(number) for number in (found.value, found.low, found.high))
