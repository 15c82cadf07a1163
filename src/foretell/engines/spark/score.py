"""Scoring on Spark: rows to buckets of customers, each bucket through the function of every engine, ranks by counts."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial, reduce
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from foretell.bundles.files import StoredBundle
from foretell.engines.frame import nobody_before
from foretell.engines.spark import tasks
from foretell.engines.spark.facts import FACTS_SCHEMA, SourceFacts, add_facts
from foretell.engines.spark.given import empty_frame, orders_given, quoted, stored_bundle
from foretell.engines.spark.ranks import percentile_of, percentile_steps
from foretell.engines.spark.rows import PACKED, OrdersReader
from foretell.engines.spark.scoring import FACTS, RANK_KEYS, bucket_schema
from foretell.engines.spark.session import (
    map_in_arrow,
    require_same_libraries,
    required_classic,
    send_bundle,
    spark_schema,
)
from foretell.engines.trained_model import TrainedModel
from foretell.scoring.accounting import REFUND_WITHOUT_ORDER
from foretell.scoring.activity import Activity
from foretell.scoring.forecast import TOTALS_SCHEMA, forecast_total, forecast_weeks
from foretell.scoring.schema import REASONS, score_schema
from foretell.scoring.score import score_bucket
from foretell.tables.bucketed import kept_of_orders
from foretell.tables.dataset import CustomerData
from foretell.tables.source import Source
from foretell.windows import Horizons, as_cutoff

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

ROWS_PER_BUCKET = 500_000
"""Order rows of a bucket, about: 200 MB of memory while they are scored."""
_MOST_BUCKETS = 100_000


@dataclass(frozen=True)
class SparkScored:
    """The result of one scoring run on a cluster.

    Parameters
    ----------
    scores : pyspark.sql.DataFrame
        One row per customer, columns of `foretell.scoring.schema.score_columns`, in no promised order.
    facts : SourceFacts
        What was found in the rows of the source.
    customers, refunds_only, repeats : int
        Customers scored; rows of customers with refunds only; rows left out because they repeat an earlier one.
    activity : Activity
        How busy the shop was before the cutoff.
    forecast, total : polars.DataFrame
        As from `foretell.scoring.forecast`, small.
    version : str
        Bundle that scored.
    as_of : datetime
        First instant that scoring did not see.
    horizons : Horizons
        The numbers in the names.
    kept : pyspark.sql.DataFrame
        What the workers hold on their disks.
    """

    scores: "DataFrame"
    facts: SourceFacts
    customers: int
    refunds_only: int
    repeats: int
    activity: Activity
    forecast: pl.DataFrame
    total: pl.DataFrame
    version: str
    as_of: datetime
    horizons: Horizons
    kept: "DataFrame"

    def release(self) -> None:
        """Let go of what the workers hold; `scores` would be computed again."""
        self.kept.unpersist()

    def left_out(self) -> dict[str, int]:
        """Return rows left out for what all rows of a customer tell together, by reason."""
        found = {REFUND_WITHOUT_ORDER: self.refunds_only, "duplicate_row": self.repeats}
        return {reason: rows for reason, rows in found.items() if rows}

    def counts(self) -> dict[str, int]:
        """Return what became of every source row.

        Returns
        -------
        dict of str to int
            ``rows_in`` = ``used`` + ``at_or_after_as_of`` + ``quarantined``.
        """
        ledger = self.facts.ledger
        quarantined = ledger.rows_in - ledger.used + self.refunds_only + self.repeats
        later = self.facts.at_or_after_as_of
        return {
            "rows_in": ledger.rows_in,
            "used": ledger.rows_in - quarantined - later,
            "at_or_after_as_of": later,
            "quarantined": quarantined,
        }


def score_on_spark(
    spark: "SparkSession",
    tables: "DataFrame | Source | Mapping[str, DataFrame | Source]",
    bundle: TrainedModel | StoredBundle | str | Path,
    as_of: date | datetime | str,
    *,
    buckets: int | None = None,
    explained_customers: int = 0,
) -> "DataFrame":
    """Score every customer with a purchase before `as_of`, inside the partitions of a Spark cluster.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession
        A classic session, local or on a cluster; every node has the driver's versions of foretell and its libraries.
    tables : pyspark.sql.DataFrame, Source or mapping of str to either
        Orders as a Spark frame with foretell's names, or a `foretell.Source` of one with its mapping and options as
        for `foretell.read_orders`; or a mapping with the key ``orders``.
    bundle : TrainedModel, StoredBundle, str or Path
        The model, or its folder.
    as_of : date, datetime or str
        First instant that is not seen.
    buckets : int or None
        Number of buckets of customers, a task each; None is one for 500,000 rows, and two a processor at least. The
        scores are the same for any number.
    explained_customers : int
        How many customers get reasons, highest value first; they cost a second look at the rows.

    Returns
    -------
    pyspark.sql.DataFrame
        One row per customer, columns of `foretell.scoring.schema.score_columns`, in no promised order. It is kept on
        the workers' disks; ``unpersist()`` lets go of it.

    Raises
    ------
    DataError, WindowError, TypeError
        As from `foretell.read_orders` and `TrainedModel.score`.
    ClusterMismatch
        If workers have other versions of the libraries that scores depend on.
    ConfigError
        If there are tables other than orders, or the session is none that can carry a bundle.

    Examples
    --------
    >>> scores = score_on_spark(spark, spark.read.parquet("orders"), "models/bundles/…", "2026-11-01")  # doctest: +SKIP
    """
    scored = scored_on_spark(spark, tables, bundle, as_of, buckets=buckets, explained_customers=explained_customers)
    return scored.scores


def scored_on_spark(
    spark: "SparkSession",
    tables: "DataFrame | Source | Mapping[str, DataFrame | Source]",
    bundle: TrainedModel | StoredBundle | str | Path,
    as_of: date | datetime | str,
    *,
    buckets: int | None = None,
    explained_customers: int = 0,
) -> SparkScored:
    """Score as `score_on_spark` does, and keep what was found on the way.

    Parameters
    ----------
    spark, tables, bundle, as_of, buckets, explained_customers
        As for `score_on_spark`.

    Returns
    -------
    SparkScored

    Raises
    ------
    DataError, WindowError, TypeError, ClusterMismatch, ConfigError
        As from `score_on_spark`.
    """
    from pyspark import StorageLevel
    from pyspark.sql import functions as f

    required_classic(spark)
    frame, source = orders_given(tables)
    stored, cutoff = stored_bundle(bundle), as_cutoff(as_of)
    horizons = stored.bundle.horizons
    reader = OrdersReader.of(source, empty_frame(frame))
    # A bucket without rows says all that is wrong with the date or the columns before anything is read.
    nobody = _nobody(reader)
    score_bucket(nobody, stored, cutoff)
    versions = require_same_libraries(spark)
    rows = frame.select([frame[quoted(name)] for name in reader.roots])
    facts = find_facts(rows, reader, source, cutoff, versions)
    parts = buckets or buckets_for(facts.ledger.rows_in, spark.sparkContext.defaultParallelism)
    packed = _packed(rows, source, parts, versions)
    job = {
        **send_bundle(spark, stored),
        "as_of": cutoff.isoformat(),
        "observed_until": None if reader.plan.observed_until is None else reader.plan.observed_until.isoformat(),
    }
    task = partial(tasks.score_rows, job=job, versions=versions)
    kept = map_in_arrow(packed, task, spark_schema(bucket_schema(horizons))).persist(StorageLevel.DISK_ONLY)
    told = [json.loads(row[FACTS]) for row in kept.where(f.col(FACTS).isNotNull()).select(FACTS).toArrow().to_pylist()]
    customers = kept.where(f.col(FACTS).isNull())
    steps = percentile_steps(customers, RANK_KEYS)
    if not steps["orders_key"]:
        raise nobody_before(cutoff, facts.ledger.last)
    by_value = "clv_key" if steps["clv_key"] else "orders_key"
    scores = customers.withColumns(
        {
            "clv_percentile": percentile_of(f.col(by_value), steps[by_value]),
            "churn_percentile": percentile_of(f.col("churn_key"), steps["churn_key"]),
        }
    )
    if explained_customers:
        chosen = _highest(customers, horizons, by_value, explained_customers)
        explain = partial(
            tasks.explain_rows, job={**job, "chosen": spark.sparkContext.broadcast(chosen)}, versions=versions
        )
        texts = dict.fromkeys(("customer_id", *REASONS), pl.String())
        reasons = map_in_arrow(packed, explain, spark_schema(texts))
        scores = scores.drop(*REASONS).join(reasons, on="customer_id", how="left")
    level = None if stored.bundle.refinement is None else stored.bundle.refinement.level
    weeks = pl.concat([pl.DataFrame(bucket["weeks"], schema=TOTALS_SCHEMA) for bucket in told])
    read = sum(bucket["rows"] for bucket in told)
    return SparkScored(
        scores=scores.select([f.col(quoted(name)) for name in score_schema(horizons)]),
        facts=facts,
        customers=sum(bucket["activity"]["customers"] for bucket in told),
        refunds_only=sum(bucket["refunds_only"] for bucket in told),
        repeats=facts.ledger.used - read,
        activity=reduce(add, (Activity(**bucket["activity"]) for bucket in told)),
        forecast=forecast_weeks(weeks, level, cutoff),
        total=forecast_total(weeks, level, cutoff),
        version=stored.version,
        as_of=cutoff,
        horizons=horizons,
        kept=kept,
    )


def find_facts(
    rows: "DataFrame", reader: OrdersReader, source: Mapping[str, Any], cutoff: datetime, versions: Mapping[str, str]
) -> SourceFacts:
    """Account for every row of a source, partition by partition.

    Parameters
    ----------
    rows : pyspark.sql.DataFrame
        The columns that are read.
    reader : OrdersReader
        How.
    source : mapping
        What `reader` was made of.
    cutoff : datetime
        First instant that scoring does not see.
    versions : mapping of str to str
        Libraries of the driver.

    Returns
    -------
    SourceFacts

    Raises
    ------
    DataError
        As from `foretell.read_orders`.
    """
    asked = {**source, "as_of": cutoff.isoformat()}
    told = map_in_arrow(rows, partial(tasks.find_facts, source=asked, versions=versions), FACTS_SCHEMA)
    return add_facts(told.toArrow(), reader)


def _packed(rows: "DataFrame", source: Mapping[str, Any], buckets: int, versions: Mapping[str, str]) -> "DataFrame":
    split = partial(tasks.split_rows, source=dict(source), buckets=buckets, versions=versions)
    # By its number and not by a hash of it: a partition has one bucket, whatever Spark would rather coalesce.
    return map_in_arrow(rows, split, PACKED).repartitionById(buckets, "bucket")


def _highest(customers: "DataFrame", horizons: Horizons, by_value: str, count: int) -> list[str]:
    """Whom reasons are told of, as `foretell.scoring.ranks.highest_valued` chooses."""
    from pyspark.sql import functions as f

    value, orders = f"predicted_clv_{horizons.clv_days}d", f"predicted_orders_{horizons.clv_days}d"
    first = [f.col(name).desc_nulls_last() for name in ((value, orders) if by_value == "clv_key" else (orders,))]
    chosen = customers.orderBy(*first, f.col("customer_id").asc()).limit(count).select("customer_id").toArrow()
    return [str(name) for name in chosen.column(0).to_pylist()]


def _nobody(reader: OrdersReader) -> CustomerData:
    """The shop without any row: its columns, and the end of observation where it was stated."""
    parsed = reader.parsed(reader.plan.opened.rows.collect())
    empty = reader.ledger().add(reader.plan.opened.rows.collect(), parsed)
    end = reader.plan.observed_until
    data = CustomerData(empty.select(kept_of_orders(empty.columns)).lazy(), end or datetime.max)
    return replace(data, observed_until_given=end is not None)


def buckets_for(rows: int, processors: int) -> int:
    """Choose a number of buckets.

    Parameters
    ----------
    rows : int
        Order rows, about.
    processors : int
        Tasks that run at once.

    Returns
    -------
    int
        One for `ROWS_PER_BUCKET` rows, two a processor at least.
    """
    return min(max(math.ceil(rows / ROWS_PER_BUCKET), 2 * processors), _MOST_BUCKETS)
