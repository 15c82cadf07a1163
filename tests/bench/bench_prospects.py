"""First orders of prospects on simulated shops, against what then happened; and what they cost.

The simulator knows who orders next; no public history at hand has visitors, members and orders of one shop. Each shop
is trained at four days of a year and judged on the `DAYS` after each, which training did not see, and on the first
year of those who ordered after the first of them. `hard` takes away what makes simulated prospects easy: nobody says
when they signed up, so that only events tell. Every row is told with and without the level of first orders (season and
drift of the shop).

Run: ``python tests/bench/bench_prospects.py [--shops N] [--first SEED] [--kept FILE] [--no-cost]``;
prints Markdown for docs/benchmarks.md. Shops that the file holds already are not done again.
"""

import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl
from measure import machine, peak_gigabytes

from foretell.engines.trained_model import TrainedModel
from foretell.features.fit_statistics import fit_statistics
from foretell.features.prospects import known_prospects
from foretell.labels.outcomes import outcomes
from foretell.models.cnbd import MBGCNBD
from foretell.models.first_order_level import FirstOrderLevel
from foretell.models.level import Level
from foretell.tables.dataset import CustomerData
from foretell.tables.simulate import simulate
from foretell.training.families import fitted_quietly
from foretell.training.first_year_spend import YEAR_DAYS, newcomers
from foretell.training.level import fit_level
from foretell.training.prospect_evaluation import prospect_record
from foretell.training.prospect_recipe import ProspectSettings, train_prospects
from foretell.training.prospect_rows import ProspectRows
from foretell.training.purchase_recipe import PurchaseRecipe
from foretell.training.shop import ShopInMemory
from foretell.windows import Horizons

DATES, DAYS = tuple(datetime(2025, month, 1) for month in (1, 4, 7, 10)), 90
END = DATES[0] + timedelta(days=DAYS + YEAR_DAYS + 1)
CUSTOMERS, MANY, SHOPS, FIRST_SEED = 6_000, 100_000, 4, 1
METRICS = ("auc", "average_precision", "log_loss", "ece", "top_5_percent_lift")


def shop(customers: int, seed: int, *, season: float = 0.3) -> CustomerData:
    """Simulate a shop that is observed long enough to see the first year of who orders after the first date."""
    return simulate(
        customers=customers,
        seed=seed,
        start="2023-01-01",
        end=END,
        tables=("events", "customers"),
        season_strength=season,
    )[0]


def events_alone(data: CustomerData) -> CustomerData:
    """Take the customers table away."""
    return replace(data, optional=replace(data.optional, customers=None))


def fitted(data: CustomerData, as_of: datetime, *, with_trees: bool = True) -> TrainedModel:
    """Train as `train` does, on a purchase model: that of customers is not in question here."""
    past = data.before(as_of)
    bundle = PurchaseRecipe().fit(past, as_of, Horizons(churn_days=DAYS))

    def season_at(known: datetime) -> Level:
        def fit(summary: pl.DataFrame) -> tuple[MBGCNBD, None]:
            return fitted_quietly(MBGCNBD(), summary), None

        return fit_level(past.before(known), known, fit, horizons_days=[30, DAYS, YEAR_DAYS])

    settings = ProspectSettings(DAYS, with_trees=with_trees)
    prospects, facts = train_prospects(ShopInMemory(past, as_of), bundle.purchase_model, settings, season_at)
    return TrainedModel(replace(bundle, prospects=prospects, card=facts, statistics=fit_statistics(past, as_of)))


def truth(data: CustomerData, told: pl.DataFrame, as_of: datetime) -> np.ndarray:
    """Return 1 for people who ordered in the window and did not give all of it back, by the shop's later rows."""
    ordered = outcomes(data, as_of, DAYS).filter(pl.col("days_to_next_order").is_not_null())
    bought = ordered.select("customer_id").collect()["customer_id"]
    return told["customer_id"].is_in(bought.implode()).to_numpy().astype(np.float64)


def judge(data: CustomerData, model: TrainedModel, as_of: datetime, seed: int) -> list[dict[str, object]]:
    """Return metrics and totals of the coming window: of the model, without its level, the base rate and the rule."""
    people = known_prospects(data, as_of, model.bundle.statistics)
    share = model.bundle.card["prospects"]
    rate = share["people_with_a_first_order"] / share["rows"]
    found = []
    prospects = model.bundle.prospects
    for name, level in (("foretell", prospects.level), ("without the level", FirstOrderLevel.none("not wanted"))):
        plain = TrainedModel(replace(model.bundle, prospects=replace(prospects, level=level)))
        told = plain.score_prospects(data, as_of, explained_customers=0)
        actual, chance = truth(data, told, as_of), told[f"p_first_order_{DAYS}d"].to_numpy()
        record = prospect_record(people, actual, chance, rate, cutoff=as_of, seed=seed)
        for row, of in (("prospects", name), ("base_rate", "base rate"), ("cart_then_visit", "rule")):
            if name == "foretell" or row == "prospects":
                own = dict(record.filter(pl.col("model") == row).select("metric", "value").iter_rows())
                found.append({"row": of, **{metric: own.get(metric) for metric in METRICS}})
        totals = {
            "people": float(actual.size),
            "ordered": float(actual.sum()),
            "expected": float(chance.sum()),
            "variance": float((chance * (1 - chance)).sum()),
            "spread": float((chance * (1 - chance)).sum()) * level.sd,
        }
        if as_of == DATES[0]:
            dated = people.insert_column(0, pl.lit(as_of).cast(pl.Datetime("us")).alias("cutoff"))
            spent = newcomers(data, ProspectRows(dated, actual, actual), model.bundle.purchase_model)
            totals |= {"value": float(told["expected_first_year_value"].sum()), "spent": float(spent["spend"].sum())}
            people = people.drop("cutoff")
        next(one for one in found if one["row"] == name).update(totals)
    return [one | {"chosen": prospects.blend.chosen} for one in found]


def trials(shops: int, first: int, kept: Path | None) -> pl.DataFrame:
    """Train and judge shop by shop; what `kept` holds is not done again."""
    known = pl.read_parquet(kept) if kept is not None and kept.is_file() else pl.DataFrame()
    for seed, season in product(range(first, first + shops), (0.3, 0.0)):
        if known.height and known.filter(seed=seed, season=season).height:
            continue
        whole, rows = shop(CUSTOMERS, seed, season=season), []
        for as_of in DATES:
            for tables, data in (("events, customers", whole), ("events alone", events_alone(whole))):
                head = {"season": season, "seed": seed, "as_of": as_of, "tables": tables}
                rows += [head | one for one in judge(data, fitted(data, as_of), as_of, seed)]
        known = pl.concat([known, pl.DataFrame(rows, infer_schema_length=None)], how="diagonal_relaxed")
        if kept is not None:
            known.write_parquet(kept)
    return known


def lines(shops: int, first: int, kept: Path | None) -> Iterator[str]:
    """Tell by tables."""
    frame = trials(shops, first, kept)
    yield from quality(frame.filter(pl.col("season") > 0))
    yield from totals_told(frame)


def quality(frame: pl.DataFrame) -> Iterator[str]:
    yield "\n| tables | row | AUC | avg. precision | log loss | ECE | lift at 5 % |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: |"
    for tables in ("events, customers", "events alone"):
        for row in ("foretell", "without the level", "base rate", "rule"):
            own = frame.filter((pl.col("tables") == tables) & (pl.col("row") == row))
            cells = []
            for metric in METRICS:
                values = own[metric].drop_nulls()
                digits = 1 if "lift" in metric else 4 if metric in ("log_loss", "ece") else 3
                if values.is_empty():
                    cells.append("–")
                    continue
                cells.append(f"{values.mean():.{digits}f} ({values.min():.{digits}f} to {values.max():.{digits}f})")
            yield f"| {tables} | {row} | " + " | ".join(cells) + " |"


def totals_told(frame: pl.DataFrame) -> Iterator[str]:
    """Tell expected over actual first orders, with one standard error of the actual number, by day of the cutoff."""
    yield "\n| season | tables | row | " + " | ".join(f"{day:%-d %b}" for day in DATES) + " | all | root mean square |"
    yield "| --- | --- | --- |" + " ---: |" * (len(DATES) + 2)
    told = frame.drop_nulls("ordered")
    for (season, tables, row), own in told.group_by("season", "tables", "row", maintain_order=True):
        cells = [ratio(own.filter(pl.col("as_of") == day)) for day in DATES] + [ratio(own)]
        misses = np.log(own["expected"].to_numpy() / own["ordered"].to_numpy())
        noise = np.sqrt(own["variance"].to_numpy()) / own["ordered"].to_numpy()
        square = f"{np.sqrt(np.mean(misses**2)):.3f} (chance alone {np.sqrt(np.mean(noise**2)):.3f})"
        yield f"| {season:.0%} | {tables} | {row} | " + " | ".join(cells) + f" | {square} |"
    own = told.filter(pl.col("row") == "foretell")
    half = 1.2816 * np.sqrt(own["variance"].to_numpy() + own["spread"].to_numpy() ** 2)
    inside = np.abs(own["expected"].to_numpy() - own["ordered"].to_numpy()) <= half
    yield f"\n80 % intervals of the total held the truth in {inside.sum()} of {inside.size} windows."
    for (tables, row), part in told.drop_nulls("spent").group_by("tables", "row", maintain_order=True):
        yield f"First-year value over spend, {tables}, {row}: {part['value'].sum() / part['spent'].sum():.3f}"
    chosen = own.group_by("chosen").len().sort("len", descending=True)
    yield "chosen: " + ", ".join(f"{name} {count}" for name, count in chosen.iter_rows())


def ratio(own: pl.DataFrame) -> str:
    expected, ordered = own["expected"].sum(), own["ordered"].sum()
    return f"{expected / ordered:.3f} ± {np.sqrt(own['variance'].sum()) / ordered:.3f}"


def cost() -> str:
    """Processor seconds of training and scoring where many people never ordered."""
    data = shop(MANY, 1)
    past = data.before(DATES[0])
    purchase_model = PurchaseRecipe().fit(past, DATES[0], Horizons(churn_days=DAYS)).purchase_model
    begin = time.process_time()
    train_prospects(ShopInMemory(past, DATES[0]), purchase_model, ProspectSettings(DAYS))
    trained = time.process_time() - begin
    model = fitted(data, DATES[0], with_trees=False)
    begin = time.process_time()
    told = model.score_prospects(data, DATES[0], explained_customers=0)
    scored = time.process_time() - begin
    return (
        f"\n{MANY:,} customers, {told.height:,} prospects: training takes {trained:.0f} processor seconds, scoring "
        f"{scored:.1f}; peak {peak_gigabytes():.1f} GB"
    )


def main() -> None:
    """Print all of it."""
    given = sys.argv[1:]
    shops = int(given[given.index("--shops") + 1]) if "--shops" in given else SHOPS
    first = int(given[given.index("--first") + 1]) if "--first" in given else FIRST_SEED
    kept = Path(given[given.index("--kept") + 1]) if "--kept" in given else None
    for line in lines(shops, first, kept):
        print(line, flush=True)
    if "--no-cost" not in given:
        print(cost())
    print("\n" + machine("polars", "lightgbm"))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
