"""How often gates refuse an untouched night of a real shop, and which faults they catch.

Nights are `DAYS_APART` days after the last run, at several days of each history; faults are put into the orders of
the night one day after. The purchase rung alone, trained on the day of the last run: gates read scores, and do not
ask who made them. Histories are read from FORETELL_DATA; without it CDNOW alone.

Run: ``python tests/bench/bench_gates.py``; prints Markdown for docs/reliability.md.
"""

import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl
from accuracy_cases import HISTORIES

from foretell.bundles.files import StoredBundle
from foretell.delivery.gates import judge
from foretell.delivery.outcomes import GateLimits, refused
from foretell.delivery.profile import RunProfile
from foretell.delivery.run import Counts, Familiarity, ModelFacts, Run
from foretell.evaluation.drift import Distribution
from foretell.scoring.activity import activity_bucket
from foretell.scoring.forecast import forecast_bucket, forecast_weeks
from foretell.scoring.schema import score_columns
from foretell.scoring.score import score_bucket
from foretell.scoring.silence import silence_of
from foretell.tables.categories import changed_columns, unseen_shares
from foretell.tables.dataset import CustomerData
from foretell.tables.read import read_orders
from foretell.training.profile import training_profile
from foretell.training.purchase_recipe import PurchaseRecipe
from foretell.windows import Horizons

HORIZONS = Horizons(90, 90, 30)
DAYS_APART = (1, 7, 28, 90)
STEP_DAYS = 21
LIMITS = GateLimits()


@dataclass(frozen=True)
class Night:
    """A day on which a model was trained and a run published: what the next night is held against."""

    day: datetime
    stored: StoredBundle
    profile: RunProfile


def nights(data: CustomerData) -> Iterator[Night]:
    """Yield days from the middle of the history on, each with a run."""
    first = data.first_order_at()
    assert first is not None
    day = datetime.combine((first + (data.observed_until - first) / 2).date(), datetime.min.time())
    while day + timedelta(days=max(DAYS_APART)) <= data.observed_until:
        bundle = PurchaseRecipe().fit(data, day, HORIZONS)
        stored = StoredBundle(bundle, "bench")
        yield Night(day, stored, RunProfile.of(run_of(data, stored, day, training_profile(data, day))))
        day += timedelta(days=STEP_DAYS)


def run_of(data: CustomerData, stored: StoredBundle, day: datetime, profile: dict) -> Run:
    """Return a run as the scoring job would hand it to the gates."""
    seen = data.before(day)
    rows = seen.orders.select(pl.len()).collect().item()
    return Run(
        shop="bench",
        as_of=day,
        horizons=HORIZONS,
        currency=None,
        scores=score_bucket(seen, stored, day),
        columns=score_columns(HORIZONS),
        forecast=forecast_weeks(forecast_bucket(seen, stored.bundle, day), None, day),
        model=ModelFacts(stored.version, stored.bundle.as_of),
        counts=Counts(rows, rows, 0, 0),
        activity=activity_bucket(seen, day, active_days=HORIZONS.churn_days),
        familiarity=Familiarity(
            {name: Distribution.from_dict(value) for name, value in profile["history"].items()},
            changed_columns(seen, profile["columns"]),
            unseen_shares(seen, profile["columns"], day - timedelta(days=HORIZONS.churn_days)),
        ),
        newest_order_at=seen.last_order_at(),
        silence=silence_of(data, day),
    )


def faults(data: CustomerData, day: datetime) -> Iterator[tuple[str, CustomerData]]:
    """Yield the orders as they would be if something had gone wrong on the way here."""
    rows = data.before(day).orders.collect()
    half = pl.col("customer_id").is_in(rows["customer_id"].unique().sort().gather_every(2).implode())

    def recent(days: int) -> pl.Expr:
        return pl.col("ordered_at") >= day - timedelta(days=days)

    spoilt = {
        "every second customer missing": rows.filter(half),
        "every second row missing": rows.gather_every(2),
        "last 7 days missing": rows.filter(~recent(7)),
        "last 28 days missing": rows.filter(~recent(28)),
        "last 28 days: every second row missing": rows.filter(~recent(28) | (pl.col("row_number") % 2 == 0)),
        "only the last 90 days there": rows.filter(recent(90)),
        "amounts in cents": rows.with_columns(pl.col("amount_minor") * 100),
        "every row twice": pl.concat([rows, rows]),
        "every row again a day later": pl.concat([rows, rows.with_columns(pl.col("ordered_at") + timedelta(days=1))]),
        "one id for a third of the orders": rows.with_columns(
            customer_id=pl.when(pl.col("row_number") % 3 == 0).then(pl.lit("guest")).otherwise("customer_id")
        ),
        "all ids new": rows.with_columns(customer_id="x" + pl.col("customer_id")),
    }
    for name, frame in spoilt.items():
        yield name, CustomerData.from_orders(frame)


def main() -> None:
    """Print the two tables."""
    warnings.simplefilter("ignore")
    told: list[str] = []
    caught: Counter[str] = Counter()
    by: dict[str, Counter[str]] = {}
    total = 0
    print("| history | days | " + " | ".join(f"{gap} days apart" for gap in DAYS_APART) + " |")
    print("|---" * (len(DAYS_APART) + 2) + "|")
    for history in HISTORIES:
        if history.file is not None and history.absent():
            told.append(f"{history.name} left out: {history.absent()}")
            continue
        rows = history.orders()
        data = read_orders(rows, customer_id="customer_id", ordered_at="ordered_at", amount="amount")
        false, count = Counter[int](), 0
        for night in nights(data):
            count += 1
            profile = training_profile(data, night.day)
            for gap in DAYS_APART:
                run = run_of(data, night.stored, night.day + timedelta(days=gap), profile)
                said = refused(judge(run, night.profile, LIMITS))
                false[gap] += bool(said)
                told += [f"{history.name} {run.as_of:%Y-%m-%d}, {gap} days: {item.gate}: {item.text}" for item in said]
            tomorrow = night.day + timedelta(days=1)
            for name, spoilt in faults(data, tomorrow):
                total += name == "amounts in cents"
                said = [
                    item.gate
                    for item in refused(judge(run_of(spoilt, night.stored, tomorrow, profile), night.profile, LIMITS))
                ]
                caught[name] += bool(said)
                by.setdefault(name, Counter()).update(said)
        print(f"| {history.name} | {count} | " + " | ".join(f"{false[gap]} refused" for gap in DAYS_APART) + " |")
    print(f"\n| fault, in {total} nights | refused | by |\n|---|---|---|")
    for name, gates in by.items():
        words = ", ".join(f"{gate} {count}" for gate, count in gates.most_common())
        print(f"| {name} | {caught[name]} | {words or 'none'} |")
    print("\n" + "\n".join(told))


if __name__ == "__main__":
    main()
