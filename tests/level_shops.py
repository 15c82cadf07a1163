"""Shops whose every customer buys at a known rate, and a purchase model that knows it: exact oracles for levels."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl

from foretell.tables.dataset import CustomerData

START = datetime(2022, 1, 3)
DAILY = 0.05
"""Purchases a day and customer that the models below expect."""
VALUE = 20.0
"""Money that they expect of each."""


def shop(days, *, customers=600, factor=lambda _day: 1.0, value=VALUE, seed=1) -> CustomerData:
    """Everybody has a first order in the first week, then buys on each day with DAILY times a factor of the day."""
    rng = np.random.default_rng(seed)
    chance = DAILY * np.array([factor(day) for day in range(days)])
    bought = rng.random((customers, days)) < chance
    bought[np.arange(customers), np.arange(customers) % 7] = True
    who, day = np.nonzero(bought)
    money = np.full(day.size, value) * rng.gamma(4.0, 0.25, day.size)
    return orders(who, day, money, days)


def orders(who, day, money, days) -> CustomerData:
    frame = pl.DataFrame(
        {
            "customer_id": [f"c{number:05}" for number in who],
            "ordered_at": [START + timedelta(days=int(number), hours=10) for number in day],
            "amount_minor": np.rint(np.asarray(money) * 10_000).astype(np.int64),
        },
        schema_overrides={"ordered_at": pl.Datetime("us")},
    )
    return CustomerData.from_orders(frame, observed_until=at(days))


def at(day) -> datetime:
    return START + timedelta(days=day)


class KnownRate:
    """Everybody buys at one rate for ever."""

    def __init__(self, daily=DAILY):
        self.daily = daily

    def expected_orders(self, summary, horizon_days):
        return summary.select("customer_id", expected_orders=pl.lit(self.daily * horizon_days))


class KnownValue:
    """Every order is worth the same."""

    def expected_order_value(self, summary):
        return summary.select("customer_id", expected_order_value=pl.lit(VALUE))


def know(_summary):
    """Models that know the rate and the value, at any cutoff."""
    return KnownRate(), KnownValue()


def learn(summary):
    """The mean rate of all customers so far, and the known value: a model that follows its shop slowly."""
    return KnownRate(summary["repeat_orders"].sum() / summary["days_observed"].sum()), KnownValue()
