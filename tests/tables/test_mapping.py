"""Columns by name or expression, numbers from text where an expression needs them, and clear refusals."""

from datetime import date

import polars as pl
import pytest

from foretell.errors import DataError
from foretell.tables.expressions import ExpressionProblem, ReadsOtherRows, prepare, root_names
from foretell.tables.mapping import map_columns
from foretell.tables.options import ReadOptions
from foretell.tables.read import read_orders
from foretell.tables.schema import ORDERS
from foretell.tables.sources import open_source

ROWS = pl.DataFrame(
    {
        "Customer ID": ["a", "b"],
        "when": [date(2021, 1, 1)] * 2,
        "Quantity": ["2", "x"],
        "price": ["1.5", "2.0"],
        "kind": ["sale", "refund"],
        "order_id": ["1", "2"],
        "price - rebate": ["8", "9"],
        "rebate": [1, 2],
    }
)
KEYS = {"customer_id": "Customer ID", "ordered_at": "when", "amount": None}


def mapped(wanted, rows=ROWS, **options):
    return map_columns(open_source(rows, table="orders", options=ReadOptions()), ORDERS, KEYS | wanted, **options)


def values(name, text, rows=ROWS):
    return mapped({name: text}, rows).columns[name].read(rows, decimal_comma=False).to_list()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("price", ["1.5", "2.0"]),
        ("price - rebate", ["8", "9"]),
        ("price + rebate", [2.5, 4.0]),
        ("Quantity * price", [3.0, None]),
        ("Quantity + price", [3.5, None]),
        ("-price", [-1.5, -2.0]),
        ("CASE WHEN kind = 'refund' THEN -price ELSE price END", [1.5, -2.0]),
        ("CAST(price AS DOUBLE) * 2", [3.0, 4.0]),
        ("CAST(Quantity AS DOUBLE) * 2", [4.0, None]),
        ("REPLACE(price, '.', '')", ["15", "20"]),
        ("COALESCE(Quantity, price)", [2.0, 2.0]),
    ],
)
def test_amounts_by_name_or_expression(text, wanted):
    assert values("amount", text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("kind = 'refund'", [False, True]),
        ("Quantity < 3", [True, None]),
        ("kind LIKE 's%' OR Quantity < 3", [True, None]),
        ("order_id IN ('2')", [False, True]),
        ("rebate = 2", [False, True]),
    ],
)
def test_flags_by_expression(text, wanted):
    assert values("cancelled", text) == wanted


def test_a_constant_holds_for_every_row():
    assert values("currency", "'EUR'") == ["EUR", "EUR"]


def test_own_names_are_taken_unless_used_or_refused():
    assert mapped({}).columns["order_id"].origin == "order_id"
    assert "order_id" not in mapped({"order_id": None}).columns
    assert "order_id" not in mapped({"customer_id": "order_id"}).columns
    columns = mapped({"store": "country"}, ROWS.with_columns(country=pl.lit("FR"))).columns
    assert columns["store"].origin == "country"
    assert "country" not in columns


def test_further_columns_are_attributes_in_source_order():
    assert mapped({"amount": "price"}).attributes == ("Quantity", "kind", "price - rebate", "rebate")


@pytest.mark.parametrize("text", ["Customer", "customer id", "kind sale", "prize"])
def test_bare_words_are_never_an_alias(text):
    with pytest.raises(DataError, match="has no column"):
        mapped({"channel": text})


def test_unknown_names_in_an_expression_are_told():
    with pytest.raises(DataError, match=r"reads 'Quantty', which is missing") as caught:
        mapped({"amount": "Quantty * price"})
    assert "Did you mean 'Quantity'?" in str(caught.value)


@pytest.mark.parametrize("text", ["price *", "SELECT 1", "price; DROP TABLE x", "*", "amount * (SELECT 2)"])
def test_what_is_no_expression(text):
    with pytest.raises(DataError):
        mapped({"amount": text})


@pytest.mark.parametrize(
    "sql",
    [
        "price / MAX(price)",
        "SUM(price)",
        "LAG(price) OVER (ORDER BY rebate)",
        "ROW_NUMBER() OVER (ORDER BY price)",
        "price - AVG(price) OVER (PARTITION BY kind)",
        "rebate - COUNT(*)",
    ],
)
def test_an_expression_may_read_its_own_row_only(sql):
    with pytest.raises(ReadsOtherRows):
        prepare(sql, ROWS.schema, wanted=lambda dtype: dtype.is_numeric(), numbers_first=True)


def test_an_expression_of_the_wrong_type():
    with pytest.raises(ExpressionProblem, match="another type"):
        prepare("kind || 'x'", ROWS.schema, wanted=lambda dtype: dtype == pl.Boolean, numbers_first=False)


def test_which_columns_are_numbers_does_not_depend_on_cells():
    for cells in (["1", "2"], ["x", "y"], [None, None]):
        schema = ROWS.with_columns(Quantity=pl.Series(cells, dtype=pl.String)).schema
        expression = prepare("Quantity * price", schema, wanted=lambda dtype: dtype.is_numeric(), numbers_first=True)
        assert expression.as_numbers == ("Quantity", "price")


def test_roots_are_each_told_once():
    assert root_names("a + b * a") == ("a", "b")


def test_orders_are_described_from_one_place():
    assert [column.name for column in ORDERS if column.required] == ["customer_id", "ordered_at"]
    assert min(len(column.meaning) for column in ORDERS) > 10
    assert ORDERS["amount"].unit == "currency unit"
    with pytest.raises(KeyError):
        ORDERS["nothing"]


@pytest.mark.parametrize("name", ["position", "text", "reason", "id", "foretell", "literal", "count", ""])
def test_a_source_may_call_its_columns_anything(name):
    rows = pl.DataFrame({"who": ["a", "b", "c"], name: ["1", "2", "x"], "at": [date(2021, 1, 1)] * 3})
    data = read_orders(rows, customer_id="who", ordered_at="at", amount=name, order_id="who || at")
    assert data.orders.collect()["amount_minor"].to_list() == [10_000, 20_000]
    assert read_orders(rows, customer_id=name, ordered_at="at").has_column("who")
