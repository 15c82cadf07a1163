"""A shop's tables read on a cluster, once: usable rows lie as packages on the workers' disks until they are scored."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial, reduce
from typing import TYPE_CHECKING, Any

import polars as pl

from foretell.engines.spark import tasks
from foretell.engines.spark.payloads import as_bytes
from foretell.engines.spark.plan import ShopPlan
from foretell.engines.spark.reading import READ
from foretell.engines.spark.rows import PACKED
from foretell.engines.spark.session import map_in_arrow
from foretell.engines.spark.shop_account import ShopAccount
from foretell.tables.bucket_checks import Accounts, account_notes_of
from foretell.tables.dataset import Note

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_DIGESTS_AT_ONCE = 5_000_000


@dataclass(frozen=True)
class SparkShop:
    """The tables of a shop, read.

    Parameters
    ----------
    account : ShopAccount
        What became of every row.
    parts : mapping of str to pyspark.sql.DataFrame
        Usable rows of each table that is split by customer, packed, on the workers' disks.
    versions : mapping of str to str
        Libraries of the driver.
    shared_orders : int
        Order ids of several customers.
    """

    account: ShopAccount
    parts: "Mapping[str, DataFrame]"
    versions: Mapping[str, str]
    shared_orders: int = 0

    @property
    def plan(self) -> ShopPlan:
        """How the tables were read."""
        return self.account.plan

    def release(self) -> None:
        """Let go of what the workers hold; it would be read again."""
        for frame in self.parts.values():
            frame.unpersist()

    def account_notes(self, told: Sequence[tuple[int, int, list[int]]]) -> tuple[Note, ...]:
        """Report order ids that are missing or shared, and accounts with a large part of all orders.

        Parameters
        ----------
        told : sequence of (int, int, list of int)
            By bucket orders, rows without an order id, and orders of customers who have many.

        Returns
        -------
        tuple of Note
        """
        found = [Accounts(orders, unnamed, pl.Series(heavy, dtype=pl.UInt32)) for orders, unnamed, heavy in told]
        return account_notes_of(found, shared=self.shared_orders, rows_used=self.account.orders.used)

    def in_buckets(self, buckets: int) -> "DataFrame":
        """Bring all rows of a customer together, of every table.

        Parameters
        ----------
        buckets : int
            Number of buckets, > 0.

        Returns
        -------
        pyspark.sql.DataFrame
            ``bucket``, ``payload``, ``kind``; a partition a bucket.
        """
        split = [_split(part, name, "split", self.versions, buckets=buckets) for name, part in self.parts.items()]
        return _gathered(split, buckets)

    def of_share(self, share: float) -> "DataFrame":
        """Return the rows of some customers, of every table.

        Parameters
        ----------
        share : float
            Share of the customers, as for `foretell.engines.spark.rows.in_sample`.

        Returns
        -------
        pyspark.sql.DataFrame
            ``bucket``, ``payload``, ``kind``.
        """
        how = {"buckets": 1, "share": share}
        split = [_split(part, name, "split", self.versions, **how) for name, part in self.parts.items()]
        return reduce(lambda one, other: one.union(other), split)

    def job(self, cutoff: datetime) -> dict[str, Any]:
        """Return what `foretell.engines.spark.bucket_shop.bucket_shop` needs to know.

        Parameters
        ----------
        cutoff : datetime
            First instant that is not seen.

        Returns
        -------
        dict of str to object
        """
        return {
            "as_of": cutoff.isoformat(),
            "observed_until": self.plan.observed_until,
            "empty": {name: as_bytes(rows) for name, rows in self.plan.empty.items()},
            "shared": {name: as_bytes(read.frame) for name, read in self.plan.shared.items()},
            "stable": self.plan.stable,
            "dropping": self.plan.dropping,
        }


def read_shop(plan: ShopPlan, versions: Mapping[str, str], buckets_for: Callable[[int], int]) -> SparkShop:
    """Read every row of a shop's tables once, and refuse what readers of whole tables refuse.

    Parameters
    ----------
    plan : ShopPlan
        How.
    versions : mapping of str to str
        Libraries of the driver.
    buckets_for : callable
        Number of buckets for a number of rows.

    Returns
    -------
    SparkShop

    Raises
    ------
    DataError
        As from `foretell.read_data`; the problems of all tables at once.
    """
    parts = {}
    for name, rows in plan.rows.items():
        task = partial(tasks.run, task="read", job=plan.jobs[name], versions=versions)
        parts[name] = _kept(map_in_arrow(rows, task, READ))
    try:
        account = ShopAccount.of(plan, _told(parts))
        shared = 0
        if plan.lines_later:
            buckets = buckets_for(sum(account.tables[name].ledger.rows_in for name in ("orders", "order_lines")))
            lines = parts["order_lines"]
            parts["order_lines"] = _kept(_placed(parts, plan, versions, buckets))
            shared = account.take_placed(_told({"orders": parts["order_lines"]}).get("orders", []))
            lines.unpersist()
        elif plan.has_order_ids:
            buckets = math.ceil(account.orders.used / _DIGESTS_AT_ONCE)
            shared = account.take_placed(_told({"orders": _placed(parts, plan, versions, buckets)}).get("orders", []))
    except BaseException:
        for frame in parts.values():
            frame.unpersist()
        raise
    return SparkShop(account, parts, versions, shared)


def _placed(parts: "Mapping[str, DataFrame]", plan: ShopPlan, versions: Mapping[str, str], buckets: int) -> "DataFrame":
    """Bring rows of one order id together: lines take customer and time from there, and ids of several are counted."""
    what = "split keys of orders" if plan.lines_later else "split digests of orders"
    split = [_split(parts["orders"], "orders", what, versions, buckets=buckets)]
    if plan.lines_later:
        split.append(_split(parts["order_lines"], "order_lines", "split", versions, buckets=buckets, by="order_id"))
    task = partial(tasks.run, task="place lines", job={"observed_until": plan.observed_until}, versions=versions)
    return map_in_arrow(_gathered(split, buckets), task, READ)


def _kept(frame: "DataFrame") -> "DataFrame":
    from pyspark import StorageLevel

    return frame.persist(StorageLevel.DISK_ONLY)


def _told(parts: "Mapping[str, DataFrame]") -> dict[str, list[str]]:
    """What partitions found, of all tables in one go."""
    from pyspark.sql import functions as f

    told = [
        part.where(f.col("facts").isNotNull()).select(f.lit(name).alias("name"), "facts")
        for name, part in parts.items()
    ]
    found: dict[str, list[str]] = {}
    for row in reduce(lambda one, other: one.union(other), told).toArrow().to_pylist():
        found.setdefault(row["name"], []).append(row["facts"])
    return found


def _split(part: "DataFrame", kind: str, task: str, versions: Mapping[str, str], **how: Any) -> "DataFrame":
    from pyspark.sql import functions as f

    rows = part.where(f.col("payload").isNotNull()).select("payload")
    found = map_in_arrow(rows, partial(tasks.run, task=task, versions=versions, **how), PACKED)
    return found.withColumn("kind", f.lit(kind))


def _gathered(split: "list[DataFrame]", buckets: int) -> "DataFrame":
    # By its number and not by a hash of it: a partition has one bucket, whatever Spark would rather coalesce.
    return reduce(lambda one, other: one.union(other), split).repartitionById(buckets, "bucket")
