"""Time reading all tables of a shop, with every check, against polars reading and joining the same files.

Run: ``python tests/bench/bench_tables.py [events] [customers]``; a fifth as many orders, twice as many lines as orders;
prints Markdown.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
from measure import REPEATS, machine, peak_gigabytes, shortest_seconds

import foretell as ft

CATEGORIES = np.array([f"category-{number}" for number in range(20)])
EVENTS = np.array(["view", "view", "view", "cart", "search", "email_sent", "email_open"])


def write_tables(folder: Path, events: int, customers: int, *, seed: int = 0) -> dict[str, Path]:
    """Write orders, lines that name their order only, events and customers as Parquet."""
    rng = np.random.default_rng(seed)
    orders = events // 5

    def ids(rows: int) -> pl.Series:
        return pl.Series(rng.integers(0, customers, rows)).cast(pl.String).str.pad_start(9, "0")

    def times(rows: int) -> np.ndarray:
        return np.datetime64("2024-01-01", "us") + rng.integers(0, 730 * 86_400, rows).astype("timedelta64[s]")

    number = pl.Series(np.arange(orders)).cast(pl.String)
    tables = {
        "orders": {
            "customer_id": ids(orders), "ordered_at": times(orders), "order_id": number,
            "amount": rng.integers(100, 50_000, orders) / 100,
        },
        "order_lines": {
            "order_id": number.gather(rng.integers(0, orders, 2 * orders)),
            "product_id": pl.Series(rng.integers(0, 5_000, 2 * orders)).cast(pl.String),
            "category": CATEGORIES[rng.integers(0, CATEGORIES.size, 2 * orders)],
            "quantity": rng.integers(1, 4, 2 * orders),
            "amount": rng.integers(100, 20_000, 2 * orders) / 100,
        },
        "events": {
            "customer_id": ids(events), "occurred_at": times(events), "event": EVENTS[rng.integers(0, 7, events)],
            "category": CATEGORIES[rng.integers(0, CATEGORIES.size, events)],
        },
        "customers": {
            "customer_id": pl.Series(np.arange(customers)).cast(pl.String).str.pad_start(9, "0"),
            "country": CATEGORIES[rng.integers(0, 5, customers)],
        },
    }  # fmt: skip
    paths = {}
    for name, columns in tables.items():
        paths[name] = folder / f"{name}.parquet"
        pl.DataFrame(columns).write_parquet(paths[name])
    return paths


def plainly(paths: dict[str, Path]) -> list[pl.DataFrame]:
    """Read the files and join the lines to their orders; nothing is checked."""
    read = {name: pl.read_parquet(path) for name, path in paths.items()}
    keys = read["orders"].select("order_id", "customer_id", "ordered_at")
    return [*read.values(), read["order_lines"].join(keys, on="order_id", how="left")]


def main() -> None:
    """Print the table."""
    events, customers = (int(value) for value in (*sys.argv[1:3], "5000000", "500000")[:2])
    with tempfile.TemporaryDirectory() as folder:
        paths = write_tables(Path(folder), events, customers)
        data = ft.read_data(**paths)
        rows = [
            ("polars: read, lines joined, nothing checked", shortest_seconds(lambda: plainly(paths))),
            ("foretell: every row of every table accounted for", shortest_seconds(lambda: ft.read_data(**paths))),
            ("foretell: fingerprint of all tables", shortest_seconds(data.fingerprint)),
        ]
    counts = ", ".join(f"{report.rows_in:,} {name}" for name, report in data.report.tables.items())
    print(f"## Reading {data.report.rows_in:,} orders, {counts}\n")
    print("| program | seconds |\n| --- | ---: |")
    for name, duration in rows:
        print(f"| {name} | {duration:.2f} |")
    print(
        f"\nShortest of {REPEATS} runs. {machine('polars', 'numpy')}; {pl.thread_pool_size()} polars threads; "
        f"peak memory {peak_gigabytes():.1f} GB."
    )


if __name__ == "__main__":
    main()
