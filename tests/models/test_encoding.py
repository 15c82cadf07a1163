"""Encoding: the stored columns in the stored order, codes, missing values, the grid; every polars dtype survives."""

import json
import subprocess
import sys
from datetime import date
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foretell.errors import BundleError, ColumnMismatch, DataError
from foretell.models.encoding import Encoding, to_grid


@pytest.fixture
def frame():
    return pl.DataFrame(
        {
            "customer_id": ["1", "2", "3", "4"],
            "days": [3, 400, None, 7],
            "plan": ["gold", "basic", None, "basic"],
            "kind": pl.Series(["b", "a", "b", "a"], dtype=pl.Categorical),
            "open": [True, False, None, True],
            "spend": [0.5, 12.25, float("nan"), 3.0],
        }
    )


FEATURES = ("days", "plan", "kind", "open", "spend")


def test_columns_follow_the_stored_order_whatever_the_frame_has(frame):
    encoding = Encoding.learn(frame, FEATURES)
    expected = np.array(
        [[3, 1, 1, 1, 0.5], [400, 0, 0, 0, 12.25], [np.nan, np.nan, 1, np.nan, np.nan], [7, 0, 0, 1, 3.0]]
    )
    np.testing.assert_array_equal(encoding.to_matrix(frame), expected)
    np.testing.assert_array_equal(encoding.to_matrix(frame.select(reversed(frame.columns))), expected)
    assert encoding.categorical == (1, 2)


def test_unknown_levels_and_columns_without_any_value_are_missing(frame):
    encoding = Encoding.learn(frame, FEATURES)
    seen = frame.with_columns(
        pl.Series("plan", ["basic", "platinum", "gold", ""]),
        pl.lit(None, pl.Null).alias("kind"),
        pl.lit(None, pl.String).alias("days"),
        pl.lit(None, pl.Date).alias("spend"),
    )
    matrix = encoding.to_matrix(seen)
    np.testing.assert_array_equal(matrix[:, 1], [0, np.nan, 1, np.nan])
    assert np.isnan(matrix[:, [0, 2, 4]]).all()
    assert encoding.to_matrix(seen.clear()).shape == (0, 5)


def test_frequent_levels_are_kept_and_coded_by_name():
    frame = pl.DataFrame({"city": ["c", "c", "b", "a", "d", "d", "d"]})
    assert Encoding.learn(frame, ["city"], most_levels=3).levels == {"city": ("a", "c", "d")}


@pytest.mark.parametrize("call", ["learn", "to_matrix"])
def test_unusable_and_missing_columns_are_named_all_at_once(frame, call):
    bad = frame.with_columns(
        pl.lit(date(2025, 1, 1)).alias("days"), pl.lit(Decimal("1.5")).alias("spend"), pl.lit([1]).alias("open")
    ).drop("plan")
    read = (
        Encoding.learn(frame, FEATURES).to_matrix if call == "to_matrix" else lambda bad: Encoding.learn(bad, FEATURES)
    )
    with pytest.raises(ColumnMismatch) as caught:
        read(bad)
    text = str(caught.value)
    for part in ("'days' holds Date", "'spend' holds Decimal", "'open' holds List", "'plan' is missing", "Remedy"):
        assert part in text


def test_a_column_that_changed_its_kind_is_refused(frame):
    encoding = Encoding.learn(frame, FEATURES)
    with pytest.raises(ColumnMismatch, match=r"'days' held numbers .* holds text.*'plan' held text .* holds numbers"):
        encoding.to_matrix(frame.with_columns(pl.lit("3").alias("days"), pl.lit(3).alias("plan")))


def test_a_feature_named_twice_is_refused(frame):
    with pytest.raises(ColumnMismatch, match="'days' is named twice"):
        Encoding.learn(frame, ["days", "days"])


def test_infinities_are_refused_by_column_count_and_row(frame):
    bad = frame.with_columns(pl.Series("spend", [1.0, np.inf, -np.inf, 2.0]))
    with pytest.raises(DataError, match=r"features.spend: must not be infinite \[2\] \(rows 2, 3\)"):
        Encoding.learn(frame, FEATURES).to_matrix(bad)


def test_state_survives_json_and_is_read_strictly(frame):
    encoding = Encoding.learn(frame, FEATURES)
    state = json.loads(json.dumps(encoding.to_dict()))
    assert Encoding.from_dict(state) == encoding
    for damaged in (
        {},
        {**state, "more": 1},
        {**state, "features": "days"},
        {**state, "features": ["days", "days"]},
        {**state, "levels": {"plan": ["a", "a"]}},
        {**state, "levels": {"gone": ["a"]}},
        {**state, "levels": {"plan": [1]}},
    ):
        with pytest.raises(BundleError, match="damaged"):
            Encoding.from_dict(damaged)


NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=64).filter(lambda x: abs(x) < 1e300)


@given(st.lists(NUMBERS, min_size=2, max_size=20))
def test_the_grid_is_monotone_symmetric_near_and_fixed(values):
    x = np.sort(np.array(values))
    rounded = to_grid(x)
    assert (np.diff(rounded) >= 0).all()
    np.testing.assert_array_equal(to_grid(-x), -rounded)
    np.testing.assert_array_equal(to_grid(rounded), rounded)
    # one step of a 20-bit mantissa is at most 2**-19 of the value
    np.testing.assert_allclose(rounded, x, rtol=2.0**-19, atol=1e-9)


@given(st.integers(-(2**20), 2**20), st.sampled_from([1, 2, 4, 5, 8, 10, 100, 1000, 3, 7]), st.sampled_from([-1, 1]))
def test_noise_in_the_last_bits_leaves_short_numbers_where_they_are(whole, part, sign):
    value = np.array([whole / part])
    # 8 units in the last place: what sums of thousands of terms in another order differ by
    np.testing.assert_array_equal(to_grid(value * (1 + sign * 8 * np.finfo(float).eps)), to_grid(value))


def test_whole_numbers_are_on_the_grid_and_remainders_of_differences_are_zero():
    whole = np.array([0.0, 1, 2, 3, 1023, 999_999, -17])
    np.testing.assert_array_equal(to_grid(whole), whole)
    np.testing.assert_array_equal(to_grid(np.array([0.1 + 0.2 - 0.3, -1e-17, np.nan])), [0, 0, np.nan])


DTYPES = """
import polars as pl
from datetime import date, datetime, timedelta
from decimal import Decimal
from foretell.errors import ColumnMismatch
from foretell.models.boosting import Booster
from foretell.models.boosting_params import BoostingParams
from foretell.models.encoding import Encoding
import numpy as np
n = 60
columns = {
    "Int8": pl.Series(range(n), dtype=pl.Int8), "UInt64": pl.Series(range(n), dtype=pl.UInt64),
    "Float32": pl.Series([.5] * n, dtype=pl.Float32), "Boolean": pl.Series([True, None] * (n // 2)),
    "String": pl.Series(["a", "b"] * (n // 2)), "Null": pl.Series([None] * n),
    "Categorical": pl.Series(["a", "b"] * (n // 2), dtype=pl.Categorical),
    "Enum": pl.Series(["a", "b"] * (n // 2), dtype=pl.Enum(["b", "a"])),
    "Date": pl.Series([date(2025, 1, 1)] * n), "Datetime": pl.Series([datetime(2025, 1, 1)] * n),
    "Duration": pl.Series([timedelta(1)] * n), "Decimal": pl.Series([Decimal("1.5")] * n),
    "Time": pl.Series([datetime(2025, 1, 1).time()] * n), "Binary": pl.Series([b"x"] * n),
    "List": pl.Series([[1]] * n), "Array": pl.Series([[1]] * n, dtype=pl.Array(pl.Int64, 1)),
    "Struct": pl.Series([{"a": 1}] * n), "Object": pl.Series([object()] * n),
}
for name, column in columns.items():
    frame = pl.DataFrame({"x": column})
    try:
        encoding = Encoding.learn(frame, ["x"])
        matrix = encoding.to_matrix(frame)
        y = np.arange(n) % 2.0
        booster = Booster("binary", BoostingParams(min_child_samples=5))
        booster.fit(matrix, y, np.zeros(n), rounds=3, categorical=encoding.categorical)
        print(name, "read", np.isfinite(booster.margin(matrix)).all())
    except ColumnMismatch:
        print(name, "refused")
"""


def test_no_dtype_ends_the_process():
    ended = subprocess.run([sys.executable, "-c", DTYPES], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    answers = dict(line.split(" ", 1) for line in ended.stdout.splitlines())
    read = ["Int8", "UInt64", "Float32", "Boolean", "String", "Null", "Categorical", "Enum"]
    refused = ["Date", "Datetime", "Duration", "Decimal", "Time", "Binary", "List", "Array", "Struct", "Object"]
    assert answers == dict.fromkeys(read, "read True") | dict.fromkeys(refused, "refused")


@given(st.lists(st.floats(allow_nan=True, allow_infinity=False), min_size=1))
def test_the_grid_is_20_significant_bits_rounded_from_618_thousandths_of_a_step(values):
    given_ = np.array(values)
    part, power = np.frexp(np.abs(given_))
    with np.errstate(over="ignore"):
        size = np.ldexp(np.floor(part * 2.0**20 + 0.618) / 2.0**20, power)
    expected = np.where(np.abs(given_) < 1e-9, 0.0, np.copysign(size, given_))
    np.testing.assert_array_equal(to_grid(given_), expected)
    assert not np.signbit(to_grid(given_)[expected == 0]).any()
    assert given_.tobytes() == np.array(values).tobytes()
