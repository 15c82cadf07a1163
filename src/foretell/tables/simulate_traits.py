"""What is true of each simulated customer beside their orders, and how it hangs together with them.

Tastes and manners are drawn around the orders that are there already. Two of them tell something that orders tell
late or never, how likely a customer is to leave after an order:

- ``categories``: favourites come in pairs of one price, a category that people come back for and one that is bought
  once and again much later. Of the half of customers who leave less easily 95 % have the first of a pair for their
  favourite, of the other half 5 %. Which pair it is goes with the mean order value.
- ``messages``: the ranks of how readily people open messages and of how hardly they leave are correlated (.8 on the
  normal scale).

Errors of the two are independent: each adds to the other, and to the orders. Switched off, a trait is drawn alike for
everybody.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from foretell.errors import ConfigError, did_you_mean
from foretell.tables.simulated import Floats, Ints, People

CATEGORIES = ("stationery", "books", "garden", "kitchen", "fashion", "electronics")
"""From the cheapest to the dearest, in pairs: the first of a pair is what people come back for."""

PLANTED = ("carts", "categories", "messages")
"""Signals that can be switched off, each by its own."""

BRANDS = 4
"""Brands of every category."""

MACHINE_SHARE = 0.25
"""Share of people whose mail program opens every message by itself."""

_PAIRS = len(CATEGORIES) // 2
_TRUE_TO_HALF = 0.95
_ENGAGEMENT_CORRELATION = 0.8
_RESTOCK_SHARE = 1 / 3


@dataclass(frozen=True)
class Traits:
    """What is true of each customer beside their orders; arrays of one length.

    Parameters
    ----------
    favourite : ndarray of int
        Favourite category, a position in `CATEGORIES`.
    brand : ndarray of int
        Favourite brand.
    restock_days : ndarray of float
        Interval at which coffee is bought; NaN: never.
    distance_km : ndarray of float
        Distance from the shop.
    engagement : ndarray of float
        Probability to open a message.
    """

    favourite: Ints
    brand: Ints
    restock_days: Floats
    distance_km: Floats
    engagement: Floats


def wanted_signals(planted: Sequence[str] | str) -> frozenset[str]:
    """Check the names of signals.

    Parameters
    ----------
    planted : sequence of str or "all"
        Names of `PLANTED`.

    Returns
    -------
    frozenset of str

    Raises
    ------
    ConfigError
        If a name is unknown; all of them at once.
    """
    names = PLANTED if planted == "all" else (planted,) if isinstance(planted, str) else tuple(planted)
    problems = [f"No signal {name!r} is planted.{did_you_mean(name, PLANTED)}" for name in names if name not in PLANTED]
    if problems:
        raise ConfigError(problems)
    return frozenset(names)


def draw_traits(rng: np.random.Generator, people: People, planted: Collection[str]) -> Traits:
    """Draw what is true of each customer beside their orders.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where chance comes from; what is switched off changes no other draw.
    people : People
        The customers.
    planted : collection of str
        Names of `PLANTED`.

    Returns
    -------
    Traits
    """
    count = people.kind.size
    dear = rank(people.mean_value) + rng.normal(0, 0.2, count)
    restocks = rng.random(count) < _RESTOCK_SHARE
    near = 1 - rank(people.rate_per_day)
    # Equal probabilities, those of all one-time buyers, are put in an order of chance.
    loyal = np.empty(count)
    loyal[np.lexsort((rng.random(count), -people.leave))] = np.sort(rng.standard_normal(count))
    chance, chances = rng.random(count), rng.standard_normal(count)
    bought_once = chance < np.where(loyal > 0, 1 - _TRUE_TO_HALF, _TRUE_TO_HALF)
    manner = _ENGAGEMENT_CORRELATION * loyal + np.sqrt(1 - _ENGAGEMENT_CORRELATION**2) * chances
    pair = np.clip(np.floor(dear * _PAIRS), 0, _PAIRS - 1).astype(np.int64)
    return Traits(
        favourite=2 * pair + (bought_once if "categories" in planted else chance < 0.5),
        brand=rng.integers(0, BRANDS, count),
        restock_days=np.where(restocks, rng.uniform(25, 70, count), np.nan),
        distance_km=2 + 60 * near * rng.gamma(4, 1 / 4, count),
        engagement=in_the_order_of(draw_engagement(rng, count), manner if "messages" in planted else chances),
    )


def draw_engagement(rng: np.random.Generator, count: int) -> Floats:
    """Draw probabilities to open a message, 0.4 in the mean.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where chance comes from.
    count : int
        How many.

    Returns
    -------
    ndarray of float
    """
    return rng.beta(2, 3, count)


def rank(values: Floats) -> Floats:
    """Rank each value among all.

    Parameters
    ----------
    values : ndarray of float
        Any.

    Returns
    -------
    ndarray of float
        In [0, 1); equal values share it.
    """
    return np.searchsorted(np.sort(values), values) / max(values.size, 1)


def in_the_order_of(values: Floats, keys: Floats) -> Floats:
    """Hand values out so that the highest key has the highest of them.

    Parameters
    ----------
    values, keys : ndarray of float
        Of one length.

    Returns
    -------
    ndarray of float
        The values in another order.
    """
    ordered = np.empty_like(values)
    ordered[np.argsort(keys, kind="stable")] = np.sort(values)
    return ordered
