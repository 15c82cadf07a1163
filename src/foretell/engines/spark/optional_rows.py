"""Rows of the tables beside orders, from Spark's batches to foretell's columns, by the reader of every engine."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from foretell.engines.spark.refusals import Refusals
from foretell.errors import DataError
from foretell.tables.bucketed import DIGEST
from foretell.tables.event_names import unknown_events
from foretell.tables.kept_columns import kept_of_optional
from foretell.tables.line_orders import missing_keys
from foretell.tables.mapping import TableMapping, map_columns
from foretell.tables.optional_checks import CHECKS, Circumstances
from foretell.tables.optional_reading import KEYS, TABLES, plan_optional
from foretell.tables.parse import ParsedTable, parse_columns
from foretell.tables.parsed import first_rows
from foretell.tables.source import Source
from foretell.tables.sources import OpenedSource
from foretell.tables.table_ledger import TableLedger

_UNSIGNED = pl.Decimal(20, 0)
"""What Spark makes of whole numbers without a sign in 64 bits."""


@dataclass(frozen=True)
class Unknown:
    """Events that foretell gives no meaning to.

    Parameters
    ----------
    rows : int
        How many.
    names : frozenset of int
        Digests of their names.
    where : tuple of int
        Numbers of the first three.
    """

    rows: int = 0
    names: frozenset[int] = frozenset()
    where: tuple[int, ...] = ()

    def plus(self, other: "Unknown", before: int) -> "Unknown":
        """Return both together.

        Parameters
        ----------
        other : Unknown
            Of later rows.
        before : int
            Rows before those that its numbers begin to count at.

        Returns
        -------
        Unknown
        """
        where = (*self.where, *(before + row for row in other.where))[:3]
        return Unknown(self.rows + other.rows, self.names | other.names, where)


@dataclass(frozen=True)
class OptionalReader:
    """How the rows of a source become one of the tables beside orders that are split by customer.

    Parameters
    ----------
    opened : OpenedSource
        Which columns there are, and how values are written.
    mapping : TableMapping
        The columns that are read.
    event_names : mapping of str to str
        The shop's own names of events.
    stable : tuple of str
        Attributes that were declared stable.
    observed_until : datetime or None
        First instant not observed, where it was stated.
    lines_later : bool
        Whether lines find their orders in a step of its own.
    """

    opened: OpenedSource
    mapping: TableMapping
    event_names: Mapping[str, str]
    stable: tuple[str, ...]
    observed_until: datetime | None
    lines_later: bool

    @classmethod
    def of(cls, job: Mapping[str, Any], rows: pl.DataFrame) -> "OptionalReader":
        """Settle how a source is read.

        Parameters
        ----------
        job : mapping
            ``table``, its name; ``source``, arguments as for `foretell.read_data`; ``time_zone``, ``observed_until``
            (ISO text or None), ``stable``, ``lines_later``.
        rows : polars.DataFrame
            Any rows of it, possibly none.

        Returns
        -------
        OptionalReader

        Raises
        ------
        DataError, ConfigError, TypeError
            As from `foretell.read_data`.
        """
        name, arguments, end = job["table"], job["source"], job["observed_until"]
        opened, wanted = plan_optional(name, Source(rows, **arguments), time_zone=job["time_zone"])
        mapping = map_columns(opened, TABLES[name], wanted, attributes=None)
        lacking = missing_keys(mapping.columns) if name == "order_lines" else ()
        if lacking:
            raise DataError(lacking, source=opened.title)
        later = bool(job["lines_later"]) and name == "order_lines" and "order_id" in mapping.columns
        return cls(
            opened,
            mapping,
            arguments.get("event_names") or {},
            tuple(job["stable"]),
            None if end is None else datetime.fromisoformat(end),
            later,
        )

    @property
    def title(self) -> str:
        """The source as messages call it."""
        return self.opened.title

    def ledger(self) -> TableLedger:
        """Return an empty account; lines that are placed later are late by the time that they are given there."""
        end = None if self.lines_later else self.observed_until
        return TableLedger(self.opened.table, end, self.opened.options.time_zone)

    def used(self, rows: pl.DataFrame, ledger: TableLedger, refusals: Refusals) -> tuple[pl.DataFrame, Unknown]:
        """Return the usable rows of a batch, and account for all of it.

        Parameters
        ----------
        rows : polars.DataFrame
            As they came.
        ledger : TableLedger
            Adds them up.
        refusals : Refusals
            Adds up what is wrong with them.

        Returns
        -------
        used : polars.DataFrame
            The columns that scoring may read, and `DIGEST`: equal where rows are.
        unknown : Unknown
            Events of no known name.
        """
        before, table = ledger.rows_in, TABLES[self.opened.table]
        rows = rows.with_columns(
            pl.col(name).cast(pl.Int64, strict=False) for name in self.stable if rows.schema.get(name) == _UNSIGNED
        )
        columns = parse_columns(rows, self.mapping, table, self.opened.options)
        refusals.add(columns, before)
        parsed = ParsedTable(table, self.opened.title, rows, columns, self.mapping.attributes, ())
        found = CHECKS[table.name](parsed, Circumstances(None, self.event_names, lines_later=self.lines_later))
        refusals.add_found(found.violations, before, found.doubtful)
        verdict = ledger.judge(rows, found.columns, found.masks)
        unknown = Unknown()
        if table.name == "events":
            unknown = _unknown(found.columns["event"].values, before)
        else:
            ledger.note(found.notes)
        used = ledger.usable(rows, found.columns, verdict, self.mapping.attributes)
        if table.name in KEYS:
            # Rows of one customer may be written in two ways and say the same.
            used = used.with_columns(used.drop("row_number", DIGEST).hash_rows(seed=0).alias(DIGEST))
        return used.select([*kept_of_optional(table.name, used.columns, self.stable), DIGEST]), unknown


def _unknown(events: pl.Series, before: int) -> Unknown:
    unknown = unknown_events(events) & events.is_not_null()
    if not unknown.any():
        return Unknown()
    names = frozenset(events.filter(unknown).unique().hash(seed=0).to_list())
    return Unknown(int(unknown.sum()), names, tuple(before + row for row in first_rows(unknown)))
