"""A hash of the rows that predictions rest on, whatever order they came in.

Each row has a digest of 64 bits and a digest of that one, and their sums do not depend on order, chunks or threads:
nothing is sorted, and rows may stay on disk. It tells data sets apart; it is no seal against somebody who makes rows to
fit.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from foretell.storage.hashing import sha256_json
from foretell.tables.optional_tables import OptionalTables
from foretell.tables.schema import OPTIONAL

_OF_ORDERS = ("customer_id", "ordered_at", "amount_minor", "order_id", "cancelled")
_STORED = {table.name: tuple(column.stored_name for column in table) for table in OPTIONAL}
_SEEDS = (11, 12)
# Odd, so that no product loses a bit: 2**64 by the golden ratio.
_FACTOR = 0x9E3779B97F4A7C15
_LOW = 2**32 - 1
_WHOLE = 2**64


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
        digests[name] = _digest(getattr(optional, name).lazy(), _columns(name, optional))
    return sha256_json(digests)


def order_digests(orders: pl.LazyFrame) -> dict[str, Any]:
    """Digest some rows of orders.

    Parameters
    ----------
    orders : polars.LazyFrame
        Rows of some customers.

    Returns
    -------
    dict
        Plain values for JSON and `fingerprint_of_parts`.
    """
    return _digests(orders, _OF_ORDERS)


def fingerprint_of_parts(parts: Sequence[Mapping[str, Any]]) -> str:
    """Hash orders that were digested apart.

    Parameters
    ----------
    parts : sequence of mapping
        At least one, as from `order_digests`.

    Returns
    -------
    str
        As from `fingerprint_of` for all rows together, where there is no other table.
    """
    names = parts[0]["sums"]
    sums = {name: sum(part["sums"][name] for part in parts) % _WHOLE for name in names}
    return sha256_json({"columns": parts[0]["columns"], "sums": sums})


def fingerprint_of_table(rows: pl.DataFrame) -> str:
    """Hash a table as it is.

    Parameters
    ----------
    rows : polars.DataFrame
        Any; nothing of a single row can be read from the hash.

    Returns
    -------
    str
        SHA-256 as hexadecimal digits, the same for any order of the rows.
    """
    return _digest(rows.lazy(), tuple(rows.columns))


def _columns(name: str, optional: OptionalTables) -> tuple[str, ...]:
    if name != "customers":
        return _STORED[name]
    where = ("lat", "lon") if optional.places is not None else ()
    return tuple(dict.fromkeys(("customer_id", *optional.stable_attributes, *where)))


def _digest(rows: pl.LazyFrame, columns: tuple[str, ...]) -> str:
    return sha256_json(_digests(rows, columns))


def _digests(rows: pl.LazyFrame, columns: tuple[str, ...]) -> dict[str, Any]:
    names = _there(rows, columns)
    schema = rows.collect_schema()
    # Columns are hashed one by one and mixed: a hash of the row as a whole takes twice the time.
    hashed = rows.select(pl.col(name).hash(seed=_SEEDS[0]) for name in names)
    mixed = pl.col(names[0])
    for name in names[1:]:
        mixed = (mixed * pl.lit(_FACTOR, pl.UInt64)) ^ pl.col(name)
    # Each in a step of its own: within one, each half would hash the rows again.
    first, second = (str(seed) for seed in _SEEDS)
    digests = hashed.select(mixed.hash(seed=_SEEDS[0]).alias(first))
    digests = digests.with_columns(pl.col(first).hash(seed=_SEEDS[1]).alias(second))
    # In halves, so that sums of 4,000 million rows fit.
    halves = [
        half.cast(pl.UInt64).sum().alias(f"{name}_{seed}")
        for seed in _SEEDS
        for name, half in (("low", pl.col(str(seed)) & _LOW), ("high", pl.col(str(seed)) // (_LOW + 1)))
    ]
    sums = digests.select(pl.len().alias("rows"), *halves).collect(engine="streaming").row(0, named=True)
    return {"columns": {name: str(schema[name]) for name in names}, "sums": sums}


def _there(rows: pl.LazyFrame, columns: tuple[str, ...]) -> list[str]:
    there = rows.collect_schema().names()
    return [name for name in columns if name in there]
