"""Why rows of each table are left out: the names of the reasons, and the words of the report."""

from collections.abc import Iterator, Mapping

from foretell.tables.schema import OPTIONAL, ORDERS, Column, Table
from foretell.windows import FIRST_YEAR, LAST_YEAR

Reasons = Mapping[str, tuple[str | None, str]]
"""Reason to column concerned and words of the report; the first that holds counts."""

_WORDS = {
    "customer_id": "customer id",
    "product_id": "product id",
    "ordered_at": "order time",
    "occurred_at": "time",
    "starts_on": "first day",
    "ends_on": "last day",
    "announced_on": "day of announcement",
}
_OF_TABLE: Mapping[str, Reasons] = {
    "order_lines": {
        "unknown_order": ("order_id", "rows belong to no order that was read"),
        "order_cancelled": ("order_id", "rows belong to an order that was cancelled from its first row on"),
        "return_undated": (
            "ordered_at",
            "rows are returns without a time of their own, of an order that was bought",
        ),
    },
    "calendar": {"ends_before_starts": ("ends_on", "rows end before they start")},
    "places": {"coordinates_out_of_range": ("lat", "rows have a latitude or longitude that is nowhere on earth")},
}


def words_of(column: Column) -> Iterator[tuple[str, str]]:
    """Yield what can be wrong with a value of a column.

    Parameters
    ----------
    column : Column
        A column of any table.

    Yields
    ------
    tuple of (str, str)
        Reason, and the words that follow a number of rows.
    """
    what = _WORDS.get(column.name, column.name)
    a = f"{'an' if what[0] in 'aeiou' else 'a'} {what}"
    if column.kind == "flag":
        yield f"{column.name}_unreadable", f"rows say neither yes nor no in {column.name}"
        return
    yield f"{column.name}_missing", f"rows have no {what}"
    if column.kind in {"identifier", "word"}:
        yield f"{column.name}_unreadable", f"rows have {a} that is no whole number, or too large a one"
    elif column.kind in {"instant", "day"}:
        yield f"{column.name}_unreadable", f"rows have {a} that cannot be read"
        yield f"{column.name}_out_of_range", f"rows have {a} outside {FIRST_YEAR} to {LAST_YEAR}"
    else:
        yield f"{column.name}_unreadable", f"rows have {a} that is no number"
    if column.kind == "money":
        yield f"{column.name}_not_finite", f"rows have {a} that is NaN or infinite"
        yield f"{column.name}_too_large", f"rows have {a} of 100,000,000,000 or more"


def _reasons_of(table: Table) -> Reasons:
    found: dict[str, tuple[str | None, str]] = {"blank_line": (None, "rows are empty lines")}
    keys_first = sorted(table, key=lambda column: column.name != "customer_id")
    for column in keys_first:
        if not column.nullable or column.unreadable_costs_row:
            found |= {
                reason: (column.name, words)
                for reason, words in words_of(column)
                if not (column.nullable and reason.endswith("_missing"))
            }
    found |= _OF_TABLE.get(table.name, {})
    if "ordered_at" in table.names or "occurred_at" in table.names:
        at = "ordered_at" if "ordered_at" in table.names else "occurred_at"
        found["after_observed_until"] = (at, "rows lie at or after observed_until")
    return {**found, "duplicate_row": (None, "rows repeat an earlier row exactly")}


REASONS: Mapping[str, Reasons] = {table.name: _reasons_of(table) for table in (ORDERS, *OPTIONAL)}
"""The reasons of each table by its name, in the order in which they count."""
