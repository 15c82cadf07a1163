"""A small shop as its own systems would hand it over: seven tables with all that can be wrong with their rows."""

from datetime import date, timedelta

import numpy as np
import polars as pl

from behaviour_shops import with_signals
from boosted_shops import START
from foretell.tables.source import Source

STABLE = ["country", "points"]


def raw_tables(customers: int = 520, seed: int = 5) -> dict[str, pl.DataFrame]:
    """Tables whose lines know their order only, with events of visitors, odd types, and rows that cannot be used."""
    shop = with_signals(customers, seed=seed)
    rng = np.random.default_rng(seed)
    orders = shop.orders.collect().with_row_index("number").select(
        "customer_id",
        "ordered_at",
        pl.col("amount_minor") / 10_000,
        pl.format("o{}", "number").alias("order_id"),
    ).rename({"amount_minor": "amount"})  # fmt: skip
    lines = shop.optional.order_lines.collect().join(orders, on=["customer_id", "ordered_at"], how="inner")
    number = pl.int_range(pl.len())
    lines = lines.select(
        pl.when(number % 97 == 0).then(pl.lit("o-none")).otherwise("order_id").alias("invoice"),
        pl.when(number % 53 == 0).then(None).otherwise("product_id").alias("sku"),
        "category",
        pl.lit(1, pl.UInt32).alias("quantity"),
        pl.lit("10.00").alias("amount"),
    )
    events = shop.optional.events.collect().select(
        pl.when(number % 31 == 0).then(pl.format("visitor{}", number)).otherwise("customer_id").alias("who"),
        pl.when(number % 41 == 0).then(pl.lit("long ago")).otherwise(pl.col("occurred_at").dt.to_string("iso")).alias(
            "at"
        ),
        pl.when(number % 29 == 0).then(pl.lit("spun a wheel")).otherwise("event").alias("what"),
        "category",
    )  # fmt: skip
    ids = orders["customer_id"].unique(maintain_order=True)
    people = pl.DataFrame(
        {
            "customer_id": ids,
            "country": [["DE", "SE", None][place] for place in rng.integers(0, 3, len(ids))],
            "points": pl.Series(rng.integers(0, 90, len(ids)), dtype=pl.UInt64),
            "lat": np.where(np.arange(len(ids)) % 17 == 0, 950.0, rng.uniform(48, 62, len(ids))),
            "lon": rng.uniform(8, 24, len(ids)),
            "email": [f"{name}@example.org" for name in ids],
            "signed_up_at": [START + timedelta(days=int(day)) for day in rng.integers(0, 400, len(ids))],
        }
    )
    return {
        "orders": orders,
        "order_lines": lines,
        "events": pl.concat([events, events.tail(7)]),
        "customers": pl.concat([people, people.head(5)]),
        "calendar": pl.DataFrame({"event": ["sale"], "starts_on": [date(2025, 3, 1)], "ends_on": [date(2025, 3, 9)]}),
        "places": pl.DataFrame({"place": ["north"], "lat": [59.3], "lon": [18.1], "radius_km": [300.0]}),
    }


def sources(frames) -> dict[str, Source]:
    """The same frames, of polars or of Spark, with their mapping."""
    how = {
        "orders": {"order_id": "order_id"},
        "order_lines": {"order_id": "invoice", "product_id": "sku"},
        "events": {"customer_id": "who", "occurred_at": "at", "event": "what"},
        "customers": {"stable_attributes": STABLE},
        "calendar": {},
        "places": {},
    }
    return {name: Source(frame, **how[name]) for name, frame in frames.items()}
