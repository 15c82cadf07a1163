"""Which engine scores a shop, and the folder that it works in."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from importlib.metadata import version
from operator import add
from pathlib import Path

from foretell import __version__
from foretell.bundles.files import StoredBundle
from foretell.config.settings import Settings
from foretell.engines.buckets import score_buckets
from foretell.engines.frame import Scored, score_frame
from foretell.engines.sizes import Sizes, sizes_for
from foretell.engines.workspace import is_left_over, stage, workspace
from foretell.errors import DataError
from foretell.jobs.inputs import shop_sources
from foretell.jobs.privacy import forgotten_ids
from foretell.jobs.run_log import RunLog
from foretell.models.optimise import one_algebra_thread
from foretell.scoring.activity import Activity, activity_bucket
from foretell.storage.hashing import sha256_json
from foretell.storage.limits import bytes_of, usable_memory
from foretell.tables.bucketed import BucketedData
from foretell.tables.database_access import is_database
from foretell.tables.dataset import CustomerData
from foretell.tables.erasure import without_people
from foretell.tables.options import ReadOptions
from foretell.tables.read_buckets import read_data_into_buckets
from foretell.tables.read_data import read_data
from foretell.tables.source import Source
from foretell.tables.sources import OpenedSource, open_source

WORK_FOLDER = ".foretell-buckets"
"""Name of the folder for unfinished work, inside the output folder."""
_SHARE_OF_MEMORY = 0.7


@dataclass(frozen=True)
class _Plan:
    sizes: Sizes
    key: str | None


@contextmanager
def opened_shop(settings: Settings, log: RunLog, *, dry_run: bool) -> Iterator[CustomerData | BucketedData]:
    """Read the shop into memory, or into buckets on disk that are removed in the end.

    Parameters
    ----------
    settings : Settings
        Where the tables are, which engine is wanted, how much memory it may use.
    log : RunLog
        Notes how long reading took.
    dry_run : bool
        Whether nothing may be left in the output folder, not even by a killed process.

    Yields
    ------
    CustomerData or BucketedData
        The shop's rows.

    Raises
    ------
    ConfigError, DataError, LockHeld, OutputError
        As the rooms raise them.
    """
    plan, sources = _plan(settings, shop_sources(settings))
    work, zone = settings.folders.output / WORK_FOLDER, settings.shop.time_zone
    if plan is None:
        if not dry_run and is_left_over(work):
            with workspace(work):
                pass
        yield log.timed(
            "read",
            lambda: without_people(read_data(**sources, time_zone=zone), forgotten_ids(settings)),
            rows=lambda read: read.report.rows_in,
        )
        return
    if dry_run:
        work = Path(tempfile.mkdtemp(prefix="foretell-"))
    forget = forgotten_ids(settings)
    with workspace(work):
        # Work that a killed run left may hold people who are now to be forgotten, and cannot be told from.
        rows = stage(work / "rows", plan.key if forget.is_empty() else None)
        yield log.timed(
            "read",
            lambda: read_data_into_buckets(
                rows,
                plan.sizes.buckets,
                rows_at_once=plan.sizes.rows_at_once,
                time_zone=zone,
                forget=forget,
                **sources,
            ),
            rows=lambda read: read.shop.report.rows_in,
        )


def parts_of(shop: CustomerData | BucketedData) -> Iterator[CustomerData]:
    """Go through a shop's rows, as much at a time as may be in memory together.

    Parameters
    ----------
    shop : CustomerData or BucketedData
        The shop's rows.

    Yields
    ------
    CustomerData
        All rows of some of the customers.
    """
    if isinstance(shop, CustomerData):
        yield shop
    else:
        yield from (shop.bucket(number) for number in range(shop.buckets))


def activity_of(shop: CustomerData | BucketedData, cutoff: datetime, *, active_days: int) -> Activity:
    """Count customers and purchases of a shop where its rows are.

    Parameters
    ----------
    shop : CustomerData or BucketedData
        The shop's rows.
    cutoff : datetime
        First instant that is not seen.
    active_days : int
        Days that count as active, > 0.

    Returns
    -------
    Activity
        Of all customers.
    """
    return reduce(add, (activity_bucket(part, cutoff, active_days=active_days) for part in parts_of(shop)))


def run_engine(
    shop: CustomerData | BucketedData,
    stored: StoredBundle,
    cutoff: datetime,
    *,
    explained_customers: int,
    on_spark: bool = False,
) -> Scored:
    """Score a shop where its rows are.

    Parameters
    ----------
    shop : CustomerData or BucketedData
        The shop's rows.
    stored : StoredBundle
        The bundle with its version.
    cutoff : datetime
        First instant that is not seen.
    explained_customers : int
        How many customers get reasons.
    on_spark : bool
        Whether buckets are scored by the workers of a cluster.

    Returns
    -------
    Scored
        The same whatever the engine; of buckets, in files that last as long as the shop's.
    """
    # Products of matrices differ in their last bits with the number of threads.
    with one_algebra_thread():
        return _run_engine(shop, stored, cutoff, explained_customers, on_spark=on_spark)


def _run_engine(
    shop: CustomerData | BucketedData,
    stored: StoredBundle,
    cutoff: datetime,
    explained_customers: int,
    *,
    on_spark: bool,
) -> Scored:
    if isinstance(shop, CustomerData):
        return score_frame(shop, stored, cutoff, explained_customers=explained_customers)
    asked = {
        "as_of": cutoff.isoformat(),
        "bundle": stored.version,
        "churn_band_edges": list(stored.bundle.churn_band_edges),
        "explained_customers": explained_customers,
    }
    # Inside the folder of the rows: what was made of others is gone with them.
    folder = stage(shop.folder / "scores", sha256_json(asked))
    if on_spark:
        from foretell.engines.spark.session import current_session
        from foretell.engines.spark.shared_folder import score_parts_on_spark

        score_parts_on_spark(current_session(), shop, stored, cutoff, folder)
    return score_buckets(shop, stored, cutoff, folder, explained_customers=explained_customers)


def _plan(settings: Settings, sources: dict[str, Source]) -> tuple[_Plan | None, dict[str, Source]]:
    """How to score in buckets, None where in one piece; and the sources, of which a database was asked once."""
    wanted = settings.scoring
    if wanted.engine == "frame":
        return None, sources
    memory = bytes_of(wanted.memory) if wanted.memory else round(_SHARE_OF_MEMORY * usable_memory())
    try:
        opened = _opened(sources["orders"], settings.shop.time_zone)
        rows = opened.roughly_counted()
    except DataError:
        # Reading in one piece tells this together with all that is wrong with the other tables.
        return None, sources
    files = opened.identity()
    if is_database(sources["orders"].source):
        sources = {**sources, "orders": Source(opened, **sources["orders"].arguments)}
    sizes = sizes_for(memory, rows=rows, columns=len(opened.schema))
    if wanted.engine == "spark":
        sizes = replace(sizes, buckets=max(sizes.buckets, _cluster_buckets(rows)))
    if wanted.engine == "auto" and sizes.fits_in_memory:
        return None, sources
    facts = {
        "files": files,
        "tables": {name: repr(sorted(source.arguments.items())) for name, source in sources.items()},
        "time_zone": settings.shop.time_zone,
        "buckets": sizes.buckets,
        "versions": [__version__, version("polars")],
    }
    return _Plan(sizes, None if files is None else sha256_json(facts)), sources


def _cluster_buckets(rows: int) -> int:
    """Buckets that keep every processor of the cluster busy; a cluster that is not there is told before reading."""
    from foretell.engines.spark.score import buckets_for
    from foretell.engines.spark.session import current_session

    return buckets_for(rows, current_session().sparkContext.defaultParallelism)


def _opened(orders: Source, time_zone: str | None) -> OpenedSource:
    arguments = orders.arguments
    options = ReadOptions(
        arguments.get("delimiter"),
        arguments.get("encoding", "utf8"),
        arguments.get("decimal_comma", False),
        (),
        arguments.get("time_zone") or time_zone,
    )
    return open_source(
        orders.source,
        table="orders",
        options=options,
        query=arguments.get("query"),
        database_table=arguments.get("table"),
    )
