"""First orders of prospects on simulated shops, against what then happened; and what they cost.

The simulator knows who orders next; no public history at hand has visitors, members and orders of one shop. Each shop
is trained at one day and judged on the `DAYS` after it, which training did not see, and on the first year of those who
ordered. `HARD` takes away what makes simulated prospects easy: nobody says when they signed up, so that only events
tell.

Run: ``python tests/bench/bench_prospects.py``; prints Markdown for docs/benchmarks.md.
"""

import time
import warnings
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from measure import machine, peak_gigabytes

from foretell.engines.trained_model import TrainedModel
from foretell.features.fit_statistics import fit_statistics
from foretell.features.prospects import known_prospects
from foretell.labels.outcomes import outcomes
from foretell.tables.dataset import CustomerData
from foretell.tables.simulate import simulate
from foretell.training.first_year_spend import YEAR_DAYS, newcomers
from foretell.training.prospect_evaluation import prospect_record
from foretell.training.prospect_recipe import ProspectSettings, train_prospects
from foretell.training.prospect_rows import ProspectRows
from foretell.training.purchase_recipe import PurchaseRecipe
from foretell.windows import Horizons

AS_OF, DAYS = datetime(2025, 1, 1), 90
SEEDS = (1, 2, 3)
CUSTOMERS, MANY = 6_000, 100_000
METRICS = ("auc", "average_precision", "log_loss", "ece", "top_5_percent_lift")


def shop(customers: int, seed: int, *, hard: bool = False) -> CustomerData:
    """Simulate a shop that is observed long enough to see the first year of who orders after `AS_OF`."""
    end = AS_OF + timedelta(days=DAYS + YEAR_DAYS + 1)
    data, _ = simulate(customers=customers, seed=seed, start="2023-01-01", end=end, tables=("events", "customers"))
    if not hard:
        return data
    return replace(data, optional=replace(data.optional, customers=None))


def fitted(data: CustomerData, *, with_trees: bool = True) -> TrainedModel:
    """Train as `train` does, on a purchase model: that of customers is not in question here."""
    past = data.before(AS_OF)
    bundle = PurchaseRecipe().fit(past, AS_OF, Horizons(churn_days=DAYS))
    prospects, facts = train_prospects(past, bundle.purchase_model, ProspectSettings(DAYS, with_trees=with_trees))
    return TrainedModel(replace(bundle, prospects=prospects, card=facts, statistics=fit_statistics(past, AS_OF)))


def truth(data: CustomerData, told: pl.DataFrame) -> np.ndarray:
    """Return 1 for people who ordered in the window and did not give all of it back, by the shop's later rows."""
    ordered = outcomes(data, AS_OF, DAYS).filter(pl.col("days_to_next_order").is_not_null())
    bought = ordered.select("customer_id").collect()["customer_id"]
    return told["customer_id"].is_in(bought.implode()).to_numpy().astype(np.float64)


def judge(data: CustomerData, model: TrainedModel, seed: int) -> tuple[pl.DataFrame, dict[str, float]]:
    """Return the record of the coming window, and expected over actual first orders and first-year value."""
    told = model.score_prospects(data, AS_OF, explained_customers=0)
    people = known_prospects(data, AS_OF, model.bundle.statistics)
    actual, chance = truth(data, told), told[f"p_first_order_{DAYS}d"].to_numpy()
    share = model.bundle.card["prospects"]
    rate = share["people_with_a_first_order"] / share["rows"]
    record = prospect_record(people, actual, chance, rate, cutoff=AS_OF, seed=seed)
    rows = ProspectRows(people.insert_column(0, pl.lit(AS_OF).cast(pl.Datetime("us")).alias("cutoff")), actual)
    spent = newcomers(data, rows, model.bundle.purchase_model)
    assert spent is not None
    totals = {
        "people": float(actual.size),
        "ordered": float(actual.sum()),
        "expected": float(chance.sum()),
        "value": float(told["expected_first_year_value"].sum()),
        "spent": float(spent["spend"].sum()),
    }
    return record, totals


def lines() -> Iterator[str]:
    for title, hard in (("all that is simulated", False), ("events alone", True)):
        records, totals = [], []
        for seed in SEEDS:
            data = shop(CUSTOMERS, seed, hard=hard)
            model = fitted(data)
            record, found = judge(data, model, seed)
            records.append(record.with_columns(pl.lit(seed).alias("seed")))
            totals.append(found | {"chosen": model.bundle.prospects.blend.chosen})
        yield f"\n**{title}**, {len(SEEDS)} shops of {CUSTOMERS:,} customers; mean (lowest to highest of the shops)\n"
        yield "| row | AUC | avg. precision | log loss | ECE | lift at 5 % |"
        yield "| --- | ---: | ---: | ---: | ---: | ---: |"
        frame = pl.concat(records)
        for name in ("prospects", "base_rate", "cart_then_visit"):
            cells = []
            for metric in METRICS:
                values = frame.filter((pl.col("model") == name) & (pl.col("metric") == metric))["value"]
                digits = 1 if "lift" in metric else 3
                cells.append(
                    f"{values.mean():.{digits}f} ({values.min():.{digits}f} to {values.max():.{digits}f})"
                    if len(values)
                    else "–"
                )
            yield f"| {name} | " + " | ".join(cells) + " |"
        sums = {key: sum(found[key] for found in totals) for key in totals[0] if key != "chosen"}
        each = [found["expected"] / found["ordered"] for found in totals]
        yield (
            f"\nchosen: {', '.join(found['chosen'] for found in totals)}; {sums['people']:,.0f} people, "
            f"{sums['ordered']:,.0f} first orders, expected over actual {sums['expected'] / sums['ordered']:.3f} "
            f"({min(each):.2f} to {max(each):.2f}); first-year value over spend {sums['value'] / sums['spent']:.3f}"
        )


def cost() -> str:
    """Processor seconds of training and scoring where many people never ordered."""
    data = shop(MANY, 1)
    past = data.before(AS_OF)
    purchase_model = PurchaseRecipe().fit(past, AS_OF, Horizons(churn_days=DAYS)).purchase_model
    begin = time.process_time()
    train_prospects(past, purchase_model, ProspectSettings(DAYS))
    trained = time.process_time() - begin
    model = fitted(data, with_trees=False)
    begin = time.process_time()
    told = model.score_prospects(data, AS_OF, explained_customers=0)
    scored = time.process_time() - begin
    return (
        f"\n{MANY:,} customers, {told.height:,} prospects: training takes {trained:.0f} processor seconds, scoring "
        f"{scored:.1f}; peak {peak_gigabytes():.1f} GB"
    )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for line in lines():
        print(line, flush=True)
    print(cost())
    print("\n" + machine("polars", "lightgbm"))
