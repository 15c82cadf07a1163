"""Small tables for a notebook's cell, and a data set told in them: counts and days, never a customer."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from foretell.tables.dataset import CustomerData

_MOST_REASONS = 10


def html_table(rows: Iterable[Sequence[str]], *, head: bool = False) -> str:
    """Write rows as an HTML table, every cell escaped, style left to the page.

    Parameters
    ----------
    rows : iterable of sequence of str
        Cells by row.
    head : bool
        Whether the first row is a heading.

    Returns
    -------
    str
        One ``table`` element.
    """
    lines = []
    for number, row in enumerate(rows):
        tag = "th" if head and not number else "td"
        lines.append("<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in row) + "</tr>")
    return f"<table>{''.join(lines)}</table>"


def data_html(data: "CustomerData") -> str:
    """Return a data set as HTML for a notebook's cell.

    Parameters
    ----------
    data : CustomerData
        The shop's rows.

    Returns
    -------
    str
        What is there, what became of every row read, and what was noted: names of columns and numbers, no value of
        a row, all escaped.
    """
    seen = data.orders.select(
        rows=pl.len(), customers=pl.col("customer_id").n_unique(), first=pl.min("ordered_at"), last=pl.max("ordered_at")
    )
    rows, customers, first, last = seen.collect().row(0)
    facts = [
        ("order rows", f"{rows:,}"),
        ("customers", f"{customers:,}"),
        ("orders from, to", "none" if first is None else f"{first.date()} to {last.date()}"),
        ("observed until", str(data.observed_until).removesuffix(" 00:00:00")),
        ("money", "yes" if data.has_amount else "no: only orders are counted"),
        ("other tables", ", ".join(data.optional.names) or "none"),
    ]
    parts = ["<b>foretell data</b>", html_table(facts)]
    accounts = {"orders": data.report, **data.report.tables}
    if any(account.rows_in for account in accounts.values()):
        told = [
            (name, f"{one.rows_in:,}", f"{one.rows_used:,}", f"{one.rows_quarantined:,}")
            for name, one in accounts.items()
        ]
        parts.append(html_table([("as read", "rows in", "used", "left out"), *told], head=True))
    reasons = (
        data.quarantine.group_by("table", "column", "reason")
        .len("rows")
        .sort("rows", "table", "reason", "column", descending=[True, False, False, False])
    )
    if not reasons.is_empty():
        left = [(table or "", column or "", why, f"{n:,}") for table, column, why, n in reasons.rows()[:_MOST_REASONS]]
        parts.append(html_table([("left out of", "column", "reason", "rows"), *left], head=True))
    notes = [note.sentence for account in accounts.values() for note in account.notes]
    if notes:
        parts.append("<ul>" + "".join(f"<li>{escape(note)}</li>" for note in notes) + "</ul>")
    return f"<div>{''.join(parts)}</div>"
