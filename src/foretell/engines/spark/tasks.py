"""What runs inside Spark's tasks: record batches in, record batches out.

This module is imported before anything heavy is, by the worker that is about to run a task: libraries that read their
number of threads once find it set.
"""

import os
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    Batches = Iterator[pa.RecordBatch]

_THREADS = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_COMPARED = ("polars", "numpy", "scipy", "lightgbm")


@cache
def versions_here() -> dict[str, str]:
    """Return the versions of the libraries that scores depend on, in this process.

    Returns
    -------
    dict of str to str
        foretell's own among them.
    """
    from importlib.metadata import version

    from foretell import __version__

    return {"foretell": __version__, **{name: version(name) for name in _COMPARED}}


def say_versions(_batches: "Batches") -> "Batches":
    """Tell what is installed where this task runs.

    Parameters
    ----------
    _batches : iterator of pyarrow.RecordBatch
        Ignored.

    Yields
    ------
    pyarrow.RecordBatch
        ``library``, ``version``, one row a library.
    """
    _one_thread()
    import polars as pl

    from foretell.engines.spark.rows import sent

    found = versions_here()
    yield from sent(pl.DataFrame({"library": list(found), "version": list(found.values())}))


def read_table(batches: "Batches", *, job: Mapping[str, Any], versions: Mapping[str, str]) -> "Batches":
    """Read the rows of one partition of a table once, and account for all of them.

    Parameters
    ----------
    batches : iterator of pyarrow.RecordBatch
        Rows as the source has them.
    job : mapping
        As for `foretell.engines.spark.reading.read_rows`.
    versions : mapping of str to str
        Libraries of the driver.

    Yields
    ------
    pyarrow.RecordBatch
        As from `foretell.engines.spark.reading.read_rows`.
    """
    _settle(versions)
    from foretell.engines.spark.reading import read_rows

    yield from read_rows(batches, job)


def split_packages(
    batches: "Batches", *, buckets: int, by: str = "customer_id", share: float = 1.0, versions: Mapping[str, str]
) -> "Batches":
    """Pack rows that were read by bucket of their key.

    Parameters
    ----------
    batches : iterator of pyarrow.RecordBatch
        ``payload``, as from `read_table`.
    buckets : int
        Number of buckets.
    by : str
        ``customer_id``, ``order_id``; of orders ``keys of orders``, what lines need to know of them, by order id, or
        ``digests of orders``, what is needed to count the order ids of several customers.
    share : float
        Share of the customers whose rows are wanted, where rows are split by customer.
    versions : mapping of str to str
        Libraries of the driver.

    Yields
    ------
    pyarrow.RecordBatch
        ``bucket``, ``payload``.
    """
    _settle(versions)
    from foretell.engines.spark.lines import split_order_digests, split_order_keys
    from foretell.engines.spark.payloads import split_payloads

    if by == "keys of orders":
        yield from split_order_keys(batches, buckets)
    elif by == "digests of orders":
        yield from split_order_digests(batches, buckets)
    else:
        yield from split_payloads(batches, buckets, by=by, share=share)


def place_lines(batches: "Batches", *, job: Mapping[str, Any], versions: Mapping[str, str]) -> "Batches":
    """Find customer and time of the order lines of one bucket of order ids.

    Parameters
    ----------
    batches : iterator of pyarrow.RecordBatch
        As for `foretell.engines.spark.lines.placed_lines`.
    job : mapping
        As for that.
    versions : mapping of str to str
        Libraries of the driver.

    Yields
    ------
    pyarrow.RecordBatch
        As from `read_table`.
    """
    _settle(versions)
    from foretell.engines.spark.lines import placed_lines

    yield from placed_lines(batches, job)


def score_rows(batches: "Batches", *, job: Mapping[str, Any], versions: Mapping[str, str]) -> "Batches":
    """Score the customers of one bucket.

    Parameters
    ----------
    batches : iterator of pyarrow.RecordBatch
        As from `split_packages`, all that concern the bucket's customers.
    job : mapping
        As for `foretell.engines.spark.scoring.scored_bucket`.
    versions : mapping of str to str
        Libraries of the driver.

    Yields
    ------
    pyarrow.RecordBatch
        Columns of `foretell.engines.spark.scoring.bucket_schema`.
    """
    _settle(versions)
    from foretell.engines.spark.scoring import scored_bucket

    yield from scored_bucket(batches, job)


def count_customers(batches: "Batches", *, job: Mapping[str, Any], versions: Mapping[str, str]) -> "Batches":
    """Count the customers of one bucket by history.

    Parameters
    ----------
    batches : iterator of pyarrow.RecordBatch
        As from `split_packages`, all that concern the bucket's customers.
    job : mapping
        As for `foretell.engines.spark.population.counted_bucket`.
    versions : mapping of str to str
        Libraries of the driver.

    Yields
    ------
    pyarrow.RecordBatch
        Columns of `foretell.engines.spark.population.COUNTED`.
    """
    _settle(versions)
    from foretell.engines.spark.population import counted_bucket

    yield from counted_bucket(batches, job)


def draw_customers(batches: "Batches", *, job: Mapping[str, Any], versions: Mapping[str, str]) -> "Batches":
    """Return the rows of those customers of one bucket that are learnt from or judged, and order values.

    Parameters
    ----------
    batches : iterator of pyarrow.RecordBatch
        As from `split_packages`, all that concern the bucket's customers.
    job : mapping
        As for `foretell.engines.spark.population.drawn_bucket`.
    versions : mapping of str to str
        Libraries of the driver.

    Yields
    ------
    pyarrow.RecordBatch
        Columns of `foretell.engines.spark.population.DRAWN`.
    """
    _settle(versions)
    from foretell.engines.spark.population import drawn_bucket

    yield from drawn_bucket(batches, job)


def explain_rows(batches: "Batches", *, job: Mapping[str, Any], versions: Mapping[str, str]) -> "Batches":
    """Say why some customers of one bucket are scored as they are.

    Parameters
    ----------
    batches : iterator of pyarrow.RecordBatch
        As from `split_packages`, all that concern the bucket's customers.
    job : mapping
        As for `foretell.engines.spark.scoring.explained_bucket`.
    versions : mapping of str to str
        Libraries of the driver.

    Yields
    ------
    pyarrow.RecordBatch
        ``customer_id`` and the reasons.
    """
    _settle(versions)
    from foretell.engines.spark.scoring import explained_bucket

    yield from explained_bucket(batches, job)


def map_rows(batches: "Batches", *, job: Mapping[str, Any], versions: Mapping[str, str]) -> "Batches":
    """Send rows through a function.

    Parameters
    ----------
    batches : iterator of pyarrow.RecordBatch
        The rows.
    job : mapping
        As for `foretell.engines.spark.calls.mapped_rows`.
    versions : mapping of str to str
        Libraries of the driver.

    Yields
    ------
    pyarrow.RecordBatch
        What it returns.
    """
    _settle(versions)
    from foretell.engines.spark.calls import mapped_rows

    yield from mapped_rows(batches, job)


def score_stored_buckets(batches: "Batches", *, job: Mapping[str, Any], versions: Mapping[str, str]) -> "Batches":
    """Score buckets that lie in a folder which every node sees, and leave the results there.

    Parameters
    ----------
    batches : iterator of pyarrow.RecordBatch
        Numbers of buckets.
    job : mapping
        As for `foretell.engines.spark.shared_folder.score_numbers`.
    versions : mapping of str to str
        Libraries of the driver.

    Yields
    ------
    pyarrow.RecordBatch
        The numbers of the finished buckets.
    """
    _settle(versions)
    from foretell.engines.spark.shared_folder import score_numbers

    yield from score_numbers(batches, job)


def _settle(versions: Mapping[str, str]) -> None:
    """See that the libraries are the driver's: others may give other digits."""
    _one_thread()
    here = versions_here()
    if here != dict(versions):
        from foretell.errors import ClusterMismatch

        raise ClusterMismatch.between(versions, here)


def _one_thread() -> None:
    """Spark runs a task a processor; libraries that took all of them would stand in one another's way."""
    for name in _THREADS:
        os.environ.setdefault(name, "1")
