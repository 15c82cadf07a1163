"""Time all features of a large shop against a plain polars program with as many aggregates.

The reference collapses orders to purchase days, sorts once by customer and day, and computes the same number of
columns with one grouped aggregation of sums, means and extremes. Target: at most twice its time.

Run: ``python tests/bench/bench_features.py [orders] [customers]``; prints Markdown.
"""

import sys
from datetime import datetime

import numpy as np
import polars as pl
from measure import REPEATS, machine, peak_gigabytes, shortest_seconds

from foretell.features.catalogue import catalogue
from foretell.features.compute import compute
from foretell.tables.dataset import CustomerData

AS_OF = datetime(2026, 1, 1)
HISTORY_DAYS = 1_500


def skewed_orders(orders: int, customers: int, *, seed: int = 0) -> pl.DataFrame:
    """Draw orders whose customers differ widely in how often they buy; every customer buys at least once."""
    rng = np.random.default_rng(seed)
    weight = rng.pareto(1.3, customers) + 0.2
    extra = rng.choice(customers, orders - customers, p=weight / weight.sum())
    customer = rng.permutation(np.concatenate([np.arange(customers), extra]))
    second = rng.integers(0, HISTORY_DAYS * 86_400, orders)
    start = np.datetime64(AS_OF, "us") - np.timedelta64(HISTORY_DAYS, "D")
    return pl.DataFrame(
        {
            "customer_id": pl.Series(customer).cast(pl.String).str.pad_start(9, "0"),
            "ordered_at": start + second.astype("timedelta64[s]"),
            "amount_minor": np.round(rng.lognormal(3.0, 1.0, orders), 2).astype(np.float64) * 10_000,
        }
    ).with_columns(pl.col("amount_minor").round().cast(pl.Int64))


def with_refunds(frame: pl.DataFrame, *, share: float = 0.05, seed: int = 0) -> pl.DataFrame:
    """Give every order an id, and a part of the orders a refund of half their amount a week later."""
    orders = frame.with_columns(order_id=pl.int_range(pl.len()).cast(pl.String))
    refunds = orders.sample(fraction=share, seed=seed).with_columns(
        pl.col("ordered_at") + pl.duration(days=7), -(pl.col("amount_minor") // 2)
    )
    return pl.concat([orders, refunds])


def reference(frame: pl.DataFrame, columns: int) -> pl.DataFrame:
    """Collapse to purchase days, sort once, and aggregate as many columns as there are features."""
    day = pl.col("ordered_at").dt.date()
    amount, gap, age = pl.col("amount_minor"), pl.col("gap"), pl.col("age")
    aggregates = [
        *(
            getattr(values, how)().alias(f"{name}_{how}")
            for name, values in (("amount", amount), ("gap", gap), ("rows", pl.col("rows")))
            for how in ("sum", "mean", "std", "min", "max", "first", "last")
        ),
        amount.median().alias("amount_median"),
        gap.median().alias("gap_median"),
        pl.len().alias("orders"),
        age.max().alias("first_age"),
        age.min().alias("last_age"),
    ]
    for window in (7, 14, 30, 45, 60, 90, 120, 150, 180, 270, 365, 450, 540, 630, 730, 900, 1_000, 1_100, 1_200, 1_300):
        recent = age <= window
        aggregates += [
            recent.sum().alias(f"orders_{window}"),
            (amount * recent).sum().alias(f"spend_{window}"),
            (amount * recent).max().alias(f"largest_{window}"),
            (pl.col("rows") * recent).sum().alias(f"rows_{window}"),
        ]
    return (
        frame.lazy()
        .filter(pl.col("ordered_at") < AS_OF)
        .group_by("customer_id", day.alias("day"))
        .agg(amount.sum(), pl.len().alias("rows"))
        .sort("customer_id", "day")
        .with_columns(
            gap=pl.col("day").diff().dt.total_days() * (pl.col("customer_id") == pl.col("customer_id").shift()),
            age=(pl.lit(AS_OF.date()) - pl.col("day")).dt.total_days(),
        )
        .group_by("customer_id", maintain_order=True)
        .agg(aggregates[:columns])
        .collect()
    )


def main() -> None:
    """Print the table."""
    orders, customers = (int(value) for value in (*sys.argv[1:3], "5000000", "500000")[:2])
    frame = skewed_orders(orders, customers)
    plain = CustomerData.from_orders(frame)
    columns = len(catalogue())
    base = shortest_seconds(lambda: reference(frame, columns))
    ours = shortest_seconds(lambda: compute(plain, AS_OF).collect())
    netted_data = CustomerData.from_orders(with_refunds(frame))
    netted = shortest_seconds(lambda: compute(netted_data, AS_OF).collect())
    rows = [
        (f"reference: purchase days, one sort, {columns} aggregates", base),
        (f"foretell: {columns} features", ours),
        (f"foretell: {columns} features, every order with an id, 5 % refunded", netted),
    ]
    print(f"## Features of {orders:,} orders, {customers:,} customers\n")
    print("| program | seconds | times the reference |\n| --- | ---: | ---: |")
    for name, duration in rows:
        print(f"| {name} | {duration:.2f} | {duration / base:.2f} |")
    print(
        f"\nShortest of {REPEATS} runs. {machine('polars', 'numpy')}; {pl.thread_pool_size()} polars threads; "
        f"peak memory {peak_gigabytes():.1f} GB. Target: at most 2 times the reference."
    )


if __name__ == "__main__":
    main()
