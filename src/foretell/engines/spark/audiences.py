"""Who of the scored customers is in which audience, on a cluster: rules row by row, ranks and first places by Spark."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from importlib import import_module
from operator import or_
from typing import TYPE_CHECKING, Any, Protocol

import polars as pl

from foretell.bundles.files import StoredBundle
from foretell.engines.spark import tasks
from foretell.engines.spark.given import quoted
from foretell.engines.spark.rows import gathered, sent
from foretell.engines.spark.session import map_in_arrow, polars_type, spark_schema, spark_type
from foretell.tables.dataset import CustomerData

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import Column, DataFrame

_CHOSEN = "foretell: chosen"
HELD_OUT = "_holdout"
"""Ending of the name of the part that is left out of a campaign."""


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


@dataclass(frozen=True)
class Described:
    """What is computed of customers beside their scores.

    Parameters
    ----------
    columns : mapping of str to polars.DataType
        Names and types.
    compute : Call
        From all rows of some customers, the cutoff and the bundle's figures of the whole shop to ``customer_id`` and
        these columns.
    """

    columns: Mapping[str, pl.DataType]
    compute: Call

    def job(self) -> dict[str, Any]:
        """Return it as plain values, for `foretell.engines.spark.scoring.scored_bucket`."""
        return _job(self.compute, self.columns)


@dataclass(frozen=True)
class Audience:
    """One audience.

    Parameters
    ----------
    name : str
        Name of its folder.
    order_by : tuple of (str, bool)
        Columns of the scores, of `Described` and ranks, each with whether the highest come first; then by customer.
    limit : int or None
        Most customers, the first in order.
    group : str
        Audiences of one group share no customer: the earlier choose first. Empty for none.
    holdout : bool
        Whether a part is held out.
    columns : mapping of str to polars.DataType
        Columns of its files.
    contents : Call
        From flagged rows to these columns.
    told : mapping of str to object
        What the manifest says of it beside its size; no customer.
    """

    name: str
    order_by: tuple[tuple[str, bool], ...]
    limit: int | None
    group: str
    holdout: bool
    columns: Mapping[str, pl.DataType]
    contents: Call
    told: Mapping[str, Any]


@dataclass(frozen=True)
class Audiences:
    """The audiences of one run.

    Parameters
    ----------
    members : tuple of Audience
        Those of one group in the order in which they choose.
    ranked : mapping of str to str
        By name of a rank the column that is ranked, among the customers who have a value.
    off : mapping of str to str
        Audiences that the data do not allow, and why.
    flag : Call
        From scores, descriptions, mean ranks and `among` how many, to ranks in percent, ``in: <name>`` and
        ``out: <name>`` for each audience: whom its rule holds for, and who is held out.
    """

    members: tuple[Audience, ...]
    ranked: Mapping[str, str]
    flag: Call
    off: Mapping[str, str]


class AudienceMaker(Protocol):
    """What settles audiences, in a room above this one."""

    @property
    def digest(self) -> str:
        """Digits that tell definitions apart."""

    def described(self, nobody: CustomerData, stored: StoredBundle) -> Described | None:
        """Say what rules need beside scores; `nobody` is the shop without rows."""

    def audiences(self, nobody: CustomerData, stored: StoredBundle, *, has_money: bool) -> Audiences:
        """Settle rules, orders and files."""


def flagged_rows(
    rows: "DataFrame", schema: Mapping[str, pl.DataType], audiences: Audiences, versions: Mapping[str, str]
) -> "tuple[DataFrame, DataFrame]":
    """Tell of every customer which audience holds them.

    Parameters
    ----------
    rows : pyspark.sql.DataFrame
        Scores, and what describes customers beside them.
    schema : mapping of str to polars.DataType
        Their columns.
    audiences : Audiences
        The audiences.
    versions : mapping of str to str
        Libraries of the driver.

    Returns
    -------
    chosen : pyspark.sql.DataFrame
        The same rows with ranks and with ``in: <name>`` and ``out: <name>``, in which places in groups and first places
        count.
    held : pyspark.sql.DataFrame
        What the workers hold on their disks.
    """
    from pyspark import StorageLevel
    from pyspark.sql import functions as f

    for name, of in audiences.ranked.items():
        rows = _with_rank(rows, of, name)
    flags = {flag(kind, one.name): pl.Boolean() for one in audiences.members for kind in ("in", "out")}
    wanted = {**schema, **dict.fromkeys(audiences.ranked, pl.Float64()), **flags}
    task = partial(tasks.map_rows, job=_job(audiences.flag, wanted), versions=versions)
    given = [*(name for name in wanted if name not in flags), *map(among, audiences.ranked)]
    rows = rows.select([f.col(quoted(name)) for name in given])
    found = map_in_arrow(rows, task, spark_schema(wanted)).persist(StorageLevel.DISK_ONLY)
    chosen = found
    taken: dict[str, list[str]] = {}
    for one in audiences.members:
        mine, before = flag("in", one.name), taken.setdefault(one.group, []) if one.group else []
        inside = f.col(quoted(mine))
        if before:
            inside &= ~reduce(or_, (f.col(quoted(name)) for name in before))
        chosen = chosen.withColumn(mine, inside)
        if one.limit is not None:
            first = chosen.where(f.col(quoted(mine))).orderBy(*_order(one)).limit(one.limit)
            first = first.select("customer_id", f.lit(True).alias(_CHOSEN))
            joined = chosen.join(first, on="customer_id", how="left")
            chosen = joined.withColumn(mine, f.coalesce(f.col(_CHOSEN), f.lit(False))).drop(_CHOSEN)
        if one.group:
            before.append(mine)
    return chosen, found


def files_of(chosen: "DataFrame", one: Audience, versions: Mapping[str, str]) -> "dict[str, DataFrame]":
    """Return the files of one audience.

    Parameters
    ----------
    chosen : pyspark.sql.DataFrame
        As from `flagged_rows`.
    one : Audience
        The audience.
    versions : mapping of str to str
        Libraries of the driver.

    Returns
    -------
    dict of str to pyspark.sql.DataFrame
        By name of the folder, in the audience's order; those held out in a folder of their own.
    """
    from pyspark.sql import functions as f

    inside, out = f.col(quoted(flag("in", one.name))), f.col(quoted(flag("out", one.name)))
    parts = {one.name: inside & ~out, **({one.name + HELD_OUT: inside & out} if one.holdout else {})}
    task = partial(tasks.map_rows, job=_job(one.contents, one.columns), versions=versions)
    return {
        name: map_in_arrow(chosen.where(rule).orderBy(*_order(one)), task, spark_schema(one.columns))
        for name, rule in parts.items()
    }


def sizes_of(chosen: "DataFrame", members: Sequence[Audience]) -> dict[str, tuple[int, int]]:
    """Count the customers of every audience.

    Parameters
    ----------
    chosen : pyspark.sql.DataFrame
        As from `flagged_rows`.
    members : sequence of Audience
        The audiences.

    Returns
    -------
    dict of str to (int, int)
        By name, those to talk to and those held out.
    """
    from pyspark.sql import functions as f

    counts = []
    for place, one in enumerate(members):
        inside, out = f.col(quoted(flag("in", one.name))), f.col(quoted(flag("out", one.name)))
        counts += [
            f.count(f.when(inside & ~out, 1)).alias(f"in_{place}"),
            f.count(f.when(inside & out, 1)).alias(f"out_{place}"),
        ]
    found = chosen.agg(*counts).toArrow().to_pylist()[0]
    return {one.name: (found[f"in_{place}"], found[f"out_{place}"]) for place, one in enumerate(members)}


def flag(kind: str, name: str) -> str:
    """Return the column that says whom an audience holds (``in``), or holds out (``out``)."""
    return f"{kind}: {name}"


def among(name: str) -> str:
    """Return the column that says how many customers a rank is among."""
    return f"{name} among"


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


def _job(call: Call, columns: Mapping[str, pl.DataType]) -> dict[str, Any]:
    kinds = [(name, spark_type(dtype)) for name, dtype in columns.items()]
    return {"call": (call.module, call.function, call.given), "columns": kinds}


def _order(one: Audience) -> "list[Column]":
    from pyspark.sql import functions as f

    columns = [(f.col(quoted(name)), down) for name, down in one.order_by]
    named = [column.desc_nulls_last() if down else column.asc_nulls_last() for column, down in columns]
    return [*named, f.col("customer_id").asc()]


def _with_rank(rows: "DataFrame", of: str, name: str) -> "DataFrame":
    """Add the mean rank of a column's values, and how many there are: every distinct value once is put in order."""
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    value, count = f.col("value"), f.col("count")
    upto = Window.orderBy("value").rowsBetween(Window.unboundedPreceding, Window.currentRow)
    counted = rows.select(f.col(quoted(of)).alias("value")).where(value.isNotNull()).groupBy("value").count()
    smaller = f.sum(count).over(upto) - count
    everybody = f.sum(count).over(Window.partitionBy())
    mean = smaller + (count + f.lit(1)) / f.lit(2.0)
    ranked = counted.select(value.alias(_CHOSEN), mean.alias(name), everybody.alias(among(name)))
    return rows.join(ranked, rows[quoted(of)] == ranked[quoted(_CHOSEN)], "left").drop(_CHOSEN)
