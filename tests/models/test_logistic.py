"""Ridge logistic regression: against scikit-learn on columns made by hand, and what absence means."""

import json

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from foretell.errors import BundleError, FitError
from foretell.models.logistic import RidgeLogistic

ROWS = 2000


@pytest.fixture(scope="module")
def rows():
    """A number, a category of three, a number that is often absent; and events."""
    rng = np.random.default_rng(1)
    matrix = np.column_stack([rng.normal(50, 10, ROWS), rng.integers(0, 3, ROWS), rng.normal(0, 1, ROWS)])
    matrix[rng.random(ROWS) < 0.2, 2] = np.nan
    true = 0.08 * (matrix[:, 0] - 50) + np.array([-1.0, 0.0, 0.7])[matrix[:, 1].astype(int)] + np.isnan(matrix[:, 2])
    return matrix, (rng.random(ROWS) < expit(true)).astype(float)


@pytest.fixture(scope="module")
def fitted(rows):
    return RidgeLogistic((0, 3, 0)).fit(*rows)


def test_it_is_ridge_regression_on_standardised_numbers_and_one_column_a_level(rows, fitted):
    matrix, actual = rows
    absent = np.isnan(matrix[:, 2])
    present = matrix[~absent, 2]
    design = np.column_stack(
        [
            (matrix[:, 0] - matrix[:, 0].mean()) / matrix[:, 0].std(),
            np.zeros(ROWS),
            *(matrix[:, 1] == level for level in range(3)),
            np.where(absent, 0, (matrix[:, 2] - present.mean()) / present.std()),
            absent,
        ]
    )
    oracle = LogisticRegression(C=0.25, tol=1e-10, max_iter=1000).fit(np.clip(design, -4, 4), actual)
    # another solver: both end where the gradient is below about 1e-6
    np.testing.assert_allclose(fitted.margin(matrix), oracle.decision_function(np.clip(design, -4, 4)), atol=1e-5)


def test_contributions_sum_to_the_margin_and_to_nothing_on_average(rows, fitted):
    shares = fitted.contributions(rows[0])
    np.testing.assert_allclose(shares.sum(axis=1), fitted.margin(rows[0]), atol=1e-12)
    np.testing.assert_allclose(shares[:, :-1].mean(axis=0), 0, atol=1e-8)  # means are kept to nine decimals


def test_an_unknown_category_has_no_effect_and_a_giant_counts_as_four_deviations(fitted):
    unknown = np.array([[50.0, np.nan, 0.0], [50.0, 0.0, 0.0], [50.0, 2.0, 0.0]])
    low, high = fitted.margin(unknown[[1, 2]])
    assert low < fitted.margin(unknown[[0]])[0] < high
    far = fitted.margin(np.array([[1e9, 0.0, 0.0], [200.0, 0.0, 0.0]]))
    assert far[0] == far[1]


def test_a_margin_does_not_depend_on_the_other_rows(rows, fitted):
    matrix = rows[0][:501]
    alone = np.concatenate([fitted.margin(matrix[[row]]) for row in range(len(matrix))])
    np.testing.assert_array_equal(fitted.margin(matrix), alone)


def test_constant_columns_and_no_columns_leave_the_level(rows):
    _, actual = rows
    level = np.log(actual.mean() / (1 - actual.mean()))
    for matrix in (np.zeros((ROWS, 0)), np.full((ROWS, 1), 7.0), np.full((ROWS, 1), np.nan)):
        found = RidgeLogistic((0,) * matrix.shape[1]).fit(matrix, actual)
        np.testing.assert_allclose(found.margin(matrix), level, atol=1e-6)


def test_one_class_is_refused(rows):
    with pytest.raises(FitError, match="both events and non-events"):
        RidgeLogistic((0, 3, 0)).fit(rows[0], np.ones(ROWS))


def test_state_survives_json_bit_by_bit_and_is_read_strictly(rows, fitted):
    state = json.loads(json.dumps(fitted.to_dict()))
    np.testing.assert_array_equal(RidgeLogistic.from_dict(state).margin(rows[0]), fitted.margin(rows[0]))
    for change in (
        {"more": 1},
        {"levels": [0, 3]},
        {"levels": [0, -3, 0]},
        {"intercept": None},
        {"centres": [0.0]},
        {"scales": [0.0, 1.0, 1.0]},
        {"effects": [[1.0], [1.0] * 3, [1.0] * 2]},
        {"means": ["0"] * 3},
    ):
        with pytest.raises(BundleError, match="damaged"):
            RidgeLogistic.from_dict({**state, **change})
