"""Rows of one table accounted for batch by batch: what is used, what is left out and why, what should be known."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import polars as pl

from foretell.errors import Violation
from foretell.tables.bucketed import DIGEST
from foretell.tables.dataset import QUARANTINE_SCHEMA, Note
from foretell.tables.datetimes import MIXED_ZONES, zone_notes
from foretell.tables.parsed import Parsed, first_rows
from foretell.tables.reasons import REASONS
from foretell.tables.verdict import Verdict, canonical, judge, left_out_note, nothing_left, row_masks

OF_TABLE = ""
"""Name under which notes are kept that are of no single column."""


class TableLedger:
    """Adds up what became of the rows of a source.

    Parameters
    ----------
    table : str
        Which table they are to become.
    observed_until : datetime or None
        First instant not observed, where it was stated.
    time_zone : str or None
        The shop's zone.
    """

    def __init__(self, table: str, observed_until: datetime | None, time_zone: str | None) -> None:
        self.table = table
        self._end = observed_until
        self._time_zone = time_zone
        self._reasons: dict[str, tuple[int, tuple[int, ...]]] = {}
        self._notes: dict[str, dict[str, Note]] = {}
        self._quarantine: list[pl.DataFrame] = [pl.DataFrame(schema=QUARANTINE_SCHEMA)]
        self._zones: dict[str, dict[str, int]] = {}
        self.suspects: set[str] = set()
        self.late = 0
        self.rows_in = 0
        self.used = 0

    def judge(
        self, rows: pl.DataFrame, parsed: Mapping[str, Parsed], masks: Mapping[str, pl.Series] | None = None
    ) -> Verdict:
        """Account for one batch.

        Parameters
        ----------
        rows : polars.DataFrame
            The next rows of the source.
        parsed : mapping of str to Parsed
            Their columns.
        masks : mapping of str to polars.Series
            Boolean mask by reason of rows that are left out for more than one column.

        Returns
        -------
        Verdict
            Which of them are used.
        """
        before = self.rows_in
        self.rows_in += rows.height
        self.suspects |= {name for name, column in parsed.items() if column.refusals}
        found = {**row_masks(rows, parsed, key="customer_id"), **(masks or {})}
        at = next((name for name in ("ordered_at", "occurred_at") if name in parsed), None)
        if at is not None and self._end is not None:
            found["after_observed_until"] = (parsed[at].values >= self._end).fill_null(value=False)
            self.late += int(found["after_observed_until"].sum())
        verdict = judge(self.table, rows.height, found)
        self._add_verdict(verdict, before)
        for name, column in parsed.items():
            self.note(column.notes, name)
            zones = self._zones.setdefault(name, {"aware": 0, "naive": 0})
            for kind, count in column.tallies.items():
                zones[kind] += count
        self.used += rows.height - sum(verdict.counts.values())
        return verdict

    def usable(
        self, rows: pl.DataFrame, parsed: Mapping[str, Parsed], verdict: Verdict, attributes: Sequence[str] = ()
    ) -> pl.DataFrame:
        """Return the usable rows of the batch that was judged last.

        Parameters
        ----------
        rows, parsed
            As judged.
        verdict : Verdict
            What was said of them.
        attributes : sequence of str
            Further columns to keep.

        Returns
        -------
        polars.DataFrame
            ``row_number``, the columns of the table, the attributes and `DIGEST`.
        """
        before = self.rows_in - rows.height
        found = canonical(rows, parsed, attributes).with_columns(
            pl.col("row_number") + pl.lit(before, pl.UInt32), rows.hash_rows(seed=0).alias(DIGEST)
        )
        return found.filter(verdict.usable) if verdict.counts else found

    def note(self, notes: Sequence[Note], column: str = OF_TABLE) -> None:
        """Add what should be known.

        Parameters
        ----------
        notes : sequence of Note
            Of a batch; the rows of notes of one kind are added up.
        column : str
            Column that they are about.
        """
        of_column = self._notes.setdefault(column, {})
        for note in notes:
            known = of_column.get(note.code)
            of_column[note.code] = note if known is None else known.counted(known.count + note.count)

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
            "zones": self._zones,
            "suspects": sorted(self.suspects),
            "late": self.late,
            "rows_in": self.rows_in,
            "used": self.used,
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
            self.note([Note(**note) for note in notes], name)
        for name, zones in state["zones"].items():
            mine = self._zones.setdefault(name, {"aware": 0, "naive": 0})
            for kind, count in zones.items():
                mine[kind] += count
        self.suspects |= set(state["suspects"])
        self.late += state["late"]
        self.rows_in += state["rows_in"]
        self.used += state["used"]
        if quarantine is not None:
            self._quarantine.append(quarantine.with_columns(pl.col("row_number") + pl.lit(before, pl.UInt32)))

    def leave_out(self, reason: str, rows: int, where: Sequence[int] = ()) -> None:
        """Leave out rows that were taken for usable.

        Parameters
        ----------
        reason : str
            One of the table's.
        rows : int
            How many; none changes nothing.
        where : sequence of int
            Numbers of the first, where they are known.
        """
        if rows:
            known, earlier = self._reasons.get(reason, (0, ()))
            self._reasons[reason] = (known + rows, (*earlier, *where)[:3])
            self.used -= rows

    def reasons(self) -> dict[str, int]:
        """Return how many rows are left out by reason, in the order in which reasons count."""
        return {reason: self._reasons[reason][0] for reason in REASONS[self.table] if reason in self._reasons}

    def nothing_left(self) -> Violation:
        """Return the refusal of a source of which no row can be used."""
        return nothing_left(self.table, self.rows_in, self.reasons())

    def mostly_late(self) -> bool:
        """Say whether more than half of the rows lie at or after the stated end of observation."""
        return 2 * self.late > self.rows_in

    def notes(self) -> list[Note]:
        """Return the notes of columns, then those of rows left out."""
        found: list[Note] = []
        for name, notes in self._notes.items():
            found += [note for code, note in notes.items() if code != MIXED_ZONES]
            if name in self._zones:
                found += zone_notes(**self._zones[name], time_zone=self._time_zone)
        counts = self.reasons()
        return found + [
            left_out_note(self.table, reason, counts[reason], self._reasons[reason][1]) for reason in counts
        ]

    def quarantine(self) -> pl.DataFrame:
        """Return the rows left out, in source order."""
        return pl.concat(self._quarantine).sort("row_number")

    def quarantine_more(self, row_numbers: pl.Series, reason: str) -> None:
        """Add rows to those left out.

        Parameters
        ----------
        row_numbers : polars.Series
            UInt32.
        reason : str
            One of the table's.
        """
        column = REASONS[self.table][reason][0]
        self._quarantine.append(
            row_numbers.alias("row_number").to_frame().select(
                "row_number",
                table=pl.lit(self.table),
                column=pl.lit(column, pl.String),
                reason=pl.lit(reason),
            ).cast(pl.Schema(QUARANTINE_SCHEMA))
        )  # fmt: skip

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
