"""Functions of rooms above this one inside tasks: they travel as their names, and what they are given as text."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import polars as pl

from foretell.engines.spark.rows import gathered, sent
from foretell.engines.spark.session import polars_type, spark_type

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Call:
    """A function of a room above this one, by its name, and what it is to be given: plain values, for the workers.

    Parameters
    ----------
    module, function : str
        Where it is.
    given : str
        Its last argument, JSON.
    """

    module: str
    function: str
    given: str

    def found(self) -> Callable[..., pl.DataFrame]:
        """Import the function."""
        function: Callable[..., pl.DataFrame] = getattr(import_module(self.module), self.function)
        return function


def mapped_rows(batches: "Iterator[pa.RecordBatch]", job: Mapping[str, Any]) -> "Iterator[pa.RecordBatch]":
    """Send rows through a function inside a task.

    Parameters
    ----------
    batches : iterator of pyarrow.RecordBatch
        The rows.
    job : mapping
        ``call``, parts of a `Call`; ``columns`` that Spark expects, as pairs of name and type, in their order.

    Yields
    ------
    pyarrow.RecordBatch
        What it returns.
    """
    call = Call(*job["call"])
    function = call.found()
    for rows in gathered(batches):
        # Spark matches columns by place and not by name.
        yield from sent(
            function(rows, call.given).select(pl.col(name).cast(polars_type(kind)) for name, kind in job["columns"])
        )


def call_job(call: Call, columns: Mapping[str, pl.DataType]) -> dict[str, Any]:
    """Return a call as plain values, for `mapped_rows`.

    Parameters
    ----------
    call : Call
        The function.
    columns : mapping of str to polars.DataType
        What it is to return.

    Returns
    -------
    dict
    """
    kinds = [(name, spark_type(dtype)) for name, dtype in columns.items()]
    return {"call": (call.module, call.function, call.given), "columns": kinds}
