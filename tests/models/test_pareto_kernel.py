"""The Pareto/NBD's formulas against adaptive integration, differences, simulation and one another."""

import math
from dataclasses import astuple, replace

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import hyperu

from foretell.models import pareto_future, pareto_kernel
from foretell.models.pareto_kernel import ParetoNBDParameters
from models.oracles import pareto_oracle as oracle

CDNOW = ParetoNBDParameters(0.553, 10.578, 0.606, 11.669)
# alpha above and below beta; s below, at and above 1; a law without spread; one that is nearly all spread
SHAPES = [
    CDNOW,
    ParetoNBDParameters(2.0, 60.0, 1.0, 8.0),
    ParetoNBDParameters(0.05, 0.05, 0.05, 20_000.0),
    ParetoNBDParameters(50.0, 2000.0, 200.0, 300.0),
    ParetoNBDParameters(1.308, 47.366, 110.697, 13388.898),
    ParetoNBDParameters(5.0, 0.5, 3.0, 0.05),
]
HISTORIES = [
    (0, 0.0, 39.0),
    (0, 0.0, 0.5),
    (1, 0.2, 600.0),
    (2, 30.43, 38.86),
    (10, 38.0, 39.0),
    (7, 12.0, 12.0),
    (60, 20.0, 200.0),
    (1000, 100.0, 100.5),
    (3000, 300.0, 590.0),
]
X, T_X, T = (np.array(column, dtype=np.float64) for column in zip(*HISTORIES, strict=True))


@pytest.fixture(scope="module")
def drawn():
    return oracle.simulate(CDNOW, customers=60_000, observed=(20.0, 60.0), future=52.0, seed=3)


@pytest.mark.parametrize("p", SHAPES, ids=str)
def test_log_likelihood_agrees_with_adaptive_integration(p):
    expected = [oracle.log_likelihood(p, *row) for row in HISTORIES]
    # the log-likelihood of 3,000 orders is near 10,000: relative, so that its last digits do not decide
    assert pareto_kernel.log_likelihood(p, X, T_X, T) == pytest.approx(expected, rel=1e-12, abs=1e-9)


@pytest.mark.parametrize("p", SHAPES, ids=str)
def test_p_alive_agrees_with_adaptive_integration(p):
    expected = [oracle.p_alive(p, *row) if row[1] < row[2] else 1.0 for row in HISTORIES]
    assert pareto_kernel.p_alive(p, X, T_X, T) == pytest.approx(expected, rel=1e-9, abs=1e-250)


@pytest.mark.parametrize("row", [(0, 0.0, 39.0), (2, 30.43, 38.86), (10, 38.0, 39.0)])
def test_log_likelihood_is_the_mixture_of_individual_likelihoods(row):
    found = pareto_kernel.log_likelihood(CDNOW, *(np.array([value], dtype=np.float64) for value in row))
    # what lies below the grid has a chance of e^(-45 * .553) = 2e-11
    assert found[0] == pytest.approx(math.log(oracle.mixed_likelihood(CDNOW, *row)), abs=1e-8)


@pytest.mark.parametrize("p", SHAPES, ids=str)
def test_gradient_agrees_with_central_differences(p):
    _, gradient = pareto_kernel.log_likelihood_gradient(p, X, T_X, T)
    step = 1e-4
    for number, name in enumerate(("r", "alpha", "s", "beta")):
        up, down = (replace(p, **{name: getattr(p, name) * math.exp(sign * step)}) for sign in (1, -1))
        difference = (pareto_kernel.log_likelihood(up, X, T_X, T) - pareto_kernel.log_likelihood(down, X, T_X, T)) / (
            2 * step
        )
        # the differencing error is of the order of step^2 times the third derivative, at most a multiple of x
        assert gradient[:, number] == pytest.approx(difference, rel=1e-6, abs=1e-8 * (1 + X.max()))


def test_values_with_and_without_gradient_are_the_same():
    values, _ = pareto_kernel.log_likelihood_gradient(CDNOW, X, T_X, T)
    assert (values == pareto_kernel.log_likelihood(CDNOW, X, T_X, T)).all()


@pytest.mark.parametrize("p", SHAPES, ids=str)
def test_figures_of_a_row_do_not_depend_on_the_other_rows(p):
    def figures(x, t_x, T):
        return [
            pareto_kernel.log_likelihood(p, x, t_x, T),
            pareto_kernel.p_alive(p, x, t_x, T),
            pareto_future.p_order_alive(p, x, T, np.array([30.0])),
            pareto_future.next_order_time(p, x, T, horizon=52.0, quantile=0.5),
            pareto_future.count_law_alive(p, x, T, horizon=20.0, max_orders=12),
        ]

    rng = np.random.default_rng(1)
    many = [np.concatenate([column, np.repeat(column, 700)]) for column in (X, T_X, T)]
    order = rng.permutation(many[0].size)
    shuffled = figures(*(column[order] for column in many))
    for row in range(X.size):
        alone = figures(X[row : row + 1], T_X[row : row + 1], T[row : row + 1])
        where = int(np.flatnonzero(order == row)[0])
        assert all((one[0] == all_[where]).all() for one, all_ in zip(alone, shuffled, strict=True))


def test_who_just_ordered_is_alive():
    assert pareto_kernel.p_alive(CDNOW, np.array([3.0]), np.array([9.0]), np.array([9.0]))[0] == 1.0


@pytest.mark.parametrize("p", SHAPES, ids=str)
def test_chance_of_an_order_is_one_minus_the_likelihood_ratio(p):
    later = pareto_kernel.log_likelihood(p, X, T_X, T + 18.0) - pareto_kernel.log_likelihood(p, X, T_X, T)
    alive = pareto_kernel.p_alive(p, X, T_X, T)
    found = alive * pareto_future.p_order_alive(p, X, T, np.array([18.0]))
    # the ratio cancels where the chance is small: 1e-9 is its own error
    assert found == pytest.approx(-np.expm1(later), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("p", SHAPES, ids=str)
def test_count_law_agrees_with_the_mixture_over_lifetimes(p):
    horizon = 26.0
    expected = pareto_future.expected_orders_alive(p, X, T, horizon)
    for row in range(X.size):
        most = max(3, int(1.2 * expected[row]))
        if most > 2000:
            continue
        law = pareto_future.count_law_alive(p, X[row : row + 1], T[row : row + 1], horizon=horizon, max_orders=most)[0]
        for m in sorted({1, 2, 3, most // 2, most} - {0}):
            assert law[m - 1] == pytest.approx(oracle.p_at_least(p, X[row], T[row], horizon, m), abs=1e-9)


@pytest.mark.parametrize("p", SHAPES[:3], ids=str)
def test_count_law_begins_with_the_chance_of_an_order_and_sums_to_the_expectation(p):
    x, T_ = X[:5], T[:5]
    law = pareto_future.count_law_alive(p, x, T_, horizon=40.0, max_orders=3000)
    assert law[:, 0] == pytest.approx(pareto_future.p_order_alive(p, x, T_, np.array([40.0])), abs=1e-12)
    assert (np.diff(law, axis=1) <= 0).all()
    # p with alpha = .05 and T = .5 has a tail that 3,000 orders do not exhaust
    done = law[:, -1] < 1e-13
    assert done.sum() >= 4
    assert law.sum(axis=1)[done] == pytest.approx(
        pareto_future.expected_orders_alive(p, x, T_, 40.0)[done], rel=1e-9, abs=1e-9
    )


def test_count_law_by_recurrence_and_in_logarithms_agree(monkeypatch):
    by_recurrence = pareto_future.count_law_alive(CDNOW, X[:5], T[:5], horizon=30.0, max_orders=40)
    monkeypatch.setattr(pareto_future, "_SAFE_EXPONENT", -1.0)
    in_logs = pareto_future.count_law_alive(CDNOW, X[:5], T[:5], horizon=30.0, max_orders=40)
    assert in_logs == pytest.approx(by_recurrence, abs=1e-12)


def test_laws_of_the_future_agree_with_simulation(drawn):
    x, t_x, T_ = drawn["x"].astype(float), drawn["t_x"], drawn["T"]
    alive = pareto_kernel.p_alive(CDNOW, x, t_x, T_)
    law = alive[:, None] * pareto_future.count_law_alive(CDNOW, x, T_, horizon=52.0, max_orders=10)
    soon = alive * pareto_future.p_order_alive(CDNOW, x, T_, np.array([10.0]))
    expected = alive * pareto_future.expected_orders_alive(CDNOW, x, T_, 52.0)
    for group in (x == 0, x == 1, x >= 2, x >= 0):
        n = group.sum()
        pairs = [(alive, drawn["alive"]), (soon, drawn["first"] <= 10.0)]
        pairs += [(law[:, m - 1], drawn["future"] >= m) for m in (1, 2, 3, 5, 10)]
        for predicted, happened in pairs:
            share = predicted[group].mean()
            # four standard errors of a share
            assert happened[group].mean() == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / n))
        spread = drawn["future"][group].std() / math.sqrt(n)
        assert drawn["future"][group].mean() == pytest.approx(expected[group].mean(), abs=4 * spread)


@pytest.mark.parametrize("p", SHAPES, ids=str)
@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_next_order_time_inverts_the_law(p, quantile):
    horizon = 126.0
    times = pareto_future.next_order_time(p, X, T, horizon=horizon, quantile=quantile)
    within = pareto_future.p_order_alive(p, X, T, np.array([horizon]))
    assert ((times > 0) & (times < horizon)).all()
    assert pareto_future.p_order_alive(p, X, T, times) / within == pytest.approx(np.full(X.size, quantile), rel=1e-10)


def test_expected_orders_pass_through_s_equal_to_one_smoothly():
    near = [pareto_future.expected_orders_alive(replace(CDNOW, s=s), X, T, 39.0) for s in (1 - 1e-7, 1.0, 1 + 1e-7)]
    assert near[1] == pytest.approx((near[0] + near[2]) / 2, rel=1e-12)


def test_expected_orders_of_a_new_customer_is_the_case_without_history():
    zero = np.zeros(1)
    assert pareto_future.expected_orders_new(CDNOW, np.array([52.0])) == pytest.approx(
        pareto_future.expected_orders_alive(CDNOW, zero, zero, 52.0), rel=1e-15
    )


@pytest.mark.parametrize("p", [CDNOW, ParetoNBDParameters(1.3, 40.0, 2.5, 30.0)], ids=str)
@pytest.mark.parametrize("rate", [0.0002, 0.0027, 0.05])
def test_discounted_orders_forever_agree_with_integration_and_with_the_published_form(p, rate):
    x, T_ = X[:5], T[:5]
    found = pareto_future.discounted_orders_forever(p, x, T_, rate)
    b = p.beta + T_
    published = (p.r + x) / (p.alpha + T_) * b * hyperu(1.0, 2.0 - p.s, rate * b)
    assert found == pytest.approx(published, rel=1e-8)
    integrals = [
        quad(lambda v, b=b_: b * math.exp(v * (1 - p.s) - rate * b * math.expm1(v)), 0, 25, epsrel=1e-11, limit=500)[0]
        for b_ in b
    ]
    assert found == pytest.approx((p.r + x) / (p.alpha + T_) * integrals, rel=1e-8)


def test_parameters_are_in_the_order_of_the_gradient():
    assert astuple(CDNOW) == (0.553, 10.578, 0.606, 11.669)
