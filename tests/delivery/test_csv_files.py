"""CSV files: fixed digits, nothing that a spreadsheet runs, equal bytes for equal frames."""

from datetime import date, datetime

import polars as pl
import pytest

from foretell.delivery.csv_files import BYTE_ORDER_MARK, SLICE_ROWS, decimals_of, write_csv
from foretell.scoring.schema import score_columns
from foretell.windows import Horizons


def written(tmp_path, frame, decimals=None):
    path = tmp_path / "t.csv"
    write_csv(frame, path, decimals)
    content = path.read_bytes()
    assert content.startswith(BYTE_ORDER_MARK)
    return content.removeprefix(BYTE_ORDER_MARK).decode()


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "\x00", "＝", "－", " =", "  @"])
def test_text_that_starts_a_formula_gets_an_apostrophe(tmp_path, start):
    frame = pl.DataFrame({"id": [f"{start}cmd|' /C calc'!A0", "harmless"], "other": ["a", "b"]})
    path = tmp_path / "t.csv"
    assert write_csv(frame, path) == 1
    back = pl.read_csv(path)
    assert back["id"].to_list() == [f"'{start}cmd|' /C calc'!A0", "harmless"]


def test_every_text_column_is_guarded_and_numbers_are_not(tmp_path):
    frame = pl.DataFrame({"a": ["=1"], "b": ["+1"], "n": [-5], "x": [-2.5], "d": [date(2026, 1, 1)]})
    assert written(tmp_path, frame) == "a,b,n,x,d\n'=1,'+1,-5,-2.5000,2026-01-01\n"


def test_a_name_of_a_column_is_guarded_too(tmp_path):
    assert written(tmp_path, pl.DataFrame({"=1+1": ["a"], "@b": [1], "c": [2]})) == "'=1+1,'@b,c\na,1,2\n"


def test_text_with_separators_quotes_and_line_ends_reads_back(tmp_path):
    texts = ['a,b "c"', "line\none", None, "semi;colon", "مرحبا", "00123", "back\rreturn", "   "]
    frame = pl.DataFrame({"id": texts, "n": range(len(texts))})
    path = tmp_path / "t.csv"
    assert write_csv(frame, path) == 0
    assert pl.read_csv(path, schema=frame.schema).equals(frame)


def test_empty_text_and_no_text_differ(tmp_path):
    assert written(tmp_path, pl.DataFrame({"a": ["", None], "n": [1, 2]})) == 'a,n\n"",1\n,2\n'


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (-0.001, 2, "0.00"),
        (1234567.891, 2, "1234567.89"),
        (0.1 + 0.2, 4, "0.3000"),
        (1e-9, 4, "0.0000"),
        (1e15, 2, "1000000000000000.00"),
        (-3.14159, 4, "-3.1416"),
        (None, 2, ""),
    ],
)
def test_floats_have_fixed_decimals(tmp_path, value, decimals, text):
    frame = pl.DataFrame({"x": [value], "n": [1]}, schema={"x": pl.Float64, "n": pl.Int64})
    assert written(tmp_path, frame, {"x": decimals}) == f"x,n\n{text},1\n"


def test_instants_are_iso_with_a_fraction_only_where_there_is_one(tmp_path):
    frame = pl.DataFrame({"t": [datetime(2026, 11, 1), datetime(2026, 11, 1, 9, 30, 1, 5), None], "n": [1, 2, 3]})
    assert written(tmp_path, frame) == "t,n\n2026-11-01T00:00:00,1\n2026-11-01T09:30:01.000005,2\n,3\n"


def test_a_frame_without_rows_has_its_header(tmp_path):
    assert written(tmp_path, pl.DataFrame(schema={"id": pl.String, "x": pl.Float64})) == "id,x\n"


def test_slices_do_not_show_in_the_bytes(tmp_path, monkeypatch):
    frame = pl.DataFrame({"id": [f"={i}" for i in range(10)], "x": [i / 3 for i in range(10)]})
    whole = written(tmp_path, frame)
    assert frame.height < SLICE_ROWS
    monkeypatch.setattr("foretell.delivery.csv_files.SLICE_ROWS", 3)
    assert written(tmp_path, frame) == whole
    assert write_csv(frame, tmp_path / "u.csv") == 10


def test_the_frame_given_is_not_changed(tmp_path):
    frame = pl.DataFrame({"id": ["=1"], "x": [0.123456789]})
    before = frame.clone()
    write_csv(frame, tmp_path / "t.csv")
    assert frame.equals(before)


def test_money_has_two_decimals_and_probabilities_four():
    decimals = decimals_of(score_columns(Horizons()))
    assert decimals["predicted_clv_365d_low"] == decimals["historic_clv"] == 2
    assert decimals["churn_risk_90d"] == decimals["predicted_orders_365d"] == 4
