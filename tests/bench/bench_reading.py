"""Time reading orders, with every check, against polars reading the same file and guessing its types.

Run: ``python tests/bench/bench_reading.py [orders] [customers]``; prints Markdown.
"""

import os
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from foretell.tables.read import read_orders

REPEATS = 3


def write_orders(folder: Path, orders: int, customers: int, *, seed: int = 0) -> tuple[Path, Path]:
    """Write the same orders as text and as Parquet; ids have leading zeros, times have seconds."""
    rng = np.random.default_rng(seed)
    second = rng.integers(0, 730 * 86_400, orders).astype("timedelta64[s]")
    frame = pl.DataFrame(
        {
            "order_id": pl.Series(np.arange(orders)).cast(pl.String).str.pad_start(10, "0"),
            "customer_id": pl.Series(rng.integers(0, customers, orders)).cast(pl.String).str.pad_start(9, "0"),
            "ordered_at": np.datetime64("2024-01-01", "us") + second,
            "amount": rng.integers(100, 50_000, orders) / 100,
            "country": pl.Series(rng.integers(10, 30, orders)).cast(pl.String),
        }
    )
    text, parquet = folder / "orders.csv", folder / "orders.parquet"
    frame.write_csv(text, datetime_format="%Y-%m-%d %H:%M:%S")
    frame.write_parquet(parquet)
    return text, parquet


def seconds(work: Callable[[], object]) -> float:
    """Return the shortest of a few wall times."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def processor() -> str:
    """Name the processor as the system does."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main() -> None:
    """Print the table."""
    orders, customers = (int(value) for value in (*sys.argv[1:3], "5000000", "500000")[:2])
    with tempfile.TemporaryDirectory() as folder:
        text, parquet = write_orders(Path(folder), orders, customers)
        rows = [
            (
                "polars: text file, types guessed, nothing checked",
                seconds(lambda: pl.read_csv(text, try_parse_dates=True)),
            ),
            ("foretell: text file, every row accounted for", seconds(lambda: read_orders(text))),
            ("foretell: Parquet, every row accounted for", seconds(lambda: read_orders(parquet))),
        ]
        size = text.stat().st_size / 1e6
    print(f"## Reading {orders:,} orders of {customers:,} customers ({size:,.0f} MB of text)\n")
    print("| program | seconds | orders a second |\n| --- | ---: | ---: |")
    for name, duration in rows:
        print(f"| {name} | {duration:.2f} | {orders / duration:,.0f} |")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(
        f"\nShortest of {REPEATS} runs. {processor()}, {os.cpu_count()} cores, {pl.thread_pool_size()} polars threads; "
        f"Python {platform.python_version()}, polars {pl.__version__}; peak memory {peak:.1f} GB."
    )


if __name__ == "__main__":
    main()
