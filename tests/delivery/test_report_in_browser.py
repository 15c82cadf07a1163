"""The page in a real browser: quiet, alone, accessible, fitting a phone, printable, sortable, deaf to hostile names."""

import shutil
from dataclasses import replace
from datetime import datetime, timedelta

import polars as pl
import pytest

from foretell.delivery.manifest import FileFacts
from foretell.delivery.previous import MEMBER_PREFIX, Previous
from foretell.delivery.reached import Reached
from foretell.delivery.ready_segments import ready_segments
from foretell.delivery.report.page import render_page
from foretell.delivery.run import ModelFacts
from foretell.delivery.segment_diff import diff
from foretell.delivery.segment_files import SegmentsOfRun, member_table
from foretell.delivery.segments import Segment
from foretell.delivery.selection import select_all
from foretell.tables.schema import Column

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed (make browser)"),
]
# Nothing is downloaded, reported or updated by the browser itself.
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
HOSTILE = "<script>alert(1)</script> \"&' {{ 7*7 }} </title></style><img src=x onerror=alert(2)>"
CATEGORY = Column("top_category", pl.String(), "category", True, HOSTILE)
PHONE, DESK = {"width": 390, "height": 800}, {"width": 1200, "height": 900}


def hostile_segment(name):
    rule = "top_category = '" + HOSTILE.replace("'", "''") + "'"
    return Segment(name, HOSTILE, rule, HOSTILE, HOSTILE, owner=HOSTILE)


@pytest.fixture(scope="module")
def pages(make_run, tmp_path_factory):
    """The page of a run with everything that it can show and a hostile name wherever there is one."""
    run = make_run(customers=120)
    ids = run.scores.select("customer_id")
    run = replace(
        run,
        shop=HOSTILE,
        currency="EUR",
        model=ModelFacts(HOSTILE, datetime(2026, 10, 1), {HOSTILE: HOSTILE}, (HOSTILE,)),
        notes=(HOSTILE,),
        inputs={HOSTILE: HOSTILE},
        features=ids.with_columns(pl.lit(HOSTILE).alias("top_category")),
        feature_columns=(CATEGORY,),
        quarantine=run.quarantine.with_columns(pl.lit(HOSTILE).alias("reason")),
        total=pl.DataFrame(
            {"starts_on": [run.as_of.date()], "days": [365]}
            | {"expected_orders": [500.0], "expected_orders_low": [300.0], "expected_orders_high": [900.0]}
            | {"expected_spend": [9000.0], "expected_spend_low": [5000.0], "expected_spend_high": [16000.0]}
        ),
        forecast=run.forecast.with_columns(
            (pl.col("expected_orders") * 0.8).alias("expected_orders_low"),
            (pl.col("expected_orders") * 1.3).alias("expected_orders_high"),
            (pl.col("expected_orders") * 20).alias("expected_spend"),
            (pl.col("expected_orders") * 15).alias("expected_spend_low"),
            (pl.col("expected_orders") * 30).alias("expected_spend_high"),
        ),
        reached=reached(run.as_of),
        reviewed=pl.DataFrame(
            {"cutoff": [datetime(2026, 7, 1)] * 2, "rung": ["old"] * 2, "target": ["clv", "churn"], "days": [90, 90]}
            | {"customers": [100, 100], "predicted": [900.0, 80.0], "actual": [950.5, 81.0]}
        ),
        reviewed_bands=pl.DataFrame(
            {"cutoff": [datetime(2026, 7, 1)], "rung": ["old"], "band": ["high"], "customers": [1000]}
            | {"predicted": [0.83], "observed": [0.812], "days": [90]}
        ),
    )
    ready = [segment for segment in ready_segments() if not segment.needs and not segment.off]
    selections = select_all(run, [hostile_segment("first"), *ready[:8], hostile_segment("last")])
    then = replace(run, as_of=run.as_of - timedelta(days=30), scores=run.scores.head(100))
    previous = Previous(
        then.as_of,
        "earlier",
        run.horizons,
        then.scores,
        member_table(run, selections).head(100).with_columns(pl.lit(value=False).alias(f"{MEMBER_PREFIX}first")),
        {HOSTILE: "TRUE"} | {one.segment.name: one.segment.where for one in selections},
    )
    segments = SegmentsOfRun(selections, (), diff(run, selections, previous))
    folder = tmp_path_factory.mktemp("report")
    files = tuple(FileFacts(f"{HOSTILE}-{rows}.csv", "ab" * 32, 400, rows) for rows in (900, 10_000, 80))
    (folder / "report.html").write_text(render_page(run, segments, files), encoding="utf-8")
    return (folder / "report.html").as_uri()


def reached(as_of):
    rows = [
        {"top_share": share, "held_out_seeds": 50, "recall": recall, "recall_low": recall / 2}
        | {"recall_high": min(1.0, recall * 1.5), "recall_ceiling": 1.0, "lift": recall / share}
        | {"lift_low": 1.0, "lift_high": 9.0, "control_lift": 1.0}
        for share, recall in ((0.01, 0.1), (0.05, 0.3), (0.1, 0.5), (0.2, 0.7))
    ]
    return Reached(as_of, f"lookalikes/{HOSTILE}", "cd" * 32, 2000, 100, 50, pl.DataFrame(rows))


@pytest.fixture(scope="module")
def browser():
    sync = pytest.importorskip("playwright.sync_api")
    with sync.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield found
        found.close()


@pytest.fixture
def opened(browser, pages):
    """Open the page; what it says on the console, asks for or pops up is an error at the end."""
    events, contexts = [], []

    def open_page(*, viewport=None, dark=False, script=True):
        context = browser.new_context(
            viewport=viewport or DESK,
            color_scheme="dark" if dark else "light",
            java_script_enabled=script,
            offline=True,
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: events.append(message.text))
        page.on("pageerror", lambda error: events.append(str(error)))
        page.on("dialog", lambda dialog: (events.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: None if request.url == pages else events.append(request.url))
        page.goto(pages)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert events == []


@pytest.mark.parametrize(("dark", "viewport"), [(False, DESK), (True, PHONE)])
def test_axe_finds_no_violation_in_light_on_a_desk_or_in_dark_on_a_phone(opened, dark, viewport):
    from axe_playwright_python.sync_playwright import Axe

    page = opened(dark=dark, viewport=viewport)
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true })")
    found = Axe().run(page).response
    assert [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in found["violations"]] == []
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(18, 22, 27)" if dark else "rgb(255, 255, 255)")


def test_nothing_is_wider_than_a_phone(opened):
    page = opened(viewport=PHONE)
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_a_click_on_a_head_sorts_by_number_and_another_one_turns_the_order(opened):
    page = opened()
    page.get_by_text("Files and hashes").click()
    table = page.get_by_role("region", name="Files and hashes").locator("table")
    head = table.get_by_role("button", name="Rows")

    def rows():
        return [text for text in table.locator("tbody tr td:nth-child(2)").all_inner_texts() if text]

    assert rows() == ["900", "10,000", "80"]
    head.click()
    assert rows() == ["10,000", "900", "80"]
    head.click()
    assert rows() == ["80", "900", "10,000"]
    assert table.locator("[aria-sort]").get_attribute("aria-sort") == "ascending"
    assert table.locator("[aria-sort]").count() == 1


def test_without_script_everything_is_there(opened):
    page = opened(script=False)
    assert page.locator("thead button").count() == 0
    assert page.locator("svg").count() == 4
    assert "of 1,000 customers marked high risk, 812 did not order in 90 days" in page.locator("main").inner_text()


def test_it_prints(opened):
    page = opened()
    content = page.pdf(format="A4")
    assert content.startswith(b"%PDF-")
    assert 4 <= content.count(b"/Type /Page\n") <= 30


def test_hostile_names_are_shown_and_do_nothing(opened):
    page = opened()
    assert page.locator("img").count() == 0
    assert page.locator("script").count() == 1
    assert page.locator("article h3", has_text=HOSTILE).count() == 1
    assert page.locator("h1").inner_text().startswith(HOSTILE)
    assert page.evaluate("document.title").startswith(HOSTILE)
    assert HOSTILE in page.locator("th[title]").last.get_attribute("title")
    page.get_by_role("button", name="Customers").last.click()


def test_a_bar_tells_its_number_to_a_pointer_that_rests_on_it(opened):
    titles = opened().locator("figure svg g > title").all_text_contents()
    assert "Tenth 1: 110.00 EUR predicted for each" in titles
    assert "Week from 1 November 2026: 40.0 orders" in titles
    assert "5\u00a0% most alike, 100 customers: 30\u00a0% of the hidden seeds, 6.0 times chance" in titles
