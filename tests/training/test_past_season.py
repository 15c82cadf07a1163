"""Dates of the next order in a shop with a season: what was known of it then, and what dates make of it."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from boosted_shops import AS_OF, QUICK
from foretell.labels.outcomes import outcomes
from foretell.models.event_days import EventDays
from foretell.models.level import Level
from foretell.models.next_order import next_order_at_levels
from foretell.scoring.known import known_at
from foretell.scoring.predict import predict
from foretell.tables.dataset import CustomerData
from foretell.training.boosted_recipe import BoostedRecipe
from foretell.training.level import level_history, level_of
from foretell.training.past_season import time_source
from foretell.training.season import fit_season
from foretell.windows import Horizons
from level_shops import at, learn, shop

SPANS = (91, 182)


def peak(day):
    """A Christmas of six weeks, three times as busy."""
    return 3.0 if 315 <= day % 364 < 357 else 1.0


@pytest.fixture(scope="module")
def history():
    return level_history(shop(650, factor=peak, customers=800), at(650), learn, horizons_days=SPANS)


def test_a_past_window_passes_by_the_season_that_was_known_then(history):
    level = level_of(history, horizons_days=SPANS, retail_year=False)
    time_at = time_source(history, level, retail_year=False)
    # Six weeks of the first and of the second Christmas, from a month before each.
    first, second = (np.diff(time_at(at(day), 91).passed)[315 - 286 : 357 - 286].mean() for day in (286, 286 + 364))
    # Before the first nobody knew of it; after it a part is believed, since it may have been drift.
    assert first == pytest.approx(1.0, abs=0.15)
    assert 1.3 < second < 3.0


def test_what_follows_a_cutoff_does_not_change_its_time(history):
    level = level_of(history, horizons_days=SPANS, retail_year=False)
    # Three Christmases in the year after the cutoff that is asked about, which ends a whole week.
    other_shop = shop(650, factor=lambda day: 3.0 if day >= 370 and day // 50 % 2 else peak(day), customers=800)
    other = level_history(other_shop, at(650), learn, horizons_days=SPANS)
    told, changed = (time_source(each, level, retail_year=False)(at(370), 182) for each in (history, other))
    # The noise of counts is that of all windows, so that what is shrunk is shrunk by a little more or less.
    np.testing.assert_allclose(np.diff(changed.passed), np.diff(told.passed), rtol=0.05)


def test_the_season_is_that_of_the_last_whole_week_before_the_cutoff_on_the_days_of_the_window(history):
    level = level_of(history, horizons_days=SPANS, retail_year=False)
    # 650 - 453 = 197 days: 28 whole weeks and a day, so that six days of the last week lie before the cutoff.
    time = time_source(history, level, retail_year=False)(at(453), 400)
    season = fit_season(history, 29, retail_year=False)
    assert season.end == at(650 - 29 * 7).date()
    by_hand = [season.ahead[(day + 6) // 7 % 52] for day in range(400)]
    np.testing.assert_allclose(np.diff(time.passed), np.exp(by_hand), rtol=1e-9)


def test_without_a_level_days_are_alike(history):
    assert time_source(history, Level.none(), retail_year=True)(at(453), 90) is None


def donors(days, *, customers=1200, seed=5):
    """Three of four orders are made in six weeks a year, at rates that differ between people who leave some day."""
    rng = np.random.default_rng(seed)
    day = np.arange(days)
    factor = np.where((day % 364 >= 315) & (day % 364 < 357), 6.0, 0.3)
    joined = rng.choice(days, customers, p=factor / factor.sum())[:, None]
    left = joined + rng.exponential(1500, joined.shape)
    bought = rng.random((customers, days)) < rng.gamma(2.0, 0.002, (customers, 1)) * factor
    who, when = np.nonzero((bought & (day > joined) & (day < left)) | (day == joined))
    rows = pl.DataFrame({"customer_id": pl.Series(who).cast(pl.String), "ordered_at": [at(int(each)) for each in when]})
    return CustomerData.from_orders(rows, observed_until=at(days))


@pytest.mark.slow
def test_dates_of_a_shop_of_six_weeks_a_year_lie_in_them():
    ahead = 364
    day = 3 * 364 + 357 + 120
    data = donors(day + ahead)
    bundle = BoostedRecipe(params=QUICK, retail_year=False).fit(data, at(day), Horizons(ahead, 90, 30))
    known = known_at(data, at(day), with_features=True, statistics=bundle.statistics)
    told, plain = (predict(known, each) for each in (bundle, without_season(bundle)))
    happened = outcomes(data, at(day), ahead).collect()
    rows, others = (each.join(happened, on="customer_id").drop_nulls("days_to_next_order") for each in (told, plain))
    actual, early, expected, late = (
        rows[name].to_numpy()
        for name in ("days_to_next_order", "next_order_days_early", "next_order_days", "next_order_days_late")
    )
    assert ((early <= expected) & (expected <= late)).all()
    # 370 buyers, of whom 70 % come in the six weeks that begin 202 days ahead: a date in their middle is within three
    # weeks of most. Without a season dates lie where the law of a year has its middle, a hundred days off.
    assert np.median(np.abs(expected - actual)) < 30
    assert np.median(np.abs(others["next_order_days"].to_numpy() - actual)) > 60
    # Past windows knew the season less well than it is known now, and each is one draw of a year: .74 to .92 over
    # phases and years of such a shop.
    assert 0.68 < np.mean((early <= actual) & (actual <= late)) < 0.95


def without_season(bundle):
    """The same bundle, of a level that knows no season and no events."""
    level = replace(bundle.refinement.level, season=(), season_starts_on="", events=EventDays())
    return replace(bundle, refinement=replace(bundle.refinement, level=level))


def test_where_no_season_is_known_dates_are_the_laws_to_the_last_bit(boosted, boosted_shop):
    known = known_at(boosted_shop, AS_OF, with_features=True, statistics=boosted.statistics)
    plain, refinement = without_season(boosted), boosted.refinement
    told = predict(known, plain)
    levels = refinement.dates.levels(known.summary["orders"].to_numpy())
    law = next_order_at_levels(refinement.timing_model, known.summary, levels, horizon_days=plain.horizons.clv_days)
    names = ("next_order_days_early", "next_order_days", "next_order_days_late")
    np.testing.assert_array_equal(told.select(names).to_numpy(), np.maximum(np.ceil(law), 1))
