"""Days of orders: slips far from all others, and stretches in which nobody ordered."""

from datetime import date, datetime, timedelta

import polars as pl
import pytest

from foretell.tables import order_days
from foretell.tables.order_days import days_table, notes_of_days, order_day_notes

START = datetime(2020, 1, 1)


def every(days, *, without=(), step=1):
    """One order every so many days, but for the days from one number to another."""
    there = [day for day in range(0, days, step) if not any(first <= day < last for first, last in without)]
    return pl.Series([START + timedelta(days=day, hours=9) for day in there])


def test_days_far_from_all_others_are_told():
    days = [datetime(2021, 1, 1) + timedelta(days=number) for number in range(5)]
    assert order_day_notes(pl.Series(days)) == ()
    assert order_day_notes(pl.Series([*days, days[-1] + timedelta(days=366)])) == ()
    (note,) = order_day_notes(pl.Series([*days, *[days[-1] + timedelta(days=367)] * 2]))
    assert (note.code, note.count) == ("lonely_last_day", 2)
    assert order_day_notes(pl.Series([days[0], days[0] + timedelta(days=900)])) == ()


@pytest.mark.parametrize("at_once", [1, 4, 1_000])
def test_days_are_counted_where_they_stand(monkeypatch, at_once):
    monkeypatch.setattr(order_days, "_AT_ONCE", at_once)
    times = [datetime(1969, 12, 30, 23, 59), datetime(1970, 1, 1), datetime(1969, 12, 30), datetime(2024, 2, 29, 12)]
    found = order_days.days_table(pl.Series([*times, times[0], times[3]]))
    assert found.rows() == [(date(1969, 12, 30), 3), (date(1970, 1, 1), 1), (date(2024, 2, 29), 2)]
    assert order_days.days_table(pl.Series([], dtype=pl.Datetime("us"))).is_empty()


def test_weeks_without_an_order_are_told_in_a_shop_that_has_some_on_most_days():
    (note,) = order_day_notes(every(400, without=[(100, 222)]))
    assert (note.code, note.count) == ("quiet_days", 122)
    assert "2020-04-09 to 2020-08-10" in note.text
    assert "exclude_periods" in note.text
    assert order_day_notes(every(400, without=[(100, 127)])) == ()
    assert order_day_notes(every(400, without=[(100, 128)])) != ()


def test_several_quiet_stretches_are_one_note():
    (note,) = order_day_notes(every(900, without=[(start, start + 30) for start in (100, 200, 300, 400, 500)]))
    assert note.count == 150
    told = "from 2020-04-09 to 2020-05-10; from 2020-07-18 to 2020-08-18; from 2020-10-26 to 2020-11-26 and 2 more"
    assert told in note.text


@pytest.mark.parametrize(
    "times",
    [every(2_000, without=[(500, 600)], step=3), every(80, without=[(20, 50)]), every(3_000, step=40)],
    ids=["orders on a third of the days", "few days", "sale days"],
)
def test_shops_whose_days_without_orders_are_usual_are_not_asked(times):
    assert order_day_notes(times) == ()


def test_a_placeholder_makes_no_quiet_stretch():
    times = every(100)
    (note,) = order_day_notes(pl.concat([pl.Series([datetime(1970, 1, 1)]), times]))
    assert note.code == "lonely_first_day"
    (note,) = order_day_notes(pl.concat([times, pl.Series([datetime(2099, 1, 1)])]))
    assert note.code == "lonely_last_day"


def test_batches_tell_what_the_whole_tells():
    times = every(400, without=[(100, 222)])
    batches = pl.concat([days_table(times[1::2]), days_table(times[::2]), days_table(times[:50])])
    assert notes_of_days(batches) == order_day_notes(times) != ()
