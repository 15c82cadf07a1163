"""Values that count several times are the values written out, to the last bit."""

import math
from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from foretell.models.weighted import exact_parts, exact_sum, median, order_statistics

FINITE = st.floats(-1e12, 1e12, allow_nan=False, allow_infinity=False)
ROWS = st.lists(st.tuples(FINITE, st.integers(1, 9)), min_size=1, max_size=30)


def columns(rows):
    values, counts = zip(*rows, strict=True)
    return np.array(values), np.array(counts, np.int64)


@settings(max_examples=200)
@given(ROWS)
def test_sums_and_medians_are_those_of_the_values_written_out(rows):
    values, counts = columns(rows)
    written = np.repeat(values, counts)
    assert exact_sum(values, counts) == math.fsum(written)
    assert median(values, counts) == float(np.median(written))
    places = np.arange(written.size)
    np.testing.assert_array_equal(order_statistics(values, counts, places), np.sort(written))


@settings(max_examples=200)
@given(st.lists(st.tuples(FINITE, st.integers(2**30, 2**51)), min_size=1, max_size=3))
def test_sums_of_values_that_count_very_often_are_rounded_once(rows):
    values, counts = columns(rows)
    assert exact_sum(values, counts) == float(sum(Fraction(value) * count for value, count in rows))


@settings(max_examples=100)
@given(st.lists(st.lists(st.integers(0, 2**62), max_size=8), min_size=1, max_size=8))
def test_parts_of_any_groups_give_the_sum_of_all(groups):
    """Sums of logs of gaps: whole multiples of 2**-44."""
    step = 2.0**-44
    arrays = [np.array(group, np.float64) * step for group in groups]
    parts = [part for array in arrays for part in exact_parts(array)]
    assert math.fsum(parts) == math.fsum(np.concatenate(arrays))
