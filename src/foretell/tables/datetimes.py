"""Times as they were written, to naive instants in the shop's zone.

How a row is read depends on that row and the declared formats alone, never on other rows, so that rows that
arrive later cannot change how earlier ones were read.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import polars as pl

from foretell.errors import Violation
from foretell.tables.dataset import Note
from foretell.tables.parsed import Parsed, first_rows, masks, most
from foretell.windows import FIRST_YEAR, LAST_YEAR

# Any two of these read the same text alike, so their order is a matter of speed only.
ISO_FORMATS = (
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f%#z",
    "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M%#z",
    "%Y-%m-%dT%H:%M%#z",
)
MIXED_ZONES = "mixed_zones"
"""Note of times without an offset among others that have one."""

_NAIVE = pl.Datetime("us")
_FIRST, _END = (
    (datetime(year, 1, 1) - datetime(1970, 1, 1)) // timedelta(microseconds=1) for year in (FIRST_YEAR, LAST_YEAR + 1)
)
_LOOKS = (
    (r"^\s*\d{1,2}/\d{1,2}/\d{4}", "'%d/%m/%Y' or '%m/%d/%Y'"),
    (r"^\s*\d{1,2}\.\d{1,2}\.\d{4}", "'%d.%m.%Y'"),
    (r"^\s*\d{1,2}-\d{1,2}-\d{4}", "'%d-%m-%Y' or '%m-%d-%Y'"),
    (r"^\s*\d{4}/\d{1,2}/\d{1,2}", "'%Y/%m/%d'"),
    (r"^\s*\d{8}\s*$", "'%Y%m%d'"),
    (r"^\s*\d{1,2}/\d{1,2}/\d{2}\b", "'%d/%m/%y' or '%m/%d/%y'"),
)


@dataclass(frozen=True)
class _Instants:
    """Naive instants, and which rows said their UTC offset."""

    at: pl.Series
    aware: pl.Series


def read_instant(
    column: pl.Series, *, date_format: Sequence[str], time_zone: str | None, name: str = "ordered_at"
) -> Parsed:
    """Turn a column of dates, datetimes or text into naive instants in the shop's zone.

    Parameters
    ----------
    column : polars.Series
        Date, Datetime of any unit and zone, or String.
    date_format : sequence of str
        Formats that text is tried against, in this order; empty is ISO 8601. Types that are times already ignore it.
    time_zone : str or None
        The shop's zone. Times with an offset or a zone are converted to it; naive ones are taken as they are.
    name : str
        Name of the column, as in ``occurred_at``.

    Returns
    -------
    Parsed
        Datetime[us], naive. Reasons: ``<name>_missing``, ``<name>_unreadable``, ``<name>_out_of_range``
        (outside `foretell.windows.FIRST_YEAR` to `LAST_YEAR`). Refused: times with an offset while no zone is given,
        more than half of the rows unreadable, a type that is no time.
    """
    if column.dtype == pl.String:
        text = _clean(column)
        missing = text.is_null()
        formats = tuple(date_format) or _quickest_first(text)
        instants = _from_text(text, formats, time_zone)
    elif isinstance(column.dtype, pl.Datetime | pl.Date):
        text = None
        missing = column.is_null()
        instants = _from_typed(column, time_zone)
    else:
        rule = f"the column holds {column.dtype}, which is no time"
        remedy = "Name a column of dates, or convert numbers to dates in the source."
        nothing = pl.Series(name, [None] * column.len(), _NAIVE)
        return Parsed(nothing, refusals=(_violation(name, rule, column.len(), (), remedy),))
    unreadable = ~missing & instants.at.is_null()
    naive = ~instants.aware & instants.at.is_not_null()
    tallies = {"aware": int(instants.aware.sum()), "naive": int(naive.sum())}
    at, out_of_range = _within_calendar(instants.at)
    return Parsed(
        at.alias(name),
        masks(**{f"{name}_missing": missing, f"{name}_unreadable": unreadable, f"{name}_out_of_range": out_of_range}),
        (*_zone_refusals(name, instants, time_zone), *_format_refusals(name, text, unreadable, date_format)),
        zone_notes(**tallies, time_zone=time_zone),
        tallies,
    )


def _within_calendar(at: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Placeholders such as 9999-12-31 are no orders, and later dates could not be counted from them."""
    first, last = at.to_physical().min(), at.to_physical().max()
    if not (isinstance(first, int) and isinstance(last, int)) or (first >= _FIRST and last < _END):
        return at, pl.repeat(value=False, n=at.len(), eager=True)
    outside = (~at.dt.year().is_between(FIRST_YEAR, LAST_YEAR)).fill_null(value=False)
    return at.set(outside, None), outside


def _clean(column: pl.Series) -> pl.Series:
    """Text without outer blanks, null where nothing is left; ``UTC`` written as the offset that it is."""
    text = column.str.strip_chars()
    if text.str.ends_with("UTC").any():
        text = text.str.replace(r"\s*UTC$", "Z")
    nothing = text == ""
    return text.set(nothing, None) if nothing.any() else text


def _from_text(text: pl.Series, formats: Sequence[str], time_zone: str | None) -> _Instants:
    at = pl.repeat(None, text.len(), dtype=_NAIVE, eager=True)
    aware = pl.repeat(value=False, n=text.len(), eager=True)
    left = text.is_not_null()
    for written in formats:
        if not left.any():
            break
        everything = bool(left.all())
        read = _one_format(text if everything else text.filter(left), written, time_zone)
        at = read if everything else at.scatter(left.arg_true(), read)
        if _says_offset(written):
            aware |= left & at.is_not_null()
        left &= at.is_null()
    return _Instants(at, aware)


def _quickest_first(text: pl.Series) -> tuple[str, ...]:
    """The ISO formats, beginning with that of the first row."""
    first = text.drop_nulls().head(1)
    return tuple(sorted(ISO_FORMATS, key=lambda written: _one_format(first, written, None).null_count()))


def _one_format(text: pl.Series, written: str, time_zone: str | None) -> pl.Series:
    if not any(directive in written for directive in ("%H", "%I", "%k", "%l", "%T", "%R", "%X", "%s", "%c")):
        return text.str.to_date(written, strict=False).cast(_NAIVE)
    read = text.str.to_datetime(written, strict=False, time_unit="us")
    if not _says_offset(written):
        return read
    return read.dt.convert_time_zone(time_zone or "UTC").dt.replace_time_zone(None)


def _says_offset(written: str) -> bool:
    return any(directive in written for directive in ("%z", "%#z", "%:z", "%Z", "%+"))


def _from_typed(column: pl.Series, time_zone: str | None) -> _Instants:
    own_zone = column.dtype.time_zone if isinstance(column.dtype, pl.Datetime) else None
    at = column
    if own_zone is not None:
        at = at.dt.convert_time_zone(time_zone or own_zone).dt.replace_time_zone(None)
    aware = at.is_not_null() if own_zone is not None else pl.repeat(value=False, n=column.len(), eager=True)
    return _Instants(at.cast(_NAIVE), aware)


def _zone_refusals(name: str, instants: _Instants, time_zone: str | None) -> tuple[Violation, ...]:
    if time_zone is not None or not instants.aware.any():
        return ()
    remedy = 'Name the shop\'s zone, as in time_zone="Europe/Berlin": the day of an order depends on it.'
    naive = ~instants.aware & instants.at.is_not_null()
    if naive.any():
        rule = "some times have a UTC offset and others do not"
        fewer = instants.aware if 2 * int(instants.aware.sum()) <= instants.aware.len() else naive
        return (_violation(name, rule, int(fewer.sum()), first_rows(fewer), remedy),)
    rule = "the times have a UTC offset or a zone, and the shop's zone is not given"
    return (_violation(name, rule, int(instants.aware.sum()), first_rows(instants.aware), remedy),)


def zone_notes(*, aware: int, naive: int, time_zone: str | None) -> tuple[Note, ...]:
    """Report times without an offset among others that have one.

    Parameters
    ----------
    aware, naive : int
        Times with and without an offset or a zone.
    time_zone : str or None
        The shop's zone.

    Returns
    -------
    tuple of Note
        One at most.
    """
    if time_zone is None or not aware or not naive:
        return ()
    text = f"{naive:,} times have no UTC offset while others do; they were taken to be in {time_zone} already."
    return (Note(MIXED_ZONES, naive, text),)


def _format_refusals(
    name: str, text: pl.Series | None, unreadable: pl.Series, declared: Sequence[str]
) -> tuple[Violation, ...]:
    if text is None or not most(unreadable):
        return ()
    sample = text.filter(unreadable).head(1000)
    looks = next((formats for pattern, formats in _LOOKS if sample.str.contains(pattern).sum() * 2 > sample.len()), "")
    remedy = (
        f"They look like date_format={looks}; declare the one that is meant."
        if looks
        else "Declare how they are written, as in date_format='%d.%m.%Y %H:%M', or name another column."
    )
    expected = f"as declared ({', '.join(declared)})" if declared else "as ISO 8601 dates (YYYY-MM-DD)"
    count = int(unreadable.sum())
    share = "none" if unreadable.all() else "less than half"
    rule = f"{share} of the times can be read {expected}"
    return (replace(_violation(name, rule, count, first_rows(unreadable), remedy), share=0.5),)


def _violation(name: str, rule: str, count: int, rows: tuple[int, ...], remedy: str) -> Violation:
    return Violation("orders", name, rule, count, rows, remedy)
