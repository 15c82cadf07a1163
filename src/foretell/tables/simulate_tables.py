"""Tables beside the orders of a simulated shop, drawn around the orders, so that these stay as they are.

Planted, and told in the truth. The first three say what orders do not, and can be switched off by name:

- order_lines (``categories``): nine in ten of a customer's lines are of a favourite category, others of any
  (``favourite_category``). The dearer the customer's mean order value, the dearer the favourite; of each pair of one
  price, the first is that of customers who come back (`foretell.tables.simulate_traits`). A third restock coffee at an
  interval of their own (``restock_days``; null for the others).
- events (``messages``): readers of messages come back (``message_engagement``), and who has left reads few.
- events (``carts``): carts are filled before orders, and hardly by anybody who has left, so that an open cart says that
  somebody quiet is there still (`foretell.tables.simulate_events`).
- customers: those who buy often live near the shop (``distance_km``); country, region and the rest say nothing.
- calendar, places: Black Friday and Christmas of each year; one shop. What lift they have is the shop's season.
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from foretell.errors import ConfigError, did_you_mean
from foretell.tables.dataset import MINOR_PER_UNIT
from foretell.tables.optional_tables import OptionalTables
from foretell.tables.schema import OPTIONAL
from foretell.tables.simulate_events import Shoppers, simulate_events
from foretell.tables.simulate_traits import BRANDS, CATEGORIES, MACHINE_SHARE, Traits, draw_engagement, draw_traits
from foretell.tables.simulated import Floats, Ints, People, Purchases, Refunds, identifier, instant
from foretell.windows import Window

_COFFEE = len(CATEGORIES)
_PRODUCTS = 20
_FAVOURITE_SHARE = 0.9
_SHOP = (52.52, 13.405)
_KM_PER_DEGREE = 111.195
_VISITORS_PER_CUSTOMER = 0.2
_SECONDS_PER_DAY = 86_400
_CENT = MINOR_PER_UNIT // 100
_FIRST_NAMES = ("Ada", "Bela", "Chloe", "Dario", "Edda", "Fritz", "Greta", "Hugo")
_LAST_NAMES = ("Acker", "Brandt", "Conti", "Dietz", "Ebert", "Falk", "Gruber", "Haas")
_REGIONS = (("DE", "Berlin"), ("DE", "Brandenburg"), ("DE", "Sachsen"), ("PL", "Lubuskie"))


def wanted_tables(tables: Sequence[str] | str) -> tuple[str, ...]:
    """Check the names of tables.

    Parameters
    ----------
    tables : sequence of str or "all"
        Names of tables beside the orders.

    Returns
    -------
    tuple of str
        In the order of the design.

    Raises
    ------
    ConfigError
        If a name is unknown.
    """
    known = tuple(table.name for table in OPTIONAL)
    names = known if tables == "all" else (tables,) if isinstance(tables, str) else tuple(tables)
    problems = [f"There is no table {name!r}.{did_you_mean(name, known)}" for name in names if name not in known]
    if problems:
        raise ConfigError(problems)
    return tuple(name for name in known if name in names)


def add_tables(
    tables: Sequence[str],
    planted: Collection[str],
    seed: int,
    span: Window,
    *,
    people: People,
    purchases: Purchases,
    refunds: Refunds,
) -> tuple[OptionalTables, pl.DataFrame]:
    """Draw the tables beside the orders.

    Parameters
    ----------
    tables : sequence of str
        What `wanted_tables` returned.
    planted : collection of str
        What `wanted_signals` returned.
    seed : int
        Seed of the shop; each table has a stream of its own, so that leaving one out changes no other.
    span : Window
        The period that was observed.
    people, purchases, refunds : People, Purchases, Refunds
        The shop's orders.

    Returns
    -------
    optional : OptionalTables
        The tables asked for.
    planted : polars.DataFrame
        One row per customer: ``customer_id``, ``favourite_category``, ``restock_days``, ``distance_km``,
        ``message_engagement``, ``opens_by_machine``.
    """
    # the first four streams are those of the orders
    streams = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(9)[4:]]
    traits = draw_traits(streams[0], people, planted)
    visitors = int(np.ceil(_VISITORS_PER_CUSTOMER * people.kind.size))
    shoppers = _shoppers(streams[1], span, purchases, traits, visitors)
    drawn: dict[str, Any] = {}
    if "order_lines" in tables:
        drawn["order_lines"] = _order_lines(streams[2], span.start, purchases, refunds, traits).lazy()
    if "events" in tables:
        drawn["events"] = simulate_events(streams[3], span, purchases, shoppers, planted).lazy()
    if "customers" in tables:
        drawn["customers"] = _profiles(streams[4], span, shoppers, traits).lazy()
    if "calendar" in tables:
        drawn["calendar"] = _calendar(span)
    if "places" in tables:
        drawn["places"] = pl.DataFrame({"place": ["shop"], "lat": [_SHOP[0]], "lon": [_SHOP[1]], "radius_km": [10.0]})
    truth = pl.DataFrame(
        {
            "who": np.arange(people.kind.size),
            "favourite_category": np.array(CATEGORIES)[traits.favourite],
            "restock_days": pl.Series(traits.restock_days).fill_nan(None),
            "distance_km": traits.distance_km,
            "message_engagement": shoppers.engagement[: people.kind.size],
            "opens_by_machine": shoppers.by_machine[: people.kind.size],
        }
    )
    named = truth.select(identifier("who", "c").alias("customer_id"), pl.exclude("who"))
    return OptionalTables(**drawn), named


def _shoppers(rng: np.random.Generator, span: Window, purchases: Purchases, traits: Traits, visitors: int) -> Shoppers:
    """Customers and, behind them, visitors who never order."""
    customers = purchases.left.size
    end = int((span.end - span.start).total_seconds())
    first = np.full(customers, end, dtype=np.int64)
    np.minimum.at(first, purchases.who, purchases.seconds)
    last = np.zeros(customers, dtype=np.int64)
    np.maximum.at(last, purchases.who, purchases.seconds)
    came = first - rng.exponential(20 * _SECONDS_PER_DAY, customers).astype(np.int64)
    came_visitors = rng.integers(0, end, visitors)
    went_visitors = came_visitors + rng.exponential(15 * _SECONDS_PER_DAY, visitors).astype(np.int64)
    count = customers + visitors
    return Shoppers(
        customers=customers,
        came=np.maximum(np.concatenate([came, came_visitors]), 0),
        left=np.minimum(np.concatenate([np.where(purchases.left == 1, last, end), went_visitors]), end),
        favourite=np.concatenate([traits.favourite, rng.integers(0, len(CATEGORIES), visitors)]),
        engagement=np.concatenate([traits.engagement, draw_engagement(rng, visitors)]),
        by_machine=rng.random(count) < MACHINE_SHARE,
        agreed_email=rng.random(count) < 0.7,
        agreed_sms=rng.random(count) < 0.2,
    )


def _order_lines(
    rng: np.random.Generator, start: datetime, purchases: Purchases, refunds: Refunds, traits: Traits
) -> pl.DataFrame:
    pieces = 1 + rng.poisson(2.0, purchases.who.size)
    order = np.repeat(np.arange(purchases.who.size), pieces)
    first = np.concatenate([[0], np.cumsum(pieces)[:-1]]).astype(np.int64)
    weight = rng.gamma(2.0, 1.0, order.size)
    share = weight / np.add.reduceat(weight, first)[order]
    cents = np.floor(purchases.cents[order] * share).astype(np.int64)
    # the first line takes what rounding left, so that lines add up to their order
    cents[first] += purchases.cents - np.add.reduceat(cents, first)
    who = purchases.who[order]
    is_favourite = rng.random(order.size) < _FAVOURITE_SHARE
    category = np.where(is_favourite, traits.favourite[who], rng.integers(0, len(CATEGORIES), order.size))
    category[first[_restocks(purchases, traits.restock_days)]] = _COFFEE
    brand = np.where(rng.random(order.size) < 0.6, traits.brand[who], rng.integers(0, BRANDS, order.size))
    returned = first[refunds.order]
    rows = pl.DataFrame(
        {
            "who": np.concatenate([who, who[returned]]),
            "order": purchases.numbers()[np.concatenate([order, refunds.order])],
            "seconds": np.concatenate([purchases.seconds[order], refunds.seconds]),
            "category": np.concatenate([category, category[returned]]),
            "brand": np.concatenate([brand, brand[returned]]),
            "product": np.concatenate([item := rng.integers(0, _PRODUCTS, order.size), item[returned]]),
            "quantity": np.concatenate([1.0 + rng.poisson(0.3, order.size), np.full(returned.size, -1.0)]),
            "cents": np.concatenate([cents, -refunds.cents]),
        }
    )
    name = pl.col("category").replace_strict(range(_COFFEE + 1), (*CATEGORIES, "coffee"), return_dtype=pl.String)
    brand_name = pl.col("brand").replace_strict(
        range(BRANDS), ("Alba", "Borea", "Cima", "Dolo"), return_dtype=pl.String
    )
    return rows.sort("seconds", "order", maintain_order=True).select(
        identifier("who", "c").alias("customer_id"),
        instant(start, "seconds").alias("ordered_at"),
        pl.concat_str(name, pl.lit("-"), brand_name.str.to_lowercase(), pl.lit("-"), "product").alias("product_id"),
        "quantity",
        (pl.col("cents") * _CENT).alias("amount_minor"),
        identifier("order", "o").alias("order_id"),
        name.alias("category"),
        brand_name.alias("brand"),
    )


def _restocks(purchases: Purchases, restock_days: Floats) -> Ints:
    """Positions of orders with coffee: the first in each stretch of the customer's own interval."""
    in_turn = np.lexsort((purchases.seconds, purchases.who))
    who = purchases.who[in_turn]
    with np.errstate(invalid="ignore"):
        stretch = np.floor(purchases.seconds[in_turn] / _SECONDS_PER_DAY / restock_days[who])
    new = np.ones(who.size, dtype=bool)
    new[1:] = (who[1:] != who[:-1]) | (stretch[1:] != stretch[:-1])
    return in_turn[new & ~np.isnan(stretch)]


def _profiles(rng: np.random.Generator, span: Window, shoppers: Shoppers, traits: Traits) -> pl.DataFrame:
    """Customers, and the visitors who signed up without an order."""
    members = np.flatnonzero(
        (np.arange(shoppers.came.size) < shoppers.customers) | (rng.random(shoppers.came.size) < 0.5)
    )
    count = members.size
    visitors = shoppers.came.size - shoppers.customers
    distance = np.concatenate([traits.distance_km, rng.uniform(2, 120, visitors)])[members]
    angle = rng.uniform(0, 2 * np.pi, count)
    region = rng.integers(0, len(_REGIONS), count)
    rows = pl.DataFrame(
        {
            "who": members,
            "seconds": shoppers.came[members],
            "country": np.array([country for country, _ in _REGIONS])[region],
            "region": np.array([name for _, name in _REGIONS])[region],
            "lat": _SHOP[0] + distance * np.cos(angle) / _KM_PER_DEGREE,
            "lon": _SHOP[1] + distance * np.sin(angle) / (_KM_PER_DEGREE * np.cos(np.radians(_SHOP[0]))),
            "born": rng.integers(0, 50 * 365, count),
            "gender": np.array(["f", "m", "x"])[rng.choice(3, count, p=[0.52, 0.46, 0.02])],
            "first_name": np.array(_FIRST_NAMES)[rng.integers(0, len(_FIRST_NAMES), count)],
            "last_name": np.array(_LAST_NAMES)[rng.integers(0, len(_LAST_NAMES), count)],
            "consent_email": shoppers.agreed_email[members],
            "consent_sms": shoppers.agreed_sms[members],
            "consent_ads": rng.random(count) < 0.4,
        }
    )
    key = shoppers.name_of("who")
    return rows.select(
        key.alias("customer_id"),
        instant(span.start, "seconds").alias("signed_up_at"),
        "country",
        "region",
        "lat",
        "lon",
        birth_date=pl.lit(date(1955, 1, 1)) + pl.duration(days="born"),
        gender="gender",
        email=key + "@example.com",
        # a country code that nobody has any more: numbers that are well formed, and ring nowhere
        phone="+888" + pl.col("who").cast(pl.String).str.zfill(11),
        first_name="first_name",
        last_name="last_name",
        consent_email="consent_email",
        consent_sms="consent_sms",
        consent_ads="consent_ads",
    )


def _calendar(span: Window) -> pl.DataFrame:
    years = range(span.start.year, span.end.year + 2)
    fridays = [date(year, 11, 23) + timedelta(days=(4 - date(year, 11, 23).weekday()) % 7) for year in years]
    return pl.DataFrame(
        {
            "event": ["black_friday"] * len(years) + ["christmas"] * len(years),
            "starts_on": [*fridays, *(date(year, 12, 1) for year in years)],
            "ends_on": [*(day + timedelta(days=3) for day in fridays), *(date(year, 12, 24) for year in years)],
        }
    ).sort("starts_on")
