"""The season: found as far as it can be told from drift, and taken from a published year where it was never seen."""

from datetime import date
from math import exp, log

import numpy as np
import pytest

from foretell.training.level import fit_level
from foretell.training.level_windows import History
from foretell.training.recipes import scoring_recipes
from foretell.training.retail_year import MONTHLY, weekly_log_factors
from foretell.training.season import fit_season
from level_shops import at, know, learn, shop

HORIZONS = (91, 182)


def fit(data, day, models=know, **named):
    return fit_level(data, at(day), models, horizons_days=HORIZONS, **named)


def test_the_published_year_averages_to_one_and_peaks_before_christmas():
    # Destatis publishes an index whose adjusted mean is that of the original: its factors average to 1 within .2 %.
    assert np.mean(MONTHLY) == pytest.approx(1, abs=2e-3)
    start = date(2025, 1, 1)
    factors = np.exp(weekly_log_factors(start, np.arange(52)))
    # 52 weeks are a day short of a year.
    assert factors.mean() == pytest.approx(1, abs=2e-3)
    # The second week of December lies wholly in it: turnover 1.2522 spread over 31 days of 30.42.
    assert factors.argmax() in (48, 49, 50)
    assert factors.max() == pytest.approx(1.2522 * 365 / 12 / 31, rel=0.01)


def test_weeks_before_the_start_and_leap_years_are_the_same_weeks_of_the_year():
    start = date(2024, 12, 31)
    assert weekly_log_factors(start, np.array([0]))[0] == pytest.approx(
        weekly_log_factors(date(2023, 12, 31), np.array([0]))[0], abs=1e-12
    )
    one_by_one = [weekly_log_factors(date(2024, 12, 31 - 7 * back), np.array([0]))[0] for back in range(3)]
    np.testing.assert_allclose(weekly_log_factors(start, np.array([0, -1, -2])), one_by_one, atol=1e-12)


def test_a_young_shop_leans_on_the_published_year_and_an_old_one_on_its_own():
    # 200 days from January: nothing of the winter to come was seen, and 900 days of a shop that has no season.
    young, december = shop(200), at(334)
    lift = fit(young, 200).log_orders(december, 28)
    assert 0.08 < lift < 0.25
    assert fit(young, 200, retail_year=False).log_orders(december, 28) == pytest.approx(0, abs=0.04)
    old = shop(900, customers=1500)
    assert abs(fit(old, 900).log_orders(at(334 + 2 * 364), 28)) < 0.3 * lift


def test_what_was_busy_while_a_model_learnt_is_not_added_again():
    # Twice as busy in the first 26 weeks of every year: a model that learnt for a year and a half knows a mean of 1.67.
    data = shop(546, customers=1000, factor=lambda day: 2.0 if day % 364 < 182 else 1.0)
    level = fit(data, 546, learn, retail_year=False)
    known, coming = 0.05 * (2 * 364 + 182) / 546, 0.05
    lift = level.log_orders(at(546), 91)
    # The quiet half comes, seen once before: most of it is expected, and not the whole log 2 between the halves.
    assert log(coming / known) - 0.1 < lift < 0.4 * log(coming / known)


def test_a_busy_month_that_comes_back_is_believed_more_than_one_seen_once():
    def busy(day):
        return 1.5 if 300 <= day % 364 < 328 else 1.0

    once, twice = (shop(days, customers=1500, factor=busy) for days in (364 + 100, 2 * 364 + 100))
    first = fit(once, 364 + 100, retail_year=False).log_orders(at(364 + 300), 28)
    second = fit(twice, 2 * 364 + 100, retail_year=False).log_orders(at(2 * 364 + 300), 28)
    assert 0.3 * log(1.5) < first < second < 1.1 * log(1.5)


def test_the_level_says_how_much_of_a_year_was_seen():
    # Cutoffs go back to 42 days after the first order in steps of four weeks: 36 weeks are looked at in 300 days.
    assert fit(shop(300), 300).season_weeks_seen == 36
    assert fit(shop(500), 500).season_weeks_seen == 52
    assert fit(shop(300), 300).facts()["season"] == "36 of 52 weeks seen"


def test_without_a_window_it_is_the_published_year_less_what_was_learnt_from():
    end, known = date(2025, 10, 1), np.arange(80.0, 40.0, -1.0)
    ahead, past = (0.8 * weekly_log_factors(end, weeks) for weeks in (np.arange(52), -1 - np.arange(40)))
    # Everybody known buys twice a week, times the season.
    repeats = 2 * known * np.exp(past)
    history = History((), end, np.zeros(0, bool), 1.0, 0, repeats, known, np.repeat(repeats / 7, 7), ())
    season = fit_season(history, 0, retail_year=True)
    np.testing.assert_allclose(season.ahead, ahead - log(repeats.sum() / (2 * known.sum())), atol=1e-12)
    of_older = log(repeats[10:].sum() / (2 * known[10:].sum()))
    np.testing.assert_allclose(season.of_window(10, 4), past[[9, 8, 7, 6]] - of_older, atol=1e-12)
    assert season.weeks_seen == 0


def test_a_busy_time_that_models_learnt_from_is_not_what_made_their_forecasts_too_high():
    # Twice as busy in the first 100 days only: models of the time after it expect too much, ever less so.
    data = shop(300, customers=800, factor=lambda day: 2.0 if day < 100 else 1.0)
    level = fit(data, 300, learn, retail_year=False)
    # A season that did not know what they had learnt would make quiet weeks of all that were seen: -.11 more.
    assert -0.13 < level.log_orders(at(300), 91) < -0.03


def test_a_single_block_is_hardly_season():
    level = fit(shop(71, factor=lambda _day: exp(0.3)), 71, retail_year=False)
    # The cutoff's own error, trend, drift and noise compete with the season for one number.
    assert 0 <= max(level.season) < 0.1


def test_the_published_year_can_be_left_out_of_a_recipe():
    assert scoring_recipes(None)[0].retail_year
    assert not scoring_recipes(None, retail_year=False)[0].retail_year


def test_a_shop_that_lives_of_two_months_is_forecast_by_what_it_sold_and_not_by_logs():
    # Ten times as busy in 8 weeks of 52: the mean of a year is 2.4 quiet weeks, the mean of its logs 1.4. If the latter
    # were taken for what rates hold, the year ahead would be forecast too low, by .27 here.
    days = 2 * 364
    data = shop(days, customers=1000, factor=lambda day: 10.0 if 300 <= day % 364 < 356 else 1.0)
    level = fit(data, days, learn, retail_year=False)
    mean = (10 * 8 + 44) / 52
    assert level.log_orders(at(days), 364) == pytest.approx(0, abs=0.08)
    # One busy time lies in the blocks that are looked at: part of it may have been drift.
    assert -log(mean) < level.log_orders(at(days), 91) < 0.8 * -log(mean)
    assert 0.8 * log(10 / mean) < level.log_orders(at(days + 300), 56) < log(10 / mean)
