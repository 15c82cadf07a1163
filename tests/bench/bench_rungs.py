"""Which rung errs least, and whether the boosted rung's intervals hold, at many cutoffs of many shops.

At every cutoff, 30 days apart, all rungs are fitted to what was seen and judged on the 90 days after it: each real
history, small parts of it (every so many-th customer by hash), and simulated shops. One case decides nothing about a
rule of choice or a law of spread; some 500 do.

Run: ``python tests/bench/bench_rungs.py [whole] [parts] [simulated]``; prints Markdown. FORETELL_DATA names the folder
of the histories; those whose file is absent are left out.
"""

import sys
import warnings
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np
import polars as pl
from accuracy_cases import HISTORIES, Case, History
from accuracy_coverage import activity_groups, covered_share
from measure import machine

from foretell.errors import FitError
from foretell.models.optimise import one_algebra_thread
from foretell.tables.buckets import bucket_of
from foretell.tables.dataset import MINOR_PER_UNIT
from foretell.tables.simulate import simulate
from foretell.training.naive import RecentRate
from foretell.training.recipes import RUNGS, scoring_recipes

DAYS, STEP_DAYS, LEAST_HISTORY_DAYS, PARTS, SEEDS = 90, 30, 100, 3, (1, 2)
PART_OF = {"CDNOW": 40, "Online Retail": 8, "Complete Journey": 5, "grocery": 3}
"""Parts of some 350 to 570 customers."""
REGULAR = {"regular_gap_shape": 30, "season_strength": 0.0}
ALIKE = {"one_time_share": 0.0, "rate_shape": 200.0, "leave_b": 200.0, "value_shape": 60.0, "value_tail": 60.0}
SIMULATED = {
    "150 customers": {"customers": 150},
    "400 customers": {"customers": 400},
    "1,000 customers": {"customers": 1000},
    "no season": {"customers": 400, "season_strength": 0.0},
    "very regular": {"customers": 500, "regular_share": 0.95, "one_time_share": 0.05, **REGULAR},
    "all alike": {"customers": 500, "regular_share": 0.0, "leave_a": 0.5, "season_strength": 0.0, **ALIKE},
    "alike and regular": {"customers": 500, "regular_share": 1.0, "leave_a": 0.2, **ALIKE, **REGULAR},
    "rare": {"customers": 1000, "one_time_share": 0.7, "orders_per_year": 3.0, "season_strength": 0.0},
    "frequent": {"customers": 400, "one_time_share": 0.1, "orders_per_year": 26.0, "season_strength": 0.0},
}
BLEND = "boosted and naive, halves"
ROWS = (*RUNGS, "naive_rate", BLEND)
Predicted = dict[str, np.ndarray]


def shops(kinds: list[str]) -> Iterator[tuple[str, History, pl.DataFrame]]:
    """Yield the name of the kind, the history and its rows."""
    for history in HISTORIES:
        if history.absent() is None and {"whole", "parts"} & set(kinds):
            rows = history.orders()
            if "whole" in kinds:
                yield history.name, history, rows
            ids = rows["customer_id"].unique().sort()
            part = pl.Series(bucket_of(ids, PART_OF[history.name], salt="x"))
            for number in range(PARTS if "parts" in kinds else 0):
                kept = ids.filter(part == number).implode()
                yield f"{history.name}, parts", history, rows.filter(pl.col("customer_id").is_in(kept))
    for name, arguments in SIMULATED.items() if "simulated" in kinds else ():
        for seed in SEEDS:
            data, _ = simulate(seed=seed, refund_share=0.0, **arguments)
            money = pl.col("amount_minor") / MINOR_PER_UNIT
            rows = data.orders.select("customer_id", "ordered_at", amount=money).collect()
            yield f"simulated, {name}", History(name, None, lambda _path, rows=rows: rows, date(2026, 1, 1)), rows


def predict(case: Case, rows: pl.DataFrame, outcome: pl.DataFrame) -> dict[str, Predicted]:
    """Return what each row says of each customer, in the order of the outcome."""
    past, told = case.past(rows), {}
    for recipe in (*scoring_recipes(None, threads=1), RecentRate()):
        frame = outcome.select("customer_id").join(
            recipe.fit_predict(past, case.as_of, case.horizons, 0), on="customer_id", how="left", maintain_order="left"
        )
        told[recipe.name] = {name: frame[name].to_numpy() for name in frame.columns if name != "customer_id"}
    both = told[RUNGS[0]], told["naive_rate"]
    told[BLEND] = {name: (both[0][name] + both[1][name]) / 2 for name in ("predicted_orders", "predicted_clv")}
    odds = np.prod([each["churn_risk"] / (1 - each["churn_risk"]) for each in both], axis=0) ** 0.5
    told[BLEND]["churn_risk"] = odds / (1 + odds)
    return told


def errors(told: Predicted, outcome: pl.DataFrame) -> list[float]:
    """Return root mean squared errors of orders and spend, log loss of churn, and logs of total over actual."""
    orders, spend = outcome["orders"].to_numpy(), outcome["spend"].to_numpy()
    risk = np.clip(told["churn_risk"], 1e-6, 1 - 1e-6)
    misses = [np.sqrt(np.mean((told[f"predicted_{name}"] - actual) ** 2)) for name, actual in
              (("orders", orders), ("clv", spend))]  # fmt: skip
    loss = -np.mean(np.where(orders == 0, np.log(risk), np.log1p(-risk)))
    totals = [abs(np.log(told[f"predicted_{name}"].sum() / max(actual.sum(), 1.0))) for name, actual in
              (("orders", orders), ("clv", spend))]  # fmt: skip
    return [*np.log(misses), np.log(loss + 0.01), *totals]


def covered(told: Predicted, outcome: pl.DataFrame) -> dict[str, tuple[float, float, float]]:
    """Return customers, plain and randomised coverage of 80 % intervals of each group, and of the top 2 %."""
    spend, low, high = outcome["spend"].to_numpy(), told["spend_low"], told["spend_high"]
    randomised = covered_share(spend, low, high, told["churn_risk"])
    groups = activity_groups(outcome["orders_before"].to_numpy().astype(float))
    top = told["predicted_orders"] >= np.quantile(told["predicted_orders"], 0.98)
    return {
        name: (
            float(mask.sum()),
            float(((low <= spend) & (spend <= high))[mask].mean()),
            float(randomised[mask].mean()),
        )
        for name, mask in {**groups, "most orders, 2 %": top}.items()
        if mask.any()
    }


def main(kinds: list[str]) -> None:
    """Print both tables."""
    judged, held = defaultdict(list), defaultdict(list)
    for name, history, rows in shops(kinds):
        cutoff = history.end - timedelta(days=DAYS)
        while (cutoff - rows["ordered_at"].min().date()).days >= LEAST_HISTORY_DAYS:
            case = Case(name, history, cutoff, DAYS)
            outcome = case.outcome(rows)
            cutoff -= timedelta(days=STEP_DAYS)
            try:
                told = predict(case, rows, outcome)
            except FitError:
                continue
            judged[name].append([errors(told[row], outcome) for row in ROWS])
            for group, figures in covered(told[RUNGS[0]], outcome).items():
                held[name, group].append(figures)
    print(machine("numpy", "polars", "lightgbm"))
    print("\n| shop | cutoffs | row | orders | spend | churn | total of orders off | of spend |")
    print("| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |")
    for name, found in judged.items():
        mean = np.array(found).mean(axis=0)
        for row, values in zip(ROWS, mean, strict=True):
            cells = [f"{100 * np.expm1(values[place] - mean[0][place]):+.1f} %" for place in range(3)]
            cells += [f"{100 * value:.1f} %" for value in values[3:]]
            print(f"| {name} | {len(found)} | {row} | " + " | ".join(cells) + " |")
    print("\n| shop | buyers | cutoffs | customers | plain | randomised | mean distance of a cutoff from 80 % |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for (name, group), rows in held.items():
        figures = np.array(rows)
        plain, pit = (np.average(figures[:, place], weights=figures[:, 0]) for place in (1, 2))
        cells = f"{figures[:, 0].mean():,.0f} | {plain:.1%} | {pit:.1%} | {np.abs(figures[:, 2] - 0.8).mean():.1%}"
        print(f"| {name} | {group} | {len(rows)} | {cells} |".replace("%", " %").replace("2  %", "2 %"))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with one_algebra_thread():
        main(sys.argv[1:] or ["whole", "parts", "simulated"])
