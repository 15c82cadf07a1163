"""Purchase days: the netting policy, one hand-checked case a line."""

from dataclasses import replace
from datetime import date, datetime

import hypothesis.strategies as st
import polars as pl
import pytest
from hypothesis import given

from foretell.tables.dataset import CustomerData
from foretell.tables.purchases import loose_refunds, purchase_days

Row = tuple[str | None, int, int, bool]  # order_id, day, amount, cancelled


def shop(*orders: Row) -> CustomerData:
    return CustomerData.from_orders(
        pl.DataFrame(
            {
                "customer_id": ["a"] * len(orders),
                "ordered_at": [datetime(2025, 1, day, 12) for _, day, _, _ in orders],
                "amount_minor": [amount for _, _, amount, _ in orders],
                "order_id": [order for order, _, _, _ in orders],
                "cancelled": [cancelled for _, _, _, cancelled in orders],
            },
            schema_overrides={"ordered_at": pl.Datetime("us"), "amount_minor": pl.Int64, "order_id": pl.String},
        )
    )


def days(data: CustomerData) -> list[tuple[int, int, int]]:
    found = purchase_days(data).sort("purchase_date").collect()
    return [(row[1].day, row[2], row[3]) for row in found.rows()]


def refund(data: CustomerData) -> int:
    return int(loose_refunds(data).select(pl.col("refund_minor").sum()).collect().item() or 0)


@pytest.mark.parametrize(
    ("orders", "expected", "loose"),
    [
        pytest.param([("1", 1, 50, False)], [(1, 50, 1)], 0, id="an order"),
        pytest.param([("1", 1, 50, False), ("2", 1, 30, False)], [(1, 80, 2)], 0, id="two orders of a day"),
        pytest.param([("1", 1, 50, False), ("1", 1, 30, False)], [(1, 80, 2)], 0, id="two lines of an order"),
        pytest.param([("1", 1, 50, False), ("1", 4, 30, False)], [(1, 80, 2)], 0, id="the day of the first line"),
        pytest.param([("1", 1, 0, False)], [(1, 0, 1)], 0, id="zero is a purchase"),
        pytest.param([("1", 1, 50, False), ("1", 9, -20, False)], [(1, 30, 1)], 0, id="a part refund"),
        pytest.param([("1", 1, 50, False), ("1", 9, -50, False)], [], 0, id="a full refund leaves no purchase"),
        pytest.param([("1", 1, 50, False), ("1", 9, -70, False)], [], -20, id="more than a full refund"),
        pytest.param([("1", 1, 50, False), ("C1", 9, -20, True)], [(1, 50, 1)], -20, id="a credit note"),
        pytest.param([("1", 1, 50, False), (None, 9, -20, False)], [(1, 50, 1)], -20, id="a refund of no order"),
        pytest.param([("1", 1, 50, True)], [], 0, id="a cancelled order never was"),
        pytest.param([("1", 1, 50, False), ("1", 9, 50, True)], [], 0, id="a cancellation with a positive amount"),
        pytest.param([("1", 1, 50, False), ("1", 9, 20, True)], [(1, 30, 1)], 0, id="one line of two cancelled"),
        pytest.param([(None, 1, 50, False), (None, 1, 30, False)], [(1, 80, 2)], 0, id="rows without an order id"),
        pytest.param([("1", 1, -50, False)], [], -50, id="a refund only"),
    ],
)  # fmt: skip
def test_netting(orders: list[Row], expected: list[tuple[int, int, int]], loose: int) -> None:
    data = shop(*orders)
    assert days(data) == expected
    assert refund(data) == loose


def test_a_refund_after_the_cutoff_is_not_netted() -> None:
    data = shop(("1", 1, 50, False), ("1", 9, -50, False))
    assert days(data.before("2025-01-09")) == [(1, 50, 1)]
    assert days(data.before("2025-01-10")) == []


def test_without_money_a_cancelled_row_takes_off_one_row_of_its_order() -> None:
    data = shop(("1", 1, 1, False), ("1", 2, 1, True), ("2", 5, 1, False), ("2", 5, 1, False), ("2", 5, 1, True))
    counts = replace(data, orders=data.orders.drop("amount_minor"))
    found = purchase_days(counts).collect()
    assert found.select("purchase_date", "amount_minor", "order_rows").rows() == [(date(2025, 1, 5), None, 2)]


orders = st.lists(
    st.tuples(st.sampled_from([None, "1", "2", "3"]), st.integers(1, 28), st.integers(-60, 60), st.just(value=False)),
    min_size=1, max_size=20,
)  # fmt: skip


@given(orders)
def test_money_is_conserved(given_orders: list[Row]) -> None:
    data = shop(*given_orders)
    kept = int(purchase_days(data).select(pl.col("amount_minor").sum()).collect().item() or 0)
    assert kept + refund(data) == sum(amount for _, _, amount, _ in given_orders)


@given(orders.map(lambda rows: [(order, day, abs(amount), False) for order, day, amount, _ in rows]))
def test_the_quick_way_agrees_with_the_full_one(given_orders: list[Row]) -> None:
    lone = [(None, day, amount, cancelled) for _, day, amount, cancelled in given_orders]
    data = shop(*lone)
    assert not data.has_refunds
    assert not data.order_ids_repeat
    assert days(data) == days(replace(data, has_refunds=True))
