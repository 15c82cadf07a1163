"""Coverage, width and probability integral transform against slow loops, and uniformity under a true law."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import metric_oracles as slow
from foretell.evaluation.intervals import coverage, mean_width, pit_deviation, pit_histogram, randomised_pit

ROWS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5), st.integers(0, 5), st.integers(0, 3)), max_size=12)


@given(ROWS)
def test_coverage_and_width_are_plain_loops(rows):
    actual, low, width, weights = (list(c) for c in zip(*rows, strict=True)) if rows else ([], [], [], [])
    high = [a + b for a, b in zip(low, width, strict=True)]
    y, a, b = slow.repeated(weights, actual, low, high)
    inside = [float(p <= v <= q) for v, p, q in zip(y, a, b, strict=True)]
    assert coverage(actual, low, high, weights=weights) == pytest.approx(slow.mean(inside), nan_ok=True)
    widths = slow.mean([q - p for p, q in zip(a, b, strict=True)])
    assert mean_width(low, high, weights=weights) == pytest.approx(widths, nan_ok=True)


def test_both_ends_belong_to_the_interval():
    assert coverage([1, 2, 3], [1, 1, 1], [2, 2, 2]) == pytest.approx(2 / 3)


def test_a_reversed_interval_is_refused():
    with pytest.raises(ValueError, match="1 interval"):
        coverage([1, 2], [0, 3], [1, 2])


def test_pit_of_a_true_discrete_law_is_uniform():
    rng = np.random.default_rng(6)
    actual = rng.poisson(0.4, 5_000)
    below, at = stats.poisson.cdf(actual - 1, 0.4), stats.poisson.cdf(actual, 0.4)
    draws = randomised_pit(below, at, seed=7)
    # Kolmogorov's statistic of a true law: p below 0.001 once in a thousand seeds, and the seed is fixed
    assert stats.kstest(draws, "uniform").pvalue > 0.001
    # each share has a standard error below sqrt(.1 * .9 / 5000) = .0042
    assert pit_histogram(below, at) == pytest.approx([0.1] * 10, abs=4 * 0.0043)


def test_pit_shows_a_law_that_is_too_narrow():
    rng = np.random.default_rng(8)
    u = stats.norm.cdf(rng.normal(0, 2, 5_000))
    shares = pit_histogram(u, u)
    assert shares[0] > 0.2
    assert shares[-1] > 0.2
    assert pit_deviation(u, u) > 0.2


def test_randomised_pit_stays_within_the_jump_and_repeats_with_its_seed():
    below, at = np.array([0.0, 0.3, 0.5]), np.array([0.7, 0.3, 1.0])
    first = randomised_pit(below, at, seed=1)
    assert np.all((first >= below) & (first <= at))
    assert first[1] == 0.3
    assert np.array_equal(first, randomised_pit(below, at, seed=1))
    assert not np.array_equal(first, randomised_pit(below, at, seed=2))


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=8),
    st.integers(1, 6),
)
def test_histogram_is_the_mean_over_draws(rows, bins):
    below = [min(a, b) / 4 for a, b, _ in rows]
    at = [max(a, b) / 4 for a, b, _ in rows]
    weights = [weight for *_, weight in rows]
    low, high = slow.repeated(weights, below, at)
    reached = [slow.pit_share_up_to(edge / bins, low, high) for edge in range(1, bins + 1)]
    expected = np.diff([0.0, *reached])
    assert pit_histogram(below, at, bins=bins, weights=weights) == pytest.approx(expected, abs=1e-9, nan_ok=True)


def test_no_rows():
    assert math.isnan(coverage([], [], []))
    assert math.isnan(mean_width([], []))
    assert np.isnan(pit_histogram([], [])).all()
    assert math.isnan(pit_deviation([], []))
    assert randomised_pit([], [], seed=0).size == 0


@pytest.mark.parametrize(("below", "at"), [([-0.1], [0.5]), ([0.5], [1.1]), ([0.5], [0.4])])
def test_what_is_no_law_is_refused(below, at):
    with pytest.raises(ValueError, match="1 row"):
        randomised_pit(below, at, seed=0)
    with pytest.raises(ValueError, match="1 row"):
        pit_histogram(below, at)


def test_a_histogram_has_a_bin():
    with pytest.raises(ValueError, match="bins"):
        pit_histogram([0.1], [0.2], bins=0)
