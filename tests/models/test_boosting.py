"""Boosting: the offset is the level, the text is the model, threads and chance change nothing."""

import pickle

import numpy as np
import pytest
from scipy.special import expit

from foretell.errors import BundleError, FitError
from foretell.models.boosting import Booster, Validation
from foretell.models.boosting_params import BoostingParams
from foretell.models.objectives import losses

PARAMS = BoostingParams(num_leaves=6, learning_rate=0.1, min_child_samples=20, max_rounds=120, patience=15)
ROWS = 1500


@pytest.fixture(scope="module")
def matrix():
    rng = np.random.default_rng(1)
    columns = rng.normal(size=(ROWS, 4))
    columns[rng.random(ROWS) < 0.1, 1] = np.nan
    columns[:, 3] = rng.integers(0, 5, ROWS)
    return columns


@pytest.fixture(scope="module")
def offset():
    return np.random.default_rng(2).normal(-0.5, 0.7, ROWS)


def outcome(objective, matrix, offset, effect=0.8):
    rng = np.random.default_rng(3)
    true = offset + effect * np.where(matrix[:, 0] > 0, 1.0, -0.5) + 0.5 * effect * (matrix[:, 3] == 2)
    if objective == "binary":
        return (rng.random(ROWS) < expit(true)).astype(float)
    counts = rng.poisson(np.exp(true)).astype(float)
    return counts if objective == "poisson" else counts * rng.gamma(2.0, 0.5, ROWS)


@pytest.fixture(scope="module", params=["poisson", "tweedie", "binary"])
def objective(request):
    return request.param


@pytest.fixture(scope="module")
def fitted(objective, matrix, offset):
    actual = outcome(objective, matrix, offset)
    held = Validation(matrix[1000:], actual[1000:], offset[1000:])
    booster = Booster(objective, PARAMS, seed=5)
    return booster.fit(matrix[:1000], actual[:1000], offset[:1000], validation=held, categorical=[3])


def test_trees_add_what_the_offset_lacks(fitted, objective, matrix, offset):
    actual = outcome(objective, matrix, offset)[1000:]
    alone = losses(objective, actual, offset[1000:])
    boosted = losses(objective, actual, offset[1000:] + fitted.margin(matrix[1000:]))
    assert fitted.rounds > 5
    # the planted effect is worth far more than chance: ten standard errors would be .1 here
    assert boosted.mean() < alone.mean() - 0.02
    gap = fitted.margin(matrix)[matrix[:, 0] > 0.2].mean() - fitted.margin(matrix)[matrix[:, 0] < -0.2].mean()
    assert 0.7 < gap < 1.5  # planted: 1.2, shrunk by the ridge


def test_a_margin_in_the_offset_is_not_learnt_again(objective, matrix, offset):
    # The whole truth is in the offset: nothing but noise is left over.
    actual = outcome(objective, matrix, offset)
    true = offset + 0.8 * np.where(matrix[:, 0] > 0, 1.0, -0.5) + 0.4 * (matrix[:, 3] == 2)
    held = Validation(matrix[1000:], actual[1000:], true[1000:])
    booster = Booster(objective, PARAMS, seed=5).fit(matrix[:1000], actual[:1000], true[:1000], validation=held)
    gap = booster.margin(matrix)[matrix[:, 0] > 0.2].mean() - booster.margin(matrix)[matrix[:, 0] < -0.2].mean()
    assert abs(gap) < 0.25  # 1.2 is in the offset; two halves of 1,000 events differ by .13 by chance


def test_without_trees_the_prediction_is_the_offsets(objective, matrix, offset):
    actual = outcome(objective, matrix, offset)
    none = Booster(objective, PARAMS).fit(matrix, actual, offset, rounds=0)
    # One constant column cannot be split: LightGBM's own start from the average would show here.
    flat = Booster(objective, PARAMS).fit(np.ones((ROWS, 1)), actual, offset, rounds=5)
    for booster, rows in ((none, matrix), (flat, np.ones((ROWS, 1)))):
        np.testing.assert_array_equal(booster.margin(rows), 0.0)
        np.testing.assert_array_equal(booster.contributions(rows), np.zeros((ROWS, rows.shape[1] + 1)))
    assert none.rounds == 0
    again = Booster.from_text(none.to_text())
    assert (again.rounds, again.features) == (0, 4)


def test_no_tree_is_kept_where_the_first_one_already_harms(objective, matrix, offset):
    actual = outcome(objective, matrix, offset)
    held = Validation(-matrix[1000:], actual[1000:], offset[1000:])
    booster = Booster(objective, PARAMS).fit(
        matrix[:1000, :1], actual[:1000], offset[:1000], validation=held._replace(matrix=held.matrix[:, :1])
    )
    assert booster.rounds == 0
    np.testing.assert_array_equal(booster.margin(matrix[:, :1]), 0.0)


def test_contributions_sum_to_the_margin(fitted, matrix):
    shares = fitted.contributions(matrix)
    assert shares.shape == (ROWS, 5)
    # sums of some hundred leaf values of size .1, in another order
    np.testing.assert_allclose(shares.sum(axis=1), fitted.margin(matrix), atol=1e-9)
    assert np.abs(shares[:, 0]).mean() > 3 * np.abs(shares[:, 2]).mean()


def test_text_and_pickle_round_trips_are_bit_equal(fitted, objective, matrix):
    again = Booster.from_text(fitted.to_text())
    assert (again.objective, again.rounds, again.to_text()) == (objective, fitted.rounds, fitted.to_text())
    for copy in (again, pickle.loads(pickle.dumps(fitted))):  # noqa: S301 - our own bytes
        np.testing.assert_array_equal(copy.margin(matrix), fitted.margin(matrix))
        np.testing.assert_array_equal(copy.contributions(matrix), fitted.contributions(matrix))


def test_threads_and_repetition_change_no_byte(matrix, offset):
    actual = outcome("poisson", matrix, offset)
    texts = {
        Booster("poisson", PARAMS, seed=5, threads=threads).fit(matrix, actual, offset, rounds=20).to_text()
        for threads in (1, 1, 2)
    }
    other = Booster("poisson", PARAMS, seed=6).fit(matrix, actual, offset, rounds=20).to_text()
    assert len(texts) == 1
    assert other not in texts


def test_weights_count_rows_and_their_scale_does_not(matrix, offset):
    actual = outcome("poisson", matrix, offset)
    half = (np.arange(ROWS) < ROWS // 2).astype(float)

    def margin(weights):
        return Booster("poisson", PARAMS).fit(matrix, actual, offset, weights=weights, rounds=20).margin(matrix)

    np.testing.assert_array_equal(margin(half), margin(8 * half))
    assert np.abs(margin(half) - margin(None)).max() > 0.01


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text[:-1],
        lambda text: text.replace("num_leaves=", "num_leaves=1", 1),
        lambda text: text.partition("\n")[2],
        lambda text: text.replace("objective=poisson", "objective=gamma", 1),
        lambda text: text.replace("features=4", "features=5", 1),
        lambda text: text.replace("features=4", "features=4 more=1", 1),
        lambda _: "",
        lambda _: "tree\n",
    ],
)
def test_a_damaged_text_is_refused_before_lightgbm_sees_it(matrix, offset, change):
    actual = outcome("poisson", matrix, offset)
    text = Booster("poisson", PARAMS).fit(matrix, actual, offset, rounds=3).to_text()
    with pytest.raises(BundleError, match="damaged"):
        Booster.from_text(change(text))


def test_bad_rows_are_named_all_at_once(matrix, offset):
    with pytest.raises(FitError, match="offset has 3 values for 1500 rows; actual has values that are not finite"):
        Booster("poisson").fit(matrix, np.full(ROWS, np.nan), offset[:3])
    with pytest.raises(FitError, match="must be 0 or 1"):
        Booster("binary").fit(matrix, np.full(ROWS, 2.0), offset)
    with pytest.raises(FitError, match="must not be negative"):
        Booster("tweedie").fit(matrix, np.full(ROWS, -1.0), offset)
    with pytest.raises(FitError, match="nor all 0"):
        Booster("poisson").fit(matrix, np.ones(ROWS), offset, weights=np.zeros(ROWS))
    with pytest.raises(FitError, match="no rows"):
        Booster("poisson").fit(matrix[:0], np.ones(0), offset[:0])
    with pytest.raises(FitError, match="objective must be one of"):
        Booster("huber")


def test_another_number_of_columns_is_refused(fitted, matrix):
    with pytest.raises(BundleError, match="fitted to 4 columns"):
        fitted.margin(matrix[:, :3])


def test_tweedie_and_poisson_losses_are_least_at_the_mean():
    actual = np.array([0.0, 1.0, 5.0])
    for name in ("poisson", "tweedie"):
        around = [losses(name, actual, np.full(3, np.log(2.0) + step)).mean() for step in (-0.01, 0.0, 0.01)]
        assert around[1] < min(around[0], around[2])
