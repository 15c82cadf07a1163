"""Who is a prospect at a cutoff: against a slow count, and blind to everything at or after the cutoff."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from behaviour_histories import CUTOFFS, FITTED, SHOPS, as_data
from foretell.features.prospects import STATES, dated_members, known_prospects, undated_prospects
from foretell.windows import first_unseen_day

quick = settings(max_examples=25)
PASSIVE = (
    *("email_sent", "sms_sent", "email_soft_bounce", "sms_soft_bounce", "email_hard_bounce", "sms_hard_bounce"),
    *("email_unsubscribe", "ad_seen"),
)


def slow_prospects(shop, as_of):
    """Days since the last own event by person: who was seen or signed up before the cutoff, and has no order row."""
    seen = [row for row in shop["events"] if row["occurred_at"] < as_of]
    signed = [row for row in shop["customers"] if row["signed_up_at"] is not None and row["signed_up_at"] < as_of]
    ordered = {row["customer_id"] for row in shop["orders"] if row["ordered_at"] < as_of}
    found = {}
    for person in sorted({row["customer_id"] for row in (*seen, *signed)} - ordered):
        own = [
            row["occurred_at"].date()
            for row in seen
            if row["customer_id"] == person and not row["machine_generated"] and row["event"] not in PASSIVE
        ]
        found[person] = float((first_unseen_day(as_of) - max(own)).days) if own else None
    return found


@quick
@given(shop=SHOPS, as_of=CUTOFFS)
def test_prospects_are_those_of_a_slow_count(shop, as_of):
    found = known_prospects(as_data(shop), as_of, FITTED)
    expected = slow_prospects(shop, as_of)
    assert dict(zip(found["customer_id"], found["days_since_last_event"], strict=True)) == expected
    assert found["customer_id"].to_list() == sorted(expected)
    assert set(found["funnel_state"]) <= set(STATES)
    members = {row["customer_id"] for row in shop["customers"] if row["signed_up_at"] and row["signed_up_at"] < as_of}
    assert set(found.filter(pl.col("funnel_state") == "member")["customer_id"]) <= members
    assert not members & set(found.filter(pl.col("funnel_state") == "visitor")["customer_id"])


@quick
@given(shop=SHOPS, other=SHOPS, as_of=CUTOFFS, days=st.integers(0, 400))
def test_rows_at_or_after_the_cutoff_change_no_prospect(shop, other, as_of, days):
    later = as_of + timedelta(days=days)
    past = {
        "orders": [row for row in shop["orders"] if row["ordered_at"] < as_of],
        "order_lines": [],
        "events": [row for row in shop["events"] if row["occurred_at"] < as_of],
        "customers": shop["customers"],
    }
    if not past["orders"]:
        return
    more = dict(past)
    more["orders"] = [*past["orders"], *({**row, "ordered_at": later} for row in other["orders"])]
    more["events"] = [*past["events"], *({**row, "occurred_at": later} for row in other["events"])]
    left, right = (known_prospects(as_data(each), as_of, FITTED) for each in (past, more))
    assert_frame_equal(left, right, check_exact=True)


def test_who_has_no_day_of_signing_up_is_told_apart(few_orders):
    data = replace(
        few_orders,
        optional=replace(
            few_orders.optional,
            customers=pl.LazyFrame(
                {
                    "customer_id": ["new", "old", "seen", few_orders.orders.collect()["customer_id"][0]],
                    "signed_up_at": [datetime(2020, 1, 1), None, None, None],
                },
                schema_overrides={"signed_up_at": pl.Datetime("us")},
            ),
            events=pl.LazyFrame(
                {"customer_id": ["seen"], "occurred_at": [datetime(2020, 1, 5)], "event": ["view"]}
            ).cast({"occurred_at": pl.Datetime("us")}),
        ),
    )
    as_of = date(2030, 1, 1) if not data.observed_until_given else data.observed_until
    found = known_prospects(data, as_of, FITTED)
    # A row without a day may have been made by an order to come: it makes nobody a member.
    assert dict(zip(found["customer_id"], found["funnel_state"], strict=True)) == {"new": "member", "seen": "visitor"}
    assert undated_prospects(data, as_of).to_list() == ["old"]
    without = replace(data, optional=replace(data.optional, customers=data.optional.customers.drop("signed_up_at")))
    assert dated_members(without).optional.customers is None
    assert undated_prospects(without, as_of).to_list() == ["new", "old"]
