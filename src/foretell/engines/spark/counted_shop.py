"""A shop on a cluster as training sees it: figures of all customers, and the rows of those who are looked at."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl

from foretell.engines.spark import tasks
from foretell.engines.spark.payloads import by_kind
from foretell.engines.spark.plan import plan_shop
from foretell.engines.spark.population import COUNTED, DRAWN, FACTS, Counted, Draw, add_counted, observed_at
from foretell.engines.spark.score import buckets_for
from foretell.engines.spark.session import map_in_arrow, require_same_libraries, required_classic
from foretell.engines.spark.shop import SparkShop, read_shop
from foretell.features.summary import purchase_summary
from foretell.models.history import HISTORY
from foretell.models.population import Population, Values
from foretell.scoring.accounting import TableAccount
from foretell.tables.bucketed import DIGEST
from foretell.tables.dataset import CustomerData, Note, ReadReport
from foretell.tables.moment import Moment
from foretell.tables.source import Source
from foretell.windows import midnight_after

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Session: TypeAlias = "SparkSession"
Tables: TypeAlias = "DataFrame | Source | Mapping[str, DataFrame | Source]"
"""What rooms above call Spark's own types, which they do not import."""


@dataclass(frozen=True, eq=False)
class CountedShop:
    """A shop as of a cutoff, as `foretell.training.shop.Shop` describes it.

    Parameters
    ----------
    as_of : datetime
        First instant that is not seen.
    data : CustomerData
        Rows before it of everybody who is learnt from or judged; observed as long as the shop.
    population : Population
        All customers.
    counted : Counted
        What the buckets told of them.
    first_order_at : datetime or None
        Instant of the first row.
    accounts : tuple of TableAccount
        What became of every source row, by table, orders first.
    left_out : dict of str to int
        Rows left out by reason, sorted; those of other tables than orders carry its name.
    known_since : datetime or None
        As from `foretell.features.prospects.known_since`.
    """

    as_of: datetime
    data: CustomerData
    population: Population
    counted: Counted
    first_order_at: datetime | None
    accounts: tuple[TableAccount, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    known_since: datetime | None = None

    @cached_property
    def customer_ids(self) -> pl.Series:
        """Customers with a purchase in `data`, sorted."""
        return purchase_summary(self.data, self.as_of)["customer_id"]

    @property
    def columns(self) -> dict[str, Any]:
        """Columns and categories of the orders."""
        return self.counted.columns

    @property
    def fingerprint(self) -> str:
        """Hash of all rows before the cutoff."""
        return self.counted.fingerprint

    @property
    def whole_at(self) -> Callable[[datetime], Moment]:
        """From a past cutoff that was counted at to the whole shop then."""
        return self.counted.moments.__getitem__

    @property
    def people_at(self) -> Callable[[datetime], int]:
        """From a past cutoff that was counted at to how many people had no order then."""
        return self.counted.people.__getitem__


@dataclass(frozen=True, eq=False)
class OpenedShop:
    """A shop that workers hold in buckets of customers.

    Parameters
    ----------
    shop : SparkShop
        Its tables, read.
    packed : pyspark.sql.DataFrame
        Their rows in buckets.
    as_of : datetime
        First instant that is not seen.
    """

    shop: SparkShop
    packed: "DataFrame"
    as_of: datetime

    @property
    def first_order_at(self) -> datetime | None:
        """Instant of the first row of orders before the cutoff."""
        return self.shop.account.tables["orders"].first

    @property
    def last_order_at(self) -> datetime | None:
        """Instant of the last row of orders, whether it is seen or not."""
        return self.shop.account.orders.last

    @property
    def stated(self) -> datetime | None:
        """First instant that was not observed, where it was stated."""
        return self.shop.plan.orders.plan.observed_until

    @property
    def observed_until(self) -> datetime:
        """First instant that was not observed, as of the cutoff."""
        return observed_at(self.as_of, self.shop.account.tables["orders"].last, self.stated)

    @property
    def known_since(self) -> datetime | None:
        """As from `foretell.features.prospects.known_since`."""
        tables = self.shop.account.tables
        told = tables.get("events") or tables.get("customers")
        return None if told is None or told.first is None or told.first >= self.as_of else told.first

    def count(self, cutoffs: Sequence[datetime], *, people_at: Sequence[datetime] = ()) -> "CountedRows":
        """Count all customers, and close the account of all rows.

        Parameters
        ----------
        cutoffs : sequence of datetime
            Past cutoffs at which customers have to be known of.
        people_at : sequence of datetime
            Past cutoffs at which the number of others is asked for.

        Returns
        -------
        CountedRows

        Raises
        ------
        DataError
            If rows of one customer say different things.
        """
        from pyspark import StorageLevel
        from pyspark.sql import functions as f

        asked = {"cutoffs": cutoffs, "people_at": people_at}
        job = self.shop.job(self.as_of) | {name: [at.isoformat() for at in found] for name, found in asked.items()}
        task = partial(tasks.run, task="count", job=job, versions=self.shop.versions)
        told = map_in_arrow(self.packed, task, COUNTED).persist(StorageLevel.DISK_ONLY)
        try:
            facts = told.where(f.col(FACTS).isNotNull()).select(FACTS).toArrow().column(0).to_pylist()
            # Rows in buckets are there now; where a worker is lost the others are read again.
            self.shop.release()
            apart = told.where(f.col(FACTS).isNull()).groupBy(*HISTORY).agg(f.sum("customers").alias("customers"))
            histories = _frame(apart)
        finally:
            told.unpersist()
        buckets = [json.loads(each) for each in facts]
        account, counted = self.shop.account, add_counted(buckets, histories, stated=self.stated)
        of_tables = account.settle(bucket["tables"] for bucket in buckets)
        return CountedRows(
            counted,
            account.table_accounts(of_tables, counted.refunds_only, self.as_of),
            account.reasons(counted.refunds_only),
            account.notes(of_tables, self.shop.account_notes([bucket["accounts"] for bucket in buckets])),
        )


@dataclass(frozen=True, eq=False)
class CountedRows:
    """All customers counted, and every row accounted for.

    Parameters
    ----------
    counted : Counted
        What buckets told of customers.
    accounts : tuple of TableAccount
        By table, orders first.
    left_out : mapping of str to int
        Rows by reason.
    notes : tuple of Note
        What stops nothing and should be known.
    """

    counted: Counted
    accounts: tuple[TableAccount, ...]
    left_out: Mapping[str, int]
    notes: tuple[Note, ...]

    def shop(self, opened: OpenedShop, draws: Sequence[Draw]) -> CountedShop:
        """Bring the rows of some customers to the driver.

        Parameters
        ----------
        opened : OpenedShop
            Where they are.
        draws : sequence of Draw
            Samples, one with customers at least; who is in any of them comes with all rows before the cutoff.

        Returns
        -------
        CountedShop
        """
        counted, shop = self.counted, opened.shop
        job = {
            **shop.job(opened.as_of),
            "draws": [asdict(draw) for draw in draws],
            "customers": counted.population.customers,
        }
        told = map_in_arrow(
            opened.packed, partial(tasks.run, task="draw", job=job, versions=shop.versions), DRAWN
        ).toArrow()
        worth = pl.DataFrame(pl.from_arrow(told.select(["x", "z", "customers", "spread"]))).drop_nulls()
        values = Values(*(worth[name].to_numpy() for name in ("x", "z", "customers", "spread")))
        found = by_kind(iter(told.select(["kind", "payload"]).drop_null().to_batches()))
        others: dict[str, Any] = {
            name: found.get(name, rows.drop(DIGEST)).lazy()
            for name, rows in shop.plan.empty.items()
            if name != "orders"
        }
        data = replace(
            CustomerData.from_orders(found["orders"]),
            observed_until=opened.observed_until,
            observed_until_given=opened.stated is not None,
            optional=replace(shop.plan.nobody().optional.before(opened.as_of), **others),
        )
        reports = {
            one.table: ReadReport(one.rows_in, one.used + one.at_or_after_as_of, one.quarantined)
            for one in self.accounts
        }
        return CountedShop(
            opened.as_of,
            replace(data, report=replace(reports.pop("orders"), notes=self.notes, tables=reports)),
            replace(counted.population, values=values if counted.has_money else None),
            counted,
            opened.first_order_at,
            self.accounts,
            self.left_out,
            opened.known_since,
        )


@contextmanager
def shop_in_buckets(
    spark: Session,
    tables: Tables,
    as_of: datetime | None,
    *,
    time_zone: str | None = None,
    buckets: int | None = None,
) -> Iterator[OpenedShop]:
    """Have a cluster read a shop's tables, check them, and hold them in buckets of customers for a while.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession
        A classic session.
    tables : pyspark.sql.DataFrame, Source or mapping of str to either
        As for `foretell.score_on_spark`.
    as_of : datetime or None
        First instant that is not seen; None is the end of what was observed.
    time_zone, buckets
        As for `foretell.score_on_spark`.

    Yields
    ------
    OpenedShop
        Workers let go of the rows in the end.

    Raises
    ------
    DataError, WindowError, ClusterMismatch, ConfigError, TypeError
        As from `foretell.score_on_spark`.
    """
    from pyspark import StorageLevel

    required_classic(spark)
    plan = plan_shop(tables, as_of, time_zone=time_zone)
    if as_of is not None:
        # Says what is wrong with the date before anything is read.
        plan.nobody().before(as_of)
    at_once = spark.sparkContext.defaultParallelism
    shop = read_shop(plan, require_same_libraries(spark), lambda rows: buckets or buckets_for(rows, at_once))
    parts = buckets or buckets_for(shop.account.rows_in, at_once)
    packed = shop.in_buckets(parts).persist(StorageLevel.DISK_ONLY)
    try:
        yield OpenedShop(shop, packed, as_of or plan.orders.plan.observed_until or _end_of(shop))
    finally:
        packed.unpersist()
        shop.release()


def _end_of(shop: SparkShop) -> datetime:
    last = shop.account.orders.last
    if last is None:
        msg = "A source of which no row can be used was refused before."
        raise AssertionError(msg)
    return midnight_after(last)


def _frame(rows: "DataFrame") -> pl.DataFrame:
    found = pl.from_arrow(rows.toArrow())
    if not isinstance(found, pl.DataFrame):
        msg = "A table of record batches is a frame."
        raise TypeError(msg)
    return found
