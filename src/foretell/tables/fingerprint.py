"""A hash of the rows that predictions rest on, whatever order they came in."""

import io

import polars as pl

from foretell.storage.hashing import sha256_bytes, sha256_json
from foretell.tables.optional_tables import OptionalTables
from foretell.tables.schema import OPTIONAL

_OF_ORDERS = ("customer_id", "ordered_at", "amount_minor", "order_id", "cancelled")
_STORED = {table.name: tuple(column.stored_name for column in table) for table in OPTIONAL}
_ROWS_AT_ONCE = 1_000_000
_AT = {"order_lines": "ordered_at", "events": "occurred_at"}


def fingerprint_of(orders: pl.LazyFrame, optional: OptionalTables) -> str:
    """Hash what features may read.

    Parameters
    ----------
    orders : polars.LazyFrame
        Rows of orders.
    optional : OptionalTables
        The other tables. Of customers only the key, the attributes declared stable and, where there are places,
        the coordinates count: a new e-mail address is no new data.

    Returns
    -------
    str
        SHA-256 as hexadecimal digits; that of the orders alone where there is no other table.
    """
    of_orders = _digest(orders, _OF_ORDERS)
    if not optional.names:
        return of_orders
    digests = {"orders": of_orders}
    for name in optional.names:
        rows, columns = getattr(optional, name).lazy(), _columns(name, optional)
        at = _AT.get(name)
        digests[name] = _digest(rows, columns) if at is None else _digest_by_time(rows, columns, at)
    return sha256_json(digests)


def _columns(name: str, optional: OptionalTables) -> tuple[str, ...]:
    if name != "customers":
        return _STORED[name]
    where = ("lat", "lon") if optional.places is not None else ()
    return tuple(dict.fromkeys(("customer_id", *optional.stable_attributes, *where)))


def _digest(rows: pl.LazyFrame, columns: tuple[str, ...]) -> str:
    names = _there(rows, columns)
    content = io.BytesIO()
    found = rows.select(names).sort(names, nulls_last=True).collect().rechunk()
    # The oldest layout holds texts one after another; views of them depend on where they were read from.
    found.write_ipc(content, compression="uncompressed", compat_level=pl.CompatLevel.oldest())
    return sha256_bytes(content.getvalue())


def _digest_by_time(rows: pl.LazyFrame, columns: tuple[str, ...], at: str) -> str:
    """Sorted stretch by stretch of time, so that tens of millions of events need the memory of a few."""
    edges = rows.select(pl.col(at).sort().gather_every(_ROWS_AT_ONCE).unique(maintain_order=True)).collect()[at]
    ends = edges.shift(-1)
    stretches = []
    for start, end in zip(edges, ends, strict=True):
        within = pl.col(at) >= start if end is None else pl.col(at).is_between(start, end, closed="left")
        stretches.append(_digest(rows.filter(within), columns))
    return sha256_json([_there(rows, columns), *stretches])


def _there(rows: pl.LazyFrame, columns: tuple[str, ...]) -> list[str]:
    there = rows.collect_schema().names()
    return [name for name in columns if name in there]
