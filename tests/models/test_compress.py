"""Row compression: nothing is lost, nothing depends on the order of rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from foretell.models.compress import compress

WHOLE = st.integers(-5, 5).map(float)
FRACTIONS = st.sampled_from([0.0, 0.1, 1 / 3, 2.5, 1e-9, 1e12 + 0.5, -7.25])
HUGE = st.sampled_from([0.0, 1.0, 2.0**40, 2.0**51, -(2.0**51), 1e300])


def columns(*elements):
    return st.integers(1, 40).flatmap(
        lambda rows: st.fixed_dictionaries(
            {f"c{i}": arrays(np.float64, rows, elements=values) for i, values in enumerate(elements)}
        )
    )


any_columns = st.one_of(
    columns(WHOLE), columns(WHOLE, WHOLE, WHOLE), columns(FRACTIONS, WHOLE), columns(HUGE, HUGE, HUGE, FRACTIONS)
)


@settings(max_examples=40)
@given(any_columns)
def test_the_index_brings_every_row_back(given_columns):
    found = compress(given_columns)
    for name, values in given_columns.items():
        np.testing.assert_array_equal(found.columns[name][found.inverse], values)


@settings(max_examples=40)
@given(any_columns)
def test_rows_are_distinct_sorted_and_weighted_by_their_count(given_columns):
    found = compress(given_columns)
    rows = list(zip(*given_columns.values(), strict=True))
    expected = sorted(set(rows))
    assert list(zip(*found.columns.values(), strict=True)) == expected
    assert found.weights.tolist() == [rows.count(row) for row in expected]
    assert (found.rows, found.distinct) == (len(rows), len(expected))


@settings(max_examples=40)
@given(any_columns, st.randoms(use_true_random=False))
def test_the_order_of_rows_has_no_influence(given_columns, random):
    size = next(iter(given_columns.values())).size
    order = list(range(size))
    random.shuffle(order)
    one, other = compress(given_columns), compress({name: v[order] for name, v in given_columns.items()})
    np.testing.assert_array_equal(one.weights, other.weights)
    for name in given_columns:
        np.testing.assert_array_equal(one.columns[name], other.columns[name])


def test_minus_zero_is_zero():
    assert compress({"a": np.array([0.0, -0.0]), "b": np.array([0.5, 0.5])}).distinct == 1
    assert compress({"a": np.array([0.5, -0.0, 0.0])}).distinct == 2


def test_columns_given_are_not_changed():
    column = np.array([3.0, 1.0, 3.0])
    compress({"a": column})
    assert column.tolist() == [3.0, 1.0, 3.0]


def test_many_rows_on_few_cells_and_few_rows_on_many_cells_agree():
    rng = np.random.default_rng(3)
    a, b = rng.integers(0, 30, 4000).astype(float), rng.integers(0, 12, 4000).astype(float)
    dense, sparse = compress({"a": a, "b": b}), compress({"a": a * 1e6, "b": b * 1e6})
    np.testing.assert_array_equal(dense.inverse, sparse.inverse)
    np.testing.assert_array_equal(dense.weights, sparse.weights)


def test_keys_of_far_apart_values_do_not_overflow():
    rng = np.random.default_rng(6)
    far = rng.integers(-(2**51), 2**51, (4, 64)).astype(float)
    given_columns = {f"c{i}": rng.choice(values, 300) for i, values in enumerate(far)}
    found = compress(given_columns)
    rows = list(zip(*given_columns.values(), strict=True))
    assert list(zip(*found.columns.values(), strict=True)) == sorted(set(rows))


def test_no_rows_stay_no_rows():
    found = compress({"a": np.array([]), "b": np.array([])})
    assert (found.rows, found.distinct) == (0, 0)


@pytest.mark.parametrize(
    "given_columns",
    [{}, {"a": np.zeros(2), "b": np.zeros(3)}, {"a": np.zeros((2, 2))}],
    ids=["no column", "lengths differ", "two-dimensional"],
)
def test_what_are_not_columns_is_refused(given_columns):
    with pytest.raises(ValueError, match="one-dimensional, all of one length"):
        compress(given_columns)
