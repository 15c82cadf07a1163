"""foretell beside the best peer on young, small and odd shops, at three ages each; 90 days ahead.

Shops are those of `young_shops`, or with ``--second`` those made afterwards. Peers are the recent rate, lifetimes'
models with gamma-gamma, and the two-stage LightGBM; the best is chosen anew for each case and metric, which no shop
could do beforehand. A log loss is compared as the log of its ratio, .01 nats added to both.

Run: ``python tests/bench/bench_young.py [--second] [--rungs boosted,purchase] [shop ...]``; prints Markdown.
"""

import argparse
import sys
import warnings
from collections import defaultdict
from datetime import date

import numpy as np
import polars as pl
from accuracy_boosted_peer import TwoStage
from accuracy_cases import Case, History
from accuracy_foretell import Foretell
from accuracy_metrics import HIGHER_IS_BETTER, Outcome, judge
from accuracy_peers import PURCHASE_PEERS
from measure import machine
from young_shops import AHEAD_DAYS, FIRST, shops
from young_shops_second import SECOND

from foretell.errors import FitError
from foretell.evaluation.backtest import Recipe
from foretell.evaluation.predictions import check_predictions
from foretell.models.optimise import one_algebra_thread

ALMOST = 0.01
"""Added to losses and calibration errors before their ratio is taken: where nearly all is certain nothing differs."""

Row = dict[str, float]
COMPARED = ("log_loss", "ece", "auc", "gini", "spearman", "rmse")


def judged(history: History, rows: pl.DataFrame, cutoff: date, recipes: tuple[Recipe, ...]) -> list[Row]:
    """Return the metrics of every recipe, empty where it cannot answer."""
    case = Case(history.name, history, cutoff, AHEAD_DAYS)
    past, frame = case.past(rows), case.outcome(rows)
    outcome, found = Outcome.of(frame, AHEAD_DAYS), []
    for recipe in recipes:
        try:
            told = recipe.fit_predict(past, case.as_of, case.horizons, 0)
        except FitError:
            found.append({})
            continue
        found.append(judge(outcome, check_predictions(told, frame["customer_id"], rung=recipe.name)))
    return found


def lead(name: str, mine: Row, peers: list[Row]) -> float:
    """Return how much better than the best peer: per cent of its error, or hundredths of an area or correlation."""
    theirs = [row[name] for row in peers if np.isfinite(row.get(name, np.nan))]
    if not theirs:
        return np.nan
    if HIGHER_IS_BETTER[name]:
        return 100 * (mine[name] - max(theirs))
    added = 0.0 if name == "rmse" else ALMOST
    return 100 * float(np.log((min(theirs) + added) / (mine[name] + added)))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shop", nargs="*", help="only these shops")
    parser.add_argument("--second", action="store_true", help="the shops made afterwards")
    parser.add_argument("--rungs", help="rungs of foretell, comma-separated; all unless given")
    options = parser.parse_args()
    rungs = tuple(options.rungs.split(",")) if options.rungs else ()
    recipes = (Foretell(rungs), *PURCHASE_PEERS, TwoStage())
    chosen = SECOND if options.second else FIRST
    leads, totals = defaultdict(list), defaultdict(list)
    asked = tuple(shop for shop in chosen if not options.shop or shop[0].__name__ in options.shop)
    for history, rows, cutoffs in shops(asked):
        print(f"… {history.name}", file=sys.stderr, flush=True)
        for age, cutoff in enumerate(cutoffs):
            mine, *peers = judged(history, rows, cutoff, recipes)
            figures = [lead(name, mine, peers) for name in COMPARED]
            off = [abs(np.log1p(mine[f"bias_{what}"])) for what in ("orders", "spend")]
            for key in (history.name, f"all, age {age + 1}", "all"):
                leads[key].append(figures)
                totals[key].append(off)
    print(machine("numpy", "polars", "lightgbm"))
    print(f"\n| shop | cases | {' | '.join(COMPARED)} | total of orders off | of spend |")
    print(f"| --- | {' | '.join(['---:'] * (len(COMPARED) + 3))} |")
    for key, found in leads.items():
        cells = [f"{value:+.1f}" for value in np.nanmean(np.array(found), axis=0)]
        cells += [f"{100 * value:.0f} %" for value in np.mean(totals[key], axis=0)]
        print(f"| {key} | {len(found)} | {' | '.join(cells)} |")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with one_algebra_thread():
        main()
