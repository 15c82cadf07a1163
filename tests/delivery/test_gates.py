"""Gates: each refuses what it is there for, with number, limit and remedy, and lets a usual night through."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

import polars as pl
import pytest

from foretell.delivery.gates import judge
from foretell.delivery.outcomes import GateLimits, gate_facts, refused, require_passed
from foretell.delivery.profile import RunProfile, profile_before
from foretell.delivery.publish import publish
from foretell.delivery.run import Counts, Familiarity
from foretell.errors import GateRefused, InputTooOld
from foretell.evaluation.drift import Distribution
from foretell.scoring.activity import Activity
from foretell.scoring.silence import Silence

ACTIVE = Activity(customers=400, active_customers=300, active_days=90, recent_orders=158)
NEXT_DAY = datetime(2026, 11, 2)


@pytest.fixture(scope="module")
def last(make_run):
    """The run of the day before, with everything that the gates read."""
    scores = make_run().scores
    history = {name: Distribution.of(scores[name]) for name in ("orders", "avg_order_value")}
    return make_run(
        activity=ACTIVE,
        familiarity=Familiarity(history, (), {"channel": 0.01}),
        newest_order_at=datetime(2026, 10, 31, 12),
        silence=Silence(days=0, longest_days=1, rows_per_day=40.0),
    )


@pytest.fixture(scope="module")
def night(last):
    """The next night: nothing unusual."""
    return replace(last, as_of=NEXT_DAY, newest_order_at=datetime(2026, 11, 1, 12))


@pytest.fixture(scope="module")
def before(last):
    return RunProfile.of(last)


def test_a_usual_night_passes_every_gate(night, before):
    outcomes = judge(night, before, GateLimits(max_input_age_days=3))
    assert [outcome.gate for outcome in outcomes] == [
        "input_age", "silence", "rows", "active_customers", "known_customers", "customers", "columns", "categories",
        "model_age", "level", "score_drift", "feature_drift",
    ]  # fmt: skip
    assert refused(outcomes) == ()
    assert all(outcome.value is not None and outcome.limit is not None for outcome in outcomes)
    require_passed(outcomes)


def only(night, before, gate, limits=None):
    (found,) = (outcome for outcome in judge(night, before, limits or GateLimits()) if outcome.gate == gate)
    return found


def test_a_shop_that_fell_silent_is_refused_by_its_own_rhythm(night, before):
    said = only(replace(night, silence=Silence(4, 1, 40.0)), before, "silence")
    assert (said.passed, said.value, said.limit) == (False, 4, 3)
    assert "max_silent_days" in said.remedy
    # Closed as long as it was before, or so small that a pause is chance, or allowed by name.
    assert only(replace(night, silence=Silence(4, 2, 40.0)), before, "silence").passed
    assert only(replace(night, silence=Silence(4, 1, 3.0)), before, "silence").passed
    assert only(replace(night, silence=Silence(4, 1, 40.0)), before, "silence", GateLimits(max_silent_days=4)).passed
    assert not only(replace(night, silence=Silence(1, 1, 1.0)), before, "silence", GateLimits(max_silent_days=0)).passed


def test_customers_whose_ids_were_all_written_anew_are_missed(night, before):
    renamed = night.scores.with_columns(customer_id="x" + pl.col("customer_id"))
    said = only(replace(night, scores=renamed), before, "known_customers")
    assert (said.passed, said.value, said.limit) == (False, 1.0, 0.103)
    assert only(night, before, "known_customers").value == 0
    assert only(replace(night, scores=renamed), before, "known_customers", GateLimits(max_customers_gone=None)).passed


def test_an_earlier_run_whose_scores_cannot_be_read_is_not_judged(night, before, tmp_path):
    gone = replace(before, customer_ids=pl.scan_parquet(tmp_path / "scores.parquet"))
    said = only(night, gone, "known_customers")
    assert said.passed
    assert said.value is None


def scale(name, factor):
    return lambda run: replace(run, scores=run.scores.with_columns(pl.col(name) * factor))


FAULTS = {
    "input_age": lambda run: replace(run, newest_order_at=run.as_of - timedelta(days=4)),
    "rows": lambda run: replace(run, counts=Counts(1190, 1139, 47, 4)),
    "active_customers": lambda run: replace(run, activity=replace(ACTIVE, active_customers=240)),
    "customers": lambda run: replace(run, activity=replace(ACTIVE, customers=401)),
    "columns": lambda run: replace(run, familiarity=replace(run.familiarity, changed_columns=("amount",))),
    "categories": lambda run: replace(
        run, familiarity=replace(run.familiarity, unseen_shares={"store": 0.0, "channel": 0.3})
    ),
    "model_age": lambda run: replace(run, model=replace(run.model, trained_as_of=datetime(2025, 10, 1))),
    "level": lambda run: replace(run, activity=replace(ACTIVE, recent_orders=20)),
    "score_drift": scale("predicted_clv_365d", 3.0),
    "feature_drift": scale("avg_order_value", 100.0),
}


@pytest.mark.parametrize("gate", FAULTS)
def test_each_gate_refuses_its_fault_and_no_other_does(night, before, gate):
    outcomes = judge(FAULTS[gate](night), before, GateLimits(max_input_age_days=3))
    assert [outcome.gate for outcome in refused(outcomes)] == [gate]
    (found,) = refused(outcomes)
    assert found.value > found.limit
    assert found.remedy
    with pytest.raises(GateRefused if gate != "input_age" else InputTooOld) as caught:
        require_passed(outcomes)
    assert f"  - {gate}: " in str(caught.value)
    assert "Remedy: " in str(caught.value)
    assert "--force" in str(caught.value)
    assert "shopper" not in str(caught.value)
    assert caught.value.exit_code == (5 if gate == "input_age" else 4)


def test_every_refusal_is_told_at_once(night, before):
    broken = night
    for gate in ("rows", "active_customers", "score_drift"):
        broken = FAULTS[gate](broken)
    with pytest.raises(GateRefused, match="3 gates refused") as caught:
        require_passed(judge(broken, before, GateLimits()))
    assert str(caught.value).count("  - ") == 3


def test_a_first_run_and_an_old_bundle_are_judged_by_what_there_is(make_run):
    outcomes = judge(make_run(), None, GateLimits())
    judged = {outcome.gate for outcome in outcomes if outcome.value is not None}
    assert judged == {"model_age"}
    assert all(outcome.text.startswith("not judged: ") for outcome in outcomes if outcome.gate not in judged)
    assert refused(outcomes) == ()


def test_switches_are_obeyed(night, before):
    off = GateLimits(None, None, None, None, None, None, None, None)
    broken = night
    for gate in set(FAULTS) - {"customers", "columns", "model_age"}:
        broken = FAULTS[gate](broken)
    assert refused(judge(broken, before, off)) == ()


def test_a_small_shop_is_given_the_room_that_chance_needs(make_run, before):
    small, large = (make_run(customers=count) for count in (30, 400))
    for run, refuses in ((small, False), (large, True)):
        profile = replace(before, distributions=RunProfile.of(run).distributions)
        moved = replace(scale("predicted_clv_365d", 2.0)(run), as_of=NEXT_DAY)
        assert ("score_drift" in {item.gate for item in refused(judge(moved, profile, GateLimits()))}) is refuses


def test_a_longer_gap_is_given_more_room(last, before):
    moved = scale("predicted_clv_365d", 2.0)(last)
    for days, refuses in ((1, True), (60, False)):
        run = replace(moved, as_of=last.as_of + timedelta(days=days))
        assert ("score_drift" in {item.gate for item in refused(judge(run, before, GateLimits()))}) is refuses


@pytest.mark.usefixtures("quick")
def test_the_manifest_keeps_profile_outcomes_and_what_was_forced(last, night, tmp_path):
    publish(last, tmp_path, outcomes=judge(last, None, GateLimits()))
    standing = profile_before(tmp_path, NEXT_DAY)
    assert standing == RunProfile.of(last)
    assert profile_before(tmp_path, last.as_of) is None
    outcomes = judge(FAULTS["rows"](night), standing, GateLimits())
    folder = publish(FAULTS["rows"](night), tmp_path, outcomes=outcomes).path
    manifest = json.loads((folder / "manifest.json").read_bytes())
    assert manifest["forced"] == ["rows"]
    (rows,) = [gate for gate in manifest["gates"] if gate["gate"] == "rows"]
    assert rows["value"] == pytest.approx(1 - 1139 / 1200, abs=5e-7)
    assert (rows["limit"], rows["passed"]) == (0.05, False)
    assert rows["remedy"]
    assert gate_facts(outcomes, forced=False)["forced"] == []


@pytest.mark.parametrize(
    "damage", ["{", '{"files": []}', '{"files": [], "profile": {"as_of": 5}}', '{"files": [], "profile": []}']
)
def test_a_damaged_manifest_is_no_run_to_compare_with(tmp_path, damage):
    (tmp_path / "2026-01-01").mkdir()
    (tmp_path / "2026-01-01" / "manifest.json").write_text(damage)
    assert profile_before(tmp_path, NEXT_DAY) is None


def test_orders_that_are_gone_are_seen_behind_many_events(last, night):
    """Of 100,400 rows, 400 orders that are missing are .4 %; of the orders they are all."""

    def counts(orders, events):
        tables = {name: {"used": used, "quarantined": 0} for name, used in (("orders", orders), ("events", events))}
        return Counts(orders + events, orders + events, 0, 0, tables)

    before = RunProfile.of(replace(last, counts=counts(400, 100_000)))
    assert RunProfile.from_dict(json.loads(json.dumps(before.as_dict()))) == before
    for orders, events, gone, passed in (
        (390, 100_100, "rows of orders", True), (370, 100_100, "rows of orders", False), (410, 90_000, "rows", False),
    ):  # fmt: skip
        outcomes = judge(replace(night, counts=counts(orders, events)), before, GateLimits())
        (rows,) = (outcome for outcome in outcomes if outcome.gate == "rows")
        assert rows.passed is passed
        assert f" {gone} were used" in rows.text
    older = RunProfile.from_dict({k: v for k, v in before.as_dict().items() if k != "order_rows_used"})
    (rows,) = (
        one for one in judge(replace(night, counts=counts(4, 100_300)), older, GateLimits()) if one.gate == "rows"
    )
    assert rows.passed
