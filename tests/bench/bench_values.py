"""How far the spend model should believe one customer's orders: by the shape of means, or by the orders themselves.

At cutoffs 60 days apart the purchase model is fitted once and the gamma-gamma in both ways (`credibility`), on order
values drawn in as the boosted rung does, and judged on the 90 days after: normalised Gini and RMSE of spend, and among
those who bought the gamma deviance of what their orders were worth, at its best common factor. Shops: the real
histories, parts of them, departments of Complete Journey, shops by other mechanisms, and shops where 97 of 100 buy once
and values are chance, or differ between customers.

Run: ``python tests/bench/bench_values.py``; prints Markdown. FORETELL_DATA names the folder of the histories.
"""

import os
import warnings
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path

import mechanism_shops
import numpy as np
import polars as pl
from accuracy_cases import COMPLETE_JOURNEY, DATA_FOLDER, GROCERY, SHOP_ZONE, Case, History
from bench_rungs import shops
from measure import machine

from foretell.errors import FitError
from foretell.evaluation.panels import AmountPanel
from foretell.features.summary import purchase_summary
from foretell.models.cnbd import MBGCNBD
from foretell.models.gamma_gamma import GammaGamma
from foretell.models.optimise import one_algebra_thread

DAYS, STEP_DAYS, LEAST_HISTORY_DAYS, MOST_CUTOFFS, LEAST_BUYERS = 90, 60, 60, 6, 5
ONE_TIMERS, STAYS, SEEDS = 6_000, 700, (1, 2, 3)
LAWS = {
    "most buy once, chance": [(0.0, "lognormal", sd) for sd in (0.6, 0.9, 1.2)] + [(0.0, "gamma", 0.8)],
    "most buy once, customers differ": [(sd, "lognormal", within) for sd in (0.3, 0.6) for within in (0.5, 0.9)],
}
"""Standard deviation of the logs of the customers' levels; law of one customer's values, and its spread."""


def once(law: tuple[float, str, float], seed: int) -> pl.DataFrame:
    """Return the orders of a shop where 97 of 100 customers buy once."""
    between, name, within = law
    rng = np.random.default_rng(seed)
    gaps = rng.exponential(80, (ONE_TIMERS, 6))
    stops = rng.random(gaps.shape) < np.where(np.arange(6) == 0, 0.97, 0.4)
    who, day = mechanism_shops.renewed(gaps, stops, rng.integers(0, STAYS, ONE_TIMERS), STAYS)
    of_order = rng.lognormal(0, within, who.size) if name == "lognormal" else (
        rng.gamma(within**-2, within**2, who.size)
    )  # fmt: skip
    amount = 60 * np.exp(between * rng.standard_normal(ONE_TIMERS))[who] * of_order
    midnight = pl.Series(day).cast(pl.Int32) + (mechanism_shops.START - date(1970, 1, 1)).days
    ordered_at = midnight.cast(pl.Date).cast(pl.Datetime("us")) + timedelta(hours=10)
    values = np.maximum(amount.round(2), 0.01)
    return pl.DataFrame({"customer_id": pl.Series(who).cast(pl.String), "ordered_at": ordered_at, "amount": values})


def departments() -> Iterator[pl.DataFrame]:
    """Yield the orders of every department of Complete Journey with more than 400 households."""
    file = Path(os.environ.get(DATA_FOLDER, "")) / "complete_journey_lines.parquet"
    if not file.is_file():
        return
    utc = pl.col("transaction_timestamp").dt.replace_time_zone("UTC")
    lines = pl.read_parquet(file).select(
        "department",
        pl.col("household_id").cast(pl.String).alias("customer_id"),
        utc.dt.convert_time_zone(SHOP_ZONE).dt.replace_time_zone(None).alias("ordered_at"),
        amount="sales_value",
    )
    for part in lines.sort("department").drop_nulls("department").partition_by("department", maintain_order=True):
        if part["customer_id"].n_unique() > 400:
            yield part.group_by("customer_id", "ordered_at").agg(pl.col("amount").sum()).filter(pl.col("amount") > 0)


def all_shops() -> Iterator[tuple[str, History, pl.DataFrame]]:
    """Yield the name of the kind, the history and its rows."""
    for name, laws in LAWS.items():
        for law in laws:
            for seed in SEEDS:
                rows = once(law, seed)
                end = mechanism_shops.START + timedelta(days=STAYS)
                yield name, History(f"{law} {seed}", None, lambda _path, rows=rows: rows, end), rows
    for name, history, rows in shops(["whole", "parts"]):
        if history is not GROCERY:
            yield name, history, rows
    for number, rows in enumerate(departments()):
        history = History(f"department {number}", None, lambda _path, rows=rows: rows, COMPLETE_JOURNEY.end)
        yield "Complete Journey, departments", history, rows
    for history, rows in mechanism_shops.shops():
        yield "other mechanisms", history, rows


def judged(rows: pl.DataFrame, cutoff: date) -> tuple[float, list[list[float]]] | None:
    """Return the share of one-time buyers, and of both ways what one order is believed, Gini, log RMSE and deviance."""
    as_of = datetime.combine(cutoff, time.min)
    case = Case("", GROCERY, cutoff, DAYS)
    summary = purchase_summary(case.past(rows), as_of)
    outcome = summary.select("customer_id").join(
        case.outcome(rows), on="customer_id", how="left", maintain_order="left"
    )
    spend, orders = (outcome[name].cast(pl.Float64).to_numpy() for name in ("spend", "orders"))
    bought = spend > 0
    if bought.sum() < LEAST_BUYERS:
        return None
    expected = MBGCNBD().fit(summary).expected_orders(summary, DAYS)["expected_orders"].to_numpy()
    found = []
    for credibility in ("means", "orders"):
        model = GammaGamma(cap_quantile=0.99, credibility=credibility).fit(summary)
        value = model.expected_order_value(summary)["expected_order_value"].to_numpy()
        panel = AmountPanel(spend, [expected * value], money=True)
        figures = dict(zip(panel.names, panel(np.ones((1, spend.size)))[0, 0].tolist(), strict=True))
        ratio = spend[bought] / orders[bought] / value[bought]
        ratio /= np.average(ratio, weights=orders[bought])
        deviance = np.average(ratio - 1 - np.log(ratio), weights=orders[bought])
        rmse = np.sqrt(np.mean((spend - expected * value) ** 2))
        prior = model.prior_orders_ or (model.params_.q - 1) / model.params_.p
        found.append([1 / (1 + prior), figures["gini"], np.log(rmse), np.log(deviance)])
    return float((summary["orders"] == 1).mean()), found


def main() -> None:
    """Print the table."""
    seen: dict[str, dict[str, list]] = defaultdict(lambda: defaultdict(list))
    for number, (name, history, rows) in enumerate(all_shops()):
        cutoff = history.end - timedelta(days=DAYS)
        for _ in range(MOST_CUTOFFS):
            if (cutoff - rows["ordered_at"].min().date()).days < LEAST_HISTORY_DAYS:
                break
            try:
                one = judged(rows, cutoff)
            except FitError:
                one = None
            if one is not None:
                seen[name][f"{number}"].append(one)
            cutoff -= timedelta(days=STEP_DAYS)
    print(machine("numpy", "polars", "scipy"))
    print("\n| shops | cutoffs | buy once | one order is believed | Gini before | Gini | RMSE | value of orders |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, by_shop in seen.items():
        every = [one for cutoffs in by_shop.values() for one in cutoffs]
        figures = np.array([pair for _, pair in every])
        means = [np.array([pair for _, pair in cutoffs]) for cutoffs in by_shop.values()]
        # Cutoffs of one shop have customers in common: where there are several shops they are what is counted.
        change = [one[:, 1] - one[:, 0] for one in means]
        change = np.array([one.mean(axis=0) for one in change]) if len(change) > 1 else change[0]
        mean, error = change.mean(axis=0), change.std(axis=0, ddof=1) / len(change) ** 0.5
        before, after = figures[:, :, 0].mean(axis=0)
        print(
            f"| {name}, {len(by_shop)} | {len(every)} | {np.mean([share for share, _ in every]):.0%} | "
            f"{before:.2f} → {after:.2f} | {figures[:, 0, 1].mean():.3f} | {mean[1]:+.4f} ± {error[1]:.4f} | "
            f"{100 * mean[2]:+.2f} ± {100 * error[2]:.2f} % | {100 * mean[3]:+.1f} ± {100 * error[3]:.1f} % |"
        )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with one_algebra_thread():
        main()
