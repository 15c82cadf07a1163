"""Rules: read, evaluated, told, and contradictions found without data."""

from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import foretell
from foretell.delivery.rules.condition import Name, columns_of, conjuncts
from foretell.delivery.rules.evaluate import at, expression
from foretell.delivery.rules.logic import Domain, always_empty, always_true
from foretell.delivery.rules.parse import NoRule, parse_rule
from foretell.delivery.rules.phrases import Speech
from foretell.delivery.rules.types import typed
from foretell.delivery.rules.words import clause, sentence
from foretell.tables.schema import Column

AS_OF = datetime(2026, 11, 1)
FRAME = pl.DataFrame(
    {
        "orders": [1, 2, 7, None],
        "spend": [5.0, 60.5, None, 0.0],
        "risk": [0.1, 0.5, 0.9, 0.7],
        "band": ["low", "it's", "high", None],
        "last_order_date": [date(2026, 10, 31), date(2026, 7, 1), date(2025, 11, 1), date(2026, 10, 2)],
        "overdue": [True, False, None, True],
        "as_of": [AS_OF] * 4,
    }
)


def condition(sql):
    checked = typed(parse_rule(sql), FRAME.schema)
    assert checked.problems == ()
    return checked.condition


def held(sql):
    found = FRAME.select("band", expression(condition(sql)).alias("held"))["held"]
    return found.to_list()


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("orders >= 2 AND NOT overdue", [False, True, None, False]),
        ("orders = 1 OR spend > 60", [True, True, None, None]),
        ("band IN ('low', 'it''s')", [True, True, False, None]),
        ("band NOT IN ('low')", [False, True, True, None]),
        ("orders NOT BETWEEN 2 AND 7", [True, False, False, None]),
        ("band LIKE 'h%' OR band ILIKE 'LOW'", [True, False, True, None]),
        ("band NOT LIKE '%o%'", [False, True, True, None]),
        ("spend IS NULL", [False, False, True, False]),
        ("overdue IS NOT TRUE", [False, True, True, False]),
        ("last_order_date >= '2026-10-02'", [True, False, False, True]),
        ("last_order_date IN ('2026-07-01')", [False, True, False, False]),
        ("last_order_date BETWEEN '2026-07-01' AND DATE '2026-10-02'", [False, True, False, True]),
        ("last_order_date >= as_of - INTERVAL '30 days'", [True, False, False, True]),
        ("last_order_date >= as_of - 30", [True, False, False, True]),
        ("last_order_date >= as_of - INTERVAL '4' MONTH", [True, True, False, True]),
        ("last_order_date > as_of - INTERVAL '1 quarter'", [True, False, False, True]),
        ("as_of > '2026-10-31 23:00'", [True, True, True, True]),
        ("spend / orders > 30 AND COALESCE(orders, 0) > 0", [False, True, None, False]),
        ("EXTRACT(MONTH FROM last_order_date) = 10", [True, False, False, True]),
        ("TRUE", [True, True, True, True]),
    ],
)
def test_a_rule_holds_as_sql_says(sql, expected):
    assert held(sql) == expected


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("orders >", "no SQL condition"),
        ("orders + 1", "not true or false"),
        ("orders > 1; DROP TABLE customers", "no SQL condition"),
        ("CURRENT_DATE > last_order_date", "reads the clock"),
        ("now() > last_order_date", "reads the clock"),
        ("spend > AVG(spend)", "other customers"),
        ("ROW_NUMBER() OVER (ORDER BY spend) < 3", "other customers"),
        ("orders IN (SELECT 1)", "another table"),
        ("EXISTS (SELECT 1)", "another table"),
        ("t.orders > 1", "write 'orders'"),
        ("RANDOM() > 0.5", "do not know"),
        ("read_csv('x') > 1", "do not know"),
        ("last_order_date > as_of - INTERVAL '1 month 3 days'", "one number and one unit"),
    ],
)
def test_what_a_rule_may_not_do_is_named(sql, words):
    with pytest.raises(NoRule, match=words):
        parse_rule(sql)


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("orders > '2'", "Write the number without quotes: 2."),
        ("band > 3", "compares the text band with the number 3"),
        ("overdue = 1", "overdue, or NOT overdue"),
        ("orders", "it is a number: compare it"),
        ("last_order_date > '1/6/2026'", "is no date: write '2026-11-01'"),
        ("as_of - last_order_date > 30", "use days_since_last_order"),
        ("spend = NULL", "write IS NULL"),
        ("orders LIKE '1%'", "looks for a pattern in orders"),
        ("band + 1 > 2", "calculates with band"),
        ("last_order_date > 30", "compares the date last_order_date with the number 30"),
    ],
)
def test_what_cannot_be_compared_is_told_with_the_remedy(sql, words):
    (problem,) = typed(parse_rule(sql), FRAME.schema).problems
    assert words in problem


def test_a_rule_of_a_thousand_parts_is_read():
    assert len(conjuncts(parse_rule(" AND ".join(f"orders <> {i}" for i in range(1000))))) == 1000


def test_columns_are_named_once_in_order():
    assert columns_of(parse_rule("spend > 1 AND (orders > 2 OR spend / orders < 3)")) == ("spend", "orders")


SPEECH = Speech(
    {
        "risk": Column("risk", pl.Float64(), "probability", False, "Risk."),
        "spend": Column("spend", pl.Float64(), "money", True, "Spend."),
        "orders": Column("orders", pl.Int64(), "purchase days", False, "Orders."),
        "last_order_date": Column("last_order_date", pl.Date(), "date", False, "Day."),
        "chronic_soft_bounce_flag": Column("chronic_soft_bounce_flag", pl.Int32(), "yes 1, no 0", False, "Flag."),
        "high_price_lines_share": Column("high_price_lines_share", pl.Float64(), "share", True, "Share."),
        "profile_region": Column("profile_region", pl.String(), "name", True, "Region."),
        "carts_last_30d": Column("carts_last_30d", pl.Int32(), "events", False, "Carts."),
    },
    {"clv_days": 365, "churn_days": 90, "order_days": 30},
    "EUR",
)


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("orders >= 2 AND risk > 0.5", "the number of orders is at least 2 and the risk is above 50 %"),
        ("NOT spend < 60.5", "the spend is at least 60.50 EUR"),
        ("risk BETWEEN 0.125 AND 0.9", "the risk is from 12.5 % to 90 %"),
        (
            "last_order_date >= as_of - INTERVAL '4 months'",
            "the day of the last order is at most 4 months before the day of the scores",
        ),
        ("NOT churn_band IN ('low', 'high')", "the churn risk band is none of “low” and “high”"),
        ("NOT overdue", "the next order is not overdue"),
        ("band LIKE 'a%' OR band NOT LIKE '%z'", "either the band begins with “a” or the band does not end in “z”"),
        ("spend IS NOT NULL", "the spend is known"),
        (
            "NOT (orders > 1 AND spend > 2)",
            "it is not so that (the number of orders is above 1 and the spend is above 2 EUR)",
        ),
        ("carts_last_30d > 0", "the number of carts in the last 30 days is above 0"),
        ("5 < orders", "the number of orders is above 5"),
        ("spend_percentile > 80", "the rank by spend is above 80 of 100"),
        ("chronic_soft_bounce_flag = 1", "soft bouncing is chronic"),
        ("NOT chronic_soft_bounce_flag = 1", "soft bouncing is not chronic"),
        ("chronic_soft_bounce_flag = 0", "soft bouncing is not chronic"),
        ("high_price_lines_share >= 0.5", "the share of lines at high prices is at least 50 %"),
        ("profile_region = 'North'", "the region is “North”"),
    ],
)  # fmt: skip
def test_a_rule_is_told_in_words(sql, words):
    assert clause(parse_rule(sql), SPEECH) == words


def test_a_whole_rule_is_a_sentence_on_its_day():
    told = sentence(at(condition("last_order_date >= as_of - INTERVAL '4 months'"), AS_OF), SPEECH)
    assert told == "Customers where the day of the last order is not before 1 July 2026."
    told = clause(condition("last_order_date < '2026-11-01'"), SPEECH)
    assert told == "the day of the last order is before 1 November 2026"
    assert sentence(parse_rule("TRUE"), SPEECH) == "All customers."


DOMAINS = {Name("risk"): Domain(0, 1), Name("orders"): Domain(1, whole=True)}


@pytest.mark.parametrize(
    "sql",
    [
        "orders > 2 AND orders < 3",
        "risk > 50",
        "orders IN (1, 2) AND orders > 5",
        "band = 'low' AND band = 'high'",
        "band LIKE 'l%' AND band NOT LIKE 'l%'",
        "overdue AND NOT overdue",
        "orders < spend AND spend < orders",
        "spend IS NULL AND spend > 3",
        "NOT (orders BETWEEN 1 AND 3) AND orders = 2",
        "last_order_date > as_of - 30 AND last_order_date < as_of - 60",
        "last_order_date > '2026-06-01' AND last_order_date < '2026-05-01'",
        "(orders > 5 OR orders > 7) AND orders < 4",
        "FALSE",
    ],
)
def test_a_contradiction_is_always_empty(sql):
    rule = at(condition(sql), AS_OF)
    assert always_empty(rule, DOMAINS)
    assert not always_true(rule, DOMAINS)


@pytest.mark.parametrize(
    "sql",
    [
        "NOT band = 'US' OR NOT band = 'CA'",
        "band <> 'US' OR band <> 'CA'",
        "spend <= 5 OR spend > 5",
        "overdue OR NOT overdue",
        "orders >= 1",
        "NOT (orders > 5 AND orders < 3)",
        "TRUE",
    ],
)
def test_a_rule_that_says_nothing_is_always_true(sql):
    rule = condition(sql)
    assert always_true(rule, DOMAINS)
    assert not always_empty(rule, DOMAINS)


@pytest.mark.parametrize(
    "sql", ["orders > 2 AND orders < 4", "NOT band = 'US' AND NOT band = 'CA'", "spend > 1 OR orders > 3", "risk = 1"]
)
def test_a_plain_rule_is_neither(sql):
    rule = condition(sql)
    assert not always_empty(rule, DOMAINS)
    assert not always_true(rule, DOMAINS)


PIECES = st.one_of(
    st.builds("orders {} {}".format, st.sampled_from(["<", "<=", "=", "<>", ">", ">="]), st.integers(0, 4)),
    st.builds("orders BETWEEN {} AND {}".format, st.integers(0, 4), st.integers(0, 4)),
    st.builds("orders IN ({}, {})".format, st.integers(0, 4), st.integers(0, 4)),
    st.sampled_from(["band = 'a'", "band <> 'a'", "band IN ('a', 'b')", "overdue", "NOT overdue"]),
)  # fmt: skip
RULES = st.recursive(
    PIECES,
    lambda inner: st.one_of(
        st.builds("({}) AND ({})".format, inner, inner),
        st.builds("({}) OR ({})".format, inner, inner),
        st.builds("NOT ({})".format, inner),
    ),
    max_leaves=5,
)
EVERY_ROW = pl.DataFrame({"orders": [*range(-1, 6)]}).join(
    pl.DataFrame({"band": ["a", "b", "c"]}), how="cross"
).join(pl.DataFrame({"overdue": [True, False]}), how="cross")  # fmt: skip


@given(RULES)
@settings(max_examples=150, deadline=None)
def test_logic_never_contradicts_counting(sql):
    """Over every combination of values, what logic calls empty is empty, and what it calls true is true."""
    rule = parse_rule(sql)
    count = EVERY_ROW.select(pl.col("band"), expression(rule).alias("held"))["held"].sum()
    whole = {Name("orders"): Domain(whole=True)}
    # Both ways: for one column of whole numbers, sets and switches, the logic is complete.
    assert always_empty(rule, whole) == (count == 0)
    assert always_true(rule, whole) == (count == EVERY_ROW.height)


def test_sqlglot_is_known_to_one_module_only():
    source = Path(foretell.__file__).parent
    assert [p.name for p in source.rglob("*.py") if "sqlglot" in p.read_text(encoding="utf-8")] == ["parse.py"]
