"""Snapshots: features and labels side by side, zeros where nothing happened, nobody unknown."""

from datetime import datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from foretell.errors import HorizonNotObserved, WindowError
from foretell.features.compute import compute
from foretell.labels.outcomes import outcomes
from foretell.snapshots.snapshot import LABELS, snapshot, stack
from foretell.tables.dataset import CustomerData
from histories import LAST_DAY, PLAIN, START, as_data

END = START + timedelta(days=LAST_DAY + 800)


def test_by_hand(few_orders):
    taken = snapshot(few_orders, "2025-03-01", 31)
    assert taken.select("customer_id", "cutoff", "orders", *LABELS).rows() == [
        ("anna", datetime(2025, 3, 1), 2, 1, 30.0, 1),
        ("bert", datetime(2025, 3, 1), 1, 0, 0.0, None),
        ("cleo", datetime(2025, 3, 1), 1, 1, 4.0, 10),
    ]


def test_customers_whose_first_purchase_is_in_the_window_are_left_out(few_orders):
    assert snapshot(few_orders, "2025-01-05", 30)["customer_id"].to_list() == ["anna"]


def test_spend_is_null_without_amounts_and_counts_are_not(few_orders):
    data = CustomerData.from_orders(few_orders.orders.drop("amount_minor"), observed_until="2025-04-01")
    taken = snapshot(data, "2025-03-01", 31)
    assert taken.schema["spend_in_window"] == pl.Float64
    assert taken["spend_in_window"].null_count() == 3
    assert taken["orders_in_window"].to_list() == [1, 0, 1]


def test_a_refund_in_the_window_is_negative_spend_without_an_order(few_orders):
    refund = pl.DataFrame({"customer_id": ["bert"], "ordered_at": [datetime(2025, 3, 5)], "amount_minor": [-50_000]})
    rows = few_orders.orders.collect().drop("row_number")
    data = CustomerData.from_orders(pl.concat([rows, refund]), observed_until="2025-04-01")
    assert snapshot(data, "2025-03-01", 31).select(LABELS).row(1) == (0, -5.0, None)


@settings(max_examples=30)
@given(history=PLAIN, day=st.integers(1, LAST_DAY), horizon_days=st.integers(1, 400))
def test_labels_are_the_growth_of_the_features(history, day, horizon_days):
    data, cutoff = as_data(history, observed_until=END), START + timedelta(days=day)
    taken = snapshot(data, cutoff, horizon_days)
    later = (
        compute(data, cutoff + timedelta(days=horizon_days))
        .collect()
        .filter(pl.col("customer_id").is_in(taken["customer_id"].implode()))
    )
    assert (later["orders"] - taken["orders"]).cast(pl.Int64).to_list() == taken["orders_in_window"].to_list()
    growth = (later["spend_total"] - taken["spend_total"]).to_list()
    # Amounts are below 10,000 units, so a difference of two sums is good to 1e-9.
    assert growth == pytest.approx(taken["spend_in_window"].to_list(), abs=1e-9)


def test_stack_is_the_snapshots_under_one_another_oldest_first(shop):
    data, _ = shop
    cutoffs = ["2025-07-01", "2025-01-01"]
    stacked = stack(data, cutoffs, 90)
    assert stacked["cutoff"].is_sorted()
    for cutoff, part in stacked.group_by("cutoff", maintain_order=True):
        assert_frame_equal(part, snapshot(data, cutoff[0], 90))
    happened = outcomes(data, "2025-01-01", 90).collect()
    known = stacked.filter(cutoff=datetime(2025, 1, 1))
    merged = known.join(happened, on="customer_id")
    assert 0 < merged.height < known.height
    assert merged["orders_in_window"].to_list() == merged["orders_in_window_right"].to_list()


@pytest.mark.parametrize("cutoffs", [[], ["2025-02-01", datetime(2025, 2, 1)]])
def test_stack_wants_different_cutoffs(few_orders, cutoffs):
    with pytest.raises(WindowError, match="each once"):
        stack(few_orders, cutoffs, 30)


def test_one_window_that_was_not_observed_stops_the_stack(few_orders):
    with pytest.raises(HorizonNotObserved):
        stack(few_orders, ["2025-02-01", "2025-03-15"], 30)
