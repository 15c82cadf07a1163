"""Rows of a hash sample of customers from a cluster to the driver, for training and for a look at the data."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from foretell.engines.spark.bucket_shop import TableTold, bucket_shop
from foretell.engines.spark.plan import plan_shop
from foretell.engines.spark.score import buckets_for
from foretell.engines.spark.session import require_same_libraries, required_classic
from foretell.engines.spark.shop import read_shop
from foretell.errors import ConfigError, DataError, Violation
from foretell.tables.dataset import CustomerData, ReadReport
from foretell.tables.source import Source
from foretell.windows import midnight_after

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def read_orders_on_spark(
    spark: "SparkSession",
    tables: "DataFrame | Source | Mapping[str, DataFrame | Source]",
    *,
    share: float = 1.0,
    time_zone: str | None = None,
) -> CustomerData:
    """Read the rows of a share of all customers from Spark frames into this process.

    What learning needs is customers in the hundred thousands, with all rows of each: a model that was trained on a
    sample scores everybody with `foretell.score_on_spark`.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession
        A classic session.
    tables : pyspark.sql.DataFrame, Source or mapping of str to either
        As for `foretell.score_on_spark`.
    share : float
        Share of the customers, 0 < share <= 1, by hash of their ids: the same customers on every run, and a larger
        share holds every smaller one.
    time_zone : str or None
        The shop's zone, for every table that names none.

    Returns
    -------
    CustomerData
        As from `foretell.read_data` with the rows of these customers alone; observed as long as the whole shop, of
        which every row was read. Notes are of the whole shop, but for rows that repeat, shared or missing order ids and
        giant accounts, which are not looked for; rows that contradict each other are, among these customers. The
        quarantine is empty.

    Raises
    ------
    DataError, ClusterMismatch, ConfigError, TypeError
        As from `foretell.score_on_spark`.

    Examples
    --------
    >>> data = read_orders_on_spark(spark, frame, share=0.002)  # doctest: +SKIP
    >>> model = ft.train(data, as_of="2026-11-01")  # doctest: +SKIP
    """
    required_classic(spark)
    if not 0 < share <= 1:
        raise ConfigError([f"share must lie above 0 and be 1 at most; got {share!r}."])
    plan, at_once = plan_shop(tables, None, time_zone=time_zone), spark.sparkContext.defaultParallelism
    shop = read_shop(plan, require_same_libraries(spark), lambda rows: buckets_for(rows, at_once))
    try:
        found = bucket_shop(iter(shop.of_share(share).toArrow().to_batches()), shop.job(datetime.max))
    finally:
        shop.release()
    if not found.ordered:
        rule, remedy = f"no customer is in a share of {share:g}", "Give a larger share."
        raise DataError([Violation("orders", "customer_id", rule, 0, remedy=remedy)], source=plan.orders.title)
    notes = shop.account.notes(dict.fromkeys(shop.account.tables, TableTold()))
    shop.account.settle([found.plain()["tables"]])
    data, last, end = found.data, shop.account.orders.last, plan.orders.plan.observed_until
    height = data.report.rows_used
    return replace(
        data,
        observed_until=end or (data.observed_until if last is None else midnight_after(last)),
        observed_until_given=end is not None,
        report=ReadReport(height, height, 0, notes),
    )
