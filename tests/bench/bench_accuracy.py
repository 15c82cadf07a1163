"""How good foretell's predictions are on real histories, beside what the field offers.

Run: ``make bench-accuracy``, or ``python tests/bench/bench_accuracy.py [options]``; prints Markdown. FORETELL_DATA
names the folder of the histories; a case whose file is absent is left out with the reason. What was fitted is kept
in ``.cache/accuracy`` under a hash of all that it follows from, so that only what changed is fitted again.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import date, timedelta
from pathlib import Path

import accuracy_tables as tables
import numpy as np
import polars as pl
from accuracy_boosted_peer import TwoStage
from accuracy_cases import CASES, DATE_CASE, HISTORIES, Case, History
from accuracy_coverage import judge_intervals
from accuracy_foretell import Foretell
from accuracy_metrics import HIGHER_IS_BETTER, judge, judge_dates, level_error
from accuracy_peers import PURCHASE_PEERS, GapRule
from accuracy_run import OWN_SOURCES, PEER_SOURCES, REPOSITORY, Question, ask, redraw
from accuracy_significance import Cell, best_peer, compare, holm
from measure import machine

from foretell import __version__
from foretell.evaluation.backtest import Recipe

PEERS: tuple[Recipe, ...] = (*PURCHASE_PEERS, TwoStage())
HARDER: tuple[Recipe, ...] = (TwoStage("two-stage, windows", (30, 90, 180)),)
"""Beyond the usual: shown, and counted in a tally of its own."""
DATE_PEERS: tuple[Recipe, ...] = (GapRule("last + mean gap"), GapRule("last + median gap", median=True))
ROLLING_CUTOFFS, ROLLING_DAYS, LEAST_HISTORY_DAYS = 5, 90, 120
PAGE = REPOSITORY / "docs" / "benchmarks.md"


class Benchmark:
    """What is run, and everything found so far."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.own = Foretell(tuple(options.rungs.split(",")) if options.rungs else ())
        self.read: dict[str, pl.DataFrame] = {}
        self.rows: dict[str, dict[str, dict[str, float]]] = {}
        self.intervals: dict[str, dict[str, dict[str, float]]] = {}
        self.dates: dict[str, dict[str, float]] = {}
        self.rolling: list[dict[str, object]] = []
        self.cells: list[Cell] = []
        self.harder_cells: list[Cell] = []
        self.left_out: list[str] = []
        self.absent = False

    def question(self, case: Case) -> Question | None:
        """Read a case's rows once; None, with a note, if its file is absent."""
        history = case.history
        reason = history.absent()
        if reason:
            self.absent = True
            self.note(f"{case.name} is left out: {reason}")
            return None
        if history.name not in self.read:
            self.read[history.name] = history.orders()
        return Question.of(case, self.read[history.name])

    def note(self, text: str) -> None:
        """Keep a remark for the page, and say it."""
        self.left_out.append(text)
        print(text, file=sys.stderr, flush=True)

    def recipes(self, peers: Sequence[Recipe]) -> Iterator[tuple[Recipe, Sequence[Path], bool]]:
        """Yield each row's recipe, the files it follows from, and whether it may be fitted anew."""
        chosen = self.options.only
        yield self.own, OWN_SOURCES, not chosen or self.own.name in chosen
        for peer in peers:
            yield peer, PEER_SOURCES, not chosen or peer.name in chosen

    def judge_case(self, case: Case) -> None:
        """Judge all rows on one case, and foretell against the best of the others."""
        question = self.question(case)
        if question is None:
            return
        rows: dict[str, dict[str, float]] = {}
        drawn = {}
        for recipe, sources, fit in self.recipes((*PEERS, *HARDER)):
            answered = ask(recipe, question, sources, seed=self.options.seed, fit=fit)
            if answered is None:
                continue
            if answered.given is None:
                self.note(f"{case.name}, {recipe.name}: {answered.why_not}")
                continue
            rows[recipe.name] = judge(question.outcome, answered.given) | {"seconds": answered.seconds}
            drawn[recipe.name] = redraw(answered, question, times=self.options.times, seed=self.options.seed)
            if recipe is self.own:
                self.intervals[case.name] = judge_intervals(question.outcome, answered.given)
                rows[recipe.name] |= {
                    "error_orders": level_error(question.outcome.orders),
                    "error_spend": level_error(question.outcome.spend),
                }
        self.rows[case.name] = rows
        ours = rows.get(self.own.name)
        if ours is None:
            return
        aside = {peer.name for peer in HARDER}
        for metric in HIGHER_IS_BETTER:
            peers = {
                name: (row[metric], drawn[name][metric])
                for name, row in rows.items()
                if name != self.own.name and metric in row
            }
            usual = {name: values for name, values in peers.items() if name not in aside}
            for cells, among in ((self.cells, usual), (self.harder_cells, peers)):
                found = compare(case.name, metric, (ours[metric], drawn[self.own.name][metric]), among)
                if found is not None:
                    cells.append(found)

    def judge_dates(self) -> None:
        """Judge the date of the next order."""
        question = self.question(DATE_CASE)
        if question is None:
            return
        for recipe, sources, fit in self.recipes(DATE_PEERS):
            answered = ask(recipe, question, sources, seed=self.options.seed, fit=fit)
            if answered is not None and answered.given is not None:
                self.dates[recipe.name] = judge_dates(question.outcome, answered.given, DATE_CASE.days)

    def judge_rolling(self) -> None:
        """Judge the level of foretell's totals at rolling cutoffs of every history."""
        for history in HISTORIES:
            if history.absent():
                continue
            for cutoff in rolling_cutoffs(history):
                question = self.question(Case(f"{history.name} {cutoff}", history, cutoff, ROLLING_DAYS))
                answered = question and ask(self.own, question, OWN_SOURCES, seed=self.options.seed)
                if not (question and answered):
                    continue
                row = judge(question.outcome, answered.given) if answered.given else {}
                self.rolling.append(
                    {"history": history.name, "cutoff": str(cutoff)}
                    | {name: row.get(name) for name in ("bias_orders", "bias_spend")}
                )

    def settle(self) -> None:
        """Adjust all p-values together."""
        self.cells, self.harder_cells = adjusted(self.cells), adjusted(self.harder_cells)

    def page(self) -> str:
        """Return everything found, as Markdown."""
        parts = [self._heading()]
        for case, rows in self.rows.items():
            aside = {self.own.name, *(peer.name for peer in HARDER)}
            others = {name: row for name, row in rows.items() if name not in aside}
            best = {
                metric: best_peer(metric, {name: row[metric] for name, row in others.items() if metric in row}) or ""
                for metric in HIGHER_IS_BETTER
            }
            parts += [f"### {case} days ahead", tables.case_table(rows, best)]
        if self.cells:
            parts += [
                "### foretell against the best peer of each cell",
                tables.cell_table(self.cells),
                tables.tally(self.cells),
                f"With {', '.join(peer.name for peer in HARDER)} among the peers: {tables.tally(self.harder_cells)}",
            ]
        if any(cell.result == "lost" for cell in self.cells):
            parts += ["### Cells that are not won", tables.losses_table(self.cells)]
        ours = {case: rows[self.own.name] for case, rows in self.rows.items() if self.own.name in rows}
        if ours:
            parts += ["### Level of the totals", tables.level_table(ours)]
        if self.rolling:
            parts += [f"### Level over rolling cutoffs, {ROLLING_DAYS} days ahead", tables.rolling_table(self.rolling)]
        if self.dates:
            title = f"### Date of the next order: grocery, {DATE_CASE.cutoff}, {DATE_CASE.days} days ahead"
            parts += [title, tables.date_table(self.dates)]
        if any(self.intervals.values()):
            parts += ["### 80 % intervals of spend", tables.interval_table(self.intervals)]
        if self.left_out:
            parts += ["Left out: " + "; ".join(dict.fromkeys(self.left_out)) + "."]
        return "\n\n".join(parts)

    def _heading(self) -> str:
        versions = machine("numpy", "scipy", "polars", "lightgbm", "lifetimes")
        return (
            f"{self.options.date or 'Undated'}. foretell {__version__}; {versions}. Seed {self.options.seed}, "
            f"{self.options.times} resamples."
        )

    def record(self) -> dict[str, object]:
        """Return everything found, as plain values."""
        cells = [asdict(cell) | {"result": cell.result, "verdict": cell.verdict} for cell in self.cells]
        names = ("rows", "intervals", "dates", "rolling", "left_out")
        return {"heading": self._heading(), "cells": cells} | {name: getattr(self, name) for name in names}


def adjusted(cells: Sequence[Cell]) -> list[Cell]:
    """Return the cells with p-values that allow for their number."""
    found = holm(np.array([cell.p for cell in cells]))
    return [replace(cell, p_holm=float(p)) for cell, p in zip(cells, found, strict=True)]


def rolling_cutoffs(history: History) -> list[date]:
    """Return evenly spaced cutoffs from the first usable history to the last observed window."""
    first = history.orders()["ordered_at"].min().date() + timedelta(days=LEAST_HISTORY_DAYS)
    last = history.end - timedelta(days=ROLLING_DAYS)
    step = (last - first) / (ROLLING_CUTOFFS - 1)
    return [first + step * i for i in range(ROLLING_CUTOFFS)]


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", action="append", help="only this case; may be repeated", choices=_case_names())
    parser.add_argument("--only", action="append", metavar="ROW", help="fit only this row; others from the cache")
    parser.add_argument("--rungs", default="", help="foretell's rungs, comma separated; its own choice if not given")
    parser.add_argument("--rolling", action="store_true", help="also the level over rolling cutoffs")
    parser.add_argument("--times", type=int, default=1000, help="resamples of the customers")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--date", default="", help="day of the run, for the page")
    parser.add_argument("--json", type=Path, help="file for all numbers")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    return parser.parse_args()


def _case_names() -> list[str]:
    return [case.name for case in (*CASES, DATE_CASE)]


def main() -> int:
    """Run the benchmark and print its tables."""
    options = arguments()
    found = Benchmark(options)
    for case in CASES:
        if not options.case or case.name in options.case:
            print(f"… {case.name}", file=sys.stderr, flush=True)
            found.judge_case(case)
    if not options.case or DATE_CASE.name in options.case:
        print(f"… {DATE_CASE.name}", file=sys.stderr, flush=True)
        found.judge_dates()
    if options.rolling:
        found.judge_rolling()
    found.settle()
    page = found.page()
    print(page)
    if options.json:
        options.json.write_text(json.dumps(found.record(), indent=1), encoding="utf-8")
    if not options.write:
        return 0
    if options.case or found.absent:
        print("The page is left as it is: it holds all cases, and this run does not.", file=sys.stderr)
        return 1
    tables.put_between_markers(PAGE, page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
