"""A small shop in which the other tables know what orders do not: who has an open cart, and who reads messages."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from boosted_shops import START, shop_of
from foretell.tables.dataset import CustomerData
from foretell.tables.optional_tables import OptionalTables


def with_signals(customers: int = 500, days: int = 250, seed: int = 5) -> CustomerData:
    """Everybody orders at random; carts are filled some days before most orders, and readers of messages order more.

    Lines say which category was bought: buyers of coffee come back, others hardly do.
    """
    rng = np.random.default_rng(seed)
    orders, lines, events = [], [], []
    for number in range(customers):
        name, loyal = f"c{number:04}", number % 2 == 0
        day = rng.uniform(0, 80)
        while day < days:
            at = START + timedelta(days=float(day))
            orders.append((name, at, int(rng.integers(10, 60)) * 10_000))
            lines.append((name, at, "p1", "coffee" if loyal else "lamp", 1.0, 100_000))
            if rng.random() < 0.9:
                events.append((name, at - timedelta(days=float(rng.uniform(1, 8))), "cart", "coffee"))
            day += rng.exponential(25 if loyal else 120)
        for day in range(0, days, 14):
            events.append((name, START + timedelta(days=day, hours=8), "email_sent", None))
            if rng.random() < (0.6 if loyal else 0.05):
                events.append((name, START + timedelta(days=day, hours=10), "email_click", None))
    limit = START + timedelta(days=days)
    line_names = ["customer_id", "ordered_at", "product_id", "category", "quantity", "amount_minor"]
    event_names = ["customer_id", "occurred_at", "event", "category"]
    tables = OptionalTables(
        order_lines=pl.DataFrame(lines, schema=line_names, orient="row").lazy(),
        events=pl.DataFrame(events, schema=event_names, orient="row").lazy(),
    )
    return replace(shop_of(orders, until=limit), optional=tables.before(limit))


def without_tables(data: CustomerData) -> CustomerData:
    """The same orders, and no other table."""
    return replace(data, optional=OptionalTables())


def of_ids(data: CustomerData, ids: list[str], as_of: datetime) -> CustomerData:
    """Rows of some customers, as in one bucket, observed as long as it was asked for."""
    return replace(data.of_customers(pl.Series(ids)), observed_until=max(data.observed_until, as_of))
