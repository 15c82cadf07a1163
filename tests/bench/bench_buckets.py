"""Time and memory of a scoring job in buckets, beside pandas with lifetimes and the bare polars scan.

Targets: 50,000,000 orders of 5,000,000 customers scored and published within 6 minutes and 2 GB on two cores, and at
most 11 times the time of 5,000,000 orders of 500,000; ten times as fast as pandas with lifetimes at half the memory.

Run: ``python tests/bench/bench_buckets.py [customers] [--orders-per-customer 10] [--memory 2GB] [--engine buckets]
[--peers] [--folder DIR]``; prints Markdown. Data and model are made once in the folder and used again.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from measure import machine

AS_OF = "2026-01-01"
_CUSTOMERS_A_FILE = 250_000
_DAYS = 1_096
_FEW_SECONDS = 20
READY = (
    "win_back", "due_soon", "vip", "one_time_at_risk", "lapsed", "repeat_buyers", "churn_high", "clv_high",
    "next_order_14d", "season_returners",
)  # fmt: skip
_CONFIG = """\
[shop]
name = "Bench"
currency = "EUR"
[data.orders]
path = "orders-{customers}"
customer_id = "customer_id"
ordered_at = "ordered_at"
amount = "amount"
order_id = "order_id"
[training]
rungs = ["purchase"]
[segments]
ready = {ready}
[folders]
models = "models"
output = "out"
[tracking]
enabled = false
"""
FLOOR = """
import sys, polars as pl
rows = pl.scan_parquet(sys.argv[1] + "/*.parquet")
found = rows.group_by("customer_id").agg(
    pl.col("ordered_at").min().alias("first"), pl.col("ordered_at").max().alias("last"),
    pl.len(), pl.col("amount").sum(),
).collect(engine="streaming")
print(found.height)
"""
LIFETIMES = """
import glob, sys, warnings
warnings.simplefilter("ignore")
import pandas as pd
from lifetimes import BetaGeoFitter, GammaGammaFitter
from lifetimes.utils import summary_data_from_transaction_data
columns = ["customer_id", "ordered_at", "amount"]
orders = pd.concat([pd.read_parquet(name, columns=columns) for name in sorted(glob.glob(sys.argv[1] + "/*.parquet"))])
summary = summary_data_from_transaction_data(
    orders, "customer_id", "ordered_at", monetary_value_col="amount", observation_period_end="2025-12-31")
purchases = BetaGeoFitter(penalizer_coef=0.0).fit(summary["frequency"], summary["recency"], summary["T"])
paid = summary[(summary["frequency"] > 0) & (summary["monetary_value"] > 0)]
spend = GammaGammaFitter(penalizer_coef=0.0).fit(paid["frequency"], paid["monetary_value"])
summary["clv"] = spend.customer_lifetime_value(
    purchases, summary["frequency"], summary["recency"], summary["T"], summary["monetary_value"], time=12,
    discount_rate=0)
summary["p_alive"] = purchases.conditional_probability_alive(summary["frequency"], summary["recency"], summary["T"])
summary.to_csv(sys.argv[2])
print(len(summary))
"""


def write_orders(folder: Path, customers: int, orders_each: float) -> None:
    """Write Parquet files of orders: most customers buy a few times, some very often, everybody stops one day."""
    import polars as pl

    folder.mkdir(parents=True)
    number = 0
    for first in range(0, customers, _CUSTOMERS_A_FILE):
        rng = np.random.default_rng(first)
        count = min(_CUSTOMERS_A_FILE, customers - first)
        # A negative binomial with a heavy tail, at least one order each.
        orders = 1 + rng.poisson(rng.gamma(0.6, (orders_each - 1) / 0.6, count))
        began = rng.uniform(0, _DAYS - 1, count)
        lasted = np.minimum(rng.exponential(400, count), _DAYS - 1 - began)
        who = np.repeat(np.arange(count), orders)
        offset = rng.uniform(0, 1, who.size)
        offset[np.cumsum(orders) - orders] = 0.0
        second = ((began[who] + lasted[who] * offset) * 86_400).astype(np.int64)
        rows = pl.DataFrame(
            {
                "order_id": pl.Series(np.arange(number, number + who.size)).cast(pl.String).str.pad_start(10, "0"),
                "customer_id": pl.Series(who + first).cast(pl.String).str.pad_start(9, "0"),
                "ordered_at": np.datetime64("2023-01-01", "us") + second.astype("timedelta64[s]"),
                "amount": np.round(rng.lognormal(3.5, 0.3, count)[who] * rng.gamma(4, 0.25, who.size), 2),
            }
        )
        number += who.size
        rows.sort("ordered_at").write_parquet(folder / f"{first:09d}.parquet")


def measured(*command: str, env: dict[str, str] | None = None) -> tuple[float, float, float, str]:
    """Run a program; return seconds, seconds of processors, peak gigabytes and what it printed."""
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **(env or {})}) as process:
        printed = process.stdout.read() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command[:4]} ended with {process.returncode}")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024**2, printed


def row(name: str, wall: float, processor: float, peak: float) -> None:
    """Print a row of the table."""
    print(f"| {name} | {_seconds(wall)} | {_seconds(processor)} | {peak:.2f} GB |", flush=True)


def _seconds(found: float) -> str:
    return f"{found:.1f} s" if found < _FEW_SECONDS else f"{found:,.0f} s"


def main(options: argparse.Namespace, folder: Path) -> None:
    """Print the table."""
    foretell = (sys.executable, "-c", "from foretell.cli.entry import main; main()")
    for customers in {options.customers, min(options.customers, 50_000)}:
        if not (folder / f"orders-{customers}").exists():
            write_orders(folder / f"orders-{customers}", customers, options.orders_per_customer)
        (folder / f"{customers}.toml").write_text(
            _CONFIG.format(customers=customers, ready=json.dumps(READY)), encoding="utf-8"
        )
    if not (folder / "models").exists():
        sample = folder / f"{min(options.customers, 50_000)}.toml"
        measured(*foretell, "--config", str(sample), "train", "--as-of", AS_OF, "--quiet")
    print(machine("polars", "scipy"))
    print(f"\n| {options.customers:,} customers | wall time | processor time | peak memory |")
    print("| --- | ---: | ---: | ---: |")
    data = str(folder / f"orders-{options.customers}")
    if options.peers:
        row("bare polars: scan and group by", *measured(sys.executable, "-c", FLOOR, data)[:3])
    output = folder.resolve() / f"out-{options.engine}"
    settings = ("--set", f"folders.output={output}", "--engine", options.engine, "--memory", options.memory)
    wall, processor, peak, printed = measured(
        *foretell, "--config", str(folder / f"{options.customers}.toml"), "score", "--as-of", AS_OF, "--force",
        "--json", *settings, env={"POLARS_MAX_THREADS": "2", "OMP_NUM_THREADS": "2"},
    )  # fmt: skip
    result = json.loads(printed)
    row(f"foretell score, {options.engine}, {result['rows']['rows_in']:,} orders", wall, processor, peak)
    seconds = json.loads((Path(result["folder"]) / "run.json").read_bytes())["circumstances"]["seconds"]
    stages = {**seconds, "publish": wall - seconds["until_publishing"]}
    print(f"| stages: {', '.join(f'{name} {value:,.0f} s' for name, value in stages.items())} | | | |", flush=True)
    if options.peers:
        out = str(folder / "lifetimes.csv")
        row("pandas and lifetimes", *measured(sys.executable, "-c", LIFETIMES, data, out)[:3])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("customers", type=int, nargs="?", default=500_000)
    parser.add_argument("--orders-per-customer", type=float, default=10.0)
    parser.add_argument("--memory", default="2GB")
    parser.add_argument("--engine", default="buckets")
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    if given.folder is not None:
        main(given, given.folder)
    else:
        with tempfile.TemporaryDirectory() as made:
            main(given, Path(made))
