"""The tables of one bucket of customers inside a Spark task, and what only all rows of a customer together tell."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from foretell.engines.spark.payloads import by_kind, from_bytes
from foretell.tables.bucket_checks import accounts_of
from foretell.tables.bucketed import DIGEST
from foretell.tables.dataset import CustomerData
from foretell.tables.optional_reading import KEYS
from foretell.tables.optional_tables import OptionalTables

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class TableTold:
    """What became of the rows of one table in one bucket.

    Parameters
    ----------
    rows : int
        Rows that are left.
    repeats : int
        Rows among these that repeat an earlier one.
    dropped : int
        Rows left out for repeating one.
    contradicting : int
        Rows of customers of whom several rows say different things.
    later : int
        Rows among `rows` that scoring does not see.
    """

    rows: int = 0
    repeats: int = 0
    dropped: int = 0
    contradicting: int = 0
    later: int = 0

    def __add__(self, other: "TableTold") -> "TableTold":
        """Return the sums."""
        return TableTold(*(one + two for one, two in zip(vars(self).values(), vars(other).values(), strict=True)))


@dataclass(frozen=True)
class BucketShop:
    """The rows of one bucket.

    Parameters
    ----------
    data : CustomerData
        Uncut.
    ordered : bool
        Whether anybody has an order row.
    told : mapping of str to TableTold
        By table, of those split by customer.
    """

    data: CustomerData
    ordered: bool
    told: Mapping[str, TableTold] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """Return as plain values for JSON what is to be known of all rows: ``tables``, by table, and ``accounts``.

        Returns
        -------
        dict of str to object
            Accounts are orders, rows without an order id, and the orders of customers who have many.
        """
        accounts, _ = accounts_of(self.data.orders.collect())
        return {
            "tables": {name: vars(one) for name, one in self.told.items()},
            "accounts": [accounts.orders, accounts.unnamed, accounts.heavy.to_list()],
        }


def bucket_shop(batches: "Iterator[pa.RecordBatch]", job: Mapping[str, Any]) -> BucketShop:
    """Put the tables of one bucket together.

    Parameters
    ----------
    batches : iterator of pyarrow.RecordBatch
        ``kind``, the name of a table, and ``payload``, from all partitions of all sources.
    job : mapping
        ``observed_until``, ISO text or None; ``as_of``; ``empty``, by name of each table that is split its columns
        without rows; ``shared``, tables that every bucket reads; ``stable``; ``dropping``, names of tables of which
        repeated rows are left out.

    Returns
    -------
    BucketShop
    """
    found = by_kind(batches)
    cutoff, told, optional = datetime.fromisoformat(job["as_of"]), {}, {}
    for name, empty in job["empty"].items():
        rows = found.get(name)
        rows = from_bytes(empty) if rows is None else rows
        rows, told[name] = _without_repeats(name, rows, drop=name in job["dropping"])
        if name != "orders":
            optional[name] = rows.lazy()
        found[name] = rows
    shared: dict[str, Any] = {name: from_bytes(content) for name, content in job["shared"].items()}
    tables: dict[str, Any] = {**optional, **shared}
    beside = replace(OptionalTables(stable_attributes=tuple(job["stable"])), **tables)
    orders, end, seen = found["orders"], job["observed_until"], beside.before(cutoff)
    for name, one in told.items():
        before = orders.lazy().filter(pl.col("ordered_at") < cutoff) if name == "orders" else getattr(seen, name)
        told[name] = replace(one, later=one.rows - before.select(pl.len()).collect().item())
    if orders.height:
        data = CustomerData.from_orders(orders, observed_until=end)
        return BucketShop(replace(data, optional=beside), ordered=True, told=told)
    numbered = orders.with_row_index("row_number", offset=1).lazy()
    stated = None if end is None else datetime.fromisoformat(end)
    nobody = CustomerData(numbered, stated or datetime.max, observed_until_given=end is not None, optional=beside)
    return BucketShop(nobody, ordered=False, told=told)


def _without_repeats(name: str, rows: pl.DataFrame, *, drop: bool) -> tuple[pl.DataFrame, TableTold]:
    height, contradicting = rows.height, 0
    if name in KEYS:
        rows = rows.filter(pl.struct(*KEYS[name], DIGEST).is_first_distinct())
        contradicting = int(rows.select(pl.struct(KEYS[name]).is_duplicated().sum()).item())
    elif rows[DIGEST].n_unique() < height and drop:
        # What is dropped must be equal in foretell's columns too, and not in its digest alone.
        rows = rows.filter(pl.struct(pl.all()).is_first_distinct())
    repeats = 0 if name in KEYS else rows.height - rows[DIGEST].n_unique()
    return rows.drop(DIGEST), TableTold(rows.height, repeats, height - rows.height, contradicting)
