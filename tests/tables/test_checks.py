"""Checks over all rows: accounts, order ids, doubles, currencies."""

from datetime import datetime

import polars as pl
import pytest

from foretell.tables import digests
from foretell.tables.accounting import account_for_rows
from foretell.tables.checks import (
    account_notes,
    currency_violations,
    observed_until_violations,
    repeated_rows,
)
from foretell.tables.digests import all_differ, ids_differ, order_digests
from foretell.tables.parsed import Parsed
from foretell.tables.reasons import REASONS
from foretell.tables.schema import OPTIONAL, ORDERS


def accounts(customers, orders=None):
    order = None if orders is None else order_digests(pl.Series(orders, dtype=pl.String))
    repeat = order is not None and order.drop_nulls().n_unique() < order.count()
    return {note.code: note.count for note in account_notes(pl.Series(customers), order, orders_repeat=repeat)}


def test_giant_accounts_are_told_by_orders_not_by_lines():
    small = [f"c{number}" for number in range(1_000)]
    one_order_of_many_lines = accounts([*small, *["wholesaler"] * 50], [*map(str, range(1_000)), *["last"] * 50])
    assert one_order_of_many_lines == {}
    assert accounts([*small, *["guest"] * 50], [*map(str, range(1_050))]) == {"giant_account": 1}
    assert accounts([*small, *["guest"] * 50]) == {"giant_account": 1}
    assert accounts([*small, *["guest"] * 50], [*map(str, range(1_000)), *[None] * 50]) == {
        "order_id_missing": 50,
        "giant_account": 1,
    }


def test_giants_are_found_among_many_customers_however_they_are_spread():
    customers = [f"c{number % 5_000}" for number in range(10_000)] + ["guest"] * 300 + ["market"] * 200
    assert accounts(customers) == {"giant_account": 2}
    assert accounts(customers[:10_100]) == {}


def test_short_histories_have_no_giants():
    assert accounts(["a"] * 1_000) == {}


def test_an_order_id_that_repeats_within_a_customer_is_not_shared():
    assert accounts(["a", "a", "b"], ["1", "1", "2"]) == {}
    assert accounts(["a", "b", "b", "c"], ["1", "1", "2", "2"]) == {"order_id_shared": 2}


def test_doubles_are_compared_in_full_and_the_first_stays():
    rows = pl.DataFrame({"a": ["x", "y", "x", None, None, "x"], "b": [1, 1, 1, None, None, 2], "c": [[1]] * 6})
    assert repeated_rows(rows).to_list() == [False, False, True, False, True, False]
    assert repeated_rows(rows.head(2)).to_list() == [False, False]


def test_doubles_of_rows_left_out_are_not_counted():
    at = pl.Series([datetime(2021, 1, 1)] * 4)
    rows = pl.DataFrame({"customer_id": ["a", "a", None, None], "ordered_at": at})
    missing = rows["customer_id"].is_null()
    parsed = {
        "customer_id": Parsed(rows["customer_id"], (("customer_id_missing", missing),)),
        "ordered_at": Parsed(at.alias("ordered_at")),
    }
    data = account_for_rows(
        rows, parsed, attributes=(), observed_until=None, drop_duplicates=False, notes=(), title="a test"
    )
    assert {note.code: note.count for note in data.report.notes} == {"customer_id_missing": 2, "duplicate_rows_kept": 1}


def test_currencies_differ_by_code_not_by_case():
    assert currency_violations(pl.Series(["EUR", " eur", None, ""])) == ()
    assert currency_violations(pl.Series([None, None], dtype=pl.String)) == ()
    (violation,) = currency_violations(pl.Series(["EUR", "EUR", None, "USD", "GBP"]))
    assert (violation.count, violation.rows) == (2, (4, 5))


def test_half_of_the_rows_may_lie_after_the_end_but_not_more():
    end = datetime(2021, 1, 1)
    assert observed_until_violations(pl.Series([True, False]), end) == ()
    assert observed_until_violations(pl.Series([True, True, False]), end)[0].count == 2


def test_reasons_name_columns_of_the_table():
    for table in (ORDERS, *OPTIONAL):
        assert {column for column, _ in REASONS[table.name].values()} - {None} <= set(table.names)


@pytest.mark.parametrize("at_once", [1, 3, 1_000])
def test_ids_differ_where_none_is_missing_and_none_is_there_twice(monkeypatch, at_once):
    monkeypatch.setattr(digests, "_AT_ONCE", at_once)
    ids = pl.Series(["a", "b", "", "ab", "c"])
    assert ids_differ(ids)
    assert not ids_differ(pl.concat([ids, pl.Series([None], dtype=pl.String)]))
    assert not ids_differ(pl.concat([ids, ids.head(1)]))
    found = order_digests(pl.concat([ids, ids.head(1), pl.Series([None], dtype=pl.String)]))
    assert found.null_count() == 1
    assert found[0] == found[5]
    assert all_differ(found.head(5))
