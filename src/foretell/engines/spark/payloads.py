"""Rows as bytes that Spark moves without looking into them, and their way to the task that needs them."""

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from foretell.engines.spark.rows import in_sample, packed_by, sent

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_PACKED = 2_000_000
"""Rows that are split together: the more, the fewer packages."""


def as_bytes(rows: pl.DataFrame) -> bytes:
    """Return rows as bytes.

    Parameters
    ----------
    rows : polars.DataFrame
        Any.

    Returns
    -------
    bytes
        An Arrow IPC file.
    """
    content = io.BytesIO()
    rows.rechunk().write_ipc(content, compression="lz4")
    return content.getvalue()


def from_bytes(payload: bytes) -> pl.DataFrame:
    """Return the rows that `as_bytes` packed.

    Parameters
    ----------
    payload : bytes
        Their bytes.

    Returns
    -------
    polars.DataFrame
    """
    return pl.read_ipc(io.BytesIO(payload))


def payloads(batches: "Iterator[pa.RecordBatch]") -> Iterator[pl.DataFrame]:
    """Go through packed rows.

    Parameters
    ----------
    batches : iterator of pyarrow.RecordBatch
        With a column ``payload``.

    Yields
    ------
    polars.DataFrame
        The rows of one package.
    """
    for batch in batches:
        for payload in batch.column(batch.schema.get_field_index("payload")):
            yield from_bytes(payload.as_buffer())


def by_kind(batches: "Iterator[pa.RecordBatch]") -> dict[str, pl.DataFrame]:
    """Put the rows of each kind together.

    Parameters
    ----------
    batches : iterator of pyarrow.RecordBatch
        Columns ``kind`` and ``payload``.

    Returns
    -------
    dict of str to polars.DataFrame
        Only kinds of which there are rows.
    """
    found: dict[str, list[pl.DataFrame]] = {}
    for batch in batches:
        kinds = batch.column(batch.schema.get_field_index("kind")).to_pylist()
        for kind, rows in zip(kinds, payloads(iter([batch])), strict=True):
            found.setdefault(kind, []).append(rows)
    return {kind: pl.concat(parts) for kind, parts in found.items()}


def split_payloads(
    batches: "Iterator[pa.RecordBatch]", buckets: int, *, by: str = "customer_id", share: float = 1.0
) -> "Iterator[pa.RecordBatch]":
    """Pack rows anew by bucket of their key.

    Parameters
    ----------
    batches : iterator of pyarrow.RecordBatch
        Packed rows.
    buckets : int
        Number of buckets, > 0.
    by : str
        ``customer_id``, or ``order_id``: rows without an order id go by their customer then.
    share : float
        Share of the customers whose rows are wanted.

    Yields
    ------
    pyarrow.RecordBatch
        ``bucket``, ``payload``.
    """
    key = pl.col("customer_id") if by == "customer_id" else pl.coalesce("order_id", "customer_id")
    held: list[pl.DataFrame] = []
    for rows in payloads(batches):
        held.append(rows if share == 1 else rows.filter(in_sample(rows["customer_id"], share)))
        if sum(part.height for part in held) >= ROWS_PACKED:
            yield from packed_by(pl.concat(held), key, buckets)
            held = []
    if held:
        yield from packed_by(pl.concat(held), key, buckets)


def whole(rows: pl.DataFrame | None, facts: str | None) -> "Iterator[pa.RecordBatch]":
    """Hand a package of rows, or what was found in rows, to Spark.

    Parameters
    ----------
    rows : polars.DataFrame or None
        The rows.
    facts : str or None
        JSON.

    Yields
    ------
    pyarrow.RecordBatch
        ``payload``, ``facts``, one row.
    """
    one = {"payload": [None if rows is None else as_bytes(rows)], "facts": [facts]}
    yield from sent(pl.DataFrame(one, schema={"payload": pl.Binary, "facts": pl.String}))
