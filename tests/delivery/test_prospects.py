"""The table of prospects in a published folder: its files, its columns in the dictionary, its row in the README."""

import math
from dataclasses import replace
from datetime import datetime

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from foretell.bundles.prospects import RECORD_SCHEMA
from foretell.delivery.prospects import ProspectTable
from foretell.delivery.publish import publish
from foretell.delivery.report.prospects_told import prospects_told
from foretell.errors import ColumnMismatch, GateRefused
from foretell.scoring.prospect_schema import prospect_columns, prospect_schema

SCORES = pl.DataFrame(
    {
        "customer_id": ["=cmd|1", "v2", "v3"],
        "as_of": [datetime(2026, 11, 1)] * 3,
        "funnel_state": ["cart", "member", "visitor"],
        "days_since_last_event": [2.0, 30.0, None],
        "p_first_order_90d": [0.5, 0.25, None],
        "expected_first_year_value": [60.0, 30.0, None],
        "prospect_percentile": [100, 50, None],
        "reason_1": ["Filled a cart 2 days ago and did not order, raises the chance", None, None],
        "reason_2": [None] * 3,
        "reason_3": [None] * 3,
        "prediction_status": ["ok", "ok", "undated"],
        "model_version": ["3f2a9c11d0e4"] * 3,
    },
    schema=prospect_schema(90),
)
RECORD = pl.DataFrame(
    [("2026-06-01T00:00:00", "prospects", "top_5_percent_lift", 6.14, 4.55, 7.81)],
    schema=dict(RECORD_SCHEMA),
    orient="row",
)
TABLE = ProspectTable(SCORES, prospect_columns(90), 90, RECORD)


def test_the_table_is_published_beside_the_scores(run, tmp_path):
    published = publish(replace(run, prospect_table=TABLE), tmp_path)
    assert {"prospects.parquet", "prospects.csv"} <= set(published.files)
    assert_frame_equal(pl.read_parquet(published.path / "prospects.parquet"), SCORES, check_exact=True)
    lines = (published.path / "prospects.csv").read_text("utf-8-sig").splitlines()
    assert lines[0].split(",") == SCORES.columns
    assert lines[1].startswith("'=cmd|1,2026-11-01T00:00:00,cart,2.0000,0.5000,60.00,100,\"Filled a cart")
    assert lines[3].startswith("v3,2026-11-01T00:00:00,visitor,,,,,")
    words = pl.read_csv(published.path / "data_dictionary.csv").filter(pl.col("file") == "prospects")
    assert words["column"].to_list() == SCORES.columns
    readme = " ".join((published.path / "README.txt").read_text().split())
    assert "prospects.csv: 3 people known by events or as customers who never ordered; about 1 first orders" in readme
    assert "the 5 % ranked highest placed 6.1 times (4.5 to 7.8) as many first orders as 5 % drawn by lot" in readme


def test_the_report_sums_them_up(run, tmp_path):
    known = replace(TABLE, level_sd=0.2)
    # .5 · .5 + .25 · .75 = .4375 is the variance of two people; .2 · .4375 the error of the level
    half = 1.2815515655446004 * math.sqrt(0.4375 + (0.2 * 0.4375) ** 2)
    assert known.first_orders.expected == 0.75
    assert (known.first_orders.low, known.first_orders.high) == (0.0, pytest.approx(0.75 + half))
    assert TABLE.first_orders.low is None
    told = prospects_told(known)
    assert [(group.title, group.people, group.first_orders, group.value) for group in told.groups] == [
        ("An open cart or checkout", 1, 0.5, 60.0),
        ("In the customers table, without an open cart", 1, 0.25, 30.0),
        ("Known by events only", 1, 0.0, 0.0),
    ]
    assert (told.top.people, told.top.first_orders, told.top.each, told.undated) == (1, 0.5, 120.0, 1)
    assert told.top_share_of_orders == pytest.approx(2 / 3)
    page = " ".join((publish(replace(run, prospect_table=known), tmp_path).path / "report.html").read_text().split())
    assert "3 people are known by visits, messages or a sign-up and never ordered" in page
    assert 'href="#prospects"' in page
    assert "as many first orders as 5 % drawn by lot" in page
    assert "=cmd" not in page


def test_a_shop_without_money_has_chances_and_no_values():
    told = prospects_told(
        replace(TABLE, scores=SCORES.with_columns(expected_first_year_value=pl.lit(None, pl.Float64)))
    )
    assert not told.has_money
    assert told.all.first_orders == 0.75
    assert prospects_told(None) is None


def test_without_prospects_nothing_speaks_of_them(run, tmp_path):
    published = publish(run, tmp_path)
    assert 'id="prospects"' not in (published.path / "report.html").read_text()
    assert not [name for name in published.files if "prospects" in name]
    assert "prospects.csv" not in (published.path / "README.txt").read_text()


def test_an_untested_chance_is_called_so():
    assert "No past window was long enough to test" in replace(TABLE, record=RECORD.clear()).readme_line()


@pytest.mark.parametrize(
    ("scores", "error", "words"),
    [
        (SCORES.with_columns(p_first_order_90d=pl.lit(1.5)), GateRefused, "p_first_order_90d lies outside 0 to 1"),
        (SCORES.reverse(), GateRefused, "not sorted by customer_id"),
        (SCORES.with_columns(customer_id=pl.lit("v2")), GateRefused, "2 rows repeat a customer"),
        (SCORES.with_columns(funnel_state=pl.lit(None, pl.String)), GateRefused, "funnel_state is empty in 3 rows"),
        (SCORES.drop("reason_3"), ColumnMismatch, "The prospects do not have .* reason_3 is missing"),
    ],
)
def test_an_unsound_table_is_not_published(run, tmp_path, scores, error, words):
    with pytest.raises(error, match=words):
        publish(replace(run, prospect_table=replace(TABLE, scores=scores)), tmp_path)
    assert not list(tmp_path.iterdir())
