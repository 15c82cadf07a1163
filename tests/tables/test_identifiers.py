"""Identifiers are text, whatever they came as."""

import polars as pl
import pytest

from foretell.tables import identifiers
from foretell.tables.flags import read_flag
from foretell.tables.identifiers import read_identifier, read_text


def reasons(parsed):
    return {reason: mask.arg_true().to_list() for reason, mask in parsed.unusable}


def test_text_stays_as_it_came():
    ids = ["007", "7", " 7", "Null Island", "nano", "É", "0"]
    parsed = read_identifier(pl.Series(ids), "customer_id")
    assert parsed.values.to_list() == ids
    assert parsed.unusable == ()
    assert [(note.code, note.count) for note in parsed.notes] == [("customer_id_padded", 1)]


def test_nothing_and_words_for_nothing_are_missing():
    parsed = read_identifier(pl.Series([None, "", "  ", "NaN", "none", " null ", "<NA>", "#N/A", "NaT"]), "customer_id")
    assert parsed.values.null_count() == 9
    assert reasons(parsed) == {"customer_id_missing": list(range(9))}


@pytest.mark.parametrize("dtype", [pl.Int64, pl.UInt8, pl.Int32])
def test_whole_numbers_become_their_digits(dtype):
    parsed = read_identifier(pl.Series([7, None], dtype=dtype), "customer_id")
    assert parsed.values.to_list() == ["7", None]
    assert reasons(parsed) == {"customer_id_missing": [1]}


def test_categories_become_their_text():
    parsed = read_identifier(pl.Series(["a", "b"], dtype=pl.Categorical), "customer_id")
    assert parsed.values.to_list() == ["a", "b"]


def test_numbers_with_a_point_become_whole_or_are_told_apart():
    column = pl.Series([17850.0, float("nan"), None, 1.5, 2.0**53, float("inf"), -3.0])
    parsed = read_identifier(column, "customer_id")
    assert parsed.values.to_list() == ["17850", None, None, None, None, None, "-3"]
    assert reasons(parsed) == {"customer_id_missing": [1, 2], "customer_id_unreadable": [3, 4, 5]}
    assert [(note.code, note.count) for note in parsed.notes] == [("customer_id_from_float", 2)]


@pytest.mark.parametrize("read", [read_identifier, read_text])
@pytest.mark.parametrize("column", [pl.Series([[1], [2]]), pl.Series([b"a", b"b"]), pl.Series([{"a": 1}, {"a": 2}])])
def test_types_that_identify_nobody_are_refused(read, column):
    assert read(column, "store").refusals[0].count == 2


def test_every_word_is_a_value_in_optional_text():
    assert read_text(pl.Series(["none", "", None]), "medium").values.to_list() == ["none", "", None]
    assert read_text(pl.Series([1, 2]), "store").values.to_list() == ["1", "2"]


@pytest.mark.parametrize(
    "column",
    [
        pl.Series([True, False, None]),
        pl.Series([1, 0, None]),
        pl.Series([1.0, 0.0, None]),
        pl.Series([" Yes", "NO", ""]),
        pl.Series(["t", "f", None]),
    ],
)
def test_flags(column):
    parsed = read_flag(column, "cancelled")
    assert parsed.values.to_list() == [True, False, False]
    assert parsed.unusable == ()


def test_what_is_neither_yes_nor_no():
    parsed = read_flag(pl.Series(["yes", "perhaps", "2"]), "cancelled")
    assert reasons(parsed) == {"cancelled_unreadable": [1, 2]}
    assert read_flag(pl.Series([1, 2]), "cancelled").unusable[0][1].to_list() == [False, True]
    assert read_flag(pl.Series(["open", "closed"]), "cancelled").refusals
    assert read_flag(pl.Series([[1]]), "cancelled").refusals


@pytest.mark.parametrize("at_once", [1, 2, 3, 1_000])
def test_parts_of_a_column_say_what_the_whole_says(monkeypatch, at_once):
    ids = pl.Series("id", ["1", "02", " 3", None, "4 ", "nan", "", "\t", "+5", "18446744073709551616", "6", "None"])
    whole = read_identifier(ids, "id")
    monkeypatch.setattr(identifiers, "_AT_ONCE", at_once)
    parts = read_identifier(ids, "id")
    expected = ["1", "02", " 3", None, "4 ", None, None, None, "+5", "18446744073709551616", "6", None]
    assert parts.values.to_list() == whole.values.to_list() == expected
    assert [(reason, mask.to_list()) for reason, mask in parts.unusable] == [
        (reason, mask.to_list()) for reason, mask in whole.unusable
    ]
    assert [note.count for note in parts.notes] == [note.count for note in whole.notes] == [2]
