"""Lint: each mistake is found, by the rule alone or by counting, and sound segments pass."""

from dataclasses import asdict, replace

import pytest

from foretell.delivery.compiled import compile_segments
from foretell.delivery.rule_columns import rule_columns
from foretell.delivery.rules.phrases import Speech
from foretell.delivery.segment_lint import group_sizes, lint_counts, lint_definition, lint_rule
from foretell.delivery.segments import Segment
from foretell.delivery.selection import select_all

PLAIN = Segment("plain", "Plain", "orders >= 2", "Twice.", "Write.", owner="Anna")


def by_rule(run, where, *, on_any_day=False):
    known = rule_columns(run.columns)
    (compiled,), problems = compile_segments([replace(PLAIN, where=where)], known, publishable=set(known))
    assert problems == []
    speech = Speech(known, asdict(run.horizons), run.currency)
    return [
        (found.level, found.text) for found in lint_rule(compiled, known, speech, None if on_any_day else run.as_of)
    ]


@pytest.mark.parametrize(
    ("where", "level", "words"),
    [
        ("churn_risk > 50", "error", "write 0.5 for 50 %"),
        ("p_order_30d BETWEEN 20 AND 80", "error", "runs from 0 to 1"),
        ("predicted_value_percentile > 0.8", "error", "write 80 for the share 0.8"),
        ("orders > 5 AND orders < 3", "error", "hold of nobody"),
        ("orders > 2 AND orders < 3", "error", "hold of nobody"),
        ("p_alive < 0", "error", "hold of nobody"),
        ("last_order_date < as_of - 60 AND last_order_date > as_of - 30", "error", "hold of nobody"),
        ("NOT churn_band = 'high' OR NOT churn_band = 'low'", "warning", "holds of everybody whose values are known"),
        ("orders >= 0", "warning", "holds of everybody"),
        ("orders = 2 OR (orders > 5 AND orders < 3)", "warning", "A part of the rule can hold of nobody"),
        ("orders = 2 AND p_alive <= 1", "warning", "A part of the rule says nothing: the chance of still being"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_found_without_data(run, where, level, words):
    ((found_level, text),) = by_rule(run, where)
    assert found_level == level
    assert words in text


def test_a_sound_rule_passes(run):
    assert by_rule(run, "orders >= 2 AND churn_risk > 0.5 AND predicted_value_percentile > 80") == []


def test_without_a_day_dates_of_the_rule_are_not_held_against_the_day_of_the_scores(run):
    for where in (
        "last_order_date BETWEEN '2025-01-01' AND as_of - 30",
        "last_order_date < '2025-01-01' OR last_order_date > as_of - 30",
        "orders = 1 OR last_order_date BETWEEN as_of - 30 AND '2025-01-01'",
    ):
        assert by_rule(run, where, on_any_day=True) == []
    ((level, text),) = by_rule(run, "last_order_date BETWEEN as_of - 30 AND as_of - 60", on_any_day=True)
    assert level == "error"
    assert text.endswith("from 30 days before the day of the scores to 60 days before the day of the scores.")


def counted(run, *segments):
    known = rule_columns(run.columns)
    ready, _ = compile_segments(segments, known, publishable=set(known))
    speech = Speech(known, asdict(run.horizons), run.currency)
    chosen = select_all(run, segments)
    return [[f.text for f in lint_counts(c, s, speech)] for c, s in zip(ready, chosen, strict=True)]


def test_counting_finds_what_no_rule_tells(run):
    texts = counted(
        run,
        replace(PLAIN, where="churn_band = 'High'"),
        replace(PLAIN, name="b", where="orders >= 1 AND churn_band = 'low'"),
        replace(PLAIN, name="c", where="orders < 5000"),
        replace(PLAIN, name="d", where="orders > 5000 AND churn_band = 'low'"),
        replace(PLAIN, name="e", where="churn_band IN ('low', 'high')"),
    )
    assert texts[0] == ["churn_band is 'High' of nobody today. Did you mean 'high'?", "It holds nobody today."]
    assert texts[1] == ["A part of the rule leaves nobody out today: the number of orders is at least 1."]
    assert texts[2] == ["It holds everybody today."]
    assert texts[3] == ["It holds nobody today. Nobody fulfils: the number of orders is above 5,000."]
    assert texts[4] == []


def test_values_of_columns_with_many_values_are_never_shown(run):
    (texts,) = counted(run, replace(PLAIN, where="customer_id = 'shopper-00001@mail.tes' AND orders >= 2"))
    assert not any("mail" in text and "Did you mean" in text for text in texts)
    (texts,) = counted(run, replace(PLAIN, where="reason_1 = 'last order 7 days'"))
    assert not any("Did you mean" in text for text in texts)


def test_a_priority_that_leaves_nothing_is_found(run):
    first = replace(PLAIN, name="first", exclusive="g", priority=1)
    second = replace(PLAIN, name="second", where="orders >= 3", exclusive="g", priority=2)
    texts = counted(run, first, second)
    assert texts[0] == []
    assert texts[1][0].startswith("Segments of higher priority in 'g' take all its")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "diabetes_offer"}, "a state of health (diabetes)"),
        ({"title": "High income families"}, "a financial situation (income, high income)"),
        ({"utm": (("campaign", "für Schwangere und muslim buyers"),)}, "a religion (muslim)"),
        ({"priority": 2}, "priority has no use"),
        ({"exclusive": "g", "priority": 1}, "alone in the exclusive group 'g'"),
        ({"split": "x"}, "split has no use"),
        ({"action": "", "owner": ""}, "no action and no owner"),
    ],
)
def test_what_stands_around_a_rule_is_looked_at(change, words):
    segment = replace(PLAIN, **change)
    (finding,) = lint_definition(segment, group_sizes([segment]))
    assert finding.level == "warning"
    assert words in finding.text


def test_harmless_names_pass():
    for name in ("black_friday", "credit_card_payers", "white_wine_buyers", "illinois", "singles_day"):
        assert lint_definition(replace(PLAIN, name=name), {}) == []
