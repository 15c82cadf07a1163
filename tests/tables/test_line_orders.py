"""Lines find their customer and time by order; none is multiplied, none is moved by what comes later."""

from datetime import datetime

import polars as pl
import pytest

import foretell as ft

ORDERS = pl.DataFrame(
    {
        "customer_id": ["a", "a", "b", "b", "c", "c"],
        "ordered_at": [datetime(2025, 1, 1), datetime(2025, 1, 20), datetime(2025, 2, 1), datetime(2025, 2, 1),
                       datetime(2025, 3, 1), datetime(2025, 3, 9)],
        "amount": [60, -20, 5, 5, 9, 9],
        "order_id": ["1", "1", "2", "2", "3", "3"],
        "cancelled": [False, False, False, False, True, True],
    }
)  # fmt: skip


def read(lines, orders=ORDERS, **arguments):
    lines = pl.DataFrame({"product_id": "p", **lines})
    return ft.read_data(orders=orders, order_lines=ft.Source(lines, **arguments))


def placed(data):
    return data.optional.order_lines.select("customer_id", "ordered_at").collect().rows()


def problem(lines, orders=ORDERS):
    with pytest.raises(ft.DataError) as error:
        read(lines, orders)
    return error.value.violations


def test_a_line_has_the_time_of_its_order_and_a_returned_one_needs_its_own():
    at = [None, None, datetime(2025, 1, 20), None, None]
    lines = {"order_id": ["1", "1", "1", "2", "2"], "amount": [40, -20, -20, 5, 5], "quantity": [1, 1, 1, 1, -1]}
    data = read(lines | {"ordered_at": at})
    first, bought = datetime(2025, 1, 1), datetime(2025, 2, 1)
    assert placed(data) == [("a", first), ("a", at[2]), ("b", bought)]
    assert [row[0::3] for row in data.quarantine.rows()] == [(2, "return_undated"), (5, "return_undated")]
    assert data.before("2025-01-10").optional.order_lines.collect()["amount_minor"].to_list() == [400_000]


def test_lines_of_no_order_and_of_cancelled_orders_are_left_out():
    data = read({"order_id": ["1", "9", "3", None], "quantity": [1, 1, 1, 1], "amount": [1, 1, 1, 1]})
    assert data.quarantine.rows() == [
        (2, "order_lines", "order_id", "unknown_order"),
        (3, "order_lines", "order_id", "order_cancelled"),
        (4, "order_lines", "customer_id", "customer_id_missing"),
    ]


def test_an_order_cancelled_later_keeps_its_lines():
    later = ORDERS.with_columns(cancelled=pl.Series([False, True, False, True, False, True]))
    assert len(placed(read({"order_id": ["1", "2", "3"]}, later))) == 3
    at_first = ORDERS.with_columns(cancelled=pl.Series([False, False, False, False, True, False]))
    assert read({"order_id": ["1", "3"]}, at_first).quarantine["reason"].to_list() == ["order_cancelled"]


def test_a_cancellation_of_negative_amount_is_a_refund_and_its_lines_are_returns():
    refunds = ORDERS.with_columns(amount=pl.Series([60, -20, 5, 5, -9, -9]))
    data = read({"order_id": ["3", "1"], "amount": [-9, 60]}, refunds)
    assert placed(data) == [("c", datetime(2025, 3, 1)), ("a", datetime(2025, 1, 1))]


def test_lines_with_customer_and_time_are_taken_as_they_are():
    at = [datetime(2025, 5, 1), datetime(2025, 5, 2)]
    data = read({"customer_id": ["a", "stranger"], "ordered_at": at}, ORDERS.drop("order_id"))
    assert placed(data) == [("a", at[0]), ("stranger", at[1])]
    data = read({"customer_id": ["a", "stranger"], "ordered_at": at, "order_id": ["1", "77"]})
    assert placed(data) == [("a", at[0]), ("stranger", at[1])]


def test_a_line_may_lack_only_one_of_the_two():
    at = [datetime(2025, 1, 2), None]
    data = read({"customer_id": [None, "b"], "ordered_at": at, "order_id": ["1", "2"]})
    assert placed(data) == [("a", at[0]), ("b", datetime(2025, 2, 1))]


def test_an_order_id_of_two_customers_is_an_error_unless_the_line_names_its_customer():
    shared = ORDERS.with_columns(order_id=pl.Series(["1", "1", "1", "2", "3", "3"]))
    (violation,) = problem({"order_id": ["2", "1", "1"]}, shared)
    assert (violation.column, violation.count, violation.rows) == ("order_id", 2, (2, 3))
    data = read({"order_id": ["1", "1", "1"], "customer_id": ["a", "b", "c"]}, shared)
    assert placed(data) == [("a", datetime(2025, 1, 1)), ("b", datetime(2025, 2, 1))]
    assert data.quarantine["reason"].to_list() == ["unknown_order"]
    assert len(placed(read({"order_id": ["2"]}, shared))) == 1


def test_lines_need_a_key_that_the_orders_have():
    assert problem({"customer_id": ["a"]})[0].rule.startswith("the lines have neither an order_id nor")
    assert problem({"order_id": ["1"]}, ORDERS.drop("order_id"))[0].rule.startswith("lines are keyed by order_id")
    assert "1 rows belong to no order" in problem({"order_id": ["9"]})[0].rule


def test_lines_without_quantity_are_one_piece_each():
    data = read({"order_id": ["1", "2"]})
    assert data.optional.order_lines.collect()["quantity"].to_list() == [1.0, 1.0]
    assert {note.code for note in data.report.notes if note.table == "order_lines"} == {"no_amount", "no_quantity"}


def test_lines_without_a_usable_number_are_left_out():
    data = read({"order_id": ["1"] * 5, "quantity": ["1", "", "x", "inf", "2"], "amount": ["1", "1", "1", "1", "?"]})
    assert data.quarantine["reason"].to_list() == [
        "quantity_missing", "quantity_unreadable", "quantity_unreadable", "amount_unreadable",
    ]  # fmt: skip


def test_rows_that_come_later_move_no_line():
    lines = {"order_id": ["1", "2", "3"], "amount": [1, 1, 1]}
    early = read(lines, ORDERS.filter(pl.col("ordered_at") < datetime(2025, 3, 5)))
    assert placed(early) == placed(read(lines))
