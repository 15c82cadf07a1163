"""The rows of one partition of a source, read once: usable rows as packages, and the account of all of them."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from foretell.engines.spark.facts import content_of, partition_number, require_sound
from foretell.engines.spark.optional_rows import OptionalReader, Unknown
from foretell.engines.spark.payloads import whole
from foretell.engines.spark.refusals import Refusals
from foretell.engines.spark.rows import OrdersReader, gathered
from foretell.tables.bucketed import DIGEST
from foretell.tables.kept_columns import kept_of_orders
from foretell.tables.ledger import OrderLedger
from foretell.tables.table_ledger import TableLedger

if TYPE_CHECKING:
    import pyarrow as pa

READ = "payload binary, facts string"
"""Columns of what `read_rows` tells, as Spark writes types."""

_WHEN = {"orders": "ordered_at", "events": "occurred_at", "customers": "signed_up_at"}


@dataclass
class Account:
    """What became of the rows of one table.

    Parameters
    ----------
    ledger : TableLedger
        Rows used and left out.
    refusals : Refusals
        What is wrong with its columns.
    content : int
        Sum of the digests of usable rows, modulo 2⁶⁴: the same rows give the same number in any order.
    unknown : Unknown
        Events of no known name.
    first, last : datetime or None
        Instants of the first and the last usable row before the cutoff; None without one, or without a time.
    """

    ledger: TableLedger
    refusals: Refusals = field(default_factory=Refusals)
    content: int = 0
    unknown: Unknown = field(default_factory=Unknown)
    first: datetime | None = None
    last: datetime | None = None

    def absorb(self, told: "list[str]") -> None:
        """Add what the partitions told.

        Parameters
        ----------
        told : list of str
            JSON, as from `read_rows`; row numbers count through the partitions in their order.
        """
        for facts in sorted(map(json.loads, told), key=lambda facts: facts["partition"]):
            before = self.ledger.rows_in
            self.refusals.absorb(facts["refusals"], before)
            # Rows left out are counted, not listed: there may be more of them than a driver holds.
            self.ledger.absorb(facts["ledger"])
            self.see([datetime.fromisoformat(at) for at in facts["seen"]])
            self.content = (self.content + facts["content"]) % 2**64
            rows, names, where = facts["unknown"]
            self.unknown = self.unknown.plus(Unknown(rows, frozenset(names), tuple(where)), before)

    def see(self, instants: Iterable[Any]) -> None:
        """Take up when rows before the cutoff were.

        Parameters
        ----------
        instants : iterable of (datetime or None)
            First and last among them; None says nothing.
        """
        seen = [at for at in (*instants, self.first, self.last) if isinstance(at, datetime)]
        self.first, self.last = min(seen, default=None), max(seen, default=None)

    def require_sound(self, observed_until: datetime | None, *, title: str) -> None:
        """Refuse what a reader of all rows of the table refuses.

        Parameters
        ----------
        observed_until : datetime or None
            First instant not observed, where it was stated.
        title : str
            The source as messages call it.

        Raises
        ------
        DataError
            If what the source holds cannot be trusted.
        """
        require_sound(self.ledger, self.refusals, observed_until, title=title)

    def facts(self) -> str:
        """Return it as JSON, for `absorb`."""
        facts = {
            "partition": partition_number(),
            "ledger": self.ledger.state(),
            "refusals": self.refusals.state(),
            "seen": [at.isoformat() for at in (self.first, self.last) if at is not None],
            "content": self.content,
            "unknown": [self.unknown.rows, sorted(self.unknown.names), list(self.unknown.where)],
        }
        return json.dumps(facts)


def reader_of(job: Mapping[str, Any], rows: pl.DataFrame) -> OrdersReader | OptionalReader:
    """Settle how a table is read.

    Parameters
    ----------
    job : mapping
        ``table``, ``source``, and what `OptionalReader.of` needs.
    rows : polars.DataFrame
        Any rows of it, possibly none.

    Returns
    -------
    OrdersReader or OptionalReader

    Raises
    ------
    DataError, ConfigError, WindowError, TypeError
        As from `foretell.read_data`.
    """
    return OrdersReader.of(job["source"], rows) if job["table"] == "orders" else OptionalReader.of(job, rows)


def read_rows(batches: "Iterator[pa.RecordBatch]", job: Mapping[str, Any]) -> "Iterator[pa.RecordBatch]":
    """Read the rows of one partition.

    Parameters
    ----------
    batches : iterator of pyarrow.RecordBatch
        Rows as the source has them.
    job : mapping
        As for `reader_of`, with ``as_of`` beside: ISO text, or None where every row is seen.

    Yields
    ------
    pyarrow.RecordBatch
        Columns of `READ`: packages of usable rows, each with its digest; then what was found, if there was any row.
    """
    cutoff = datetime.max if job["as_of"] is None else datetime.fromisoformat(job["as_of"])
    reader: OrdersReader | OptionalReader | None = None
    account: Account | None = None
    for rows in gathered(batches):
        if reader is None or account is None:
            reader = reader_of(job, rows)
            account = Account(reader.ledger())
        used = read_part(reader, rows, account, cutoff)
        yield from whole(used, None)
    if account is not None:
        yield from whole(None, account.facts())


def read_part(
    reader: OrdersReader | OptionalReader, rows: pl.DataFrame, account: Account, cutoff: datetime
) -> pl.DataFrame:
    """Read some rows.

    Parameters
    ----------
    reader : OrdersReader or OptionalReader
        How.
    rows : polars.DataFrame
        As they came.
    account : Account
        Adds them up.
    cutoff : datetime
        First instant that is not seen.

    Returns
    -------
    polars.DataFrame
        The usable ones: what scoring may read, and a digest of each row.
    """
    if isinstance(reader, OrdersReader):
        parsed = reader.parsed(rows)
        account.refusals.add(parsed, account.ledger.rows_in)
        orders = _order_ledger(account.ledger).add(rows, parsed)
        used = orders.select([*kept_of_orders(orders.columns), DIGEST]).drop("row_number")
    else:
        used, unknown = reader.used(rows, account.ledger, account.refusals)
        account.unknown = account.unknown.plus(unknown, 0)
    account.content = content_of(used, account.content)
    at = _WHEN.get(account.ledger.table)
    if at in used.columns:
        seen = used[at].filter(used[at] < cutoff)
        account.see((seen.min(), seen.max()))
    return used


def _order_ledger(ledger: TableLedger) -> OrderLedger:
    if not isinstance(ledger, OrderLedger):
        msg = "Orders have a ledger of their own."
        raise TypeError(msg)
    return ledger
