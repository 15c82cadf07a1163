"""Orders of a hash sample of customers from a cluster to the driver, for training and for a look at the data."""

from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from foretell.engines.spark import tasks
from foretell.engines.spark.given import empty_frame, orders_given, quoted
from foretell.engines.spark.rows import PACKED, OrdersReader, unpacked
from foretell.engines.spark.score import find_facts
from foretell.engines.spark.session import map_in_arrow, require_same_libraries, required_classic
from foretell.errors import ConfigError, DataError, Violation
from foretell.tables.dataset import CustomerData, ReadReport
from foretell.tables.source import Source
from foretell.windows import midnight_after

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def read_orders_on_spark(spark: "SparkSession", orders: "DataFrame | Source", *, share: float = 1.0) -> CustomerData:
    """Read the orders of a share of all customers from a Spark frame into this process.

    What learning needs is customers in the hundred thousands, with all rows of each: a model that was trained on a
    sample scores everybody with `foretell.score_on_spark`.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession
        A classic session.
    orders : pyspark.sql.DataFrame or Source
        As for `foretell.score_on_spark`.
    share : float
        Share of the customers, 0 < share <= 1, by hash of their ids: the same customers on every run, and a larger
        share holds every smaller one.

    Returns
    -------
    CustomerData
        As from `foretell.read_orders` with the rows of these customers alone; observed as long as the whole source, of
        which every row was checked. Notes are of the whole source, the quarantine is empty.

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
    frame, source = orders_given(orders)
    reader = OrdersReader.of(source, empty_frame(frame))
    versions = require_same_libraries(spark)
    rows = frame.select([frame[quoted(name)] for name in reader.roots])
    facts = find_facts(rows, reader, source, datetime.max, versions)
    split = partial(tasks.split_rows, source=dict(source), buckets=1, share=share, versions=versions)
    data = unpacked(iter(map_in_arrow(rows, split, PACKED).toArrow().to_batches()))
    if data is None:
        rule, remedy = f"no customer is in a share of {share:g}", "Give a larger share."
        raise DataError([Violation("orders", "customer_id", rule, 0, remedy=remedy)], source=reader.plan.opened.title)
    end, last = reader.plan.observed_until, facts.ledger.last
    height = data.report.rows_used
    return replace(
        data,
        observed_until=end or (data.observed_until if last is None else midnight_after(last)),
        observed_until_given=end is not None,
        report=ReadReport(height, height, 0, facts.notes),
    )
