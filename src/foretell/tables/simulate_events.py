"""Events of a simulated shop: visits, carts, messages, drawn around orders that are there already.

- ``carts``: 60 % of orders have a cart 0 to 7 days before them. Other carts come at random, one in 60 days while
  somebody is a customer, and a tenth as often after they left. So a cart that is open says that somebody is a customer
  still, and after a cart an order within a week is some four times as likely as without. Switched off, all carts come
  at random, as often after leaving as before.
- Four in five of those 60 % of orders have a checkout in the minute before them.
- Visits (one in 25 days, a few views each, a third of them of the favourite category, the others of any; one in three
  with a search) go on after somebody left as before: they say nothing, so that a model that finds much in them errs.
- ``messages``: an e-mail goes every 28 days to those who agreed and is opened with the person's own
  ``message_engagement``, after they left with 15 % of it (switched off: as before). A quarter have a mail program that
  opens every message by itself (``machine_generated``). One open in five is clicked; 2 % bounce softly every time. A
  text message goes every 84 days, clicked a quarter as often as an e-mail is opened.
- Visitors who never order (ids beginning with v) visit for two weeks and put things into carts, too; hardly later.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from foretell.tables.dataset import MINOR_PER_UNIT
from foretell.tables.simulate_traits import CATEGORIES
from foretell.tables.simulated import Floats, Ints, Purchases, identifier, instant
from foretell.windows import Window

_DAY = 86_400
_CART_BEFORE_ORDER = 0.6
_CART_GAP_DAYS = 60.0
_CARTS_AFTER_LEAVING = 0.1
_VISIT_GAP_DAYS = 25.0
_VISITORS_AFTER_LEAVING = 0.1
_OPENS_AFTER_LEAVING = 0.15
_LIKED_SHARE = 1 / 3
_EVENTS = (
    "view", "cart", "checkout", "search", "email_sent", "email_open", "email_click", "email_soft_bounce", "sms_sent",
    "sms_click",
)  # fmt: skip


@dataclass(frozen=True)
class Shoppers:
    """Customers and, behind them, visitors who never order; arrays of one length.

    Parameters
    ----------
    customers : int
        How many of them are customers.
    came, left : ndarray of int
        Seconds after the start when they first came, and when they ceased to be active.
    favourite : ndarray of int
        Favourite category.
    engagement : ndarray of float
        Probability to open a message while active.
    by_machine : ndarray of bool
        Whether a mail program opens every message.
    agreed_email, agreed_sms : ndarray of bool
        Whether they agreed to messages.
    """

    customers: int
    came: Ints
    left: Ints
    favourite: Ints
    engagement: Floats
    by_machine: NDArray[np.bool_]
    agreed_email: NDArray[np.bool_]
    agreed_sms: NDArray[np.bool_]

    def name_of(self, column: str) -> pl.Expr:
        """Return ids: those of orders for customers, ids of their own for visitors.

        Parameters
        ----------
        column : str
            Column of positions.

        Returns
        -------
        polars.Expr
            String.
        """
        is_customer = pl.col(column) < self.customers
        return pl.when(is_customer).then(identifier(column, "c")).otherwise(identifier(column, "v"))


@dataclass(frozen=True)
class _Events:
    """Events of some kinds: who, when, what (position in `_EVENTS`); machine where a machine did it."""

    who: Ints
    seconds: Ints
    what: Ints
    machine: NDArray[np.bool_]


def simulate_events(
    rng: np.random.Generator, span: Window, purchases: Purchases, shoppers: Shoppers, planted: Collection[str]
) -> pl.DataFrame:
    """Draw the events of a period.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where chance comes from.
    span : Window
        The period that was observed.
    purchases : Purchases
        Orders that carts lead to.
    shoppers : Shoppers
        Who there is.
    planted : collection of str
        Names of `foretell.tables.simulate_traits.PLANTED`.

    Returns
    -------
    polars.DataFrame
        In order of time: ``customer_id``, ``occurred_at``, ``event``, ``category``, ``price_minor``, ``device``,
        ``channel``, ``campaign``, ``machine_generated``; what an event does not have is null.
    """
    end = int((span.end - span.start).total_seconds())
    # one stream a kind: what is switched off in one changes no other
    for_carts, for_visits, for_messages = rng.spawn(3)
    parts = [
        *_carts(for_carts, purchases, shoppers, end, planted="carts" in planted),
        *_visits(for_visits, shoppers, end),
        *_messages(for_messages, shoppers, end, planted="messages" in planted),
    ]
    who, seconds, what = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("who", "seconds", "what")
    )
    machine = np.concatenate([part.machine for part in parts])
    liked = rng.random(who.size) < _LIKED_SHARE
    category = np.where(liked, shoppers.favourite[who], rng.integers(0, len(CATEGORIES), who.size))
    price = np.rint(1_000 * 2.0**category * rng.gamma(8, 1 / 8, who.size)).astype(np.int64)
    app = (who % 3 == 0) & (rng.random(who.size) < 0.9)
    rows = pl.DataFrame(
        {
            "who": who,
            "seconds": seconds,
            "what": what,
            "category": category,
            "cents": price,
            "app": app,
            "machine": machine,
        }
    ).filter(pl.col("seconds").is_between(0, end - 1))
    on_site, browsed = pl.col("what") <= _EVENTS.index("search"), pl.col("what") <= _EVENTS.index("checkout")
    month = instant(span.start, "seconds").dt.strftime("%Y-%m")
    return rows.sort("seconds", "who", "what", maintain_order=True).select(
        shoppers.name_of("who").alias("customer_id"),
        instant(span.start, "seconds").alias("occurred_at"),
        pl.col("what").replace_strict(range(len(_EVENTS)), _EVENTS, return_dtype=pl.String).alias("event"),
        pl.when(browsed)
        .then(pl.col("category").replace_strict(range(len(CATEGORIES)), CATEGORIES, return_dtype=pl.String))
        .alias("category"),
        pl.when(browsed).then(pl.col("cents") * (MINOR_PER_UNIT // 100)).alias("price_minor"),
        pl.when(on_site).then(pl.when("app").then(pl.lit("phone")).otherwise(pl.lit("desktop"))).alias("device"),
        pl.when(on_site).then(pl.when("app").then(pl.lit("app")).otherwise(pl.lit("web"))).alias("channel"),
        pl.when(~on_site).then("newsletter-" + month).alias("campaign"),
        pl.col("machine").alias("machine_generated"),
    )


def _of(who: Ints, seconds: Ints, event: str, *, machine: bool = False) -> _Events:
    return _Events(who, seconds, np.full(who.size, _EVENTS.index(event)), np.full(who.size, machine))


def _carts(
    rng: np.random.Generator, purchases: Purchases, shoppers: Shoppers, end: int, *, planted: bool
) -> list[_Events]:
    carted = np.flatnonzero(rng.random(purchases.who.size) < _CART_BEFORE_ORDER)
    lead = np.minimum(60 + rng.exponential(1.5 * _DAY, carted.size), 7 * _DAY).astype(np.int64)
    paid = carted[rng.random(carted.size) < 0.8]
    checkout = _of(purchases.who[paid], purchases.seconds[paid] - rng.integers(1, 60, paid.size), "checkout")
    after = _afterwards(shoppers, _CARTS_AFTER_LEAVING if planted else 1.0)
    other = _of(*_at_random(rng, shoppers, end, _CART_GAP_DAYS, after), "cart")
    before_orders = _of(purchases.who[carted], purchases.seconds[carted] - lead, "cart")
    return [before_orders, checkout, other] if planted else [checkout, other]


def _afterwards(shoppers: Shoppers, customers: float) -> Floats:
    """How much of what somebody does goes on after they left: visitors mostly stop, whatever is switched off."""
    is_customer = np.arange(shoppers.came.size) < shoppers.customers
    return np.where(is_customer, customers, _VISITORS_AFTER_LEAVING)


def _at_random(
    rng: np.random.Generator, shoppers: Shoppers, end: int, gap_days: float, after: Floats | float
) -> tuple[Ints, Ints]:
    """Who and when of things that come at random while somebody is active, and `after` times as often afterwards."""
    who, seconds = [], []
    for begin, finish, factor in (
        (shoppers.came, shoppers.left, 1.0),
        (shoppers.left, np.full_like(shoppers.left, end), after),
    ):
        length = np.maximum(finish - begin, 0)
        chosen = np.repeat(np.arange(length.size), rng.poisson(factor * length / _DAY / gap_days))
        who.append(chosen)
        seconds.append(begin[chosen] + (rng.random(chosen.size) * length[chosen]).astype(np.int64))
    return np.concatenate(who), np.concatenate(seconds)


def _visits(rng: np.random.Generator, shoppers: Shoppers, end: int) -> list[_Events]:
    # Visitors stay for two weeks only, so they come every other day or nothing would be seen of them.
    is_visitor = np.arange(shoppers.came.size) >= shoppers.customers
    visits, at = _at_random(rng, shoppers, end, _VISIT_GAP_DAYS, _afterwards(shoppers, 1.0))
    guests, guests_at = _at_random(rng, shoppers, end, 4.0, 0.0)
    visits = np.concatenate([visits, guests[is_visitor[guests]]])
    at = np.concatenate([at, guests_at[is_visitor[guests]]])
    views = np.repeat(np.arange(visits.size), 1 + rng.poisson(1.5, visits.size))
    searched = rng.random(visits.size) < 1 / 3
    return [
        _of(visits[views], at[views] + rng.integers(0, 900, views.size), "view"),
        _of(visits[searched], at[searched], "search"),
    ]


def _messages(rng: np.random.Generator, shoppers: Shoppers, end: int, *, planted: bool) -> list[_Events]:
    found = []
    after = _OPENS_AFTER_LEAVING if planted else 1.0
    who, at = _sent(rng, shoppers, shoppers.agreed_email, end, every_days=28)
    bounces = (rng.random(shoppers.came.size) < 0.02)[who]
    active = at < shoppers.left[who]
    opened = ~bounces & (rng.random(who.size) < shoppers.engagement[who] * np.where(active, 1.0, after))
    read_at = at + rng.exponential(0.5 * _DAY, who.size).astype(np.int64) + 60
    clicked = opened & (rng.random(who.size) < 0.2)
    by_machine = ~bounces & shoppers.by_machine[who]
    found += [
        _of(who, at, "email_sent"),
        _of(who[bounces], at[bounces] + 5, "email_soft_bounce"),
        _of(who[opened], read_at[opened], "email_open"),
        _of(who[clicked], read_at[clicked] + 30, "email_click"),
        _of(who[by_machine], at[by_machine] + rng.integers(1, 60, int(by_machine.sum())), "email_open", machine=True),
    ]
    who, at = _sent(rng, shoppers, shoppers.agreed_sms, end, every_days=84)
    chance = shoppers.engagement[who] / 4 * np.where(at < shoppers.left[who], 1.0, after)
    clicked = rng.random(who.size) < chance
    return [
        *found,
        _of(who, at, "sms_sent"),
        _of(who[clicked], at[clicked] + rng.integers(30, _DAY, int(clicked.sum())), "sms_click"),
    ]


def _sent(
    rng: np.random.Generator, shoppers: Shoppers, agreed: NDArray[np.bool_], end: int, *, every_days: int
) -> tuple[Ints, Ints]:
    """Who and when of messages: on the shop's days, at an hour of the person's own, from their first visit on."""
    days = int(timedelta(seconds=end) / timedelta(days=every_days)) + 1
    people = np.flatnonzero(agreed)
    who = np.repeat(people, days)
    hour = np.repeat(rng.integers(7 * 3_600, 20 * 3_600, people.size), days)
    at = np.tile(np.arange(days, dtype=np.int64) * every_days * _DAY, people.size) + hour
    seen = (at >= shoppers.came[who]) & (at < end)
    return who[seen], at[seen]
