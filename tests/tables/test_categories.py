"""Columns and categories of orders: what is new is counted, no value is kept."""

import json
from datetime import datetime

import polars as pl
import pytest

from foretell.tables.categories import changed_columns, known_columns, unseen_shares
from foretell.tables.dataset import CustomerData


def orders(channels, **more):
    rows = len(channels)
    frame = pl.DataFrame(
        {
            "customer_id": ["a"] * rows,
            "ordered_at": [datetime(2025, 1, 1 + i) for i in range(rows)],
            "channel": channels,
        }
        | more,
        schema_overrides={"channel": pl.String},
    )
    return CustomerData.from_orders(frame)


def test_the_share_is_of_the_newest_rows_that_have_a_value():
    known = known_columns(orders(["web", "shop", None]))
    today = orders(["kiosk", "web", "kiosk", "kiosk", None])
    assert unseen_shares(today, known, datetime(2025, 1, 2)) == {"channel": pytest.approx(2 / 3)}
    assert unseen_shares(today, known, datetime(2025, 1, 5)) == {}


def test_no_value_is_kept_and_too_many_make_no_list():
    known = known_columns(orders(["web", "hushed"]))
    assert "hushed" not in json.dumps(known)
    many = pl.Series([str(number) for number in range(1_001)])
    frame = pl.DataFrame({"customer_id": "a", "ordered_at": datetime(2025, 1, 1), "store": many})
    assert known_columns(CustomerData.from_orders(frame))["store"]["categories"] is None


def test_a_column_that_is_gone_or_of_another_type_is_named():
    known = known_columns(orders(["web"], amount_minor=[5], device=["phone"]))
    assert set(known) == {"customer_id", "ordered_at", "amount", "channel", "device"}
    assert changed_columns(orders(["web"], amount_minor=[5], device=["phone"]), known) == ()
    assert changed_columns(orders(["web"], device=[7]), known) == ("amount", "device")
