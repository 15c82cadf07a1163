"""The law of realised spend: coverage by group on known laws, the atom at zero, pooling, and edges."""

import json

import numpy as np
import pytest
from scipy import stats

from foretell.errors import BundleError, FitError
from foretell.evaluation.intervals import randomised_pit
from foretell.models.ratio_tables import GRID
from foretell.models.spend_spread import FEWEST_BUYERS, SpendSpread

ROWS = 40_000


def shapes(p_none, orders):
    """Shape of a gamma ratio: the surer and the heavier, the nearer to 1."""
    return np.where(orders == 1, 1.0, np.where(orders >= 6, 9.0, 3.0)) * (1 + 2 * (p_none < 0.3))


def shop(seed, rows=ROWS, level_sd=0.0):
    rng = np.random.default_rng(seed)
    orders = rng.choice([1.0, 1.0, 2.0, 3.0, 4.0, 6.0, 9.0], rows)
    p_none = np.clip(rng.beta(1.2, 1.2, rows) + 0.2 * (orders == 1), 0.0, 1.0)
    scale = rng.gamma(2.0, 20.0, rows) * np.exp(level_sd * rng.standard_normal())
    bought = rng.random(rows) >= p_none
    shape = shapes(p_none, orders)
    spend = np.where(bought, scale * rng.gamma(shape) / shape, 0.0)
    return spend, p_none, scale * (1 - p_none), orders


@pytest.fixture(scope="module")
def fitted():
    return SpendSpread.fit(*shop(1))


def groups(orders):
    return {"one-time": orders == 1, "regular": (orders > 1) & (orders < 6), "heavy": orders >= 6}


def test_the_80_percent_interval_holds_80_percent_in_each_group_and_along_the_prediction(fitted):
    spend, p_none, mean, orders = shop(2)
    below, at = fitted.cdf(spend, p_none, mean, orders)
    pit = randomised_pit(below, at, seed=0)
    within = (pit >= 0.1) & (pit <= 0.9)
    parts = [*groups(orders).values(), p_none < 0.3, (p_none >= 0.3) & (p_none < 0.7), p_none >= 0.7]
    for part in parts:
        # four standard errors sqrt(.16 / rows), and as much again for the law, which was learnt on as many rows
        assert within[part].mean() == pytest.approx(0.8, abs=4 * np.sqrt(0.32 / part.sum()) + 0.005)


def test_the_interval_and_the_distribution_function_are_one_law(fitted):
    _, p_none, mean, orders = shop(3, 3000)
    sizes = mean > 0
    p_none, mean, orders = p_none[sizes], mean[sizes], orders[sizes]
    for probability in (0.05, 0.1, 0.5, 0.9, 0.97):
        quantile = fitted.quantiles(p_none, mean, orders, (probability,))[:, 0]
        below, at = fitted.cdf(quantile, p_none, mean, orders)
        assert (below <= probability + 1e-9).all()
        assert (at >= probability - 1e-9).all()


def test_zero_holds_at_least_the_probability_of_no_purchase(fitted):
    _, p_none, mean, orders = shop(4, 2000)
    below, at = fitted.cdf(np.zeros(2000), p_none, mean, orders)
    assert (below == 0).all()
    np.testing.assert_allclose(at, np.where(mean > 0, p_none, 1.0), atol=1e-12)
    low, high = fitted.quantiles(p_none, mean, orders).T
    assert (low[p_none >= 0.1] == 0).all()
    assert (high[p_none >= 0.9] == 0).all()
    assert (high[(p_none < 0.85) & (mean > 0)] > 0).all()


def test_plain_coverage_counts_those_who_do_not_return(fitted):
    spend, p_none, mean, orders = shop(5)
    low, high = fitted.quantiles(p_none, mean, orders).T
    inside = (low <= spend) & (spend <= high)
    for part in groups(orders).values():
        assert inside[part].mean() > 0.8


def test_quantiles_rise_with_the_probability_and_in_proportion_to_the_mean(fitted):
    _, p_none, mean, orders = shop(6, 2000)
    found = fitted.quantiles(p_none, mean, orders, (0.01, 0.1, 0.3, 0.5, 0.9, 0.999))
    assert (np.diff(found, axis=1) >= 0).all()
    np.testing.assert_allclose(fitted.quantiles(p_none, 3 * mean, orders, (0.5,)), 3 * found[:, [3]], rtol=1e-12)


def test_one_customer_is_answered_like_all_together(fitted):
    spend, p_none, mean, orders = (column[:50] for column in shop(7, 50))
    together, chances = fitted.quantiles(p_none, mean, orders), fitted.cdf(spend, p_none, mean, orders)
    for row in range(50):
        one = slice(row, row + 1)
        assert fitted.quantiles(p_none[one], mean[one], orders[one]).tolist() == together[one].tolist()
        alone = fitted.cdf(spend[one], p_none[one], mean[one], orders[one])
        assert [part[0] for part in alone] == [part[row] for part in chances]


def test_no_customer_gets_no_row(fitted):
    assert fitted.quantiles([], [], []).shape == (0, 2)
    assert [part.shape for part in fitted.cdf([], [], [], [])] == [(0,), (0,)]


def test_certainty_and_nothing_to_expect_have_answers(fitted):
    p_none, mean, orders = np.array([0.0, 1.0, 1.0, 0.5, 0.0]), np.array([10.0, 0.0, 5.0, 0.0, 0.0]), np.ones(5)
    found = fitted.quantiles(p_none, mean, orders)
    assert np.isfinite(found).all()
    assert (found[0] > 0).all()
    assert (found[1:] == 0).all()
    below, at = fitted.cdf(np.array([10.0, 0.0, 1.0, 0.0, 0.0]), p_none, mean, orders)
    assert ((below >= 0) & (below <= at) & (at <= 1)).all()
    assert at[1:].tolist() == [1.0] * 4


def test_refunds_lie_below_the_atom_and_free_orders_on_it():
    rng = np.random.default_rng(8)
    rows = 20_000
    kind = rng.choice(3, rows, p=[0.2, 0.3, 0.5])  # refund, free, paid
    bought = rng.random(rows) < 0.8
    spend = np.where(bought, np.choose(kind, [-rng.random(rows), np.zeros(rows), rng.random(rows)]), 0.0)
    rest = np.full(rows, 0.2), np.full(rows, 0.12), np.full(rows, 3.0)
    spread = SpendSpread.fit(spend, *rest, bought=bought)
    refunded, at = (part[0] for part in spread.cdf([0.0], *(column[:1] for column in rest)))
    # .8 x .2 refunds; zero is the .2 who stay away and .8 x .3 free orders; a share known to sqrt(.25 / 16,000)
    assert refunded == pytest.approx(0.16, abs=0.02)
    assert at == pytest.approx(0.16 + 0.2 + 0.24, abs=0.02)
    low, zero, high = spread.quantiles(*(column[:1] for column in rest), probabilities=(0.1, 0.4, 0.9))[0]
    assert low < 0 == zero < high


def test_heavy_ties_keep_their_mass():
    rng = np.random.default_rng(9)
    p_none = np.full(5000, 0.4)
    spend = np.where(rng.random(5000) < 0.6, 25.0, 0.0)
    spread = SpendSpread.fit(spend, p_none, np.full(5000, 15.0), np.full(5000, 2.0))
    below, at = (part[0] for part in spread.cdf([25.0], [0.4], [15.0], [2.0]))
    assert (below, at) == (pytest.approx(0.4), 1.0)
    assert spread.quantiles([0.4], [15.0], [2.0]).tolist() == [[0.0, pytest.approx(25.0)]]


def test_finite_samples_are_covered_as_often_as_promised():
    rng = np.random.default_rng(10)
    covered = []
    for _ in range(200):
        ratio = rng.lognormal(0, 1, 61)
        spread = SpendSpread.fit(ratio[:60], np.zeros(60), np.ones(60), np.ones(60))
        low, high = spread.quantiles([0.0], [1.0], [1.0])[0]
        chance = stats.lognorm(1.0)
        covered.append(chance.cdf(high) - chance.cdf(low))
    # without the + 1 in n + 1 the mean would be 80 % x 60 / 61, .013 less; its standard error is .0035
    assert np.mean(covered) == pytest.approx(0.8, abs=0.01)


def test_a_small_group_is_pooled_with_the_others():
    rng = np.random.default_rng(11)
    orders = np.repeat([2.0, 1.0], [3000, 10])
    ratio = np.concatenate([rng.gamma(4.0, 0.25, 3000), np.full(10, 9.0)])
    spread = SpendSpread.fit(ratio, np.zeros(3010), np.ones(3010), orders)
    middle = spread.quantiles([0.0, 0.0], [1.0, 1.0], [1.0, 2.0], (0.5,))[:, 0]
    # 10 rows at 9 against 30 at the median .92 of all
    assert middle[0] == pytest.approx((10 * 9.0 + 30 * middle[1]) / 40, rel=0.02)
    # the top tenth by orders holds all who ordered twice, so that nobody is left in between
    assert [group.size for group in spread.groups] == [10, 0, 3000]
    assert np.isfinite(spread.groups[1].quantiles).all()


def test_weights_are_repetitions_but_for_their_number():
    spend, p_none, mean, orders = shop(12, 1500)
    twice = SpendSpread.fit(*(np.repeat(column, 2) for column in (spend, p_none, mean, orders)))
    heavy = SpendSpread.fit(spend, p_none, mean, orders, np.full(1500, 2.0))
    once = SpendSpread.fit(spend, p_none, mean, orders)
    assert heavy == once
    assert twice.groups[0].size == pytest.approx(2 * once.groups[0].size)
    none = SpendSpread.fit(
        *(np.concatenate([c, c]) for c in (spend, p_none, mean, orders)), np.repeat([1.0, 0.0], 1500)
    )
    assert none.groups == once.groups


def test_the_uncertain_level_of_the_shop_widens_the_interval():
    spend, p_none, mean, orders = shop(13)
    narrow, wide = (SpendSpread.fit(spend, p_none, mean, orders, level_sd=sd) for sd in (0.0, 0.3))
    outcomes = [shop(seed, 2000, level_sd=0.3) for seed in range(100, 160)]
    share = {}
    for name, spread in (("narrow", narrow), ("wide", wide)):
        covered = []
        for realised, none, sizes, bought in outcomes:
            # what is predicted is the middle level
            level = np.exp(np.log(sizes[sizes > 0] / (1 - none[sizes > 0])).mean() - np.log(40 * np.exp(-0.27)))
            pit = randomised_pit(*spread.cdf(realised, none, sizes / level, bought), seed=1)
            covered.append(((pit >= 0.1) & (pit <= 0.9))[bought >= 6].mean())
        share[name] = np.mean(covered)
    # 60 windows, whose shares vary by .06 each
    assert share["wide"] == pytest.approx(0.8, abs=0.03)
    assert share["narrow"] < share["wide"] - 0.03


def test_the_law_does_not_jump_between_customers_who_are_alike(fitted):
    p_none = np.linspace(0.001, 0.8, 4000)
    for orders in (1.0, 3.0, 9.0):
        high = fitted.quantiles(p_none, 10 * (1 - p_none), np.full(4000, orders), (0.9,))[:, 0]
        # it moves by some 20 over 4,000 steps
        assert np.abs(np.diff(high)).max() < 0.2


def test_buyers_of_whom_nothing_was_expected_have_no_ratio():
    spend, p_none, mean, orders = shop(15, 2000)
    clean = mean > 0
    known = SpendSpread.fit(*(column[clean] for column in (spend, p_none, mean, orders)))
    lost = np.arange(2000) < 40
    with_lost = SpendSpread.fit(
        *(np.r_[column[clean], extra] for column, extra in ((spend, spend[lost] + 1), (p_none, p_none[lost] * 0.5))),
        np.r_[mean[clean], np.zeros(40)],
        np.r_[orders[clean], orders[lost]],
    )
    assert with_lost.groups == known.groups


def test_few_buyers_are_refused_with_a_remedy():
    few = np.r_[np.ones(FEWEST_BUYERS - 1), np.zeros(500)]
    rest = np.full(few.size, 0.9), np.full(few.size, 0.1), np.ones(few.size)
    with pytest.raises(FitError, match=r"49 buyers .* 50 are needed; use the purchase model's own quantiles"):
        SpendSpread.fit(few, *rest)
    with pytest.raises(FitError, match="0 buyers"):
        SpendSpread.fit([], [], [], [])


def test_all_that_is_wrong_is_named_at_once():
    with pytest.raises(FitError, match=r"spend .* 1 row.*p_none .* 1 row.*mean_spend .* 2 row.*orders .* 1 row"):
        SpendSpread.fit([np.nan, 1, 1], [2.0, 0.1, 0.1], [-1, np.inf, 1], [0, 1, 1])
    with pytest.raises(FitError, match="lengths differ"):
        SpendSpread.fit([1.0, 2.0], [0.5], [1.0], [1.0])
    with pytest.raises(FitError, match="level_sd"):
        SpendSpread.fit(*shop(14, 200), level_sd=-1.0)


@pytest.mark.parametrize("probability", [0.0, 1.0, -0.1])
def test_quantiles_beyond_the_law_are_refused(fitted, probability):
    with pytest.raises(ValueError, match="between 0 and 1"):
        fitted.quantiles([0.5], [1.0], [1.0], (probability,))


def test_a_law_survives_json(fitted):
    assert SpendSpread.from_dict(json.loads(json.dumps(fitted.to_dict()))) == fitted


def _without(state, key):
    del state[key]


@pytest.mark.parametrize(
    "damage",
    [
        lambda state: _without(state, "groups"),
        lambda state: state.update(more=1),
        lambda state: state.update(heavy_from="6"),
        lambda state: state.update(probabilities=state["probabilities"][:-1]),
        lambda state: state["groups"].pop(),
        lambda state: state["groups"][0].update(size=-1.0),
        lambda state: state["groups"][0].update(knots=[]),
        lambda state: state["groups"][0]["knots"].reverse(),
        lambda state: state["groups"][0].update(knots=[0.0] * len(state["groups"][0]["knots"])),
        lambda state: state["groups"][0]["quantiles"].pop(),
        lambda state: state["groups"][1]["quantiles"][0].pop(),
        lambda state: state["groups"][1]["quantiles"][0].reverse(),
        lambda state: state["groups"][1]["quantiles"][0].__setitem__(3, float("nan")),
        lambda state: state["groups"].__setitem__(0, None),
    ],
)
def test_a_damaged_law_is_refused(fitted, damage):
    state = json.loads(json.dumps(fitted.to_dict()))
    damage(state)
    with pytest.raises(BundleError):
        SpendSpread.from_dict(state)


def test_the_grid_is_part_of_the_format(fitted):
    assert fitted.to_dict()["probabilities"] == GRID.tolist()
    assert GRID[0] == 0.0
    assert GRID[-1] == 1.0


def very_heavy(seed, rows=20_000):
    """A shop whose heavy buyers expect 4 to 60 orders, each spending as a sum of so many exponential amounts."""
    rng = np.random.default_rng(seed)
    expected = np.exp(rng.uniform(0.0, np.log(60.0), rows))
    spend = 10.0 * rng.gamma(expected)
    return spend, np.full(rows, 1e-6), 10.0 * expected, np.where(expected > 4, 9.0, 3.0), expected


def test_who_orders_most_has_an_interval_of_their_own_width():
    spend, p_none, mean, orders, expected = very_heavy(1)
    spread = SpendSpread.fit(spend, p_none, mean, orders, expected_orders=expected)
    for size in (6.0, 20.0, 55.0):
        low, high = spread.quantiles([1e-6], [10 * size], [9.0], expected_orders=[size])[0]
        true = 10 * stats.gamma(size).ppf([0.1, 0.9])
        # p_none is the same for all, so the group has one table: what differs is the dispersion alone.
        assert (low, high) == (pytest.approx(true[0], rel=0.1), pytest.approx(true[1], rel=0.1))
    alike = SpendSpread.fit(spend, p_none, mean, orders)
    low, high = alike.quantiles([1e-6], [550.0], [9.0])[0]
    assert high - low > 1.5 * (stats.gamma(55.0).ppf(0.9) - stats.gamma(55.0).ppf(0.1)) * 10
    with pytest.raises(ValueError, match="expected_orders are needed"):
        spread.quantiles([1e-6], [550.0], [9.0])


def test_a_stretched_law_is_one_law_too_and_keeps_refunds_and_free_orders():
    rng = np.random.default_rng(3)
    _, p_none, mean, orders, expected = very_heavy(2, 4_000)
    kind = rng.random(4_000)
    spend = np.where(kind < 0.1, -5.0, np.where(kind < 0.2, 0.0, mean * rng.gamma(expected) / expected))
    bought = np.ones(4_000, dtype=bool)
    spread = SpendSpread.fit(spend, p_none, mean, orders, expected_orders=expected, bought=bought)
    rows = slice(0, 400)
    for probability in (0.05, 0.15, 0.3, 0.9):
        quantile = spread.quantiles(
            p_none[rows], mean[rows], orders[rows], (probability,), expected_orders=expected[rows]
        )[:, 0]
        below, at = spread.cdf(quantile, p_none[rows], mean[rows], orders[rows], expected_orders=expected[rows])
        assert (below <= probability + 1e-6).all()
        assert (at >= probability - 1e-6).all()
    below, at = spread.cdf(np.zeros(400), p_none[rows], mean[rows], orders[rows], expected_orders=expected[rows])
    # a tenth are refunded, a tenth free; 2,000 rows and more know a tenth to .007
    assert below.mean() == pytest.approx(0.1, abs=0.03)
    assert at.mean() == pytest.approx(0.2, abs=0.03)
    # what is next to nothing lies above all that is nothing, where narrow tables cannot reach it either
    below, _ = spread.cdf(0.001 * mean[rows], p_none[rows], mean[rows], orders[rows], expected_orders=expected[rows])
    assert below.min() > 0.15
