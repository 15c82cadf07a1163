"""The page: one file, no network, no customer, nothing that a shop's name could run, the same bytes every time."""

import base64
import hashlib
import re
from dataclasses import replace
from datetime import datetime
from html.parser import HTMLParser
from importlib.resources import files

import polars as pl
import pytest

from foretell.delivery.manifest import FileFacts
from foretell.delivery.ready_segments import ready_segments
from foretell.delivery.report.page import render_page
from foretell.delivery.run import ModelFacts, Record
from foretell.delivery.segment_files import SegmentsOfRun
from foretell.delivery.selection import select_all
from foretell.windows import Horizons

HOSTILE = "<script>alert(1)</script> \"&' {{ 7*7 }} </title><img src=x onerror=alert(2)>"
FILES = (FileFacts("scores.csv", "ab" * 32, 100, 400),)

SOME = tuple(segment for segment in ready_segments() if not segment.needs and not segment.off)


def page_of(run):
    return render_page(run, SegmentsOfRun(select_all(run, SOME)), FILES)


@pytest.fixture(scope="module")
def page(run):
    return page_of(run)


class Elements(HTMLParser):
    """Every element with its attributes, the text, and whether elements close in order."""

    VOID = frozenset({"meta", "br", "link", "img", "hr", "input"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def text_of(page: str) -> str:
    return " ".join(" ".join(Elements(page).text).split())


def test_it_fetches_nothing_and_runs_only_what_sorts_tables(page):
    assert not re.search(r"https?://|//[a-z]|src=|@import|url\((?!#)|<link|<iframe|javascript:", page, re.IGNORECASE)
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert scripts == [files("foretell.delivery.report").joinpath("templates/sort.js").read_text()]
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page
    assert len(scripts[0].splitlines()) <= 30
    parsed = Elements(page)
    assert [tag for tag, _ in parsed.elements].count("script") == 1
    for tag, attributes in parsed.elements:
        assert tag not in {"img", "link", "iframe", "object", "form"}
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("href", "xlink:href"):
            assert (attributes.get(name) or "#").startswith("#")


def test_it_is_well_formed_with_one_heading_and_ids_of_its_own(page):
    parsed = Elements(page)
    assert parsed.open == []
    tags = [tag for tag, _ in parsed.elements]
    assert tags.count("h1") == tags.count("main") == tags[: tags.index("body")].count("title") == 1
    ids = [attributes["id"] for _, attributes in parsed.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in parsed.elements:
        assert (attributes.get("aria-labelledby") or ids[0]) in ids


def test_every_figure_has_a_name_and_its_numbers(page):
    parsed = Elements(page)
    figures = [attributes for tag, attributes in parsed.elements if tag == "svg"]
    assert len(figures) == 3
    assert all(attributes.get("role") == "img" and attributes.get("aria-label") for attributes in figures)
    assert page.count("<summary>The numbers</summary>") == 3


def test_it_is_small(page):
    assert len(page.encode()) < 500_000


def test_it_names_no_customer(page, run):
    assert "shopper" not in page
    assert "@" not in re.sub(r"@media", "", page)
    assert not any(customer in page for customer in run.scores["customer_id"])


def test_hostile_names_stay_text(make_run):
    run = make_run(
        customers=30,
        shop=HOSTILE,
        currency=HOSTILE,
        model=ModelFacts(HOSTILE, datetime(2026, 10, 1), {HOSTILE: HOSTILE}, (HOSTILE,)),
        notes=(HOSTILE,),
        inputs={HOSTILE: HOSTILE},
        quarantine=pl.DataFrame(
            {"row_number": [1], "table": [HOSTILE], "column": [HOSTILE], "reason": [HOSTILE]},
            schema_overrides={"row_number": pl.UInt32},
        ),
    )
    page = page_of(run)
    parsed = Elements(page)
    tags = [tag for tag, _ in parsed.elements]
    assert "img" not in tags
    assert tags.count("script") == 1
    assert text_of(page).count("{{ 7*7 }}") >= 10
    assert "49" not in text_of(page).split("your customers")[0]


def test_equal_runs_give_equal_pages_whatever_the_circumstances(page, make_run):
    assert page_of(make_run(circumstances={"host": "elsewhere"})) == page


def test_the_headline_numbers_are_those_of_the_scores(page, run):
    text = text_of(page)
    scores = run.scores
    assert "your customers as of 1 November 2026" in text
    assert f"Customers {scores.height} with at least one order" in text
    assert f"about {round(scores['p_alive'].sum())} people" in text
    assert f"Orders expected in 365 days {round(scores['predicted_orders_365d'].sum()):,}" in text
    assert f"Spend expected in 365 days {round(scores['predicted_clv_365d'].sum()):,} EUR" in text
    top = scores["predicted_clv_365d"].top_k(40).sum() / scores["predicted_clv_365d"].sum()
    assert f"Share of the best tenth {top:.0%}".replace("%", " %") in text


def test_segments_show_size_action_and_file(page, run):
    text = text_of(page)
    for selection in select_all(run, SOME):
        assert f"{selection.segment.title} {selection.size} customers" in text or (
            f"{selection.segment.title} {selection.file_name} {selection.size}" in text
        )
        assert selection.segment.action in text
        assert selection.file_name in text


def test_the_backtest_stands_beside_the_simple_rules_with_intervals(page):
    text = text_of(page)
    assert "Predicted as of 1 November 2025; below each figure its 95 % interval." in text
    assert "foretell, purchase model used for these scores −6 % −7 % to −5 %" in text
    assert "Simple rule: the next period repeats the last +62 %" in text
    assert "BG/NBD of the lifetimes library" in text
    assert (
        "Of 120 customers marked high risk (66 % or more), 100 did not order in the 90 days that followed; 102 had been"
    ) in text
    assert (
        "The tenth of the customers ranked best brought 26 % of the spend that came in; 26 % had been predicted" in text
    )


def test_what_was_left_out_is_counted(page):
    text = text_of(page)
    assert (
        "Of 1,250 rows read, 1,200 were used, 47 lie on or after the day of these scores, and 3 could not be used"
        in text
    )
    assert "unparseable date 2 orders ordered_at" in text


def test_without_a_backtest_it_says_so(make_run):
    text = text_of(page_of(make_run(customers=20, record=Record(reason_if_empty="The history covers 40 days only."))))
    assert "? Not tested The history covers 40 days only." in text
    assert "Older windows" not in text


def test_an_untested_answer_has_its_own_light_and_marks_its_numbers(page, make_run, run):
    record = replace(
        run.record,
        table=run.record.table.filter(pl.col("target") != "clv"),
        rungs={target: rung for target, rung in run.record.rungs.items() if target != "clv"},
    )
    text = text_of(page_of(make_run(record=record)))
    assert "How much will each customer spend? ? Not tested The history is too short to check" in text
    assert re.search(r"Spend expected in 365 days [\d,]+ EUR \(not tested\)", text)
    assert re.search(r"Orders expected in 365 days [\d,]+ from these", text)
    assert "(not tested)" not in text_of(page)


def test_it_says_how_to_read_the_range_and_who_is_overdue(page, run):
    text = text_of(page)
    assert "a high of 0.00 means most likely nothing" in text
    assert f"{run.scores['overdue'].sum()} have already waited longer than 90 % of the waits expected of them" in text
    assert "than is usual for them" not in text
    assert "longer than their own average gap between orders" in text


def test_without_amounts_value_is_counted_in_orders(make_run):
    text = text_of(page_of(make_run(customers=40, money=False)))
    assert "Spend expected" not in text.split("Definitions")[0]
    assert "value is counted in orders" in text
    assert "40 customers have the status no_money" in text
    assert "None" not in text
    assert "nan" not in text.lower().split()


@pytest.mark.parametrize(
    "changes",
    [
        {"customers": 0},
        {"customers": 1, "currency": None},
        {"customers": 5, "horizons": Horizons(5, 3, 1), "as_of": datetime(2026, 11, 1, 15, 30)},
    ],
)
def test_edges_give_a_page(make_run, changes):
    page = page_of(make_run(**changes))
    assert Elements(page).open == []
    assert "nan" not in text_of(page).lower().split()


# --- colours ------------------------------------------------------------------------------------------------------


def luminance(colour: str) -> float:
    """Relative luminance of an sRGB colour (WCAG 2.2, definition of relative luminance)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def palettes(page: str) -> list[dict[str, str]]:
    blocks = re.findall(r":root \{(.*?)\}", page, re.DOTALL)
    return [dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block)) for block in blocks]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_meets_wcag_aa_on_every_surface(page, theme):
    colours = palettes(page)[theme]
    pairs = [(ink, surface) for ink in ("ink", "soft", "accent") for surface in ("page", "card")]
    pairs += [(f"{level}-ink", level) for level in ("good", "caution", "bad", "untested")]
    for ink, surface in pairs:
        assert contrast(colours[ink], colours[surface]) >= 4.5, (ink, surface)
    for colour in set(re.findall(r"fill: (#[0-9a-f]{6})", page)):
        assert contrast(colour, colours["card"]) >= 3, colour
