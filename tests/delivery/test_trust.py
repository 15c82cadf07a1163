"""The light: earned by beating the simple rules, lost by a wrong level or by chance."""

from dataclasses import replace

import polars as pl
import pytest

from foretell.delivery.run import Record
from foretell.delivery.trust import answers, overall, untested, verdicts
from foretell.delivery.wording import change, figure, money, percent, whole


def change_value(record, *, value, rung="purchase", target="clv", metric="gini", cutoff=None):
    hit = (pl.col("rung") == rung) & (pl.col("target") == target) & (pl.col("metric") == metric)
    if cutoff is not None:
        hit &= pl.col("cutoff") == cutoff
    changed = record.table.with_columns(pl.when(hit).then(pl.lit(value)).otherwise("value").alias("value"))
    assert not changed.equals(record.table)
    return replace(record, table=changed)


def level(record, target="clv"):
    return next(verdict for verdict in verdicts(record) if verdict.target == target).level


def test_a_model_that_wins_everywhere_at_the_right_level_is_good(run):
    assert [verdict.level for verdict in verdicts(run.record, answers(run))] == ["good"] * 5
    assert overall(run.record).level == "good"
    assert "both past windows" in verdicts(run.record)[0].sentences[0]


def without(record, *targets):
    kept = pl.col("target").is_in(targets).not_()
    rungs = {target: rung for target, rung in record.rungs.items() if target not in targets}
    return replace(record, table=record.table.filter(kept), rungs=rungs)


def test_an_answer_that_was_not_judged_gets_a_light_of_its_own(make_run, run):
    untried = make_run(customers=20, record=without(run.record, "clv", "next_order"))
    asked = answers(untried)
    lights = {verdict.target: verdict for verdict in verdicts(untried.record, asked)}
    assert list(lights) == ["clv", "orders", "churn", "order_30d", "next_order"]
    assert lights["clv"].title == "Not tested"
    assert lights["clv"].sentences == ("The history is too short to check what happens over 365 days.",)
    assert untested(untried) == {"clv", "next_order"}
    assert lights["churn"].level == "good"
    total = overall(untried.record, asked)
    assert total.level == "caution"
    assert "How much will each customer spend? (not tested)" in total.sentences[0]


def test_an_answer_judged_in_an_older_window_only_is_not_tested(make_run, run):
    stale = (pl.col("target") == "order_30d") & (pl.col("cutoff") == "2025-11-01")
    old = replace(run.record, table=run.record.table.filter(stale.not_()))
    assert untested(make_run(customers=20, record=old)) == {"order"}
    own = stale & (pl.col("rung") == "purchase")
    other = replace(run.record, table=run.record.table.filter(own.not_()))
    light = next(verdict for verdict in verdicts(other, answers(run)) if verdict.target == "order_30d")
    assert light.level == "untested"
    assert "gave no answer" in light.sentences[0]


def test_without_amounts_spend_is_not_asked_and_without_a_backtest_all_is_untested(make_run):
    bare = make_run(customers=20, money=False, record=Record())
    assert untested(bare) == {"orders", "churn", "order", "next_order"}


def test_a_win_says_what_was_won(run):
    lights = {verdict.target: verdict.sentences[0] for verdict in verdicts(run.record)}
    assert lights["clv"].startswith("Ranks better than every simple rule")
    assert lights["churn"].startswith("Gives better probabilities than every simple rule")


@pytest.mark.parametrize(("older", "expected"), [(-0.20, "good"), (-0.25, "caution"), (0.35, "caution")])
def test_a_total_far_off_in_any_window_is_not_about_right(run, older, expected):
    record = change_value(run.record, value=older, metric="bias", cutoff="2025-07-01")
    assert level(record) == expected
    told = " ".join(verdicts(record)[0].sentences)
    low, high = sorted((older, -0.06))
    assert f"(total: −6 % in the newest window, {change(low)} to {change(high)} over all)" in told
    assert ("about the right level" in told) == (expected == "good")
    assert "about the right level" not in overall(record).sentences[0] or expected == "good"


def test_losing_the_newest_window_is_bad(run):
    lost = change_value(run.record, value=0.50, cutoff="2025-11-01")
    assert level(lost) == "bad"
    assert overall(lost).level == "bad"
    assert "How much will each customer spend?" in overall(lost).sentences[0]


def test_losing_an_older_window_is_caution(run):
    assert level(change_value(run.record, value=0.50, cutoff="2025-07-01")) == "caution"


def test_a_tie_is_no_win(run):
    assert level(change_value(run.record, value=0.58)) == "bad"


def test_a_lower_log_loss_wins(run):
    assert level(change_value(run.record, value=0.90, target="churn", metric="log_loss"), "churn") == "bad"


@pytest.mark.parametrize(("bias", "expected"), [(0.10, "good"), (-0.11, "caution"), (0.5, "caution")])
def test_a_wrong_level_costs_the_green_light(run, bias, expected):
    record = change_value(run.record, value=bias, metric="bias")
    assert level(record) == expected
    told = " ".join(verdicts(record)[0].sentences)
    assert ("use the ranking" in told) == (bias == 0.5)


@pytest.mark.parametrize(("low", "high", "expected"), [(0.01, 0.2, "good"), (-0.01, 0.2, "caution")])
def test_a_lead_within_chance_is_caution(run, low, high, expected):
    row = {"cutoff": "2025-11-01", "rung": "purchase", "reference": "naive_rate", "target": "clv", "metric": "gini"}
    comparisons = pl.DataFrame([row | {"difference": 0.1, "low": low, "high": high}])
    assert level(replace(run.record, comparisons=comparisons)) == expected


def test_a_missing_figure_is_not_a_win(run):
    assert level(change_value(run.record, value=float("nan"), cutoff="2025-11-01")) == "untested"
    gone = replace(run.record, table=run.record.table.filter(pl.col("metric") == "mae"))
    assert level(gone) == "untested"


def test_no_simple_rule_to_compare_with_is_caution(run):
    assert level(replace(run.record, naive_rungs=())) == "caution"


def test_no_backtest_is_untested_and_gives_its_reason():
    verdict = overall(Record(reason_if_empty="Forty days are too few."))
    assert (verdict.level, verdict.sentences) == ("untested", ("Forty days are too few.",))
    assert verdicts(Record()) == ()


@pytest.mark.parametrize(
    ("share", "at_most", "expected", "told"),
    [
        (0.95, 0.97, "good", "was promised."),
        (0.80, 0.82, "good", "was promised."),
        (0.75, 0.81, "good", "no further off than chance alone may be"),
        (0.78, 0.79, "caution", "narrower than it should be"),
        (0.75, None, "caution", "narrower than it should be"),
    ],
)
def test_ranges_are_held_to_their_promise_but_for_chance(run, share, at_most, expected, told):
    row = {"cutoff": "2025-11-01", "rung": "purchase", "target": "spend", "metric": "coverage", "value": share}
    ends = {"low": None if at_most is None else 2 * share - at_most, "high": at_most}
    table = pl.concat([run.record.table, pl.DataFrame([row | ends])], how="vertical_relaxed")
    light = verdicts(replace(run.record, table=table, rungs={"spend": "purchase"}))[0]
    assert light.level == expected
    assert told in light.sentences[-1]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (whole(-0.2), "0"),
        (whole(1234.5), "1,234"),
        (money(12.5, "EUR"), "12.50 EUR"),
        (money(1234.5, None), "1,234"),
        (percent(0.0), "0 %"),
        (percent(0.004), "under 1 %"),
        (percent(0.0004, decimals=1), "under 0.1 %"),
        (change(-0.064), "−6 %"),
        (change(0.001), "±0 %"),
        (figure(None, "share"), "–"),
        (figure(float("nan"), "number"), "–"),
        (figure(0.0543, "share"), "5.4 %"),
        (figure(3.25, "days"), "3.2 days"),
    ],
)
def test_numbers_are_written_plainly(found, expected):
    assert found == expected
