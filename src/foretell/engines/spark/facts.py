"""What became of every source row, added up over the partitions of a source."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from foretell.engines.spark.refusals import Refusals
from foretell.engines.spark.rows import OrdersReader, gathered, sent
from foretell.errors import DataError, Violation
from foretell.tables.bucketed import DIGEST
from foretell.tables.checks import observed_until_violations
from foretell.tables.dataset import Note
from foretell.tables.ledger import OrderLedger
from foretell.tables.table_ledger import TableLedger

if TYPE_CHECKING:
    import pyarrow as pa

FACTS_SCHEMA = "partition int, facts string"
"""Columns of what `partition_facts` tells, as Spark writes types."""


@dataclass(frozen=True)
class SourceFacts:
    """What was found in the rows of a source.

    Parameters
    ----------
    ledger : OrderLedger
        Sums over all partitions.
    at_or_after_as_of : int
        Usable rows that scoring does not see.
    content : int
        Sum of the digests of all usable rows, modulo 2⁶⁴: the same rows give the same number in any order.
    first_seen, last_seen : datetime or None
        Instants of the first and the last usable row before the cutoff; None without one.
    """

    ledger: OrderLedger
    at_or_after_as_of: int
    content: int
    first_seen: datetime | None = None
    last_seen: datetime | None = None

    @property
    def notes(self) -> tuple[Note, ...]:
        """What stops nothing and should be known."""
        return (*self.ledger.notes(), *self.ledger.lonely_days())


def partition_facts(batches: "Iterator[pa.RecordBatch]", source: Mapping[str, Any]) -> "Iterator[pa.RecordBatch]":
    """Account for the rows of one partition.

    Parameters
    ----------
    batches : iterator of pyarrow.RecordBatch
        Rows of orders as the source has them.
    source : mapping
        As for `OrdersReader.of`, with ``as_of`` beside.

    Yields
    ------
    pyarrow.RecordBatch
        One row of `FACTS_SCHEMA`; none where the partition is empty.
    """
    given = dict(source)
    cutoff = datetime.fromisoformat(given.pop("as_of"))
    reader: OrdersReader | None = None
    ledger = OrderLedger(None, None)
    refusals = Refusals()
    later = content = 0
    seen: list[datetime] = []
    for rows in gathered(batches):
        if reader is None:
            reader = OrdersReader.of(given, rows)
            ledger = reader.ledger()
        parsed = reader.parsed(rows)
        refusals.add(parsed, ledger.rows_in)
        used = ledger.add(rows, parsed)
        before = used["ordered_at"].filter(used["ordered_at"] < cutoff)
        later += used.height - before.len()
        seen += [at for at in (before.min(), before.max()) if isinstance(at, datetime)]
        content = content_of(used, content)
    if reader is None:
        return
    facts = {
        "ledger": ledger.state(),
        "refusals": refusals.state(),
        "later": later,
        "content": content,
        "seen": [at.isoformat() for at in (min(seen), max(seen))] if seen else [],
    }
    row = {"partition": partition_number(), "facts": json.dumps(facts)}
    yield from sent(pl.DataFrame([row], schema={"partition": pl.Int32, "facts": pl.String}))


def partition_number() -> int:
    """Return which partition the running task has, 0 outside of one."""
    from pyspark import TaskContext

    context = TaskContext.get()
    return 0 if context is None else context.partitionId()


def content_of(used: pl.DataFrame, before: int = 0) -> int:
    """Add the digests of rows to a sum that does not depend on their order.

    Parameters
    ----------
    used : polars.DataFrame
        With `DIGEST`.
    before : int
        The sum so far.

    Returns
    -------
    int
        Modulo 2⁶⁴.
    """
    # Sums of arrays of 64 bits go round where those of single numbers would warn.
    return (before + int(used[DIGEST].to_numpy().sum(dtype=np.uint64))) % 2**64


def add_facts(found: "pa.Table", reader: OrdersReader) -> SourceFacts:
    """Add up what the partitions told, and refuse what a reader of all rows refuses.

    Parameters
    ----------
    found : pyarrow.Table
        As from `partition_facts`, of all partitions.
    reader : OrdersReader
        How the source is read.

    Returns
    -------
    SourceFacts
        Row numbers count through the partitions in their order.

    Raises
    ------
    DataError
        If what the source holds cannot be trusted; all problems at once.
    """
    ledger, refusals = reader.ledger(), Refusals()
    later = content = 0
    seen: list[datetime] = []
    for row in sorted(found.to_pylist(), key=lambda row: row["partition"]):
        facts = json.loads(row["facts"])
        refusals.absorb(facts["refusals"], ledger.rows_in)
        # Rows left out are counted, not listed: there may be more of them than a driver holds.
        ledger.absorb(facts["ledger"])
        later += facts["later"]
        seen += [datetime.fromisoformat(at) for at in facts["seen"]]
        content = (content + facts["content"]) % 2**64
    require_sound(ledger, refusals, reader.plan.observed_until, title=reader.plan.opened.title)
    return SourceFacts(ledger, later, content, min(seen, default=None), max(seen, default=None))


def require_sound(ledger: TableLedger, refusals: Refusals, observed_until: datetime | None, *, title: str) -> None:
    """Refuse what a reader of all rows of a table refuses.

    Parameters
    ----------
    ledger : TableLedger
        The account of all rows.
    refusals : Refusals
        Of its columns.
    observed_until : datetime or None
        First instant not observed, where it was stated.
    title : str
        The source as messages call it.

    Raises
    ------
    DataError
        If what the source holds cannot be trusted; all problems at once.
    """
    if not ledger.rows_in:
        rule, remedy = "there are column names and no row", "Check what the frame was read from."
        raise DataError([Violation(ledger.table, None, rule, 0, remedy=remedy)], source=title)
    violations = refusals.standing(ledger.rows_in)
    if observed_until is not None and ledger.mostly_late():
        at = "occurred_at" if ledger.table == "events" else "ordered_at"
        late = observed_until_violations(pl.repeat(value=True, n=ledger.late, eager=True), observed_until)
        violations += [replace(violation, table=ledger.table, column=at) for violation in late]
    if isinstance(ledger, OrderLedger):
        violations += ledger.currencies()
    if not violations and not ledger.used:
        violations.append(ledger.nothing_left())
    if violations:
        raise DataError(violations, source=title)
