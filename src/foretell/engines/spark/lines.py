"""Order lines beside their orders: each bucket of order ids has all rows of these, and finds customer and time."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from foretell.engines.spark.payloads import by_kind, payloads, whole
from foretell.engines.spark.rows import packed_by
from foretell.tables.digests import customer_digests, order_digests
from foretell.tables.line_orders import place_lines
from foretell.tables.optional_checks import with_keys
from foretell.tables.parsed import Parsed
from foretell.tables.verdict import judge

if TYPE_CHECKING:
    import pyarrow as pa

_OF_ORDERS = ("order_id", "customer_id", "ordered_at", "amount_minor", "cancelled")
_KEYS = {"order_id": pl.String(), "customer_id": pl.String(), "ordered_at": pl.Datetime("us")}


def split_order_keys(batches: "Iterator[pa.RecordBatch]", buckets: int) -> "Iterator[pa.RecordBatch]":
    """Pack what lines need to know of orders by bucket of the order id.

    Parameters
    ----------
    batches : iterator of pyarrow.RecordBatch
        Packed rows of orders.
    buckets : int
        Number of buckets, > 0.

    Yields
    ------
    pyarrow.RecordBatch
        ``bucket``, ``payload``.
    """
    for rows in payloads(batches):
        named = rows.filter(pl.col("order_id").is_not_null())
        keys = named.select([name for name in _OF_ORDERS if name in rows.columns]).unique()
        if keys.height:
            yield from packed_by(keys, pl.col("order_id"), buckets)


def split_order_digests(batches: "Iterator[pa.RecordBatch]", buckets: int) -> "Iterator[pa.RecordBatch]":
    """Pack digests of order ids and their customers by bucket of the order id: enough to count ids that are shared.

    Parameters
    ----------
    batches : iterator of pyarrow.RecordBatch
        Packed rows of orders.
    buckets : int
        Number of buckets, > 0.

    Yields
    ------
    pyarrow.RecordBatch
        ``bucket``, ``payload``.
    """
    for rows in payloads(batches):
        order, customer = order_digests(rows["order_id"]).alias("order_id"), customer_digests(rows["customer_id"])
        pairs = pl.DataFrame([order, customer.alias("customer_id")]).drop_nulls()
        # Rows of one order mostly follow one another.
        pairs = pairs.filter(pl.any_horizontal(pl.all() != pl.all().shift()).fill_null(value=True))
        if pairs.height:
            yield from packed_by(pairs, pl.col("order_id"), buckets)


def placed_lines(batches: "Iterator[pa.RecordBatch]", job: Mapping[str, Any]) -> "Iterator[pa.RecordBatch]":
    """Find customer and time of the lines of one bucket of order ids, and count the ids of several customers.

    Parameters
    ----------
    batches : iterator of pyarrow.RecordBatch
        ``kind``, ``orders`` or ``order_lines``, and ``payload``: all rows of these order ids.
    job : mapping
        ``observed_until``, ISO text or None.

    Yields
    ------
    pyarrow.RecordBatch
        Columns of `foretell.engines.spark.reading.READ`: the lines that have both, then what was found.
    """
    found = by_kind(batches)
    lines, orders = found.get("order_lines"), found.get("orders", pl.DataFrame(schema=_KEYS))
    facts: dict[str, Any] = {"shared_orders": _shared_orders(orders), "left_out": {}, "late": 0, "shared": 0}
    if lines is None:
        yield from whole(None, json.dumps(facts))
        return
    stored = {"amount": "amount_minor", "quantity": "quantity", **{name: name for name in _KEYS}}
    columns = {name: Parsed(lines[column]) for name, column in stored.items() if column in lines.columns}
    placed = place_lines(columns, lines.height, orders.lazy())
    masks = dict(placed.masks)
    if job["observed_until"] is not None:
        end = datetime.fromisoformat(job["observed_until"])
        masks["after_observed_until"] = (placed.ordered_at >= end).fill_null(value=False)
    verdict = judge("order_lines", lines.height, masks)
    keys = with_keys(columns, placed)
    used = lines.with_columns(keys["customer_id"].values, keys["ordered_at"].values).filter(verdict.usable)
    if used.height:
        yield from whole(used, None)
    facts |= {
        "left_out": verdict.counts,
        "late": int(masks["after_observed_until"].sum()) if "after_observed_until" in masks else 0,
        "shared": sum(violation.count for violation in placed.violations),
    }
    yield from whole(None, json.dumps(facts))


def _shared_orders(orders: pl.DataFrame) -> int:
    """Count the ids of several customers: sorted by id, two rows of one id and two customers lie side by side."""
    pairs = orders.select("order_id", "customer_id").sort("order_id")
    order, customer = pairs["order_id"], pairs["customer_id"]
    between = (order == order.shift()) & (customer != customer.shift())
    return order.filter(between.fill_null(value=False)).n_unique()
