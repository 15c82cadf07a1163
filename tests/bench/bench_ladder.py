"""Time training and scoring of the whole ladder: on CDNOW, and on a large simulated shop.

Targets: ``train`` on CDNOW under 45 s on two cores; on 1,000,000 customers and 6,500,000 orders under 6 minutes and
4 GB, and scoring those under 90 s.

Run: ``python tests/bench/bench_ladder.py [customers]``; prints Markdown. 0 customers is CDNOW alone.
"""

import sys
import time
from collections.abc import Callable
from typing import TypeVar

from measure import machine, peak_gigabytes

import foretell as ft
from foretell.tables.dataset import CustomerData

SHOP = {"orders_per_year": 13.0, "leave_b": 9.0, "one_time_share": 0.2}
"""Customers who come back often enough for 6.9 order rows each in two years: a little more than the target asks."""

Made = TypeVar("Made")


def timed(work: Callable[[], Made]) -> tuple[Made, str]:
    """Return what the work returns, and its wall and processor time as cells: once, a training is long enough."""
    wall, processor = time.perf_counter(), time.process_time()
    made = work()
    return made, f"{time.perf_counter() - wall:.0f} s | {time.process_time() - processor:.0f} s"


def rows(name: str, data: CustomerData, as_of: str, clv_days: int) -> None:
    """Train and score one shop, and print two rows."""
    model, took = timed(lambda: ft.train(data, as_of, clv_days=clv_days, churn_days=90))
    print(f"| train, {name} | {took} | {peak_gigabytes():.1f} GB |", flush=True)
    scores, took = timed(lambda: model.score(data, as_of))
    print(f"| score, {name} ({scores.height:,} customers) | {took} | {peak_gigabytes():.1f} GB |", flush=True)


def main(customers: int) -> None:
    """Print the table."""
    print(machine("polars", "lightgbm", "scipy"))
    print("\n| what | wall time | processor time | peak memory so far |\n| --- | ---: | ---: | ---: |")
    rows("CDNOW, 180 / 90 days", ft.load_cdnow(), "1998-07-01", 180)
    if customers:
        data, _ = ft.simulate(customers=customers, seed=0, **SHOP)
        orders = data.report.rows_in
        rows(f"{customers:,} customers, {orders:,} order rows, 365 / 90 days", data, "2026-01-01", 365)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
