"""A second set of young shops, made after what the first set taught was built: it has taught nothing."""

import numpy as np
from young_shops import Events, Rng, Shop, between, by_season, joined, renewed, thinned, with_extra


def vet(rng: Rng, n: int, days: int) -> Events:
    """A yearly check, and visits between at random."""
    shape = (n, 6)
    yearly = renewed(rng.normal(365, 15, shape), rng.random(shape) < 0.15, joined(rng, n, days), days)
    rate = rng.gamma(0.7, 0.008, n)
    return with_extra(yearly, thinned(rng, np.ones(days), rate, np.full(n, -5), np.full(n, 1e6)), n, days)


def diapers(rng: Rng, n: int, days: int) -> Events:
    """Gaps grow from one or two weeks on, until the child is too old."""
    shape, mean = (n, 60), rng.uniform(9, 16, n)[:, None] * (1 + 0.03 * np.arange(60))
    joins, gaps = joined(rng, n, days), between(rng, mean, 0.3, shape)
    old = np.cumsum(gaps, axis=1) > rng.uniform(150, 700, n)[:, None]
    return renewed(gaps, old | (rng.random(shape) < 0.02), joins, days)


def mealkit(rng: Rng, n: int, days: int) -> Events:
    """A kit a week with skips; some leave and are won back."""
    shape = (n, days // 7 + 5)
    gaps, back = 7.0 * rng.geometric(0.75, shape), rng.random(shape) < 0.04
    gaps = gaps + back * rng.uniform(30, 120, shape)
    return renewed(gaps, rng.random(shape) < 0.09, joined(rng, n, days, 3), days)


def crafts(rng: Rng, n: int, days: int) -> Events:
    """Projects of a few orders, and months without."""
    shape = (n, 80)
    pauses = rng.random(shape) < 0.3
    gaps = np.where(pauses, rng.exponential(90, shape), rng.exponential(6, shape))
    return renewed(gaps, rng.random(shape) < 0.12, joined(rng, n, days), days)


def xmas(rng: Rng, n: int, days: int) -> Events:
    """Gifts, from September on: half of the year is six weeks."""
    doy = (np.arange(days) + 260) % 365
    factor = np.where((doy > 318) & (doy < 357), 4.0, 0.5)
    return thinned(rng, factor, rng.gamma(0.8, 0.01, n), by_season(rng, factor, n), rng.exponential(500, n))


def yoga(rng: Rng, n: int, days: int) -> Events:
    """Passes of ten, used up at each one's own pace."""
    shape, mean = (n, days // 10 + 5), 70 / rng.gamma(4, 0.4, n).clip(0.5)[:, None]
    gaps = between(rng, mean, 0.25, shape) + rng.exponential(6, shape)
    return renewed(gaps, rng.random(shape) < 0.12, joined(rng, n, days), days)


def water(rng: Rng, n: int, days: int) -> Events:
    """Offices order every two or four weeks, but not in four weeks of summer."""
    shape, mean = (n, days // 7 + 5), rng.choice([14, 28], n)[:, None]
    who, day = renewed(between(rng, mean, 0.25, shape), rng.random(shape) < 0.015, joined(rng, n, days), days)
    begins = np.full(n, days)
    np.minimum.at(begins, who, day)
    kept = (day % 365 < 200) | (day % 365 > 228) | (day == begins[who])
    return who[kept], day[kept]


def books(rng: Rng, n: int, days: int) -> Events:
    """Very unequal rates and a slight season; twice as many newcomers after a year."""
    factor = 1 + 0.25 * np.sin(2 * np.pi * (np.arange(days) - 200) / 365)
    rate = rng.gamma(0.45, 0.03, n).clip(0, 0.8)
    return thinned(rng, factor, rate, joined(rng, n, days, 2), rng.exponential(450, n))


def catering(rng: Rng, n: int, days: int) -> Events:
    """One in eight is an account that orders weekly; most others come once."""
    shape, key = (n, days // 5 + 5), rng.random(n)[:, None] < 0.12
    gaps = np.where(key, between(rng, 7, 0.3, shape), rng.exponential(60, shape))
    return renewed(gaps, rng.random(shape) < np.where(key, 0.01, 0.7), joined(rng, n, days), days)


def flowers(rng: Rng, n: int, days: int) -> Events:
    """Two weeks of the year, and birthdays."""
    doy = (np.arange(days) + 15) % 365
    factor = 0.6 + 8 * ((doy > 38) & (doy < 46)) + 6 * ((doy > 122) & (doy < 132))
    return thinned(rng, factor, rng.gamma(1, 0.005, n), by_season(rng, factor, n), rng.exponential(900, n))


def ink(rng: Rng, n: int, days: int) -> Events:
    """Every two to four months; half come once."""
    shape, mean = (n, 20), rng.uniform(60, 120, n)[:, None]
    stops = rng.random(shape) < np.where(np.arange(20) == 0, 0.5, 0.12)
    return renewed(between(rng, mean, 0.45, shape), stops, joined(rng, n, days), days)


def drops(rng: Rng, n: int, days: int) -> Events:
    """New pieces every Thursday, and hardly a purchase on other days."""
    factor = np.where(np.arange(days) % 7 == 3, 6.0, 0.05)
    rate = rng.beta(0.7, 14, n).clip(0, 0.16)
    return thinned(rng, factor, rate, joined(rng, n, days), rng.exponential(200, n))


def influencer(rng: Rng, n: int, days: int) -> Events:
    """Three waves of newcomers, half of whom leave within weeks."""
    at, wave = np.array([0.1, 0.45, 0.8]) * days, rng.integers(0, 3, n)
    steady = rng.random(n) < 0.25
    joins = np.where(
        steady, joined(rng, n, days), (at[wave] + rng.exponential(4, n)).astype(np.int64).clip(0, days - 1)
    )
    rate = rng.gamma(0.6, 0.02, n)
    return thinned(rng, np.ones(days), rate, joins, rng.exponential(rng.choice([40, 300], n), n))


def vitamins(rng: Rng, n: int, days: int) -> Events:
    """Monthly, every two months or at random; a third buys once."""
    shape, kind = (n, days // 20 + 5), rng.integers(0, 3, n)[:, None]
    monthly, other = between(rng, 31, 0.12, shape), between(rng, 62, 0.2, shape)
    gaps = np.where(kind == 0, monthly, np.where(kind == 1, other, rng.exponential(80, shape)))
    stops = rng.random(shape) < np.where(np.arange(shape[1]) == 0, 0.33, 0.08)
    return renewed(gaps, stops, joined(rng, n, days), days)


SECOND: tuple[Shop, ...] = (
    (vet, 700, (150, 300, 500), 3), (diapers, 700, (100, 200, 400), 5), (mealkit, 1200, (100, 200, 360), 1),
    (crafts, 900, (120, 240, 400), 8), (xmas, 1200, (100, 250, 430), 9), (yoga, 350, (110, 220, 400), 2),
    (water, 250, (100, 220, 420), 4), (books, 2500, (100, 240, 420), 6), (catering, 700, (120, 240, 400), 3),
    (flowers, 1500, (120, 250, 420), 1), (ink, 900, (150, 300, 500), 10), (drops, 1000, (90, 180, 360), 7),
    (influencer, 1300, (110, 200, 380), 5), (vitamins, 800, (110, 220, 400), 9),
)  # fmt: skip
"""Customers by the end, ages in days, month of opening."""
