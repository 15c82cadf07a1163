"""Past windows: complete, before the cutoff, and blind to what came later."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from boosted_shops import AS_OF, START, rhythmic, shop_of
from foretell.errors import FitError
from foretell.models.cnbd import MBGCNBD
from foretell.scoring.known import known_at
from foretell.tables.dataset import CustomerData
from foretell.training.past import Past, log_hazard_ratio, log_ratio


def fit(summary: pl.DataFrame):
    """The simplest model alone: windows are what is tested."""
    return {"simple": MBGCNBD(k=1).fit(summary)}, None


def no_fit(_summary: pl.DataFrame):
    message = "too thin"
    raise FitError(message)


@pytest.fixture(scope="module")
def shop() -> CustomerData:
    return rhythmic(customers=120, days=250)


@pytest.mark.parametrize("days", [1, 20, 45, 90])
@pytest.mark.parametrize("as_of", [AS_OF, AS_OF + timedelta(hours=15), START + timedelta(days=250)])
def test_every_window_ends_before_the_cutoff(shop: CustomerData, days: int, as_of) -> None:
    past = Past(shop.before(as_of), fit)
    cutoffs = past.cutoffs(days, most=4)
    assert cutoffs
    assert all(cutoff + timedelta(days=days) <= as_of for cutoff in cutoffs)
    assert list(cutoffs) == sorted(cutoffs, reverse=True)


def test_a_window_ends_by_what_was_observed_and_not_by_the_cutoff(shop: CustomerData) -> None:
    """Weeks without an order between the last row and the cutoff were not seen: they are no zeros."""
    quiet = CustomerData.from_orders(shop.orders.filter(pl.col("ordered_at") < AS_OF - timedelta(days=40)).collect())
    newest = Past(quiet.before(AS_OF), fit).cutoffs(30, most=1)[0]
    assert newest + timedelta(days=30) <= AS_OF - timedelta(days=39)
    stated = CustomerData.from_orders(quiet.orders.collect(), observed_until=AS_OF)
    assert Past(stated.before(AS_OF), fit).cutoffs(30, most=1)[0] + timedelta(days=30) == AS_OF


def test_a_view_knows_what_was_known_then(shop: CustomerData) -> None:
    past = Past(shop.before(AS_OF), fit)
    for window in past.windows(30, most=3):
        rows = shop.orders.filter(pl.col("ordered_at") < window.view.cutoff).collect()
        then = known_at(CustomerData.from_orders(rows), window.view.cutoff, with_features=True)
        assert_frame_equal(window.view.known.summary, then.summary, check_exact=True)
        assert then.features is not None
        described = window.view.known.described(np.ones(then.summary.height, dtype=bool))
        assert described.features is not None
        assert_frame_equal(described.features, then.features, check_exact=True)
        later = rows["ordered_at"].max()
        assert later is not None
        model = MBGCNBD(k=1).fit(then.summary)
        assert window.view.models["simple"].to_dict() == model.to_dict()


def test_a_window_is_what_happened_in_it(shop: CustomerData) -> None:
    past = Past(shop.before(AS_OF), fit)
    for window in past.windows(30, most=2):
        start = window.view.cutoff
        rows = shop.orders.filter(pl.col("ordered_at").is_between(start, start + timedelta(days=30), closed="left"))
        dated = rows.with_columns(day=pl.col("ordered_at").dt.date()).collect()
        for place, name in enumerate(window.view.known.summary["customer_id"]):
            mine = dated.filter(customer_id=name)
            assert window.orders[place] == mine["day"].n_unique()
            assert window.spend[place] == pytest.approx(mine["amount_minor"].sum() / 10_000, abs=1e-9)
            waits = [(day - start.date()).days + 1 for day in mine["day"]]
            if waits:
                assert window.next_day[place] == min(waits)
            else:
                assert np.isnan(window.next_day[place])


def test_where_nothing_can_be_fitted_there_is_no_window(shop: CustomerData) -> None:
    assert Past(shop.before(AS_OF), no_fit).windows(30, most=3) == ()


@pytest.mark.parametrize(("history", "asked", "longest"), [(40, 30, 0), (59, 30, 29), (100, 365, 50), (300, 90, 90)])
def test_a_history_holds_windows_of_at_most_half_its_length(history: int, asked: int, longest: int) -> None:
    rows = [(f"c{day % 30}", START + timedelta(days=day), 10_000) for day in range(history)]
    past = Past(shop_of(rows, until=START + timedelta(days=history)), fit)
    assert past.history_days() == history
    assert past.longest_window_days(asked) == longest
    assert bool(longest) == bool(past.cutoffs(longest or asked, most=1))


def test_ratios_of_nothing_are_no_news(shop: CustomerData) -> None:
    some, none = np.ones(3), np.zeros(3)
    assert log_ratio(none, some) == log_ratio(some, none) == log_ratio(none, none) == 0.0
    assert log_ratio(2 * some, some) == pytest.approx(np.log(2), rel=1e-12)
    (window,) = Past(shop.before(AS_OF), fit).windows(30, most=1)
    for everybody in (0.0, 1.0):
        assert log_hazard_ratio(replace(window, orders=np.full(len(window.orders), everybody)), "simple") == 0.0


def test_the_hazard_ratio_makes_as_many_buy_as_did(shop: CustomerData) -> None:
    (window,) = Past(shop.before(AS_OF), fit).windows(30, most=1)
    factor = log_hazard_ratio(window, "simple")
    p = window.view.models["simple"].p_order(window.view.known.summary, 30)["p_order"].to_numpy()
    # Bisection to 8 / 2^40.
    assert (1 - (1 - p) ** np.exp(factor)).mean() == pytest.approx(window.bought.mean(), rel=1e-8)
