"""A shop on a cluster as training sees it: figures of all customers, and the rows of those who are looked at."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl

from foretell.engines.spark import tasks
from foretell.engines.spark.facts import SourceFacts
from foretell.engines.spark.given import empty_frame, orders_given, quoted
from foretell.engines.spark.population import COUNTED, DRAWN, FACTS, Counted, Draw, add_counted, observed_at
from foretell.engines.spark.rows import PACKED, OrdersReader, unpacked
from foretell.engines.spark.score import buckets_for, find_facts
from foretell.engines.spark.session import map_in_arrow, require_same_libraries, required_classic
from foretell.features.summary import purchase_summary
from foretell.models.history import HISTORY
from foretell.models.population import Population, Values
from foretell.tables.dataset import CustomerData, ReadReport
from foretell.tables.moment import Moment
from foretell.tables.source import Source
from foretell.windows import midnight_after

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Session: TypeAlias = "SparkSession"
Orders: TypeAlias = "DataFrame | Source"
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
    """

    as_of: datetime
    data: CustomerData
    population: Population
    counted: Counted
    first_order_at: datetime | None

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


@dataclass(frozen=True, eq=False)
class OrdersOnSpark:
    """Orders that workers hold in buckets of customers.

    Parameters
    ----------
    packed : pyspark.sql.DataFrame
        The rows, packed.
    facts : SourceFacts
        What was found in the source.
    as_of : datetime
        First instant that is not seen.
    observed_until : datetime
        First instant that was not observed, as of the cutoff.
    stated : datetime or None
        The same where it was stated.
    versions : dict of str to str
        Libraries, the same everywhere.
    """

    packed: "DataFrame"
    facts: SourceFacts
    as_of: datetime
    observed_until: datetime
    stated: datetime | None
    versions: dict[str, str]

    def count(self, cutoffs: Sequence[datetime]) -> Counted:
        """Count all customers.

        Parameters
        ----------
        cutoffs : sequence of datetime
            Past cutoffs that have to be known of.

        Returns
        -------
        Counted
        """
        from pyspark import StorageLevel
        from pyspark.sql import functions as f

        job = {"as_of": self.as_of.isoformat(), "cutoffs": [cutoff.isoformat() for cutoff in cutoffs]}
        task = partial(tasks.count_customers, job=job, versions=self.versions)
        told = map_in_arrow(self.packed, task, COUNTED).persist(StorageLevel.DISK_ONLY)
        try:
            facts = told.where(f.col(FACTS).isNotNull()).select(FACTS).toArrow().column(0).to_pylist()
            apart = told.where(f.col(FACTS).isNull()).groupBy(*HISTORY).agg(f.sum("customers").alias("customers"))
            histories = _frame(apart)
        finally:
            told.unpersist()
        return add_counted(facts, histories, stated=self.stated)

    def shop(self, counted: Counted, draws: Sequence[Draw]) -> CountedShop:
        """Bring the rows of some customers to the driver.

        Parameters
        ----------
        counted : Counted
            As from `count`.
        draws : sequence of Draw
            Samples of the customers; who is in any of them comes with all rows before the cutoff.

        Returns
        -------
        CountedShop
        """
        job = {
            "as_of": self.as_of.isoformat(),
            "draws": [draw.plain() for draw in draws],
            "customers": counted.population.customers,
        }
        told = map_in_arrow(
            self.packed, partial(tasks.draw_customers, job=job, versions=self.versions), DRAWN
        ).toArrow()
        values = None
        if counted.has_money:
            worth = pl.DataFrame(pl.from_arrow(told.select(["x", "z", "customers"]))).drop_nulls()
            values = Values(*(worth[name].to_numpy() for name in ("x", "z", "customers")))
        found = unpacked(iter(told.select(["payload"]).drop_null().to_batches()))
        if found is None:
            msg = "A sample of customers who were counted is not empty."
            raise AssertionError(msg)
        height = found.report.rows_used
        data = replace(
            found,
            observed_until=self.observed_until,
            observed_until_given=self.stated is not None,
            report=ReadReport(height, height, 0, self.facts.notes),
        )
        return CountedShop(self.as_of, data, replace(counted.population, values=values), counted, self.facts.first_seen)


@contextmanager
def orders_on_spark(
    spark: Session,
    orders: Orders,
    as_of: datetime | None,
    *,
    buckets: int | None = None,
) -> Iterator[OrdersOnSpark]:
    """Have a cluster read orders, check them, and hold them in buckets of customers for a while.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession
        A classic session.
    orders : pyspark.sql.DataFrame or Source
        As for `foretell.score_on_spark`.
    as_of : datetime or None
        First instant that is not seen; None is the end of what was observed.
    buckets : int or None
        As for `foretell.score_on_spark`.

    Yields
    ------
    OrdersOnSpark
        Workers let go of the rows in the end.

    Raises
    ------
    DataError, WindowError, ClusterMismatch, ConfigError, TypeError
        As from `foretell.score_on_spark`.
    """
    from pyspark import StorageLevel

    required_classic(spark)
    frame, source = orders_given(orders)
    reader = OrdersReader.of(source, empty_frame(frame))
    stated = reader.plan.observed_until
    if as_of is not None and stated is not None:
        # Says what is wrong with the date before anything is read.
        CustomerData(pl.LazyFrame(schema={"ordered_at": pl.Datetime("us")}), stated, observed_until_given=True).before(
            as_of
        )
    versions = require_same_libraries(spark)
    rows = frame.select([frame[quoted(name)] for name in reader.roots])
    facts = find_facts(rows, reader, source, as_of or datetime.max, versions)
    cutoff = as_of or stated or _end_of(facts)
    parts = buckets or buckets_for(facts.ledger.rows_in, spark.sparkContext.defaultParallelism)
    split = partial(tasks.split_rows, source=dict(source), buckets=parts, versions=versions)
    packed = map_in_arrow(rows, split, PACKED).repartitionById(parts, "bucket").persist(StorageLevel.DISK_ONLY)
    try:
        end = observed_at(cutoff, facts.last_seen, stated)
        yield OrdersOnSpark(packed, facts, cutoff, end, stated, versions)
    finally:
        packed.unpersist()


def _end_of(facts: SourceFacts) -> datetime:
    last = facts.ledger.last
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
