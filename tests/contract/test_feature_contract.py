"""One suite that every feature passes, so that a new feature is tested by being declared."""

import hashlib
import io
import math
import os
import re
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from foretell.features.catalogue import EVERYTHING, FAMILIES, FAMILY_NAMES, catalogue
from foretell.features.compute import compute
from foretell.features.feature import COUNT, NUMBER, TEXT, UNITS, Feature
from foretell.tables.dataset import CustomerData
from foretell.tables.schema import ORDERS
from foretell.tables.simulate import simulate

AS_OF = "2025-12-24"


@pytest.fixture(scope="module")
def table(shop):
    """Features of the simulated shop, to which free orders and refunds without an order are added."""
    orders = shop[0].orders.select("customer_id", "ordered_at", "amount_minor", "order_id").collect()
    some = orders.filter(pl.col("amount_minor") > 0).gather_every(25).with_columns(order_id=pl.lit(None, pl.String))
    free = some.with_columns(pl.lit(0, pl.Int64).alias("amount_minor"))
    loose = some.with_columns(-pl.col("amount_minor") // 10)
    return compute(CustomerData.from_orders(pl.concat([orders, free, loose])), AS_OF).collect()


@pytest.fixture(scope="module")
def plain():
    """Order rows of a shop without refunds."""
    return simulate(customers=150, seed=3, refund_share=0.0)[0].orders.collect()


each_feature = pytest.mark.parametrize("feature", catalogue(), ids=lambda feature: feature.name)


def test_columns_are_the_catalogue_in_its_order(table):
    assert table.columns == ["customer_id", *(feature.name for feature in catalogue())]


def test_there_are_enough_features_and_no_name_twice():
    names = [feature.name for feature in catalogue()]
    assert len(names) == len(set(names)) > 60


def test_customers_come_once_and_sorted(table):
    ids = table["customer_id"].to_list()
    assert ids == sorted(set(ids))


def test_without_amounts_features_of_money_are_off_and_the_others_the_same(plain):
    counted = compute(CustomerData.from_orders(plain.drop("amount_minor")), AS_OF).collect()
    expected = [feature.name for feature in catalogue(has_amount=False)]
    assert counted.columns == ["customer_id", *expected]
    assert not [name for name in expected if re.search("spend|value|refund|free", name)]
    assert_frame_equal(counted, compute(CustomerData.from_orders(plain), AS_OF).collect().select(counted.columns))


@each_feature
def test_type_is_as_declared(table, feature):
    assert table.schema[feature.name] == feature.dtype


@each_feature
def test_nulls_are_as_declared(table, feature):
    nulls = table[feature.name].null_count()
    assert nulls < table.height
    if not feature.null_when:
        assert nulls == 0


@each_feature
def test_values_are_finite_and_rounded(table, feature):
    values = table[feature.name].drop_nulls().cast(pl.Float64)
    assert values.is_finite().all()
    assert np.array_equal(np.round(values.to_numpy(), 9), values.to_numpy())


@each_feature
def test_values_keep_the_range_of_their_unit(table, feature):
    values = table[feature.name].drop_nulls().cast(pl.Float64)
    low, high = {
        "share": (0, 1),
        "month 1-12": (1, 12),
        "weekday 1-7": (1, 7),
        "cyclic": (-1, 1),
        "30-day blocks": (0, 12),
        "order rows": (1, float("inf")),
    }.get(feature.unit, (float("-inf"), float("inf")))
    assert values.min() >= low
    assert values.max() <= high


@each_feature
def test_some_customers_differ(table, feature):
    if feature.name.startswith("as_of_"):
        assert table[feature.name].n_unique() == 1  # the position of the cutoff is everyone's
    else:
        assert table[feature.name].n_unique() > 1


@each_feature
def test_declaration(feature):
    assert re.fullmatch("[a-z0-9_]+", feature.name)
    assert set(UNITS[feature.unit]) & set(feature.name.split("_"))
    assert feature.meaning[0].isupper()
    assert feature.meaning.endswith(".")
    assert feature.dtype in (COUNT, NUMBER)
    assert feature.source == ORDERS.name
    assert set(feature.needs) <= set(ORDERS.names)
    assert feature in next(family for family in FAMILIES if family.name == feature.family).features


@pytest.mark.parametrize("feature", catalogue(available=EVERYTHING)[len(catalogue()) :], ids=lambda each: each.name)
def test_declaration_of_other_tables(feature):
    assert set(UNITS[feature.unit]) & set(feature.name.split("_"))
    assert feature.meaning[0].isupper() or feature.meaning[0].isdigit()
    assert feature.meaning.endswith(".")
    assert (feature.dtype == TEXT) == (feature.unit == "name")
    assert feature.family in FAMILY_NAMES
    for table in feature.source.split(" or "):
        assert EVERYTHING.has(table, *feature.needs)


def test_no_name_of_any_table_comes_twice():
    names = [feature.name for feature in catalogue(available=EVERYTHING)]
    assert len(names) == len(set(names))


def test_no_value_is_minus_zero():
    # Equal gaps have an irregularity of zero; computed, it is off by some 1e-14 to either side.
    rows = [(f"{gap:02}", datetime(2024, 1, 1) + timedelta(days=gap * i)) for gap in range(1, 50) for i in range(4)]
    data = CustomerData.from_orders(pl.DataFrame(rows, schema=["customer_id", "ordered_at"], orient="row"))
    values = compute(data, AS_OF).collect()["gap_irregularity_log_ratio"].to_list()
    assert [math.copysign(1.0, value) * (value + 1.0) for value in values] == [1.0] * 49


GOOD = Feature("orders_seen", "purchase days", "Purchase days so far.", "rfm")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"name": "Orders seen"}, r"\[a-z0-9_\]"),
        ({"name": "frequency"}, "must say the unit"),
        ({"unit": "bananas"}, "must say the unit"),
        ({"meaning": "Purchase days"}, "one sentence"),
        ({"meaning": "Purchase days. So far."}, "one sentence"),
        ({"dtype": pl.Boolean()}, "Float64 or String, or Int32"),
        ({"dtype": TEXT}, "say when there is none"),
        ({"dtype": COUNT, "null_when": "never seen"}, "Float64 or String, or Int32"),
    ],
)
def test_a_careless_declaration_is_refused(change, complaint):
    with pytest.raises(ValueError, match=complaint):
        replace(GOOD, **change)


PROGRAM = """
import hashlib, io
from foretell.features.compute import compute
from foretell.tables.simulate import simulate
content = io.BytesIO()
compute(simulate(customers=3_000, seed=5)[0], "2025-12-24").collect().write_csv(content)
print(hashlib.sha256(content.getvalue()).hexdigest())
"""


@pytest.mark.slow
@pytest.mark.parametrize("threads", ["1", "4"])
def test_the_number_of_threads_changes_no_bit(threads):
    content = io.BytesIO()
    compute(simulate(customers=3_000, seed=5)[0], AS_OF).collect().write_csv(content)
    environment = {**os.environ, "POLARS_MAX_THREADS": threads}
    run = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == hashlib.sha256(content.getvalue()).hexdigest()
