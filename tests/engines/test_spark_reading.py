"""Tables read part by part, as Spark's tasks read them, are the tables read whole: rows, reasons, notes, refusals."""

import json
import re
from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from boosted_shops import AS_OF
from engines.spark_parts import SPLIT, frame, in_buckets, planned, read, with_placed_lines
from foretell.bundles.files import StoredBundle
from foretell.engines.spark import scoring
from foretell.engines.spark.bucket_shop import TableTold, bucket_shop
from foretell.engines.spark.lines import placed_lines, split_order_digests
from foretell.engines.spark.rows import sent
from foretell.engines.spark.shop import SparkShop
from foretell.errors import DataError
from foretell.scoring.accounting import account_rows
from foretell.tables.bucketed import kept_of_optional
from foretell.tables.read_data import read_data
from foretell.tables.source import Source
from spark_shops import STABLE, raw_tables, sources

pytest.importorskip("pyarrow", reason="the extra 'spark' is not installed")
pytestmark = pytest.mark.filterwarnings("ignore:.*no meaning")


@pytest.mark.parametrize("buckets", [1, 5])
def test_parts_of_all_tables_are_the_tables(buckets: int) -> None:
    given = sources(raw_tables())
    data = read_data(**given)
    plan = planned(given)
    shop, packed = read(plan, given, 3)
    packed = with_placed_lines(shop, packed, buckets)
    of_buckets = []
    rows: dict[str, list[pl.DataFrame]] = {name: [] for name in SPLIT}
    job = shop.job(AS_OF)
    for number, mine in enumerate(in_buckets(packed, buckets)):
        found = bucket_shop(sent(mine), job)
        of_buckets.append(found.plain()["tables"])
        assert found.ordered, number
        rows["orders"].append(found.data.orders.collect().drop("row_number"))
        for name in SPLIT[1:]:
            rows[name].append(getattr(found.data.optional, name).collect())
        assert found.data.optional.calendar.equals(data.optional.calendar)
        assert found.data.optional.places.equals(data.optional.places)
    told = shop.account.settle(of_buckets)
    for name in SPLIT:
        whole = data.orders.collect() if name == "orders" else getattr(data.optional, name).collect()
        together = pl.concat(rows[name])
        if name != "orders":
            assert set(together.columns) == set(kept_of_optional(name, whole.columns, tuple(STABLE)))
        assert_frame_equal(together.sort(pl.all()), whole.select(together.columns).sort(pl.all()), check_exact=True)
    assert sentences(shop.account.notes(told)) == sentences(data.report.notes)
    account = account_rows(data, AS_OF)
    assert shop.account.table_accounts(told, 0, AS_OF) == account.tables
    assert shop.account.reasons(0) == account.reasons()


@pytest.mark.parametrize("named", [True, False])
def test_order_ids_of_several_customers_and_giant_accounts_are_told(named: bool) -> None:
    rows = raw_tables()["orders"]
    number = pl.int_range(pl.len())
    rows = rows.with_columns(
        customer_id=pl.when(number % 9 == 0).then(pl.lit("guest")).otherwise("customer_id"),
        order_id=pl.when(number % 7 != 0).then(pl.format("o{}", number // 2)),
    )
    rows = pl.concat([rows, rows.head(5)])
    given = {"orders": Source(rows if named else rows.drop("order_id"))}
    data, plan = read_data(**given), planned(given)
    shop, packed = read(plan, given, 3)
    if named:
        digests = frame(split_order_digests(sent(packed["orders"]), 2)).with_columns(kind=pl.lit("orders"))
        parts = [sent(digests.filter(pl.col("bucket") == part)) for part in range(2)]
        told = frame([one for part in parts for one in placed_lines(part, {"observed_until": None})])
        shop = replace(shop, shared_orders=shop.account.take_placed(told["facts"].to_list()))
    assert bool(shop.shared_orders) is named
    found = [bucket_shop(sent(mine), shop.job(AS_OF)) for mine in in_buckets(packed, 4)]
    notes = shop.account_notes([one.plain()["accounts"] for one in found])
    assert {"giant_account"} <= {note.code for note in notes}
    sums = {"orders": sum((one.told["orders"] for one in found), TableTold())}
    assert sentences(shop.account.notes(sums, notes)) == sentences(data.report.notes)


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
    told = [bucket_shop(sent(mine), shop.job(AS_OF)).plain()["tables"] for mine in in_buckets(packed, 3)]
    return shop, shop.account.settle(told)


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


def test_a_bucket_of_visitors_is_accounted_for_and_scores_nobody(bundle, monkeypatch) -> None:
    frames = raw_tables()
    only = pl.col("who").str.starts_with("visitor")
    frames["events"] = frames["events"].filter(only)
    given = {name: one for name, one in sources(frames).items() if name in {"orders", "events"}}
    shop, packed = read(planned(given), given, 2)
    events = packed["events"].with_columns(kind=pl.lit("events"))
    monkeypatch.setattr(scoring, "bundle_of", lambda _job: StoredBundle(bundle, "v1"))
    told = frame(scoring.scored_bucket(sent(events), {**shop.job(AS_OF), "described": None}))
    assert told.height == 1
    assert told["customer_id"].null_count() == 1
    counted = json.loads(told[scoring.FACTS][0])["tables"]
    assert counted["events"]["rows"] == shop.account.tables["events"].ledger.used > 0
    assert counted["orders"]["rows"] == 0


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
    tables = raw_tables()
    # Some lines know when they were taken back, and that was later.
    back = pl.when(pl.int_range(pl.len()) % 13 == 0).then(pl.lit(end))
    tables["order_lines"] = tables["order_lines"].with_columns(ordered_at=back)
    frames = {name: pl.concat([rows, rows.head(11)]) for name, rows in tables.items()}
    given = {name: Source(one.source, **one.arguments, **more.get(name, {})) for name, one in sources(frames).items()}
    shop, _ = through(given, 3, observed_until=end.isoformat())
    account = account_rows(read_data(**given), end)
    assert shop.account.reasons(0) == account.reasons()
    seen = {"after_observed_until", "order_lines.after_observed_until", "order_lines.duplicate_row"}
    assert {*seen, "order_lines.unknown_order", "events.duplicate_row"} < set(account.reasons())


def test_whole_numbers_without_a_sign_stay_whole_numbers() -> None:
    """Spark shows those of 64 bits as decimals, which are no attribute."""
    frames = raw_tables()
    frames["customers"] = frames["customers"].with_columns(pl.col("points").cast(pl.Decimal(20, 0)))
    plan = planned(sources(frames))
    assert plan.empty["customers"].schema["points"] == pl.Int64
