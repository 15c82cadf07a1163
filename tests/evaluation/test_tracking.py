"""Tracking of orders against a loop over rows and customers, before and after the cutoff."""

from collections import Counter
from datetime import date, timedelta

import polars as pl
import pytest

from foretell.engines.trained_model import TrainedModel
from foretell.errors import HorizonNotObserved
from foretell.evaluation.tracking import track_orders
from foretell.tables.purchases import purchase_days


def test_weeks_are_those_of_a_plain_loop(bundle, big_shop):
    model = TrainedModel(bundle)
    tracked = track_orders(model, big_shop)
    days = {}
    for customer, day in purchase_days(big_shop).select("customer_id", "purchase_date").collect().rows():
        days.setdefault(customer, []).append(day)
    start = min(min(bought) for bought in days.values())
    weeks = (big_shop.observed_until.date() - start).days // 7
    actual, known = [0] * weeks, []
    for bought in days.values():
        first = min(bought)
        if first < bundle.as_of.date():
            known.append(first)
            for day in bought:
                week = (day - start).days // 7
                if day > first and week < weeks:
                    actual[week] += 1
    assert tracked["week_starts_on"].to_list() == [start + timedelta(days=7 * week) for week in range(weeks)]
    assert tracked["actual_orders"].to_list() == actual

    def expected_until(morning: date) -> float:
        ages = Counter((morning - first).days - 1 for first in known)
        law = bundle.purchase_model.new_customer_orders
        return sum(count * law(float(age)) for age, count in ages.items() if age > 0)

    # The law is interpolated between 48 ages by a monotone cubic.
    for week in (0, 10):
        morning = start + timedelta(days=7 * week)
        expected = expected_until(morning + timedelta(days=7)) - expected_until(morning)
        assert tracked["expected_orders"][week] == pytest.approx(expected, rel=1e-4)
    assert tracked["actual_cumulative"][-1] == sum(actual)
    later = tracked.filter(pl.col("after_cutoff"))["week_starts_on"]
    assert later[0] + timedelta(days=7) > bundle.as_of.date() >= later[0]


def test_rows_after_the_end_change_nothing(bundle, big_shop):
    model = TrainedModel(bundle)
    whole, cut = track_orders(model, big_shop, "2025-09-01"), track_orders(model, big_shop.before("2025-09-01"))
    assert whole.equals(cut)


def test_what_was_not_observed_is_no_week_without_orders(bundle, big_shop):
    with pytest.raises(HorizonNotObserved, match="end of what was observed"):
        track_orders(TrainedModel(bundle), big_shop, "2026-06-01")
    with pytest.raises(HorizonNotObserved, match="whole week"):
        track_orders(TrainedModel(bundle), big_shop, big_shop.first_order_at() + timedelta(days=3))
