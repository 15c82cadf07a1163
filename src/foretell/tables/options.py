"""How a source is written: delimiter, encoding, decimal comma, date formats and zone, checked at the door."""

import codecs
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import polars as pl

from foretell.errors import ConfigError

_PROBE_INSTANT = datetime(2003, 11, 28, 13, 45, 59, tzinfo=UTC)


@dataclass(frozen=True)
class ReadOptions:
    """How a source is written.

    Parameters
    ----------
    delimiter : str or None
        One character between the fields of a text file; None is a comma, or a tab in a ``.tsv`` file.
    encoding : str
        Encoding of a text file, as Python names it.
    decimal_comma : bool
        Whether numbers in text are written as ``1.234,56``.
    date_format : tuple of str
        Formats that times in text are tried against in this order, in strftime notation; empty is ISO 8601.
    time_zone : str or None
        The shop's zone, as in ``Europe/Berlin``: times with a UTC offset or a zone are converted to it.

    Raises
    ------
    ConfigError
        If an option cannot mean anything; all problems at once.
    """

    delimiter: str | None = None
    encoding: str = "utf8"
    decimal_comma: bool = False
    date_format: tuple[str, ...] = ()
    time_zone: str | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot mean anything, all at once."""
        problems = [
            problem
            for problem in (
                _delimiter_problem(self.delimiter),
                _encoding_problem(self.encoding),
                *(_date_format_problem(text) for text in self.date_format),
                _time_zone_problem(self.time_zone),
            )
            if problem
        ]
        if problems:
            raise ConfigError(problems)

    @property
    def is_utf8(self) -> bool:
        """Whether a text file can be read without being converted first."""
        return codecs.lookup(self.encoding).name in {"utf-8", "utf-8-sig", "ascii"}


def _delimiter_problem(delimiter: str | None) -> str:
    if delimiter is None or (len(delimiter) == 1 and delimiter.isascii() and delimiter not in '"\r\n'):
        return ""
    return f"delimiter must be one plain character, as in ',' ';' or a tab; got {delimiter!r}."


def _encoding_problem(encoding: str) -> str:
    try:
        codecs.lookup(encoding)
    except LookupError:
        return f"encoding {encoding!r} is unknown. Try 'utf8', 'cp1252', 'latin-1' or 'utf-16'."
    return ""


def _date_format_problem(text: str) -> str:
    """A format is usable if a date written in it can be read back from it."""
    instant = pl.Series([_PROBE_INSTANT], dtype=pl.Datetime("us", "UTC"))
    try:
        read = instant.dt.strftime(text).str.to_datetime(text, strict=False, time_unit="us").item()
    except pl.exceptions.PolarsError:
        read = None
    written = _PROBE_INSTANT
    # A two-digit year comes back in one century or another; both are dates.
    if isinstance(read, date) and (read.year % 100, read.month, read.day) == (3, written.month, written.day):
        return ""
    return f"date_format {text!r} does not hold a year, month and day, as in '%d/%m/%Y' or '%Y-%m-%d %H:%M'."


def _time_zone_problem(time_zone: str | None) -> str:
    if time_zone is None:
        return ""
    try:
        ZoneInfo(time_zone)
    except (KeyError, ValueError, OSError):
        return f"time_zone {time_zone!r} is unknown. Name it like 'Europe/Berlin' or 'UTC'."
    return ""
