"""How long nobody ordered, beside the pauses that a shop has had."""

from datetime import date, datetime, timedelta

import polars as pl
import pytest

from foretell.scoring.silence import silence_of
from foretell.tables.dataset import CustomerData

AS_OF = date(2026, 11, 1)


def shop(*ages, rows_a_day=1):
    """A shop with orders so many days before the first unseen day."""
    noon = datetime(AS_OF.year, AS_OF.month, AS_OF.day, 12)
    at = [noon - timedelta(days=age) for age in ages for _ in range(rows_a_day)]
    return CustomerData.from_orders(
        pl.DataFrame(
            {"customer_id": ["a"] * len(at), "ordered_at": at}, schema_overrides={"ordered_at": pl.Datetime("us")}
        )
    )


def test_a_shop_with_orders_every_day_knows_no_pause():
    found = silence_of(shop(*range(1, 200), rows_a_day=3), AS_OF)
    assert (found.days, found.longest_days, found.rows_per_day) == (0, 0, 3.0)


def test_days_without_an_order_are_counted_between_the_newest_and_the_cutoff():
    found = silence_of(shop(*range(8, 200)), AS_OF)
    assert (found.days, found.longest_days) == (7, 0)
    assert found.rows_per_day == 1.0


def test_orders_at_or_after_the_cutoff_are_not_seen():
    assert silence_of(shop(-3, 0, *range(5, 100)), AS_OF) == silence_of(shop(*range(5, 100)), AS_OF)


@pytest.mark.parametrize(
    ("end_of_pause", "counts"),
    [(30, True), (182, True), (250, False), (330, False), (345, True), (365, True), (390, True), (400, False)],
)
def test_a_pause_counts_where_it_is_recent_or_of_the_same_season(end_of_pause, counts):
    days = [age for age in range(1, 800) if not end_of_pause < age <= end_of_pause + 10]
    assert silence_of(shop(*days), AS_OF).longest_days == (10 if counts else 0)


def test_a_shop_without_orders_has_no_rhythm():
    assert silence_of(shop(*range(-5, 0)), AS_OF) is None
