"""The benchmark's own pieces: metrics of a row, coverage with atoms, paired bootstrap, Holm, best of the peers."""

import math

import numpy as np
import pytest
from accuracy_coverage import activity_groups, covered_share, judge_intervals
from accuracy_metrics import HIGHER_IS_BETTER, Outcome, judge, judge_dates, level_error, resampled
from accuracy_significance import best_peer, compare, holm, paired_p_value, shown
from scipy import stats

from foretell.evaluation.predictions import Predictions


def outcome(spend, *, days=None, orders_before=None):
    spend = np.asarray(spend, dtype=float)
    ones = np.ones_like(spend)
    bought = (spend > 0).astype(float)
    return Outcome(
        ones if orders_before is None else np.asarray(orders_before, dtype=float),
        bought,
        spend,
        90 * ones if days is None else np.asarray(days, dtype=float),
    )


# --- metrics of a row -------------------------------------------------------------------------------------------------


def test_decile_mape_of_ten_customers_is_the_mean_of_ten_errors():
    actual = np.arange(1.0, 11.0)
    row = judge(outcome(actual), Predictions("a", {"predicted_clv": actual * np.array([1.5] + [1.0] * 8 + [1.5])}))
    # two deciles 50 % too high, eight right
    assert row["decile_mape"] == pytest.approx(0.1)
    assert row["gini"] == pytest.approx(1.0)
    assert row["spearman"] == pytest.approx(1.0)
    assert row["bias_spend"] == pytest.approx((0.5 + 5) / 55)
    assert row["rmse"] == pytest.approx(math.sqrt((0.25 + 25) / 10))


def test_decile_mape_is_undefined_where_a_decile_spent_nothing():
    row = judge(outcome([0.0, *range(1, 10)]), Predictions("a", {"predicted_clv": np.arange(1.0, 11.0)}))
    assert math.isnan(row["decile_mape"])


def test_buying_is_judged_by_one_minus_churn_risk():
    row = judge(outcome([0.0, 0.0, 5.0, 7.0]), Predictions("a", {"churn_risk": np.array([0.9, 0.4, 0.5, 0.1])}))
    # three of the four pairs of a buyer and another are in order
    assert row["auc"] == pytest.approx(0.75)
    assert row["log_loss"] == pytest.approx(-np.log([0.9, 0.4, 0.5, 0.9]).mean())
    assert "gini" not in row
    assert "bias_orders" not in row


def test_dates_are_judged_among_buyers_and_orderings_among_all():
    happened = outcome([1.0, 1.0, 1.0, 0.0], days=[3, 10, 88, 90])
    given = Predictions(
        "a",
        {
            "next_order_days": np.array([5.0, 10.0, math.nan, math.nan]),
            "next_order_days_early": np.array([4.0, 8.0, math.nan, math.nan]),
            "next_order_days_late": np.array([9.0, 12.0, math.nan, math.nan]),
            "churn_risk": np.array([0.1, 0.2, 0.3, 0.4]),
        },
    )
    row = judge_dates(happened, given, 90)
    # errors 2, 0 and 91 − 88
    assert row["median_abs_error_days"] == 2.0
    assert row["within_7_days"] == 1.0
    assert row["date_coverage"] == pytest.approx(1 / 3)
    assert row["concordance_by_risk"] == 1.0
    # five of six pairs in order, the two without a date share a place
    assert row["concordance_by_date"] == pytest.approx(5.5 / 6)


def test_the_error_of_a_total_is_that_of_a_sum():
    spend = np.array([0.0, 0.0, 4.0, 12.0])
    assert level_error(spend) == pytest.approx(math.sqrt(4 * spend.var()) / 16)


# --- coverage ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("actual", "low", "high", "p_none", "share"),
    [
        (0.0, 0.0, 9.0, 0.5, 0.8),  # of [0, .5] the part from .1 on
        (0.0, 0.0, 0.0, 0.95, 0.8 / 0.95),  # of [0, .95] the part from .1 to .9
        (0.0, 2.0, 9.0, 0.05, 0.0),  # zero lies below the 10 % quantile
        (0.0, 2.0, 9.0, 0.0, 0.0),
        (5.0, 2.0, 9.0, 0.05, 1.0),
        (9.5, 2.0, 9.0, 0.05, 0.0),
        (1.0, 2.0, 9.0, 0.05, 0.0),
        (1.0, 0.0, 0.0, 0.95, 0.0),  # any purchase lies above the 90 % quantile
        (9.0, 2.0, 9.0, 0.05, 0.5),
        (2.0, 2.0, 9.0, 0.05, 0.5),
    ],
)
def test_covered_share_by_hand(actual, low, high, p_none, share):
    assert covered_share(*(np.array([value]) for value in (actual, low, high, p_none)))[0] == pytest.approx(share)


def test_randomised_coverage_is_80_percent_under_a_true_law_with_many_zeros():
    rng = np.random.default_rng(1)
    p_none = rng.uniform(0.0, 1.0, 40_000)
    law = stats.gamma(2.0, scale=30.0)
    actual = np.where(rng.random(p_none.size) < p_none, 0.0, law.rvs(p_none.size, random_state=rng))
    low, high = (
        np.where(level <= p_none, 0.0, law.ppf(np.clip((level - p_none) / (1.0 - p_none), 0.0, 1.0)))
        for level in (0.1, 0.9)
    )
    # the share has a standard error of at most sqrt(.16 / 40,000) = .002: four of them
    assert covered_share(actual, low, high, p_none).mean() == pytest.approx(0.8, abs=0.008)
    assert ((low <= actual) & (actual <= high)).mean() > 0.85


def test_randomised_coverage_is_80_percent_under_a_true_law_of_counts():
    rng = np.random.default_rng(2)
    mean = rng.gamma(2.0, 4.0, 40_000)
    law = stats.poisson(mean)
    # a half at the ends is right where atoms are small or their place within the quantile's step is even; means that
    # vary over two decades make it so within a percent
    share = covered_share(law.rvs(random_state=rng).astype(float), law.ppf(0.1), law.ppf(0.9), law.pmf(0))
    assert share.mean() == pytest.approx(0.8, abs=0.02)


def test_heavy_buyers_are_the_top_tenth_and_its_ties():
    groups = activity_groups(np.array([1.0] * 10 + [2.0] * 5 + [3.0] * 3 + [9.0, 9.0]))
    assert {name: int(mask.sum()) for name, mask in groups.items()} == {
        "all": 20,
        "one-time": 10,
        "regular": 8,
        "heavy": 2,
    }
    assert int(activity_groups(np.ones(5))["heavy"].sum()) == 0


def test_intervals_are_judged_by_group():
    given = Predictions(
        "a",
        {
            "spend_low": np.zeros(4),
            "spend_high": np.array([0.0, 0.0, 10.0, 50.0]),
            "churn_risk": np.array([1.0, 1.0, 0.5, 0.0]),
        },
    )
    found = judge_intervals(outcome([0.0, 3.0, 5.0, 60.0], orders_before=[1, 1, 3, 20]), given)
    assert {group: row["plain"] for group, row in found.items()} == {
        "all": 0.5,
        "one-time": 0.5,
        "regular": 1.0,
        "heavy": 0.0,
    }
    assert found["one-time"]["randomised"] == pytest.approx(0.4)
    assert judge_intervals(outcome([1.0]), Predictions("a", {"churn_risk": np.zeros(1)})) == {}


# --- significance -----------------------------------------------------------------------------------------------------


def test_holm_by_hand():
    # sorted .005 × 4, .01 × 3, .03 × 2, .04 × 1; the last may not fall below the one before it
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm(np.array([0.9, 0.8])) == pytest.approx([1.0, 1.0])
    assert holm(np.array([])).size == 0


def shop(customers=600, seed=5):
    rng = np.random.default_rng(seed)
    p_none = rng.uniform(0.05, 0.95, customers)
    mean = 40.0 * (1.0 - p_none)
    spend = np.where(rng.random(customers) < p_none, 0.0, rng.gamma(3.0, mean / 3.0))
    return outcome(spend), mean * (1.0 - p_none), p_none


def answers(spend, p_none):
    return Predictions("a", {"predicted_clv": spend, "churn_risk": p_none})


def compared(happened, ours, theirs, metric, times=200):
    rows = [judge(happened, given)[metric] for given in (ours, theirs)]
    drawn = [resampled(happened, given, times=times, seed=0)[metric] for given in (ours, theirs)]
    return compare("case", metric, (rows[0], drawn[0]), {"peer": (rows[1], drawn[1])})


@pytest.mark.parametrize("metric", HIGHER_IS_BETTER)
def test_a_prediction_is_tied_with_itself(metric):
    happened, spend, p_none = shop()
    cell = compared(happened, answers(spend, p_none), answers(spend.copy(), p_none.copy()), metric)
    assert (cell.result, cell.advantage, cell.low, cell.high, cell.p) == ("tied", 0.0, 0.0, 0.0, 1.0)


@pytest.mark.parametrize("metric", ["gini", "spearman", "auc", "log_loss", "ece", "rmse"])
def test_the_truth_beats_noise_whichever_way_is_better(metric):
    happened, spend, p_none = shop()
    rng = np.random.default_rng(0)
    noise = answers(rng.permutation(spend) * 3.0, rng.permutation(p_none) ** 3)
    won = compared(happened, answers(spend, p_none), noise, metric)
    lost = compared(happened, noise, answers(spend, p_none), metric)
    assert (won.result, lost.result) == ("won", "lost")
    assert won.low > 0.0 > lost.high
    assert won.p < 0.001
    assert won.advantage == -lost.advantage


def test_differences_are_paired():
    happened, spend, p_none = shop()
    nearly = p_none.copy()
    nearly[0] = 1.0 - nearly[0]
    cell = compared(happened, answers(spend, p_none), answers(spend, nearly), "log_loss")
    alone = resampled(happened, answers(spend, p_none), times=200, seed=0)["log_loss"]
    # one customer of 600 moves the difference; all of them move each value
    assert cell.high - cell.low < 0.5 * (np.quantile(alone, 0.975) - np.quantile(alone, 0.025))


def test_the_bootstrap_error_is_that_of_theory():
    happened, _, p_none = shop()
    drawn = resampled(happened, Predictions("a", {"churn_risk": p_none}), times=1000, seed=3)["log_loss"]
    given = np.where(happened.bought == 1.0, 1.0 - p_none, p_none)
    # a standard deviation from 1,000 draws is known to 2.2 %: four of that
    assert drawn.std() == pytest.approx(np.log(given).std() / math.sqrt(600), rel=0.09)


def test_p_values_are_two_sided_and_centred_at_the_difference():
    drawn = np.random.default_rng(0).normal(5.0, 2.0, 100_000)
    # whatever the resamples' own mean; a standard deviation from 100,000 draws is known to .2 %
    assert paired_p_value(1.96 * 2.0, drawn) == pytest.approx(0.05, rel=0.03)
    assert paired_p_value(-1.96 * 2.0, drawn) == paired_p_value(1.96 * 2.0, drawn)
    assert paired_p_value(0.0, np.zeros(9)) == 1.0


def test_the_best_peer_is_the_highest_or_the_lowest():
    values = {"a": 0.2, "b": math.nan, "c": 0.3}
    assert best_peer("gini", values) == "c"
    assert best_peer("ece", values) == "a"
    assert best_peer("rmse", {"b": math.nan}) is None
    assert compare("case", "gini", (math.nan, np.zeros(2)), {"a": (0.1, np.zeros(2))}) is None


@pytest.mark.parametrize(
    ("metric", "value", "text"),
    [("gini", 0.70149, "0.701"), ("rmse", 2737.4, "2737"), ("rmse", 70.04, "70.0"), ("rmse", 0.8, "0.800")],
)
def test_values_are_shown_with_three_digits(metric, value, text):
    assert shown(metric, value) == text
