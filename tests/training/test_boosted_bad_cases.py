"""Thin, odd and broken histories: the boosted rung answers soundly and says what it left out, or refuses by name."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from boosted_shops import AS_OF, START, incoherent, predictions, quick_recipe, rhythmic, shop_of
from foretell.bundles.bundle import Bundle
from foretell.errors import ConvergenceWarning, FitError, ForetellError, SmallSampleWarning, WindowError
from foretell.tables.dataset import CustomerData
from foretell.tables.simulate import simulate
from foretell.windows import Horizons

pytestmark = [
    # What is thin is meant to be thin here.
    pytest.mark.filterwarnings(f"ignore::{SmallSampleWarning.__module__}.SmallSampleWarning"),
    pytest.mark.filterwarnings(f"ignore::{ConvergenceWarning.__module__}.ConvergenceWarning"),
]

SHORT = Horizons(30, 20, 10)


def even(days: int, *, customers: int = 300, daily: float = 0.03, seed: int = 1, factor=lambda _day: 1.0, value=20.0):
    """Everybody buys at one rate, times a factor of the day, from a first order in the first third on."""
    rng = np.random.default_rng(seed)
    first = rng.integers(0, max(days // 3, 1), customers)
    bought = rng.random((customers, days)) < daily * np.array([factor(day) for day in range(days)])
    bought &= np.arange(days)[None, :] >= first[:, None]
    bought[np.arange(customers), first] = True
    who, day = np.nonzero(bought)
    money = [None] * who.size if value is None else (rng.gamma(4, value / 4, who.size) * 100).round().astype(int) * 100
    rows = [
        (f"c{one:04}", START + timedelta(days=int(at), hours=9), None if paid is None else int(paid))
        for one, at, paid in zip(who, day, money, strict=True)
    ]
    return shop_of(rows, until=START + timedelta(days=days))


def fitted(
    data: CustomerData, horizons: Horizons = SHORT, as_of: datetime | None = None
) -> tuple[Bundle, pl.DataFrame]:
    """Fit, and see that every answer is sound."""
    when = data.observed_until if as_of is None else as_of
    bundle = quick_recipe().fit(data, when, horizons)
    predicted = predictions(data, bundle, when)
    assert incoherent(predicted, horizons) == []
    assert predicted.height == data.before(when).orders.select(pl.col("customer_id").n_unique()).collect().item()
    return bundle, predicted


def assert_answered_or_refused(data: CustomerData, horizons: Horizons) -> None:
    """Anything but an answer that is sound, or an error of foretell's own with a way out, is raised."""
    refused = ""
    try:
        fitted(data, horizons)
    except ForetellError as error:
        refused = str(error)
    assert not refused or "Remedy" in refused


def told(bundle: Bundle) -> str:
    return " ".join(bundle.card["corrections"].values())


def test_without_a_repeat_it_is_refused_by_name() -> None:
    once = rhythmic(200).orders.collect().unique("customer_id", keep="first", maintain_order=True)
    with pytest.raises(FitError, match=r"customers with a second order 0.*Remedy"):
        fitted(CustomerData.from_orders(once))


def test_free_orders_alone_are_refused_by_name() -> None:
    free = rhythmic(100).orders.with_columns(amount_minor=pl.lit(0, pl.Int64)).collect()
    with pytest.raises(FitError, match="counts only"):
        fitted(CustomerData.from_orders(free))


def test_an_as_of_after_a_stated_end_is_refused_by_name(boosted_shop: CustomerData) -> None:
    rows = boosted_shop.orders.filter(pl.col("ordered_at") < AS_OF).collect()
    stated = CustomerData.from_orders(rows, observed_until=AS_OF - timedelta(days=3))
    with pytest.raises(WindowError, match="observed_until"):
        fitted(stated, as_of=AS_OF)


def test_an_as_of_after_the_last_order_is_staleness_where_no_end_was_stated() -> None:
    rows = even(120).orders.collect()
    data = CustomerData.from_orders(rows)
    bundle, _ = fitted(data, as_of=data.observed_until + timedelta(days=25))
    assert bundle.refinement is not None
    assert max(trees.days for trees in bundle.refinement.trees.values()) == 30


def test_forty_days_of_history_give_answers_and_say_what_is_missing() -> None:
    bundle, predicted = fitted(even(40), Horizons(90, 60, 30))
    assert "no window was long enough" in told(bundle)
    # 300 customers buy .03 times a day; nobody leaves, but 40 days cannot tell.
    assert 300 < predicted["predicted_orders"].sum() < 1_000


def test_fewer_than_fifty_repeat_buyers_get_the_purchase_model_and_are_told() -> None:
    data = simulate(
        customers=300,
        seed=3,
        start="2025-01-01",
        end="2025-08-01",
        one_time_share=0.9,
        regular_share=0.0,
        refund_share=0,
    )[0]
    bundle, _ = fitted(data)
    assert bundle.refinement is not None
    assert bundle.refinement.encoding is None
    assert "needed 50" in told(bundle)


@pytest.mark.slow
def test_a_window_without_a_single_order() -> None:
    quiet = even(200).orders.filter(pl.col("ordered_at") < START + timedelta(days=150)).collect()
    data = CustomerData.from_orders(quiet, observed_until=START + timedelta(days=200))
    bundle, predicted = fitted(data)
    assert "has 0 customers of the rarer kind" in told(bundle)
    # Nobody came for 50 days: far fewer than the 270 of a usual month. Measured 90.
    assert predicted["predicted_orders"].sum() < 135


@pytest.mark.slow
def test_customers_who_are_all_alike() -> None:
    rows = [(f"c{one:03}", START + timedelta(days=10 * turn), 200_000) for one in range(120) for turn in range(12)]
    bundle, predicted = fitted(shop_of(rows, until=START + timedelta(days=120)))
    assert "needed 50" in told(bundle)
    # Three purchases of 20 in 30 days, by everybody.
    assert predicted["predicted_orders"].to_numpy() == pytest.approx(3.0, abs=0.6)
    assert predicted["predicted_clv"].n_unique() == 1


@pytest.mark.parametrize("money", ["equal", pytest.param("half free", marks=pytest.mark.slow), "free at first", "none"])
def test_money_of_every_kind(money: str) -> None:
    data = even(150, value=None if money == "none" else 20.0)
    if money != "none":
        kept = {
            "equal": pl.lit(200_000, pl.Int64),
            "half free": pl.when(pl.col("row_number") % 2 == 0).then(0).otherwise("amount_minor"),
            "free at first": pl.when(pl.col("ordered_at") < START + timedelta(days=110))
            .then(0)
            .otherwise("amount_minor"),
        }[money]
        data = replace(data, orders=data.orders.with_columns(amount_minor=kept))
    bundle, predicted = fitted(data)
    assert predicted["predicted_clv"].null_count() == (predicted.height if money == "none" else 0)
    if money == "equal":
        per_order = predicted["predicted_clv"] / predicted["predicted_orders"]
        # The trees of orders and the pooled low end move single customers; in all an order is worth 20.
        assert predicted["predicted_clv"].sum() / predicted["predicted_orders"].sum() == pytest.approx(20, rel=0.1)
        assert per_order.is_finite().all()
    if money == "none":
        assert "no money" in str(bundle.card["spend_model"])


@pytest.mark.parametrize(
    ("after", "low", "high"), [(2.0, 0.7, 1.1), pytest.param(0.5, 0.9, 1.5, marks=pytest.mark.slow)]
)
def test_a_level_that_doubles_or_halves(after: float, low: float, high: float) -> None:
    data = even(300, factor=lambda day: after if day > 200 else 1.0)
    _, predicted = fitted(data)
    truth = 300 * 0.03 * after * 30
    assert low < predicted["predicted_orders"].sum() / truth < high


def test_a_value_horizon_longer_than_the_history_is_carried_over(boosted_shop: CustomerData) -> None:
    bundle, predicted = fitted(boosted_shop, Horizons(365, 30, 10), AS_OF)
    assert bundle.refinement is not None
    assert "carried over to the longer horizon by 50%" in told(bundle)
    assert 0 < bundle.refinement.trees["return"].days < 110
    assert bundle.refinement.trees["return"].weight <= 0.5 * 2
    month = predictions(boosted_shop, replace(bundle, horizons=Horizons(30, 30, 10)))
    assert predicted["predicted_orders"].sum() > 2 * month["predicted_orders"].sum()


@pytest.mark.slow
@pytest.mark.parametrize(
    "horizons",
    [(30, 10, 20), (20, 40, 10), (20, 10, 30), (30, 10, 15), (30, 30, 30), (30, 10, 30), (1, 1, 1), (3000,) * 3],
)
def test_horizons_in_any_order(boosted_shop: CustomerData, horizons: tuple[int, int, int]) -> None:
    fitted(boosted_shop, Horizons(*horizons), AS_OF)


@pytest.mark.slow
@pytest.mark.parametrize("days", [15, 20, 27, 35, 45, 60, 75, 90])
def test_any_short_history_ends_in_answers_or_a_name(days: int) -> None:
    assert_answered_or_refused(even(days, customers=60), Horizons(365, 90, 30))


@pytest.mark.slow
@pytest.mark.parametrize("customers", [10, 11, 20, 21, 50, 120])
def test_any_small_shop_ends_in_answers_or_a_name(customers: int) -> None:
    data = simulate(customers=customers, seed=1, start="2024-01-01", end="2025-01-01", refund_share=0)[0]
    assert_answered_or_refused(data, Horizons(90, 60, 30))
