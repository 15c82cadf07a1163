"""How busy a shop was just before a cutoff: what scores are held against before they are published."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Self

import polars as pl

from foretell.tables.dataset import CustomerData
from foretell.tables.purchases import purchases
from foretell.windows import as_cutoff, first_unseen_day

RECENT_DAYS = 28
"""Whole weeks, so that weekdays count alike; short enough that a feed that stopped shows."""


@dataclass(frozen=True)
class Activity:
    """Customers and purchases before a cutoff; those of buckets add up.

    Parameters
    ----------
    customers : int
        Customers with a purchase.
    active_customers : int
        Those with one in the last `active_days`.
    active_days : int
        Days that count as active: the shop's churn horizon.
    recent_orders : int
        Purchase days in the last `RECENT_DAYS`, of customers who had bought before them.
    """

    customers: int
    active_customers: int
    active_days: int
    recent_orders: int

    def __add__(self, other: Self) -> "Activity":
        """Return the activity of two buckets together."""
        return Activity(
            self.customers + other.customers,
            self.active_customers + other.active_customers,
            self.active_days,
            self.recent_orders + other.recent_orders,
        )


def activity_bucket(data: CustomerData, as_of: date | datetime | str, *, active_days: int) -> Activity:
    """Count customers and purchases from the orders themselves, apart from scoring.

    Parameters
    ----------
    data : CustomerData
        Rows of all customers, or of one bucket of them.
    as_of : date, datetime or str
        First instant that is not seen.
    active_days : int
        Days that count as active, > 0.

    Returns
    -------
    Activity
        Sums over the customers.
    """
    cutoff = as_cutoff(as_of)
    end = first_unseen_day(cutoff)
    day, recent = pl.col("purchase_date"), end - timedelta(days=RECENT_DAYS)
    rows = purchases(data.before(cutoff)).select("customer_id", "purchase_date")
    customers = rows.group_by("customer_id").agg(first=day.min(), last=day.max())
    # Days are told apart of the few newest purchases only.
    newest = rows.filter(day >= recent).unique()
    known = customers.filter(pl.col("first") < recent, pl.col("last") >= recent)
    counted = customers.select(pl.len(), (pl.col("last") >= end - timedelta(days=active_days)).sum().alias("active"))
    found, orders = pl.collect_all([counted, newest.join(known, on="customer_id", how="semi").select(pl.len())])
    count, active = (int(value or 0) for value in found.row(0))
    return Activity(count, active, active_days, int(orders.item()))
