"""Orders accounted for batch by batch: sums of what `accounting` finds in all rows at once.

What is left out, and how a value is read, depends on one row each. What is refused, or noted, is a sum over all rows:
counts, first rows, currencies, days. Two kinds of finding cannot be summed from batches, and are left to others: a
column that a batch refuses may be fine as a whole (`suspects`), and rows that repeat an earlier one, order ids of
several customers and giant accounts take all rows of a customer together (`foretell.tables.bucket_checks`).
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import polars as pl

from foretell.errors import Violation
from foretell.tables.checks import currencies_found, currency_table
from foretell.tables.dataset import Note
from foretell.tables.order_days import days_table, notes_of_days
from foretell.tables.parsed import Parsed
from foretell.tables.table_ledger import TableLedger

_CURRENCIES: dict[str, pl.DataType | type[pl.DataType]] = {
    "code": pl.String,
    "rows": pl.UInt32,
    "first": pl.List(pl.Int64),
}
_DAYS = {"day": pl.Date, "rows": pl.UInt32}


class OrderLedger(TableLedger):
    """Adds up what became of the rows of a source of orders.

    Parameters
    ----------
    observed_until : datetime or None
        First instant not observed, where it was stated.
    time_zone : str or None
        The shop's zone.
    """

    def __init__(self, observed_until: datetime | None, time_zone: str | None) -> None:
        super().__init__("orders", observed_until, time_zone)
        self._currencies: list[pl.DataFrame] = []
        self._days: list[pl.DataFrame] = []
        self.last: datetime | None = None

    def add(self, rows: pl.DataFrame, parsed: Mapping[str, Parsed]) -> pl.DataFrame:
        """Account for one batch.

        Parameters
        ----------
        rows : polars.DataFrame
            The next rows of the source.
        parsed : mapping of str to Parsed
            Their columns.

        Returns
        -------
        polars.DataFrame
            The usable rows: ``row_number``, the columns of the orders table, and a digest of each row.
        """
        before = self.rows_in
        verdict = self.judge(rows, parsed)
        if "currency" in parsed:
            used = pl.select(pl.when(verdict.usable).then(parsed["currency"].values)).to_series()
            self._currencies.append(currency_table(used, rows_before=before))
        orders = self.usable(rows, parsed, verdict)
        last = orders["ordered_at"].max()
        if isinstance(last, datetime):
            self.last = last if self.last is None else max(self.last, last)
        self._days.append(days_table(orders["ordered_at"]))
        return orders

    def state(self) -> dict[str, Any]:
        """Return what was added up as plain values for JSON; rows left out are in `quarantine`.

        Returns
        -------
        dict
            For `absorb`.
        """
        return {
            **super().state(),
            "currencies": [table.to_dicts() for table in self._currencies],
            "days": [[day.isoformat(), rows] for table in self._days for day, rows in table.drop_nulls().rows()],
            "last": None if self.last is None else self.last.isoformat(),
        }

    def absorb(self, state: Mapping[str, Any], quarantine: pl.DataFrame | None = None) -> None:
        """Add what another ledger found in the rows that come after those added so far.

        Parameters
        ----------
        state : mapping
            As from `state`.
        quarantine : polars.DataFrame or None
            As from `quarantine`; None where rows left out are only counted.
        """
        before = self.rows_in
        super().absorb(state, quarantine)
        for rows in state["currencies"]:
            shifted = [{**row, "first": [before + number for number in row["first"]]} for row in rows]
            self._currencies.append(pl.DataFrame(shifted, schema=_CURRENCIES))
        days = [(date.fromisoformat(day), rows) for day, rows in state["days"]]
        self._days.append(pl.DataFrame(days, schema=_DAYS, orient="row"))
        if state["last"] is not None:
            last = datetime.fromisoformat(state["last"])
            self.last = last if self.last is None else max(self.last, last)

    def currencies(self) -> tuple[Violation, ...]:
        """Return the refusal of more than one currency."""
        return currencies_found(pl.concat(self._currencies)) if self._currencies else ()

    def day_notes(self) -> tuple[Note, ...]:
        """Return the notes of days far from all others, and of stretches without any."""
        return notes_of_days(pl.concat(self._days)) if self._days else ()

    def leave_out_repeats(self, row_numbers: pl.Series, days: pl.DataFrame) -> None:
        """Leave out rows that were taken for usable, for repeating an earlier one.

        Parameters
        ----------
        row_numbers : polars.Series
            UInt32, sorted.
        days : polars.DataFrame
            Days of the rows that are left, as from `foretell.tables.order_days.days_table`.
        """
        self.quarantine_more(row_numbers, "duplicate_row")
        self.leave_out("duplicate_row", row_numbers.len(), row_numbers.head(3).to_list())
        self._days = [days]
