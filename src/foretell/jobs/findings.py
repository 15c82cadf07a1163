"""What a job found in the data that stops nothing but should be known."""

from datetime import datetime
from typing import Protocol

from foretell.tables.dataset import CustomerData, Note


class Account(Protocol):
    """What became of source rows, counted; a `RowAccount` lists those left out as well."""

    def reasons(self) -> dict[str, int]:
        """Return each reason for which rows were left out with their number."""

    def table_lines(self) -> list[str]:
        """Return a line of text for each table; nothing where there are orders only."""


def notes_at(data: CustomerData, cutoff: datetime) -> tuple[Note, ...]:
    """Return what stops nothing and should be known: reading's notes, and orders that end before the cutoff.

    Parameters
    ----------
    data : CustomerData
        The shop's rows, uncut.
    cutoff : datetime
        First instant that is not seen.

    Returns
    -------
    tuple of Note
        Without any value from the data.
    """
    days = (cutoff - data.observed_until).days
    if data.observed_until_given or days < 1:
        return data.report.notes
    text = (
        f"The orders end {days:,} days before as_of {cutoff:%Y-%m-%d}: whoever bought since then is taken for silent. "
        "Read newer orders, or set observed_until if there were none."
    )
    return (*data.report.notes, Note("stale", days, text))


def finding_lines(account: Account, notes: tuple[Note, ...]) -> list[str]:
    """Return rows by table, rows left out, by reason, and notes, line by line; nothing where all is well.

    Parameters
    ----------
    account : Account
        What became of every source row.
    notes : tuple of Note
        As from `notes_at`.

    Returns
    -------
    list of str
        Lines of text.
    """
    reasons = account.reasons().items()
    return [
        *account.table_lines(),
        *(f"  quarantined: {reason} {count:,}" for reason, count in reasons),
        *(f"note: {note.sentence} [{note.count:,}]" for note in notes),
    ]
