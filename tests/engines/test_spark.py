"""Scoring on Spark gives, bit for bit, what scoring in one piece gives."""

import json
import os
import signal
import warnings
from dataclasses import replace
from datetime import datetime

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from engines.spark_local import collected, frame_of
from foretell.bundles.files import StoredBundle
from foretell.engines.frame import score_frame
from foretell.engines.spark import tasks, write
from foretell.engines.spark.rows import in_sample
from foretell.engines.spark.sample import read_orders_on_spark
from foretell.engines.spark.score import score_on_spark, scored_on_spark
from foretell.errors import ClusterMismatch, ConfigError, DataError, OutputError, SmallSampleWarning, WindowError
from foretell.scoring.accounting import account_rows
from foretell.scoring.schema import REASONS
from foretell.tables.read import read_orders
from foretell.tables.source import Source
from foretell.training.train import train

pytestmark = pytest.mark.spark

AS_OF = datetime(2025, 8, 1)


def in_units(data) -> pl.DataFrame:
    """Orders as a shop would hand them over."""
    orders = data.orders.collect().drop("row_number")
    return orders.with_columns(amount=pl.col("amount_minor") / 10_000).drop("amount_minor")


@pytest.fixture(scope="module")
def orders(big_shop) -> pl.DataFrame:
    return in_units(big_shop)


@pytest.fixture(scope="module")
def stored(bundle) -> StoredBundle:
    return StoredBundle(bundle, "v1")


@pytest.fixture(scope="module")
def expected(orders, stored):
    """What the local engine says."""
    return score_frame(read_orders(orders, order_id="order_id"), stored, AS_OF, explained_customers=40)


def test_a_worker_killed_in_mid_run_changes_nothing(spark, orders, stored, expected, tmp_path, monkeypatch) -> None:
    run, killed = tasks.run, tmp_path / "killed"

    def dies_once(batches, *, task, **given):
        for number, batch in enumerate(run(batches, task=task, **given)):
            yield batch
            if task == "score" and not number and not killed.exists():
                killed.touch()
                os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(tasks, "run", dies_once)
    frame = Source(frame_of(spark, orders, tmp_path / "orders"), order_id="order_id")
    found = collected(score_on_spark(spark, frame, stored, AS_OF, buckets=4))
    assert killed.exists()
    assert_frame_equal(found.drop("^reason_.$"), expected.scores.drop("^reason_.$"), check_exact=True)


def test_no_pandas_is_on_the_way_and_a_worker_loads_the_bundle_once(
    spark, orders, stored, tmp_path, monkeypatch
) -> None:
    run, seen = tasks.run, tmp_path / "seen"
    seen.mkdir()

    def tells(batches, *, task, **given):
        import sys

        from foretell.engines.spark import scoring

        yield from run(batches, task=task, **given)
        if task != "score":
            return
        modules = [name for name in ("pandas", "mlflow", "lifetimes") if name in sys.modules]
        counted = scoring._unpacked_bundle.cache_info()
        (seen / str(os.getpid())).write_text(f"{modules} {counted.misses} {counted.hits}")

    monkeypatch.setattr(tasks, "run", tells)
    # Workers of their own: lightgbm imports pandas where it is installed, and others may have scored with trees.
    monkeypatch.setitem(spark.sparkContext.environment, "FORETELL_FRESH_WORKERS", "1")
    collected(
        score_on_spark(
            spark, Source(frame_of(spark, orders, tmp_path / "orders"), order_id="order_id"), stored, AS_OF, buckets=9
        )
    )
    told = [file.read_text() for file in seen.iterdir()]
    assert told
    assert all(text.startswith("[] 1 ") for text in told), told
    assert sum(int(text.split()[-1]) for text in told) == 9 - len(told)


def test_skew_and_empty_partitions(spark, stored, tmp_path) -> None:
    rng = np.random.default_rng(0)
    days = np.datetime64("2024-01-01", "us") + (rng.integers(0, 600, 6_000) * 86_400_000_000).astype("timedelta64[us]")
    who = np.where(np.arange(6_000) % 3 == 0, "0", [f"c{number % 7}" for number in range(6_000)])
    rows = pl.DataFrame({"customer_id": who, "ordered_at": days, "amount": rng.integers(0, 900, 6_000) / 10})
    whole = score_frame(read_orders(rows), stored, AS_OF, explained_customers=0)
    frame = frame_of(spark, rows, tmp_path / "orders").repartition(9).where("customer_id != 'nobody'")
    found = score_on_spark(spark, frame.unionByName(frame.limit(0)), stored, AS_OF, buckets=12)
    assert_frame_equal(collected(found), whole.scores, check_exact=True)


def test_rows_left_out_are_counted_as_by_the_local_reader(spark, orders, stored, tmp_path) -> None:
    number = pl.int_range(pl.len())
    broken = orders.select(
        client=pl.when(number % 11 == 0).then(pl.lit(" ")).otherwise("customer_id"),
        at=pl.when(number % 7 == 0).then(pl.lit("soon")).otherwise(pl.col("ordered_at").dt.strftime("%d.%m.%Y")),
        pieces=pl.lit(2, pl.UInt32),
        price=pl.col("amount") / 2,
        order_id="order_id",
    )  # fmt: skip
    # Bad dates are most of the first partition and few of all: no reason to refuse the column.
    broken = pl.concat([broken.filter(pl.col("at") == "soon"), broken.filter(pl.col("at") != "soon"), broken.tail(50)])
    # An order of two customers, and one account that much is ordered by.
    broken = broken.with_columns(
        order_id=pl.when(number < 2).then(pl.lit("o-shared")).otherwise("order_id"),
        client=pl.when(number % 5 == 1).then(pl.lit("guest")).otherwise("client"),
    )
    how = {"customer_id": "client", "ordered_at": "at", "amount": "pieces * price", "date_format": "%d.%m.%Y",
           "order_id": "order_id", "observed_until": "2025-11-01", "drop_duplicates": True}  # fmt: skip
    data = read_orders(broken, **how)
    frame = Source(frame_of(spark, broken, tmp_path / "orders", files=9), **how)
    scored = scored_on_spark(spark, frame, stored, AS_OF, buckets=3)
    account = account_rows(data, AS_OF)
    assert scored.counts()["quarantined"] == account.quarantine.height > 1_000
    assert {"giant_account", "order_id_shared"} < {note.code for note in scored.notes}
    assert [(note.code, note.count) for note in scored.notes] == [(note.code, note.count) for note in data.report.notes]
    assert dict(scored.reasons) == account.reasons()
    assert_frame_equal(
        collected(scored.scores), score_frame(data, stored, AS_OF, explained_customers=0).scores, check_exact=True
    )


def test_types_of_sources(spark, stored, tmp_path) -> None:
    days = pl.datetime_range(datetime(2024, 1, 1), datetime(2025, 6, 1), "9d", eager=True)
    rows = pl.DataFrame(
        {
            "customer_id": pl.Series(np.arange(len(days)) % 5, dtype=pl.UInt64),
            "ordered_at": days.dt.offset_by("20h").dt.replace_time_zone("UTC"),
            "amount": pl.Series([12.5] * len(days)).cast(pl.Decimal(12, 2)),
            "tags": [["a", "b"]] * len(days),
        }
    )
    # One instant is another day there.
    zone = {"time_zone": "Asia/Tokyo"}
    whole = score_frame(read_orders(rows, **zone), stored, AS_OF, explained_customers=0)
    frame = frame_of(spark, rows, tmp_path / "unsigned")
    assert dict(frame.dtypes) == {
        "customer_id": "decimal(20,0)",
        "ordered_at": "timestamp",
        "amount": "decimal(12,2)",
        "tags": "array<string>",
    }
    found = score_on_spark(spark, frame, stored, AS_OF, buckets=2, **zone)
    assert_frame_equal(collected(found), whole.scores, check_exact=True)
    with pytest.raises(DataError, match="zone is not given"):
        score_on_spark(spark, frame, stored, AS_OF)
    nanoseconds = frame.selectExpr("customer_id", "amount", "unix_micros(timestamp(ordered_at)) * 1000 as ordered_at")
    with pytest.raises(DataError, match=r"ordered_at: the column holds Int64, which is no time"):
        score_on_spark(spark, nanoseconds, stored, AS_OF)
    with pytest.raises(DataError, match="ordered_at"):
        score_on_spark(spark, frame.drop("ordered_at"), stored, AS_OF)


def test_what_cannot_be_scored_is_said_by_the_driver(spark, orders, stored, tmp_path, monkeypatch) -> None:
    frame = frame_of(spark, orders, tmp_path / "orders")
    with pytest.raises(WindowError, match="it would have seen the future"):
        score_on_spark(spark, frame, stored, "2025-01-01")
    late = frame.selectExpr("customer_id", "ordered_at + interval 9 years as ordered_at", "amount")
    with pytest.raises(WindowError, match="Nobody bought before"):
        score_on_spark(spark, late, stored, AS_OF)
    with pytest.raises(DataError, match="column names and no row"):
        score_on_spark(spark, frame.limit(0), stored, AS_OF)
    two = frame.selectExpr("*", "if(amount < 20, 'EUR', 'USD') as currency")
    with pytest.raises(DataError, match=r"orders\.currency"):
        score_on_spark(spark, Source(two, currency="currency"), stored, AS_OF)
    with pytest.raises(ConfigError, match=r"no table 'event'\. Did you mean 'events'"):
        score_on_spark(spark, {"orders": frame, "event": frame}, stored, AS_OF)
    with pytest.raises(ConfigError, match="no table of orders"):
        score_on_spark(spark, {"events": frame}, stored, AS_OF)
    with pytest.raises(TypeError, match="Spark frame"):
        score_on_spark(spark, orders, stored, AS_OF)
    monkeypatch.setattr(tasks, "versions_here", lambda: {"polars": "0.0.1"})
    with pytest.raises(ClusterMismatch, match=r"polars 0\.0\.1 on the driver"):
        score_on_spark(spark, frame, replace(stored), AS_OF)


def test_a_folder_is_committed_whole_and_written_once(spark, orders, stored, expected, tmp_path, monkeypatch) -> None:
    frame, out = Source(frame_of(spark, orders, tmp_path / "orders"), order_id="order_id"), tmp_path / "out"
    with monkeypatch.context() as killed:
        killed.setattr(write._Folder, "commit", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            write.write_scores(spark, frame, stored, datetime(2025, 7, 20), str(out), buckets=2)
    assert not (out / "manifest.json").exists()
    left = {path.name for path in (out / "scores").iterdir()}
    first = write.write_scores(spark, frame, stored, AS_OF, f"file://{out}", buckets=3)
    assert first.changed
    assert left.isdisjoint(path.name for path in (out / "scores").iterdir())
    found = pl.read_parquet(out / first.manifest["scores"] / "*.parquet").sort("customer_id")
    wanted = expected.scores.with_columns(pl.lit(None, pl.String).alias(name) for name in REASONS)
    assert_frame_equal(found, wanted, check_exact=True)
    manifest = json.loads((out / "manifest.json").read_bytes())
    assert manifest == first.manifest
    assert manifest["customers"] == found.height
    assert manifest["rows"]["rows_in"] == orders.height
    assert sum(path.stat().st_size for path in (out / manifest["scores"]).glob("part-*")) == sum(
        manifest["files"].values()
    )
    before = (out / "manifest.json").stat().st_mtime_ns
    run = first.manifest["run"]
    remains = [out / "scores" / "killed", out / "segments" / "killed", out / "segments" / run / "_customers"]
    for place in remains:
        place.mkdir(parents=True)
    again = write.write_scores(spark, frame, stored, AS_OF, f"file://{out}", buckets=5)
    assert (again.changed, again.manifest) == (False, first.manifest)
    assert not any(place.exists() for place in remains)
    assert (out / manifest["scores"]).exists()
    assert (out / "manifest.json").stat().st_mtime_ns == before
    (out / "manifest.json").write_text("{}")
    with pytest.raises(OutputError, match=r"cannot be read or written: .*Checksum"):
        write.write_scores(spark, frame, stored, AS_OF, str(out), buckets=1)
    (out / ".manifest.json.crc").unlink()
    with pytest.raises(OutputError, match="no manifest of scores"):
        write.write_scores(spark, frame, stored, AS_OF, str(out), buckets=1)


def test_a_sample_trains_the_model_that_the_local_reader_trains(spark, orders, tmp_path) -> None:
    frame = frame_of(spark, orders.sample(fraction=1.0, shuffle=True, seed=2), tmp_path / "orders", files=2)
    data = read_orders_on_spark(spark, Source(frame, order_id="order_id"), share=0.4)
    whole = read_orders(orders, order_id="order_id")
    ids = orders["customer_id"].unique()
    chosen = ids.filter(in_sample(ids, 0.4))
    assert 0.3 < chosen.len() / ids.len() < 0.5
    assert set(chosen) > set(ids.filter(in_sample(ids, 0.2)))
    assert data.observed_until == whole.observed_until
    mine = replace(whole.of_customers(chosen), observed_until_given=False)
    assert data.fingerprint() == mine.fingerprint()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SmallSampleWarning)
        versions = [
            train(rows, as_of="2025-07-01", clv_days=60, churn_days=30, rungs=("purchase",)).version
            for rows in (data, mine)
        ]
    assert versions[0] == versions[1]
    with pytest.raises(ConfigError, match="share must lie above 0"):
        read_orders_on_spark(spark, frame, share=0)
