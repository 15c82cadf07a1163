"""What a scoring run takes of memory per row: the constants of `foretell.engines.sizes`.

Each figure is the difference of the peaks of two processes that differ in the number of rows alone, over the
difference of the rows; the base is the peak of a process that has loaded all modules and a bundle, and read no row.

Run: ``python tests/bench/bench_sizes.py``; prints Markdown.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from bench_buckets import AS_OF, write_orders
from measure import machine

COLUMNS = 4
SMALL, LARGE = 50_000, 200_000
"""Customers of the two shops; ten orders each."""

_CHILD = """
import json, resource, sys
from pathlib import Path
import foretell.jobs.score, foretell.delivery.report.page, foretell.plots.backtest
import scipy.special, scipy.interpolate
from foretell.bundles.files import load_bundle
from foretell.engines.frame import score_frame
from foretell.scoring.forecast import forecast_bucket
from foretell.scoring.score import known_for_scoring, score_bucket
from foretell.tables.read import read_orders
from foretell.tables.read_buckets import read_data_into_buckets, read_orders_into_buckets
from foretell.tables.source import Source
from foretell.windows import as_cutoff

what, folder, orders, at_once, as_of = sys.argv[1:]
stored = load_bundle(Path(folder) / "bundle")
named = {"customer_id": "customer_id", "ordered_at": "ordered_at", "amount": "amount", "order_id": "order_id"}
if what == "read":
    read_orders_into_buckets(orders, Path(folder) / f"rows-{at_once}", 16, rows_at_once=int(at_once), **named)
if what == "split":
    rows = Path(folder) / Path(orders).parent.name
    read_data_into_buckets(rows, 1, rows_at_once=100_000, orders=Source(orders, **named))
if what == "score":
    data = read_data_into_buckets(
        Path(folder) / Path(orders).parent.name, 1, rows_at_once=100_000, orders=Source(orders, **named)
    ).bucket(0)
    cutoff = as_cutoff(as_of)
    known = known_for_scoring(data, stored.bundle, cutoff)
    forecast_bucket(data, stored.bundle, cutoff, summary=known.summary)
    score_bucket(data, stored, cutoff, known=known)
if what == "piece":
    score_frame(read_orders(orders, **named), stored, as_of)
print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024))
"""


def peak(what: str, folder: Path, orders: str, at_once: int = 0) -> int:
    """Return the peak of a process in bytes."""
    command = [sys.executable, "-c", _CHILD, what, str(folder), orders, str(at_once), AS_OF]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return int(json.loads(done.stdout.splitlines()[-1]))


def main(folder: Path) -> None:
    """Print the table."""
    import foretell as ft

    shops = {}
    for customers in (SMALL, LARGE):
        write_orders(folder / f"orders-{customers}", customers, 10.0)
        shops[customers] = str(folder / f"orders-{customers}" / "0*.parquet")
    named = {"customer_id": "customer_id", "ordered_at": "ordered_at", "amount": "amount", "order_id": "order_id"}
    data = {customers: ft.read_orders(orders, **named) for customers, orders in shops.items()}
    rows = {customers: shop.report.rows_in for customers, shop in data.items()}
    ft.train(data[SMALL], AS_OF, rungs=("purchase",), backtest_cutoffs=()).save(folder / "bundle")
    del data
    more = rows[LARGE] - rows[SMALL]
    base = peak("base", folder, shops[SMALL])
    few, many = 200_000, 800_000
    reading = (peak("read", folder, shops[LARGE], many) - peak("read", folder, shops[LARGE], few)) / (many - few)
    for orders in shops.values():
        peak("split", folder, orders)
    found = {}
    for what in ("score", "piece"):
        found[what] = (peak(what, folder, shops[LARGE]) - peak(what, folder, shops[SMALL])) / more
    print(machine("polars", "scipy"))
    print("\n| what | bytes |\n| --- | ---: |")
    print(f"| a process before any row | {base:,.0f} |")
    print(f"| a row of a batch and column while it is read ({COLUMNS} columns) | {reading / COLUMNS:,.0f} |")
    print(f"| a row of the bucket that is scored | {found['score']:,.0f} |")
    print(f"| a row of a shop in one piece | {found['piece']:,.0f} |")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        main(Path(made))
