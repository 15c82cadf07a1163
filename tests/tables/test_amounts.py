"""Money as it is written becomes whole minor units, or is told why not."""

import polars as pl
import pytest

from foretell.tables import amounts
from foretell.tables.amounts import read_amount, read_number


def read(values, *, decimal_comma=False, dtype=None):
    column = pl.Series("price", values, dtype=dtype)
    return read_amount(column, column.to_frame(), decimal_comma=decimal_comma)


def reasons(parsed):
    return {reason: mask.arg_true().to_list() for reason, mask in parsed.unusable}


@pytest.mark.parametrize(
    ("text", "minor"),
    [("1", 10_000), ("-2.5", -25_000), (" 3.10 ", 31_000), ("+4", 40_000), ("1e2", 1_000_000), (".5", 5_000),
     ("0.00004", 0), ("0.00006", 1), ("99999999999.9999", 999_999_999_999_999)],
)  # fmt: skip
def test_text(text, minor):
    assert read([text]).values.to_list() == [minor]


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("1", 10_000),
        ("2,5", 25_000),
        ("1.234,5", 12_345_000),
        ("-1.234.567,89", -12_345_678_900),
        ("1.234", 12_340_000),
    ],
)
def test_text_with_a_decimal_comma(text, minor):
    assert read([text], decimal_comma=True).values.to_list() == [minor]


@pytest.mark.parametrize("text", ["12.50", "1.2345", "1,234.5", "12.34.567"])
def test_a_point_is_refused_where_a_comma_is_declared(text):
    assert "decimal point" in read([text], decimal_comma=True).refusals[0].rule


@pytest.mark.parametrize("dtype", [pl.Int32, pl.UInt8, pl.Float32, pl.Decimal(10, 2)])
def test_numbers_of_any_type(dtype):
    assert read([3, None], dtype=dtype).values.to_list() == [30_000, None]


def test_decimals_that_binary_cannot_hold_are_rounded_to_what_was_written():
    cents = [number / 100 for number in range(10_000)]
    assert read(cents).values.to_list() == [number * 100 for number in range(10_000)]


def test_every_row_without_money_has_one_reason():
    parsed = read(["1", None, " ", "x", "nan", "-inf", "1e11", "-1e11", "99999999999"])
    assert reasons(parsed) == {
        "amount_missing": [1, 2],
        "amount_unreadable": [3],
        "amount_not_finite": [4, 5],
        "amount_too_large": [6, 7],
    }
    assert not parsed.refusals


def test_types_that_are_no_number_are_refused():
    for values in ([True, False], [[1.0], [2.0]]):
        assert "no number" in read(values).refusals[0].rule


def test_words_are_not_taken_for_currency_signs():
    assert read(["1", "2", "free", "n/a", "abc"]).refusals[0].rule == "more than half of the amounts are no numbers"
    assert not read(["1", "2", "free"]).refusals


def test_an_optional_number_is_left_out_where_unreadable():
    parsed = read_number(pl.Series(["1.5", "x", "", None, "nan"]), "discount", decimal_comma=False)
    assert parsed.values.to_list() == [1.5, None, None, None, None]
    assert [(note.code, note.count) for note in parsed.notes] == [("discount_unreadable", 2)]


@pytest.mark.parametrize(
    ("amount", "reason"),
    [
        (1e11, "amount_too_large"),
        (-1e11, "amount_too_large"),
        (float("inf"), "amount_not_finite"),
        (float("nan"), "amount_not_finite"),
        (None, "amount_missing"),
    ],
)
def test_one_amount_that_cannot_be_used_changes_no_other(monkeypatch, amount, reason):
    monkeypatch.setattr(amounts, "_AT_ONCE", 3)
    usable = [99_999_999_999.99, -99_999_999_999.99, 0.00005, 12.345_649_999, 3.0]
    alone, beside = read(usable), read([*usable, amount])
    assert alone.values.to_list() == beside.values.to_list()[:-1]
    assert alone.unusable == ()
    assert reasons(beside) == {reason: [5]}
    assert beside.values[-1] is None
