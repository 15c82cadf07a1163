"""What changed since the last published run: counts, conditions that flipped, sizes that jump."""

import json
from dataclasses import replace
from datetime import datetime

import polars as pl
import pytest

from foretell.delivery.previous import find_previous
from foretell.delivery.publish import publish
from foretell.delivery.segment_diff import diff, size_flag
from foretell.delivery.segments import Segment
from foretell.delivery.selection import select_all

LATER = datetime(2026, 12, 1)
GOOD = Segment("good", "Good", "orders >= 2 AND churn_risk < 0.5", "Good ones.", "Write.", order_by=("orders DESC",))


@pytest.fixture
def then(make_run, tmp_path, request):
    """Six customers, published: 1, 2 and 3 are good."""
    request.getfixturevalue("quick")
    run = make_run(customers=6)
    scores = run.scores.with_columns(
        pl.Series("orders", [3, 2, 2, 1, 2, 1]),
        pl.Series("churn_risk_90d", [0.1, 0.2, 0.3, 0.1, 0.9, 0.9]),
        pl.Series("customer_id", ["a", "b", "c", "d", "e", "f"]),
    )
    run = make_run(customers=6, scores=scores)
    publish(run, tmp_path, segments=[GOOD])
    return scores


def now(make_run, then, **changes):
    scores = then.with_columns(as_of=pl.lit(LATER).cast(pl.Datetime("us")), **changes)
    return make_run(customers=6, scores=scores, as_of=LATER)


def compared(run, tmp_path, segment=GOOD):
    previous = find_previous(tmp_path, run.as_of)
    assert previous is not None
    return diff(run, select_all(run, [segment]), previous)


def reasons(found):
    return {row["customer_id"]: (row["change"], row["why"]) for row in found.rows.to_dicts()}


def test_it_says_who_entered_and_left_and_which_condition_flipped(make_run, then, tmp_path):
    run = now(
        make_run, then,
        orders=pl.Series([3, 2, 2, 2, 2, 2]),
        churn_risk_90d=pl.Series([0.1, 0.72, 0.3, 0.1, 0.4, 0.4]),
    )  # fmt: skip
    found = compared(run, tmp_path)
    assert reasons(found) == {
        "d": ("entered", "now: the number of orders is at least 2 (1 → 2)"),
        "e": ("entered", "now: the risk of no order within 90 days is below 50 % (90 % → 40 %)"),
        "f": (
            "entered",
            (
                "now: the number of orders is at least 2 (1 → 2); "
                "now: the risk of no order within 90 days is below 50 % (90 % → 40 %)"
            ),
        ),
        "b": ("left", "no longer: the risk of no order within 90 days is below 50 % (20 % → 72 %)"),
    }
    (change,) = found.changes
    assert (change.before, change.now, change.entered, change.left, change.stayed) == (3, 5, 3, 1, 2)
    assert change.reasons[0] == ("now: the number of orders is at least 2", 2)
    assert found.rows["segment"].unique().to_list() == ["good"]


def test_new_and_lost_customers_are_told_apart(make_run, then, tmp_path):
    run = now(make_run, then.with_columns(customer_id=pl.Series(["b", "c", "d", "e", "f", "z"])))
    run = replace(run, scores=run.scores.with_columns(orders=pl.lit(2, pl.Int64), churn_risk_90d=pl.lit(0.1)))
    found = reasons(compared(run, tmp_path))
    assert found["a"] == ("left", "gone: no longer in the scores")
    assert found["z"] == ("entered", "new: not known to the last run")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"where": "orders >= 1"}, "now: the number of orders"),
        ({"where": "orders >= 3"}, "no longer: the number of orders"),
        ({"limit": 1}, "no longer among the first 1"),
        ({"sample": 1}, "no longer drawn into the sample"),
    ],
)
def test_what_is_no_condition_is_told_too(make_run, then, tmp_path, change, words):
    found = compared(now(make_run, then), tmp_path, replace(GOOD, **change))
    assert found.rows.height
    whys = found.rows["why"].to_list()
    changed = "the rule of the segment was changed"
    assert all(why == changed or words in why for why in whys) if "where" in change else set(whys) == {words}


def test_a_value_that_stayed_while_the_day_moved_on_is_told_once(make_run, then, tmp_path):
    recent = replace(GOOD, where="last_order_date >= as_of - 30 AND (orders > 2 OR churn_risk < 0.5)")
    previous = find_previous(tmp_path, LATER)
    day = pl.lit(datetime(2026, 10, 20)).cast(pl.Date)
    earlier = replace(
        previous,
        scores=previous.scores.lazy().with_columns(last_order_date=day).collect(),
        rules={"good": recent.where},
    )
    run = now(make_run, then, last_order_date=day)
    found = diff(run, select_all(run, [recent]), earlier)
    assert reasons(found)["a"] == (
        "left",
        "no longer: the day of the last order is at most 30 days before the day of the scores (2026-10-20)",
    )
    both = replace(recent, where="orders > 2 OR churn_risk < 0.5")
    run = now(make_run, then, churn_risk_90d=pl.Series([0.1, 0.72, 0.3, 0.1, 0.9, 0.9]))
    words = reasons(compared(run, tmp_path, both))["b"][1]
    assert words.endswith("(number of orders 2, risk of no order within 90 days 20 % → 72 %)")


def test_nothing_changed_is_no_row(make_run, then, tmp_path):
    found = compared(now(make_run, then), tmp_path)
    assert found.rows.height == 0
    assert found.changes[0].stayed == 3
    assert found.changes[0].flag == ""


@pytest.mark.usefixtures("quick")
def test_the_last_run_is_the_newest_whole_one_before_the_day(make_run, tmp_path):
    for day in (datetime(2026, 9, 1), datetime(2026, 10, 1), LATER):
        publish(make_run(customers=3, as_of=day), tmp_path, segments=[GOOD])
    assert find_previous(tmp_path, datetime(2026, 11, 1)).as_of == datetime(2026, 10, 1)
    assert find_previous(tmp_path, datetime(2026, 9, 1)) is None
    assert find_previous(tmp_path / "nowhere", LATER) is None
    # A damaged folder is passed over.
    (tmp_path / "2026-10-01" / "segment_members.parquet").write_bytes(b"broken")
    assert find_previous(tmp_path, datetime(2026, 11, 1)).as_of == datetime(2026, 9, 1)


def test_a_publication_tells_the_change_in_words_and_for_programs(make_run, then, tmp_path):
    run = now(make_run, then, orders=pl.Series([3, 1, 2, 2, 2, 1]))
    previous = find_previous(tmp_path, LATER)
    published = publish(run, tmp_path, segments=[GOOD], previous=previous)
    text = " ".join((published.path / "README.txt").read_text(encoding="utf-8").split())
    assert "since 1 November 2026 1 entered, 1 left and 2 stayed" in text
    assert "who entered or left a segment since 1 November 2026 (2 rows), with the condition that flipped" in text
    rows = pl.read_csv(published.path / "segments_diff.csv")
    assert rows.select("customer_id", "change").rows() == [("d", "entered"), ("b", "left")]
    (entry,) = json.loads((published.path / "manifest.json").read_bytes())["segments"]
    assert entry["change"]["entered"] == 1
    assert entry["change"]["reasons"][0]["customers"] == 1
    again = publish(run, tmp_path, segments=[GOOD], previous=find_previous(tmp_path, LATER))
    assert not again.changed


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        (1000, 0, "nobody now"),
        (1000, 1600, "jumped"),
        (1600, 1000, "collapsed"),
        (0, 50, "jumped"),
        (1000, 1100, ""),
        (4, 8, ""),
        (0, 0, ""),
    ],
)
def test_sizes_that_jump_or_collapse_beyond_chance_are_flagged(before, now, words):
    flag = size_flag(before, now)
    assert (words in flag) if words else flag == ""
