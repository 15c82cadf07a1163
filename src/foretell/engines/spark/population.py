"""What training needs of all customers, bucket by bucket inside Spark's tasks: counts of histories, and chosen rows.

Each bucket goes through the code that summarises a whole shop. Customers that are alike leave it as one row with their
number, which Spark adds up over the buckets; everything that is no count is exact in parts, so that it does not depend
on how customers are spread.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from foretell.engines.spark.bucket_shop import bucket_shop
from foretell.engines.spark.payloads import as_bytes
from foretell.engines.spark.rows import sent
from foretell.features.prospects import without_order_before
from foretell.features.summary import purchase_summary
from foretell.models.history import HISTORY
from foretell.models.population import MOST_VALUED, VALUED, Population, valued
from foretell.scoring.accounting import refund_only_rows
from foretell.tables.buckets import drawn
from foretell.tables.categories import known_columns, known_of_parts
from foretell.tables.dataset import CustomerData
from foretell.tables.fingerprint import fingerprint_of_parts, table_digests
from foretell.tables.moment import Moment
from foretell.windows import as_cutoff, midnight_after

if TYPE_CHECKING:
    import pyarrow as pa

FACTS = "facts"
"""Column with the facts of a bucket as JSON, in one row of each; null in rows of histories."""

COUNTED = f"{FACTS} string, " + ", ".join(f"{name} double" for name in HISTORY) + ", customers bigint"
"""Columns of what `counted_bucket` tells, as Spark writes types."""

DRAWN = "kind string, payload binary, x double, z double, spread double, customers bigint"
"""Columns of what `drawn_bucket` tells, as Spark writes types."""

_COUNTED = {FACTS: pl.String, **dict.fromkeys(HISTORY, pl.Float64), "customers": pl.Int64}
_VALUES = ("x", "z", "spread")
_DRAWN = {"kind": pl.String, "payload": pl.Binary, **dict.fromkeys(_VALUES, pl.Float64), "customers": pl.Int64}
_ROWS_IN_PAYLOAD = 1_000_000


@dataclass(frozen=True)
class Draw:
    """A sample of those who were customers at a cutoff, by hash of their ids.

    Parameters
    ----------
    before : datetime
        The cutoff: who has no row before it was none.
    salt : str
        Name of the sample.
    among : int
        Number of customers that it is drawn from.
    most : int
        About so many are drawn; all where there are no more.
    ordered : bool
        Whether customers are drawn, or people who were none: as from `features.prospects.without_order_before`.
    """

    before: datetime
    salt: str
    among: int
    most: int
    ordered: bool = True

    def of(self, seen: CustomerData) -> pl.Series:
        """Draw among some people.

        Parameters
        ----------
        seen : CustomerData
            All their rows.

        Returns
        -------
        polars.Series
            Ids of those who belong to the sample.
        """
        if self.ordered:
            there = seen.orders.filter(pl.col("ordered_at") < self.before).select("customer_id")
            ids = there.unique().collect()["customer_id"]
        else:
            ids = without_order_before(seen, self.before)
        return ids.filter(drawn(ids, self.most, among=self.among, salt=self.salt))


@dataclass(frozen=True, eq=False)
class Counted:
    """What the buckets told of all customers.

    Parameters
    ----------
    population : Population
        Without values.
    has_money : bool
        Whether orders carry money.
    columns : dict
        As from `foretell.tables.categories.known_columns`.
    fingerprint : str
        Hash of all rows before the cutoff.
    moments : mapping of datetime to Moment
        The shop at past cutoffs.
    people : mapping of datetime to int
        How many had no order before past cutoffs, of those who are known otherwise.
    refunds_only : int
        Rows before the cutoff of customers who have nothing but refunds.
    """

    population: Population
    has_money: bool
    columns: dict[str, Any]
    fingerprint: str
    moments: Mapping[datetime, Moment]
    people: Mapping[datetime, int]
    refunds_only: int


def counted_bucket(batches: "Iterator[pa.RecordBatch]", job: Mapping[str, Any]) -> "Iterator[pa.RecordBatch]":
    """Count the customers of one bucket by history.

    Parameters
    ----------
    batches : iterator of pyarrow.RecordBatch
        Packed rows.
    job : mapping
        What `foretell.engines.spark.bucket_shop.bucket_shop` needs; past cutoffs as texts: ``cutoffs`` to count
        customers at, ``people_at`` to count others at.

    Yields
    ------
    pyarrow.RecordBatch
        Columns of `COUNTED`.
    """
    shop, as_of = bucket_shop(batches, job), as_cutoff(job["as_of"])
    seen = shop.data.before(as_of)
    counted = Population.counted(purchase_summary(seen, as_of))
    facts = {
        **shop.plain(),
        "columns": known_columns(seen),
        "digests": table_digests(seen.orders, seen.optional),
        "has_money": seen.has_amount,
        "log_gaps": counted.log_gaps,
        "moments": {cutoff: _moment(seen, as_cutoff(cutoff)) for cutoff in job["cutoffs"]},
        "paying": counted.paying,
        "people": {cutoff: len(without_order_before(seen, as_cutoff(cutoff))) for cutoff in job["people_at"]},
        "refunds_only": refund_only_rows(shop.data, as_of).height,
    }
    histories = counted.history_rows().summary.with_columns(customers=counted.histories.weights)
    yield from _sent(histories, _COUNTED)
    yield from _sent(pl.DataFrame({FACTS: [json.dumps(facts)]}), _COUNTED)


def add_counted(told: Sequence[Mapping[str, Any]], histories: pl.DataFrame, *, stated: datetime | None) -> Counted:
    """Add up what the buckets told.

    Parameters
    ----------
    told : sequence of mapping
        The facts of every bucket, at least one.
    histories : polars.DataFrame
        The histories with the number of their customers; rows may repeat.
    stated : datetime or None
        First instant that was not observed, where it was stated.

    Returns
    -------
    Counted
    """
    population = Population.summed(
        histories,
        log_gaps=[part for bucket in told for part in bucket["log_gaps"]],
        paying=sum(bucket["paying"] for bucket in told),
        values=None,
    )
    return Counted(
        population,
        has_money=told[0]["has_money"],
        columns=known_of_parts([bucket["columns"] for bucket in told]),
        fingerprint=fingerprint_of_parts([bucket["digests"] for bucket in told]),
        moments={
            as_cutoff(cutoff): _moment_of_all([bucket["moments"][cutoff] for bucket in told], as_cutoff(cutoff), stated)
            for cutoff in told[0]["moments"]
        },
        people={as_cutoff(at): sum(bucket["people"][at] for bucket in told) for at in told[0]["people"]},
        refunds_only=sum(bucket["refunds_only"] for bucket in told),
    )


def drawn_bucket(batches: "Iterator[pa.RecordBatch]", job: Mapping[str, Any]) -> "Iterator[pa.RecordBatch]":
    """Return the rows of those customers of one bucket that are in a sample, and order values.

    Parameters
    ----------
    batches : iterator of pyarrow.RecordBatch
        Packed rows.
    job : mapping
        What `foretell.engines.spark.bucket_shop.bucket_shop` needs; ``draws``, one `Draw` at least; ``customers``, the
        number of all, of whom those are drawn whose order values are wanted.

    Yields
    ------
    pyarrow.RecordBatch
        Columns of `DRAWN`.
    """
    as_of = as_cutoff(job["as_of"])
    seen = bucket_shop(batches, job).data.before(as_of)
    theirs = seen.of_customers(pl.concat(Draw(**draw).of(seen) for draw in job["draws"]).unique())
    for name in job["empty"]:
        rows = theirs.orders.drop("row_number") if name == "orders" else getattr(theirs.optional, name)
        for part in rows.collect().iter_slices(_ROWS_IN_PAYLOAD):
            yield from _sent(pl.DataFrame({"kind": [name], "payload": [as_bytes(part)]}), _DRAWN)
    if seen.has_amount:
        summary = purchase_summary(seen, as_of)
        chosen = drawn(summary["customer_id"], MOST_VALUED, among=job["customers"], salt=VALUED)
        worth = valued(summary.filter(chosen))
        values = (
            pl.DataFrame({name: getattr(worth, name) for name in _VALUES}).group_by(_VALUES).agg(customers=pl.len())
        )
        yield from _sent(values, _DRAWN)


def observed_at(cutoff: datetime, last: datetime | None, stated: datetime | None) -> datetime:
    """Return the first instant that was not observed, as `CustomerData.before` finds it.

    Parameters
    ----------
    cutoff : datetime
        First instant that is not seen.
    last : datetime or None
        Instant of the last row before it.
    stated : datetime or None
        First instant that was not observed, where it was stated.

    Returns
    -------
    datetime
    """
    if stated is not None:
        return min(cutoff, stated)
    return cutoff if last is None else min(cutoff, midnight_after(last))


def _moment(seen: CustomerData, cutoff: datetime) -> tuple[int, str | None]:
    """Customers with a purchase before a past cutoff, and the last row before it."""
    then = seen.before(cutoff)
    last = then.last_order_at()
    return purchase_summary(then, cutoff).height, None if last is None else last.isoformat()


def _moment_of_all(told: Sequence[tuple[int, str | None]], cutoff: datetime, stated: datetime | None) -> Moment:
    lasts = [datetime.fromisoformat(last) for _, last in told if last is not None]
    return Moment(sum(customers for customers, _ in told), observed_at(cutoff, max(lasts, default=None), stated))


def _sent(rows: pl.DataFrame, schema: Mapping[str, Any]) -> "Iterator[pa.RecordBatch]":
    absent = [pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in rows.columns]
    # By place: Spark does not look at names.
    yield from sent(rows.with_columns(absent).select(pl.col(name).cast(dtype) for name, dtype in schema.items()))
