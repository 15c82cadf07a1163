"""Levels of dates: right on past buyers by group, in order, and refused where damaged."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foretell.errors import BundleError, FitError
from foretell.models.date_spread import DateSpread

BUYERS = 60_000


def buyers(seed, bends=(1.0, 1.0, 1.0)):
    """Levels of one-time, regular and heavy buyers; a bend of 1 is a true law, in steps too small to matter."""
    rng = np.random.default_rng(seed)
    orders = rng.choice([1.0, 2.0, 3.0, 9.0], BUYERS, p=[0.4, 0.3, 0.2, 0.1])
    bend = np.choose(np.where(orders == 1, 0, np.where(orders == 9, 2, 1)), bends)
    level = rng.random(BUYERS) ** bend
    return level, level, orders


def test_a_true_law_is_left_alone():
    # a tenth of 6,000 heavy buyers is known to sqrt(.09 / 6000) = .004
    np.testing.assert_allclose(DateSpread.fit(*buyers(1)).levels([1.0, 2.0, 9.0]), [[0.1, 0.5, 0.9]] * 3, atol=0.015)


def test_each_group_is_covered_at_its_own_levels():
    bends = (0.5, 1.0, 2.0)
    spread = DateSpread.fit(*buyers(2, bends))
    early, middle, late = spread.levels([1.0, 2.0, 9.0]).T
    # quantiles of u^bend are .1^bend and .9^bend; 200 buyers' worth of all others are mixed in
    np.testing.assert_allclose(early, [0.1**bend for bend in bends], atol=0.02)
    np.testing.assert_allclose(late, [0.9**bend for bend in bends], atol=0.02)
    assert (middle == 0.5).all()
    level, _, orders = buyers(3, bends)
    low, _, high = spread.levels(orders).T
    for group in (orders == 1, (orders > 1) & (orders < 9), orders == 9):
        inside = (low[group] <= level[group]) & (level[group] <= high[group])
        # two samples of at least 6,000, four standard errors each, and the pull of the pool
        assert inside.mean() == pytest.approx(0.8, abs=0.035)


def test_a_day_that_holds_much_of_the_law_counts_as_within():
    # everybody orders on the first day, which holds all of the law below .3
    spread = DateSpread.fit(np.zeros(5000), np.full(5000, 0.3), np.full(5000, 2.0))
    early, middle, late = spread.levels([2.0])[0]
    assert early < 0.3
    assert middle == 0.5
    assert late >= middle


def test_few_buyers_change_little_and_none_nothing():
    few = DateSpread.fit(np.full(10, 0.9), np.full(10, 0.9), np.full(10, 2.0))
    # 10 buyers against 200 of a true law, in the group and in all
    assert few.levels([2.0])[0, 0] == pytest.approx(0.1 + 0.8 * (1 - (200 / 210) ** 2), abs=1e-6)
    assert DateSpread.fit([], [], []).levels([1.0, 5.0]).tolist() == [[0.1, 0.5, 0.9]] * 2
    assert DateSpread().levels([]).shape == (0, 3)


def test_the_nth_of_n_is_its_share_of_n_plus_one():
    level = np.arange(1, 100) / 100
    # ten of 99 lie at or below a tenth, so that the next buyer does with a chance of 10 / 100
    found = DateSpread.fit(level, level, np.ones(99)).levels([1.0, 2.0])
    np.testing.assert_allclose(found, [[0.1, 0.5, 0.9]] * 2, atol=1e-9)


def test_dates_stay_in_order_where_everybody_came_last():
    late = DateSpread.fit(np.full(9000, 0.99), np.ones(9000), np.ones(9000), middle=0.45)
    assert late.levels([1.0])[0, 0] == 0.45
    soon = DateSpread.fit(np.zeros(9000), np.full(9000, 0.01), np.ones(9000), middle=0.45)
    assert soon.levels([1.0])[0, 2] == 0.45


def test_weights_are_repetitions_and_rows_without_any_do_not_count():
    before, at, orders = (column[:300] for column in buyers(4, (0.5, 1.0, 2.0)))
    orders = np.minimum(orders, 3.0)
    alone = DateSpread.fit(before, at, orders, heavy_from=9.0)
    padded = DateSpread.fit(
        *(np.r_[column, np.full(50, fill)] for column, fill in ((before, 0.5), (at, 0.5), (orders, 9.0))),
        np.r_[np.full(300, 3.0), np.zeros(50)],
        heavy_from=9.0,
    )
    assert padded == alone


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.integers(1, 20)), max_size=40), st.sampled_from([0.4, 0.5])
)
def test_levels_are_in_order_whatever_the_past(rows, middle):
    pairs = [(min(a, b), max(a, b), n) for a, b, n in rows]
    before, at, orders = (np.array(column, dtype=float) for column in zip(*pairs, strict=True)) if pairs else [[]] * 3
    found = DateSpread.fit(before, at, orders, middle=middle).levels(np.arange(1.0, 25.0))
    assert ((found > 0) & (found < 1)).all()
    assert (np.diff(found, axis=1) >= 0).all()


def test_all_that_is_wrong_is_named_at_once():
    with pytest.raises(FitError, match=r"broken in 2 row.*orders .* 1 row.*weights .* 1 row.*middle"):
        DateSpread.fit([0.5, np.nan, 0.1], [0.4, 0.5, 0.2], [1, 1, 0], [1, -1, 1], middle=1.0)
    with pytest.raises(FitError, match="lengths differ"):
        DateSpread.fit([0.5], [0.5], [1.0, 2.0])


def test_levels_survive_json():
    spread = DateSpread.fit(*buyers(5, (0.7, 1.0, 1.3)), middle=0.45)
    assert DateSpread.from_dict(json.loads(json.dumps(spread.to_dict()))) == spread


@pytest.mark.parametrize(
    "change",
    [
        {"heavy_from": None},
        {"middle": 1.0},
        {"middle": True},
        {"early": [0.1, 0.1]},
        {"early": [0.1, 0.1, 0.6]},
        {"late": [0.9, 0.4, 0.9]},
        {"late": [0.9, float("nan"), 0.9]},
        {"late": 0.9},
        {"more": 1},
    ],
)
def test_damaged_levels_are_refused(change):
    with pytest.raises(BundleError):
        DateSpread.from_dict({**DateSpread().to_dict(), **change})
    with pytest.raises(BundleError):
        DateSpread.from_dict({})
