"""Arrays per customer: what they hold at the edges."""

from datetime import datetime

import numpy as np
import polars as pl
import pytest

from foretell.errors import ColumnMismatch
from foretell.features.compute import compute, describe
from foretell.features.history import purchase_history
from foretell.tables.dataset import CustomerData


def shop_of(*rows):
    frame = pl.DataFrame(rows, schema=["customer_id", "ordered_at", "amount_minor"], orient="row")
    return CustomerData.from_orders(frame)


def test_rows_are_sorted_by_customer_and_day_before_1970_too():
    data = shop_of(
        ("zoe", datetime(1970, 1, 5), 5), ("ann", datetime(1970, 1, 2), 2), ("ann", datetime(1969, 12, 30), 1)
    )
    history = purchase_history(data, "1970-02-01")
    assert history.customer_id.to_list() == ["ann", "zoe"]
    assert history.day.tolist() == [-2, 1, 4]
    assert history.amount.tolist() == [1, 2, 5]
    assert history.start.tolist() == [0, 2]
    assert history.gap.tolist() == [0, 3, 0]


def test_median_of_amounts_too_large_to_pack_into_one_number():
    large = 3 * 10**18
    rows = [(name, datetime(2025, 1, day), amount) for name in "abcd" for day, amount in ((1, large), (2, 0), (3, 9))]
    history = purchase_history(shop_of(*rows), "2025-02-01")
    assert history.median_positive(history.amount).tolist() == [(large + 9) / 2] * 4


def test_median_leaves_zeros_out_and_is_nan_without_a_value():
    rows = [("a", datetime(2025, 1, 1), 0), ("b", datetime(2025, 1, 1), 0), ("b", datetime(2025, 1, 2), 70)]
    history = purchase_history(shop_of(*rows), "2025-02-01")
    np.testing.assert_array_equal(history.median_positive(history.amount), [np.nan, 70.0])


def test_spend_without_amounts_is_refused():
    data = CustomerData.from_orders(pl.DataFrame({"customer_id": ["a"], "ordered_at": [datetime(2025, 1, 1)]}))
    history = purchase_history(data, "2025-02-01")
    with pytest.raises(ColumnMismatch, match="no amounts"):
        history.spend_last(30)


def test_the_day_of_a_cutoff_at_noon_is_seen_as_far_as_it_went():
    data = shop_of(("a", datetime(2025, 1, 1, 9), 5), ("b", datetime(2025, 1, 1, 15), 5))
    features = compute(data, "2025-01-01T12:00").collect()
    assert features["customer_id"].to_list() == ["a"]
    assert features["days_since_last_order"].to_list() == [1]


def test_no_customer_yet_gives_an_empty_table_of_the_same_columns(few_orders):
    none, some = compute(few_orders, "2024-01-01").collect(), compute(few_orders, "2025-04-01").collect()
    assert none.height == 0
    assert none.schema == some.schema


@pytest.mark.parametrize("chosen", [slice(0, 3), slice(1, None, 2), slice(0, 0), slice(None)], ids=str)
def test_some_customers_are_described_as_if_the_others_were_not_there(shop, chosen):
    data = shop[0]
    history = purchase_history(data, "2025-06-01")
    mask = np.zeros(len(history.customer_id), dtype=bool)
    mask[chosen] = True
    some = history.of(mask)
    ids = history.customer_id.filter(pl.Series(mask))
    assert some.customer_id.equals(ids)
    alone = compute(data.of_customers(ids), "2025-06-01").collect()
    assert describe(some).equals(alone)
