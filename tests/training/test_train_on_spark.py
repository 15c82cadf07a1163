"""Training on Spark gives, byte for byte, the bundle that training on all rows gives."""

import os
import signal
from datetime import datetime

import numpy as np
import polars as pl
import pytest

from boosted_shops import AS_OF, HORIZONS
from engines.spark_local import frame_of
from foretell.bundles.files import bundle_files
from foretell.engines.spark import tasks
from foretell.engines.trained_model import TrainedModel
from foretell.errors import ClusterMismatch, ConfigError, DataError, FitError, WindowError
from foretell.tables.read import read_orders
from foretell.tables.simulate import simulate
from foretell.tables.source import Source
from foretell.training.train import train
from foretell.training.train_on_spark import train_on_spark

pytestmark = pytest.mark.spark

OPTIONS = {"clv_days": 60, "churn_days": 45, "order_days": 30}
LIMITS = {
    "foretell.training.backtest.MOST_JUDGED": 300,
    "foretell.training.train_on_spark.MOST_JUDGED": 300,
    "foretell.training.shop._ALL_UP_TO": 250,
}
"""Samples that are smaller than these small shops."""


@pytest.fixture(scope="module")
def orders() -> pl.DataFrame:
    """Orders with refunds, orders of several rows and a channel, in no order at all."""
    data, _ = simulate(customers=900, seed=5)
    rows = data.orders.collect().drop("row_number")
    rows = rows.with_columns(amount=pl.col("amount_minor") / 10_000).drop("amount_minor")
    number = pl.int_range(pl.len())
    back = rows.filter(number % 17 == 0).with_columns(-pl.col("amount"), pl.col("ordered_at") + pl.duration(days=9))
    channel = pl.when(number % 3 == 0).then(pl.lit("app")).when(number % 3 == 1).then(pl.lit("web"))
    return pl.concat([rows, back]).with_columns(channel=channel).sample(fraction=1.0, shuffle=True, seed=1)


def named(orders) -> dict[str, str]:
    return {"order_id": "order_id"} if "order_id" in orders.columns else {}


def same(found: TrainedModel, expected: TrainedModel) -> None:
    one, other = bundle_files(found.bundle), bundle_files(expected.bundle)
    assert one.keys() == other.keys()
    assert not [name for name in one if one[name] != other[name]]
    assert found.version == expected.version


@pytest.mark.parametrize(("rungs", "partitions"), [(("purchase",), (1, 8, 64)), (("pareto", "purchase"), (8,))])
def test_any_number_of_partitions_gives_the_local_bundle(
    spark, orders, tmp_path, monkeypatch, rungs, partitions
) -> None:
    for name, value in LIMITS.items():
        monkeypatch.setattr(name, value)
    expected = train(read_orders(orders, **named(orders)), "2025-10-01", rungs=rungs, **OPTIONS)
    frame = Source(frame_of(spark, orders, tmp_path / "orders", files=3), **named(orders))
    for buckets in partitions:
        same(train_on_spark(spark, frame, "2025-10-01", rungs=rungs, buckets=buckets, **OPTIONS), expected)


def test_trees_and_the_choice_of_a_rung_are_the_local_ones_too(spark, boosted_shop, tmp_path, monkeypatch) -> None:
    for name, value in LIMITS.items():
        monkeypatch.setattr(name, value)
    orders = boosted_shop.orders.collect().drop("row_number")
    orders = orders.with_columns(amount=pl.col("amount_minor") / 10_000).drop("amount_minor")
    options = dict(vars(HORIZONS), threads=1, backtest_cutoffs=["2025-07-02"], rungs=("boosted", "purchase"))
    expected = train(read_orders(orders), AS_OF, **options)
    frame = frame_of(spark, orders, tmp_path / "orders", files=2)
    same(train_on_spark(spark, frame, AS_OF, buckets=5, **options), expected)
    assert "boosted" in expected.bundle.record["backtest"]["rung"].to_list()


def frame_in(session, rows: pl.DataFrame, folder):
    return frame_of(session, rows, folder / f"orders-{len(list(folder.iterdir()))}")


def thin(customers: int, orders: int) -> pl.DataFrame:
    who = [f"c{number}" for number in range(customers) for _ in range(orders)]
    days = [datetime(2025, 1, 1 + 9 * order) for _ in range(customers) for order in range(orders)]
    return pl.DataFrame({"customer_id": who, "ordered_at": days, "amount": [5.0] * len(who)})


@pytest.mark.parametrize(
    ("rows", "as_of", "given", "error"),
    [
        pytest.param(thin(5, 3), None, {}, FitError, id="few customers"),
        pytest.param(thin(40, 1), None, {}, FitError, id="nobody came back"),
        pytest.param(thin(40, 3), "2024-12-31", {}, WindowError, id="before the first order"),
        pytest.param(thin(40, 3), "2025-03-01", {"observed_until": "2025-02-01"}, WindowError, id="not observed"),
        pytest.param(thin(40, 3).clear(), None, {}, DataError, id="no row"),
        pytest.param(thin(40, 3).drop("ordered_at"), None, {}, DataError, id="no time"),
    ],
)
def test_what_cannot_be_trained_on_is_refused_as_locally(spark, tmp_path, rows, as_of, given, error) -> None:
    with pytest.raises(error) as here:
        train(read_orders(rows, **given), as_of)
    with pytest.raises(error) as there:
        train_on_spark(spark, Source(frame_in(spark, rows, tmp_path), **given), as_of, buckets=2)
    # What to do about an empty source is said of files there and of frames here.
    assert str(there.value).split("Remedy: Check")[0] == str(here.value).split("Remedy: Check")[0]


def test_rows_at_or_after_the_cutoff_change_no_byte(spark, orders, tmp_path) -> None:
    options = {**OPTIONS, "rungs": "purchase", "backtest_cutoffs": (), "buckets": 3}
    past = orders.filter(pl.col("ordered_at") < datetime(2025, 6, 1))
    whole = train_on_spark(spark, Source(frame_in(spark, orders, tmp_path), **named(orders)), "2025-06-01", **options)
    cut = train_on_spark(spark, Source(frame_in(spark, past, tmp_path), **named(orders)), "2025-06-01", **options)
    same(whole, cut)


def test_one_customer_with_a_third_of_the_rows_and_rows_that_repeat(spark, tmp_path) -> None:
    rng = np.random.default_rng(0)
    days = np.datetime64("2024-01-01", "us") + (rng.integers(0, 600, 3_000) * 86_400_000_000).astype("timedelta64[us]")
    who = np.where(np.arange(3_000) % 3 == 0, "0", [f"c{number % 597}" for number in rng.integers(0, 10**6, 3_000)])
    rows = pl.DataFrame({"customer_id": who, "ordered_at": days, "amount": rng.integers(0, 900, 3_000) / 10})
    rows = pl.concat([rows, rows.head(70)])
    given = {"drop_duplicates": True, "observed_until": "2025-09-01"}
    options = {**OPTIONS, "rungs": "purchase", "backtest_cutoffs": ["2025-05-01"]}
    expected = train(read_orders(rows, **given), "2025-08-01", **options)
    # Empty partitions beside full ones.
    frame = frame_in(spark, rows, tmp_path).repartition(9).where("customer_id != 'nobody'")
    same(train_on_spark(spark, Source(frame, **given), "2025-08-01", buckets=6, **options), expected)


def test_other_versions_and_other_tables_are_refused(spark, orders, tmp_path, monkeypatch) -> None:
    frame = frame_in(spark, orders, tmp_path)
    with pytest.raises(ConfigError, match="Orders alone"):
        train_on_spark(spark, {"orders": frame, "events": frame}, "2025-06-01")
    monkeypatch.setattr("foretell.engines.spark.tasks.versions_here", lambda: {"foretell": "0", "polars": "0"})
    with pytest.raises(ClusterMismatch, match="polars"):
        train_on_spark(spark, frame, "2025-06-01")


def test_a_worker_killed_while_it_counts_changes_nothing(spark, orders, tmp_path, monkeypatch) -> None:
    count_customers, killed = tasks.count_customers, tmp_path / "killed"

    def dies_once(batches, **given):
        yield from count_customers(batches, **given)
        if not killed.exists():
            killed.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(tasks, "count_customers", dies_once)
    options = {**OPTIONS, "rungs": "purchase", "backtest_cutoffs": ()}
    frame = Source(frame_of(spark, orders, tmp_path / "orders"), **named(orders))
    found = train_on_spark(spark, frame, "2025-10-01", buckets=3, **options)
    assert killed.exists()
    same(found, train(read_orders(orders, **named(orders)), "2025-10-01", **options))
