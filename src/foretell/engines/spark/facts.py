"""What became of every source row, added up over the partitions of a source."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from foretell.engines.spark.rows import OrdersReader, gathered, sent
from foretell.errors import DataError, Violation
from foretell.tables.bucketed import DIGEST
from foretell.tables.checks import observed_until_violations
from foretell.tables.dataset import Note
from foretell.tables.ledger import OrderLedger
from foretell.tables.parsed import Parsed, most

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
    from pyspark import TaskContext

    given = dict(source)
    cutoff = datetime.fromisoformat(given.pop("as_of"))
    reader: OrdersReader | None = None
    ledger = OrderLedger(None, None)
    refusals: list[dict[str, Any]] = []
    unusable: dict[str, int] = {}
    later, content = 0, np.uint64(0)
    seen: list[datetime] = []
    for rows in gathered(batches):
        if reader is None:
            reader = OrdersReader.of(given, rows)
            ledger = reader.ledger()
        parsed = reader.parsed(rows)
        for name, column in parsed.items():
            lost = _unusable(column)
            unusable[name] = unusable.get(name, 0) + int(lost.sum())
            by_share = most(lost)
            refusals += [{"name": name, "by_share": by_share, **_plain(found)} for found in column.refusals]
        used = ledger.add(rows, parsed)
        before = used["ordered_at"].filter(used["ordered_at"] < cutoff)
        later += used.height - before.len()
        seen += [at for at in (before.min(), before.max()) if isinstance(at, datetime)]
        # Sums of arrays of 64 bits go round where those of single numbers would warn.
        content = np.array([content, used[DIGEST].to_numpy().sum(dtype=np.uint64)]).sum(dtype=np.uint64)
    if reader is None:
        return
    context = TaskContext.get()
    facts = {
        "ledger": ledger.state(),
        "refusals": refusals,
        "unusable": unusable,
        "later": later,
        "content": int(content),
        "seen": [at.isoformat() for at in (min(seen), max(seen))] if seen else [],
    }
    row = {
        "partition": context.partitionId() if context is not None else 0,
        "facts": json.dumps(facts),
    }
    yield from sent(pl.DataFrame([row], schema={"partition": pl.Int32, "facts": pl.String}))


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
    ledger = reader.ledger()
    told = sorted(found.to_pylist(), key=lambda row: row["partition"])
    refusals: dict[tuple[str, str], tuple[bool, Violation]] = {}
    unusable: dict[str, int] = {}
    later = content = 0
    seen: list[datetime] = []
    for row in told:
        facts, start = json.loads(row["facts"]), ledger.rows_in
        # Rows left out are counted, not listed: there may be more of them than a driver holds.
        ledger.absorb(facts["ledger"])
        later += facts["later"]
        seen += [datetime.fromisoformat(at) for at in facts["seen"]]
        content = (content + facts["content"]) % 2**64
        for name, count in facts["unusable"].items():
            unusable[name] = unusable.get(name, 0) + count
        _add_refusals(refusals, facts["refusals"], start)
    if not ledger.rows_in:
        rule, remedy = "there are column names and no row", "Check what the frame was read from."
        raise DataError([Violation("orders", None, rule, 0, remedy=remedy)], source=reader.plan.opened.title)
    violations = [
        replace(violation, count=unusable[name]) if by_share else violation
        for (name, _), (by_share, violation) in refusals.items()
        # A share above one half of all rows is one in some batch too, but not the other way round.
        if not by_share or 2 * unusable[name] > ledger.rows_in
    ]
    if reader.plan.observed_until is not None and ledger.mostly_late():
        late = pl.repeat(value=True, n=ledger.late, eager=True)
        violations += observed_until_violations(late, reader.plan.observed_until)
    violations += ledger.currencies()
    if not violations and not ledger.used:
        violations.append(ledger.nothing_left())
    if violations:
        raise DataError(violations, source=reader.plan.opened.title)
    return SourceFacts(ledger, later, content, min(seen, default=None), max(seen, default=None))


def _unusable(column: Parsed) -> pl.Series:
    """Rows whose value is there and cannot be used."""
    lost = pl.repeat(value=False, n=column.values.len(), eager=True)
    for reason, mask in column.unusable:
        if not reason.endswith("_missing"):
            lost |= mask
    return lost


def _plain(violation: Violation) -> dict[str, Any]:
    return {**vars(violation), "rows": list(violation.rows)}


def _add_refusals(
    refusals: dict[tuple[str, str], tuple[bool, Violation]], found: Iterable[Mapping[str, Any]], before: int
) -> None:
    for told in found:
        given = dict(told)
        name, by_share = given.pop("name"), given.pop("by_share")
        rows = tuple(before + row for row in given.pop("rows"))
        key = (name, "" if by_share else given["rule"])
        if key in refusals:
            known = refusals[key][1]
            merged = replace(known, count=known.count + given["count"], rows=(*known.rows, *rows)[:3])
            refusals[key] = (by_share, merged)
        else:
            refusals[key] = (by_share, Violation(**given, rows=rows))
