"""Time reading orders, with every check, against polars reading the same file and guessing its types.

Run: ``python tests/bench/bench_reading.py [orders] [customers]``; prints Markdown.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
from measure import REPEATS, machine, peak_gigabytes, shortest_seconds

from foretell.tables.read import read_orders


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


def main() -> None:
    """Print the table."""
    orders, customers = (int(value) for value in (*sys.argv[1:3], "5000000", "500000")[:2])
    with tempfile.TemporaryDirectory() as folder:
        text, parquet = write_orders(Path(folder), orders, customers)
        rows = [
            (
                "polars: text file, types guessed, nothing checked",
                shortest_seconds(lambda: pl.read_csv(text, try_parse_dates=True)),
            ),
            ("foretell: text file, every row accounted for", shortest_seconds(lambda: read_orders(text))),
            ("foretell: Parquet, every row accounted for", shortest_seconds(lambda: read_orders(parquet))),
        ]
        size = text.stat().st_size / 1e6
    print(f"## Reading {orders:,} orders of {customers:,} customers ({size:,.0f} MB of text)\n")
    print("| program | seconds | orders a second |\n| --- | ---: | ---: |")
    for name, duration in rows:
        print(f"| {name} | {duration:.2f} | {orders / duration:,.0f} |")
    print(
        f"\nShortest of {REPEATS} runs. {machine('polars', 'numpy')}; {pl.thread_pool_size()} polars threads; "
        f"peak memory {peak_gigabytes():.1f} GB."
    )


if __name__ == "__main__":
    main()
