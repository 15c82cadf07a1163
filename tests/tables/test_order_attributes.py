"""What attributes of orders say of customers: as of a day, whatever the order of rows."""

from datetime import datetime

import polars as pl
from polars.testing import assert_frame_equal

from foretell.tables.dataset import CustomerData
from foretell.tables.order_attributes import attribute_columns, order_attributes

ORDERS = pl.DataFrame(
    {
        "customer_id": ["a", "a", "a", "a", "b", "b", "c"],
        "ordered_at": [datetime(2026, 1, day) for day in (1, 2, 3, 9, 1, 1, 4)],
        "amount_minor": [10, 20, -20, 10, 10, 10, -5],
        "channel": ["web", "shop", "phone", "late", "web", "app", "web"],
        "country": ["DE", None, "FR", "AT", None, None, "DE"],
    }
)
WANTED = ("first_order_channel", "last_order_channel", "channel_count", "last_order_country")


def test_first_last_and_number_come_from_purchases_before_the_day():
    found = order_attributes(CustomerData.from_orders(ORDERS), "2026-01-05", WANTED)
    assert found.rows() == [("a", "web", "shop", 2, "DE"), ("b", "app", "web", 2, None)]


def test_cancelled_rows_tell_nothing_and_the_order_of_rows_does_not_matter():
    cancelled = ORDERS.with_columns(cancelled=pl.col("channel") == "shop")
    found = order_attributes(CustomerData.from_orders(cancelled), "2026-01-05", WANTED)
    assert found.row(0) == ("a", "web", "web", 1, "DE")
    again = order_attributes(CustomerData.from_orders(cancelled.reverse()), "2026-01-05", WANTED)
    assert_frame_equal(found, again)


def test_columns_are_those_of_the_attributes_that_are_there():
    names = [column.name for column in attribute_columns(CustomerData.from_orders(ORDERS))]
    assert names == [
        "first_order_channel", "last_order_channel", "channel_count",
        "first_order_country", "last_order_country", "country_count",
    ]  # fmt: skip


def test_shares_of_pickups_and_gifts_count_days_and_what_is_known():
    rows = pl.DataFrame(
        {
            "customer_id": ["a", "a", "a", "a", "a", "b", "c"],
            "ordered_at": [datetime(2026, 1, day) for day in (1, 1, 2, 3, 9, 1, 1)],
            "amount_minor": [10] * 7,
            "fulfilment": ["Click-and-Collect", "delivery", "delivery", None, "pickup", "Pick_up ", None],
            "gift": [False, True, False, False, True, False, False],
        }
    )
    wanted = ("pickup_orders_share", "gift_orders_share", "last_order_fulfilment")
    data = CustomerData.from_orders(rows)
    found = order_attributes(data, "2026-01-05", wanted).select("customer_id", *wanted)
    assert found.rows() == [("a", 0.5, 1 / 3, "delivery"), ("b", 1.0, 0.0, "Pick_up "), ("c", None, 0.0, None)]
    assert "gift_count" not in {column.name for column in attribute_columns(data)}
