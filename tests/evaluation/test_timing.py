"""Date errors and concordance against slow loops; censoring, ties, weights and degenerate input."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import metric_oracles as slow
from foretell.evaluation.concordance import PairTree, concordance
from foretell.evaluation.timing import median_abs_error, within_7_days

PAIRS = st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40), st.integers(0, 3)), max_size=12)
# few distinct days, so that buyers and the censored often meet on one day
HISTORIES = st.lists(
    st.tuples(st.integers(1, 9), st.booleans(), st.sampled_from([0.0, 1.0, 2.5, 7.0, math.inf]), st.integers(0, 3)),
    max_size=14,
)


@given(PAIRS)
def test_date_errors_are_plain_loops(rows):
    actual, predicted, weights = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    y, z = slow.repeated(weights, actual, predicted)
    gaps = [abs(a - b) for a, b in zip(y, z, strict=True)]
    assert median_abs_error(actual, predicted, weights=weights) == pytest.approx(slow.median(gaps), nan_ok=True)
    near = slow.mean([float(gap <= 7) for gap in gaps])
    assert within_7_days(actual, predicted, weights=weights) == pytest.approx(near, nan_ok=True)


def test_date_errors_by_hand():
    assert median_abs_error([10, 10, 10, 10], [10, 12, 17, 40]) == 4.5
    assert within_7_days([10, 10, 10, 10], [10, 12, 17, 40]) == 0.75


def test_no_buyer_is_nan():
    assert math.isnan(median_abs_error([], []))
    assert math.isnan(within_7_days([], []))


@given(HISTORIES)
def test_concordance_compares_all_comparable_pairs(rows):
    days, observed, expected, weights = (list(c) for c in zip(*rows, strict=True)) if rows else ([], [], [], [])
    wanted = slow.concordance(*slow.repeated(weights, days, observed, expected))
    found = concordance(days, observed, expected, weights=weights)
    assert found == pytest.approx(wanted, rel=1e-9, nan_ok=True)


@pytest.mark.parametrize("censored_at", [None, 30])
def test_concordance_of_a_larger_shop(censored_at):
    rng = np.random.default_rng(5)
    days = rng.integers(1, 60, 300)
    observed = rng.random(300) < 0.6
    if censored_at is not None:
        observed, days = days < censored_at, np.minimum(days, censored_at)
    expected = np.round(days + rng.normal(0, 20, 300))
    assert concordance(days, observed, expected) == pytest.approx(slow.concordance(days, observed, expected), rel=1e-12)


def test_concordance_of_right_and_wrong_orders():
    days, observed = [1, 2, 3, 3], [True, True, True, False]
    assert concordance(days, observed, [1, 2, 3, 4]) == 1.0
    assert concordance(days, observed, [4, 3, 2, 1]) == 0.0
    assert concordance(days, observed, [5, 5, 5, 5]) == 0.5


def test_one_watched_until_a_day_bought_after_those_who_bought_on_it():
    assert concordance([3, 3], [True, False], [1, 2]) == 1.0


def test_copies_of_one_customer_are_not_compared():
    assert math.isnan(concordance([3], [True], [1], weights=[5]))


def test_nothing_comparable_is_nan():
    assert math.isnan(concordance([], [], []))
    assert math.isnan(concordance([1, 2], [False, False], [1, 2]))
    assert math.isnan(concordance([1, 2], [True, True], [1, 2], weights=[0, 0]))


def test_all_pairs_with_the_never_seen_are_counted_in_one_pass():
    days = np.concatenate((np.arange(1, 101), np.full(900, 100)))
    observed = np.arange(1000) < 100
    tree = PairTree(days, observed, np.arange(1000.0))
    assert sum(level.later.size for level in tree._levels) < 900 + 100 * 7


@pytest.mark.parametrize(
    ("days", "expected", "text"),
    [([1, math.nan], [1, 2], "days"), ([1, 2], [1, math.nan], "expected"), ([1, 2], [1, 2, 3], "differ in length")],
)
def test_unsound_input_is_refused(days, expected, text):
    with pytest.raises(ValueError, match=text):
        concordance(days, [True, True], expected)
