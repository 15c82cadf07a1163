"""Buckets in a folder that every node of a cluster sees, scored by its workers instead of one after the other."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from foretell.bundles.files import StoredBundle
from foretell.engines.buckets import part_folders, score_part
from foretell.engines.spark import tasks
from foretell.engines.spark.rows import gathered, sent
from foretell.engines.spark.scoring import bundle_of
from foretell.engines.spark.session import map_in_arrow, require_same_libraries, send_bundle
from foretell.errors import OutputError
from foretell.models.optimise import one_algebra_thread
from foretell.tables.bucketed import BY_CUSTOMER, BucketedData, scan_buckets, scan_orders
from foretell.tables.dataset import CustomerData
from foretell.tables.optional_tables import OptionalTables

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession


def score_parts_on_spark(
    spark: "SparkSession", data: BucketedData, stored: StoredBundle, cutoff: datetime, folder: Path
) -> None:
    """Score the buckets of a shop that are not scored yet, a task each.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession
        The session.
    data : BucketedData
        The shop's rows, in a folder that the workers see under the same name.
    stored : StoredBundle
        The bundle with its version.
    cutoff : datetime
        First instant that is not seen.
    folder : Path
        Where `foretell.engines.buckets.score_buckets` finds the finished buckets; the workers see it too.

    Raises
    ------
    ClusterMismatch
        If workers have other versions of the libraries that scores depend on.
    OutputError
        If what the workers wrote is not seen here: the folder is not shared.
    """
    parts = part_folders(folder)
    open_numbers = [number for number in range(data.buckets) if not parts["scored"].has(number)]
    if not open_numbers:
        return
    versions = require_same_libraries(spark)
    optional = data.shop.optional
    job = {
        **send_bundle(spark, stored),
        "as_of": cutoff.isoformat(),
        "rows": str(data.folder.resolve()),
        "buckets": data.buckets,
        "results": str(folder.resolve()),
        "observed_until": data.shop.observed_until.isoformat(),
        "observed_until_given": data.shop.observed_until_given,
        "split": [name for name in optional.names if name in BY_CUSTOMER],
        "shared": {name: _packed(getattr(optional, name)) for name in optional.names if name not in BY_CUSTOMER},
        "stable_attributes": optional.stable_attributes,
    }
    numbers = spark.range(0, len(open_numbers), 1, len(open_numbers))
    task = partial(tasks.run, task="score stored buckets", job={**job, "numbers": open_numbers}, versions=versions)
    map_in_arrow(numbers, task, "bucket int").toArrow()
    lacking = [number for number in open_numbers if not parts["scored"].has(number)]
    if lacking:
        msg = (
            f"{len(lacking):,} buckets that workers scored are not in {folder}. Remedy: an output folder that every "
            "node sees under the same name, or foretell.write_scores_on_spark, which needs none."
        )
        raise OutputError(msg)


def score_numbers(batches: "Iterator[pa.RecordBatch]", job: Mapping[str, Any]) -> "Iterator[pa.RecordBatch]":
    """Score buckets inside a task.

    Parameters
    ----------
    batches : iterator of pyarrow.RecordBatch
        ``id``, places in the list of ``numbers``.
    job : mapping
        As `score_parts_on_spark` sends it.

    Yields
    ------
    pyarrow.RecordBatch
        ``bucket``, the finished ones.
    """
    folder = Path(job["rows"])
    split: dict[str, Any] = {name: scan_buckets(folder, name) for name in job["split"]}
    shared: dict[str, Any] = {name: pl.read_ipc(io.BytesIO(content)) for name, content in job["shared"].items()}
    shop = CustomerData(
        orders=scan_orders(folder),
        observed_until=datetime.fromisoformat(job["observed_until"]),
        observed_until_given=job["observed_until_given"],
        optional=replace(OptionalTables(stable_attributes=tuple(job["stable_attributes"])), **split, **shared),
    )
    data, parts = BucketedData(shop, folder, job["buckets"]), part_folders(Path(job["results"]))
    for places in gathered(batches):
        done = [job["numbers"][place] for place in places["id"].to_list()]
        for number in done:
            with one_algebra_thread():
                score_part(data.bucket(number), bundle_of(job), datetime.fromisoformat(job["as_of"]), parts, number)
        yield from sent(pl.DataFrame({"bucket": done}, schema={"bucket": pl.Int32}))


def _packed(table: pl.DataFrame) -> bytes:
    content = io.BytesIO()
    table.write_ipc(content)
    return content.getvalue()
