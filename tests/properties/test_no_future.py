"""The corridor of time and the walls between customers: what may not change a feature, and what may not reach it."""

from datetime import timedelta

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from foretell.features.calendar_position import CALENDAR
from foretell.features.compute import compute
from foretell.features.summary import purchase_summary
from histories import CUTOFFS, MESSY, PLAIN, WITHOUT_AMOUNTS, as_data

DATES = ("first_purchase_date", "last_purchase_date")
HISTORIES = st.one_of(MESSY, MESSY, WITHOUT_AMOUNTS)


def known(history, as_of):
    """Everything that is known of the customers at a cutoff."""
    data = as_data(history)
    return compute(data, as_of).collect(), purchase_summary(data, as_of)


def assert_equal(left, right):
    for ours, theirs in zip(left, right, strict=True):
        assert_frame_equal(ours, theirs, check_exact=True)


def moved(row, instant):
    return {**row, "ordered_at": instant}


drawn = given(history=HISTORIES, other=MESSY, as_of=CUTOFFS, days=st.integers(0, 400))


def rows_at_or_after_the_cutoff_change_nothing(history, other, as_of, days):
    past = [row for row in history if row["ordered_at"] < as_of]
    future = [row for row in history if row["ordered_at"] >= as_of]
    assume(past)
    later = as_of + timedelta(days=days)
    without_money = past[0]["amount_minor"] is None
    copies = [moved(row, later) for row in past]
    refunds = [moved({**row, "amount_minor": -(row["amount_minor"] or 0) - 1}, as_of) for row in past]
    cancellations = [moved({**row, "cancelled": True}, as_of) for row in past]
    strangers = [moved(row, later) for row in other]
    if without_money:
        refunds, strangers = [], [{**row, "amount_minor": None} for row in strangers]
    expected = known(past, as_of)
    for added in (future, copies, refunds, cancellations, strangers):
        assert_equal(known([*added, *past, *added], as_of), expected)


test_no_future = settings(max_examples=20)(drawn(rows_at_or_after_the_cutoff_change_nothing))
test_no_future_thoroughly = pytest.mark.slow(
    settings(max_examples=120)(drawn(rows_at_or_after_the_cutoff_change_nothing))
)


@settings(max_examples=25)
@given(data=st.data(), history=HISTORIES, as_of=CUTOFFS)
def test_the_order_of_rows_changes_nothing(data, history, as_of):
    shuffled = data.draw(st.permutations(history))
    assert_equal(known(shuffled, as_of), known(history, as_of))


@settings(max_examples=25)
@given(history=HISTORIES, as_of=CUTOFFS, name=st.sampled_from(["anna", "bert", "cleo"]))
def test_other_customers_change_nothing(history, as_of, name):
    own = [row for row in history if row["customer_id"] == name]
    assume(own)
    theirs = (frame.filter(customer_id=name) for frame in known(history, as_of))
    assert_equal(known(own, as_of), theirs)


@settings(max_examples=25)
@given(history=HISTORIES, as_of=CUTOFFS)
def test_buckets_put_together_are_the_whole(history, as_of):
    names = sorted({row["customer_id"] for row in history})
    parts = [known([row for row in history if row["customer_id"] == name], as_of) for name in names]
    assert_equal((pl.concat(frames) for frames in zip(*parts, strict=True)), known(history, as_of))


@settings(max_examples=25)
@given(history=HISTORIES, as_of=CUTOFFS, days=st.integers(1, 800))
def test_shifting_all_dates_changes_the_calendar_only(history, as_of, days):
    shift = timedelta(days=days)
    later = [moved(row, row["ordered_at"] + shift) for row in history]
    calendar = [feature.name for feature in CALENDAR.features if "last_year" not in feature.name]
    features, summary = known(history, as_of)
    shifted_features, shifted_summary = known(later, as_of + shift)
    assert_equal(
        (shifted_features.drop(calendar, strict=False), shifted_summary.drop(DATES)),
        (features.drop(calendar, strict=False), summary.drop(DATES)),
    )
    for name in DATES:
        assert_frame_equal(shifted_summary.select(name), summary.select(pl.col(name) + shift))


@settings(max_examples=20)
@given(history=PLAIN, as_of=CUTOFFS, factor=st.sampled_from([2, 4]))
def test_another_currency_scales_money_only(history, as_of, factor):
    scaled = [{**row, "amount_minor": row["amount_minor"] * factor} for row in history]
    before, after = (known(rows, as_of)[0] for rows in (history, scaled))
    assume(before.height)
    for name in before.columns[1:]:
        is_money = ("spend" in name or "value" in name) and not name.endswith(("share", "ratio"))
        expected = before[name] * factor if is_money else before[name]
        # Rounding to nine decimals comes after the scaling.
        assert after[name].to_list() == pytest.approx(expected.to_list(), abs=factor * 1e-9), name
