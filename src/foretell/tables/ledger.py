"""Orders accounted for batch by batch: sums of what `accounting` finds in all rows at once.

What is left out, and how a value is read, depends on one row each. What is refused, or noted, is a sum over all rows:
counts, first rows, currencies, days. Two kinds of finding cannot be summed from batches, and are left to others: a
column that a batch refuses may be fine as a whole (`suspects`), and rows that repeat an earlier one, order ids of
several customers and giant accounts take all rows of a customer together (`foretell.tables.bucket_checks`).
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import polars as pl

from foretell.errors import Violation
from foretell.tables.bucketed import DIGEST
from foretell.tables.checks import (
    currencies_found,
    currency_table,
    days_table,
    lonely_days,
)
from foretell.tables.dataset import QUARANTINE_SCHEMA, Note
from foretell.tables.datetimes import MIXED_ZONES, zone_notes
from foretell.tables.parsed import Parsed, first_rows
from foretell.tables.reasons import REASONS
from foretell.tables.verdict import Verdict, canonical, judge, left_out_note, nothing_left, row_masks

_TABLE = "orders"
_CURRENCIES: dict[str, pl.DataType | type[pl.DataType]] = {
    "code": pl.String,
    "rows": pl.UInt32,
    "first": pl.List(pl.Int64),
}
_DAYS = {"day": pl.Date, "rows": pl.UInt32}


class OrderLedger:
    """Adds up what became of the rows of a source.

    Parameters
    ----------
    observed_until : datetime or None
        First instant not observed, where it was stated.
    time_zone : str or None
        The shop's zone.
    """

    def __init__(self, observed_until: datetime | None, time_zone: str | None) -> None:
        self._end = observed_until
        self._time_zone = time_zone
        self._reasons: dict[str, tuple[int, tuple[int, ...]]] = {}
        self._notes: dict[str, dict[str, Note]] = {}
        self._quarantine: list[pl.DataFrame] = [pl.DataFrame(schema=QUARANTINE_SCHEMA)]
        self._currencies: list[pl.DataFrame] = []
        self._days: list[pl.DataFrame] = []
        self._zones = {"aware": 0, "naive": 0}
        self.suspects: set[str] = set()
        self.late = 0
        self.rows_in = 0
        self.used = 0
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
            The usable rows: ``row_number``, the columns of the orders table, and `DIGEST`.
        """
        before = self.rows_in
        self.rows_in += rows.height
        self.suspects |= {name for name, column in parsed.items() if column.refusals}
        masks = row_masks(rows, parsed, key="customer_id")
        at = parsed["ordered_at"].values
        if self._end is not None:
            masks["after_observed_until"] = (at >= self._end).fill_null(value=False)
            self.late += int(masks["after_observed_until"].sum())
        verdict = judge(_TABLE, rows.height, masks)
        self._add_verdict(verdict, before)
        for name, column in parsed.items():
            self._add_notes(name, column.notes)
        for kind, count in parsed["ordered_at"].tallies.items():
            self._zones[kind] += count
        if "currency" in parsed:
            used = pl.select(pl.when(verdict.usable).then(parsed["currency"].values)).to_series()
            self._currencies.append(currency_table(used, rows_before=before))
        orders = canonical(rows, parsed, ()).with_columns(
            pl.col("row_number") + pl.lit(before, pl.UInt32), rows.hash_rows(seed=0).alias(DIGEST)
        )
        if verdict.counts:
            orders = orders.filter(verdict.usable)
        self._add_used(orders["ordered_at"])
        return orders

    def state(self) -> dict[str, Any]:
        """Return what was added up as plain values for JSON; rows left out are in `quarantine`.

        Returns
        -------
        dict
            For `absorb`.
        """
        return {
            "reasons": {reason: [count, list(where)] for reason, (count, where) in self._reasons.items()},
            "notes": {name: [vars(note) for note in notes.values()] for name, notes in self._notes.items()},
            "currencies": [table.to_dicts() for table in self._currencies],
            "days": [[day.isoformat(), rows] for table in self._days for day, rows in table.drop_nulls().rows()],
            "zones": dict(self._zones),
            "suspects": sorted(self.suspects),
            "late": self.late,
            "rows_in": self.rows_in,
            "used": self.used,
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
        for reason, (count, where) in state["reasons"].items():
            known, earlier = self._reasons.get(reason, (0, ()))
            self._reasons[reason] = (known + count, (*earlier, *(before + row for row in where))[:3])
        for name, notes in state["notes"].items():
            self._add_notes(name, [Note(**note) for note in notes])
        for rows in state["currencies"]:
            shifted = [{**row, "first": [before + number for number in row["first"]]} for row in rows]
            self._currencies.append(pl.DataFrame(shifted, schema=_CURRENCIES))
        days = [(date.fromisoformat(day), rows) for day, rows in state["days"]]
        self._days.append(pl.DataFrame(days, schema=_DAYS, orient="row"))
        for kind, count in state["zones"].items():
            self._zones[kind] += count
        self.suspects |= set(state["suspects"])
        self.late += state["late"]
        self.rows_in += state["rows_in"]
        self.used += state["used"]
        if state["last"] is not None:
            last = datetime.fromisoformat(state["last"])
            self.last = last if self.last is None else max(self.last, last)
        if quarantine is not None:
            self._quarantine.append(quarantine.with_columns(pl.col("row_number") + pl.lit(before, pl.UInt32)))

    def reasons(self) -> dict[str, int]:
        """Return how many rows are left out by reason, in the order in which reasons count."""
        return self._counts()

    def currencies(self) -> tuple[Violation, ...]:
        """Return the refusal of more than one currency."""
        return currencies_found(pl.concat(self._currencies)) if self._currencies else ()

    def nothing_left(self) -> Violation:
        """Return the refusal of a source of which no row can be used."""
        return nothing_left(_TABLE, self.rows_in, self._counts())

    def mostly_late(self) -> bool:
        """Say whether more than half of the rows lie at or after the stated end of observation."""
        return 2 * self.late > self.rows_in

    def notes(self) -> list[Note]:
        """Return the notes of columns, then those of rows left out."""
        found: list[Note] = []
        for name, notes in self._notes.items():
            found += [note for code, note in notes.items() if code != MIXED_ZONES]
            if name == "ordered_at":
                found += zone_notes(**self._zones, time_zone=self._time_zone)
        counts = self._counts()
        return found + [left_out_note(_TABLE, reason, counts[reason], self._reasons[reason][1]) for reason in counts]

    def lonely_days(self) -> tuple[Note, ...]:
        """Return the notes of a first or last day far from all others."""
        return lonely_days(pl.concat(self._days)) if self._days else ()

    def leave_out(self, reason: str, row_numbers: pl.Series, days: pl.DataFrame) -> None:
        """Leave out rows that were taken for usable.

        Parameters
        ----------
        reason : str
            One of the table's.
        row_numbers : polars.Series
            UInt32, sorted.
        days : polars.DataFrame
            Days of the rows that are left, as from `foretell.tables.checks.days_table`.
        """
        column = REASONS[_TABLE][reason][0]
        self._quarantine.append(
            row_numbers.alias("row_number").to_frame().select(
                "row_number",
                table=pl.lit(_TABLE),
                column=pl.lit(column, pl.String),
                reason=pl.lit(reason),
            ).cast(pl.Schema(QUARANTINE_SCHEMA))
        )  # fmt: skip
        self._reasons[reason] = (row_numbers.len(), tuple(row_numbers.head(3).to_list()))
        self.used -= row_numbers.len()
        self._days = [days]

    def quarantine(self) -> pl.DataFrame:
        """Return the rows left out, in source order."""
        return pl.concat(self._quarantine).sort("row_number")

    def _counts(self) -> dict[str, int]:
        return {reason: self._reasons[reason][0] for reason in REASONS[_TABLE] if reason in self._reasons}

    def _add_verdict(self, verdict: Verdict, before: int) -> None:
        for reason, count in verdict.counts.items():
            known, where = self._reasons.get(reason, (0, ()))
            if len(where) < 3:
                here = first_rows((verdict.reason == reason).fill_null(value=False))
                where = (*where, *(before + row for row in here))[:3]
            self._reasons[reason] = (known + count, where)
        if verdict.counts:
            numbered = verdict.quarantine().with_columns(pl.col("row_number") + pl.lit(before, pl.UInt32))
            self._quarantine.append(numbered)

    def _add_notes(self, column: str, notes: Sequence[Note]) -> None:
        of_column = self._notes.setdefault(column, {})
        for note in notes:
            known = of_column.get(note.code)
            of_column[note.code] = note if known is None else known.counted(known.count + note.count)

    def _add_used(self, ordered_at: pl.Series) -> None:
        self.used += ordered_at.len()
        last = ordered_at.max()
        if isinstance(last, datetime):
            self.last = last if self.last is None else max(self.last, last)
        self._days.append(days_table(ordered_at))
