"""A run as one HTML page."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import polars as pl
from jinja2 import Environment, PackageLoader, StrictUndefined

from foretell.delivery.data_light import data_light
from foretell.delivery.dictionary import type_words
from foretell.delivery.expected import Expected
from foretell.delivery.headlines import Headlines, headlines
from foretell.delivery.manifest import FileFacts
from foretell.delivery.readme_segments import off_lines
from foretell.delivery.report.backtest_rows import questions
from foretell.delivery.report.charts import calibration_chart, decile_chart, forecast_chart, reach_chart
from foretell.delivery.report.prospects_told import prospects_told
from foretell.delivery.report.since import change_of, since_last_run
from foretell.delivery.report.told import EDGES, backtest_sentences, review_sentences, review_sums
from foretell.delivery.report.value_grid import value_grid
from foretell.delivery.rule_columns import aliases
from foretell.delivery.run import Run
from foretell.delivery.segment_files import SegmentsOfRun
from foretell.delivery.trust import answers, overall, untested, verdicts
from foretell.delivery.wording import METRICS, instant_words, money, percent, whole

LIGHTS = {"good": "✓", "caution": "!", "bad": "✕", "untested": "?"}
BANDS = {"low": "Low risk", "medium": "Medium risk", "high": "High risk"}
ADVICE_LEVELS = {"low": "good", "medium": "caution", "high": "bad"}
WIDE_RANGE = 2.0
"""A range whose ends differ by this factor or more is explained."""


@dataclass(frozen=True)
class AtRisk:
    """What hangs on the customers at high risk of not ordering.

    Parameters
    ----------
    customers : int
        How many.
    orders, value, historic : float
        What they are expected to order and to bring in the value horizon, and what they brought so far; value in
        currency, or orders in a shop without amounts.
    orders_share, value_share : float
        The same as shares of what is expected of all, 0 to 1.
    """

    customers: int
    orders: float
    value: float
    historic: float
    orders_share: float
    value_share: float


def render_page(run: Run, segments: SegmentsOfRun, files: Sequence[FileFacts]) -> str:
    """Return the report of a run.

    Parameters
    ----------
    run : Run
        A finished run.
    segments : SegmentsOfRun
        Its segments, those that are off, and what changed since the last run.
    files : sequence of FileFacts
        The data files already written, whose hashes the page shows.

    Returns
    -------
    str
        One HTML document that fetches nothing and holds no customer and no clock; equal runs give equal text. Its
        only script sorts tables, is named by hash in the page's own policy, and nothing depends on it.
    """
    environment = Environment(
        loader=PackageLoader("foretell.delivery.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        whole=whole, percent=percent, money=partial(_worth, run), instant=instant_words, between=partial(_between, run)
    )
    script = environment.get_template("sort.js").render()
    page = environment.get_template("page.html.j2").render(
        run=run,
        as_of=instant_words(run.as_of),
        files=files,
        run_id=run.inputs_digest[:12],
        type_words=type_words,
        script=script,
        script_hash="sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        **_numbers(run),
        **_trust(run),
        **_segments(run, segments),
    )
    # a percent sign does not begin a line
    return page.replace(" %", "\u00a0%")


def _numbers(run: Run) -> dict[str, Any]:
    totals = headlines(run)
    value = totals.value
    return {
        "headlines": totals,
        "at_risk": _at_risk(run, totals),
        "wide_range": value.low is not None and value.high is not None and value.high >= WIDE_RANGE * value.low,
        "grid": value_grid(run),
        "prospects": prospects_told(run.prospect_table),
        "value_target": "clv" if run.has_money else "orders",
        "bands": BANDS,
        "advice_level": ADVICE_LEVELS,
        "edges": run.options.get("churn_band_edges", EDGES),
        "staleness_days": (run.as_of - run.model.trained_as_of).days,
        "left_out": _left_out(run),
        "charts": {
            "forecast": forecast_chart(run),
            "decile": decile_chart(run),
            "calibration": calibration_chart(run),
            "reach": reach_chart(run),
        },
    }


def _trust(run: Run) -> dict[str, Any]:
    asked = answers(run)
    return {
        "overall": overall(run.record, asked),
        "data_light": data_light(run),
        "untested": untested(run),
        "questions": questions(run.record, verdicts(run.record, asked)),
        "told": backtest_sentences(run),
        "reviewed": review_sums(run),
        "reviewed_told": review_sentences(run),
        "shown_metrics": _shown_metrics(run),
        "lights": LIGHTS,
        "contents": _contents(run),
    }


def _segments(run: Run, segments: SegmentsOfRun) -> dict[str, Any]:
    return {
        "selections": segments.selections,
        "changes": {one.segment.name: change_of(segments, one.segment.name) for one in segments.selections},
        "has_owners": any(one.segment.owner for one in segments.selections[6:]),
        "off": off_lines(segments),
        "since": since_last_run(run, segments),
    }


def _contents(run: Run) -> list[tuple[str, str]]:
    places = [
        ("changes", "What changed"),
        ("weeks", "What is coming"),
        ("value", "Where the value is"),
        ("risk", "Who may leave"),
        ("segments", "Whom to talk to"),
        ("prospects", "Who may order first"),
        ("lookalikes", "Lookalikes"),
        ("trust", "How right were we"),
        ("limits", "What was left out"),
        ("words", "Definitions"),
        ("about", "About this run"),
    ]
    there = {"lookalikes": run.reached is not None, "prospects": run.prospect_table is not None}
    return [(place, title) for place, title in places if there.get(place, True)]


def _at_risk(run: Run, totals: Headlines) -> AtRisk:
    high = totals.band("high")
    orders = run.scores.get_column(aliases(run.columns)["predicted_orders"]).cast(pl.Float64).fill_null(0.0).to_numpy()
    inside = (run.scores.get_column("churn_band") == "high").fill_null(value=False).to_numpy()
    at_risk, everybody = float(np.sum(orders[inside])), float(np.sum(orders))
    return AtRisk(
        customers=high.customers,
        orders=at_risk,
        value=high.predicted_value,
        historic=high.historic_value,
        orders_share=at_risk / everybody if everybody > 0 else 0.0,
        value_share=high.predicted_value / totals.summed_value if totals.summed_value > 0 else 0.0,
    )


def _worth(run: Run, value: float) -> str:
    return money(value, run.currency) if run.has_money else f"{whole(value)} orders"


def _between(run: Run, sums: Expected, *, in_money: bool) -> str:
    if sums.low is None or sums.high is None:
        return "not known"
    if in_money:
        return f"{money(sums.low, None)} and {money(sums.high, run.currency)}"
    return f"{whole(sums.low)} and {whole(sums.high)}"


def _shown_metrics(run: Run) -> list[Any]:
    present = set(run.record.table.get_column("metric").to_list())
    return [words for name, words in METRICS.items() if name in present]


def _left_out(run: Run) -> list[dict[str, Any]]:
    keys = ["table", "column", "reason"]
    return run.quarantine.group_by(keys).agg(pl.len().alias("rows")).sort(keys, nulls_last=True).to_dicts()
