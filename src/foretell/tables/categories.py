"""Which columns and categories the orders of a shop have, kept without their words, to tell later what is new."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import polars as pl

from foretell.storage.hashing import sha256_bytes
from foretell.tables.dataset import CustomerData
from foretell.tables.schema import ORDERS

CATEGORICAL = ("currency", "channel", "medium", "device", "country", "store")
"""Columns whose values come from a short list; campaigns and sources are new all the time."""

_MOST_CATEGORIES = 1_000
_DIGITS = 12
_HELD_AS = {"amount": "amount_minor"}


def known_columns(data: CustomerData) -> dict[str, Any]:
    """Describe the columns that foretell knows, and the categories in them.

    Parameters
    ----------
    data : CustomerData
        Rows that may be seen.

    Returns
    -------
    dict
        Per column ``dtype`` (text) and, for those of `CATEGORICAL`, ``categories``: the first digits of the SHA-256 of
        each value, sorted; none where there are more than 1,000. Plain values for JSON; no value of the data.
    """
    found: dict[str, Any] = {}
    schema = data.orders.collect_schema()
    for column in ORDERS:
        name = _HELD_AS.get(column.name, column.name)
        if name in schema:
            found[column.name] = {"dtype": str(schema[name])}
            if column.name in CATEGORICAL:
                found[column.name]["categories"] = _digests(_values(data, name))
    return found


def known_of_parts(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Put together what was found in parts of the rows.

    Parameters
    ----------
    parts : sequence of mapping
        As from `known_columns`, of the same columns.

    Returns
    -------
    dict
        As from `known_columns` of all rows.
    """
    found: dict[str, Any] = {}
    for column, facts in parts[0].items() if parts else ():
        found[column] = dict(facts)
        if "categories" in facts:
            digests = [part[column]["categories"] for part in parts]
            together = None if None in digests else sorted({digest for each in digests for digest in each})
            found[column]["categories"] = None if together is None or len(together) > _MOST_CATEGORIES else together
    return found


def changed_columns(data: CustomerData, known: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the columns that are gone or have another type than they had.

    Parameters
    ----------
    data : CustomerData
        Rows of today.
    known : mapping
        As from `known_columns`.

    Returns
    -------
    tuple of str
        Names of columns, sorted.
    """
    schema = data.orders.collect_schema()
    return tuple(
        sorted(
            name
            for name, facts in known.items()
            if str(schema.get(_HELD_AS.get(name, name))) != facts["dtype"]
        )
    )  # fmt: skip


def unseen_shares(data: CustomerData, known: Mapping[str, Any], since: datetime) -> dict[str, float]:
    """Return which share of the newest rows has a category that was not there before.

    Parameters
    ----------
    data : CustomerData
        Rows that may be seen.
    known : mapping
        As from `known_columns`.
    since : datetime
        First instant of the newest rows.

    Returns
    -------
    dict of str to float
        Column to share of its rows that have a value, 0 to 1; columns without a list of categories are left out.
    """
    shares: dict[str, float] = {}
    newest = data.orders.filter(pl.col("ordered_at") >= since)
    for name, facts in known.items():
        if facts.get("categories") is None or not data.has_column(name):
            continue
        counts = newest.select(pl.col(name).cast(pl.String).drop_nulls().value_counts()).unnest(name).collect()
        rows = int(counts["count"].sum())
        if rows:
            seen = set(facts["categories"])
            new = [_digest(value) not in seen for value in counts[name].to_list()]
            shares[name] = int(counts["count"].filter(pl.Series(new, dtype=pl.Boolean)).sum()) / rows
    return shares


def _values(data: CustomerData, name: str) -> list[str]:
    values = data.orders.select(pl.col(name).cast(pl.String).drop_nulls().unique())
    return values.head(_MOST_CATEGORIES + 1).collect()[name].to_list()


def _digests(values: list[str]) -> list[str] | None:
    return None if len(values) > _MOST_CATEGORIES else sorted(_digest(value) for value in values)


def _digest(value: str) -> str:
    return sha256_bytes(value.encode())[:_DIGITS]
