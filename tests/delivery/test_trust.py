"""The light: earned by beating the simple rules, lost by a wrong level or by chance."""

from dataclasses import replace

import polars as pl
import pytest

from foretell.delivery.run import Record
from foretell.delivery.trust import overall, verdicts
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
    assert [verdict.level for verdict in verdicts(run.record)] == ["good", "good"]
    assert overall(run.record).level == "good"
    assert "both past windows" in verdicts(run.record)[0].sentences[0]


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


@pytest.mark.parametrize(("share", "expected"), [(0.80, "good"), (0.71, "good"), (0.69, "caution"), (0.95, "good")])
def test_ranges_are_held_to_their_promise(run, share, expected):
    row = {"cutoff": "2025-11-01", "rung": "purchase", "target": "spend", "metric": "coverage", "value": share}
    table = pl.concat([run.record.table, pl.DataFrame([row | {"low": None, "high": None}])], how="vertical_relaxed")
    assert level(replace(run.record, table=table, rungs={"spend": "purchase"}), "spend") == expected


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
