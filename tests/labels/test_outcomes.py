"""Labels equal a plain loop over the rows of the window, and refuse what was not observed."""

from datetime import datetime, timedelta

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import oracles
from foretell.errors import HorizonNotObserved, WindowError
from foretell.labels.outcomes import outcomes
from histories import CUTOFFS, LAST_DAY, MESSY, PLAIN, START, WITHOUT_AMOUNTS, as_data, rows

# Late enough for every window that is drawn here.
END = START + timedelta(days=LAST_DAY + 800)
MIDNIGHTS = st.integers(0, LAST_DAY).map(lambda day: START + timedelta(days=day))


def labels_of(history, cutoff, horizon_days):
    frame = outcomes(as_data(history, observed_until=END), cutoff, horizon_days).collect()
    assert frame["customer_id"].to_list() == sorted(set(frame["customer_id"]))
    return {row.pop("customer_id"): row for row in frame.to_dicts()}


drawn = given(history=st.one_of(MESSY, MESSY, WITHOUT_AMOUNTS), cutoff=CUTOFFS, horizon_days=st.integers(1, 400))


def equal_to_the_loop(history, cutoff, horizon_days):
    assert labels_of(history, cutoff, horizon_days) == oracles.outcomes(history, cutoff, horizon_days)


test_equal_to_the_loop = settings(max_examples=50)(drawn(equal_to_the_loop))
test_equal_to_the_loop_thoroughly = pytest.mark.slow(settings(max_examples=300)(drawn(equal_to_the_loop)))


def test_money_is_the_decimal_that_was_paid():
    # 100,002 / 10,000 is 10.0002; multiplying by the reciprocal gives 10.000200000000001.
    history = [
        {"customer_id": "a", "ordered_at": START, "amount_minor": 100_002, "order_id": None, "cancelled": None},
        {"customer_id": "b", "ordered_at": START, "amount_minor": 7, "order_id": None, "cancelled": None},
    ]
    assert [row["spend_in_window"] for row in labels_of(history, START, 1).values()] == [10.0002, 0.0007]


@settings(max_examples=30)
@given(history=PLAIN, cutoff=MIDNIGHTS)
def test_a_year_is_the_sum_of_its_halves(history, cutoff):
    middle = cutoff + timedelta(days=182)
    year, first, second = (
        labels_of(history, start, days) for start, days in ((cutoff, 364), (cutoff, 182), (middle, 182))
    )
    assert year.keys() == first.keys() | second.keys()
    nothing = {"orders_in_window": 0, "spend_in_window": 0.0, "days_to_next_order": None}
    for customer, whole in year.items():
        early, late = first.get(customer, nothing), second.get(customer, nothing)
        assert whole["orders_in_window"] == early["orders_in_window"] + late["orders_in_window"]
        # Sums of ten-thousandths below 2^53 differ by rounding of the last bit only.
        assert whole["spend_in_window"] == pytest.approx(
            early["spend_in_window"] + late["spend_in_window"], rel=1e-12, abs=1e-12
        )
        late_day = late["days_to_next_order"]
        assert whole["days_to_next_order"] == (
            early["days_to_next_order"] or (None if late_day is None else late_day + 182)
        )


@settings(max_examples=30)
@given(history=rows(cancelled=st.none()), cutoff=MIDNIGHTS)
def test_money_of_halves_adds_up_with_refunds_too(history, cutoff):
    def spend(start, days):
        return sum(row["spend_in_window"] for row in labels_of(history, start, days).values())

    halves = spend(cutoff, 182) + spend(cutoff + timedelta(days=182), 182)
    assert spend(cutoff, 364) == pytest.approx(halves, rel=1e-12, abs=1e-9)


@settings(max_examples=30)
@given(history=MESSY, others=MESSY, cutoff=CUTOFFS)
def test_rows_outside_the_window_change_nothing(history, others, cutoff):
    end = cutoff + timedelta(days=90)
    inside = [row for row in history if cutoff <= row["ordered_at"] < end]
    outside = [row for row in others if not cutoff <= row["ordered_at"] < end]
    assume(inside)
    assert labels_of(outside + inside, cutoff, 90) == labels_of(inside, cutoff, 90)


def test_first_and_last_instant_of_the_window(few_orders):
    at = {
        "before": datetime(2025, 1, 31, 23, 59, 59, 999_999),
        "first": datetime(2025, 2, 1),
        "last": datetime(2025, 3, 2, 23, 59, 59, 999_999),
        "after": datetime(2025, 3, 3),
    }
    history = [
        {"customer_id": name, "ordered_at": time, "amount_minor": 10_000, "order_id": None, "cancelled": None}
        for name, time in at.items()
    ]
    assert labels_of(history, datetime(2025, 2, 1), 30) == {
        "first": {"orders_in_window": 1, "spend_in_window": 1.0, "days_to_next_order": 1},
        "last": {"orders_in_window": 1, "spend_in_window": 1.0, "days_to_next_order": 30},
    }
    assert outcomes(few_orders, "2025-03-01", 30).collect()["customer_id"].to_list() == ["anna", "cleo"]


def test_the_rest_of_the_day_of_a_cutoff_at_noon_is_day_one():
    # Hour by hour: the day of the cutoff is half seen, so the first unseen day is the next one.
    rest, tomorrow, later = (START + timedelta(hours=hours) for hours in (15, 24, 48))
    history = [
        {"customer_id": name, "ordered_at": time, "amount_minor": 10_000, "order_id": None, "cancelled": None}
        for name, time in (("a", rest), ("b", tomorrow), ("c", later))
    ]
    labels = labels_of(history, START + timedelta(hours=12), 30)
    assert [row["days_to_next_order"] for row in labels.values()] == [1, 1, 2]


def test_types(few_orders):
    names = {
        "customer_id": pl.String,
        "orders_in_window": pl.Int64,
        "spend_in_window": pl.Float64,
        "days_to_next_order": pl.Int64,
    }
    assert dict(outcomes(few_orders, "2025-02-01", 30).collect().schema) == names
    assert dict(outcomes(few_orders, "2024-02-01", 30).collect().schema) == names


def test_a_window_that_was_not_observed_is_an_error_and_no_zero(few_orders):
    assert outcomes(few_orders, "2025-03-02", 30).collect().height > 0
    with pytest.raises(HorizonNotObserved, match="earlier cutoff"):
        outcomes(few_orders, "2025-03-03", 30)


@pytest.mark.parametrize("horizon_days", [0, -30])
def test_a_window_must_have_a_length(few_orders, horizon_days):
    with pytest.raises(WindowError):
        outcomes(few_orders, "2025-02-01", horizon_days)
