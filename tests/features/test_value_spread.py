"""How far each customer's order values lie apart: by hand, and whoever else is there."""

import math
import statistics
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from foretell.features import value_spread as room
from foretell.features.history import purchase_history
from foretell.features.summary import purchase_summary
from foretell.features.value_spread import sum_log_value_ratios
from foretell.tables.dataset import CustomerData

AS_OF = "2026-01-01"
VALUES = {
    "apart": [100_000, 300_000, 0, 200_000],
    "alike": [70_000, 70_000, 70_000],
    "free": [0, 0],
    "one of value": [0, 90_000],
    "single": [120_000],
}


def shop_of(values, *, refund=0):
    rows = [
        (name, datetime(2025, 1, 1) + timedelta(days=day), amount)
        for name, amounts in values.items()
        for day, amount in enumerate(amounts)
    ]
    rows += [(name, datetime(2025, 6, 1), -refund) for name in values if refund]
    return CustomerData.from_orders(
        pl.DataFrame(rows, schema=["customer_id", "ordered_at", "amount_minor"], orient="row")
    )


def by_hand(amounts):
    paid = [amount for amount in amounts if amount]
    return math.fsum(math.log(amount / statistics.fmean(paid)) for amount in paid) if paid else 0.0


def found_in(data):
    summary = purchase_summary(data, AS_OF)
    return dict(zip(summary["customer_id"], summary["sum_log_value_ratios"], strict=True))


def test_by_hand():
    found = found_in(shop_of(VALUES))
    # each log is kept to 3e-14
    assert found == pytest.approx({name: by_hand(amounts) for name, amounts in VALUES.items()}, abs=2e-13)
    assert found["apart"] < -0.1
    assert [found[name] for name in ("free", "one of value", "single")] == [0.0] * 3
    assert max(found.values()) <= 0


def test_a_refund_of_no_order_makes_all_orders_smaller_alike():
    refunded = shop_of(VALUES, refund=10_000)
    assert found_in(refunded)["apart"] == found_in(shop_of(VALUES))["apart"]
    # what was given back altogether was worth nothing
    assert found_in(shop_of(VALUES, refund=700_000))["apart"] == 0.0


def test_no_other_customer_and_no_grouping_changes_a_bit(monkeypatch):
    rng = np.random.default_rng(0)
    values = {f"c{number:03d}": rng.integers(1, 9_000_000, rng.integers(1, 9)).tolist() for number in range(90)}
    whole = found_in(shop_of(values))
    monkeypatch.setattr(room, "_AT_ONCE", 7)
    assert found_in(shop_of(values)) == whole
    assert found_in(shop_of(dict(list(values.items())[30:41]))) == dict(list(whole.items())[30:41])


def test_the_unit_of_money_does_not_matter():
    cents = {name: [amount * 100 for amount in amounts] for name, amounts in VALUES.items()}
    assert found_in(shop_of(cents)) == pytest.approx(found_in(shop_of(VALUES)), abs=2e-13)


def test_nobody_and_no_money():
    history = purchase_history(shop_of(VALUES), "2024-01-01")
    assert sum_log_value_ratios(history).size == 0
    unpaid = CustomerData.from_orders(shop_of(VALUES).orders.drop("amount_minor"))
    assert set(found_in(unpaid).values()) == {0.0}
