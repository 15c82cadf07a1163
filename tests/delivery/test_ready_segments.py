"""The library of ready segments: a contract that each of them passes, and the data decide which are on."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foretell.delivery.availability import allowed
from foretell.delivery.compiled import compile_segments, named_columns
from foretell.delivery.ready_segments import ready_definitions, ready_segments
from foretell.delivery.rule_columns import rule_columns
from foretell.delivery.rules.evaluate import expression
from foretell.delivery.rules.parse import parse_rule
from foretell.delivery.segment_lint import group_sizes, lint_definition
from foretell.delivery.segment_toml import Definition, as_segment
from foretell.delivery.segments import PURPOSES, Segment
from foretell.delivery.selection import same_people, select_all
from foretell.features.compute import compute
from foretell.features.fit_statistics import fit_statistics
from foretell.scoring.schema import score_columns
from foretell.tables.schema import Column
from foretell.tables.simulate import simulate
from foretell.windows import Horizons

READY = ready_segments()
ON_SCORES = tuple(segment for segment in READY if not segment.needs and not segment.off)


def needed(segment):
    """A column for each that a segment needs: texts and switches where its rule compares with such."""
    for name in segment.needs:
        text = name.startswith(("last_", "first_order_", "region")) and not name.endswith("share")
        switch = name.startswith(("consent_", "account_is_"))
        yield Column(name, pl.String() if text else pl.Boolean() if switch else pl.Float64(), "", True, "Needed.")


@pytest.mark.parametrize("segment", READY, ids=lambda segment: segment.name)
def test_a_ready_segment_is_sound(segment):
    if segment.off.startswith("It needs a value"):
        segment = replace(segment, where=segment.where.replace("{", "").replace("}", ""))
        assert segment.needs
        return
    known = rule_columns(score_columns(Horizons()), tuple(needed(segment)))
    ready, problems = compile_segments([segment], known, publishable=set(known))
    assert problems == []
    assert len(ready) == 1
    assert set(segment.needs) <= set(named_columns(segment))
    assert segment.title
    assert segment.description.endswith(".")
    assert segment.action
    assert segment.owner
    assert not segment.needs or segment.tables
    assert lint_definition(segment, group_sizes(READY)) == []


def test_every_capability_of_the_inventory_is_there():
    names = {segment.name for segment in READY}
    wanted = """
        win_back due_soon vip one_time_at_risk recent_buyers near_lapsed lapsed repeat_buyers one_time_buyers lapsed_vip
        advocates churn_high churn_medium churn_low winback_worthwhile do_not_discount clv_high clv_low next_order_14d
        overdue_still_active lookalike_top prospects_top aov_high aov_low cross_sell in_market_category in_market_brand
        price_band_high lifestyle life_stage gift_buyers pickup_shoppers discount_buyers holiday_shoppers holiday_only
        in_country outside_country near_place email_recipients_no_purchase messaging_opted_in chronic_soft_bounce
        multi_channel_buyers test_sample revenue_forecast cart_abandoners cart_abandoners_app visitors almost_purchased
        recent_subscribers members_no_purchase seen_ads custom_event remarketing_engaged remarketing_visitor
        remarketing_member remarketing_cart remarketing_buyer target_accounts engaged_accounts stalled_accounts
        suppress_accounts buyers_by_days_lapsed in_market_price_high funnel_stage
    """
    assert set(wanted.split()) <= names
    assert len(names) == len(READY)


def test_data_decide_which_are_on(make_run):
    on, off = allowed(make_run(customers=20), READY)
    assert {segment.name for segment in on} == {segment.name for segment in ON_SCORES}
    reasons = {one.segment.name: one.reason for one in off}
    assert reasons["cart_abandoners"] == "Needs events: the data have no days_since_open_cart."
    assert reasons["life_stage"].startswith("Guesses about a person's life are sensitive")
    assert reasons["lookalike_top"].startswith("Run foretell lookalike first")
    assert reasons["cross_sell_category"] == "It needs a value of yours for bought, missing."
    assert reasons["gift_buyers"] == "Needs orders with gift: the data have no gift_orders_share."
    assert reasons["messaging_opted_in"].startswith("Consent is no column of rules")
    without_money = {one.segment.name: one.reason for one in allowed(make_run(customers=20, money=False), READY)[1]}
    assert without_money["aov_high"] == "The orders carry no amounts, and it reads avg_order_value_percentile."
    assert "vip" not in without_money


def test_a_feature_turns_its_segment_on(make_run):
    run = make_run(customers=30)
    bought = pl.Series("orders_in_black_friday", [2, 0, 1] * 10, dtype=pl.Int32)
    column = Column("orders_in_black_friday", pl.Int32(), "purchase days", False, "Orders in it.")
    run = replace(run, features=run.scores.select("customer_id").with_columns(bought), feature_columns=(column,))
    on, _ = allowed(run, READY)
    holiday = [segment for segment in on if segment.name == "holiday_shoppers"]
    (selection,) = select_all(run, holiday)
    assert selection.size == 20
    assert selection.frame["orders_in_black_friday"].to_list() == [2] * 10 + [1] * 10


def test_carts_left_in_the_app_are_told_by_the_channel_of_visits():
    data, _ = simulate(customers=400, seed=3, tables="all")
    as_of = "2025-12-01"
    features = compute(data, as_of, fit_statistics(data, as_of)).collect()
    (segment,) = (each for each in ready_segments() if each.name == "cart_abandoners_app")
    held = features.select(expression(parse_rule(segment.where))).to_series()
    carts = features["days_since_open_cart"].is_between(1, 14).sum()
    assert 0 < held.sum() < carts


def test_people_without_an_order_are_in_segments_that_ask_for_them_only(make_run):
    run = make_run(customers=30)
    carts = Column("cart_events_last_30d", pl.Int32(), "events", True, "Carts.")
    prospects = pl.DataFrame(
        {"customer_id": ["p1", "p2", "p3"], "cart_events_last_30d": [0, 2, 1]},
        schema_overrides={"cart_events_last_30d": pl.Int32},
    )
    features = run.scores.select("customer_id", pl.lit(1, dtype=pl.Int32).alias("cart_events_last_30d"))
    run = replace(run, features=features, feature_columns=(carts,), prospects=prospects)
    pools = [s for s in allowed(run, READY)[0] if s.exclusive == "remarketing"]
    found = {one.segment.name: one for one in select_all(run, pools)}
    assert found["remarketing_cart"].frame["customer_id"].to_list() == ["p2", "p3"]
    assert found["remarketing_buyer"].size == 30
    everyone = Segment("w", "W", "cart_events_last_30d >= 1", "D.", "A.", people="everyone")
    customers, everybody = select_all(run, [replace(everyone, name="c", people="customers"), everyone])
    assert (customers.size, everybody.size) == (30, 32)


def test_no_two_ready_segments_hold_the_same_people_by_construction(make_run):
    # Old enough a shop, in which anything goes with anything.
    run = make_run(customers=4000)
    rng = np.random.default_rng(0)
    days = rng.integers(1, 900, 4000)
    churn = rng.random(4000)
    changed = {
        "days_since_last_order": pl.Series(days, dtype=run.scores.schema["days_since_last_order"]),
        "last_order_date": pl.Series([run.as_of.date() - timedelta(days=int(day)) for day in days]),
        "expected_next_order_date": pl.Series(
            [run.as_of.date() + timedelta(days=int(day)) for day in rng.integers(1, 60, 4000)]
        ),
        "churn_risk_90d": pl.Series(churn),
        "churn_band": pl.Series(np.where(churn < 0.33, "low", np.where(churn < 0.66, "medium", "high"))),
    }
    run = replace(run, scores=run.scores.with_columns(**changed))
    chosen = select_all(run, ON_SCORES)
    assert min(one.size for one in chosen if one.segment.name != "new_customers") > 0
    assert same_people(chosen) == {}
    again = replace(ON_SCORES[0], name="again")
    assert same_people(select_all(run, [*ON_SCORES, again])) == {"again": ON_SCORES[0].name}
    rules = {(one.people, one.exclusive, one.sample, " ".join(one.where.split())) for one in READY}

    assert len(rules) == len(READY)


def test_every_ready_segment_has_a_purpose_that_a_reader_is_told():
    assert {segment.purpose for segment in READY} == set(PURPOSES)


def test_tiers_hold_everybody_once(run):
    for group in ("clv_tiers", "engagement"):
        tiers = [segment for segment in ON_SCORES if segment.exclusive == group]
        ids = pl.concat([one.frame["customer_id"] for one in select_all(run, tiers)])
        assert ids.len() == ids.n_unique() == run.scores.height


@given(
    st.permutations([1, 2, 3, 4]),
    st.lists(st.sampled_from([None, 1, 5, 1000]), min_size=4, max_size=4),
    st.sampled_from([0.0, 0.3]),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_exclusive_segments_share_nobody_and_lose_nobody(run, priorities, limits, holdout):
    rules = ("orders >= 2", "churn_risk > 0.5", "orders = 1 OR p_alive > 0.4", "predicted_value_percentile > 30")
    group = [
        Segment(f"s{i}", "S", rule, "D.", "A.", exclusive="g", priority=priorities[i], limit=limits[i], holdout=holdout)
        for i, rule in enumerate(rules)
    ]
    chosen = select_all(run, group)
    members = [set(one.members.tolist()) for one in chosen]
    taken = set().union(*members)
    assert sum(len(one) for one in members) == len(taken)
    free = [replace(segment, exclusive="", priority=None, limit=None, holdout=0.0) for segment in group]
    everybody = [set(one.members.tolist()) for one in select_all(run, free)]
    for one, inside, segment in zip(members, everybody, group, strict=True):
        assert one <= inside
        # Only a limit keeps out whom no segment of higher priority took.
        first = set().union(*(members[i] for i in range(4) if priorities[i] < segment.priority))
        assert one == inside - first or (segment.limit is not None and len(one) == segment.limit)


@pytest.mark.parametrize(("there", "rule"), [("last_order_country", "where"), ("profile_country", "otherwise")])
def test_a_rule_stands_in_where_the_data_lack_what_the_first_one_needs(make_run, there, rule):
    mine = Definition({"name": "swiss", "like": "in_country", "parameters": {"country": "CH"}}, "own.toml")
    country = as_segment(mine, ready_definitions())
    run = make_run(customers=10)
    features = run.scores.select("customer_id", pl.Series(there, ["CH", None] * 5))
    run = replace(run, features=features, feature_columns=(Column(there, pl.String(), "name", True, "Country."),))
    ((on,), off) = allowed(run, [country])
    assert (off, on.where) == ((), getattr(country, rule))
    assert select_all(run, [on])[0].size == 5
    neither = allowed(make_run(customers=10), [country])[1]
    assert neither[0].reason == "Needs orders or customers with country: the data have no last_order_country."
