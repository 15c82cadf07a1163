"""README.txt: what a marketer reads first, computed from the run."""

from dataclasses import replace

import polars as pl
import pytest

from foretell.delivery.availability import allowed
from foretell.delivery.plain_text import WIDTH
from foretell.delivery.readme import render_readme
from foretell.delivery.ready_segments import ready_segments
from foretell.delivery.run import Record
from foretell.delivery.segment_files import SegmentsOfRun
from foretell.delivery.segments import Segment
from foretell.delivery.selection import select_all

FOUR = tuple(one for one in ready_segments() if one.name in ("win_back", "due_soon", "vip", "one_time_at_risk"))


def readme(run, escaped_cells=0):
    return render_readme(run, SegmentsOfRun(select_all(run, FOUR)), escaped_cells=escaped_cells)


def flat(text):
    return " ".join(text.split())


def test_it_names_every_file_and_says_how_to_use_it(run):
    text = readme(run)
    for name in (
        "report.html",
        "scores.csv",
        "scores.parquet",
        "data_dictionary.csv",
        "quarantine.csv",
        "manifest.json",
    ):
        assert name in text
    for segment in FOUR:
        assert f"segments/{segment.name}.csv" in text
    assert "churn_risk_90d" in text
    assert "shopper" not in text


def test_it_says_how_far_to_trust(run, make_run):
    assert "Good to use. On this shop's own past" in flat(readme(run))
    untested = make_run(customers=3, record=Record(reason_if_empty="Forty days are too few."))
    assert "Not tested. Forty days are too few." in flat(readme(untested))


def test_lines_fit_a_plain_editor(run):
    assert max(len(line) for line in readme(run).splitlines()) <= WIDTH


def test_escaped_cells_are_told_only_where_there_are_any(run):
    assert "apostrophe" not in readme(run)
    assert "3 text cells began with a sign" in flat(readme(run, escaped_cells=3))


def test_a_name_with_line_ends_stays_one_line(make_run):
    text = readme(make_run(customers=3, shop="Corner\n=====\nShop"))
    assert text.splitlines()[0].startswith("Corner ===== Shop: your customers as of 1 November 2026")


@pytest.mark.parametrize("changes", [{"customers": 0}, {"money": False, "customers": 9}])
def test_edges_give_a_text(make_run, changes):
    text = readme(make_run(**changes))
    assert "None" not in text
    assert "nan" not in text.lower().split()


def test_an_untested_answer_is_named_and_its_number_marked(make_run, run):
    record = replace(
        run.record,
        table=run.record.table.filter(pl.col("target") != "clv"),
        rungs={target: rung for target, rung in run.record.rungs.items() if target != "clv"},
    )
    text = flat(readme(make_run(record=record)))
    assert (
        "How much will each customer spend? Not tested. The history is too short to check what happens over 365 days."
    ) in text
    assert "EUR (not tested) are expected from them" in text
    assert "of that (not tested)." in text
    assert text.split("Which file is which")[0].count("(not tested)") == 2
    assert "(not tested)" not in flat(readme(run))


def test_it_says_how_to_read_the_range_and_not_to_add_up_segments(run):
    text = flat(readme(run))
    assert "At most 1 in 10 such customers will spend less" in text
    assert "a high of 0.00 means most likely nothing" in text
    assert "A customer may be in several segment files: do not add up" in text


def test_without_amounts_no_empty_column_is_advised(make_run, run):
    text = flat(readme(make_run(money=False)))
    assert "predicted_clv" not in text
    assert "use clv_percentile or predicted_orders_365d" in text
    assert "use clv_percentile or predicted_clv_365d" in flat(readme(run))
    assert "_high" not in text


def test_segments_that_are_off_are_grouped_by_what_they_lack(run):
    on, off = allowed(run, ready_segments())
    text = flat(render_readme(run, SegmentsOfRun(select_all(run, on), off), escaped_cells=0))
    assert "They need a value of yours, such as a category or a country" in text
    assert "The data lack what comes from events: email_recipients_no_purchase, email_engaged," in text
    assert "Guesses about a person's life are sensitive" in text
    assert all(f" {one.segment.name}" in text for one in off)


def test_each_segment_says_for_whom_how_many_since_when_and_what_to_do(run):
    segment = Segment(
        "half", "Half", "orders >= 2", "Twice.", "Write.", owner="Anna", channels=("email",), holdout=0.5,
        utm=(("source", "shop"),),
    )  # fmt: skip
    (selection,) = select_all(run, [segment])
    text = flat(render_readme(run, SegmentsOfRun((selection,)), escaped_cells=0))
    assert f"segments/half.csv: Half ({selection.size} customers). For Anna (email). Twice. Expected from them" in text
    assert (
        f"What to do: Write. Tag its links with utm_source=shop. segments/half_holdout.csv ({selection.held_out} "
        "customers, 50 % by lot): leave these alone, and compare what they buy with the others. "
        "Valid from 1 November 2026."
    ) in text
    assert "half: Customers where the number of orders is at least 2. 50 % of them, by lot, are held out." in text


def test_without_contacts_it_says_how_to_come_to_upload_files(run):
    text = flat(readme(run))
    assert "Files to upload" not in text  # the four segments of mails and letters name no platform
    ads = tuple(one for one in ready_segments() if one.name in ("vip", "lapsed_vip", "clv_high"))
    told = flat(render_readme(run, SegmentsOfRun(select_all(run, ads)), escaped_cells=0))
    assert "lapsed_vip (meta, google)" in told
    assert "foretell export --to meta --segment lapsed_vip --contacts customers.csv" in told
    assert "consent_ads (yes or no)" in told
