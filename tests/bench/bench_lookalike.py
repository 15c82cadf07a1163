"""Lookalikes on real customers: against single methods, circular seeds, and a pool of a million.

Churners of the Telco sample, and Complete Journey's households that will be the top 5 % by spend in the next 90 days,
are seeds in part; the rest is hidden among everybody else and has to come first. Every method ranks the same
customers by the same columns: those that foretell learns from.

- centroid cosine: cosine with the seeds' mean, numbers and levels standardised.
- logistic: L2, the best of C = .001, .01, .1 and 1 by 5-fold cross-validated AUC of seeds against the rest,
  classes balanced.
- LightGBM: seeds against the rest, 31 leaves, 100 trees.
- PU bagging: 40 LightGBM models of 40 trees with 8 leaves, each against as many others as seeds.

Run: ``FORETELL_DATA=<folder> python tests/bench/bench_lookalike.py [telco] [journey] [circular] [speed] [--draws N]
[--kept FOLDER]``; prints Markdown. Draws that the folder holds already are not done again.
"""

import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl
from accuracy_cases import COMPLETE_JOURNEY
from measure import machine, peak_gigabytes
from scipy.stats import rankdata

import foretell as ft
from foretell.evaluation.probabilities import auc
from foretell.features.compute import compute
from foretell.models.encoding import Encoding

PARTS = ("telco", "journey", "circular", "speed")
METHODS = ("foretell", "centroid cosine", "logistic", "LightGBM", "PU bagging")
# Other draws than those that the methods' settings were chosen on.
FIRST_DRAW = 1_000
TOP = 0.05
TRIAL = {"seeds": pl.Int64, "draw": pl.Int64, "method": pl.String, "AUC": pl.Float64, "lift": pl.Float64}
SECONDS_TARGET, GIGABYTES_TARGET = 90, 3


def lift(hidden: np.ndarray, score: np.ndarray, share: float = TOP) -> float:
    """Share of the hidden among the top, over their share among all."""
    top = np.argsort(-score, kind="stable")[: round(share * score.size)]
    return float(hidden[top].mean() / hidden.mean())


def standardised(matrix: np.ndarray, levels: list[int]) -> np.ndarray:
    """Numbers and levels with mean 0 and spread 1; a missing number is its mean."""
    blocks = []
    for column, count in zip(matrix.T, levels, strict=True):
        blocks.append(
            column[:, None] == np.arange(count) if count else np.nan_to_num(column, nan=np.nanmean(column))[:, None]
        )
    design = np.hstack(blocks).astype(float)
    spread = design.std(0)
    return np.clip((design - design.mean(0)) / np.where(spread > 0, spread, 1), -4, 4)


def cosine(design: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Cosine with the centroid of the seeds."""
    centre = design[seeds].mean(0)
    return design @ centre / np.linalg.norm(design, axis=1).clip(1e-12)


def logistic(design: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Regularised logistic regression, its strength chosen by cross-validation."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV

    grid = {"C": [0.001, 0.01, 0.1, 1]}
    plain = LogisticRegression(class_weight="balanced", max_iter=2_000)
    search = GridSearchCV(plain, grid, scoring="roc_auc", cv=5).fit(design, seeds.astype(int))
    return search.decision_function(design)


def trees(matrix: np.ndarray, seeds: np.ndarray, categorical: list[int], rounds: int, **settings: object) -> np.ndarray:
    """LightGBM, seeds against others; scores of all rows of the second matrix."""
    import lightgbm

    rows = settings.pop("rows", np.arange(len(matrix)))
    given = {"objective": "binary", "verbosity": -1, "num_threads": 1, "deterministic": True, **settings}
    data = lightgbm.Dataset(matrix[rows], seeds[rows].astype(int), categorical_feature=categorical, params=given)
    return lightgbm.train(given, data, rounds).predict(matrix, raw_score=True)


def bagging(matrix: np.ndarray, seeds: np.ndarray, categorical: list[int]) -> np.ndarray:
    """Mordelet and Vert's bagging with LightGBM."""
    rng = np.random.default_rng(0)
    own, others = np.flatnonzero(seeds), np.flatnonzero(~seeds)
    settings = {"num_leaves": 8, "learning_rate": 0.1, "min_data_in_leaf": 5, "lambda_l2": 1, "feature_fraction": 0.7}
    total = np.zeros(len(matrix))
    for bag in range(40):
        rows = np.concatenate([own, rng.choice(others, min(own.size, others.size), replace=False)])
        total += trees(matrix, seeds, categorical, 40, rows=rows, seed=bag, **settings)
    return total


def scores_of_all(frame: pl.DataFrame, key: str, seeds: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Rank every customer that is no seed by every method, from the columns that foretell learns from."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=ft.ForetellWarning)
        model = ft.Lookalike(seed=0).fit(frame, frame.get_column(key).filter(pl.Series(seeds)), key=key)
    yield "foretell", model.score(frame, explained=0).get_column("lookalike_score").to_numpy()
    encoding = Encoding.learn(frame, model.features_)
    matrix, levels = encoding.to_matrix(frame), [len(encoding.levels.get(name, ())) for name in model.features_]
    design, categorical = standardised(matrix, levels), [place for place, count in enumerate(levels) if count]
    peers: dict[str, Callable[[], np.ndarray]] = {
        "centroid cosine": lambda: cosine(design, seeds),
        "logistic": lambda: logistic(design, seeds),
        "LightGBM": lambda: trees(matrix, seeds, categorical, 100, num_leaves=31, learning_rate=0.05, seed=0),
        "PU bagging": lambda: bagging(matrix, seeds, categorical),
    }
    for name, score in peers.items():
        yield name, score()[~seeds]


def trial(
    frame: pl.DataFrame, positive: np.ndarray, key: str, sizes: tuple[int, ...], draws: int, kept: Path | None
) -> pl.DataFrame:
    """Draw seeds, rank the rest, and judge by the positives that were hidden; what `kept` holds is not done again."""
    known = pl.read_csv(kept) if kept is not None and kept.is_file() else pl.DataFrame(schema=TRIAL)
    for draw, size in product(range(draws), sizes):
        if known.filter(draw=draw, seeds=size).height:
            continue
        seeds = np.zeros(positive.size, dtype=bool)
        rng = np.random.default_rng([FIRST_DRAW + draw, size])
        seeds[rng.choice(np.flatnonzero(positive), size, replace=False)] = True
        hidden = positive[~seeds].astype(float)
        rows = []
        for name, score in scores_of_all(frame, key, seeds):
            place = (rankdata(score) - 0.5) / score.size
            rows.append((size, draw, name, auc(hidden, place), lift(hidden, score)))
        known = known.vstack(pl.DataFrame(rows, schema=TRIAL, orient="row"))
        if kept is not None:
            known.write_csv(kept)
    return known.filter(pl.col("draw") < draws)


def interval(differences: np.ndarray) -> str:
    """Mean with the 95 % interval of a paired bootstrap over draws."""
    drawn = np.random.default_rng(0).integers(0, differences.size, (10_000, differences.size))
    low, high = np.quantile(differences[drawn].mean(1), [0.025, 0.975])
    return f"{differences.mean():+.4f} ({low:+.4f} to {high:+.4f})"


def show(results: pl.DataFrame, title: str) -> None:
    """Print means by number of seeds, and paired differences to the best peer and to each one over all sizes."""
    print(f"\n### {title}\n")
    for metric in ("AUC", "lift"):
        heading = metric if metric == "AUC" else f"lift at {100 * TOP:.0f} %"
        print(f"| {heading}: seeds | {' | '.join(METHODS)} | foretell less the best peer |")
        print(f"| ---: | {' | '.join('---:' for _ in METHODS)} | ---: |")
        for size in results["seeds"].unique().sort():
            wide = results.filter(seeds=size).pivot("method", index="draw", values=metric)
            means = {name: float(wide[name].mean()) for name in METHODS}
            best = max(METHODS[1:], key=means.__getitem__)
            gap = interval((wide["foretell"] - wide[best]).to_numpy())
            print(f"| {size} | {' | '.join(f'{means[name]:.4f}' for name in METHODS)} | {gap}, {best} |")
        wide = results.pivot("method", index=["seeds", "draw"], values=metric)
        gaps = [interval((wide["foretell"] - wide[name]).to_numpy()) for name in METHODS[1:]]
        print(f"| all sizes: foretell less each | | {' | '.join(gaps)} | |\n")


def telco(folder: Path) -> tuple[pl.DataFrame, np.ndarray]:
    """Columns of the subscribers, and who left."""
    frame = pl.read_parquet(folder / "telco_churn.parquet")
    return frame.drop("Churn"), (frame["Churn"] == "Yes").to_numpy()


def journey(cutoff: date) -> tuple[pl.DataFrame, np.ndarray]:
    """Features of the households before a day, and who is in the top 5 % by spend of the 90 days from it on."""
    orders = COMPLETE_JOURNEY.orders()
    data = ft.read_orders(orders, customer_id="customer_id", ordered_at="ordered_at", amount="amount")
    frame = compute(data, cutoff).collect()
    window = pl.col("ordered_at").dt.date().is_between(cutoff, cutoff + timedelta(days=89))
    spend = orders.filter(window).group_by("customer_id").agg(pl.col("amount").sum())
    later = frame.join(spend, on="customer_id", how="left", maintain_order="left")["amount"].fill_null(0).to_numpy()
    return frame, later >= np.quantile(later, 0.95)


def circular(folder: Path) -> None:
    """Print what the guard finds of a rule on three columns, without and with a disguised copy of one."""
    frame, _ = telco(folder)
    rule = (pl.col("tenure") <= 12) & (pl.col("MonthlyCharges") > 70) & (pl.col("PaymentMethod") == "Electronic check")
    noise = pl.Series(np.random.default_rng(0).normal(0, 0.1, frame.height))
    disguised = frame.with_columns(loyalty=(-3 * (pl.col("tenure") + 1).log() + noise).round(2))
    print("\n### Circular seeds: tenure <= 12, MonthlyCharges > 70, PaymentMethod is Electronic check\n")
    print("| frame | seeds | left out by the guard | AUC of held-out seeds |\n| --- | ---: | --- | ---: |")
    for title, rows, share in (
        ("as it is", frame, 1.0),
        ("with a disguised copy of tenure", disguised, 1.0),
        ("half of those who fulfil the rule", disguised, 0.5),
    ):
        seeds = rows.filter(rule)["customerID"].sample(fraction=share, seed=0)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=ft.ForetellWarning)
            model = ft.Lookalike(seed=0).fit(rows, seeds, key="customerID")
        found = [name for name, why in model.left_out_.items() if "sensitive" not in why]
        print(f"| {title} | {seeds.len()} | {', '.join(found)} | {model.evaluation_['value'][0]:.3f} |")


def speed(rows: int = 1_000_000, columns: int = 60, seeds: int = 5_000) -> None:
    """Print time and memory of fitting and scoring a large pool."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(rows, columns)).astype(np.float32)
    chosen = np.argsort(-(values[:, :8] @ rng.normal(size=8) + rng.normal(0, 2, rows)))[: 4 * seeds]
    pool = pl.DataFrame({f"x{number}": values[:, number] for number in range(columns)}).with_columns(
        customer_id=pl.int_range(rows).cast(pl.String)
    )
    ids = pool["customer_id"][rng.choice(chosen, seeds, replace=False)]
    del values
    wall, cpu = time.perf_counter(), time.process_time()
    model = ft.Lookalike(seed=0, threads=2).fit(pool, ids)
    fitted = time.perf_counter() - wall
    model.score(pool)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"\n### {rows:,} in the pool, {columns} features, {seeds:,} seeds\n")
    print(f"Fit {fitted:.0f} s, all {wall:.0f} s wall time, {cpu:.0f} s of processor time; {peak_gigabytes():.1f} GB.")
    print(f"Targets: {SECONDS_TARGET} s, {GIGABYTES_TARGET} GB. {machine('polars', 'numpy', 'lightgbm')}.")


def main() -> None:
    """Print the parts that were asked for."""
    given = sys.argv[1:]
    draws = int(given[given.index("--draws") + 1]) if "--draws" in given else 20
    kept = Path(given[given.index("--kept") + 1]) if "--kept" in given else None
    wanted = [part for part in PARTS if part in given] or list(PARTS)
    folder = Path(os.environ.get("FORETELL_DATA", ""))
    needs = {"telco": "telco_churn.parquet", "circular": "telco_churn.parquet", "journey": COMPLETE_JOURNEY.file}
    absent = [part for part in wanted if part in needs and not (folder / str(needs[part])).is_file()]
    for part in absent:
        print(f"{part}: left out, {needs[part]} is not in FORETELL_DATA.")
    wanted = [part for part in wanted if part not in absent]
    if "telco" in wanted:
        file = kept and kept / "telco.csv"
        show(trial(*telco(folder), "customerID", (30, 100, 400), draws, file), f"Telco, {draws} draws")
    if "journey" in wanted:
        frame, positive = journey(date(2017, 10, 3))
        print(f"\nComplete Journey: {positive.sum()} of {positive.size} households.")
        file = kept and kept / "journey.csv"
        results = trial(frame, positive, "customer_id", (60,), draws, file)
        show(results, f"Complete Journey, {draws} draws of 60 seeds")
    if "circular" in wanted:
        circular(folder)
    if "speed" in wanted:
        speed()


if __name__ == "__main__":
    main()
