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
_EVERYBODYS = ("calendar", "places")
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
        the coordinates count: a new e-mail address is no new data, nor is the width of whole numbers.

    Returns
    -------
    str
        SHA-256 as hexadecimal digits; that of the orders alone where there is no other table.
    """
    return _of_digests(table_digests(orders, optional))


def table_digests(orders: pl.LazyFrame, optional: OptionalTables) -> dict[str, dict[str, Any]]:
    """Digest the rows of some customers.

    Parameters
    ----------
    orders : polars.LazyFrame
        Their orders.
    optional : OptionalTables
        The other tables: their rows, and all of the calendar and the places.

    Returns
    -------
    dict of str to dict
        By table, orders first; plain values for JSON and `fingerprint_of_parts`.
    """
    others = {name: (getattr(optional, name).lazy(), _columns(name, optional)) for name in optional.names}
    if "customers" in others:
        others["customers"] = (_as_everywhere(others["customers"][0]), others["customers"][1])
    return {name: _digests(*table) for name, table in {"orders": (orders, _OF_ORDERS), **others}.items()}


def fingerprint_of_parts(parts: Sequence[Mapping[str, Mapping[str, Any]]]) -> str:
    """Hash tables that were digested apart.

    Parameters
    ----------
    parts : sequence of mapping
        At least one, as from `table_digests`, of the same tables.

    Returns
    -------
    str
        As from `fingerprint_of` for all rows together.
    """
    first = parts[0]
    split = {name: _added([part[name] for part in parts]) for name in first if name not in _EVERYBODYS}
    return _of_digests({name: split.get(name, first[name]) for name in first})


def _added(digests: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    first = digests[0]
    sums = {name: sum(each["sums"][name] for each in digests) % _WHOLE for name in first["sums"]}
    return {"columns": first["columns"], "sums": sums}


def _of_digests(digests: Mapping[str, Mapping[str, Any]]) -> str:
    hashes = {name: sha256_json(each) for name, each in digests.items()}
    return hashes["orders"] if len(hashes) == 1 else sha256_json(hashes)


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
    return sha256_json(_digests(rows.lazy(), tuple(rows.columns)))


def _columns(name: str, optional: OptionalTables) -> tuple[str, ...]:
    if name != "customers":
        return _STORED[name]
    where = ("lat", "lon") if optional.places is not None else ()
    return tuple(dict.fromkeys(("customer_id", *optional.stable_attributes, *where)))


def _as_everywhere(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Bring attributes to types that every source has: a cluster knows no unsigned numbers and no categories."""
    types: dict[str, Any] = {}
    for name, dtype in rows.collect_schema().items():
        if dtype.is_integer():
            types[name] = pl.Int64
        elif dtype in (pl.Categorical, pl.Enum):
            types[name] = pl.String
        elif isinstance(dtype, pl.Datetime):
            types[name] = pl.Datetime("us", dtype.time_zone)
    return rows.with_columns(pl.col(name).cast(dtype, strict=False) for name, dtype in types.items())


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
