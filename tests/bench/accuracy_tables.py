"""The benchmark's results as Markdown tables, on the terminal and in the docs alike."""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from accuracy_metrics import HIGHER_IS_BETTER
from accuracy_significance import Cell, shown

HEADINGS = {
    "gini": "Gini",
    "spearman": "Spearman",
    "auc": "AUC",
    "log_loss": "log loss",
    "ece": "ECE",
    "rmse": "RMSE",
    "decile_mape": "decile MAPE",
    "average_precision": "avg. precision",
    "bias_orders": "bias of purchases",
    "bias_spend": "bias of spend",
}
BEGIN, END = "<!-- accuracy: generated from here -->", "<!-- accuracy: generated until here -->"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, texts: int = 1) -> str:
    """Return a Markdown table; the first `texts` columns are text, the others numbers."""
    rule = ["---"] * texts + ["---:"] * (len(head) - texts)
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))


def percent(value: float | None, *, signed: bool = True) -> str:
    """Return a share as per cent with one digit behind the point."""
    if value is None or math.isnan(value):
        return "–"
    return f"{100 * value:{'+' if signed else ''}.1f} %"


def number(value: float | None, digits: int = 3) -> str:
    """Return a number, or a dash where there is none."""
    return "–" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def case_table(rows: Mapping[str, Mapping[str, float]], best: Mapping[str, str]) -> str:
    """Return one case: a row per recipe, a column per metric, the best peer of each compared column in bold."""
    lines = []
    for name, row in rows.items():
        cells = []
        for metric in HEADINGS:
            if metric not in row:
                cells.append("–")
            elif metric.startswith("bias"):
                cells.append(percent(row[metric]))
            else:
                text = shown(metric, row[metric])
                cells.append(f"**{text}**" if best.get(metric) == name else text)
        seconds = row.get("seconds", math.nan)
        lines.append([name, *cells, number(seconds, 1)])
    return table(["row", *HEADINGS.values(), "seconds"], lines)


def cell_table(cells: Sequence[Cell]) -> str:
    """Return foretell against the best peer of each cell, a row per case."""
    by_place = {(cell.case, cell.metric): cell for cell in cells}
    lines = []
    for case in dict.fromkeys(cell.case for cell in cells):
        texts = []
        for metric in HIGHER_IS_BETTER:
            cell = by_place.get((case, metric))
            texts.append("–" if cell is None else _cell(cell))
        lines.append([case, *texts])
    return table(["case", *(HEADINGS[metric] for metric in HIGHER_IS_BETTER)], lines)


def _cell(cell: Cell) -> str:
    sign = {"won": "+", "tied": "=", "lost": "−"}[cell.result]
    mark = {"better": " **better**", "worse": " **worse**", "": ""}[cell.verdict]
    return f"{shown(cell.metric, cell.ours)} {sign} {shown(cell.metric, cell.theirs)}{mark}"


def tally(cells: Sequence[Cell]) -> str:
    """Return one sentence: cells won, tied, lost, and which differ by more than chance."""
    results = [cell.result for cell in cells]
    verdicts = [cell.verdict for cell in cells]
    counts = ", ".join(f"{results.count(result)} {result}" for result in ("won", "tied", "lost"))
    worse = [f"{cell.case} {HEADINGS[cell.metric]}" for cell in cells if cell.verdict == "worse"]
    named = f" ({', '.join(worse)})" if worse else ""
    return (
        f"Of {len(cells)} cells: {counts}. Beyond chance (5 % after Holm): "
        f"{verdicts.count('better')} better, {len(worse)} worse{named}."
    )


def losses_table(cells: Sequence[Cell]) -> str:
    """Return the cells that are not won, each with the interval of the difference and its adjusted p."""
    lines = [
        [
            cell.case,
            HEADINGS[cell.metric],
            cell.peer,
            shown(cell.metric, cell.ours),
            shown(cell.metric, cell.theirs),
            f"{cell.advantage:+.3g} ({cell.low:+.3g} to {cell.high:+.3g})",
            "< 0.001" if cell.p_holm < 0.001 else f"{cell.p_holm:.3f}",
        ]
        for cell in cells
        if cell.result == "lost"
    ]
    head = ["case", "metric", "best peer", "foretell", "peer", "advantage (95 % interval)", "p after Holm"]
    return table(head, lines, texts=3)


def level_table(rows: Mapping[str, Mapping[str, float]]) -> str:
    """Return how far foretell's totals are off, beside two standard errors of what happened."""
    lines = [
        [
            case,
            percent(row.get("bias_orders")),
            percent(2 * row["error_orders"], signed=False),
            percent(row.get("bias_spend")),
            percent(2 * row["error_spend"], signed=False),
        ]
        for case, row in rows.items()
    ]
    return table(["case", "bias of purchases", "2 s.e.", "bias of spend", "2 s.e."], lines)


def date_table(rows: Mapping[str, Mapping[str, float]]) -> str:
    """Return how good the dates of the next order are."""
    lines = [
        [
            name,
            number(row.get("median_abs_error_days"), 1),
            percent(row.get("within_7_days"), signed=False),
            number(row.get("concordance_by_risk")),
            number(row.get("concordance_by_date")),
            percent(row.get("date_coverage"), signed=False),
        ]
        for name, row in rows.items()
    ]
    head = [
        "row", "median error, days", "within 7 days", "concordance by risk", "by date", "early to late covers",
    ]  # fmt: skip
    return table(head, lines)


def interval_table(by_case: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Return how often the 80 % interval of spend covers, by activity group."""
    lines = [
        [
            case,
            group,
            f"{row['customers']:,.0f}",
            percent(row["plain"], signed=False),
            percent(row["randomised"], signed=False),
            f"{row['width']:,.4g}",
        ]
        for case, groups in by_case.items()
        for group, row in groups.items()
    ]
    return table(["case", "buyers", "customers", "plain", "randomised PIT", "mean width"], lines, texts=2)


def rolling_table(rows: Sequence[Mapping[str, object]]) -> str:
    """Return the level of foretell's totals over rolling cutoffs, and the mean of its size for each history."""
    lines = [
        [str(row["history"]), str(row["cutoff"]), percent(_real(row, "bias_orders")), percent(_real(row, "bias_spend"))]
        for row in rows
    ]
    for history in dict.fromkeys(str(row["history"]) for row in rows):
        means = [_mean_size([_real(row, name) for row in rows if row["history"] == history]) for name in _BIASES]
        lines.append([f"**{history}**", "mean size", *(percent(mean, signed=False) for mean in means)])
    overall = [_mean_size([_real(row, name) for row in rows]) for name in _BIASES]
    lines.append(["**all**", "mean size", *(percent(mean, signed=False) for mean in overall)])
    return table(["history", "cutoff", "bias of purchases", "bias of spend"], lines, texts=2)


_BIASES = ("bias_orders", "bias_spend")


def _real(row: Mapping[str, object], name: str) -> float:
    value = row.get(name)
    return float(value) if isinstance(value, int | float) else math.nan


def _mean_size(values: Sequence[float]) -> float:
    sizes = [abs(value) for value in values if not math.isnan(value)]
    return sum(sizes) / len(sizes) if sizes else math.nan


def put_between_markers(page: Path, text: str) -> None:
    """Replace the generated part of a page; what a person wrote around it stays."""
    before = page.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", flags=re.DOTALL)
    if not pattern.search(before):
        msg = f"{page.name} lacks the lines {BEGIN!r} and {END!r}"
        raise SystemExit(msg)
    page.write_text(pattern.sub(lambda _: f"{BEGIN}\n\n{text}\n\n{END}", before), encoding="utf-8")
