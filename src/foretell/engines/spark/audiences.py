"""Who of the scored customers is in which audience, on a cluster: rules row by row, ranks and first places by Spark."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from operator import or_
from typing import TYPE_CHECKING, Any, Protocol

import polars as pl

from foretell.bundles.files import StoredBundle
from foretell.engines.spark import tasks
from foretell.engines.spark.calls import Call, call_job
from foretell.engines.spark.given import quoted
from foretell.engines.spark.session import map_in_arrow, spark_schema
from foretell.tables.dataset import CustomerData

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_CHOSEN = "foretell: chosen"
HELD_OUT = "_holdout"
"""Ending of the name of the part that is left out of a campaign."""


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
        return call_job(self.compute, self.columns)


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
    reads : frozenset of str
        Columns of the scores, of `Described` and ranks that its rule and its files are made of.
    contents : Call
        From these columns to those of its files.
    told : mapping of str to object
        What the manifest says of it beside its size; no customer.
    """

    name: str
    order_by: tuple[tuple[str, bool], ...]
    limit: int | None
    group: str
    holdout: bool
    columns: Mapping[str, pl.DataType]
    reads: frozenset[str]
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
    rows: "DataFrame",
    plain: "DataFrame",
    schema: Mapping[str, pl.DataType],
    audiences: Audiences,
    *,
    versions: Mapping[str, str],
    kept: "Callable[[DataFrame], DataFrame]",
) -> "DataFrame":
    """Tell of every customer which audience holds them.

    Parameters
    ----------
    rows : pyspark.sql.DataFrame
        Scores, and what describes customers beside them.
    plain : pyspark.sql.DataFrame
        The same without percentiles and reasons, which ranks are made of.
    schema : mapping of str to polars.DataType
        Their columns.
    audiences : Audiences
        The audiences.
    versions : mapping of str to str
        Libraries of the driver.
    kept : callable
        Writes rows where every worker can read them, and returns them as they lie there: every file reads some
        columns of them, and Spark would think through how they came about once more for each.

    Returns
    -------
    pyspark.sql.DataFrame
        The same rows, what audiences read of their columns, ranks, and ``in: <name>`` and ``out: <name>``, in which
        places in groups and first places count.
    """
    from pyspark.sql import functions as f

    for name, of in audiences.ranked.items():
        rows = _with_rank(rows, plain, of, name)
    read = frozenset(("customer_id",)).union(*(one.reads for one in audiences.members))
    flags = {flag(kind, one.name): pl.Boolean() for one in audiences.members for kind in ("in", "out")}
    schema = {name: dtype for name, dtype in schema.items() if name in read}
    wanted = {**schema, **dict.fromkeys(audiences.ranked, pl.Float64()), **flags}
    task = partial(tasks.run, task="map", job=call_job(audiences.flag, wanted), versions=versions)
    given = [*(name for name in wanted if name not in flags), *map(among, audiences.ranked)]
    rows = rows.select([f.col(quoted(name)) for name in given])
    chosen = kept(map_in_arrow(rows, task, spark_schema(wanted)))
    taken: dict[str, list[str]] = {}
    for one in audiences.members:
        mine, before = flag("in", one.name), taken.setdefault(one.group, []) if one.group else []
        inside = f.col(quoted(mine))
        if before:
            inside &= ~reduce(or_, (f.col(quoted(name)) for name in before))
        chosen = chosen.withColumn(mine, inside)
        if one.limit is not None:
            # A bound and no join with itself: every join would double what Spark thinks through for each file.
            last = chosen.where(f.col(quoted(mine))).orderBy(*_order(one)).offset(one.limit - 1).limit(1)
            bound = last.select([name for name, _ in _ordered(one)]).toArrow().to_pylist()
            if bound:
                chosen = chosen.withColumn(mine, f.col(quoted(mine)) & _up_to(_ordered(one), bound[0]))
        if one.group:
            before.append(mine)
    return chosen


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
    task = partial(tasks.run, task="map", job=call_job(one.contents, one.columns), versions=versions)
    read = [f.col(quoted(name)) for name in chosen.columns if name in one.reads]
    return {
        name: map_in_arrow(chosen.where(rule).orderBy(*_order(one)).select(read), task, spark_schema(one.columns))
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
    """Return the column that says whom an audience holds, or holds out.

    Parameters
    ----------
    kind : str
        ``in`` or ``out``.
    name : str
        Of the audience.

    Returns
    -------
    str
    """
    return f"{kind}: {name}"


def among(name: str) -> str:
    """Return the column that says how many customers a rank is among.

    Parameters
    ----------
    name : str
        Of the rank.

    Returns
    -------
    str
    """
    return f"{name} among"


def _ordered(one: Audience) -> tuple[tuple[str, bool], ...]:
    return (*one.order_by, ("customer_id", False))


def _order(one: Audience) -> "list[Column]":
    from pyspark.sql import functions as f

    columns = [(f.col(quoted(name)), down) for name, down in _ordered(one)]
    return [column.desc_nulls_last() if down else column.asc_nulls_last() for column, down in columns]


def _up_to(order: Sequence[tuple[str, bool]], bound: Mapping[str, Any]) -> "Column":
    """Rows that come before a row in an order with empty values last, and that row."""
    from pyspark.sql import functions as f

    (name, down), rest = order[0], order[1:]
    column, value = f.col(quoted(name)), bound[name]
    if value is None:
        before = column.isNotNull()
    else:
        before = f.coalesce(column > f.lit(value) if down else column < f.lit(value), f.lit(False))
    same = column.eqNullSafe(f.lit(value))
    return before | (same & _up_to(rest, bound) if rest else same)


def _with_rank(rows: "DataFrame", plain: "DataFrame", of: str, name: str) -> "DataFrame":
    """Add the mean rank of a column's values, and how many there are: every distinct value once is put in order."""
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    value, count = f.col("value"), f.col("count")
    upto = Window.orderBy("value").rowsBetween(Window.unboundedPreceding, Window.currentRow)
    counted = plain.select(f.col(quoted(of)).alias("value")).where(value.isNotNull()).groupBy("value").count()
    smaller = f.sum(count).over(upto) - count
    everybody = f.sum(count).over(Window.partitionBy())
    mean = smaller + (count + f.lit(1)) / f.lit(2.0)
    ranked = counted.select(value.alias(_CHOSEN), mean.alias(name), everybody.alias(among(name)))
    return rows.join(ranked, f.col(quoted(of)) == f.col(quoted(_CHOSEN)), "left").drop(_CHOSEN)
