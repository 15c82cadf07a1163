"""Customers counted bucket by bucket are the customers of the whole shop, however they are spread; no Spark needed."""

import json
from dataclasses import asdict
from datetime import datetime

import numpy as np
import polars as pl
import pytest

from engines.spark_parts import frame, in_buckets, planned, read
from foretell.engines.spark.payloads import by_kind
from foretell.engines.spark.population import (
    Draw,
    add_counted,
    counted_bucket,
    drawn_bucket,
    observed_at,
)
from foretell.engines.spark.rows import sent
from foretell.features.summary import purchase_summary
from foretell.models.cnbd import MBGCNBD
from foretell.models.gamma_gamma import GammaGamma
from foretell.models.pareto_nbd import ParetoNBD
from foretell.models.population import Population, Values
from foretell.scoring.accounting import refund_only_rows
from foretell.tables.buckets import drawn
from foretell.tables.categories import known_columns
from foretell.tables.moment import Moment
from foretell.tables.read import read_orders
from foretell.tables.source import Source

AS_OF, EARLIER = datetime(2025, 8, 1), datetime(2025, 2, 1)


@pytest.fixture(scope="module")
def rows(big_shop) -> pl.DataFrame:
    """Orders with a channel, and refunds of somebody who never ordered."""
    orders = big_shop.orders.collect().drop("row_number")
    orders = orders.with_columns(amount=pl.col("amount_minor") / 10_000).drop("amount_minor")
    alone = orders.head(2).with_columns(customer_id=pl.lit("alone"), amount=-pl.col("amount"), order_id=pl.lit(None))
    number = pl.int_range(pl.len())
    device = pl.when(number % 400 == 7).then(pl.lit("kiosk")).when(number % 4 < 3).then(pl.lit("phone"))
    return pl.concat([orders, alone]).with_columns(device=device)


def buckets_of(given: dict[str, Source], buckets: int):
    """Packed rows as Spark's shuffle hands them over, from partitions of which one is empty, and what tasks know."""
    plan = planned(given)
    shop, packed = read(plan, given, 2)
    return in_buckets(packed, buckets), shop


def counted(rows: pl.DataFrame, buckets: int, *, stated: datetime | None = None):
    found, shop = buckets_of({"orders": Source(rows, order_id="order_id")}, buckets)
    job = {**shop.job(AS_OF), "cutoffs": [EARLIER.isoformat()], "people_at": []}
    told = pl.concat([frame(counted_bucket(sent(bucket), job)) for bucket in found])
    facts = [json.loads(one) for one in told["facts"].drop_nulls()]
    return add_counted(facts, told.filter(pl.col("facts").is_null()), stated=stated)


@pytest.mark.parametrize("buckets", [1, 7, 400])
def test_counts_are_those_of_the_shop(rows, buckets: int) -> None:
    data = read_orders(rows, order_id="order_id")
    past = data.before(AS_OF)
    expected = Population.of(purchase_summary(past, AS_OF))
    found = counted(rows, buckets)
    for name, column in expected.histories.columns.items():
        np.testing.assert_array_equal(found.population.histories.columns[name], column)
    np.testing.assert_array_equal(found.population.histories.weights, expected.histories.weights)
    assert found.population.sum_log_gaps == expected.sum_log_gaps
    assert found.population.paying == expected.paying
    assert found.fingerprint == past.fingerprint()
    assert found.columns == known_columns(past)
    assert len(found.columns["device"]["categories"]) == 2
    earlier = data.before(EARLIER)
    height = purchase_summary(earlier, EARLIER).height
    assert found.moments == {EARLIER: Moment(height, earlier.observed_until)}
    assert found.has_money
    assert found.refunds_only == refund_only_rows(data, AS_OF).height


def test_a_stated_end_of_observation_is_kept(rows) -> None:
    assert counted(rows, 3, stated=datetime(2025, 12, 1)).moments[EARLIER].observed_until == EARLIER
    assert observed_at(AS_OF, datetime(2025, 7, 3, 9), datetime(2025, 7, 30)) == datetime(2025, 7, 30)
    assert observed_at(AS_OF, datetime(2025, 7, 3, 9), None) == datetime(2025, 7, 4)
    assert observed_at(AS_OF, None, None) == AS_OF


def test_fits_to_what_was_counted_are_fits_to_the_shop(rows) -> None:
    """To the last bit, with a summary as its witness."""
    summary = purchase_summary(read_orders(rows, order_id="order_id"), AS_OF)
    whole, parts = Population.of(summary), counted(rows, 9).population
    worth = whole.values
    rows_of = pl.DataFrame({"x": worth.x, "z": worth.z, "spread": worth.spread})
    distinct = rows_of.group_by("x", "z", "spread").agg(n=pl.len().cast(pl.Int64))
    parts = Population(
        parts.histories,
        parts.log_gaps,
        parts.paying,
        Values(*(distinct[name].to_numpy() for name in ("x", "z", "n", "spread"))),
    )
    for model in (MBGCNBD, ParetoNBD, lambda: GammaGamma(cap_quantile=0.9, credibility="orders")):
        expected = model().fit(summary).to_dict()
        assert model().fit(whole).to_dict() == expected
        assert model().fit(parts).to_dict() == expected


def test_who_is_drawn_comes_with_all_rows_and_nobody_else_does(rows) -> None:
    draws = [Draw(AS_OF, "one", 500, 60), Draw(EARLIER, "two", 300, 40), Draw(datetime(2024, 1, 3), "all", 9, 10)]
    packed, shop = buckets_of({"orders": Source(rows, order_id="order_id")}, 5)
    job = {**shop.job(AS_OF), "draws": [*map(asdict, draws)], "customers": 500}
    told = pl.concat([frame(drawn_bucket(sent(bucket), job)) for bucket in packed])
    found = by_kind(sent(told.select("kind", "payload").drop_nulls()))["orders"]
    past = read_orders(rows, order_id="order_id").before(AS_OF).orders.collect()
    ids = past["customer_id"]
    # Who came later is not drawn, however few there were then.
    first = past.select(pl.col("ordered_at").min().over("customer_id"))["ordered_at"]
    wanted = drawn(ids, 60, among=500, salt="one") | (first < datetime(2024, 1, 3))
    expected = past.filter(wanted | (drawn(ids, 40, among=300, salt="two") & (first < EARLIER)))
    assert past.filter(wanted & (first >= EARLIER)).height
    assert 50 < expected["customer_id"].n_unique() < 200
    key = ["customer_id", "ordered_at", "order_id", "amount_minor", "device"]
    assert found.select(key).sort(key).equals(expected.select(key).sort(key))
    values = told.drop("kind", "payload").drop_nulls()
    summary = purchase_summary(read_orders(rows, order_id="order_id"), AS_OF)
    assert values["customers"].sum() == summary.height
    key = ["x", "z", "spread"]
    both = values.group_by(key).agg(pl.col("customers").sum()).sort(key)
    whole = Population.of(summary).values
    by_hand = pl.DataFrame({name: getattr(whole, name) for name in key}).group_by(key).agg(customers=pl.len()).sort(key)
    assert both.equals(by_hand.cast(both.schema))


def test_a_bucket_whose_rows_all_lie_at_or_after_the_cutoff_counts_nobody(rows) -> None:
    (bucket,), shop = buckets_of({"orders": Source(rows, order_id="order_id")}, 1)
    job = {**shop.job(datetime(2020, 1, 1)), "cutoffs": ["2019-01-01T00:00:00"], "people_at": []}
    for packed in (bucket, bucket.clear()):
        told = frame(counted_bucket(sent(packed), job))
        facts = json.loads(told["facts"].drop_nulls().item())
        assert facts["moments"] == {"2019-01-01T00:00:00": [0, None]}
        assert facts["tables"]["orders"]["later"] == (rows.height if packed.height else 0)
        assert told.height == 1
        draws = [Draw(datetime(2020, 1, 1), "all", 9, 10)]
        assert not list(drawn_bucket(sent(packed), {**job, "draws": [*map(asdict, draws)], "customers": 9}))
