"""Any upload file, ours or another's, opened cell by cell with the line that each row begins on."""

import codecs
import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from foretell.delivery.uploads.template import TIME_ZONE_START, Platform
from foretell.errors import DataError, Violation

_ALIEN_MARKS = ((codecs.BOM_UTF32_LE, "UTF-32"), (codecs.BOM_UTF16_LE, "UTF-16"), (codecs.BOM_UTF16_BE, "UTF-16"))
_RECORDS: dict[str, pl.DataType] = {"line": pl.Int64(), "cells": pl.List(pl.String)}
_SEPARATORS = {"\t": "tabs", ";": "semicolons", "|": "bars"}


@dataclass(frozen=True)
class Finding:
    """One kind of problem of a file.

    Parameters
    ----------
    rule : str
        What is wrong, one sentence without any value of the file.
    lines : tuple of int
        Lines of the file, counted from 1; empty where it is about the file as a whole.
    column : str
        Header concerned, or empty.
    """

    rule: str
    lines: tuple[int, ...] = ()
    column: str = ""


@dataclass(frozen=True)
class Opened:
    """A file in cells.

    Parameters
    ----------
    header : tuple of str
        Names of the columns as they stand in the file; those of the template where it has no header.
    cells : pl.DataFrame
        Text, one column ``0``, ``1``, … per name of the header; empty cells are null.
    lines : pl.Series
        Line of each row.
    findings : tuple of Finding
        What was wrong on the way.
    bytes : int
        Size of the file.
    """

    header: tuple[str, ...]
    cells: pl.DataFrame
    lines: pl.Series
    findings: tuple[Finding, ...]
    bytes: int


def open_upload(path: Path, platform: Platform) -> Opened:
    """Read a file as a platform would, and go on where the platform would not.

    Parameters
    ----------
    path : Path
        An existing file.
    platform : Platform
        What it is for.

    Returns
    -------
    Opened
        Cells and what was wrong with encoding, separators, lines and header.

    Raises
    ------
    DataError
        If there is no such file or it cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        rule = f"the file cannot be read ({error.strerror})"
        raise DataError([Violation("upload", None, rule, 1, remedy="Check the path.")], source=str(path)) from None
    text, findings = _decoded(content)
    separator, wrong = _separator(text, platform)
    records, broken = _records(text, separator)
    findings += [*wrong, *broken]
    before = 0
    if platform.time_zone_line:
        before, wrong = _time_zone(records)
        findings += wrong
    header = tuple(column.header for column in platform.columns)
    if platform.header:
        if records.height <= before:
            nothing = pl.Series("line", [], pl.Int64)
            return Opened((), pl.DataFrame(), nothing, (*findings, Finding("the file is empty")), len(content))
        header = tuple(records["cells"][before])
        before += 1
    rows = records[before:]
    fits = rows["cells"].list.len() == len(header)
    if not fits.all():
        rule = f"the line does not have the {len(header)} cells of the header"
        findings.append(Finding(rule, tuple(rows["line"].filter(~fits).to_list())))
    kept = rows.filter(fits)
    cells = kept.select(pl.col("cells").list.get(i).alias(str(i)) for i in range(len(header)))
    cells = cells.with_columns(pl.when(pl.all().str.len_bytes() > 0).then(pl.all()))
    return Opened(header, cells, kept["line"], tuple(findings), len(content))


def _decoded(content: bytes) -> tuple[str, list[Finding]]:
    for mark, name in _ALIEN_MARKS:
        if content.startswith(mark):
            rule = f"the file is {name}; it has to be UTF-8"
            return content.decode(name, errors="replace").removeprefix("\ufeff"), [Finding(rule, (1,))]
    findings = []
    if content.startswith(codecs.BOM_UTF8):
        content = content.removeprefix(codecs.BOM_UTF8)
        findings.append(Finding("the file begins with a byte order mark, which sticks to the first header", (1,)))
    if b"\x00" in content:
        findings.append(Finding("the file holds zero bytes; it has to be UTF-8 text", (1,)))
    try:
        return content.decode("utf-8"), findings
    except UnicodeDecodeError:
        wrong = tuple(number for number, line in enumerate(content.split(b"\n"), 1) if not _is_utf8(line))
        findings.append(Finding("the line is not UTF-8", wrong))
        return content.decode("cp1252", errors="replace"), findings


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _records(text: str, separator: str) -> tuple[pl.DataFrame, list[Finding]]:
    """Cut a text into records with the line that each begins on."""
    findings: list[Finding] = []
    if '"' in text or "\r" in text.replace("\r\n", "\n"):
        # Only the csv module knows on which line a quoted record begins.
        lines, cells, broken = _quoted(text, separator)
        if broken:
            findings.append(Finding("the quotes do not close; nothing below this line was read", (broken,)))
        records = pl.DataFrame({"line": lines, "cells": cells}, schema=_RECORDS)
    else:
        plain = pl.Series("line", text.removesuffix("\n").split("\n")).str.strip_suffix("\r")
        cut = plain.set(plain == "", None).str.split(separator)
        records = pl.DataFrame({"line": pl.int_range(1, plain.len() + 1, eager=True), "cells": cut})
    empty = records.filter((pl.col("cells").list.len() == 0) | pl.col("cells").is_null())["line"]
    if empty.len() and text:
        findings.append(Finding("the line is empty", tuple(empty.to_list())))
    return records.filter(pl.col("cells").list.len() > 0), findings


def _quoted(text: str, separator: str) -> tuple[list[int], list[list[str]], int]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    lines, cells, line = [], [], 1
    try:
        for record in reader:
            lines.append(line)
            cells.append(record)
            line = reader.line_num + 1
    except csv.Error:
        return lines, cells, line
    return lines, cells, 0


def _separator(text: str, platform: Platform) -> tuple[str, list[Finding]]:
    lines = text.split("\n", 2)
    first = lines[1] if platform.time_zone_line and len(lines) > 1 else lines[0]
    if "," not in first:
        for separator, name in _SEPARATORS.items():
            if separator in first:
                return separator, [Finding(f"cells are separated by {name}; it has to be commas", (1,))]
    return ",", []


def _time_zone(records: pl.DataFrame) -> tuple[int, list[Finding]]:
    first = str(records["cells"][0][0]) if records.height else ""
    if not first.startswith("Parameters:"):
        return 0, [Finding(f"the first line has to name the time zone, as in {TIME_ZONE_START}Europe/Amsterdam", (1,))]
    if not re.fullmatch(re.escape(TIME_ZONE_START) + r"([A-Za-z_+\-]+(/[A-Za-z0-9_+\-]+)*|[+-]\d{4})", first):
        return 1, [Finding("the time zone is no name such as Europe/Amsterdam and no offset such as +0100", (1,))]
    return 1, []
