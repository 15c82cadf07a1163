"""Shops whose customers buy by mechanisms unlike the simulator's: what a level meets that was not thought of.

Nobody here has a rate that stays until a sudden death. Purchases come by the season of the trade, by renewal with other
gaps than a gamma's, or with rates that fade; the first three live of a few weeks a year.
"""

from collections.abc import Callable, Iterator
from datetime import date, timedelta

import numpy as np
import polars as pl
from accuracy_cases import History
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Days = NDArray[np.int64]

CUSTOMERS = 2_000
START = date(2020, 1, 1)


def donors(rng: np.random.Generator) -> tuple[Days, Days]:
    """Four of five gifts answer the appeal of late autumn; people give once a year or less, and stay some years."""
    days = np.arange(5 * 365)
    appeal = ((days % 365 >= 318) & (days % 365 < 353)) * 8.3 + 0.2
    return thinned(rng, appeal, rng.beta(6, 2, CUSTOMERS) / 365, stays_days=2_000, joins=appeal)


def gifts(rng: np.random.Generator) -> tuple[Days, Days]:
    """Sixty per cent of the purchases are made in the seven weeks before Christmas."""
    days = np.arange(4 * 365)
    season = np.where((days % 365 >= 304) & (days % 365 < 356), 4.2, 0.47)
    return thinned(rng, season, rng.gamma(0.7, 1.5, CUSTOMERS) / 365, stays_days=700, joins=season)


def garden(rng: np.random.Generator) -> tuple[Days, Days]:
    """Spring is sixty times winter, and autumn a small second season."""
    days = np.arange(4 * 365) % 365
    season = 3 * np.exp(-(((days - 115) / 35) ** 2) / 2) + 0.25 * np.exp(-(((days - 270) / 20) ** 2) / 2) + 0.05
    return thinned(rng, season, rng.gamma(1, 0.012, CUSTOMERS), stays_days=1_000, joins=season)


def fading(rng: np.random.Generator) -> tuple[Days, Days]:
    """For two years nobody has come, and those who did buy less from month to month."""
    days = np.arange(4 * 365)
    fades = np.exp(-np.maximum(days - 730, 0) / 300)
    return thinned(rng, fades, rng.gamma(0.8, 0.025, CUSTOMERS), stays_days=2_000, joins=(days < 730) * 1.0)


def closed(rng: np.random.Generator) -> tuple[Days, Days]:
    """Closed for four months, half a year before the end."""
    days = np.arange(4 * 365)
    is_open = 1.0 - ((days >= 1_160) & (days < 1_280))
    return thinned(rng, is_open, rng.gamma(0.8, 0.02, CUSTOMERS), stays_days=700, joins=is_open)


def launch(rng: np.random.Generator) -> tuple[Days, Days]:
    """Everybody comes in the first week, and the rate of each halves every few months."""
    days, halves = np.arange(365), rng.lognormal(4.2, 0.8, CUSTOMERS)
    fades = np.exp2(-days / halves[:, None])
    return thinned(rng, fades, rng.gamma(0.6, 0.03, CUSTOMERS), stays_days=1e6, joins=(days < 7) * 1.0)


def sleepers(rng: np.random.Generator) -> tuple[Days, Days]:
    """Bursts of a few orders, a year or two apart."""
    sleeps = rng.random((CUSTOMERS, 15)) < 0.4
    gaps = np.where(sleeps, rng.uniform(330, 760, sleeps.shape), rng.uniform(1, 30, sleeps.shape))
    return renewed(gaps, rng.random(sleeps.shape) < 0.15, rng.integers(0, 5 * 365, CUSTOMERS), 5 * 365)


def growing(rng: np.random.Generator) -> tuple[Days, Days]:
    """Ten times as many newcomers after a year; gaps have a long tail."""
    days = 600
    joined = (np.log1p(rng.random(CUSTOMERS) * (10 ** (days / 365) - 1)) / np.log(10) * 365).astype(np.int64)
    gaps = rng.lognormal(3.5, 1.0, (CUSTOMERS, 25))
    return renewed(gaps, rng.random(gaps.shape) < 0.25, joined, days)


def subscribers(rng: np.random.Generator) -> tuple[Days, Days]:
    """An order every 28 days, give or take one, until cancelled."""
    gaps = np.rint(rng.normal(28, 1, (CUSTOMERS, 40)))
    return renewed(gaps, rng.random(gaps.shape) < 0.07, rng.integers(0, 900, CUSTOMERS), 900)


def once(rng: np.random.Generator) -> tuple[Days, Days]:
    """A marketplace where 95 % buy once."""
    gaps = rng.exponential(80, (CUSTOMERS, 6))
    stops = rng.random(gaps.shape) < np.where(np.arange(6) == 0, 0.95, 0.4)
    return renewed(gaps, stops, rng.integers(0, 900, CUSTOMERS), 900)


SHOPS: tuple[Callable[[np.random.Generator], tuple[Days, Days]], ...] = (
    *(donors, gifts, garden, fading, closed, launch, sleepers, growing, subscribers, once),
)


def shops() -> Iterator[tuple[History, pl.DataFrame]]:
    """Yield every shop with its rows; order values differ between customers and from order to order."""
    for seed, mechanism in enumerate(SHOPS):
        rng = np.random.default_rng(seed)
        who, day = mechanism(rng)
        amount = 30 * rng.lognormal(0, 0.5, CUSTOMERS)[who] * rng.lognormal(0, 0.4, who.size)
        midnight = pl.Series(day).cast(pl.Int32) + (START - date(1970, 1, 1)).days
        rows = pl.DataFrame(
            {
                "customer_id": pl.Series(who).cast(pl.String),
                "ordered_at": midnight.cast(pl.Date).cast(pl.Datetime("us")) + timedelta(hours=10),
                "amount": amount.round(2),
            }
        ).sort("ordered_at", "customer_id")
        end = START + timedelta(days=int(day.max()) + 1)
        yield History(f"simulated, {mechanism.__name__}", None, lambda _path, rows=rows: rows, end), rows


def thinned(
    rng: np.random.Generator, factor: Vector, daily_rate: Vector, *, stays_days: float, joins: Vector
) -> tuple[Days, Days]:
    """Buy on each day with a rate times the day's factor, from a day drawn by `joins` until leaving."""
    days = np.arange(joins.size)
    joined = rng.choice(days, daily_rate.size, p=joins / joins.sum())[:, None]
    left = joined + rng.exponential(stays_days, joined.shape)
    bought = (rng.random((daily_rate.size, days.size)) < daily_rate[:, None] * factor) & (days > joined) & (days < left)
    who, day = np.nonzero(bought | (days == joined))
    return who, day


def renewed(gaps_days: Vector, stops: NDArray[np.bool_], joined: Days, days: int) -> tuple[Days, Days]:
    """Buy again after each gap, until one is not begun; at most once a day."""
    goes_on = np.cumsum(stops, axis=1) == 0
    later = joined[:, None] + np.cumsum(np.maximum(gaps_days, 1.0), axis=1).astype(np.int64)
    every = np.concatenate([joined[:, None], np.where(goes_on, later, days)], axis=1)
    who, place = np.nonzero(every < days)
    return who, every[who, place]
