"""Tables of real shops come in whole; needs the folder named by FORETELL_DATA."""

import os
from pathlib import Path

import polars as pl
import pytest

import foretell as ft


def history(name):
    folder = os.environ.get("FORETELL_DATA")
    path = Path(folder or "") / f"{name}.parquet"
    if not folder or not path.exists():
        pytest.skip(f"needs {name}.parquet in the folder named by FORETELL_DATA")
    return path


def test_complete_journey_lines_campaigns_and_households():
    sent = pl.read_parquet(history("complete_journey_campaigns")).join(
        pl.read_parquet(history("complete_journey_campaign_descriptions")), on="campaign_id"
    )
    data = ft.read_data(
        orders=ft.Source(
            history("complete_journey_baskets"), customer_id="household_id", ordered_at="order_ts", amount="value",
            order_id="basket_id",
        ),
        order_lines=ft.Source(
            history("complete_journey_lines"), order_id="basket_id", product_id="product_id", amount="sales_value",
            category="product_category", discount="retail_disc + coupon_disc",
        ),
        events=ft.Source(
            sent.with_columns(what=pl.lit("Campaign")), customer_id="household_id", occurred_at="start_date",
            event="what", campaign="campaign_id", event_names={"campaign": "ad_seen"},
        ),
        customers=ft.Source(
            history("complete_journey_demographics"), customer_id="household_id", stable_attributes=["age", "income"]
        ),
    )  # fmt: skip
    read = {name: (report.rows_in, report.rows_used) for name, report in data.report.tables.items()}
    assert read == {"order_lines": (1_469_307,) * 2, "events": (sent.height,) * 2, "customers": (801, 801)}
    lines = data.optional.order_lines.collect()
    assert lines["customer_id"].n_unique() == 2_469
    baskets = lines.group_by("order_id").agg(pl.sum("amount_minor"))
    orders = data.orders.select("order_id", total="amount_minor").collect()
    # the baskets were summed as floats before they were published: half a cent is their rounding
    assert (
        baskets.join(orders, on="order_id").select((pl.col("amount_minor") - pl.col("total")).abs().max()).item() <= 50
    )


def test_online_retail_cancellations_are_returned_lines():
    lines = history("online_retail_lines")
    money = {"amount": "line_value", "order_id": "invoice"}
    data = ft.read_data(
        orders=ft.Source(
            lines, customer_id="customer_id", ordered_at="invoice_ts", cancelled="is_cancel", attributes=[], **money
        ),
        order_lines=ft.Source(lines, product_id="stock_code", customer_id=None, attributes=[], **money),
    )
    report = data.report.tables["order_lines"]
    assert report.rows_in == 541_909
    # 135,080 lines have no customer, so nothing is known of their orders
    assert data.quarantine.filter(pl.col("table") == "order_lines")["reason"].value_counts().rows() == [
        ("unknown_order", 135_080)
    ]
    returned = data.optional.order_lines.filter(pl.col("quantity") < 0).collect()
    assert returned["order_id"].str.starts_with("C").all()
    assert (
        returned.height
        == pl.scan_parquet(lines).filter("is_cancel", pl.col("customer_id").is_not_null()).collect().height
    )
