"""Young, small and odd shops, such as a new user comes with: two sets, the second made after what the first taught.

Every shop has its own law of who comes, when they buy again and when they leave, none of them a purchase model's. It is
judged at three ages, the first of which is three to five months.
"""

from collections.abc import Callable, Iterator
from datetime import date, timedelta

import numpy as np
import polars as pl
from accuracy_cases import History
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Days = NDArray[np.int64]
Events = tuple[Days, Days]
Rng = np.random.Generator

AHEAD_DAYS = 90
_FOR_GOOD = 1e6


def joined(rng: Rng, n: int, days: int, yearly: float = 1.0) -> Days:
    """Days of first orders: evenly, or so many times as many after a year."""
    u = rng.random(n)
    if yearly == 1.0:
        return (u * days).astype(np.int64)
    log = np.log(yearly)
    return (np.log1p(u * (np.exp(log * days / 365) - 1)) / log * 365).astype(np.int64)


def renewed(gaps: Vector, stops: NDArray[np.bool_], joins: Days, days: int) -> Events:
    """Buy again after each gap, in whole days, until one is not begun."""
    goes_on = np.cumsum(stops, axis=1) == 0
    later = joins[:, None] + np.cumsum(np.maximum(np.rint(gaps), 1.0), axis=1).astype(np.int64)
    every = np.concatenate([joins[:, None], np.where(goes_on, later, days)], axis=1)
    who, place = np.nonzero(every < days)
    return who, every[who, place]


def thinned(rng: Rng, factor: Vector, rate: Vector, joins: Days, stays: Vector) -> Events:
    """Buy on each day with a rate times the day's factor, from the day of joining on, for so many days."""
    days, since = np.arange(np.shape(factor)[-1]), np.asarray(joins)[:, None]
    bought = (rng.random((rate.size, days.size)) < rate[:, None] * factor) & (days > since)
    return np.nonzero((bought & (days < since + stays[:, None])) | (days == since))


def between(rng: Rng, mean: Vector | float, cv: float, shape: tuple[int, int]) -> Vector:
    """Gamma gaps with a mean and a coefficient of variation."""
    return rng.gamma(1 / cv**2, cv**2, shape) * mean


def by_season(rng: Rng, factor: Vector, n: int) -> Days:
    """Days of first orders, by the season of the trade."""
    return rng.choice(np.arange(factor.size), n, p=factor / factor.sum())


def with_extra(first: Events, extra: Events, n: int, days: int) -> Events:
    """Add purchases of another kind after each customer's first."""
    begins = np.full(n, days)
    np.minimum.at(begins, *first)
    later = extra[1] > begins[extra[0]]
    return np.r_[first[0], extra[0][later]], np.r_[first[1], extra[1][later]]


def weekly_box(rng: Rng, n: int, days: int) -> Events:
    """A box a week; one in ten is skipped, one in twenty the last."""
    shape = (n, days // 7 + 5)
    gaps = 7 * rng.geometric(0.9, shape) + rng.integers(-1, 2, shape) * (rng.random(shape) < 0.2)
    return renewed(gaps, rng.random(shape) < 0.05, joined(rng, n, days), days)


def paused_box(rng: Rng, n: int, days: int) -> Events:
    """A box every 28 days, with pauses of one to three months."""
    shape = (n, days // 20 + 5)
    gaps = rng.normal(28, 1.2, shape) + 28 * rng.integers(1, 4, shape) * (rng.random(shape) < 0.08)
    return renewed(gaps, rng.random(shape) < 0.07, joined(rng, n, days), days)


def coffee(rng: Rng, n: int, days: int) -> Events:
    """Everybody has a rhythm of two to five weeks."""
    shape, mean = (n, days // 8 + 5), rng.uniform(14, 35, n)[:, None]
    gaps = between(rng, mean, 0.2, shape)
    return renewed(gaps, rng.random(shape) < rng.beta(1, 9, n)[:, None], joined(rng, n, days), days)


def b2b(rng: Rng, n: int, days: int) -> Events:
    """Firms reorder about monthly, and stay."""
    shape, mean = (n, days // 8 + 5), 30 * rng.lognormal(0, 0.4, n)[:, None]
    gaps, stops = between(rng, mean, 0.35, shape), rng.random(shape) < 0.02
    return renewed(gaps, stops, (joined(rng, n, days) * rng.random(n)).astype(np.int64), days)


def school(rng: Rng, n: int, days: int) -> Events:
    """School terms, from September on: next to nothing in summer, a rush after it."""
    doy = (np.arange(days) + 243) % 365
    factor = np.where((doy > 170) & (doy < 235), 0.15, 1.0) * np.where((doy > 235) & (doy < 262), 2.5, 1.0)
    return thinned(rng, factor, rng.gamma(1, 0.02, n), joined(rng, n, days), rng.exponential(400, n))


def market(rng: Rng, n: int, days: int) -> Events:
    """A marketplace where 92 % buy once."""
    gaps = rng.exponential(70, (n, 6))
    stops = rng.random(gaps.shape) < np.where(np.arange(6) == 0, 0.92, 0.4)
    return renewed(gaps, stops, joined(rng, n, days), days)


def flash(rng: Rng, n: int, days: int) -> Events:
    """Two days of sale every 23 days, and little between."""
    sale = (np.arange(days) % 23 < 2) * 1.0
    joins = by_season(rng, sale + 0.02, n)
    return thinned(rng, sale + 0.01, rng.beta(0.8, 4, n), joins, rng.exponential(300, n))


def waves(rng: Rng, n: int, days: int) -> Events:
    """Two campaigns; whom the second one brought buys less and leaves soon."""
    first = rng.random(n) < 0.6
    joins = np.where(first, rng.integers(0, 10, n), int(days * 0.55) + rng.integers(0, 14, n))
    joins = np.where(rng.random(n) < 0.3, joined(rng, n, days), joins)
    rate = np.where(first, rng.gamma(1, 0.03, n), rng.gamma(0.5, 0.015, n))
    return thinned(rng, np.ones(days), rate, joins, rng.exponential(np.where(first, 400, 80), n))


def garden(rng: Rng, n: int, days: int) -> Events:
    """Spring is thirty times winter; the shop opens in February."""
    doy = (np.arange(days) + 30) % 365
    factor = 3 * np.exp(-(((doy - 115) / 35) ** 2) / 2) + 0.5 * np.exp(-(((doy - 270) / 20) ** 2) / 2) + 0.1
    rate = rng.gamma(1, 0.012, n)
    return thinned(rng, factor, rate, by_season(rng, factor, n), rng.exponential(700, n))


def growing(rng: Rng, n: int, days: int) -> Events:
    """Ten times as many newcomers after a year."""
    gaps = rng.lognormal(3.5, 1.0, (n, 25))
    return renewed(gaps, rng.random(gaps.shape) < 0.25, joined(rng, n, days, 10), days)


def fading(rng: Rng, n: int, days: int) -> Events:
    """After a third of the time nobody comes any more, and everybody buys less from month to month."""
    factor = np.exp(-np.maximum(np.arange(days) - days * 0.3, 0) / 150)
    rate = rng.gamma(0.8, 0.035, n)
    return thinned(rng, factor, rate, (joined(rng, n, days) * 0.4).astype(np.int64), rng.exponential(2000, n))


def tiny(rng: Rng, n: int, days: int) -> Events:
    """No more than 220 customers, at random."""
    return thinned(rng, np.ones(days), rng.gamma(0.8, 0.025, n), joined(rng, n, days), rng.exponential(300, n))


def petfood(rng: Rng, n: int, days: int) -> Events:
    """A rhythm of four to eight weeks for those who come back at all."""
    shape, mean = (n, days // 10 + 5), rng.uniform(25, 60, n)[:, None]
    stops = rng.random(shape) < np.where(np.arange(shape[1]) == 0, 0.35, 0.06)
    return renewed(between(rng, mean, 0.3, shape), stops, joined(rng, n, days), days)


def refills(rng: Rng, n: int, days: int) -> Events:
    """Packs for 30, 60 or 90 days, and a few days' delay."""
    shape, mean = (n, days // 20 + 5), rng.choice([30, 60, 90], n, p=[0.5, 0.3, 0.2])[:, None]
    gaps = mean + rng.exponential(4, shape)
    return renewed(gaps, rng.random(shape) < 0.06, joined(rng, n, days), days)


def waning(rng: Rng, n: int, days: int) -> Events:
    """Everybody's rate halves every few months."""
    joins, halves = joined(rng, n, days), rng.lognormal(4.2, 0.7, n)
    factor = np.exp2(-np.maximum(np.arange(days) - joins[:, None], 0) / halves[:, None])
    return thinned(rng, factor, rng.gamma(0.9, 0.05, n), joins, np.full(n, _FOR_GOOD))


def corner(rng: Rng, n: int, days: int) -> Events:
    """A food shop: once or twice a week for years."""
    rate = np.clip(rng.gamma(1.2, 0.15, n), 0, 0.9)
    return thinned(rng, np.ones(days), rate, (joined(rng, n, days) * 0.3).astype(np.int64), rng.exponential(1500, n))


def lunch(rng: Rng, n: int, days: int) -> Events:
    """Weekdays only, with a quiet week a quarter."""
    day = np.arange(days)
    factor = (day % 7 < 5) * np.where(day // 7 % 13 == 12, 0.3, 1.0)
    rate = rng.beta(1.0, 3, n)
    return thinned(rng, factor, rate, (joined(rng, n, days) * 0.7).astype(np.int64), rng.exponential(500, n))


def salon(rng: Rng, n: int, days: int) -> Events:
    """Every five to seven weeks; a quarter comes once."""
    shape, mean = (n, days // 20 + 5), rng.normal(42, 7, n).clip(20)[:, None]
    stops = rng.random(shape) < np.where(np.arange(shape[1]) == 0, 0.25, 0.07)
    return renewed(between(rng, mean, 0.18, shape), stops, joined(rng, n, days), days)


def wine(rng: Rng, n: int, days: int) -> Events:
    """A case a quarter, and orders between at random."""
    shape = (n, days // 60 + 4)
    cases = renewed(rng.normal(91, 2, shape), rng.random(shape) < 0.12, joined(rng, n, days), days)
    rate = rng.gamma(0.4, 0.012, n)
    return with_extra(cases, thinned(rng, np.ones(days), rate, np.full(n, -5), np.full(n, _FOR_GOOD)), n, days)


def tickets(rng: Rng, n: int, days: int) -> Events:
    """Bursts of a few orders, months apart."""
    sleeps = rng.random((n, 40)) < 0.35
    gaps = np.where(sleeps, rng.uniform(60, 300, sleeps.shape), rng.uniform(1, 15, sleeps.shape))
    return renewed(gaps, rng.random(sleeps.shape) < 0.12, joined(rng, n, days), days)


def paydays(rng: Rng, n: int, days: int) -> Events:
    """The first days of a month are busy."""
    factor = np.where(np.arange(days) % 30 < 4, 3.5, 0.4)
    return thinned(rng, factor, rng.gamma(0.9, 0.02, n), joined(rng, n, days), rng.exponential(350, n))


def kids(rng: Rng, n: int, days: int) -> Events:
    """Children grow out of it; two seasons a year."""
    day, joins = np.arange(days), joined(rng, n, days)
    factor = np.exp(-(day - joins[:, None]).clip(0) / 250) * (1 + 0.5 * np.sin(2 * np.pi * (day + 60) / 182))
    return thinned(rng, factor, rng.gamma(1.2, 0.02, n), joins, rng.exponential(600, n))


def razors(rng: Rng, n: int, days: int) -> Events:
    """Half subscribe, half buy now and then."""
    shape, subscribes = (n, days // 20 + 5), rng.random(n)[:, None] < 0.45
    gaps = np.where(subscribes, rng.normal(30, 1.5, shape), rng.exponential(rng.gamma(2, 35, n)[:, None], shape))
    return renewed(gaps, rng.random(shape) < np.where(subscribes, 0.05, 0.3), joined(rng, n, days), days)


def lenses(rng: Rng, n: int, days: int) -> Events:
    """Supplies for a month and a half, three months or six."""
    shape, mean = (n, days // 40 + 5), rng.choice([45, 90, 180], n, p=[0.3, 0.5, 0.2])[:, None]
    gaps = between(rng, mean, 0.15, shape)
    return renewed(gaps, rng.random(shape) < 0.15, joined(rng, n, days), days)


def printer(rng: Rng, n: int, days: int) -> Events:
    """Firms of very different size, at random."""
    gaps = rng.exponential(rng.lognormal(3.6, 1.3, n)[:, None], (n, 400))
    return renewed(gaps, rng.random(gaps.shape) < 0.04, joined(rng, n, days), days)


def launch(rng: Rng, n: int, days: int) -> Events:
    """Half come in the first days and leave soon."""
    joins = np.where(rng.random(n) < 0.5, rng.integers(0, 12, n), joined(rng, n, days))
    rate = rng.gamma(0.6, 0.03, n)
    return thinned(rng, np.ones(days), rate, joins, rng.exponential(np.where(joins < 12, 90, 300), n))


def returns(rng: Rng, n: int, days: int) -> Events:
    """Fashion: of every second order most is sent back."""
    return thinned(rng, np.ones(days), rng.gamma(0.7, 0.02, n), joined(rng, n, days), rng.exponential(250, n))


Shop = tuple[Callable[[Rng, int, int], Events], int, tuple[int, int, int], int]
FIRST: tuple[Shop, ...] = (
    (weekly_box, 500, (100, 180, 300), 2), (paused_box, 800, (120, 240, 480), 5), (coffee, 700, (110, 200, 365), 1),
    (b2b, 220, (120, 250, 500), 3), (school, 900, (120, 250, 420), 9), (market, 3000, (100, 240, 450), 4),
    (flash, 1500, (100, 200, 400), 6), (waves, 1200, (120, 240, 400), 2), (garden, 1200, (120, 240, 450), 2),
    (growing, 2500, (150, 270, 420), 1), (fading, 1000, (150, 270, 420), 3), (tiny, 220, (120, 240, 480), 7),
    (petfood, 900, (120, 240, 400), 8), (refills, 700, (120, 240, 400), 10), (waning, 1000, (100, 220, 400), 4),
    (corner, 400, (90, 180, 360), 1), (lunch, 600, (90, 180, 360), 2), (salon, 500, (120, 240, 480), 5),
    (wine, 600, (150, 270, 500), 6), (tickets, 1200, (120, 240, 450), 3), (paydays, 900, (100, 200, 400), 2),
    (kids, 1000, (120, 240, 450), 8), (razors, 900, (110, 220, 400), 11), (lenses, 900, (150, 300, 500), 4),
    (printer, 350, (120, 240, 450), 9), (launch, 800, (100, 180, 300), 5), (returns, 1500, (110, 220, 400), 3),
)  # fmt: skip
"""Customers by the end, ages in days, month of opening."""


def shops(every: tuple[Shop, ...]) -> Iterator[tuple[History, pl.DataFrame, list[date]]]:
    """Yield every shop with its rows and the dates that it is judged at."""
    for mechanism, customers, ages, month in every:
        rng, days, start = np.random.default_rng([0, 77]), max(ages) + AHEAD_DAYS, date(2023, month, 1)
        who, day = mechanism(rng, customers, days)
        name, worth = mechanism.__name__, 30 * rng.lognormal(0, 0.5, customers)[who] * rng.lognormal(0, 0.4, who.size)
        if name == "returns":
            worth = worth * np.where(rng.random(who.size) < 0.45, rng.uniform(0.05, 0.5, who.size), 1.0)
        if name in ("b2b", "printer"):
            worth = worth * rng.lognormal(0, 0.8, customers)[who] * 5
        midnight = pl.Series(day).cast(pl.Int32) + (start - date(1970, 1, 1)).days
        rows = pl.DataFrame(
            {
                "customer_id": pl.Series(who).cast(pl.String),
                "ordered_at": midnight.cast(pl.Date).cast(pl.Datetime("us")) + timedelta(hours=10),
                "amount": worth.round(2).clip(0.01),
            }
        ).sort("ordered_at", "customer_id", "amount")
        history = History(name, None, lambda _path, rows=rows: rows, start + timedelta(days=days))
        yield history, rows, [start + timedelta(days=age) for age in ages]
