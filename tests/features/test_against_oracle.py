"""Every feature and summary column equals a plain loop over the rows."""

import math

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracles
from foretell.features.catalogue import catalogue
from foretell.features.compute import compute
from foretell.features.summary import purchase_summary
from histories import CUTOFFS, MESSY, WITHOUT_AMOUNTS, as_data

HISTORIES = st.one_of(MESSY, MESSY, WITHOUT_AMOUNTS)


def assert_same(frame, expected):
    """Compare a keyed frame with {customer: {column: value}}; features are rounded to nine decimals."""
    assert frame["customer_id"].to_list() == sorted(expected)
    for row in frame.to_dicts():
        wanted = expected[row.pop("customer_id")]
        assert row.keys() == wanted.keys()
        for name, value in row.items():
            if isinstance(wanted[name], float) and value is not None:
                assert math.isclose(value, wanted[name], rel_tol=1e-9, abs_tol=1e-9), name
            else:
                assert value == wanted[name], name


drawn = given(history=HISTORIES, as_of=CUTOFFS)


def equal_to_the_loops(history, as_of):
    data = as_data(history)
    assert_same(compute(data, as_of).collect(), oracles.features(history, as_of))
    assert_same(purchase_summary(data, as_of), oracles.summary(history, as_of))


test_random_histories = settings(max_examples=50)(drawn(equal_to_the_loops))
test_random_histories_thoroughly = pytest.mark.slow(settings(max_examples=300)(drawn(equal_to_the_loops)))


def test_simulated_shop(shop):
    data, _ = shop
    assert data.has_refunds
    assert data.order_ids_repeat
    frame = data.orders.select(
        "customer_id", "ordered_at", "amount_minor", "order_id", cancelled=pl.lit(None)
    ).collect()
    history, as_of = frame.to_dicts(), data.observed_until
    expected = oracles.features(history, as_of)
    assert len(expected) > 100
    assert {feature.name for feature in catalogue()} == next(iter(expected.values())).keys()
    assert_same(compute(data, as_of).collect(), expected)
    assert_same(purchase_summary(data, as_of), oracles.summary(history, as_of))
