"""Quantiles of the spend to be realised: against the exact law, against simulation, and one row at a time."""

import math

import numpy as np
import polars as pl
import pytest
from scipy.special import betainc

from foretell.errors import ColumnMismatch, NotFitted
from foretell.models import spend, spend_tables
from foretell.models.cnbd import MBGCNBD
from foretell.models.gamma_gamma import GammaGamma
from foretell.models.gamma_gamma_kernel import GammaGammaParameters
from foretell.models.pareto_kernel import ParetoNBDParameters
from foretell.models.pareto_nbd import ParetoNBD
from foretell.models.spend import spend_quantiles
from models.oracles.pareto_oracle import simulate, summary_of

TIMING = ParetoNBDParameters(0.553, 74.0, 0.606, 82.0)
VALUE = GammaGammaParameters(9.9, 3.4, 7.9)
HORIZON = 365.0


@pytest.fixture(scope="module")
def drawn():
    """Customers with known truth: what was seen, and what they spent in the year after."""
    seen = simulate(TIMING, customers=40_000, observed=(190.0, 450.0), future=HORIZON, seed=12)
    rng = np.random.default_rng(13)
    nu = rng.gamma(VALUE.q, 1 / VALUE.v, 40_000)
    x_v = seen["x"] + 1.0
    seen["z"] = rng.gamma(VALUE.p * x_v, 1 / nu) / x_v
    later = seen["future"] > 0
    seen["spend"] = np.zeros(40_000)
    seen["spend"][later] = rng.gamma(VALUE.p * seen["future"][later], 1 / nu[later])
    return seen


@pytest.fixture(scope="module")
def summary(drawn):
    return summary_of(drawn["x"], drawn["t_x"], drawn["T"]).with_columns(
        (pl.col("repeat_orders") + 1).alias("orders_with_value"),
        pl.Series("mean_order_value", drawn["z"]),
        pl.lit(0.0).alias("sum_log_gaps_days"),
    )


@pytest.fixture(scope="module")
def values(summary):
    return GammaGamma().fit(summary.head(5000))


@pytest.fixture(scope="module", params=[ParetoNBD(), MBGCNBD(k=1)], ids=["pareto", "mbg"])
def timing(request, summary):
    return request.param.fit(summary.head(5000))


def chance_of_at_most(model, values, frame, spend, *, horizon=HORIZON, most=600):
    """P(S <= s) term by term."""
    at_least = model.order_count_law(frame, horizon, most)["p_at_least"].to_numpy()
    at_least = np.column_stack([np.ones(frame.height), at_least])
    p = values.params_
    x_v, z = (frame[name].fill_null(0).to_numpy() for name in ("orders_with_value", "mean_order_value"))
    total = 1.0 - at_least[:, 1]
    for m in range(1, most):
        t = spend / (spend + p.v + x_v * z)
        total += (at_least[:, m] - at_least[:, m + 1]) * betainc(p.p * m, p.p * x_v + p.q, t)
    return total, 1.0 - at_least[:, 1]


def test_the_chance_of_at_most_a_quantile_is_its_probability(timing, values, summary):
    frame = pl.concat([summary.head(300), summary.sort("repeat_orders").tail(12)])
    found = spend_quantiles(timing, values, frame, horizon_days=HORIZON, probabilities=(0.1, 0.5, 0.9))
    for name, probability in (("spend_q10", 0.1), ("spend_q50", 0.5), ("spend_q90", 0.9)):
        spend = found[name].to_numpy()
        chance, none = chance_of_at_most(timing, values, frame, spend)
        assert (spend[none >= probability] == 0).all()
        positive = spend > 0
        assert (none[~positive] >= probability - 1e-6).all()
        # the accuracy that the module states
        assert chance[positive] == pytest.approx(np.full(positive.sum(), probability), abs=1e-5)
    assert ((found["spend_q10"] <= found["spend_q50"]) & (found["spend_q50"] <= found["spend_q90"])).all()
    assert (found["spend_q10"] > 0).sum() > 5
    assert (found["spend_q90"] > 0).sum() > 100


def test_realised_spend_falls_below_the_quantiles_as_often_as_they_say(drawn, summary):
    state = {
        name: ParetoNBD().fit(summary.head(500)).to_dict()[name] for name in ("kind", "log_likelihood", "fit_report")
    }
    truth = ParetoNBD.from_dict({**state, "params": dict(vars(TIMING))})
    values = GammaGamma().fit(summary.head(500))
    values.params_ = VALUE
    found = spend_quantiles(truth, values, summary, horizon_days=HORIZON)
    for name, probability in (("spend_q10", 0.1), ("spend_q90", 0.9)):
        quantile = found[name].to_numpy()
        some = quantile > 0
        share = (drawn["spend"][some] <= quantile[some]).mean()
        # four standard errors of a share
        assert share == pytest.approx(probability, abs=4 * math.sqrt(probability * (1 - probability) / some.sum()))
        assert (drawn["spend"][~some] <= 0).mean() >= probability


def test_a_customer_has_the_same_quantiles_alone(timing, values, summary):
    whole = spend_quantiles(timing, values, summary.head(3000), horizon_days=HORIZON)
    part = spend_quantiles(timing, values, summary[3:3000:37], horizon_days=HORIZON)
    assert part.equals(whole[3:3000:37])
    for row in (int(summary.head(3000)["repeat_orders"].arg_max()), 17):
        assert spend_quantiles(timing, values, summary[row : row + 1], horizon_days=HORIZON).equals(
            whole[row : row + 1]
        )


def test_money_in_another_unit_scales_the_quantiles(timing, values, summary):
    frame = summary.head(400)
    state = values.to_dict()
    state["params"]["v"] *= 100
    cents = spend_quantiles(
        timing,
        GammaGamma.from_dict(state),
        frame.with_columns(pl.col("mean_order_value") * 100),
        horizon_days=HORIZON,
    )
    units = spend_quantiles(timing, values, frame, horizon_days=HORIZON)
    assert cents["spend_q90"].to_numpy() == pytest.approx(100 * units["spend_q90"].to_numpy(), rel=1e-12)


def test_customers_without_a_value_have_the_populations_law(timing, values, summary):
    frame = summary.sort("repeat_orders").tail(3)
    silent = frame.with_columns(
        pl.lit(0).alias("orders_with_value"), pl.lit(None, pl.Float64).alias("mean_order_value")
    )
    found = spend_quantiles(timing, values, silent, horizon_days=HORIZON)["spend_q90"].to_numpy()
    chance, _ = chance_of_at_most(timing, values, silent, found)
    assert chance == pytest.approx(np.full(3, 0.9), abs=1e-5)


def test_with_a_pooled_mean_only_the_number_of_orders_varies(timing, summary):
    few = GammaGamma(min_customers=10**6).fit(summary)
    frame = summary.head(500)
    found = spend_quantiles(timing, few, frame, horizon_days=HORIZON)
    at_most = 1.0 - timing.order_count_law(frame, HORIZON, 400)["p_at_least"].to_numpy()
    for name, probability in (("spend_q10", 0.1), ("spend_q90", 0.9)):
        # the smallest number of orders whose chance of not being exceeded reaches the probability
        orders = (at_most < probability).sum(axis=1)
        assert found[name].to_numpy() == pytest.approx(orders * few.population_mean_, rel=1e-14)
    assert found["spend_q90"].max() > 2 * few.population_mean_


def test_nearly_constant_order_values_keep_their_quantiles_in_place(timing, values, summary):
    state = values.to_dict()
    # every order of every customer is worth 20, within a thousandth
    state["params"] = {"p": 1e6, "q": 1e6, "v": 20.0}
    frame = summary.head(300)
    found = spend_quantiles(
        timing,
        GammaGamma.from_dict(state),
        frame.with_columns(pl.lit(20.0).alias("mean_order_value")),
        horizon_days=HORIZON,
    )
    at_most = 1.0 - timing.order_count_law(frame, HORIZON, 400)["p_at_least"].to_numpy()
    orders = (at_most < 0.9).sum(axis=1)
    # the lattice has steps of 0.004 here
    assert found["spend_q90"].to_numpy() == pytest.approx(20.0 * orders, rel=0.006)


def test_frames_are_keyed_and_left_alone(timing, values, summary):
    frame = summary.head(50).sample(fraction=1.0, shuffle=True, seed=1)
    before = frame.clone()
    found = spend_quantiles(timing, values, frame, horizon_days=30, probabilities=(0.05, 0.995))
    assert found.columns == ["customer_id", "spend_q5", "spend_q99.5"]
    assert found["customer_id"].equals(frame["customer_id"])
    assert frame.equals(before)
    assert spend_quantiles(timing, values, frame.head(0), horizon_days=30).height == 0


@pytest.mark.parametrize("probabilities", [(), (0.0, 0.5), (1.0,), (math.nan,)])
def test_probabilities_are_between_0_and_1(timing, values, summary, probabilities):
    with pytest.raises(ValueError, match="probabilities must lie between 0 and 1"):
        spend_quantiles(timing, values, summary, horizon_days=30, probabilities=probabilities)


def test_unfitted_models_and_missing_columns_are_refused(timing, values, summary):
    with pytest.raises(NotFitted):
        spend_quantiles(timing, GammaGamma(), summary, horizon_days=30)
    with pytest.raises(NotFitted):
        spend_quantiles(ParetoNBD(), values, summary, horizon_days=30)
    with pytest.raises(ColumnMismatch, match="orders_with_value"):
        spend_quantiles(timing, values, summary.drop("orders_with_value"), horizon_days=30)
    with pytest.raises(ColumnMismatch, match="customer_id"):
        spend_quantiles(timing, values, summary.drop("customer_id"), horizon_days=30)


def test_threads_and_parts_make_no_difference(timing, values, summary, monkeypatch):
    found = []
    for threads, cells in ((1, 10**9), (1, 4000), (4, 4000)):
        monkeypatch.setattr(pl, "thread_pool_size", lambda threads=threads: threads)
        monkeypatch.setattr(spend, "_CELLS_PER_CHUNK", cells)
        # Tables of earlier parts are there already.
        spend_tables._kept_chances.cache_clear()
        found.append(spend_quantiles(timing, values, summary.head(2000), horizon_days=HORIZON))
    assert found[0].equals(found[1])
    assert found[0].equals(found[2])


@pytest.mark.parametrize("p", [0.2, 4.0, 40.0])
@pytest.mark.parametrize("posterior", [1.3, 12.0, 400.0])
def test_chances_that_are_left_out_are_nothing_beside_1(p, posterior):
    step = 0.05
    chances = spend_tables._Chances(p, posterior, 64, step).between(-160, 160)
    t = 1 / (1 + np.exp(-step * np.arange(-160, 161)))
    exact = betainc(p * np.arange(1, 65)[:, None], posterior, t)
    # t is that of another formula in its last bits
    np.testing.assert_allclose(1.0 - chances, 1.0 - exact, rtol=0, atol=1e-12)
    assert ((chances > 0) | (exact < 2.0**-54)).all()


def test_rows_that_stand_still_would_stand_still_for_ever(monkeypatch):
    rng = np.random.default_rng(4)
    rise = np.concatenate([[0.0], rng.uniform(0, 1, 2000)])
    below, above = (np.minimum(rng.uniform(0, 4, rise.size), 3) * rise for _ in range(2))
    wanted = rise * rng.uniform(0, 1, rise.size)
    found = spend_tables._solved(below, above, rise, wanted)
    monkeypatch.setattr(spend_tables, "_MOST_ARRIVE", spend_tables._NEWTON_STEPS)
    np.testing.assert_array_equal(found, spend_tables._solved(below, above, rise, wanted))


def test_a_customer_with_orders_of_no_value_changes_nobody_else(timing, values, summary):
    many = summary.sort("repeat_orders").tail(200)
    twins = pl.concat([many.reverse(), many])
    other = twins.with_columns(orders_with_value=pl.when(pl.row_index() == 399).then(0).otherwise("orders_with_value"))
    usual, changed = (spend_quantiles(timing, values, frame, horizon_days=HORIZON) for frame in (twins, other))
    assert changed.head(-1).equals(usual.head(-1))
    assert changed["spend_q90"][-1] != usual["spend_q90"][-1]


@pytest.mark.parametrize("rows", [1, 7, 300])
@pytest.mark.parametrize("cells", [16, 160, 10**6])
def test_parts_are_all_rows_and_part_no_group_that_fits(monkeypatch, rows, cells):
    monkeypatch.setattr(spend, "_CELLS_PER_CHUNK", cells)
    x_v = np.sort(np.random.default_rng(rows).integers(0, 9, rows)).astype(float)
    parts = spend._parts(x_v, 16)
    assert [row for part in parts for row in range(part.start, part.stop)] == list(range(rows))
    size = max(1, min(cells // 16, -(-rows // spend._FEWEST_PARTS)))
    assert max(part.stop - part.start for part in parts) <= size
    for value in np.unique(x_v):
        group = np.flatnonzero(x_v == value)
        if group.size <= size:
            assert sum(part.start <= group[0] and group[-1] < part.stop for part in parts) == 1


def test_quantiles_move_with_what_orders_are_expected_to_be_worth(timing, values, summary):
    frame = summary.head(400)
    settings = {**values.get_params(), "credibility": "orders"}
    orders = GammaGamma.from_dict({**values.to_dict(), "settings": settings, "prior_orders": 2.0})
    worth = [each.expected_order_value(frame)["expected_order_value"].to_numpy() for each in (orders, values)]
    upper = [
        spend_quantiles(timing, each, frame, horizon_days=HORIZON)["spend_q90"].to_numpy() for each in (orders, values)
    ]
    assert np.ptp(worth[0] / worth[1]) > 0.5
    some = upper[1] > 0
    assert some.sum() > 100
    assert (upper[0][some] / upper[1][some]) == pytest.approx((worth[0] / worth[1])[some], rel=1e-12)
