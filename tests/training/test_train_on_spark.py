"""Training on Spark gives, byte for byte, the bundle that training on all rows gives."""

import polars as pl
import pytest

from boosted_shops import AS_OF, HORIZONS
from engines.spark_local import frame_of
from foretell.bundles.files import bundle_files
from foretell.engines.trained_model import TrainedModel
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


@pytest.mark.parametrize("rungs", [("purchase",), ("pareto",)])
def test_any_number_of_partitions_gives_the_local_bundle(spark, orders, tmp_path, monkeypatch, rungs) -> None:
    for name, value in LIMITS.items():
        monkeypatch.setattr(name, value)
    expected = train(read_orders(orders, **named(orders)), "2025-10-01", rungs=rungs, **OPTIONS)
    frame = Source(frame_of(spark, orders, tmp_path / "orders", files=3), **named(orders))
    for buckets in (1, 8, 64):
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
