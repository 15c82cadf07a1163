"""Distances of distributions: against scipy, with ties and holes; the critical value against its published table."""

import json

import numpy as np
import polars as pl
import pytest
from scipy.stats import ks_2samp

from foretell.evaluation.drift import Distribution, chance_distance


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.5, 3.0])
def test_the_distance_is_the_two_sample_statistic_up_to_the_width_of_a_cut(shift):
    draw = np.random.default_rng(3)
    then, now = draw.normal(size=4_000), draw.normal(shift, size=3_000)
    found = Distribution.of(pl.Series(then)).distance(pl.Series(now))
    exact = ks_2samp(then, now).statistic
    # between two cuts, a twentieth of the sample apart, the largest difference can be missed by at most that
    assert exact - 0.05 <= found <= exact + 1e-6


def test_a_sample_lies_nowhere_from_itself_whatever_its_ties():
    for values in ([0.0] * 50, [0.0] * 40 + [1.0, 2.0], [1.0], [None, 1.0, None], [], [None, None]):
        series = pl.Series(values, dtype=pl.Float64)
        assert Distribution.of(series).distance(series) == 0


def test_a_mass_that_moves_off_a_tie_is_seen_in_full():
    then, now = pl.Series([1.0] * 60 + [2.0] * 40), pl.Series([1.0] * 30 + [2.0] * 70)
    assert Distribution.of(then).distance(now) == pytest.approx(0.3, abs=1e-12)


def test_missing_values_count_by_their_share():
    then, now = pl.Series([1.0] * 100), pl.Series([1.0] * 60 + [None] * 40)
    assert Distribution.of(then).distance(now) == pytest.approx(0.4, abs=1e-12)
    assert Distribution.of(now).distance(then) == pytest.approx(0.4, abs=1e-12)
    assert Distribution.of(then).distance(pl.Series([None] * 5, dtype=pl.Float64)) == 1


def test_it_comes_back_from_json():
    found = Distribution.of(pl.Series(np.random.default_rng(1).gamma(1, size=500)))
    assert Distribution.from_dict(json.loads(json.dumps(found.as_dict()))) == found
    assert found.size == 500


@pytest.mark.parametrize(
    "change",
    [{"edges": [2.0, 1.0]}, {"counts": [1]}, {"counts": [-1, 2, 3]}, {"nulls": -1}, {"edges": [1.0, float("nan")]}],
)
def test_what_is_no_distribution_is_refused(change):
    whole = {"edges": [1.0, 2.0], "counts": [1, 2, 3], "nulls": 0}
    assert Distribution.from_dict(whole).size == 6
    with pytest.raises(ValueError, match="no distribution"):
        Distribution.from_dict(whole | change)


def test_the_critical_value_is_the_published_one():
    # Smirnov's factors of 10, 5, 1 and 0.1 %: 1.224, 1.358, 1.628, 1.949
    for level, factor in ((0.10, 1.224), (0.05, 1.358), (0.01, 1.628), (0.001, 1.949)):
        assert chance_distance(2, 2, level=level) == pytest.approx(min(1.0, factor), abs=5e-4)
        assert chance_distance(400, 100, level=level) == pytest.approx(factor * (500 / 40_000) ** 0.5, abs=5e-4)
    assert chance_distance(0, 10, level=0.05) == 1
