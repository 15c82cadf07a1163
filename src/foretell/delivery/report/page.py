"""A run as one HTML page."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import polars as pl
from jinja2 import Environment, PackageLoader, StrictUndefined

from foretell.delivery.dictionary import type_words
from foretell.delivery.headlines import headlines
from foretell.delivery.manifest import FileFacts
from foretell.delivery.report.backtest_rows import questions
from foretell.delivery.report.charts import calibration_chart, decile_chart, forecast_chart
from foretell.delivery.run import Run
from foretell.delivery.selection import Selection
from foretell.delivery.trust import answers, overall, untested, verdicts
from foretell.delivery.wording import METRICS, instant_words, money, percent, whole

REVIEWED_RUNS = 6
LIGHTS = {"good": "✓", "caution": "!", "bad": "✕", "untested": "?"}
BANDS = {"low": "Low risk", "medium": "Medium risk", "high": "High risk"}


def render_page(run: Run, selections: Sequence[Selection], files: Sequence[FileFacts]) -> str:
    """Return the report of a run.

    Parameters
    ----------
    run : Run
        A finished run.
    selections : sequence of Selection
        Its segments.
    files : sequence of FileFacts
        The data files already written, whose hashes the page shows.

    Returns
    -------
    str
        One HTML document that fetches nothing, holds no script, no customer and no clock; equal runs give
        equal text.
    """
    environment = Environment(
        loader=PackageLoader("foretell.delivery.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(whole=whole, percent=percent, money=partial(_worth, run))
    charts = {"forecast": forecast_chart(run), "decile": decile_chart(run), "calibration": calibration_chart(run)}
    asked = answers(run)
    judged = verdicts(run.record, asked)
    page = environment.get_template("page.html.j2").render(
        run=run,
        as_of=instant_words(run.as_of),
        headlines=headlines(run),
        selections=selections,
        charts=charts,
        overall=overall(run.record, asked),
        untested=untested(run),
        value_target="clv" if run.has_money else "orders",
        questions=questions(run.record, judged),
        shown_metrics=_shown_metrics(run),
        lights=LIGHTS,
        bands=BANDS,
        left_out=_left_out(run),
        reviewed=_reviewed(run),
        staleness_days=(run.as_of - run.model.trained_as_of).days,
        files=files,
        run_id=run.inputs_digest[:12],
        type_words=type_words,
    )
    # a percent sign does not begin a line
    return page.replace(" %", "\u00a0%")


def _worth(run: Run, value: float) -> str:
    return money(value, run.currency) if run.has_money else f"{whole(value)} orders"


def _shown_metrics(run: Run) -> list[Any]:
    present = set(run.record.table.get_column("metric").to_list())
    return [words for name, words in METRICS.items() if name in present]


def _reviewed(run: Run) -> list[dict[str, Any]]:
    """The newest reviewed runs, in a marketer's words."""
    if run.reviewed.is_empty():
        return []
    about = {"orders": "orders", "clv": "spend", "churn": "customers without an order"}
    newest = run.reviewed["cutoff"].unique().sort(descending=True).head(REVIEWED_RUNS)
    rows = run.reviewed.filter(pl.col("cutoff").is_in(newest.implode())).sort(
        "cutoff", descending=True, maintain_order=True
    )
    return [{**row, "about": about.get(row["target"], "customers with an order")} for row in rows.to_dicts()]


def _left_out(run: Run) -> list[dict[str, Any]]:
    keys = ["table", "column", "reason"]
    return run.quarantine.group_by(keys).agg(pl.len().alias("rows")).sort(keys, nulls_last=True).to_dicts()
