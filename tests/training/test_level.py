"""The fit of a shop's level: what was put in is found, what is thin is shrunk, and the future is not read."""

from datetime import timedelta
from math import exp, log

import numpy as np
import polars as pl
import pytest
from scipy.stats import norm

from foretell.errors import FitError
from foretell.features.summary import purchase_summary
from foretell.models.level import Level
from foretell.tables.dataset import CustomerData
from foretell.training import level, level_windows
from foretell.training.level import fit_level
from foretell.training.level_windows import past_windows
from level_shops import START, VALUE, at, know, learn, orders, shop

HORIZONS = (91, 182)


def fit(data, day, models=know, **named):
    return fit_level(data, at(day), models, horizons_days=HORIZONS, **{"retail_year": False, **named})


def peak(day):
    """A Christmas of six weeks, twice as busy."""
    return 2.0 if 315 <= day % 364 < 357 else 1.0


def test_a_constant_factor_is_found():
    level = fit(shop(500, factor=lambda _day: 0.8), 500)
    # 13 blocks of four weeks of some 670 purchases each: counting noise of the mean is about 1 %; the prior of .12
    # pulls a mean known to sqrt(.05² / 4) = .025 by 4 % of its distance.
    assert level.log_orders(at(500), 91) == pytest.approx(log(0.8), abs=0.03)
    assert level.log_value() == pytest.approx(0.0, abs=0.02)
    assert level.windows == 16


def test_money_per_purchase_is_found_beside_purchases():
    level = fit(shop(500, value=0.9 * VALUE), 500)
    assert level.log_orders(at(500), 91) == pytest.approx(0.0, abs=0.03)
    # The prior of .1 pulls a mean known to .05 / 2 by 6 % of its distance.
    assert level.log_value() == pytest.approx(log(0.9), abs=0.02)


def test_a_single_window_shrinks():
    data = shop(71, factor=lambda _day: 0.8)
    level = fit(data, 71)
    assert level.windows == 1
    # One block of four weeks is a third of an independent quarter: variance .12² x 3.25 against a prior of .12².
    assert level.log_orders(at(71), 28) == pytest.approx(log(0.8) / 4.25, abs=0.02)
    # Beyond the four weeks that were seen it fades: half of it at eight weeks, a quarter at sixteen.
    assert level.by_lead[15] == pytest.approx(level.by_lead[3] / 4, rel=1e-6)


def test_two_years_of_season_are_found_and_follow_as_of():
    level = fit(shop(2 * 364 + 20, factor=peak, customers=1500), 2 * 364 + 20, models=learn)
    quiet, busy = at(2 * 364 + 20), at(2 * 364 + 315)
    lift = level.log_orders(busy, 42) - level.log_orders(quiet, 42)
    # About half of it is believed after one year; the year before confirms it, and the prior holds some back.
    assert 0.52 < lift < log(2) + 0.05
    # Nothing but the season follows as_of: a year later all is the same.
    assert level.log_orders(quiet + timedelta(days=364), 91) == level.log_orders(quiet, 91)


def test_a_season_that_is_over_is_not_carried_on():
    level = fit(shop(364 + 357, factor=peak, customers=1500), 364 + 357)
    # Six of the last 13 weeks were twice as busy: .3 to .4 above the rest of the year, where nothing knew of seasons.
    assert level.log_orders(at(364 + 357), 91) == pytest.approx(0.0, abs=0.1)


def test_one_year_of_season_is_believed_in_part():
    level = fit(shop(364 + 100, factor=peak, customers=1500), 364 + 100)
    lift = level.log_orders(at(364 + 315), 42) - level.log_orders(at(364 + 200), 42)
    # It may have been drift: about half of it is believed.
    assert 0.4 * log(2) < lift < 0.8 * log(2)


def test_counting_noise_is_no_season():
    level = fit(shop(500, customers=60), 500)
    # 21 purchases a week, noise .22; what is left after the reliability is a small part of it.
    assert max(map(abs, level.season), default=0.0) < 0.1


def test_a_doubled_level_is_mostly_found_a_year_later():
    data = shop(900, factor=lambda day: 1.0 if day < 400 else 2.0)
    level = fit(data, 800)
    # The model knows half the rate. Weights have a half-life of a quarter: windows since the change hold 97 %. The
    # prior of .12 and one independent window a quarter hold some of it back.
    assert log(1.6) < level.log_orders(at(800), 91) < log(2.1)


def test_the_level_of_a_model_that_catches_up_is_ahead_of_it():
    level = fit(shop(500, factor=lambda day: exp(-day / 365)), 500, models=learn)
    # A fading shop: the mean of its past is too high for its future, always.
    assert level.log_orders(at(500), 91) < -0.2


def test_rows_at_or_after_as_of_change_nothing():
    data, cut = shop(500), at(400)
    rows = data.orders.collect().drop("row_number").with_row_index("order_id").cast({"order_id": pl.String})
    past, later = rows.filter(pl.col("ordered_at") < cut), rows.filter(pl.col("ordered_at") >= cut)
    # Other customers, other amounts, and refunds of orders from before.
    refunds = past.tail(300).with_columns(ordered_at=pl.lit(cut), amount_minor=-pl.col("amount_minor"))
    others = later.with_columns(customer_id=pl.lit("c00001"), amount_minor=pl.lit(9_990_000, pl.Int64))
    changed = CustomerData.from_orders(pl.concat([past, others, refunds]), observed_until=data.observed_until)
    plain = CustomerData.from_orders(rows, observed_until=data.observed_until)
    assert fit(changed, 400) == fit(plain, 400) == fit(plain.before(cut), 400)


def test_an_excluded_period_says_nothing():
    data = shop(500, factor=lambda day: 0.3 if 440 <= day < 468 else 1.0)
    closed = ((START + timedelta(days=440)).date(), (START + timedelta(days=467)).date())
    # Left in, part of the dip is expected back a year later.
    assert fit(data, 500).log_orders(at(440 + 364), 28) < -0.25
    level = fit(data, 500, exclude_periods=[closed])
    # Counting noise of the mean, about 1 %, and of four weeks of season, two thirds of 4 %.
    assert level.log_orders(at(440 + 364), 28) == pytest.approx(0.0, abs=0.06)
    assert level.log_orders(at(500), 91) == pytest.approx(0.0, abs=0.03)


def test_where_every_week_is_excluded_the_reason_is_stated():
    level = fit(shop(200), 200, exclude_periods=[(START.date(), at(200).date())])
    assert level == Level.none("every week after a past cutoff is excluded")


@pytest.mark.parametrize("share", [0.3, 3.0])
def test_one_giant_order_moves_no_level(share):
    data = shop(500)
    plain = fit(data, 500)
    # A known customer spends a good part of, or thrice, the shop's revenue of a quarter in one order.
    giant = int(share * 600 * 4.5 * VALUE * 10_000)
    rows = data.orders.collect()
    place = rows.with_row_index().filter((pl.col("ordered_at") > at(470)) & (pl.col("customer_id") == "c00007"))[
        "index"
    ][0]
    amounts = rows["amount_minor"].to_list()
    amounts[place] = giant
    moved = CustomerData.from_orders(
        rows.with_columns(pl.Series("amount_minor", amounts)), observed_until=data.observed_until
    )
    level = fit(moved, 500)
    assert level.log_orders(at(500), 91) == plain.log_orders(at(500), 91)
    # Limited to a twentieth of all, shrunk by what such a customer says of the noise.
    assert plain.log_value() < level.log_value() < plain.log_value() + 0.05


def test_a_short_history_has_no_level_and_says_why():
    level = fit(shop(60), 60)
    assert level == Level.none("the history is too short for a cutoff four weeks before its end")
    assert level.log_orders(at(60), 91) == level.log_value() == 0


def test_no_row_before_as_of_has_no_level():
    assert fit(shop(60), 0).reason == "the history is too short for a cutoff four weeks before its end"


def test_cutoffs_that_cannot_be_fitted_are_passed_over():
    def late(summary):
        if summary["days_observed"].max() < 300:
            msg = "too thin"
            raise FitError(msg)
        return know(summary)

    def never(_summary):
        msg = "too thin"
        raise FitError(msg)

    assert fit(shop(500), 500, late).windows < fit(shop(500), 500).windows
    assert fit(shop(200), 200, never).reason == "at none of 5 past cutoffs was there enough to fit a purchase model"


def test_weeks_after_the_last_order_of_a_stale_history_are_no_zeros():
    data = shop(500)
    stale = CustomerData.from_orders(data.orders.collect())
    assert fit(stale, 560).by_lead == fit(data, 500).by_lead


def test_orders_without_money_have_a_level():
    data = shop(300)
    counts = CustomerData.from_orders(data.orders.drop("amount_minor").collect(), observed_until=data.observed_until)
    level = fit(counts, 300, lambda summary: (know(summary)[0], None))
    assert level.by_lead == fit(data, 300).by_lead
    assert level.log_value() == 0


def test_a_sample_by_hash_finds_the_same_level(monkeypatch):
    data = shop(400, customers=2000, factor=lambda _day: 0.85)
    monkeypatch.setattr("foretell.training.level_windows._MOST_CUSTOMERS", 700)
    sampled = fit(data, 400)
    assert sampled == fit(data, 400)
    # 700 customers buy some 830 times in four weeks: the mean of a year is known to 1 %.
    assert sampled.log_orders(at(400), 91) == pytest.approx(log(0.85), abs=0.03)


def drifting(seed, days):
    """A weekly factor around 1 that wanders back slowly: deviations of .2, correlated by .85 from week to week."""
    rng = np.random.default_rng(seed)
    wave = [0.0]
    for step in rng.normal(0, 0.2 * np.sqrt(1 - 0.85**2), days // 7 + 1):
        wave.append(0.85 * wave[-1] + step)
    return lambda day: exp(wave[day // 7])


def rate_learnt(data, day):
    summary = purchase_summary(data.before(at(day)), at(day))
    return learn(summary)[0].expected_orders(summary, 84)["expected_orders"].sum()


def test_intervals_of_totals_cover_what_follows():
    hits = []
    for seed in range(3):
        data = shop(1000, factor=drifting(seed, 1000), customers=400, seed=seed)
        for day in range(400, 910, 84):
            level = fit(data, day, models=learn)
            expected = rate_learnt(data, day) * exp(level.log_orders(at(day), 84))
            actual = data.orders.filter(pl.col("ordered_at").is_between(at(day), at(day + 84), closed="left"))
            miss = log(actual.select(pl.len()).collect().item() / expected)
            hits.append(abs(miss) < 1.2816 * level.total_error(84)[0])
    # 21 windows that do not overlap, at 80 %: standard error .087.
    assert 0.7 <= np.mean(hits) <= 0.9


def test_errors_are_wider_where_few_windows_were_seen():
    short, long = (fit(shop(days), days) for days in (130, 600))
    assert short.total_error(91)[0] > 1.5 * long.total_error(91)[0]
    assert long.error_days == (7, 28, 91, 182)


def test_errors_never_fall_below_counting_noise():
    # 30 customers order every 20 days, each on a day of their own: 1.5 a day, 10.5 a week, and never a surprise.
    who, turn = np.divmod(np.arange(600), 20)
    data = orders(who, 20 * turn + who % 20, np.full(600, VALUE), 400)
    assert fit(data, 400).total_error(7)[0] >= 1 / np.sqrt(10.5)


def test_a_level_is_shrunk_as_the_integral_over_its_prior_says():
    logs, weights, noise = np.array([-0.9, -0.6, -0.7, -0.2, -0.8]), np.array([1.0, 0.8, 0.5, 0.4, 0.3]), 0.01
    mean = np.average(logs, weights=weights)
    # Five blocks of four weeks, one independent observation a quarter.
    of_mean = (np.average((logs - mean) ** 2, weights=weights) + noise) * 13 / (5 * 4)
    grid = np.linspace(-4, 4, 40_001)
    prior = sum(odds * norm.pdf(grid, scale=sd) for sd, odds in {0.12: 4, 0.24: 2, 0.48: 1}.items())
    posterior = prior * norm.pdf(mean, grid, np.sqrt(of_mean))
    found = level._shrunk(logs, weights, 5, noise, level._LEVEL_PRIOR_SDS)
    # The grid's sums are exact to its step squared.
    assert found == pytest.approx(grid @ posterior / posterior.sum(), abs=1e-6)
    # One normal prior of the usual size would have left a quarter of it.
    assert 0.5 * mean > found > mean
    assert level._shrunk(logs, weights, 5, noise, {0.12: 1.0}) > 0.35 * mean


def test_customers_known_are_counted_by_the_middle_day_of_each_week():
    # Customer n comes on day n and again on day 60: of 70 days, the newest week's middle day is day 66.
    who, day = np.tile(np.arange(50), 2), np.r_[np.arange(50), np.full(50, 60)]
    history = past_windows(orders(who, day, np.full(100, VALUE), 70), at(70), know, horizon_weeks=16)
    assert history.known.tolist() == [min(67 - 7 * back, 50) for back in range(10)]


def test_unequal_values_of_few_buyers_are_no_lower_value():
    # Thirty buyers, a few of whom spend several times the mean, as gamma values of shape .5 do: nothing was expected
    # otherwise of anybody. A limit of a twentieth of all, 1.5 means, would cut it.
    rng = np.random.default_rng(3)
    logs = []
    for _ in range(400):
        spent = rng.gamma(0.5, 2 * VALUE, 30)
        logs.append(level_windows._log_value(np.ones(30), spent, np.ones(30), np.full(30, VALUE)))
    # A mean of 30 such values has a relative standard deviation of sqrt(2 / 30), whose half square its log is lower by.
    assert np.mean(logs) == pytest.approx(-1 / 30, abs=0.04)
