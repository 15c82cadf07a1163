"""Bagging of positives against the unlabelled: hidden positives rise, and threads do not matter."""

import numpy as np
import pytest

from foretell.models.logistic import RidgeLogistic
from foretell.models.pu_bagging import BagPlan, PUBagging


def test_plans_grow_with_the_positives():
    assert set(BagPlan.of(30).leaves) == {2}
    assert sorted(set(BagPlan.of(100).leaves)) == [2, 4]
    assert set(BagPlan.of(200).leaves) == {4}
    # .41 of the way from 30 to 200, to the next of 30 models
    assert BagPlan.of(100).leaves.count(4) == 12
    trees = [BagPlan.of(count).bags * BagPlan.of(count).rounds for count in (30, 1_000, 5_000)]
    assert trees == sorted(trees, reverse=True)


def test_hidden_positives_rise_to_the_top_and_threads_do_not_matter():
    rng = np.random.default_rng(0)
    positive = rng.random(1_000) < 0.2
    matrix = np.column_stack([rng.normal(1.5 * positive, 1), rng.normal(size=1_000), rng.integers(0, 3, 1_000)])
    known = np.zeros(1_000)
    known[np.flatnonzero(positive)[:60]] = 1.0
    model = PUBagging((2,), seed=1).fit(matrix, known)
    hidden = positive[known == 0]
    margin = model.margin(matrix[known == 0])
    top = np.argsort(-margin)[:100]
    assert hidden[top].mean() > 2.5 * hidden.mean()
    again = PUBagging((2,), seed=1, threads=2).fit(matrix, known)
    assert np.array_equal(again.margin(matrix), model.margin(matrix))
    shares = model.contributions(matrix[:50])
    whole = model.margin(matrix[:50])
    # contributions leave the mean out, which is one number for all rows
    assert np.ptp(whole - shares.sum(1)) == pytest.approx(0, abs=1e-9)
    assert not np.array_equal(PUBagging((2,), seed=2).fit(matrix, known).margin(matrix), model.margin(matrix))


def test_a_weight_of_two_is_a_row_that_is_there_twice():
    rng = np.random.default_rng(3)
    matrix = rng.normal(size=(200, 2))
    actual = (matrix[:, 0] + rng.normal(size=200) > 0).astype(float)
    weights = np.where(np.arange(200) < 50, 2.0, 1.0)
    weighted = RidgeLogistic((0, 0)).fit(matrix, actual, weights=weights)
    # the same rows and their mirror have the same mean and spread, so that only the likelihood differs
    plain = RidgeLogistic((0, 0)).fit(matrix, actual)
    assert not np.allclose(weighted.effects[0], plain.effects[0])
    doubled = RidgeLogistic((0, 0), prior_sd=0.5 / np.sqrt(2)).fit(np.tile(matrix, (2, 1)), np.tile(actual, 2))
    twice = RidgeLogistic((0, 0), prior_sd=0.5 / np.sqrt(2)).fit(matrix, actual, weights=np.full(200, 2.0))
    assert twice.effects[0] == pytest.approx(doubled.effects[0], abs=1e-6)
    assert twice.effects[0] == pytest.approx(plain.effects[0], rel=0.5)
