"""A data set in a notebook: counts, days and notes, escaped, and nobody in it."""

from datetime import date

import polars as pl

import foretell as ft
from foretell.tables.dataset import CustomerData

HOSTILE = "<script>alert('x')</script>"


def shop(**columns):
    count = 12
    frame = {
        "customer_id": [f"ada{number % 4}@example.com" for number in range(count)],
        "ordered_at": [date(2026, 1, 1 + number) for number in range(count)],
        "amount": [1234.56 + number for number in range(count)],
    }
    return pl.DataFrame({**frame, **columns})


def test_it_says_what_is_there_and_what_became_of_every_row():
    frame = shop()
    broken = pl.concat([frame, frame.head(2).with_columns(customer_id=pl.lit(None, pl.String))])
    page = ft.read_orders(broken)._repr_html_()
    assert "<td>order rows</td><td>12</td>" in page
    assert "<td>customers</td><td>4</td>" in page
    assert "<td>2026-01-01 to 2026-01-12</td>" in page
    assert "<tr><td>orders</td><td>14</td><td>12</td><td>2</td></tr>" in page
    assert "<td>customer_id_missing</td><td>2</td>" in page
    assert "2 rows have no customer id" in page


def test_nobody_and_no_amount_is_in_it():
    data = ft.read_data(
        orders=shop(), customers=pl.DataFrame({"customer_id": ["ada0@example.com"], "city": ["Rheydt"]})
    )
    page = data._repr_html_()
    assert "<tr><td>customers</td><td>1</td><td>1</td><td>0</td></tr>" in page
    assert "other tables</td><td>customers" in page
    for personal in ("ada", "example.com", "1234", "Rheydt"):
        assert personal not in page


def test_hostile_cells_and_names_of_columns_are_inert():
    frame = shop().rename({"customer_id": HOSTILE}).with_columns(pl.lit(HOSTILE).alias("channel"))
    twice = pl.concat([frame, frame.head(1), frame.head(1).with_columns(pl.lit("").alias(HOSTILE))])
    data = ft.read_orders(twice, customer_id=HOSTILE)
    assert "<script>" not in data._repr_html_()
    left = pl.DataFrame({"row_number": [1], "table": ["orders"], "column": [HOSTILE], "reason": ["unreadable"]})
    quarantine = left.cast({"row_number": pl.UInt32})
    told = CustomerData.from_orders(data.orders.drop("row_number"), quarantine=quarantine)._repr_html_()
    assert "<script>" not in told
    assert "&lt;script&gt;" in told


def test_frames_of_scores_and_backtests_are_escaped_by_polars():
    """Scores, backtests and segments are plain frames: polars shows ten rows of them, escaped."""
    page = pl.DataFrame({"customer_id": [HOSTILE] * 100, HOSTILE: [1.0] * 100})._repr_html_()
    assert "<script>" not in page
    assert page.count("<tr>") < 20


def test_a_shop_without_money_or_rows_before_a_day_can_be_shown():
    data = ft.read_orders(shop().drop("amount"), amount=None)
    assert "only orders are counted" in data._repr_html_()
    assert "<td>none</td>" in data.before("2020-01-01")._repr_html_()
