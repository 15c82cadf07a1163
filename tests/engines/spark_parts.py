"""What Spark's tasks do, one after the other and without Spark: tables in parts, packed, placed, in buckets."""

import json

import polars as pl

from boosted_shops import AS_OF
from foretell.engines.spark.lines import placed_lines, split_order_keys
from foretell.engines.spark.payloads import split_payloads
from foretell.engines.spark.plan import ShopPlan
from foretell.engines.spark.reading import Account, read_part, read_rows, reader_of
from foretell.engines.spark.rows import sent
from foretell.engines.spark.shop import SparkShop
from foretell.engines.spark.shop_account import ShopAccount
from foretell.tables.optional_reading import read_optional
from foretell.tables.source import Source
from spark_shops import STABLE

SPLIT = ("orders", "order_lines", "events", "customers")


def planned(given: dict[str, Source], **wanted) -> ShopPlan:
    """What `plan_shop` settles, of frames of polars."""
    jobs, readers, empty = {}, {}, {}
    for name in SPLIT:
        if name in given:
            rows = given[name].source
            jobs[name] = {"table": name, "source": given[name].arguments, "as_of": AS_OF.isoformat(), "time_zone": None,
                          "observed_until": None, "stable": STABLE, "lines_later": True, **wanted}  # fmt: skip
            readers[name] = reader_of(jobs[name], rows.clear())
            empty[name] = read_part(readers[name], rows.clear(), Account(readers[name].ledger()), AS_OF)
    shared = {
        name: read_optional(name, given[name], time_zone=None, observed_until=None, orders=None)
        for name in ("calendar", "places")
        if name in given
    }
    return ShopPlan({}, jobs, readers, empty, shared, tuple(STABLE))


def batches_of(rows: pl.DataFrame):
    return iter(rows.to_arrow(compat_level=pl.CompatLevel.oldest()).to_batches(max_chunksize=301))


def frame(batches) -> pl.DataFrame:
    return pl.concat([pl.DataFrame(pl.from_arrow(batch)) for batch in batches])


def read(plan: ShopPlan, given: dict[str, Source], parts: int) -> tuple[SparkShop, dict[str, pl.DataFrame]]:
    """Every table in parts, one of them empty."""
    facts, packed = {}, {}
    for name, job in plan.jobs.items():
        rows = given[name].source
        size = -(-rows.height // parts)
        told = [frame(found) for number in range(parts) if (found := list(
            read_rows(batches_of(rows.slice(number * size, size)), job)))]  # fmt: skip
        assert not list(read_rows(batches_of(rows.clear()), job))
        facts[name] = [
            json.dumps(json.loads(text) | {"partition": number})
            for number, part in enumerate(told)
            for text in part["facts"].drop_nulls()
        ]
        packed[name] = pl.concat(told).select("payload").drop_nulls()
    return SparkShop(ShopAccount.of(plan, facts), {}, {}), packed


def in_buckets(packed: dict[str, pl.DataFrame], buckets: int) -> list[pl.DataFrame]:
    split = pl.concat([
        frame(split_payloads(sent(rows), buckets)).with_columns(kind=pl.lit(name)) for name, rows in packed.items()
    ])  # fmt: skip
    return [split.filter(pl.col("bucket") == number) for number in range(buckets)]


def with_placed_lines(shop: SparkShop, packed: dict[str, pl.DataFrame], buckets: int) -> dict[str, pl.DataFrame]:
    keys = frame(split_order_keys(sent(packed["orders"]), buckets)).with_columns(kind=pl.lit("orders"))
    lines = frame(split_payloads(sent(packed["order_lines"]), buckets, by="order_id"))
    both = pl.concat([keys, lines.with_columns(kind=pl.lit("order_lines"))])
    found = []
    for number in range(buckets):
        mine = sent(both.filter(pl.col("bucket") == number))
        found += placed_lines(mine, {"observed_until": shop.plan.observed_until})
    told = frame(found)
    assert shop.account.take_placed(told["facts"].drop_nulls().to_list()) == 0
    return {**packed, "order_lines": told.select("payload").drop_nulls()}
