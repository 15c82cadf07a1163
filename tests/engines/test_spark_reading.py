"""Tables read part by part, as Spark's tasks read them, are the tables read whole: rows, reasons, notes, refusals."""

import json
import re
from datetime import timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from boosted_shops import AS_OF
from foretell.engines.spark.bucket_shop import TableTold, bucket_shop
from foretell.engines.spark.lines import placed_lines, split_order_keys
from foretell.engines.spark.payloads import split_payloads
from foretell.engines.spark.plan import ShopPlan
from foretell.engines.spark.reading import Account, read_part, read_rows, reader_of
from foretell.engines.spark.rows import sent
from foretell.engines.spark.shop import SparkShop
from foretell.engines.spark.shop_account import ShopAccount
from foretell.errors import DataError
from foretell.scoring.accounting import account_rows
from foretell.tables.bucketed import kept_of_optional
from foretell.tables.optional_reading import read_optional
from foretell.tables.read_data import read_data
from foretell.tables.source import Source
from spark_shops import STABLE, raw_tables, sources

pytest.importorskip("pyarrow", reason="the extra 'spark' is not installed")
pytestmark = pytest.mark.filterwarnings("ignore:.*no meaning")

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
    return ShopPlan({}, jobs, readers, empty, shared, tuple(STABLE), AS_OF)


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
    shop.account.take_placed(told["facts"].drop_nulls().to_list())
    return {**packed, "order_lines": told.select("payload").drop_nulls()}


@pytest.mark.parametrize("buckets", [1, 5])
def test_parts_of_all_tables_are_the_tables(buckets: int) -> None:
    given = sources(raw_tables())
    data = read_data(**given)
    plan = planned(given)
    shop, packed = read(plan, given, 3)
    packed = with_placed_lines(shop, packed, buckets)
    told: dict[str, TableTold] = dict.fromkeys(SPLIT, TableTold())
    rows: dict[str, list[pl.DataFrame]] = {name: [] for name in SPLIT}
    job = shop.job()
    for number, mine in enumerate(in_buckets(packed, buckets)):
        found = bucket_shop(sent(mine), job)
        told = {name: told[name] + found.told[name] for name in SPLIT}
        assert found.data is not None, number
        rows["orders"].append(found.data.orders.collect().drop("row_number"))
        for name in SPLIT[1:]:
            rows[name].append(getattr(found.data.optional, name).collect())
        assert found.data.optional.calendar.equals(data.optional.calendar)
        assert found.data.optional.places.equals(data.optional.places)
    shop.account.settle(told)
    for name in SPLIT:
        whole = data.orders.collect() if name == "orders" else getattr(data.optional, name).collect()
        together = pl.concat(rows[name])
        if name != "orders":
            assert set(together.columns) == set(kept_of_optional(name, whole.columns, tuple(STABLE)))
        assert_frame_equal(together.sort(pl.all()), whole.select(together.columns).sort(pl.all()), check_exact=True)
    assert sentences(shop.account.notes(told)) == sentences(data.report.notes)
    account = account_rows(data, AS_OF)
    assert shop.account.table_accounts(told, 0) == account.tables
    assert shop.account.reasons(0) == account.reasons()


def sentences(notes) -> list[str]:
    """Rows that a later step leaves out have lost their numbers."""
    late = ("unknown_order", "order_cancelled", "return_undated", "duplicate_row")
    return [re.sub(r" \(rows .*\)", "", note.sentence) if note.code in late else note.sentence for note in notes]


def refused(given: dict[str, Source], parts: int, **wanted) -> str:
    with pytest.raises(DataError) as stopped:
        through(given, parts, **wanted)
    return str(stopped.value)


def through(given: dict[str, Source], parts: int, **wanted) -> tuple[SparkShop, dict[str, TableTold]]:
    plan = planned(given, **wanted)
    shop, packed = read(plan, given, parts)
    if plan.lines_later:
        packed = with_placed_lines(shop, packed, 3)
    told = [bucket_shop(sent(mine), shop.job()).told for mine in in_buckets(packed, 3)]
    sums = {name: sum((one[name] for one in told), TableTold()) for name in plan.jobs}
    shop.account.settle(sums)
    return shop, sums


def whole_refusal(given: dict[str, Source]) -> str:
    with pytest.raises(DataError) as stopped:
        read_data(**given)
    return str(stopped.value)


def unnumbered(text: str) -> str:
    return re.sub(r" \(rows .*\)", "", text)


def changed(table: str, *columns: pl.Expr, **how) -> dict[str, Source]:
    frames = raw_tables()
    given = sources(frames)
    mapped = {name: value for name, value in {**given[table].arguments, **how}.items() if value is not None}
    return {**given, table: Source(frames[table].with_columns(*columns), **mapped)}


FEW = pl.int_range(pl.len()) % 9 == 0
MOST = pl.int_range(pl.len()) % 5 != 0


@pytest.mark.parametrize(
    "given",
    [
        changed("order_lines", pl.when(MOST).then(pl.lit("ten")).otherwise("amount").alias("amount")),
        changed("order_lines", pl.when(FEW).then(pl.lit("10 €")).otherwise("amount").alias("amount")),
        changed("events", pl.when(MOST).then(pl.lit("soon")).otherwise("at").alias("at")),
        changed("events", pl.lit("7.7.2025").alias("at")),
        changed("events", pl.lit(None, pl.String).alias("who")),
        changed("events", pl.lit("perhaps").alias("machine_generated")),
        changed("customers", pl.when(MOST).then(900).otherwise("lat").alias("lat")),
        changed("customers", pl.lit("a@example.org").alias("email"), pl.int_range(pl.len()).alias("points")),
    ],
)
def test_parts_are_refused_in_the_words_of_the_whole(given: dict[str, Source]) -> None:
    assert unnumbered(refused(given, 3)) == unnumbered(whole_refusal(given))


def test_what_only_one_part_would_refuse_is_read() -> None:
    frames = raw_tables()
    early = pl.int_range(pl.len()) < frames["events"].height // 4
    frames["events"] = frames["events"].with_columns(at=pl.when(early).then(pl.lit("soon")).otherwise("at"))
    given = sources(frames)
    shop, _ = read(planned(given), given, 4)
    assert shop.account.tables["events"].ledger.used == read_data(**given).report.tables["events"].rows_used


def test_lines_of_an_order_of_several_customers_are_refused() -> None:
    frames = raw_tables()
    twice = pl.format("o{}", pl.int_range(pl.len()) // 2).alias("order_id")
    # Lines that are left out for another reason are not asked whose they are.
    lines = frames["order_lines"].with_columns(pl.col("sku").fill_null("p2"))
    given = sources({**frames, "orders": frames["orders"].with_columns(twice), "order_lines": lines})
    assert unnumbered(refused(given, 3)) == unnumbered(whole_refusal(given))


def test_lines_of_orders_without_ids_need_keys_of_their_own() -> None:
    frames = raw_tables()
    given = {**sources(frames), "orders": Source(frames["orders"].drop("order_id"))}
    assert unnumbered(refused(given, 3, lines_later=False)) == unnumbered(whole_refusal(given))


def test_repeated_rows_are_dropped_and_late_ones_left_out_as_in_one_piece() -> None:
    end = AS_OF - timedelta(days=20)
    more = {name: {"drop_duplicates": True} for name in SPLIT[:3]}
    more["orders"]["observed_until"] = end
    frames = {name: pl.concat([rows, rows.head(11)]) for name, rows in raw_tables().items()}
    given = {name: Source(one.source, **one.arguments, **more.get(name, {})) for name, one in sources(frames).items()}
    shop, _ = through(given, 3, observed_until=end.isoformat())
    account = account_rows(read_data(**given), end)
    assert shop.account.reasons(0) == account.reasons()
    assert {"after_observed_until", "order_lines.unknown_order", "events.duplicate_row"} < set(account.reasons())
