"""Frames as one Excel workbook that a person reads: frozen headers, filters, formats, a dictionary; nothing runs."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from foretell.delivery.formulas import starts_formula
from foretell.errors import OutputError

if TYPE_CHECKING:
    from xlsxwriter.format import Format  # type: ignore[import-untyped]  # the library ships no types
    from xlsxwriter.workbook import Workbook  # type: ignore[import-untyped]  # likewise
    from xlsxwriter.worksheet import Worksheet  # type: ignore[import-untyped]  # likewise

# Excel's limits: rows of a sheet without the header, characters of a cell and of a sheet's name.
SHEET_ROWS = 1_048_575
CELL_CHARACTERS = 32_767
NAME_CHARACTERS = 31
DICTIONARY = "dictionary"
_WIDTHS = {"text": 28, "sentence": 60}
_FORBIDDEN = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
_QUIET = {
    "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "nan_inf_to_errors": False,
}  # fmt: skip


def write_workbook(
    sheets: Mapping[str, pl.DataFrame],
    dictionary: pl.DataFrame,
    path: Path,
    *,
    units: Mapping[str, str],
    made: datetime,
) -> None:
    """Write frames as sheets of one workbook.

    Text stays text: a cell that would be a formula carries Excel's own mark for text, identifiers keep their zeros.
    More rows than a sheet holds go on in a second one.

    Parameters
    ----------
    sheets : mapping of str to pl.DataFrame
        Name to rows; text, number, boolean, date and datetime columns.
    dictionary : pl.DataFrame
        What the columns mean; it becomes the last sheet.
    path : Path
        The file to make.
    units : mapping of str to str
        Column to unit, as in a schema: money gets two decimals, probabilities are shown as percentages.
    made : datetime
        Date that the workbook says of itself: equal frames give equal bytes.

    Raises
    ------
    OutputError
        If the extra ``excel`` is not installed.
    """
    try:
        from xlsxwriter.workbook import Workbook
    except ImportError:
        msg = "Excel files need the extra 'excel'. Remedy: pip install 'foretell[excel]', or read the CSV files."
        raise OutputError(msg) from None
    with Workbook(str(path), _QUIET) as book:
        book.set_properties({"created": made})
        formats = _Formats(book)
        taken: set[str] = set()
        for name, frame in sheets.items():
            for part in frame.iter_slices(SHEET_ROWS) if frame.height else [frame]:
                _write_sheet(book.add_worksheet(sheet_name(name, taken)), part, units, formats)
        _write_sheet(book.add_worksheet(sheet_name(DICTIONARY, taken)), dictionary, {}, formats)


def sheet_name(name: str, taken: set[str]) -> str:
    """Return a name that Excel takes and no other sheet has.

    Parameters
    ----------
    name : str
        Any text.
    taken : set of str
        Names in use, in lower case; the new one is added.

    Returns
    -------
    str
        At most 31 characters, without those that Excel forbids, and no formula.
    """
    bare = _FORBIDDEN.sub(" ", name).strip().strip("'").lstrip("=+-@\uff1d\uff0b\uff0d\uff20 ") or "sheet"
    found, number = bare[:NAME_CHARACTERS], 1
    while found.lower() in taken:
        number += 1
        end = f" ({number})"
        found = bare[: NAME_CHARACTERS - len(end)] + end
    taken.add(found.lower())
    return found


class _Formats:
    def __init__(self, book: "Workbook") -> None:
        self.head = book.add_format(
            {"bold": True, "bg_color": "#E8EEF4", "bottom": 1, "text_wrap": True, "valign": "top"}
        )
        self.text = book.add_format({"num_format": "@"})
        self.guarded = book.add_format({"num_format": "@", "quote_prefix": True})
        self.whole = book.add_format({"num_format": "#,##0"})
        self.number = book.add_format({"num_format": "#,##0.0###"})
        self.money = book.add_format({"num_format": "#,##0.00"})
        self.percent = book.add_format({"num_format": "0.0%"})
        self.day = book.add_format({"num_format": "yyyy-mm-dd"})
        self.moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})

    def of(self, dtype: pl.DataType, unit: str) -> "Format":
        if dtype.is_float() and unit.startswith("probability"):
            return self.percent
        if dtype.is_float():
            return self.money if unit.startswith("money") else self.number
        if dtype.is_integer():
            return self.whole
        if dtype == pl.Date:
            return self.day
        return self.moment if isinstance(dtype, pl.Datetime) else self.text


def _write_sheet(sheet: "Worksheet", frame: pl.DataFrame, units: Mapping[str, str], formats: _Formats) -> None:
    sheet.freeze_panes(1, 1)
    for i, name in enumerate(frame.columns):
        values = frame[name]
        sheet.write_string(0, i, name, formats.head)
        sheet.set_column(i, i, _width(values))
        _write_column(sheet, i, values, formats.of(values.dtype, units.get(name, "")), formats)
    if frame.width:
        sheet.autofilter(0, 0, max(frame.height, 1), frame.width - 1)


def _write_column(sheet: "Worksheet", i: int, values: pl.Series, shown: "Format", formats: _Formats) -> None:
    """Write a column cell by cell: the library has no other way that keeps types."""
    dtype = values.dtype
    if dtype == pl.String:
        cut = values.str.slice(0, CELL_CHARACTERS)
        runs = cut.to_frame("text").select(starts_formula(pl.col("text"))).to_series()
        for row, (text, dangerous) in enumerate(zip(cut.to_list(), runs.to_list(), strict=True), start=1):
            if text is not None:
                sheet.write_string(row, i, text, formats.guarded if dangerous else shown)
        return
    write: Callable[..., Any] = sheet.write_number
    if dtype == pl.Boolean:
        write = sheet.write_boolean
    elif dtype.is_temporal():
        write = sheet.write_datetime
    elif dtype.is_float():
        values = values.set(~values.is_finite().fill_null(value=True), None)
    for row, value in enumerate(values.to_list(), start=1):
        if value is not None:
            write(row, i, value, shown)


def _width(values: pl.Series) -> int:
    if values.dtype != pl.String:
        return 16
    long = bool((values.str.len_chars() > _WIDTHS["text"]).any())
    return _WIDTHS["sentence" if long else "text"]
