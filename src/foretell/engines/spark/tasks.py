"""What runs inside Spark's tasks: record batches in, record batches out.

This module is imported before anything heavy is, by the worker that is about to run a task: libraries that read their
number of threads once find it set.
"""

import os
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    Batches = Iterator[pa.RecordBatch]

_THREADS = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_COMPARED = ("polars", "numpy", "scipy", "lightgbm")

TASKS: Mapping[str, str] = {
    "read": "reading.read_rows",
    "split": "payloads.split_payloads",
    "split keys of orders": "lines.split_order_keys",
    "split digests of orders": "lines.split_order_digests",
    "place lines": "lines.placed_lines",
    "score": "scoring.scored_bucket",
    "explain": "scoring.explained_bucket",
    "count": "population.counted_bucket",
    "draw": "population.drawn_bucket",
    "map": "calls.mapped_rows",
    "score stored buckets": "shared_folder.score_numbers",
}
"""Functions by name of the task, in modules beside this one: they are imported where they run."""


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


def run(batches: "Batches", *, task: str, versions: Mapping[str, str], **given: Any) -> "Batches":
    """Run one of `TASKS` on the record batches of a partition.

    Parameters
    ----------
    batches : iterator of pyarrow.RecordBatch
        What the task is about.
    task : str
        Its name.
    versions : mapping of str to str
        Libraries of the driver.
    **given : object
        What the function takes beside the batches, ``job`` mostly.

    Yields
    ------
    pyarrow.RecordBatch
        What the function yields.

    Raises
    ------
    ClusterMismatch
        If a library has another version here.
    """
    _settle(versions)
    module, function = TASKS[task].split(".")
    yield from getattr(import_module(f"foretell.engines.spark.{module}"), function)(batches, **given)


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
