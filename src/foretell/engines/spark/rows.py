"""Rows of orders from Spark's record batches to foretell's columns, packed by bucket for the way through a shuffle.

Spark moves the packed rows as bytes: it sees neither their columns nor their types, a customer's rows cannot be cut by
the borders of its batches, and there are a few rows to sort instead of one an order.
"""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from foretell.tables.bucketed import bucket_numbers
from foretell.tables.buckets import drawn
from foretell.tables.ledger import OrderLedger
from foretell.tables.mapping import TableMapping, map_columns
from foretell.tables.parse import parse_columns
from foretell.tables.parsed import Parsed
from foretell.tables.read import OrdersPlan, plan_orders
from foretell.tables.schema import ORDERS

if TYPE_CHECKING:
    import pyarrow as pa

PACKED = "bucket int, payload binary"
"""Columns of packed rows, as Spark writes types."""

_SHARES = 1_000_000
_ROWS_PARSED = 200_000
_ROWS_SENT = 20_000
_BYTES_SENT = 16_000_000


@dataclass(frozen=True)
class OrdersReader:
    """How the rows of a source become orders.

    Parameters
    ----------
    plan : OrdersPlan
        Which column is what, and how values are written.
    mapping : TableMapping
        The columns that are read.
    drop_duplicates : bool
        Whether rows that repeat an earlier one are left out.
    """

    plan: OrdersPlan
    mapping: TableMapping
    drop_duplicates: bool

    @classmethod
    def of(cls, source: Mapping[str, Any], rows: pl.DataFrame) -> "OrdersReader":
        """Settle how a source is read.

        Parameters
        ----------
        source : mapping
            Arguments of `foretell.read_orders`, those about text files and databases aside.
        rows : polars.DataFrame
            Any rows of it, possibly none.

        Returns
        -------
        OrdersReader

        Raises
        ------
        DataError, ConfigError, WindowError, TypeError
            As from `foretell.read_orders`.
        """
        given = dict(source)
        drop = bool(given.pop("drop_duplicates", False))
        options = {
            name: given.pop(name)
            for name in ("amount", "time_zone", "observed_until", "decimal_comma", "date_format")
            if name in given
        }
        named = {"customer_id": "customer_id", "ordered_at": "ordered_at", **given}
        plan = plan_orders(rows, named=named, **options)
        return cls(plan, map_columns(plan.opened, ORDERS, plan.wanted, attributes=()), drop)

    @property
    def title(self) -> str:
        """The source as messages call it."""
        return self.plan.opened.title

    def ledger(self) -> OrderLedger:
        """Return an empty account."""
        return OrderLedger(self.plan.observed_until, self.plan.opened.options.time_zone)

    def parsed(self, rows: pl.DataFrame) -> dict[str, Parsed]:
        """Parse rows of the source.

        Parameters
        ----------
        rows : polars.DataFrame
            As they came.

        Returns
        -------
        dict of str to Parsed
            By column of the orders table.
        """
        return parse_columns(rows, self.mapping, ORDERS, self.plan.opened.options)


def gathered(batches: "Iterator[pa.RecordBatch]") -> Iterator[pl.DataFrame]:
    """Put Spark's small batches together.

    Parameters
    ----------
    batches : iterator of pyarrow.RecordBatch
        Of one schema.

    Yields
    ------
    polars.DataFrame
        In their order.
    """
    held: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        held.append(batch)
        rows += batch.num_rows
        if rows >= _ROWS_PARSED:
            yield _as_frame(held)
            held, rows = [], 0
    if rows:
        yield _as_frame(held)


def sent(rows: pl.DataFrame) -> "Iterator[pa.RecordBatch]":
    """Hand rows to Spark.

    Parameters
    ----------
    rows : polars.DataFrame
        Exactly the columns that Spark expects, in their order: it matches them by place and not by name.

    Yields
    ------
    pyarrow.RecordBatch
        The rows.
    """
    # Made by polars: pyarrow's own arrays of Python values import pandas where it is installed.
    yield from rows.to_arrow(compat_level=pl.CompatLevel.oldest()).to_batches(max_chunksize=_ROWS_SENT)


def in_sample(ids: pl.Series, share: float) -> pl.Series:
    """Say which customers belong to a sample.

    Parameters
    ----------
    ids : polars.Series
        Customer ids, String.
    share : float
        Between 0 and 1.

    Returns
    -------
    polars.Series
        Boolean: by hash of the id, the same on every run and machine, and a larger share holds every smaller one.
    """
    return drawn(ids, round(share * _SHARES), among=_SHARES, salt="spark sample")


def _as_frame(batches: "list[pa.RecordBatch]") -> pl.DataFrame:
    import pyarrow as pa

    frame = pl.from_arrow(pa.Table.from_batches(batches))
    if not isinstance(frame, pl.DataFrame):
        msg = "A table of record batches is a frame."
        raise TypeError(msg)
    return frame


def packed_by(rows: pl.DataFrame, key: pl.Expr, buckets: int) -> "Iterator[pa.RecordBatch]":
    """Pack rows by bucket.

    Parameters
    ----------
    rows : polars.DataFrame
        Any.
    key : polars.Expr
        String, what rows of one bucket have in common.
    buckets : int
        Number of buckets, > 0.

    Yields
    ------
    pyarrow.RecordBatch
        Columns of `PACKED`.
    """
    if buckets == 1:
        split = {(0,): rows}
    else:
        numbered = rows.with_columns(bucket_numbers(key, buckets).alias("bucket"))
        split = numbered.partition_by("bucket", as_dict=True, include_key=False)
    numbers: list[int] = []
    payloads: list[bytes] = []
    for (number,), mine in split.items():
        content = io.BytesIO()
        mine.rechunk().write_ipc(content, compression="lz4")
        numbers.append(int(number))
        payloads.append(content.getvalue())
        if sum(map(len, payloads)) >= _BYTES_SENT:
            yield from _sent(numbers, payloads)
            numbers, payloads = [], []
    if numbers:
        yield from _sent(numbers, payloads)


def _sent(numbers: list[int], payloads: list[bytes]) -> "Iterator[pa.RecordBatch]":
    return sent(
        pl.DataFrame({"bucket": numbers, "payload": payloads}, schema={"bucket": pl.Int32, "payload": pl.Binary})
    )
