"""What the report's sections count: risk by value, what changed, what is at risk, how right earlier runs were."""

import json
import re
from dataclasses import replace
from datetime import datetime, timedelta

import polars as pl
import pytest

from foretell.delivery.data_light import data_light
from foretell.delivery.expected import Expected
from foretell.delivery.headlines import headlines
from foretell.delivery.lookalike_publish import publish_lookalikes
from foretell.delivery.lookalike_run import LOOKALIKE_COLUMNS, LookalikeRun, SeedFacts
from foretell.delivery.previous import MEMBER_PREFIX, Previous
from foretell.delivery.reached import REACH_COLUMNS, Reached, find_reached
from foretell.delivery.report.charts import forecast_chart, reach_chart
from foretell.delivery.report.since import since_last_run
from foretell.delivery.report.told import backtest_sentences, review_sentences, review_sums, top_shares
from foretell.delivery.report.value_grid import value_grid
from foretell.delivery.reviewed import reviewed_bands_before, write_review
from foretell.delivery.run import Counts, Record
from foretell.delivery.segment_diff import diff
from foretell.delivery.segment_files import SegmentsOfRun, member_table
from foretell.delivery.segments import Segment
from foretell.delivery.selection import select_all
from foretell.delivery.wording import money
from foretell.evaluation.review import _SCHEMAS as REVIEW_SCHEMAS
from foretell.windows import Horizons

EVERYBODY = Segment("everybody", "Everybody", "TRUE", "All.", "Nothing.")
REGULARS = Segment("regulars", "Regulars", "orders >= 2", "Ordered twice.", "Thank them.")


@pytest.mark.parametrize("money", [True, False])
def test_the_grid_holds_every_customer_once_and_all_of_the_value(make_run, money):
    run = make_run(customers=300, money=money)
    cells = [cell for row in value_grid(run) for cell in row.cells]
    assert sum(cell.customers for cell in cells) == 300
    value = "predicted_clv_365d" if money else "predicted_orders_365d"
    assert sum(cell.predicted_value for cell in cells) == pytest.approx(run.scores[value].sum(), rel=1e-12)
    for place, band in enumerate(("low", "medium", "high")):
        part = run.scores.filter(pl.col("churn_band") == band)
        assert sum(row.cells[place].customers for row in value_grid(run)) == part.height
    if money:  # no two customers brought the same: the tiers hold what their names say
        assert [sum(cell.customers for cell in row.cells) for row in value_grid(run)] == [30, 120, 150]
        best = run.scores.sort("historic_clv", descending=True).head(30)
        assert sum(c.historic_value for c in value_grid(run)[0].cells) == pytest.approx(best["historic_clv"].sum())


def test_customers_who_brought_the_same_are_in_one_row(make_run):
    run = make_run(customers=100)
    equal = replace(run, scores=run.scores.with_columns(pl.lit(5.0).alias("historic_clv")))
    assert [sum(cell.customers for cell in row.cells) for row in value_grid(equal)] == [0, 100, 0]


def test_what_changed_is_counted_against_the_last_run(make_run):
    run = make_run(customers=100)
    bands_now = run.scores["churn_band"].to_list()
    kept = run.scores.head(90).with_columns(churn_band=pl.Series(bands_now[:45] + ["medium"] * 45))
    selections = select_all(run, [EVERYBODY, REGULARS])
    previous = Previous(
        run.as_of - timedelta(days=30),
        "earlier",
        run.horizons,
        kept,
        member_table(run, selections).head(90).drop(f"{MEMBER_PREFIX}regulars"),
        {"everybody": "TRUE", "old_one": "orders > 9"},
    )
    since = since_last_run(run, SegmentsOfRun(selections, (), diff(run, selections, previous)))
    assert since.sentences[0] == "10 ordered for the first time since."
    assert f"{bands_now[45:90].count('high')} customers slipped into high risk, and 0 came back" in since.sentences[1]
    lines = {line.title: line for line in since.compared}
    assert (lines["Customers with at least one order"].before, lines["Customers with at least one order"].now) == (
        "90",
        "100",
    )
    assert lines["Customers with at least one order"].change == "+10"
    gained = run.scores["predicted_clv_365d"].tail(10).sum()
    assert lines["Spend expected in 365 days"].change.startswith("+")
    assert float(lines["Spend expected in 365 days"].change.strip("+ EUR").replace(",", "")) == pytest.approx(
        gained, abs=1
    )
    assert not any("Of those scored then" in sentence for sentence in since.sentences)
    erased = replace(run, scores=run.scores.tail(99))
    sentences = since_last_run(erased, SegmentsOfRun(selections, (), diff(erased, selections, previous))).sentences
    assert "Of those scored then, 1 can no longer be found in the orders that can be used." in sentences
    assert since.started == ("Regulars",)
    assert since.ended == ("old_one",)


def test_sums_over_other_days_are_not_compared(make_run):
    run = make_run(customers=50)
    selections = select_all(run, [EVERYBODY])
    short = make_run(customers=50, horizons=Horizons(180, 60, 30))
    previous = Previous(
        run.as_of - timedelta(days=30), "earlier", short.horizons, short.scores, member_table(run, selections), {}
    )
    since = since_last_run(run, SegmentsOfRun(selections, (), diff(run, selections, previous)))
    assert [line.title for line in since.compared] == ["Customers with at least one order", "Still customers, about"]
    assert since_last_run(run, SegmentsOfRun(selections)) is None


def test_the_total_of_the_horizon_is_the_forecast_with_its_range(make_run):
    run = make_run(customers=50)
    total = pl.DataFrame(
        {"expected_orders": [70.0], "expected_orders_low": [40.0], "expected_orders_high": [120.0]}
        | {"expected_spend": [None], "expected_spend_low": [None], "expected_spend_high": [None]}
    )
    found = headlines(replace(run, total=total))
    assert found.orders == Expected(70.0, 40.0, 120.0)
    assert found.revenue == Expected(pytest.approx(run.scores["predicted_clv_365d"].sum()), None, None)


def test_the_share_of_the_best_tenth_weighs_each_tenth_by_its_customers():
    rows = pl.DataFrame(
        {"decile": [1, 2, 3], "customers": [10, 10, 20], "predicted": [1.0, 2.0, 5.0], "actual": [0.0, 0.0, 3.0]}
    )
    assert top_shares(rows) == (100 / 130, 1.0)
    assert top_shares(rows.with_columns(pl.lit(0.0).alias("actual"))) is None


def test_risk_is_told_with_the_shops_own_edges(make_run):
    run = make_run(customers=5, options={"churn_band_edges": [0.2, 0.9]})
    told = backtest_sentences(run)
    assert told[0].startswith("Of 40 customers marked high risk (90 % or more), 37 did not order in the 90 days")
    assert told[1].startswith("Of 80 customers marked low risk (below 20 %)")
    assert backtest_sentences(replace(run, record=Record())) == ()


@pytest.fixture
def reviewed(tmp_path):
    def frames(**rows):
        return {
            name: pl.DataFrame(rows.get(name, []), schema=schema, orient="row")
            for name, schema in REVIEW_SCHEMAS.items()
        }

    on = datetime(2026, 5, 1)
    found = frames(
        totals=[(on, "m1", "churn", 90, 2000, 900.0, 905.0), (on, "m1", "clv", 365, 2000, 5e4, 4e4)],
        bands=[(on, "m1", "low", 1000, 0.1, 0.093), (on, "m1", "high", 1000, 0.8, 0.812)],
    )
    write_review(found, tmp_path, facts={})
    return tmp_path


def test_what_earlier_runs_said_is_told_in_counts(make_run, reviewed):
    bands = reviewed_bands_before(reviewed, datetime(2026, 11, 1))
    run = make_run(customers=5, reviewed_bands=bands)
    assert review_sentences(run)[0] == (
        "On 1 May 2026: of 1,000 customers marked high risk, 812 did not order in 90 days; 800 were expected not to."
    )
    assert "of 1,000 customers marked low risk, 93 did not order" in review_sentences(run)[1]
    assert review_sentences(make_run(customers=5)) == review_sums(make_run(customers=5)) == ()


def test_bands_are_not_told_before_their_window_has_ended(reviewed):
    assert reviewed_bands_before(reviewed, datetime(2026, 7, 30)).height == 2
    assert reviewed_bands_before(reviewed, datetime(2026, 7, 29)).is_empty()
    (reviewed / "review" / "bands.csv").write_text("changed by hand")
    assert reviewed_bands_before(reviewed, datetime(2026, 11, 1)).is_empty()


@pytest.mark.parametrize(
    ("quarantined", "newest", "trained", "level", "words"),
    [
        (0, 1, 1, "good", "All 1,000 rows could be read."),
        (11, 1, 1, "caution", "11 of 1,000 rows could not be used (1 %)."),
        (100, 1, 1, "bad", "100 of 1,000 rows"),
        (0, 8, 1, "caution", "The newest order is 8 days before"),
        (0, 90, 1, "bad", "The newest order is 90 days before"),
        (0, 1, 91, "caution", "The model learnt 91 days ago"),
    ],
)
def test_the_light_of_the_data(make_run, quarantined, newest, trained, level, words):
    run = make_run(customers=2)
    run = replace(
        run,
        counts=Counts(1000, 1000 - quarantined, 0, quarantined),
        newest_order_at=run.as_of - timedelta(days=newest),
        model=replace(run.model, trained_as_of=run.as_of - timedelta(days=trained)),
    )
    light = data_light(run)
    assert light.level == level
    assert any(sentence.startswith(words) for sentence in light.sentences)


def lookalikes(as_of):
    ranking = pl.DataFrame(
        {"customer_id": ["a", "b"], "lookalike_score": [0.9, 0.1], "lookalike_percentile": [100, 50]},
    ).select(
        *(
            pl.col(column.name) if column.name in ("customer_id", "lookalike_score", "lookalike_percentile")
            else pl.lit("ok" if column.name == "prediction_status" else None, dtype=column.dtype).alias(column.name)
            for column in LOOKALIKE_COLUMNS
        )
    )  # fmt: skip
    reach = pl.DataFrame([dict.fromkeys(REACH_COLUMNS, 0.1) | {"held_out_seeds": 7}])
    empty = pl.DataFrame({"feature": []}, schema={"feature": pl.String})
    facts = SeedFacts(9, 8, 0, "key", 8.0, 0, "")
    profile = pl.DataFrame(schema={"column": pl.String, "value": pl.String})
    unmatched = pl.DataFrame(schema={"row_number": pl.Int64, "seed": pl.String})
    return LookalikeRun(
        "shop", as_of, ranking, 1, reach, profile, empty, unmatched, facts, "blend", ("orders",), {}, empty
    )


def test_the_newest_lookalike_run_up_to_the_day_is_read_back(tmp_path, monkeypatch):
    monkeypatch.setattr("foretell.delivery.lookalike_publish.render_lookalike_readme", lambda *_, **__: "text")
    assert find_reached(tmp_path, datetime(2026, 11, 1), "shop") is None
    for day in (1, 10, 20):
        publish_lookalikes(lookalikes(datetime(2026, 10, day)), tmp_path)
    assert find_reached(tmp_path, datetime(2026, 10, 15), "another shop") is None
    found = find_reached(tmp_path, datetime(2026, 10, 15), "shop")
    assert (found.folder, found.ranked, found.audience, found.seeds) == ("lookalikes/2026-10-10", 2, 1, 8)
    assert found.reach.columns == list(REACH_COLUMNS)
    card = tmp_path / found.folder / "model_card.json"
    card.write_text(json.dumps(json.loads(card.read_text()) | {"seeds": {"matched": 10**6}}))
    assert find_reached(tmp_path, datetime(2026, 10, 15), "shop").folder == "lookalikes/2026-10-01"


def test_the_calendar_gives_a_range_for_orders_and_for_spend_where_it_has_one(make_run):
    run = make_run(customers=50)
    weeks = run.forecast.with_columns(
        expected_orders_low=pl.col("expected_orders") * 0.5,
        expected_orders_high=pl.col("expected_orders") * 2,
        expected_spend=pl.col("expected_orders") * 20,
    )
    orders = pl.col("expected_orders")
    both = weeks.with_columns(expected_spend_low=orders * 15, expected_spend_high=orders * 30)
    chart = forecast_chart(replace(run, forecast=both))
    between = "(4 times of 5 between)"
    assert chart.header[1:] == (f"Expected orders {between}", f"Expected spend {between}")
    first = both.row(0, named=True)
    spend, low, high = (money(first[f"expected_spend{end}"], run.currency) for end in ("", "_low", "_high"))
    assert chart.rows[0][-1] == f"{spend} ({low} to {high})"
    assert {len(row) for row in chart.rows} == {3}
    without = forecast_chart(replace(run, forecast=weeks))
    assert without.header[2:] == ("Expected spend",)


def test_each_size_of_a_lookalike_audience_tells_its_numbers_to_a_pointer(make_run):
    run = make_run(customers=50)
    row = dict.fromkeys(REACH_COLUMNS, 0.5) | {"held_out_seeds": 9, "lift": 3.25}
    reach = pl.DataFrame([row | {"top_share": share, "recall": 2 * share} for share in (0.01, 0.05, 0.2)])
    chart = reach_chart(replace(run, reached=Reached(run.as_of, "lookalikes/x", "ab" * 32, 2_000, 100, 9, reach)))
    titles = re.findall(r"<title>([^<]*)</title>", chart.svg)
    assert titles[1] == "5 % most alike, 100 customers: 10 % of the hidden seeds, 3.2 times chance"
    assert len(titles) == 3
