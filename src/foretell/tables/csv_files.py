"""Text files with delimiters: opened as text only, and told apart from files that merely look like one.

Every field is read as text and typed later by foretell, so that ids keep their leading zeros and a cell that is no
number costs its row and not the file. polars' own messages quote cells of the file, so none is passed on.
"""

import csv
import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

import polars as pl

from foretell.errors import DataError, Violation
from foretell.tables.options import ReadOptions

_DELIMITERS = (",", ";", "\t", "|")
_HEAD_BYTES = 1 << 16
_GZIP_FACTOR = 5  # what order files usually shrink by
_GZIP_MAGIC = b"\x1f\x8b"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_TRY_ENCODING = "Give the encoding, as in encoding='cp1252' (Windows) or encoding='latin-1', or save the file as UTF-8."


def scan_text_file(path: Path, options: ReadOptions, *, table: str) -> pl.LazyFrame:
    """Open a text file lazily, every column as text.

    Parameters
    ----------
    path : Path
        A file with delimiters and a header line, plain or gzipped.
    options : ReadOptions
        Delimiter and encoding.
    table : str
        Name of the table, for messages.

    Returns
    -------
    polars.LazyFrame
        String columns under the names of the header.

    Raises
    ------
    DataError
        If the file is empty, or has another encoding or delimiter.
    """
    try:
        head = _head(path)
    except (OSError, EOFError):
        raise DataError([_cannot_open(table)], source=str(path)) from None
    problem = _head_problem(head, options, delimiter_of(path, options), table)
    if problem is not None:
        raise DataError([problem], source=str(path))
    source: Path | io.BytesIO = path if options.is_utf8 else _as_utf8(path, options.encoding, table)
    return pl.scan_csv(source, separator=delimiter_of(path, options), infer_schema=False, glob=False)


def delimiter_of(path: Path, options: ReadOptions) -> str:
    """Return the character between fields: as given, else a tab for ``.tsv`` and a comma otherwise.

    Parameters
    ----------
    path : Path
        The file.
    options : ReadOptions
        What the user said.

    Returns
    -------
    str
        One character.
    """
    return options.delimiter or ("\t" if ".tsv" in path.name.lower() else ",")


def header_names(path: Path, options: ReadOptions) -> tuple[str, ...]:
    """Return the names in the header line as they stand, repeated ones included.

    Parameters
    ----------
    path : Path
        A file that `scan_text_file` accepts.
    options : ReadOptions
        Delimiter and encoding.

    Returns
    -------
    tuple of str
        Names in order.
    """
    return _header(_head(path).decode(options.encoding, errors="replace"), delimiter_of(path, options))


def rows_in_text_file(path: Path, options: ReadOptions) -> int:
    """Guess how many rows a text file has, from its size and the length of its first lines.

    Parameters
    ----------
    path : Path
        A file that `scan_text_file` accepts.
    options : ReadOptions
        Encoding.

    Returns
    -------
    int
        At least 1.
    """
    head = _head(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(2) == _GZIP_MAGIC:
            size *= _GZIP_FACTOR
    newline = b"\n" if options.is_utf8 else "\n".encode(options.encoding)[-2:]
    return max(1, round(size * max(head.count(newline), 1) / len(head)))


def failure_in_text_file(path: Path, options: ReadOptions, *, table: str) -> Violation | None:
    """Find why a text file could not be read to its end.

    Parameters
    ----------
    path : Path
        The file that failed.
    options : ReadOptions
        Delimiter and encoding.
    table : str
        Name of the table, for messages.

    Returns
    -------
    Violation or None
        What is wrong and where; None if nothing was found in this file.
    """
    try:
        return (
            _badly_encoded_lines(path, options, table)
            or _overlong_rows(path, options, table)
            or _open_quotes(path, options, table)
        )
    except (OSError, EOFError):
        return _cannot_open(table)


def _cannot_open(table: str) -> Violation:
    remedy = "Check that it is complete and that you may read it."
    return Violation(table, None, "the file cannot be opened or is cut off", 1, remedy=remedy)


def _open_bytes(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        zipped = file.read(2) == _GZIP_MAGIC
    return cast("IO[bytes]", gzip.open(path, "rb")) if zipped else path.open("rb")


def _head(path: Path) -> bytes:
    with _open_bytes(path) as file:
        return file.read(_HEAD_BYTES)


def _head_problem(head: bytes, options: ReadOptions, delimiter: str, table: str) -> Violation | None:
    if not head.strip():
        remedy = "Export it again; at least a header line and one row are needed."
        return Violation(table, None, "the file is empty", 1, remedy=remedy)
    if options.is_utf8 and (head.startswith(_UTF16_MARKS) or b"\0" in head):
        rule = "the file is not UTF-8 text; it looks like UTF-16"
        return Violation(table, None, rule, 1, remedy="Read it with encoding='utf-16', or save it as UTF-8.")
    first_line = head.split(b"\n", 1)[0] + b"\n" if b"\n" in head and options.is_utf8 else head
    try:
        text = first_line.decode(options.encoding, errors="strict" if options.is_utf8 else "replace")
    except UnicodeDecodeError:
        return Violation(table, None, f"the header line is not {options.encoding}", 1, remedy=_TRY_ENCODING)
    if "\n" not in text and "\r" in text:
        rule = "the lines end in a lone carriage return"
        return Violation(table, None, rule, 1, remedy="Save the file with ordinary line ends (LF or CRLF).")
    names = _header(text, delimiter)
    other = next((d for d in _DELIMITERS if len(names) == 1 and len(_header(text, d)) > 1), None)
    if other is not None:
        rule = f"the delimiter is not {delimiter!r}: the header line is one single field"
        return Violation(table, None, rule, 1, remedy=f"Read it with delimiter={other!r}.")
    return None


def _header(text: str, delimiter: str) -> tuple[str, ...]:
    try:
        rows = csv.reader(io.StringIO(text.removeprefix("\ufeff")), delimiter=delimiter)
        return tuple(next((row for row in rows if row), ()))
    except csv.Error:
        return ()


def _as_utf8(path: Path, encoding: str, table: str) -> io.BytesIO:
    content = io.BytesIO()
    try:
        with _open_bytes(path) as file, io.TextIOWrapper(file, encoding=encoding, newline="") as text:
            while chunk := text.read(1 << 20):
                content.write(chunk.encode())
    except UnicodeError:
        raise DataError(
            [Violation(table, None, f"the file is not {encoding}", 1, remedy=_TRY_ENCODING)], source=str(path)
        ) from None
    content.seek(0)
    return content


def _badly_encoded_lines(path: Path, options: ReadOptions, table: str) -> Violation | None:
    if not options.is_utf8:
        return None
    rows = []
    with _open_bytes(path) as file:
        for number, line in enumerate(file):
            try:
                line.decode()
            except UnicodeDecodeError:
                rows.append(number)
    if not rows:
        return None
    rule = "the file is not UTF-8: some lines hold bytes that are no UTF-8 text"
    return Violation(table, None, rule, len(rows), tuple(rows[:3]), _TRY_ENCODING)


def _text_lines(path: Path, options: ReadOptions) -> Iterator[str]:
    encoding = "utf-8-sig" if options.is_utf8 else options.encoding
    with _open_bytes(path) as file, io.TextIOWrapper(file, encoding=encoding, newline="") as text:
        yield from text


def _overlong_rows(path: Path, options: ReadOptions, table: str) -> Violation | None:
    rows = []
    fields = 0
    try:
        for number, row in enumerate(csv.reader(_text_lines(path, options), delimiter=delimiter_of(path, options))):
            fields = fields or len(row)
            if len(row) > fields:
                rows.append(number)
    except csv.Error:
        return None
    if not rows:
        return None
    rule = f"rows have more fields than the header's {fields}"
    remedy = "Put fields that hold the delimiter in double quotes, or check delimiter; a decimal comma does this too."
    return Violation(table, None, rule, len(rows), tuple(rows[:3]), remedy)


def _open_quotes(path: Path, options: ReadOptions, table: str) -> Violation | None:
    odd = [number for number, line in enumerate(_text_lines(path, options)) if line.count('"') % 2]
    rule = "a double quote is opened and not closed, or stands inside a field"
    remedy = 'Put such fields in double quotes and double the quote inside them, as in "5"" nail".'
    return Violation(table, None, rule, max(len(odd), 1), tuple(odd[:3]), remedy)
