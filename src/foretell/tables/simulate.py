"""A simulated shop: orders as a real one would record them, beside what is true of each customer.

Customers arrive all through the period. A customer buys, then leaves with a probability of their own after every
order, the first included, else waits for a gap and buys again. One-time buyers always leave. Gaps of regular
buyers are Erlang distributed, of the others exponential; time runs faster in season, on busy weekdays and hours.
An order's value is gamma distributed around the customer's own mean, and means have a Pareto tail.

With ``one_time_share=0, regular_share=0, season_strength=0`` and flat weekdays this is the MBG/NBD model with
gamma-gamma spend, so that a fit can be checked against the numbers put in.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from foretell.errors import ConfigError
from foretell.tables.dataset import MINOR_PER_UNIT, CustomerData
from foretell.tables.shop_calendar import ShopCalendar
from foretell.tables.simulate_tables import add_tables, wanted_tables
from foretell.tables.simulate_traits import wanted_signals
from foretell.tables.simulated import People, Purchases, Refunds, identifier, instant
from foretell.windows import Window, as_cutoff

_DAYS_PER_YEAR = 365.25
_CENT = MINOR_PER_UNIT // 100
_KINDS = ("one_time", "random", "regular")
_ONE_TIME, _RANDOM, _REGULAR = range(3)
_WEEKDAYS = (1.05, 0.95, 0.95, 1.0, 1.05, 0.9, 1.1)
_FULL_REFUND_SHARE = 0.5
_REFUND_DELAY_DAYS = 9.0
_SECONDS_PER_DAY = 86_400

_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]


def simulate(
    *,
    customers: int,
    seed: int,
    start: date | datetime | str = "2024-01-01",
    end: date | datetime | str = "2026-01-01",
    one_time_share: float = 0.3,
    regular_share: float = 0.3,
    orders_per_year: float = 8.0,
    rate_shape: float = 1.2,
    regular_gap_shape: int = 4,
    leave_a: float = 0.8,
    leave_b: float = 4.0,
    season_strength: float = 0.3,
    season_peak_day: int = 340,
    weekday_weights: Sequence[float] = _WEEKDAYS,
    mean_order_value: float = 60.0,
    value_shape: float = 5.0,
    value_tail: float = 3.0,
    refund_share: float = 0.05,
    tables: Sequence[str] | str = (),
    planted: Sequence[str] | str = "all",
) -> tuple[CustomerData, pl.DataFrame]:
    """Return the order history of a simulated shop, and the truth about each of its customers.

    Parameters
    ----------
    customers : int
        Number of customers, >= 1; each has at least one order.
    seed : int
        The same seed and arguments give the same bytes.
    start, end : date, datetime or str
        First instant of the shop and first instant that is not observed.
    one_time_share, regular_share : float
        Shares of customers, in [0, 1], together at most 1; the rest buys at random times.
    orders_per_year : float
        Mean buying rate over customers who are not one-time buyers, while they stay, > 0.
    rate_shape : float
        Gamma shape of those rates, > 0: the lower, the more customers differ.
    regular_gap_shape : int
        Erlang shape of a regular buyer's gaps, >= 1 (1: at random times).
    leave_a, leave_b : float
        Beta parameters of the probability that a customer leaves after an order, > 0.
    season_strength : float
        Amplitude of the yearly wave around 1, in [0, 1).
    season_peak_day : int
        Day of the year on which the wave is highest, 1 to 366.
    weekday_weights : sequence of float
        Seven weights >= 0, Monday first. Seven equal ones also make the hours of a day equal.
    mean_order_value : float
        Mean over customers of their mean order value, in currency units, > 0.
    value_shape : float
        Gamma shape of one customer's order values, > 0: the higher, the more alike they are.
    value_tail : float
        Tail index of customers' mean order values, > 1: the lower, the heavier (below 2 the variance is infinite).
    refund_share : float
        Share of orders that are refunded, half of them in full, in [0, 1]; a refund is a row of negative amount
        with the order's ``order_id``, on average 9 days later. Refunds after `end` are not seen.
    tables : sequence of str or "all"
        Tables beside the orders, by name: order_lines, events, customers, calendar, places. Orders stay as they are
        without them; `foretell.tables.simulate_tables` says what is planted in each.
    planted : sequence of str or "all"
        What `tables` tell of the future that orders do not, by name: carts, categories, messages. A signal that is
        not named is drawn alike for everybody, and the others stay as they are.

    Returns
    -------
    data : CustomerData
        Rows in order of time: ``row_number``, ``customer_id``, ``order_id``, ``ordered_at``, ``amount_minor``
        (1/10,000 of the currency unit).
    truth : polars.DataFrame
        One row per customer, sorted by ``customer_id``: ``kind`` (one_time, random, regular), ``orders_per_day``
        (while a customer; 0 for one-time buyers), ``mean_gap_days`` (null for one-time buyers), ``gap_shape``,
        ``leave_probability``, ``left_at`` (instant of the order after which they left; null: still a customer at
        `end`), ``mean_order_value`` (currency units), ``orders`` (in the period), ``refunds`` (seen in it).
        With `tables`, what is planted in them.

    Raises
    ------
    ConfigError
        If a number lies outside its range, or a table or a signal is unknown; all problems at once.
    WindowError
        If `end` is not after `start`.

    Notes
    -----
    Purchases and leaving: Batislam, Denizel and Filiztekin (2007), with Erlang gaps as in Platzer and Reutterer
    (2016). Order values: Fader, Hardie and Lee (2005), "RFM and CLV", with p = `value_shape`, q = `value_tail` and
    gamma = `mean_order_value` (q - 1) / p.

    Examples
    --------
    >>> data, truth = simulate(customers=1_000, seed=1)
    >>> truth.height
    1000
    """
    span = Window(as_cutoff(start), as_cutoff(end))
    wanted, signals = wanted_tables(tables), wanted_signals(planted)
    _check(
        {
            "customers": (customers, 1, np.inf),
            "one_time_share": (one_time_share, 0, 1),
            "regular_share": (regular_share, 0, 1),
            "one_time_share + regular_share": (one_time_share + regular_share, 0, 1),
            "regular_gap_shape": (regular_gap_shape, 1, np.inf),
            "season_strength": (season_strength, 0, 0.99),
            "season_peak_day": (season_peak_day, 1, 366),
            "refund_share": (refund_share, 0, 1),
            "seven weekday_weights": (len(weekday_weights), 7, 7),
            "the lowest of weekday_weights": (min(weekday_weights, default=0.0), 0, np.inf),
        },
        positive={
            "orders_per_year": orders_per_year,
            "rate_shape": rate_shape,
            "leave_a": leave_a,
            "leave_b": leave_b,
            "the sum of weekday_weights": sum(weekday_weights),
            "mean_order_value": mean_order_value,
            "value_shape": value_shape,
            "value_tail - 1": value_tail - 1,
        },
    )
    # one stream a stage: switching refunds off leaves the purchases as they were
    streams = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(4)]
    calendar = ShopCalendar(
        span,
        season_strength=season_strength,
        season_peak_day=season_peak_day,
        weekday_weights=weekday_weights,
    )
    people = _draw_people(
        streams[0],
        count=customers,
        shares=(one_time_share, 1 - one_time_share - regular_share, regular_share),
        rate=(rate_shape, orders_per_year / _DAYS_PER_YEAR / rate_shape),
        regular_gap_shape=regular_gap_shape,
        leave=(leave_a, leave_b),
        mean_value=mean_order_value,
        value_tail=value_tail,
    )
    who, busy_days, left = _draw_times(streams[1], people, calendar.length_days)
    value = people.mean_value[who] * streams[2].gamma(value_shape, 1 / value_shape, who.size)
    purchases = Purchases(
        who=who,
        seconds=calendar.seconds_after_start(busy_days),
        cents=np.maximum(np.rint(value * 100), 1).astype(np.int64),
        left=left,
    )
    refunds = _draw_refunds(streams[3], purchases, share=refund_share, end=calendar.length_seconds)
    orders = _orders(purchases, refunds, span.start)
    truth = _truth(people, purchases, refunds, span.start)
    data = CustomerData.from_orders(orders, observed_until=span.end)
    if not wanted:
        return data, truth
    optional, more = add_tables(wanted, signals, seed, span, people=people, purchases=purchases, refunds=refunds)
    return replace(data, optional=optional), truth.join(more, on="customer_id", how="left", maintain_order="left")


def _check(ranges: dict[str, tuple[float, float, float]], *, positive: dict[str, float]) -> None:
    problems = [
        f"{name} must lie in {low:g} to {high:g}, got {value:g}."
        for name, (value, low, high) in ranges.items()
        if not low <= value <= high
    ]
    problems += [f"{name} must be above 0, got {value:g}." for name, value in positive.items() if not value > 0]
    if problems:
        raise ConfigError(problems)


def _draw_people(
    rng: np.random.Generator,
    *,
    count: int,
    shares: tuple[float, float, float],
    rate: tuple[float, float],
    regular_gap_shape: int,
    leave: tuple[float, float],
    mean_value: float,
    value_tail: float,
) -> People:
    one_time, at_random, _ = shares
    draw = rng.random(count)
    kind = np.where(draw < one_time, _ONE_TIME, np.where(draw < one_time + at_random, _RANDOM, _REGULAR))
    return People(
        kind=kind,
        rate_per_day=np.where(kind == _ONE_TIME, 0.0, rng.gamma(*rate, count)),
        gap_shape=np.where(kind == _REGULAR, regular_gap_shape, 1),
        leave=np.where(kind == _ONE_TIME, 1.0, rng.beta(*leave, count)),
        mean_value=mean_value * (value_tail - 1) / rng.gamma(value_tail, 1.0, count),
    )


def _draw_times(rng: np.random.Generator, people: People, length: float) -> tuple[_Ints, _Floats, _Ints]:
    """Return customer and time of every order, and for each customer whether they left (1) before the end.

    Times are in busy days since the start (`ShopCalendar`). One round draws the next order of everyone still there.
    """
    at = rng.random(people.kind.size) * length
    there = np.arange(people.kind.size)
    left = np.zeros(people.kind.size, dtype=np.int64)
    who, when = [], []
    while there.size:
        who.append(there)
        when.append(at)
        leaves = rng.random(there.size) < people.leave[there]
        left[there[leaves]] = 1
        there, at = there[~leaves], at[~leaves]
        shape = people.gap_shape[there]
        with np.errstate(over="ignore"):  # a rate near zero means a gap past any end
            at = at + rng.gamma(shape) / np.maximum(shape * people.rate_per_day[there], np.finfo(float).tiny)
        there, at = there[at < length], at[at < length]
    return np.concatenate(who), np.concatenate(when), left


def _draw_refunds(rng: np.random.Generator, purchases: Purchases, *, share: float, end: int) -> Refunds:
    order = np.flatnonzero(rng.random(purchases.who.size) < share)
    later = 3_600 + rng.exponential(_REFUND_DELAY_DAYS * _SECONDS_PER_DAY, order.size).astype(np.int64)
    part = np.where(rng.random(order.size) < _FULL_REFUND_SHARE, 1.0, rng.random(order.size))
    back = np.maximum(np.rint(purchases.cents[order] * part), 1).astype(np.int64)
    seen = purchases.seconds[order] + later < end
    return Refunds(order[seen], (purchases.seconds[order] + later)[seen], back[seen])


def _orders(purchases: Purchases, refunds: Refunds, start: datetime) -> pl.DataFrame:
    number = purchases.numbers()
    rows = pl.DataFrame(
        {
            "who": np.concatenate([purchases.who, purchases.who[refunds.order]]),
            "order": np.concatenate([number, number[refunds.order]]),
            "seconds": np.concatenate([purchases.seconds, refunds.seconds]),
            "amount_minor": np.concatenate([purchases.cents, -refunds.cents]) * _CENT,
        }
    )
    return rows.sort("seconds", "order").select(
        identifier("who", "c").alias("customer_id"),
        identifier("order", "o").alias("order_id"),
        instant(start, "seconds").alias("ordered_at"),
        "amount_minor",
    )


def _truth(people: People, purchases: Purchases, refunds: Refunds, start: datetime) -> pl.DataFrame:
    count = people.kind.size
    last = np.zeros(count, dtype=np.int64)
    np.maximum.at(last, purchases.who, purchases.seconds)
    known = pl.DataFrame(
        {
            "who": np.arange(count),
            "kind": people.kind,
            "orders_per_day": people.rate_per_day,
            "gap_shape": people.gap_shape,
            "leave_probability": people.leave,
            "left": purchases.left,
            "last": last,
            "mean_order_value": people.mean_value,
            "orders": np.bincount(purchases.who, minlength=count),
            "refunds": np.bincount(purchases.who[refunds.order], minlength=count),
        }
    )
    bought_again = pl.col("kind") != _ONE_TIME
    return known.select(
        identifier("who", "c").alias("customer_id"),
        pl.col("kind").replace_strict(range(3), _KINDS, return_dtype=pl.String),
        "orders_per_day",
        pl.when(bought_again).then(1 / pl.col("orders_per_day")).alias("mean_gap_days"),
        "gap_shape",
        "leave_probability",
        pl.when(pl.col("left") == 1).then(instant(start, "last")).alias("left_at"),
        "mean_order_value",
        "orders",
        "refunds",
    )
