"""The level of first orders: season, drift, and next to nothing where few ordered."""

import json
import math
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from scipy.special import expit, logit

from foretell.errors import BundleError
from foretell.models.event_days import EventDays
from foretell.models.first_order_level import FirstOrderLevel
from foretell.models.level import WEEKS_PER_YEAR, Level
from foretell.tables.simulate import simulate
from foretell.training.boosted_recipe import BoostedRecipe
from foretell.training.first_order_level import fit_first_order_level
from foretell.training.known_season import season_source
from foretell.training.prospect_rows import ProspectRows
from foretell.training.purchase_recipe import PurchaseRecipe
from foretell.training.shop import ShopInMemory
from foretell.windows import Horizons

AS_OF, DAYS, BASE = datetime(2025, 1, 1), 91, 0.1
CUTOFFS = [AS_OF - timedelta(days=DAYS + 45 * number) for number in range(7, -1, -1)]


def yearly(strength=0.3) -> Level:
    """A season that is highest at `AS_OF` and lowest half a year from it."""
    week = np.arange(WEEKS_PER_YEAR)
    season = strength * np.cos(2 * np.pi * week / WEEKS_PER_YEAR)
    return Level(
        reason="",
        windows=3,
        expected=(1.0,),
        by_lead=(0.4,),
        season_starts_on=AS_OF.date().isoformat(),
        season=tuple(season.tolist()),
        season_weeks_seen=WEEKS_PER_YEAR,
        events=EventDays(),
        value=0.0,
        error_days=(28,),
        sd_orders=(0.1,),
        sd_spend=(0.1,),
    )


def shop(shift_of, people=4_000, seed=0):
    """Rows of past windows in which the odds of one in nine are moved, and the chances that knew nothing of it."""
    rng = np.random.default_rng(seed)
    parts, actual, waited = [], [], []
    for cutoff in CUTOFFS:
        ordered = rng.random(people) < expit(logit(BASE) + shift_of(cutoff))
        actual.append(ordered.astype(float))
        # two thirds within the first month
        waited.append(np.where(ordered, np.minimum(1 + rng.exponential(27, people).astype(int), DAYS), 0.0))
        parts.append(pl.DataFrame({"cutoff": [cutoff] * people}, schema={"cutoff": pl.Datetime("us")}))
    actual = np.concatenate(actual)
    rows = ProspectRows(pl.concat(parts), actual, np.concatenate(waited))
    return rows, np.full(actual.size, actual.mean())


def test_the_season_of_the_coming_window_is_foretold():
    season = yearly()
    per_week = np.array(season.season)

    def shift(cutoff):
        week = ((cutoff - AS_OF).days // 7) % WEEKS_PER_YEAR
        return float(per_week[(week + np.arange(4)) % WEEKS_PER_YEAR].mean())

    rows, chance = shop(shift)
    level = fit_first_order_level(rows, chance, season, AS_OF, DAYS)
    assert level.weight == pytest.approx(1.0, abs=0.25)
    # the windows' mean lies in the season's lower half, so the coming one stands above them
    mean = np.mean([shift(cutoff) for cutoff in CUTOFFS])
    assert level.shift(AS_OF, DAYS) == pytest.approx(shift(AS_OF) - mean, abs=0.12)
    assert level.shift(AS_OF, DAYS) > 0.15
    half_a_year_on = AS_OF + timedelta(days=182)
    assert level.shift(half_a_year_on, DAYS) < -0.15
    moved = level.applied(np.array([0.01, BASE, 0.9]), AS_OF, DAYS)
    assert logit(moved) - logit([0.01, BASE, 0.9]) == pytest.approx(level.shift(AS_OF, DAYS))


def test_a_season_that_first_orders_do_not_show_is_believed_less():
    rows, chance = shop(lambda _: 0.0)
    level = fit_first_order_level(rows, chance, yearly(0.6), AS_OF, DAYS)
    assert level.weight < 0.6


def test_newest_windows_that_fell_are_a_drift_which_fades():
    rows, chance = shop(lambda cutoff: -0.5 if cutoff in CUTOFFS[-2:] else 0.0)
    level = fit_first_order_level(rows, chance, yearly(0.0), AS_OF, DAYS)
    assert -0.5 < level.drift < -0.15
    later = AS_OF + timedelta(days=365)
    assert level.shift(later, DAYS) == pytest.approx(level.shift(AS_OF, DAYS) / math.e)
    steady = fit_first_order_level(*shop(lambda _: 0.0), yearly(0.0), AS_OF, DAYS)
    assert abs(steady.drift) < 3 * steady.sd
    assert steady.sd < 0.2


def test_few_first_orders_say_next_to_nothing():
    rows, chance = shop(lambda cutoff: -1.0 if cutoff == CUTOFFS[-1] else 0.0, people=12)
    level = fit_first_order_level(rows, chance, yearly(), AS_OF, DAYS)
    told = fit_first_order_level(*shop(lambda cutoff: -1.0 if cutoff == CUTOFFS[-1] else 0.0), yearly(), AS_OF, DAYS)
    assert abs(level.drift) < 0.15 < abs(told.drift)
    assert level.sd > 1.3 * told.sd


def test_without_a_known_season_nothing_is_changed():
    rows, chance = shop(lambda cutoff: -0.5 if cutoff in CUTOFFS[-2:] else 0.0)
    for season in (None, Level.none("too short")):
        level = fit_first_order_level(rows, chance, season, AS_OF, DAYS)
        assert "season is not known" in level.facts()
        assert level.applied(chance, AS_OF, DAYS).tolist() == chance.tolist()


def test_the_state_returns_and_a_damaged_one_is_refused():
    level = fit_first_order_level(*shop(lambda _: 0.0, people=200), yearly(), AS_OF, DAYS)
    state = json.loads(json.dumps(level.to_dict()))
    assert FirstOrderLevel.from_dict(state) == level
    for name, value in (("drift", "x"), ("sd", -1.0), ("as_of", "soon"), ("weight", 99.0), ("season", [])):
        with pytest.raises(BundleError):
            FirstOrderLevel.from_dict(state | {name: value})
    with pytest.raises(BundleError):
        FirstOrderLevel.from_dict(state | {"more": 1})


def test_a_season_of_the_past_sees_the_past_alone():
    past = simulate(customers=900, seed=3)[0].before(AS_OF + timedelta(days=200))
    model = PurchaseRecipe().fit(past, past.observed_until, Horizons(), 0)
    shop = ShopInMemory(past, past.observed_until)
    assert season_source(shop, model)(past.observed_until) is None
    cutoff = past.observed_until - timedelta(days=120)
    bundle = BoostedRecipe().fit(past, past.observed_until, Horizons(), 0)
    found = season_source(shop, bundle)(cutoff)
    assert season_source(shop, bundle)(past.observed_until) == bundle.refinement.level
    then = cutoff + timedelta(days=1)
    assert found == season_source(ShopInMemory(past.before(then), then), bundle)(cutoff)
    assert found != bundle.refinement.level
