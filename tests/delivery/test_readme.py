"""README.txt: what a marketer reads first, computed from the run."""

import pytest

from foretell.delivery.readme import WIDTH, render_readme
from foretell.delivery.run import Record
from foretell.delivery.segments import READY_SEGMENTS
from foretell.delivery.selection import select_all


def readme(run, escaped_cells=0):
    return render_readme(run, select_all(run, READY_SEGMENTS), escaped_cells=escaped_cells)


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
    for segment in READY_SEGMENTS:
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
