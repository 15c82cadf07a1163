"""Time all families of features on a large shop with all tables; target: under 3 minutes and 4 GB on 2 cores.

Tables lie on disk as Parquet, as they would between reading and scoring: with everything in memory, the input alone
would be most of the memory.

Run: ``python tests/bench/bench_behaviour.py [customers]``; 5 orders, 10 lines, 20 events a customer; prints Markdown.
"""

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import numpy as np
import polars as pl
from measure import machine, peak_gigabytes

from foretell.features.behaviour.available import Available
from foretell.features.catalogue import FAMILY_NAMES, catalogue
from foretell.features.compute import compute
from foretell.features.fit_statistics import fit_statistics
from foretell.features.statistics import Statistics
from foretell.tables.dataset import CustomerData
from foretell.tables.optional_tables import OptionalTables

AS_OF = datetime(2026, 1, 1)
HISTORY_DAYS = 730
CHUNK = 2_000_000
BUCKETS = 4
"""Customers are described a part at a time, as scoring does: the answer is the same, the memory a part."""
EVENTS = {
    "view": 0.5,
    "cart": 0.06,
    "checkout": 0.03,
    "search": 0.1,
    "email_sent": 0.2,
    "email_open": 0.07,
    "email_click": 0.02,
    "email_soft_bounce": 0.01,
    "spun_a_wheel": 0.01,
}


def ids(rng: np.random.Generator, rows: int, customers: int) -> pl.Series:
    """Customers of some rows, a few of whom have most."""
    number = np.minimum((customers * rng.random(rows) ** 1.7).astype(np.int64), customers - 1)
    return pl.Series(number).cast(pl.String).str.pad_start(9, "0")


def times(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Instants before the cutoff."""
    start = np.datetime64(AS_OF, "us") - np.timedelta64(HISTORY_DAYS, "D")
    return start + rng.integers(0, HISTORY_DAYS * 86_400, rows).astype("timedelta64[s]")


def names(rng: np.random.Generator, rows: int, prefix: str, count: int) -> pl.Series:
    """Names of which the first are frequent."""
    return pl.Series(prefix, (count * rng.random(rows) ** 2).astype(np.int64)).cast(pl.String).str.pad_start(3, "0")


def orders(rng: np.random.Generator, rows: int, customers: int) -> pl.DataFrame:
    """Orders with money and a medium."""
    return pl.DataFrame(
        {
            "customer_id": ids(rng, rows, customers),
            "ordered_at": times(rng, rows),
            "amount_minor": rng.integers(1, 3_000_000, rows),
            "medium": names(rng, rows, "medium", 8),
        }
    )


def lines(rng: np.random.Generator, rows: int, customers: int) -> pl.DataFrame:
    """Lines of 20,000 products, 60 categories and 300 brands."""
    return pl.DataFrame(
        {
            "customer_id": ids(rng, rows, customers),
            "ordered_at": times(rng, rows),
            "product_id": names(rng, rows, "product", 20_000),
            "category": names(rng, rows, "category", 60),
            "brand": names(rng, rows, "brand", 300),
            "quantity": rng.integers(1, 4, rows).astype(np.float64),
            "amount_minor": rng.integers(1, 900_000, rows),
            "discount_minor": rng.integers(-50_000, 50_000, rows).clip(0),
        }
    )


def events(rng: np.random.Generator, rows: int, customers: int) -> pl.DataFrame:
    """Visits and messages."""
    kinds = rng.choice(list(EVENTS), rows, p=list(EVENTS.values()))
    return pl.DataFrame(
        {
            "customer_id": ids(rng, rows, customers),
            "occurred_at": times(rng, rows),
            "event": pl.Series(kinds),
            "category": names(rng, rows, "category", 60),
            "brand": names(rng, rows, "brand", 300),
            "price_minor": rng.integers(1, 900_000, rows),
            "device": names(rng, rows, "device", 3),
            "channel": pl.Series(rng.choice(["web", "app"], rows)),
            "machine_generated": rng.random(rows) < 0.05,
        }
    )


def on_disk(folder: Path, table: object, rows: int, customers: int) -> pl.LazyFrame:
    """Write a table in chunks, so that drawing it takes little memory."""
    make = table
    target = folder / make.__name__
    target.mkdir()
    for number, begin in enumerate(range(0, rows, CHUNK)):
        rng = np.random.default_rng((len(make.__name__), number))
        make(rng, min(CHUNK, rows - begin), customers).write_parquet(target / f"{number:03}.parquet")
    return pl.scan_parquet(target)


def shop(folder: Path, customers: int) -> CustomerData:
    """All tables of a shop."""
    rng = np.random.default_rng(9)
    people = pl.DataFrame(
        {
            "customer_id": pl.Series(np.arange(customers)).cast(pl.String).str.pad_start(9, "0"),
            "signed_up_at": times(rng, customers),
            "country": names(rng, customers, "country", 20),
            "lat": rng.uniform(45, 60, customers),
            "lon": rng.uniform(0, 20, customers),
        }
    )
    spots = {
        "place": [f"place {n:02}" for n in range(40)],
        "lat": rng.uniform(45, 60, 40),
        "lon": rng.uniform(0, 20, 40),
    }
    calendar = pl.DataFrame(
        {
            "event": ["black_friday", "black_friday"],
            "starts_on": [date(2024, 11, 25), date(2025, 11, 24)],
            "ends_on": [date(2024, 12, 2), date(2025, 12, 1)],
        }
    )
    people.write_parquet(folder / "customers.parquet")
    tables = OptionalTables(
        order_lines=on_disk(folder, lines, 10 * customers, customers),
        events=on_disk(folder, events, 20 * customers, customers),
        customers=pl.scan_parquet(folder / "customers.parquet"),
        calendar=calendar,
        places=pl.DataFrame(spots).with_columns(radius_km=pl.lit(50.0)),
    )
    rows = orders(rng, 5 * customers, customers)
    return replace(CustomerData.from_orders(rows, order_ids_repeat=False), optional=tables)


def bucketed(data: CustomerData, customers: pl.Series, statistics: Statistics | None) -> int:
    """Compute all features bucket by bucket, keep none, and return the number of columns."""
    width = 0
    for place in range(BUCKETS):
        width = compute(data.of_customers(customers[place::BUCKETS]), AS_OF, statistics).collect().width
    return width


def measured(name: str, work: Callable[[], object]) -> tuple[str, object]:
    """Do a piece of work, and return its row: wall and processor seconds, and the most memory up to now."""
    wall, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    result = work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return f"| {name} | {time.perf_counter() - wall:.1f} | {cpu:.1f} | {peak_gigabytes():.1f} |", result


def main() -> None:
    """Print the table."""
    customers = int([*sys.argv[1:], "1000000"][0])
    with tempfile.TemporaryDirectory() as name:
        data = shop(Path(name), customers)
        made = peak_gigabytes()
        people = data.orders.select(pl.col("customer_id").unique()).collect()["customer_id"]
        of_orders, _ = measured(f"{len(catalogue())} features of orders", lambda: bucketed(data, people, None))
        fit, statistics = measured("statistics of the shop", lambda: fit_statistics(data, AS_OF))
        assert isinstance(statistics, Statistics)
        width = len(catalogue(available=Available.of(data)))
        what = f"{width} features of all tables, {len(FAMILY_NAMES)} families"
        everything, _ = measured(what, lambda: bucketed(data, people, statistics))
    print(f"## All families: {customers:,} customers, {5 * customers:,} orders, {10 * customers:,} lines, ", end="")
    print(f"{20 * customers:,} events\n\n| step | seconds | processor seconds | peak GB up to there |")
    print("| --- | ---: | ---: | ---: |", of_orders, fit, everything, sep="\n")
    print(f"\n{BUCKETS} buckets. {machine('polars', 'numpy')}; {pl.thread_pool_size()} polars threads;", end=" ")
    print(f"{made:.1f} GB when the tables were made. Target: under 180 s and 4 GB on 2 cores.")


if __name__ == "__main__":
    main()
