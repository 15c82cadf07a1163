"""How far one order is believed: told by the orders of those who bought again, where most buy once too."""

import math
import warnings

import numpy as np
import polars as pl
import pytest
from scipy.integrate import quad
from scipy.stats import dirichlet, gamma

from foretell.errors import BundleError, ColumnMismatch, ConvergenceWarning, DataError
from foretell.models.gamma_gamma import GammaGamma
from foretell.models.gamma_gamma_kernel import GammaGammaParameters, SharesLikelihood, log_likelihood
from foretell.models.gamma_gamma_state import PooledMean
from foretell.models.population import Population, Values

TRUTH = GammaGammaParameters(2.0, 6.0, 100.0)


def summary_of(values):
    """From the order values of each customer to what the model reads."""
    return pl.DataFrame(
        {
            "customer_id": [f"c{number:05d}" for number in range(len(values))],
            "orders_with_value": [len(own) for own in values],
            "mean_order_value": [float(np.mean(own)) for own in values],
            "sum_log_value_ratios": [min(float(np.log(np.array(own) / np.mean(own)).sum()), 0.0) for own in values],
        }
    )


def mostly_once(rng, customers=20_000, once=0.97):
    return np.where(rng.random(customers) < once, 1, 1 + rng.geometric(0.6, customers))


def drawn(truth, counts, rng):
    return [rng.gamma(truth.p, 1 / rng.gamma(truth.q, 1 / truth.v), count) for count in counts]


def by_chance(counts, rng, sd=0.9):
    """Lognormal values, alike for all customers."""
    return [60 * rng.lognormal(0, sd, count) for count in counts]


def k_of(model):
    return model.prior_orders_ or (model.params_.q - 1) / model.params_.p


def belief_in_one(model):
    return 1 / (1 + k_of(model))


def test_means_and_shares_together_are_the_likelihood_of_all_orders():
    own = np.array([12.0, 55.0, 31.0, 8.0])
    x, total = own.size, own.sum()
    rates = gamma(TRUTH.q, scale=1 / TRUTH.v)

    def of_rate(nu):
        return rates.pdf(nu) * np.prod(gamma(TRUTH.p, scale=1 / nu).pdf(own))

    mixed = quad(of_rate, 0, 1, epsabs=0, limit=200)[0]
    means = log_likelihood(TRUTH, np.array([float(x)]), np.array([own.mean()]))[0]
    spread = float(np.log(own / own.mean()).sum())
    shares, _ = SharesLikelihood(np.array([float(x)]), np.ones(1), spread, over=1.0)(TRUTH.p)
    # from densities of the mean and of shares to one of values: mean = total / x, value = total times share
    jacobian = -math.log(x) - (x - 1) * math.log(total)
    assert means + shares + jacobian == pytest.approx(math.log(mixed), abs=1e-8)


@pytest.mark.parametrize("p", [0.2, 3.0, 800.0])
def test_shares_are_dirichlet_with_their_slope(p):
    rng = np.random.default_rng(1)
    values = [rng.gamma(3.0, 10.0, count) for count in (1, 2, 2, 5, 30)]
    x = np.array([float(len(own)) for own in values])
    customers = np.array([7.0, 2.0, 1.0, 3.0, 1.0])
    spread = sum(n * float(np.log(own / own.mean()).sum()) for n, own in zip(customers, values, strict=True))
    likelihood = SharesLikelihood(x, customers, spread, over=14.0)
    value, slope = likelihood(p)
    by_hand = [
        n * dirichlet(np.full(own.size, p)).logpdf(own / own.sum())
        for n, own in zip(customers, values, strict=True)
        if own.size > 1
    ]
    # at p = 800 logs of gamma functions of 24,000 cancel
    assert value == pytest.approx(sum(by_hand) / 14, rel=1e-9, abs=1e-9)
    step = 1e-5
    difference = (likelihood(p * math.exp(step))[0] - likelihood(p * math.exp(-step))[0]) / (2 * step)
    assert slope == pytest.approx(difference, rel=1e-5, abs=1e-5)


def test_where_97_in_100_buy_once_the_truth_is_found():
    rng = np.random.default_rng(2)
    model = GammaGamma(credibility="orders").fit(summary_of(drawn(TRUTH, mostly_once(rng), rng)))
    # 600 customers tell k = (q - 1) / p: the log of a variance ratio of theirs is known to about 2 / sqrt(600), twice
    assert math.log(model.prior_orders_) == pytest.approx(math.log((TRUTH.q - 1) / TRUTH.p), abs=0.25)
    # and 20,000 the mean of a law whose standard deviation is its mean
    assert model.population_mean_ == pytest.approx(TRUTH.p * TRUTH.v / (TRUTH.q - 1), rel=0.03)
    assert model.fit_report_.converged


def test_the_law_of_values_and_the_mean_are_those_of_all_means():
    rng = np.random.default_rng(11)
    frame = summary_of(by_chance(mostly_once(rng, 3_000, once=0.9), rng))
    means, orders = (GammaGamma(credibility=which).fit(frame) for which in ("means", "orders"))
    assert orders.params_ == means.params_
    assert orders.population_mean_ == means.population_mean_
    assert means.prior_orders_ is None
    x, z = orders.values(frame)
    told = orders.expected_order_value(frame)["expected_order_value"].to_numpy()
    by_hand = (x * z + orders.prior_orders_ * orders.population_mean_) / (x + orders.prior_orders_)
    assert told == pytest.approx(by_hand, rel=1e-14)
    assert orders.over_law(x, z) == pytest.approx(
        told / means.expected_order_value(frame)["expected_order_value"].to_numpy(), rel=1e-13
    )
    assert set(means.over_law(x, z)) == {1.0}


def test_order_values_that_are_chance_are_believed_less():
    rng = np.random.default_rng(3)
    frame = summary_of(by_chance(mostly_once(rng), rng))
    means, orders = (GammaGamma(credibility=which).fit(frame) for which in ("means", "orders"))
    # A lognormal law is none of a gamma's: some of its tail is still taken for customers.
    assert belief_in_one(means) > 0.5
    assert belief_in_one(orders) < 0.25


def test_customers_that_differ_are_believed():
    rng = np.random.default_rng(4)
    counts = mostly_once(rng)
    own = rng.lognormal(0, 0.8, counts.size)
    frame = summary_of([60 * level * rng.lognormal(0, 0.3, n) for level, n in zip(own, counts, strict=True)])
    # variances of logs: .64 between, .09 within
    assert belief_in_one(GammaGamma(credibility="orders").fit(frame)) > 0.8


def test_one_time_buyers_give_the_level_and_hardly_the_credibility():
    rng = np.random.default_rng(5)
    counts = mostly_once(rng, 6_000, once=0.9)
    values = by_chance(counts, rng)
    others = [own if own.size > 1 else own * rng.lognormal(0.5, 0.8) for own in values]
    one, two = (GammaGamma(credibility="orders").fit(summary_of(each)) for each in (values, others))
    # 600 who returned against one-time buyers who count as 30
    assert belief_in_one(two) == pytest.approx(belief_in_one(one), abs=0.05)
    assert two.population_mean_ > 1.5 * one.population_mean_


def test_with_one_who_returned_the_shape_of_all_means_decides():
    rng = np.random.default_rng(6)
    frame = summary_of(drawn(TRUTH, [1] * 3_000 + [2], rng))
    means, orders = (GammaGamma(credibility=which).fit(frame) for which in ("means", "orders"))
    assert abs(math.log(k_of(orders) / k_of(means))) < 1
    assert orders.population_mean_ == pytest.approx(means.population_mean_, rel=0.05)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("apart", [0.0, 0.05, 1.0], ids=["the same", "5 % more", "twice"])
def test_three_who_returned_decide_nothing_whatever_they_paid(seed, apart):
    rng = np.random.default_rng(seed)
    values = by_chance([1] * 997, rng) + [60 * rng.lognormal(0, 0.9) * np.array([1.0, 1.0 + apart]) for _ in range(3)]
    frame = summary_of(values)
    means, orders = (GammaGamma(credibility=which).fit(frame) for which in ("means", "orders"))
    # A prior of 30 against three: without it one order was believed by .999.
    assert belief_in_one(orders) == pytest.approx(belief_in_one(means), abs=0.2)


def test_many_who_buy_the_same_again_are_believed():
    rng = np.random.default_rng(3)
    values = [60 * rng.lognormal(0, 0.9) * np.ones(count) for count in mostly_once(rng, 3_000, once=0.7)]
    assert belief_in_one(GammaGamma(credibility="orders").fit(summary_of(values))) > 0.95


def test_neither_the_order_of_customers_nor_their_counting_together_changes_a_bit():
    rng = np.random.default_rng(7)
    counts = mostly_once(rng, 3_000, once=0.8)
    frame = summary_of([np.round(own, -1) + 10 for own in drawn(TRUTH, counts, rng)])
    fitted = GammaGamma(credibility="orders", cap_quantile=0.95).fit(frame).to_dict()
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=1)
    assert GammaGamma(credibility="orders", cap_quantile=0.95).fit(shuffled).to_dict() == fitted
    keys = ["orders_with_value", "mean_order_value", "sum_log_value_ratios"]
    together = pl.concat([part.group_by(keys).len() for part in (shuffled.head(900), shuffled.tail(2_100))])
    assert together.height < frame.height
    values = Values(
        together["orders_with_value"].cast(pl.Float64).to_numpy(),
        together["mean_order_value"].to_numpy(),
        together["len"].cast(pl.Int64).to_numpy(),
        together["sum_log_value_ratios"].to_numpy(),
    )
    counted = Population.summed(
        pl.DataFrame({name: [0.0] for name in ("repeat_orders", "days_first_to_last_order", "days_observed")}
                     | {"customers": [frame.height]}),
        log_gaps=[], paying=frame.height, values=values,
    )  # fmt: skip
    assert GammaGamma(credibility="orders", cap_quantile=0.95).fit(counted).to_dict() == fitted


def test_money_in_another_unit_changes_money_only():
    rng = np.random.default_rng(8)
    values = drawn(TRUTH, mostly_once(rng, 2_000, once=0.7), rng)
    one, cents = (
        GammaGamma(credibility="orders").fit(summary_of(each)) for each in (values, [own * 100 for own in values])
    )
    assert cents.prior_orders_ == pytest.approx(one.prior_orders_, rel=1e-5)
    assert cents.population_mean_ == pytest.approx(100 * one.population_mean_, rel=1e-6)


# With seeds whose search ends before the gradient vanishes, in one of the two ways at least.
NEARLY_ALIKE = {
    "a few of another size": (2, lambda rng, count: np.where(rng.random(count) < 0.01, 30.0, 25.0)),
    "two sizes, three to one": (9, lambda rng, count: rng.choice([9.9, 9.9, 9.9, 10.9], count)),
    "cents apart": (10, lambda rng, count: 25 * (1 + 0.001 * rng.standard_normal(count))),
    "one's own size": (10, lambda rng, count: np.full(count, rng.choice([25.0, 40.0]))),
}


@pytest.mark.parametrize("credibility", ["means", "orders"])
@pytest.mark.parametrize(("seed", "boxes"), NEARLY_ALIKE.values(), ids=NEARLY_ALIKE)
def test_boxes_of_nearly_one_price_are_no_reason_to_warn(seed, boxes, credibility):
    rng = np.random.default_rng(seed)
    values = [boxes(rng, count) for count in rng.geometric(1 / 12, 300)]
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        model = GammaGamma(credibility=credibility).fit(summary_of(values))
    expected = model.expected_order_value(summary_of(values))["expected_order_value"]
    means = [own.mean() for own in values]
    assert min(means) * 0.99 < expected.min() <= expected.max() < max(means) * 1.01


def test_without_the_spread_of_orders_it_says_so():
    rng = np.random.default_rng(9)
    frame = summary_of(drawn(TRUTH, [1, 2, 3] * 30, rng))
    with pytest.raises(ColumnMismatch, match="sum_log_value_ratios"):
        GammaGamma(credibility="orders").fit(frame.drop("sum_log_value_ratios"))
    with pytest.raises(DataError, match="sum_log_value_ratios: must be 0 or less"):
        GammaGamma(credibility="orders").fit(frame.with_columns(sum_log_value_ratios=0.1))
    assert GammaGamma().fit(frame.drop("sum_log_value_ratios")).params_ == GammaGamma().fit(frame).params_


def test_nobody_who_returned_gives_the_pooled_mean():
    rng = np.random.default_rng(10)
    model = GammaGamma(credibility="orders").fit(summary_of(drawn(TRUTH, [1] * 100, rng)))
    assert isinstance(model.params_, PooledMean)
    assert "nobody has two orders" in model.fit_report_.fallback


@pytest.mark.parametrize("prior", [None, 0.0, -1.0, math.inf])
def test_a_state_without_what_orders_told_is_refused(prior):
    rng = np.random.default_rng(12)
    model = GammaGamma(credibility="orders").fit(summary_of(drawn(TRUTH, [1, 2, 3] * 30, rng)))
    state = model.to_dict()
    assert GammaGamma.from_dict(state).to_dict() == state
    with pytest.raises(BundleError, match="damaged at 'prior_orders'"):
        GammaGamma.from_dict({**state, "prior_orders": prior})
