"""The leak guard: planted leaks of every kind are found and named, honest columns are let alone."""

from datetime import date, datetime

import numpy as np
import polars as pl
import pytest
from scipy.special import expit

from foretell.errors import ColumnMismatch, LeakageError
from foretell.snapshots.snapshot import snapshot
from foretell.training.leak_guard import find_leaks, require_no_leaks
from foretell.training.leak_measures import held_out_area

ROWS = 3000
OUTCOMES = ["orders_in_window", "spend_in_window", "days_to_next_order"]


@pytest.fixture(scope="module")
def frame():
    """Subscribers whose tenure, plan and charges tell something of who leaves: area under the ROC curve about .8."""
    rng = np.random.default_rng(1)
    tenure = rng.integers(1, 72, ROWS)
    plan = rng.choice(["monthly", "yearly"], ROWS, p=[0.6, 0.4])
    charges = rng.normal(60, 20, ROWS)
    gone = rng.random(ROWS) < expit(0.8 - 0.05 * tenure - 1.2 * (plan == "yearly") + 0.015 * (charges - 60))
    numbers = rng.permutation(90_000)[:ROWS] + 10_000
    return pl.DataFrame(
        {
            "customer_id": [f"C{number}" for number in numbers],
            "tenure": tenure,
            "plan": plan,
            "charges": charges,
            "note": [None if missing else "called" for missing in rng.random(ROWS) < 0.5],
            "gone": gone,
        }
    )


def found(frame, **settings):
    return {(leak.kind, leak.column) for leak in find_leaks(frame, "gone", **settings)}


def test_honest_columns_and_copies_of_one_another_are_no_leak(frame):
    copies = frame.with_columns(
        months=pl.col("tenure") * 1.0,
        days=pl.col("tenure") * 30,
        plan_code=(pl.col("plan") == "yearly"),
        total=pl.col("tenure") * pl.col("charges"),
    )
    assert found(copies) == set()


@pytest.mark.parametrize("share", [0.01, 0.99])
def test_a_rare_outcome_makes_no_pure_groups_suspect(frame, share):
    rng = np.random.default_rng(21)
    rare = frame.with_columns(gone=pl.Series(rng.random(ROWS) < share))
    assert found(rare) == set()


def test_shuffled_outcomes_are_not_told_by_anything(frame):
    assert found(frame.with_columns(pl.col("gone").shuffle(seed=3))) == set()


RNG = np.random.default_rng(2)


def flipped(gone, share):
    return gone ^ (np.random.default_rng(5).random(ROWS) < share)


LEAKS = {
    "equal": lambda y: y,
    "equal as text": lambda y: np.where(y, "left", "stayed"),
    "rank": lambda y: np.argsort(np.argsort(y + np.random.default_rng(6).random(ROWS))),
    "monotone": lambda y: -np.exp(3 * y + np.random.default_rng(7).random(ROWS)),
    "not monotone": lambda y: np.where(y, 0.0, np.random.default_rng(8).choice([-1, 1], ROWS)),
    "category": lambda y: np.where(y, np.random.default_rng(9).choice(["a", "b"], ROWS), "c"),
    "flipped 2 %": lambda y: flipped(y, 0.02),
    "flipped 5 %": lambda y: flipped(y, 0.05),
    "flipped 10 %": lambda y: flipped(y, 0.10),
    "noisy": lambda y: y + np.random.default_rng(10).normal(0, 0.45, ROWS),
    "aggregate after the cutoff": lambda y: y * np.random.default_rng(11).poisson(1.2, ROWS),
}
KINDS = {
    "equal": "equal",
    "equal as text": "equal",
    "rank": "monotone",
    "monotone": "monotone",
    "not monotone": "function",
    "category": "category",
    "flipped 2 %": "monotone",
    "flipped 5 %": "joint",
    "flipped 10 %": "joint",
    "aggregate after the cutoff": "one_sided",
}


@pytest.mark.parametrize("name", LEAKS)
def test_a_column_that_knows_the_outcome_is_named(frame, name):
    leaky = frame.with_columns(pl.Series("leak", LEAKS[name](frame["gone"].to_numpy())))
    kinds = {kind for kind, column in found(leaky) if column == "leak"}
    assert {column for _, column in found(leaky)} == {"leak"}
    assert kinds == {KINDS.get(name, *kinds)}
    assert found(leaky, allow=["leak"]) == set()


@pytest.mark.parametrize("value", [date(2025, 3, 1), 1.5, "moved away"])
def test_a_column_that_is_only_filled_in_afterwards_is_named(frame, value):
    leaky = frame.with_columns(leak=pl.when("gone").then(pl.lit(value)))
    assert found(leaky) == {("null_pattern", "leak")}


@pytest.mark.parametrize(
    "number",
    [
        lambda y: np.argsort(np.argsort(y + np.random.default_rng(12).random(ROWS))) + 1000,
        lambda y: 14 * np.arange(ROWS) + 2 * np.random.default_rng(13).integers(0, 7, ROWS) + y,
        lambda y: np.random.default_rng(14).permutation(ROWS) * 7 + 3 * y,
        lambda y: [f"{'X' if gone else 'A'}{place:05d}" for place, gone in enumerate(y)],
        lambda y: [f"{place:05d}-{'9' if gone else '4'}" for place, gone in enumerate(y)],
        lambda y: [f"{place:0{6 if gone else 5}d}" for place, gone in enumerate(y)],
    ],
)
def test_an_identifier_that_encodes_the_outcome_is_named(frame, number):
    leaky = frame.with_columns(pl.Series("customer_id", number(frame["gone"].to_numpy())))
    assert found(leaky, key="customer_id") == {("identifier", "customer_id")}
    # as any other column, its order may be what is told first
    assert found(leaky) in ({("identifier", "customer_id")}, {("monotone", "customer_id")})


def test_an_honest_order_of_sign_up_in_the_number_is_let_alone(frame):
    numbered = frame.sort("tenure").with_row_index("number").drop("customer_id")
    assert found(numbered) == set()


def test_times_at_or_after_the_cutoff_are_named_and_counted(frame):
    times = frame.with_columns(
        seen=pl.lit(datetime(2025, 2, 28, 23)),
        cutoff=pl.lit(datetime(2025, 3, 1)),
        late=pl.when(pl.int_range(pl.len()) < 4).then(pl.lit(date(2025, 3, 1))).otherwise(pl.lit(date(2024, 1, 1))),
        zoned=pl.lit(datetime(2025, 3, 2)).dt.replace_time_zone("UTC"),
    )
    leaks = find_leaks(times, "gone", as_of="2025-03-01")
    assert [(leak.kind, leak.column, leak.figure) for leak in leaks] == [
        ("future_time", "late", 4.0),
        ("future_time", "zoned", float(ROWS)),
    ]
    assert find_leaks(times, "gone") == ()


def test_two_columns_whose_difference_is_the_outcome_are_both_named(frame):
    base = np.random.default_rng(15).normal(500, 200, ROWS)
    spent = frame["gone"].to_numpy() * np.random.default_rng(16).random(ROWS)
    leaky = frame.with_columns(before=pl.Series(base), ever=pl.Series(base + spent))
    assert found(leaky) == {("pair", "before"), ("pair", "ever")}


def test_leaks_that_cover_for_one_another_are_all_named(frame):
    y = frame["gone"].to_numpy()
    leaky = frame.with_columns(pl.Series("one", flipped(y, 0.06)), pl.Series("two", y ^ (RNG.random(ROWS) < 0.06)))
    assert found(leaky) == {("joint", "one"), ("joint", "two")}


def test_an_outcome_mixed_with_another_column_is_named(frame):
    mixed = frame.with_columns(leak=pl.col("gone") ^ (pl.col("plan") == "yearly"))
    assert ("joint", "leak") in found(mixed)


@pytest.mark.parametrize("events", [0, 5, ROWS - 5, ROWS])
def test_nothing_is_said_where_a_class_is_tiny(frame, events):
    few = frame.with_columns(gone=pl.int_range(pl.len()) < events).with_columns(leak="gone")
    assert find_leaks(few, "gone") == ()


@pytest.mark.parametrize("cutoff", ["1997-10-01", "1998-01-01"])
def test_features_of_a_real_shop_are_clean_and_planted_ones_are_not(cdnow_sample, cutoff):
    shop = snapshot(cdnow_sample, cutoff, 90)
    orders = pl.col("orders_in_window")
    features = shop.with_columns(gone=orders > 0).drop(OUTCOMES)
    assert find_leaks(features, "gone", as_of=cutoff) == ()
    planted = features.with_columns(ever=pl.col("orders") + shop["orders_in_window"])
    assert "ever" in {leak.column for leak in find_leaks(planted, "gone")}


def test_features_of_a_simulated_shop_are_clean(big_shop):
    shop = snapshot(big_shop, "2025-07-01", 90)
    assert find_leaks(shop.with_columns(gone=pl.col("orders_in_window") > 0).drop(OUTCOMES), "gone") == ()


def test_the_same_seed_finds_the_same(frame):
    leaky = frame.with_columns(pl.Series("leak", flipped(frame["gone"].to_numpy(), 0.05)))
    assert find_leaks(leaky, "gone", seed=4) == find_leaks(leaky, "gone", seed=4)


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("gon", "Did you mean 'gone'"),
        ("plan", "0 and 1"),
        ("tenure", "0 and 1"),
        ("note", "0 and 1"),
        ("some", "0 and 1"),
    ],
)
def test_a_label_that_is_no_event_is_refused(frame, label, words):
    some = frame.with_columns(some=pl.when("gone").then(1))
    with pytest.raises(ColumnMismatch, match=words):
        find_leaks(some, label)


def test_the_error_names_columns_figures_and_the_way_out(frame):
    leaks = find_leaks(frame.with_columns(leak="gone", other=pl.col("gone").cast(pl.Float64)), "gone")
    with pytest.raises(LeakageError) as caught:
        require_no_leaks(leaks)
    text = str(caught.value)
    assert caught.value.columns == ("leak", "other")
    assert "1.000" in text
    assert "allow=('leak', 'other')" in text
    assert not set(frame["customer_id"].head(50)) & set(text.split())
    require_no_leaks(())


def test_groups_of_one_row_tell_nothing():
    rng = np.random.default_rng(17)
    events = (rng.random(2000) < 0.3).astype(float)
    # 2,000 groups without a word to say: .5, give or take 1.96 x .013
    assert held_out_area(events, np.arange(2000), rng.permutation(2000) % 5) == pytest.approx(0.5, abs=0.03)
