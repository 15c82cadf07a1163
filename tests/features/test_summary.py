"""The summary by hand, and against the published summary of the CDNOW sample."""

from dataclasses import replace
from datetime import date, datetime
from importlib.metadata import distribution

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from foretell.errors import WindowError
from foretell.features import history
from foretell.features.summary import purchase_summary
from foretell.tables.dataset import CustomerData


def test_by_hand(few_orders):
    summary = purchase_summary(few_orders, "2025-04-01")
    assert summary.select(pl.exclude("sum_log_gaps_days", "sum_log_value_ratios")).rows() == [
        ("anna", date(2025, 1, 1), date(2025, 3, 1), 3, 2, 59.0, 89.0, 3, 20.0, 3, 31, 60.0, 29.5),
        ("bert", date(2025, 1, 15), date(2025, 1, 15), 1, 0, 0.0, 75.0, 0, None, 1, 76, 0.0, None),
        ("cleo", date(2025, 1, 10), date(2025, 3, 10), 2, 1, 59.0, 80.0, 2, 8.0, 3, 22, 16.0, 59.0),
    ]


def test_types(few_orders):
    names = {
        "customer_id": pl.String,
        "first_purchase_date": pl.Date,
        "last_purchase_date": pl.Date,
        "orders": pl.Int64,
        "repeat_orders": pl.Int64,
        "days_first_to_last_order": pl.Float64,
        "days_observed": pl.Float64,
        "sum_log_gaps_days": pl.Float64,
        "orders_with_value": pl.Int64,
        "mean_order_value": pl.Float64,
        "sum_log_value_ratios": pl.Float64,
        "order_rows": pl.Int64,
        "days_since_last_order": pl.Int64,
        "historic_spend": pl.Float64,
        "avg_days_between_orders": pl.Float64,
    }
    assert dict(purchase_summary(few_orders, "2025-04-01").schema) == names
    assert dict(purchase_summary(few_orders, "2024-04-01").schema) == names
    without = CustomerData.from_orders(few_orders.orders.drop("amount_minor"))
    assert dict(purchase_summary(without, "2025-04-01").schema) == names


def test_a_refund_of_no_order_lowers_what_was_spent_and_what_orders_were_worth(few_orders):
    refund = pl.DataFrame({"customer_id": ["anna"], "ordered_at": [datetime(2025, 3, 5)], "amount_minor": [-50_000]})
    rows = few_orders.orders.collect().drop("row_number")
    summary = purchase_summary(CustomerData.from_orders(pl.concat([rows, refund])), "2025-04-01")
    anna = summary.row(0, named=True)
    assert (anna["historic_spend"], anna["mean_order_value"]) == (55.0, 55.0 / 3)


@pytest.mark.parametrize("name", [str(-(2**63)), str(2**63 - 1)])
def test_a_single_customer_may_be_called_as_either_end_of_64_bits(few_orders, name):
    rows = few_orders.orders.collect().drop("row_number").filter(pl.col("customer_id") == "anna")
    of_anna, other = (
        purchase_summary(CustomerData.from_orders(each), "2025-04-01").rows()
        for each in (rows, rows.with_columns(customer_id=pl.lit(name)))
    )
    assert other == [(name, *of_anna[0][1:])]


def test_a_cutoff_after_a_given_end_of_observation_is_refused(few_orders):
    with pytest.raises(WindowError, match="observed_until"):
        purchase_summary(few_orders, "2025-04-02")


def test_cdnow_sample_customer_by_customer(cdnow_sample):
    # lifetimes ships the published summary of the same 2,357 customers; it holds weeks to two decimals.
    path = distribution("lifetimes").locate_file("lifetimes/datasets/cdnow_customers_summary.csv")
    published = pl.read_csv(str(path))
    ours = purchase_summary(cdnow_sample, "1997-10-01").select(
        frequency="repeat_orders",
        recency=(pl.col("days_first_to_last_order") / 7).round(2),
        T=(pl.col("days_observed") / 7).round(2),
    )
    key = ["frequency", "recency", "T"]
    theirs = published.select(pl.col("frequency").cast(pl.Int64), "recency", "T")
    assert_frame_equal(ours.sort(key), theirs.sort(key), abs_tol=0.0051, rel_tol=0.0)


def test_a_summary_is_made_once_for_a_data_set_and_a_cutoff(few_orders, monkeypatch):
    made = []

    def counted(data, as_of):
        made.append(as_of)
        return history.purchase_history(data, as_of)

    monkeypatch.setattr("foretell.features.summary.purchase_history", counted)
    data = CustomerData.from_orders(few_orders.orders)
    first = purchase_summary(data, "2025-04-01")
    # as training asks of what was before the cutoff, and scoring of everything
    assert purchase_summary(data.before("2025-04-01"), "2025-04-01").equals(first)
    assert purchase_summary(data, date(2025, 4, 1)).equals(first)
    assert len(made) == 1
    earlier = purchase_summary(data, "2025-02-01")
    assert earlier.height < first.height or earlier["orders"].sum() < first["orders"].sum()
    assert purchase_summary(data, "2025-04-01").equals(first)
    # only the newest cutoff's was kept
    assert len(made) == 3


def test_who_changes_a_summary_or_the_rows_changes_no_other(few_orders):
    data = CustomerData.from_orders(few_orders.orders)
    first = purchase_summary(data, "2025-04-01")
    first.insert_column(0, pl.lit(1).alias("mine"))
    first[0, "orders"] = 99
    again = purchase_summary(data, "2025-04-01")
    assert "mine" not in again.columns
    assert again["orders"].to_list() == purchase_summary(few_orders, "2025-04-01")["orders"].to_list()
    fewer = replace(data, orders=data.orders.filter(pl.col("customer_id") != "anna"))
    assert "anna" not in purchase_summary(fewer, "2025-04-01")["customer_id"]
    assert "anna" in purchase_summary(data, "2025-04-01")["customer_id"]
