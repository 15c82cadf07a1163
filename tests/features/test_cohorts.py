"""Retention of cohorts against a plain loop, and what is left out of it."""

from datetime import date, datetime

import polars as pl
import pytest

from foretell.features.cohorts import cohort_retention
from foretell.tables.dataset import CustomerData


def months_between(first: date, last: date) -> int:
    return (last.year - first.year) * 12 + last.month - first.month


def slow_retention(rows, end: datetime):
    """Return {(cohort, month): (customers, active)} of whole months."""
    days = {}
    for customer, at in rows:
        days.setdefault(customer, set()).add(at.date())
    found = {}
    for bought in days.values():
        cohort = min(bought).replace(day=1)
        for month in range(100):
            year, place = divmod(cohort.year * 12 + cohort.month + month, 12)
            if datetime(year, place + 1, 1) > end:
                break
            customers, active = found.get((cohort, month), (0, 0))
            hit = any(months_between(cohort, day) == month for day in bought)
            found[cohort, month] = (customers + 1, active + hit)
    return found


@pytest.mark.parametrize("end", ["2025-06-30", "2025-07-01", "2025-12-31"])
def test_it_is_the_plain_loop(shop, end):
    data = shop[0].before(end)
    rows = data.orders.filter(pl.col("amount_minor") >= 0).filter(
        ~pl.col("cancelled") if data.has_column("cancelled") else True
    )
    quiet = CustomerData.from_orders(rows.drop("order_id", strict=False), observed_until=end)
    slow = slow_retention(
        quiet.orders.select("customer_id", "ordered_at").collect().rows(), datetime.fromisoformat(end)
    )
    fast = cohort_retention(quiet, end)
    assert {(row[0], row[1]): (row[2], row[3]) for row in fast.rows()} == slow
    assert fast["retention"].to_list() == (fast["active"] / fast["customers"]).to_list()


def test_the_first_month_is_everybody_and_a_month_that_is_not_over_is_left_out(few_orders):
    found = cohort_retention(few_orders, "2025-03-15")
    assert found.rows() == [(date(2025, 1, 1), 0, 3, 3, 1.0), (date(2025, 1, 1), 1, 3, 1, 1 / 3)]
