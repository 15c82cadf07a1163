"""Scoring on Spark: rows to buckets of customers, each bucket through the function of every engine, ranks by counts."""

import json
import math
from collections.abc import Mapping
from datetime import date, datetime
from functools import partial, reduce
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from foretell.bundles.files import StoredBundle
from foretell.engines.frame import nobody_before
from foretell.engines.spark import tasks
from foretell.engines.spark.audiences import AudienceMaker, Described
from foretell.engines.spark.given import quoted, stored_bundle
from foretell.engines.spark.plan import plan_shop
from foretell.engines.spark.ranks import percentile_of, percentile_steps
from foretell.engines.spark.scored import SparkScored
from foretell.engines.spark.scoring import FACTS, RANK_KEYS, bucket_schema
from foretell.engines.spark.session import (
    map_in_arrow,
    require_same_libraries,
    required_classic,
    send_bundle,
    spark_schema,
)
from foretell.engines.spark.shop import SparkShop, read_shop
from foretell.engines.trained_model import TrainedModel
from foretell.scoring.activity import Activity
from foretell.scoring.forecast import TOTALS_SCHEMA, forecast_total, forecast_weeks
from foretell.scoring.schema import REASONS, score_schema
from foretell.scoring.score import score_bucket
from foretell.tables.source import Source
from foretell.windows import Horizons, as_cutoff

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

ROWS_PER_BUCKET = 1_250_000
"""Order rows of a bucket, about: half a gigabyte of memory while they are scored. A task costs seconds of its own."""
_MOST_BUCKETS = 100_000


def score_on_spark(
    spark: "SparkSession",
    tables: "DataFrame | Source | Mapping[str, DataFrame | Source]",
    bundle: TrainedModel | StoredBundle | str | Path,
    as_of: date | datetime | str,
    *,
    time_zone: str | None = None,
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
        for `foretell.read_orders`; or a mapping of such with the keys of `foretell.read_data`: ``orders``,
        ``order_lines``, ``events``, ``customers``, ``calendar``, ``places``. The last two travel to every task.
    bundle : TrainedModel, StoredBundle, str or Path
        The model, or its folder.
    as_of : date, datetime or str
        First instant that is not seen.
    time_zone : str or None
        The shop's zone, for every table that names none.
    buckets : int or None
        Number of buckets of customers, a task each; None is one for 1,250,000 rows, and two a processor at least. The
        scores are the same for any number.
    explained_customers : int
        How many customers get reasons, highest value first; they cost a second look at the rows.

    Returns
    -------
    pyspark.sql.DataFrame
        One row per customer, columns of `foretell.scoring.schema.score_columns`, in no promised order. What it is made
        of is kept on the workers' disks until the session ends, or ``spark.catalog.clearCache()``.

    Raises
    ------
    DataError, WindowError, TypeError
        As from `foretell.read_data` and `TrainedModel.score`.
    ClusterMismatch
        If workers have other versions of the libraries that scores depend on.
    ConfigError
        If there is no table of orders or one that is not known, or the session is none that can carry a bundle.

    Examples
    --------
    >>> scores = score_on_spark(spark, spark.read.parquet("orders"), "models/bundles/…", "2026-11-01")  # doctest: +SKIP
    """
    scored = scored_on_spark(
        spark,
        tables,
        bundle,
        as_of,
        time_zone=time_zone,
        buckets=buckets,
        explained_customers=explained_customers,
    )
    return scored.scores


def scored_on_spark(
    spark: "SparkSession",
    tables: "DataFrame | Source | Mapping[str, DataFrame | Source]",
    bundle: TrainedModel | StoredBundle | str | Path,
    as_of: date | datetime | str,
    *,
    time_zone: str | None = None,
    buckets: int | None = None,
    explained_customers: int = 0,
    maker: AudienceMaker | None = None,
) -> SparkScored:
    """Score as `score_on_spark` does, and keep what was found on the way.

    Parameters
    ----------
    spark, tables, bundle, as_of, time_zone, buckets, explained_customers
        As for `score_on_spark`.
    maker : AudienceMaker or None
        Whose descriptions of customers are computed beside the scores.

    Returns
    -------
    SparkScored

    Raises
    ------
    DataError, WindowError, TypeError, ClusterMismatch, ConfigError
        As from `score_on_spark`.
    """
    required_classic(spark)
    stored, cutoff = stored_bundle(bundle), as_cutoff(as_of)
    plan = plan_shop(tables, cutoff, time_zone=time_zone)
    # A bucket without rows says all that is wrong with the date or the columns before anything is read.
    score_bucket(plan.nobody(), stored, cutoff)
    described = None if maker is None else maker.described(plan.nobody(), stored)
    versions = require_same_libraries(spark)
    at_once = spark.sparkContext.defaultParallelism
    shop = read_shop(plan, versions, lambda rows: buckets or buckets_for(rows, at_once))
    held = [*shop.parts.values()]
    try:
        return _scored(
            spark,
            shop,
            stored,
            cutoff,
            buckets=buckets,
            explained_customers=explained_customers,
            described=described,
            held=held,
        )
    except BaseException:
        for frame in held:
            frame.unpersist()
        raise


def _scored(
    spark: "SparkSession",
    shop: SparkShop,
    stored: StoredBundle,
    cutoff: datetime,
    *,
    buckets: int | None,
    explained_customers: int,
    described: Described | None,
    held: "list[DataFrame]",
) -> SparkScored:
    from pyspark import StorageLevel
    from pyspark.sql import functions as f

    horizons = stored.bundle.horizons
    account = shop.account
    packed = shop.in_buckets(buckets or buckets_for(account.rows_in, spark.sparkContext.defaultParallelism))
    columns = {} if described is None else dict(described.columns)
    job = {**send_bundle(spark, stored), **shop.job(cutoff)}
    job["described"] = None if described is None else described.job()
    task = partial(tasks.run, task="score", job=job, versions=shop.versions)
    kept = map_in_arrow(packed, task, spark_schema(bucket_schema(horizons, columns))).persist(StorageLevel.DISK_ONLY)
    held.append(kept)
    told = [json.loads(row[FACTS]) for row in kept.where(f.col(FACTS).isNotNull()).select(FACTS).toArrow().to_pylist()]
    of_tables = account.settle(bucket["tables"] for bucket in told)
    customers = kept.where(f.col(FACTS).isNull())
    steps = percentile_steps(customers, RANK_KEYS)
    if not steps["orders_key"]:
        raise nobody_before(cutoff, account.orders.last)
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
            tasks.run,
            task="explain",
            job={**job, "chosen": spark.sparkContext.broadcast(chosen)},
            versions=shop.versions,
        )
        texts = dict.fromkeys(("customer_id", *REASONS), pl.String())
        reasons = map_in_arrow(packed, explain, spark_schema(texts)).persist(StorageLevel.DISK_ONLY)
        held.append(reasons)
        scores = scores.drop(*REASONS).join(reasons, on="customer_id", how="left")
    else:
        # Scored rows need them no more; where a worker is lost they are read again.
        shop.release()
        held = [kept]
    level = None if stored.bundle.refinement is None else stored.bundle.refinement.level
    of_customers = [bucket for bucket in told if "weeks" in bucket]
    weeks = pl.concat([pl.DataFrame(bucket["weeks"], schema=TOTALS_SCHEMA) for bucket in of_customers])
    refunds_only = sum(bucket["refunds_only"] for bucket in of_customers)
    types = {**score_schema(horizons), **columns}
    return SparkScored(
        scores=scores.select([f.col(quoted(name)) for name in score_schema(horizons)]),
        accounts=account.table_accounts(of_tables, refunds_only, cutoff),
        reasons=account.reasons(refunds_only),
        notes=account.notes(of_tables, shop.account_notes([bucket["accounts"] for bucket in told])),
        content=account.content,
        customers=sum(bucket["activity"]["customers"] for bucket in of_customers),
        refunds_only=refunds_only,
        activity=reduce(add, (Activity(**bucket["activity"]) for bucket in of_customers)),
        forecast=forecast_weeks(weeks, level, cutoff),
        total=forecast_total(weeks, level, cutoff),
        version=stored.version,
        as_of=cutoff,
        horizons=horizons,
        held=tuple(held),
        described=scores.select([f.col(quoted(name)) for name in types]),
        plain=customers,
        types=types,
        versions=shop.versions,
        has_money=bool(steps["clv_key"]),
        plan=shop.plan,
    )


def _highest(customers: "DataFrame", horizons: Horizons, by_value: str, count: int) -> list[str]:
    """Whom reasons are told of, as `foretell.scoring.ranks.highest_valued` chooses."""
    from pyspark.sql import functions as f

    value, orders = f"predicted_clv_{horizons.clv_days}d", f"predicted_orders_{horizons.clv_days}d"
    first = [f.col(name).desc_nulls_last() for name in ((value, orders) if by_value == "clv_key" else (orders,))]
    chosen = customers.orderBy(*first, f.col("customer_id").asc()).limit(count).select("customer_id").toArrow()
    return [str(name) for name in chosen.column(0).to_pylist()]


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
