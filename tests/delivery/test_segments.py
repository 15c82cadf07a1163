"""Segments: who is in, in which order, with which reason."""

from dataclasses import replace
from datetime import date, datetime

import polars as pl
import pytest

from foretell.delivery.ready_segments import ready_segments
from foretell.delivery.rule_columns import aliases, rule_frame, without_horizon
from foretell.delivery.segments import Segment
from foretell.delivery.selection import select_all
from foretell.errors import ConfigError
from foretell.windows import Horizons

READY = {segment.name: segment for segment in ready_segments()}
WIN_BACK, DUE_SOON, VIP, ONE_TIME_AT_RISK = (
    READY[name] for name in ("win_back", "due_soon", "vip", "one_time_at_risk")
)
READY_SEGMENTS = (WIN_BACK, DUE_SOON, VIP, ONE_TIME_AT_RISK)
PLAIN = Segment(
    name="plain",
    title="Plain",
    where="orders >= 1",
    description="Everybody.",
    action="Nothing.",
    order_by=("orders DESC",),
    columns=("orders",),
    why=("{orders} orders",),
)


def one(run, segment):
    return select_all(run, [segment])[0]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("predicted_clv_365d_low", "predicted_clv_low"),
        ("p_order_30d", "p_order"),
        ("avg_days_between_orders", "avg_days_between_orders"),
        ("reason_1", "reason_1"),
    ],
)
def test_names_lose_their_horizon_and_nothing_else(name, expected):
    assert without_horizon(name) == expected


def test_rules_may_use_names_without_a_horizon(make_run):
    run = make_run(horizons=Horizons(180, 60, 14), customers=20)
    assert aliases(run.columns)["churn_risk"] == "churn_risk_60d"
    by_alias = one(run, replace(PLAIN, where="churn_risk > 0.5 AND predicted_clv > 1"))
    by_name = one(run, replace(PLAIN, where="churn_risk_60d > 0.5 AND predicted_clv_180d > 1"))
    assert by_alias.frame.equals(by_name.frame)
    assert 0 < by_alias.size < 20


def members(run, segment):
    return set(one(run, segment).frame["customer_id"])


def test_win_back_holds_repeat_buyers_of_the_better_half_at_high_risk_and_late(make_run):
    usual = pl.when(pl.int_range(pl.len()) % 2 == 0).then(500.0).otherwise(30.0)
    run = make_run(scores=make_run().scores.with_columns(usual.alias("avg_days_between_orders")))
    median = run.scores["historic_clv"].median()
    expected = run.scores.filter(
        (pl.col("orders") >= 2)
        & (pl.col("churn_band") == "high")
        & (pl.col("historic_clv") > median)
        & (pl.col("days_since_last_order") > pl.col("avg_days_between_orders"))
    )
    assert members(run, WIN_BACK) == set(expected["customer_id"])
    assert expected.height > 0


def test_due_soon_holds_those_expected_within_14_days_and_likely(run):
    day = run.as_of.date()
    expected = run.scores.filter(
        ((pl.col("expected_next_order_date") - pl.lit(day)).dt.total_days() < 14) & (pl.col("p_order_30d") >= 0.5)
    )
    assert members(run, DUE_SOON) == set(expected["customer_id"])
    assert expected.height > 0


def test_vip_holds_the_top_twentieth_without_those_at_high_risk(run):
    expected = run.scores.top_k(20, by="predicted_clv_365d").filter(pl.col("churn_band") != "high")
    assert members(run, VIP) == set(expected["customer_id"])
    assert expected.height > 0


def test_one_time_buyers_at_risk_bought_once_and_are_not_at_low_risk(run):
    expected = run.scores.filter((pl.col("orders") == 1) & (pl.col("churn_band") != "low"))
    assert members(run, ONE_TIME_AT_RISK) == set(expected["customer_id"])


def test_the_best_candidates_come_first_and_ties_by_customer(run):
    vip = one(run, VIP).frame
    assert vip["predicted_clv_365d"].is_sorted(descending=True)
    plain = one(run, PLAIN).frame
    assert plain.equals(plain.sort(["orders", "customer_id"], descending=[True, False]))


def test_customers_without_the_value_that_orders_a_file_come_last(run):
    frame = one(run, replace(PLAIN, order_by=("avg_days_between_orders DESC",))).frame
    waits = frame.join(run.scores, on="customer_id", maintain_order="left")["avg_days_between_orders"]
    assert 0 < waits.null_count() < frame.height
    assert waits.tail(waits.null_count()).null_count() == waits.null_count()


@pytest.mark.parametrize(("as_of", "days"), [(datetime(2026, 11, 1), 9), (datetime(2026, 11, 1, 15), 8)])
def test_days_to_the_next_order_count_from_the_first_day_not_seen(make_run, as_of, days):
    run = make_run(customers=2)
    scores = run.scores.with_columns(pl.lit(date(2026, 11, 10)).alias("expected_next_order_date"))
    frame = rule_frame(scores, run.columns, as_of=as_of, horizons=run.horizons)
    assert frame["days_to_next_order"].to_list() == [days, days]


def test_each_row_says_why_it_is_there(run):
    row = one(run, WIN_BACK).frame.row(0, named=True)
    customer = run.scores.row(by_predicate=pl.col("customer_id") == row["customer_id"], named=True)
    assert row["why_here"] == (
        f"Ordered {customer['orders']} times; spent {customer['historic_clv']:.2f} EUR so far; last order "
        f"{customer['days_since_last_order']} days ago; usually 30 days between orders; "
        f"{round(customer['churn_risk_90d'] * 100)} % risk of no order in the next 90 days"
    )
    assert {"reason_1", "reason_2", "reason_3"} <= set(row)


def test_parts_without_a_value_are_left_out_of_the_reason(make_run):
    frame = one(make_run(money=False), WIN_BACK).frame
    assert frame.height > 0
    assert not frame["why_here"].str.contains("spent|null|None").any()
    assert frame["why_here"].null_count() == 0


@pytest.mark.parametrize(
    ("p", "words"), [(0.0, "under 1 %"), (0.004, "under 1 %"), (0.01, "1 %"), (0.994, "99 %"), (0.999, "over 99 %")]
)
def test_probabilities_never_read_as_certain(make_run, p, words):
    run = make_run(customers=3)
    scores = run.scores.with_columns(pl.lit(p).alias("p_alive"))
    selection = one(make_run(customers=3, scores=scores), replace(PLAIN, why=("{p_alive}",)))
    assert set(selection.frame["why_here"]) == {words}


def test_one_day_is_no_days(make_run):
    run = make_run(customers=3)
    scores = run.scores.with_columns(pl.Series("days_since_last_order", [1, 21, 2]))
    found = one(make_run(customers=3, scores=scores), replace(PLAIN, why=("{days_since_last_order} days ago",)))
    assert set(found.frame["why_here"]) == {"1 day ago", "21 days ago", "2 days ago"}


@pytest.mark.parametrize("changes", [{"customers": 0}, {"money": False}, {"horizons": Horizons(7, 400, 1)}])
def test_ready_segments_work_for_any_shop(make_run, changes):
    selections = select_all(make_run(**changes), READY_SEGMENTS)
    assert [selection.segment.name for selection in selections] == [s.name for s in READY_SEGMENTS]
    for selection in selections:
        assert selection.frame.columns[:2] == ["customer_id", "why_here"]
        assert "{" not in selection.segment.description + selection.segment.action


def test_value_is_counted_in_orders_without_amounts(make_run):
    run = make_run(money=False, customers=50)
    selection = one(run, PLAIN)
    assert selection.predicted_value == pytest.approx(run.scores["predicted_orders_365d"].sum(), rel=1e-12)


@pytest.mark.parametrize("segment", [WIN_BACK, VIP], ids=lambda segment: segment.name)
def test_without_amounts_segments_are_described_by_orders(make_run, run, segment):
    described = one(make_run(money=False, customers=50), segment).segment.description
    assert "order" in described
    assert "worth" not in described
    assert "bring" not in described
    assert described != one(run, segment).segment.description


def test_missing_predictions_are_in_no_segment_and_in_no_sum(make_run):
    run = make_run(customers=40)
    clv = pl.col("predicted_clv_365d")
    scores = run.scores.with_columns(
        pl.when(pl.int_range(pl.len()) < 10).then(None).otherwise(clv).alias("predicted_clv_365d")
    )
    frame = rule_frame(scores, run.columns, as_of=run.as_of, horizons=run.horizons)
    assert frame["predicted_value_percentile"].null_count() == 10
    assert frame["predicted_value_percentile"].max() == pytest.approx(100 * 29.5 / 30)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"where": "churn_rsk > 0.5"}, "unknown column 'churn_rsk'. Did you mean 'churn_risk'"),
        ({"where": "orders >"}, "is no SQL condition"),
        ({"where": "orders + 1"}, "not true or false"),
        ({"where": "orders = 'many' AND churn_band > 3"}, "compares the number orders with the text"),
        ({"order_by": ("ordrs DESC",)}, "unknown column 'ordrs'"),
        ({"columns": ("nothing",)}, "unknown column 'nothing'"),
        ({"columns": ("clv_days",)}, "unknown column 'clv_days'"),
        ({"why": ("{nothing}",)}, "unknown column 'nothing'"),
    ],
)
def test_mistakes_in_a_definition_are_named(run, change, words):
    with pytest.raises(ConfigError, match=words):
        select_all(run, [replace(PLAIN, **change)])


def test_all_mistakes_come_at_once(run):
    with pytest.raises(ConfigError) as caught:
        select_all(run, [replace(PLAIN, where="no_such = 1"), replace(PLAIN, columns=("neither",))])
    assert len(caught.value.problems) == 3  # the repeated name too


@pytest.mark.parametrize("name", ["", "../escape", "With Space", "a/b", "a.csv"])
def test_a_name_must_be_a_safe_file_name(name):
    with pytest.raises(ConfigError, match="lower case letters"):
        replace(PLAIN, name=name)


def test_scores_are_not_changed(run):
    before = run.scores.clone()
    select_all(run, READY_SEGMENTS)
    assert run.scores.equals(before)
