"""Training on Spark gives, byte for byte, the bundle that training on all rows gives."""

import os
import signal
from datetime import datetime

import numpy as np
import polars as pl
import pytest

from boosted_shops import QUICK
from engines.spark_local import frame_of
from foretell.bundles.files import bundle_files
from foretell.engines.spark import tasks
from foretell.engines.trained_model import TrainedModel
from foretell.errors import ClusterMismatch, ConfigError, DataError, FitError, WindowError
from foretell.tables.dataset import CustomerData
from foretell.tables.read import read_orders
from foretell.tables.read_data import read_data
from foretell.tables.schema import OPTIONAL
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
    "foretell.training.prospect_rows.MOST_PEOPLE": 120,
    "foretell.training.train_on_spark.MOST_PEOPLE": 120,
    "foretell.training.prospect_recipe.FEWEST_FIRST_ORDERS": 20,
}
"""Samples that are smaller than these small shops."""


@pytest.fixture(scope="module")
def shop() -> CustomerData:
    return simulate(customers=900, seed=5, tables="all")[0]


@pytest.fixture(scope="module")
def orders(shop) -> pl.DataFrame:
    """Orders with refunds, orders of several rows and a channel, in no order at all."""
    rows = in_units(shop.orders.drop("row_number"))
    number = pl.int_range(pl.len())
    back = rows.filter(number % 17 == 0).with_columns(-pl.col("amount"), pl.col("ordered_at") + pl.duration(days=9))
    channel = pl.when(number % 3 == 0).then(pl.lit("app")).when(number % 3 == 1).then(pl.lit("web"))
    return pl.concat([rows, back]).with_columns(channel=channel).sample(fraction=1.0, shuffle=True, seed=1)


@pytest.fixture(scope="module")
def tables(shop, orders) -> dict[str, pl.DataFrame]:
    """All tables; lines know their order alone, and some rows cannot be used or repeat."""
    found = {name: in_units(getattr(shop.optional, name).lazy()) for name in shop.optional.names}
    lines = found["order_lines"].drop("customer_id", "ordered_at")
    events = pl.concat([found["events"], found["events"].tail(9)])
    people = found["customers"].with_columns(
        customer_id=pl.col("customer_id") + " ", tier=pl.col("lat").floor().cast(pl.UInt32)
    )
    return {"orders": orders, **found, "order_lines": lines, "events": events, "customers": people}


def in_units(rows: pl.LazyFrame) -> pl.DataFrame:
    money = [name for name in rows.collect_schema() if name.endswith("_minor")]
    units = [(pl.col(name) / 10_000).alias(name.removesuffix("_minor")) for name in money]
    return rows.with_columns(units).drop(money).collect()


def sources(frames) -> dict[str, Source]:
    """Frames of polars or of Spark under foretell's own names."""
    known = {table.name: set(table.names) for table in OPTIONAL} | {"orders": {"order_id", "channel"}}
    given = {
        name: {column: column for column in frame.columns if column in known[name]} for name, frame in frames.items()
    }
    given["customers"]["stable_attributes"] = ["country", "signed_up_at", "tier"]
    return {name: Source(frame, **given[name]) for name, frame in frames.items()}


def named(orders) -> dict[str, str]:
    return {"order_id": "order_id"} if "order_id" in orders.columns else {}


def same(found: TrainedModel, expected: TrainedModel) -> None:
    one, other = bundle_files(found.bundle), bundle_files(expected.bundle)
    assert one.keys() == other.keys()
    assert not [name for name in one if one[name] != other[name]]
    assert found.version == expected.version


@pytest.fixture(scope="module")
def frames(spark, tables, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    return {
        name: frame_of(spark, rows, folder / name, files=2 if rows.height > 99 else 1) for name, rows in tables.items()
    }


@pytest.fixture
def _samples(monkeypatch) -> None:
    for name, value in LIMITS.items():
        monkeypatch.setattr(name, value)


@pytest.mark.usefixtures("_samples")
def test_any_number_of_partitions_gives_the_local_bundle_of_all_tables(spark, tables, frames) -> None:
    options = {**OPTIONS, "rungs": ("purchase",), "backtest_cutoffs": ["2025-05-01"]}
    expected = train(read_data(**sources(tables)), "2025-10-01", **options)
    for buckets in (1, 8, 64):
        same(train_on_spark(spark, sources(frames), "2025-10-01", buckets=buckets, **options), expected)
    assert set(expected.bundle.statistics.names) >= {"brand", "device", "place", "profile_country"}
    assert expected.bundle.card["prospects"]["people"] < 2 * LIMITS["foretell.training.prospect_rows.MOST_PEOPLE"]


@pytest.mark.usefixtures("_samples")
def test_trees_their_tuning_and_the_choice_of_a_rung_are_the_local_ones_too(spark, tables, frames, monkeypatch) -> None:
    monkeypatch.setattr("foretell.training.boosted_recipe.TREES", QUICK)
    rungs = {"rungs": ("boosted", "purchase"), "tune": 2, "threads": 1}
    options = {**OPTIONS, **rungs, "backtest_cutoffs": ["2025-05-01"]}
    expected = train(read_data(**sources(tables)), "2025-10-01", **options)
    found = train_on_spark(spark, sources(frames), "2025-10-01", buckets=5, **options)
    same(found, expected)
    assert found.trials.equals(expected.trials)
    assert expected.bundle.card["tuning"]["trials"] == 2
    assert "boosted" in expected.bundle.record["backtest"]["rung"].to_list()
    assert expected.bundle.prospects is not None


@pytest.mark.usefixtures("_samples")
def test_orders_alone_are_enough(spark, orders, frames) -> None:
    options = {**OPTIONS, "rungs": ("pareto", "purchase")}
    expected = train(read_orders(orders, **named(orders)), "2025-10-01", **options)
    same(train_on_spark(spark, Source(frames["orders"], **named(orders)), "2025-10-01", buckets=8, **options), expected)


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


def test_other_versions_and_tables_that_are_not_known_are_refused(spark, orders, tmp_path, monkeypatch) -> None:
    frame = frame_in(spark, orders, tmp_path)
    with pytest.raises(ConfigError, match="no table 'visits'"):
        train_on_spark(spark, {"orders": frame, "visits": frame}, "2025-06-01")
    monkeypatch.setattr("foretell.engines.spark.tasks.versions_here", lambda: {"foretell": "0", "polars": "0"})
    with pytest.raises(ClusterMismatch, match="polars"):
        train_on_spark(spark, frame, "2025-06-01")


def test_a_worker_killed_while_it_counts_changes_nothing(spark, orders, tmp_path, monkeypatch) -> None:
    run, killed = tasks.run, tmp_path / "killed"

    def dies_once(batches, *, task, **given):
        yield from run(batches, task=task, **given)
        if task == "count" and not killed.exists():
            killed.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(tasks, "run", dies_once)
    options = {**OPTIONS, "rungs": "purchase", "backtest_cutoffs": ()}
    frame = Source(frame_of(spark, orders, tmp_path / "orders"), **named(orders))
    found = train_on_spark(spark, frame, "2025-10-01", buckets=3, **options)
    assert killed.exists()
    same(found, train(read_orders(orders, **named(orders)), "2025-10-01", **options))
