"""Events of the calendar: their effect is that of the days around them, and follows their dates."""

from dataclasses import replace
from datetime import date, timedelta
from math import exp, log, sqrt

import numpy as np
import polars as pl
import pytest

from foretell.models.event_days import EventDays
from foretell.tables.optional_tables import OptionalTables
from foretell.training.event_effects import Occasion, fit_event_effects, occasions_of
from foretell.training.level import fit_level
from foretell.training.level_windows import History, past_windows
from foretell.training.season import fit_season
from level_shops import START, at, know, shop

SALE_DAYS = 4
FIRST_YEAR, SECOND_YEAR, THIRD_YEAR = 300, 300 + 364 + 35, 300 + 2 * 364 - 28
"""First days of a sale that moves through the year: five weeks later, then nine weeks earlier."""


def day(number) -> date:
    return START.date() + timedelta(days=number)


def calendar(*starts, name="sale", length=SALE_DAYS) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "event": [name] * len(starts),
            "starts_on": [day(start) for start in starts],
            "ends_on": [day(start + length - 1) for start in starts],
        }
    )


def with_calendar(data, frame):
    return replace(data, optional=OptionalTables(calendar=frame))


def on_sale(number):
    return 2.5 if any(start <= number < start + SALE_DAYS for start in (FIRST_YEAR, SECOND_YEAR)) else 1.0


def fit(data, end, **named):
    return fit_level(data, at(end), know, horizons_days=(91, 182), retail_year=False, **named)


@pytest.fixture(scope="module")
def two_years():
    return with_calendar(
        shop(2 * 364 + 50, customers=1_000, factor=on_sale), calendar(FIRST_YEAR, SECOND_YEAR, THIRD_YEAR)
    )


def test_an_event_that_moves_is_forecast_on_its_new_days(two_years):
    end = 2 * 364 + 50
    level = fit(two_years, end)
    # log 2.5 = .92, shrunk a little; the sale of the coming year alone is stored
    assert level.events.names == ("sale",)
    assert level.events.starts_on == (day(THIRD_YEAR).isoformat(),)
    assert 0.8 < level.events.log_factors[0] < 0.95
    told = level.weekly_log_orders(at(THIRD_YEAR - 7), 21)
    # four of seven days at 2.5: log(1 + 4/7 x 1.5) = .62
    assert told[1] - (told[0] + told[2]) / 2 == pytest.approx(log(1 + 4 / 7 * 1.5), abs=0.1)


def test_without_the_calendar_the_sale_is_expected_where_it_was_last_year(two_years):
    level = fit(replace(two_years, optional=OptionalTables()), 2 * 364 + 50)
    assert level.events == EventDays()
    told = level.weekly_log_orders(at(THIRD_YEAR - 7), 21)
    assert abs(told[1] - (told[0] + told[2]) / 2) < 0.1


def test_an_event_in_what_a_model_learnt_does_not_stay_in_the_level(two_years):
    # A month of forecasts right after a sale: with the calendar the weeks before it were no surprise.
    end = SECOND_YEAR + 28
    known = fit(two_years, end).log_orders(at(end), 28)
    assert known == pytest.approx(0, abs=0.04)


def test_the_forecast_reads_no_row_and_no_announcement_of_the_future(two_years):
    end = SECOND_YEAR - 20
    level = fit(two_years, end)
    cut = two_years.before(at(end))
    assert fit(replace(cut, observed_until_given=False), end) == level
    later = two_years.optional.calendar.with_columns(
        announced_on=pl.when(pl.col("starts_on") == day(SECOND_YEAR)).then(pl.lit(day(end))).otherwise(None)
    )
    unheard = fit(with_calendar(two_years, later), end)
    assert unheard.events.starts_on == (day(THIRD_YEAR).isoformat(),)
    heard = fit(with_calendar(two_years, later.with_columns(pl.col("announced_on") - timedelta(days=1))), end)
    assert heard == level


def test_an_event_never_seen_and_one_longer_than_a_month_have_no_effect():
    data = shop(400, factor=on_sale)
    assert fit(with_calendar(data, calendar(450)), 400).events == EventDays()
    assert occasions_of(calendar(10, length=28))
    assert occasions_of(calendar(10, length=29)) == ()
    assert occasions_of(None) == ()


def test_the_posterior_is_the_formula_by_hand():
    # 100 days, 10 purchases each, 20 on the two days of the sale: three weeks on both sides are compared.
    purchases = np.full(100, 10.0)
    purchases[40:42] = 20.0
    end = date(2024, 6, 1)
    sale = Occasion("sale", end - timedelta(days=42), end - timedelta(days=41), None)
    coming = replace(sale, starts_on=end, ends_on=end)
    found = fit_event_effects([sale, coming], purchases, np.zeros(100), end)
    seen, around = 40.0, 420.0
    ratio = log((seen + 0.5) / (around * 2 / 42 + 0.5))
    variance = 1 / (seen + 0.5) + 1 / (around + 0.5) + 0.08**2
    expected = (ratio / variance) / (1 / 0.4**2 + 1 / variance)
    np.testing.assert_allclose(found.log_factors, [expected, expected], atol=2e-9)
    assert found.names == ("sale", "sale")


def test_the_usual_year_is_no_effect_of_an_event():
    # A sale on days that are busier by half in every year: nothing is left for it to explain.
    usual = np.zeros(100)
    usual[40:42] = log(1.5)
    sale = Occasion("sale", date(2024, 4, 20), date(2024, 4, 21), None)
    found = fit_event_effects([sale], 10 * np.exp(usual), usual, date(2024, 6, 1))
    assert sum(found.log_factors) == pytest.approx(0, abs=1e-6)


def test_chance_alone_gives_effects_near_zero():
    # 200 shops without events: the effects' scatter is that of the noise, shrunk, and smaller than its prior.
    rng = np.random.default_rng(3)
    end = date(2024, 6, 1)
    sale = Occasion("sale", end - timedelta(days=50), end - timedelta(days=47), None)
    effects = [
        fit_event_effects([sale], rng.poisson(5.0, 200).astype(float), np.zeros(200), end).log_factors[0]
        for _ in range(200)
    ]
    noise = sqrt(1 / 20 + 1 / 210)
    assert abs(np.mean(effects)) < 3 * noise / sqrt(200)
    assert np.std(effects) < noise


def test_excluded_days_and_days_before_the_first_order_say_nothing():
    data = with_calendar(shop(500, factor=on_sale), calendar(FIRST_YEAR, 600))
    excluded = [(day(FIRST_YEAR), day(FIRST_YEAR + SALE_DAYS - 1))]
    assert fit(data, 500, exclude_periods=excluded).events == EventDays()
    around = [(day(FIRST_YEAR - 30), day(FIRST_YEAR - 1)), (day(FIRST_YEAR + SALE_DAYS), day(FIRST_YEAR + 40))]
    assert fit(data, 500, exclude_periods=around).events == EventDays()


def test_days_of_events_average_by_week_and_add_up_where_they_overlap():
    events = EventDays(("a", "b"), ("2024-01-03", "2024-01-05"), ("2024-01-05", "2024-01-05"), (log(2), log(3)))
    by_day = events.by_day(date(2024, 1, 1), 7)
    np.testing.assert_allclose(np.exp(by_day), [1, 1, 2, 2, 6, 1, 1])
    weeks = events.by_week(date(2024, 1, 8), np.array([0, -1]))
    np.testing.assert_allclose(np.exp(weeks), [1, 2])
    assert events.from_day(date(2024, 1, 6)) == EventDays()
    assert exp(events.log_factors[0]) == pytest.approx(2)


def test_days_that_scatter_more_make_an_event_less_certain():
    # Every other day 4 or 16 purchases, 10 on average on each weekday: a scatter of 36 / 10.
    purchases = np.tile([4.0, 16.0], 70)
    purchases[41:43] = 20.0
    end = date(2024, 6, 1)
    sale = Occasion("sale", end - timedelta(days=43), end - timedelta(days=42), None)
    found = fit_event_effects([sale], purchases, np.zeros(140), end).log_factors[0]
    even = np.full(140, 10.0)
    even[41:43] = 20.0
    sure = fit_event_effects([sale], even, np.zeros(140), end).log_factors[0]
    prior, ratio = 1 / 0.4**2, log(2)
    shares = [1 / (prior * (scatter * (1 / 40.5 + 1 / 420.5) + 0.08**2) + 1) for scatter in (3.6, 1.0)]
    assert found / sure == pytest.approx(shares[0] / shares[1], rel=0.03)
    assert sure == pytest.approx(ratio * shares[1], rel=0.02)


def test_a_season_holds_the_events_of_past_and_coming_weeks():
    end = date(2024, 6, 3)
    by_day = np.full(280, 10.0)
    by_day[70:77] = 30.0
    sale = Occasion("sale", end - timedelta(days=77), end - timedelta(days=71), None)
    coming = replace(sale, starts_on=end + timedelta(days=7), ends_on=end + timedelta(days=13))
    repeats = by_day.reshape(-1, 7).sum(axis=1)
    history = History((), end, np.zeros(0, bool), 1.0, 0, repeats, np.full(40, 7.0), by_day, (sale, coming))
    season = fit_season(history, 0, retail_year=False)
    effect = season.events.log_factors[0]
    assert effect > 0.9
    np.testing.assert_allclose(season.past, np.where(np.arange(40) == 10, effect, 0.0), atol=1e-12)
    # One of the 40 weeks that were learnt from had the event's factor, which is not quite the 3 that its purchases say:
    # so who was at risk is known to a thousandth.
    learnt = np.log((39 + np.exp(effect)) / 40)
    np.testing.assert_allclose(season.of_coming(3), [-learnt, effect - learnt, -learnt], atol=1e-3 * learnt)
    np.testing.assert_allclose(season.of_window(12, 3), [0, effect, 0], atol=1e-12)


def test_days_before_the_first_order_are_not_days_without_purchases():
    data = shop(100)
    history = past_windows(data, at(100), know, horizon_weeks=16)
    assert history.repeats_by_day.size == 105
    assert np.isnan(history.repeats_by_day).tolist() == [False] * 100 + [True] * 5
    np.testing.assert_array_equal(np.nansum(history.repeats_by_day.reshape(-1, 7), axis=1), history.repeats)
