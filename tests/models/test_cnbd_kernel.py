"""The formulas of the (M)BG/CNBD-k against golden figures, numeric integration and extremes."""

import numpy as np
import pytest
from scipy.stats import beta as beta_law

from foretell.models.cnbd_counts import expected_orders, new_customer_orders, p_at_least
from foretell.models.cnbd_kernel import (
    CNBDParams,
    History,
    log_likelihood,
    log_wait_longer,
    next_order_quantile,
    p_alive,
    p_order_if_alive,
)
from foretell.models.cnbd_likelihood import CNBDLikelihood
from foretell.models.discounting import discounted_expected_orders
from models.oracles import cnbd_oracle

MBG = CNBDParams(0.525, 6.183, 0.891, 1.614)
MBG_2 = CNBDParams(1.329, 2.813, 0.425, 0.790, k=2)
BG = CNBDParams(0.243, 4.414, 0.793, 2.426, dropout_at_first=False)
EVERY_KIND = [CNBDParams(0.7, 5.0, 0.6, 1.2, k=k, dropout_at_first=first) for k in (1, 2, 5) for first in (True, False)]


def kind(value):
    """Name a model in a test's id."""
    return f"{'MBG' if value.dropout_at_first else 'BG'}-{value.k}"


SIXTH = 0.6e-6  # the golden figures are printed to six decimals
# annual rate whose daily continuous rate is .0027
ANNUAL = np.exp(0.0027 * 365.25) - 1

# x, t_x, T (weeks), LL, P(alive), E[X] 26, E[X] 52, F(4), F(18), median given alive, median given order in 18, DET(52)
GOLDEN = [
    (MBG, 2, 30.43, 38.86, -9.485551, 0.706202, 0.892846, 1.597217, 0.136522, 0.404030, 14.2287, 6.4304, 1.498470),
    (MBG, 0, 0, 39, -0.540472, 0.389348, 0.106626, 0.196986, 0.016959, 0.062847, 124.0034, 7.8550, 0.184498),
    (MBG, 10, 38, 39, -27.441026, 0.911498, 4.592110, 7.993555, 0.538235, 0.884765, 3.0758, 2.9434, 7.510447),
    (MBG_2, 7, 35, 39, -29.824567, 0.906352, 4.113246, 7.564347, 0.573323, 0.896263, 2.8066, 2.7634, 7.087374),
    (MBG_2, 0, 0, 39, -0.941334, 0.103338, 0.061322, 0.110483, 0.011496, 0.038354, 29.5006, 7.1989, 0.103650),
    (MBG_2, 2, 10, 39, -11.031093, 0.053432, 0.100364, 0.179255, 0.019598, 0.044673, 6.2025, 4.7761, 0.168291),
]


def one(x, t_x, T):
    return History(np.array([float(x)]), np.array([float(t_x)]), np.array([float(T)]))


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: f"k{row[0].k}-x{row[1]}")
def test_golden_rows(row):
    p, x, t_x, T, ll, alive, orders_26, orders_52, f_4, f_18, if_alive, within_18, discounted = row
    h = one(x, t_x, T)
    assert log_likelihood(p, h)[0] == pytest.approx(ll, abs=SIXTH)
    assert p_alive(p, h)[0] == pytest.approx(alive, abs=SIXTH)
    assert expected_orders(p, h, 26)[0] == pytest.approx(orders_26, abs=SIXTH)
    assert expected_orders(p, h, 52)[0] == pytest.approx(orders_52, abs=SIXTH)
    assert (p_alive(p, h) * p_order_if_alive(p, h, 4))[0] == pytest.approx(f_4, abs=SIXTH)
    assert (p_alive(p, h) * p_order_if_alive(p, h, 18))[0] == pytest.approx(f_18, abs=SIXTH)
    assert next_order_quantile(p, h, 0.5, np.inf)[0] == pytest.approx(if_alive, abs=0.6e-4)
    assert next_order_quantile(p, h, 0.5, 18)[0] == pytest.approx(within_18, abs=0.6e-4)
    det = discounted_expected_orders(lambda days: expected_orders(p, h, days), 52, ANNUAL)
    assert det[0] == pytest.approx(discounted, abs=SIXTH)


@pytest.mark.parametrize(
    ("x", "t_x", "T", "ll", "alive", "orders_52"),
    [
        (2, 30.43, 38.86, -9.458606, 0.726579, 1.558721),
        (0, 0, 39, -0.555498, 1.0, 0.251358),
        (10, 38, 39, -27.466035, 0.919022, 8.376587),
    ],
)
def test_golden_rows_of_the_bg_nbd(x, t_x, T, ll, alive, orders_52):
    h = one(x, t_x, T)
    assert log_likelihood(BG, h)[0] == pytest.approx(ll, abs=SIXTH)
    assert p_alive(BG, h)[0] == pytest.approx(alive, abs=SIXTH)
    assert expected_orders(BG, h, 52)[0] == pytest.approx(orders_52, abs=SIXTH)


@pytest.mark.parametrize(("p", "orders"), [(MBG, 1.419724), (MBG_2, 4.091661), (BG, 1.446051)])
def test_new_customers(p, orders):
    assert new_customer_orders(p, 52) == pytest.approx(orders, abs=SIXTH)


def test_count_law_of_a_regular_buyer():
    reached = np.concatenate([[1.0], p_at_least(MBG_2, one(7, 35, 39), 52, 7)[0]])
    golden = [0.093664, 0.042087, 0.037831, 0.038206, 0.044740, 0.057013, 0.071918]
    assert -np.diff(reached) == pytest.approx(golden, abs=SIXTH)


def test_two_published_checks_of_discounting():
    fitted = CNBDParams(0.52484, 6.18299, 0.89136, 1.614)
    regular = CNBDParams(1.3292, 2.8126, 0.4247, 0.79, k=2)
    annual = np.exp(np.log(1.15) / 52 * 365.25) - 1
    for p, expected in ((fitted, (0.184480, 4.940285)), (regular, (0.103708, 7.090850))):
        h = History(np.array([0.0, 7.0]), np.array([0.0, 35.0]), np.array([39.0, 39.0]))
        det = discounted_expected_orders(lambda days, p=p, h=h: expected_orders(p, h, days), 52, annual)
        assert det == pytest.approx(expected, abs=SIXTH)


@pytest.mark.parametrize("p", EVERY_KIND, ids=kind)
@pytest.mark.parametrize("row", [(0, 0, 39), (1, 5, 39), (4, 30, 30), (12, 31.5, 40)])
def test_likelihood_is_the_integral_of_the_individual_likelihood(p, row):
    x = row[0]
    log_gaps = x * 0.7
    found = log_likelihood(p, one(*row), log_gaps)[0]
    # the integration is exact to about 1e-10 relative in the likelihood
    assert found == pytest.approx(cnbd_oracle.log_likelihood(p, *row, log_gaps), abs=1e-8)


@pytest.mark.parametrize("p", EVERY_KIND, ids=kind)
def test_gradient_is_that_of_central_differences(p):
    rng = np.random.default_rng(8)
    x = rng.integers(0, 9, 60).astype(float)
    T = rng.integers(20, 60, 60).astype(float)
    t_x = np.where(x > 0, np.minimum(T, 1 + np.floor(T * rng.random(60))), 0.0)
    weights = rng.integers(1, 9, 60)
    objective = CNBDLikelihood(x, t_x, T, weights, k=p.k, dropout_at_first=p.dropout_at_first)
    theta = np.log([p.r, p.alpha, p.a, p.b])
    value, gradient = objective(theta)
    step = 1e-5
    numeric = [(objective(theta + e)[0] - objective(theta - e)[0]) / (2 * step) for e in np.eye(4) * step]
    # differencing: rounding 1e-15 * value / step and truncation of order step^2
    assert gradient == pytest.approx(numeric, abs=2e-9)
    h = History(x, t_x, T)
    assert objective.total(value, 12.5) == pytest.approx(
        float((weights * log_likelihood(p, h, 0.0)).sum()) + (p.k - 1) * 12.5, abs=1e-9
    )
    assert objective.in_unit(7.0)(theta - np.log([1, 7, 1, 1]))[0] == pytest.approx(
        value - (weights * x).sum() / weights.sum() * np.log(7), abs=1e-12
    )


@pytest.mark.parametrize("p", EVERY_KIND, ids=kind)
@pytest.mark.parametrize("row", [(0, 0, 0), (0, 0, 300), (5, 100, 300), (40, 290, 300), (300, 300, 301)])
@pytest.mark.parametrize("t", [1.0, 30.0, 3000.0])
def test_expected_orders_are_the_sum_over_incomplete_betas(p, row, t):
    expected = cnbd_oracle.expected_orders(p, *row, t)
    assert expected_orders(p, one(*row), t)[0] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("x", [0, 1, 7, 60, 300])
def test_expected_orders_are_the_published_closed_form_for_k_1(x):
    h = one(x, 30 if x else 0, 39)
    closed = cnbd_oracle.expected_orders_k1(MBG, x, 39, 52, p_alive(MBG, h)[0])
    # 2F1 loses digits as x grows
    assert expected_orders(MBG, h, 52)[0] == pytest.approx(closed, rel=1e-8)


@pytest.mark.parametrize("p", EVERY_KIND, ids=kind)
@pytest.mark.parametrize("x", [161, 254, 1000, 3000])
def test_heavy_buyers_stay_finite(p, x):
    last = 100 - 50 / x  # half a mean gap of silence
    h = one(x, last, 100)
    assert np.isfinite(log_likelihood(p, h)).all()
    # hundreds of coins were survived: the customer goes on buying at nearly the rate seen
    without_dropout = (p.r + p.k * x) / (p.k * (p.alpha + 100)) * 1000.0
    found = expected_orders(p, h, 1000.0)[0]
    assert found == pytest.approx(cnbd_oracle.expected_orders(p, x, last, 100, 1000.0), rel=1e-9)
    assert 0.2 * without_dropout < found < without_dropout
    law = p_at_least(p, h, 1000.0, 5)[0]
    assert ((law > 0) & (law <= 1)).all()
    assert 0 < next_order_quantile(p, h, 0.5, 1000.0)[0] < 2


@pytest.mark.parametrize("p", EVERY_KIND, ids=kind)
def test_a_silence_beyond_belief_means_gone_and_no_date(p):
    h = one(3000, 100, 4000)
    assert p_alive(p, h)[0] == 0.0
    assert expected_orders(p, h, 365.0)[0] == 0.0
    assert np.isnan(next_order_quantile(p, h, 0.5, 365.0))[0]
    assert np.isfinite(log_likelihood(p, h))[0]
    assert np.isfinite(log_wait_longer(p, h))[0]


def test_bg_nbd_one_time_buyer_with_a_plus_b_below_one():
    p = CNBDParams(0.11, 2.24, 0.31, 0.50, dropout_at_first=False)
    assert expected_orders(p, one(0, 0, 1), 30)[0] == pytest.approx(0.564589, abs=SIXTH)


def test_a_equal_to_one_is_an_ordinary_value():
    p = CNBDParams(0.243, 4.414, 1.0, 2.426, dropout_at_first=False)
    assert expected_orders(p, one(2, 30, 38.86), 39)[0] == pytest.approx(1.092209, abs=SIXTH)


def test_drop_out_alike_for_everyone_stays_finite():
    p = CNBDParams(0.5, 6.0, 1e5, 5e5)
    h = one(4, 30, 39)
    coin = CNBDParams(0.5, 6.0, 1e3, 5e3)
    assert np.isfinite(log_likelihood(p, h)).all()
    # both are nearly a coin of 1/6, to the order of 1/(a+b)
    assert expected_orders(p, h, 52)[0] == pytest.approx(expected_orders(coin, h, 52)[0], rel=2e-2)


@pytest.mark.parametrize("p", EVERY_KIND, ids=kind)
def test_the_count_law_is_a_law_with_the_expectation_as_its_mean(p):
    h = History(np.array([0.0, 3.0, 20.0]), np.array([0.0, 50.0, 85.0]), np.array([90.0, 60.0, 90.0]))
    law = p_at_least(p, h, 40.0, 400)
    assert (np.diff(law, axis=1) <= 1e-15).all()
    assert ((law >= 0) & (law <= 1)).all()
    assert law.sum(axis=1) == pytest.approx(expected_orders(p, h, 40.0), rel=1e-9)
    assert law[:, 0] == pytest.approx(p_alive(p, h) * p_order_if_alive(p, h, 40.0), rel=1e-10)


def test_heavy_and_light_rows_agree_where_they_meet(monkeypatch):
    import foretell.models.cnbd_counts as counts

    x = np.array([30.0, 120.0, 400.0])
    for p in EVERY_KIND:
        h = History(x, np.full(3, 299.0), np.full(3, 300.0))
        light, law = expected_orders(p, h, 90.0), p_at_least(p, h, 90.0, 40)
        with monkeypatch.context() as patch:
            patch.setattr(counts, "_UNDERFLOW", 0.0)
            assert expected_orders(p, h, 90.0) == pytest.approx(light, rel=1e-10)
            assert p_at_least(p, h, 90.0, 40) == pytest.approx(law, abs=1e-12)


def test_a_law_that_reaches_far_is_not_summed_to_its_end(monkeypatch):
    import foretell.models.cnbd_counts as counts

    for p in EVERY_KIND:
        h = History(np.array([0.0, 0.0, 2.0]), np.array([0.0, 0.0, 3.0]), np.array([0.0, 60.0, 5.0]))
        summed = expected_orders(p, h, 400.0)
        with monkeypatch.context() as patch:
            patch.setattr(counts, "_LONGEST", 0.0)
            # the midpoint rule from the 2000th term on is exact to 1 / (24 * 2000^2)
            assert expected_orders(p, h, 400.0) == pytest.approx(summed, rel=1e-8)
    nearly_no_prior = CNBDParams(0.5, 1e-6, 0.6, 1.2)
    assert np.isfinite(expected_orders(nearly_no_prior, one(0, 0, 0), 365.0))[0]


@pytest.mark.parametrize("p", EVERY_KIND, ids=kind)
def test_quantiles_invert_the_law_of_the_next_order(p):
    h = History(np.array([0.0, 2.0, 9.0, 9.0]), np.array([0.0, 30.0, 38.0, 10.0]), np.full(4, 39.0))
    whole = p_order_if_alive(p, h, 50.0)
    before = np.zeros(4)
    for tau in (0.001, 0.1, 0.5, 0.9, 0.999):
        t = next_order_quantile(p, h, tau, 50.0)
        share = np.array([p_order_if_alive(p, h[slice(i, i + 1)], float(t[i]))[0] for i in range(4)]) / whole
        assert share == pytest.approx(np.full(4, tau), rel=1e-8)
        assert (t > before).all()
        assert (t < 50.0).all()
        before = t


def test_alive_is_certain_for_a_bg_one_time_buyer_only():
    assert p_alive(BG, one(0, 0, 1000))[0] == 1.0
    assert p_alive(MBG, one(0, 0, 1000))[0] < 0.2
    # observed for no time at all: only the first coin is known of
    assert p_alive(MBG, one(0, 0, 0))[0] == pytest.approx(beta_law(MBG.a, MBG.b).sf(0) * MBG.b / (MBG.a + MBG.b))


def test_rows_do_not_influence_one_another():
    rng = np.random.default_rng(4)
    x = rng.integers(0, 40, 25).astype(float)
    T = rng.integers(40, 400, 25).astype(float)
    h = History(x, np.where(x > 0, np.ceil(T * rng.random(25)), 0.0), T)
    for p in (MBG, MBG_2, BG):
        together, law = expected_orders(p, h, 365.0), p_at_least(p, h, 365.0, 6)
        alone = [expected_orders(p, h[slice(i, i + 1)], 365.0)[0] for i in range(25)]
        assert together.tolist() == alone
        assert law[17].tolist() == p_at_least(p, h[slice(17, 18)], 365.0, 6)[0].tolist()
