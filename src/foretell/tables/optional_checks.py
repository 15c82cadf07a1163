"""What is looked at in the rows of each table beside orders, beyond its columns one by one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from foretell.errors import Violation
from foretell.tables.dataset import Note
from foretell.tables.event_names import UNKNOWN, canonical_events, unknown_events
from foretell.tables.keyed_checks import coordinates_outside, ends_before_starts
from foretell.tables.line_orders import PlacedLines, own_keys, place_lines
from foretell.tables.parse import ParsedTable
from foretell.tables.parsed import Parsed, first_rows, most


@dataclass(frozen=True)
class Found:
    """What the checks of one table found beyond its columns.

    Parameters
    ----------
    columns : dict of str to Parsed
        The columns as they are to be used.
    masks : mapping of str to polars.Series
        Boolean mask of rows that cannot be used, by reason.
    violations : sequence of Violation
        What makes the table untrustworthy.
    notes : sequence of Note
        What stops nothing.
    doubtful : mapping of str to int
        Rows that count towards a violation about a share of all rows, by the column that it names.
    """

    columns: dict[str, Parsed]
    masks: Mapping[str, pl.Series]
    violations: Sequence[Violation] = ()
    notes: Sequence[Note] = ()
    doubtful: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Circumstances:
    """What a table's checks need to know of the rest of the shop.

    Parameters
    ----------
    orders : polars.LazyFrame or None
        Usable rows of orders; None if they could not be read.
    event_names : mapping of str to str
        The shop's own names of events.
    lines_later : bool
        Whether lines find their orders later, where these are: then only keys of their own are looked at.
    """

    orders: pl.LazyFrame | None
    event_names: Mapping[str, str]
    lines_later: bool = False


def _check_lines(parsed: ParsedTable, circumstances: Circumstances) -> Found:
    columns, notes = dict(parsed.columns), []
    height = parsed.rows.height
    if "amount" not in columns:
        text = "There is no column amount: nothing is said about the money of lines. Name it with amount=…"
        notes.append(Note("no_amount", 0, text, "order_lines"))
    if "quantity" not in columns:
        text = "There is no column quantity: every line is taken for one piece. Name it with quantity=…"
        notes.append(Note("no_quantity", 0, text, "order_lines"))
        columns["quantity"] = Parsed(pl.repeat(1.0, height, dtype=pl.Float64, eager=True).alias("quantity"))
    if circumstances.lines_later:
        placed = own_keys(columns, height)
    else:
        placed = place_lines(columns, height, circumstances.orders)
    return Found(with_keys(columns, placed), placed.masks, placed.violations, notes)


def with_keys(columns: Mapping[str, Parsed], placed: PlacedLines) -> dict[str, Parsed]:
    """Put customer and time of every line in the place of its own.

    Parameters
    ----------
    columns : mapping of str to Parsed
        The columns that the lines have.
    placed : PlacedLines
        Whose each line is, and when it was ordered.

    Returns
    -------
    dict of str to Parsed
    """
    found = dict(columns)
    for name, values in (("customer_id", placed.customer_id), ("ordered_at", placed.ordered_at)):
        was = found.pop(name, Parsed(values))
        # A line without its own may still have that of its order; what cannot be read stays a reason.
        unusable = tuple(pair for pair in was.unusable if pair[0] != f"{name}_missing")
        found[name] = replace(was, values=values.alias(name), unusable=unusable)
    return found


def _check_events(parsed: ParsedTable, circumstances: Circumstances) -> Found:
    events = canonical_events(parsed.columns["event"].values, circumstances.event_names)
    columns = {**parsed.columns, "event": replace(parsed.columns["event"], values=events)}
    unknown = unknown_events(events) & events.is_not_null()
    if not unknown.any():
        return Found(columns, {})
    kinds = events.filter(unknown).n_unique()
    return Found(columns, {}, (), (unknown_note(int(unknown.sum()), kinds, first_rows(unknown)),))


def unknown_note(count: int, kinds: int, where: Sequence[int]) -> Note:
    """Report events that foretell gives no meaning to.

    Parameters
    ----------
    count : int
        Events.
    kinds : int
        Their different names.
    where : sequence of int
        Numbers of the first rows.

    Returns
    -------
    Note
    """
    listed = ", ".join(str(row) for row in where)
    text = (
        f"{count:,} events have one of {kinds:,} names that foretell gives no meaning to (first in rows {listed}); "
        "they were kept. event_names says what they are, as in {'added to cart': 'cart'}."
    )
    return Note(UNKNOWN, count, text, "events")


def _check_customers(parsed: ParsedTable, _circumstances: Circumstances) -> Found:
    columns = dict(parsed.columns)
    outside = coordinates_outside(columns)
    if outside is None or not outside.any():
        return Found(columns, {})
    for name in ("lat", "lon"):
        columns[name] = replace(columns[name], values=columns[name].values.set(outside, None))
    count = int(outside.sum())
    text = f"Rows whose latitude or longitude is nowhere on earth: {count:,}; both were left out there."
    notes = (Note("coordinates_out_of_range", count, text, "customers"),)
    return Found(columns, {}, (_swapped("customers", outside),) if most(outside) else (), notes, {"lat": count})


def _check_calendar(parsed: ParsedTable, _circumstances: Circumstances) -> Found:
    starts = parsed.columns["starts_on"]
    ends = parsed.columns.get("ends_on", starts)
    unusable = tuple(pair for pair in ends.unusable if pair[0].startswith("ends_on") and "missing" not in pair[0])
    unreadable = pl.repeat(value=False, n=parsed.rows.height, eager=True)
    for _, mask in unusable:
        unreadable |= mask
    one_day = ends.values.is_null() & ~unreadable
    filled = ends.values.zip_with(~one_day, starts.values).alias("ends_on")
    columns = {**parsed.columns, "ends_on": replace(ends, values=filled, unusable=unusable)}
    return Found(columns, {"ends_before_starts": ends_before_starts(starts.values, filled)})


def _check_places(parsed: ParsedTable, _circumstances: Circumstances) -> Found:
    outside = coordinates_outside(parsed.columns)
    if outside is None:
        return Found(parsed.columns, {})
    violations = (_swapped("places", outside),) if most(outside) else ()
    return Found(parsed.columns, {"coordinates_out_of_range": outside}, violations)


def _swapped(table: str, outside: pl.Series) -> Violation:
    rule = "more than half of the rows have a latitude or longitude that is nowhere on earth"
    remedy = "Check lat (-90 to 90 degrees) and lon (-180 to 180): they may be swapped, or in another unit."
    return Violation(table, "lat", rule, int(outside.sum()), first_rows(outside), remedy, share=0.5)


CHECKS: Mapping[str, Callable[[ParsedTable, Circumstances], Found]] = {
    "order_lines": _check_lines,
    "events": _check_events,
    "customers": _check_customers,
    "calendar": _check_calendar,
    "places": _check_places,
}
"""By table, from its columns and the rest of the shop to what was found."""
