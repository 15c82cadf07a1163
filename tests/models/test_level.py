"""The stored level: weeks and totals agree, the season follows the calendar, and JSON brings back the same."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foretell.errors import BundleError
from foretell.models.event_days import EventDays
from foretell.models.level import Level

FITTED_AT = datetime(2025, 7, 1)

LEVEL = Level(
    reason="",
    windows=12,
    expected=(1.0, 0.8, 0.6, 0.5),
    by_lead=(-0.1, -0.1, -0.2, -0.3),
    season_starts_on="2025-07-01",
    season=tuple(0.01 * week for week in range(52)),
    season_weeks_seen=30,
    events=EventDays(),
    value=0.05,
    error_days=(7, 28, 91),
    sd_orders=(0.2, 0.1, 0.12),
    sd_spend=(0.25, 0.15, 0.2),
)


def test_a_horizon_weighs_its_weeks_by_what_is_expected_of_them():
    weeks = np.array([-0.1, -0.1 + 0.01, -0.2 + 0.02])
    by_hand = np.log((1.0 * np.exp(weeks[0]) + 0.8 * np.exp(weeks[1]) + 0.6 * np.exp(weeks[2])) / 2.4)
    assert LEVEL.log_orders(FITTED_AT, 21) == pytest.approx(by_hand, abs=1e-12)
    np.testing.assert_allclose(LEVEL.weekly_log_orders(FITTED_AT, 21), weeks, atol=1e-12)


EVENTS = EventDays(("sale", "sale"), ("2025-07-10", "2026-07-09"), ("2025-07-11", "2026-07-10"), (0.5, 0.5))


def test_an_event_comes_on_top_of_the_season_on_its_own_days():
    # Thursday and Friday of the second week: two of its seven days.
    level = replace(LEVEL, events=EVENTS)
    lift = np.log((2 * np.exp(0.5) + 5) / 7)
    told, without = (each.weekly_log_orders(FITTED_AT, 21) for each in (level, LEVEL))
    np.testing.assert_allclose(told - without, [0, lift, 0], atol=1e-12)
    alone = replace(level, season=(), season_starts_on="")
    np.testing.assert_allclose(alone.weekly_log_orders(FITTED_AT, 21), [-0.1, -0.1 + lift, -0.2], atol=1e-12)
    assert level.facts()["coming_events_factor_on_a_day"] == {"sale": 1.6487}
    assert Level.from_dict(json.loads(json.dumps(level.to_dict()))) == level


def test_operational_time_is_the_season_day_by_day_and_repeats_yearly():
    level = replace(LEVEL, events=EVENTS)
    time = level.operational_time(FITTED_AT + timedelta(days=3), 800)
    logs = np.array([0.01 * ((day + 3) // 7 % 52) for day in range(800)])
    # Thursday 10 July 2025 is the seventh day ahead, 9 July 2026 the 371st.
    logs[[6, 7, 370, 371]] += 0.5
    np.testing.assert_allclose(np.diff(time.passed), np.exp(logs), rtol=1e-9)


def test_where_no_season_is_known_days_are_alike():
    flat = replace(LEVEL, season=(), season_starts_on="")
    assert flat.operational_time(FITTED_AT, 365) is None
    assert Level.none().operational_time(FITTED_AT, 365) is None


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("names", ["sale"]),
        ("names", ["sale", 3]),
        ("starts_on", ["2025-07-10", "10.7.2026"]),
        ("starts_on", ["2025-07-12", "2026-07-09"]),
        ("ends_on", "2025-07-11"),
        ("log_factors", [0.5, float("nan")]),
        ("log_factors", [0.5, 50.0]),
    ],
)
def test_damaged_events_are_refused(field, values):
    with pytest.raises(BundleError, match="EventDays"):
        Level.from_dict({**LEVEL.to_dict(), "events": {**EVENTS.to_dict(), field: values}})
    with pytest.raises(BundleError, match="EventDays"):
        Level.from_dict({**LEVEL.to_dict(), "events": []})


def test_a_last_week_of_few_days_weighs_little():
    by_hand = np.log((np.exp(-0.1) + 0.8 * 2 / 7 * np.exp(-0.09)) / (1 + 0.8 * 2 / 7))
    assert LEVEL.log_orders(FITTED_AT, 9) == pytest.approx(by_hand, abs=1e-12)


@given(st.integers(1, 800), st.integers(0, 800), st.integers(0, 2**32 - 1))
def test_weeks_weighted_by_any_expectation_average_to_the_horizon(days, later, seed):
    as_of = FITTED_AT + timedelta(days=later)
    expected = np.random.default_rng(seed).gamma(1.0, size=-(-days // 7))
    factors = np.exp(LEVEL.weekly_log_orders(as_of, days, expected))
    assert np.log(np.average(factors, weights=expected)) == pytest.approx(LEVEL.log_orders(as_of, days), abs=1e-9)


def test_the_season_follows_as_of_and_nothing_else_does():
    a_year_on = FITTED_AT + timedelta(days=364)
    assert LEVEL.log_orders(a_year_on, 28) == LEVEL.log_orders(FITTED_AT, 28)
    five_weeks_on = FITTED_AT + timedelta(days=35)
    # Each week of the season is .05 higher, the leads are the same.
    assert LEVEL.log_orders(five_weeks_on, 28) == pytest.approx(LEVEL.log_orders(FITTED_AT, 28) + 0.05, abs=1e-12)


def test_a_cutoff_within_a_week_of_the_season_mixes_its_days():
    # Three days of week 0 are over: four of it are left, then three of week 1.
    by_hand = -0.1 + np.log((4 * np.exp(0.0) + 3 * np.exp(0.01)) / 7)
    assert LEVEL.log_orders(FITTED_AT + timedelta(days=3), 7) == pytest.approx(by_hand, abs=1e-12)
    # Part of a day is a day seen.
    assert LEVEL.log_orders(FITTED_AT + timedelta(days=2, hours=5), 7) == pytest.approx(by_hand, abs=1e-12)


def test_errors_are_interpolated_and_grow_beyond_the_longest():
    assert LEVEL.total_error(1) == (0.2, 0.25)
    assert LEVEL.total_error(28) == (0.1, 0.15)
    assert LEVEL.total_error(91 * 4) == pytest.approx((0.24, 0.4))


def test_no_level_corrects_nothing_and_says_why():
    level = Level.none("no history")
    assert level.log_orders(FITTED_AT, 365) == level.log_value() == 0
    np.testing.assert_array_equal(level.weekly_log_orders(FITTED_AT, 365, np.zeros(53)), np.zeros(53))
    assert level.total_error(28)[0] > LEVEL.total_error(28)[0]
    assert level.facts()["fitted"] == "no: no history"
    assert level.facts()["season"] == "not seen, or none found"


def test_the_card_shows_factors():
    facts = LEVEL.facts()
    assert facts["factor_on_orders_first_week"] == round(np.exp(-0.1), 4)
    assert facts["season_highest_factor"] == round(np.exp(0.51), 4)
    assert facts["past_windows"] == 12
    assert json.loads(json.dumps(facts)) == facts


@pytest.mark.parametrize("level", [LEVEL, Level.none("no history")])
def test_json_brings_back_the_same_level(level):
    assert Level.from_dict(json.loads(json.dumps(level.to_dict()))) == level


@pytest.mark.parametrize(
    ("field", "value", "where"),
    [
        ("reason", None, "reason"),
        ("windows", True, "windows"),
        ("windows", -1, "windows"),
        ("expected", [1.0, 0.0, 0.6, 0.5], "expected"),
        ("expected", [], "expected"),
        ("by_lead", [0.1], "by_lead"),
        ("by_lead", [0.1, 0.1, 0.1, float("nan")], "by_lead"),
        ("by_lead", [0.1, 0.1, 0.1, 9.0], "by_lead"),
        ("season", [0.0] * 51, "season"),
        ("season_weeks_seen", -1, "season_weeks_seen"),
        ("season", [], "season_starts_on"),
        ("season_starts_on", "", "season_starts_on"),
        ("season_starts_on", "July", "season_starts_on"),
        ("value", "0.05", "value"),
        ("value", float("inf"), "value"),
        ("error_days", [28, 7, 91], "error_days"),
        ("error_days", [7, 28.5, 91], "error_days"),
        ("error_days", [0, 28, 91], "error_days"),
        ("sd_orders", [0.1, 0.1], "sd_orders"),
        ("sd_spend", [0.1, 0.1, 0.0], "sd_orders"),
        ("more", 1, "fields"),
    ],
)
def test_a_damaged_state_is_refused(field, value, where):
    with pytest.raises(BundleError, match=f"'{where}'"):
        Level.from_dict({**LEVEL.to_dict(), field: value})
