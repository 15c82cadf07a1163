"""The next order's law at each customer's own level: against the models' own answers, and there and back."""

import numpy as np
import polars as pl
import pytest

from foretell.errors import NotFitted
from foretell.models.cnbd import MBGCNBD
from foretell.models.next_order import next_order_at_levels, next_order_levels
from foretell.models.operational_time import OperationalTime
from foretell.models.pareto_kernel import ParetoNBDParameters
from foretell.models.pareto_nbd import ParetoNBD
from models.oracles.pareto_oracle import simulate, summary_of

HORIZON = 120.0


@pytest.fixture(scope="module")
def summary():
    truth = ParetoNBDParameters(0.553, 74.0, 0.606, 82.0)
    drawn = simulate(truth, customers=3000, observed=(190.0, 450.0), future=180.0, seed=3)
    days = np.minimum(np.ceil(drawn["t_x"]), np.floor(drawn["T"]))
    return summary_of(drawn["x"], days, np.floor(drawn["T"])).with_columns(pl.lit(1.0).alias("sum_log_gaps_days"))


@pytest.fixture(scope="module", params=[ParetoNBD(), MBGCNBD(k=1), MBGCNBD(k=3)], ids=["pareto", "k=1", "k=3"])
def model(request, summary):
    return request.param.fit(summary)


def test_equal_levels_are_the_models_own_quantiles(model, summary):
    own = model.next_order_days(summary, horizon_days=HORIZON).drop("customer_id").to_numpy()
    found = next_order_at_levels(model, summary, np.tile([0.1, 0.5, 0.9], (3000, 1)), horizon_days=HORIZON)
    np.testing.assert_allclose(found, own, rtol=1e-9)


def test_each_customer_is_read_at_the_own_level(model, summary):
    levels = np.random.default_rng(1).uniform(0.01, 0.99, (3000, 1))
    together = next_order_at_levels(model, summary, levels, horizon_days=HORIZON)
    for row in (0, 17, 2999):
        alone = next_order_at_levels(model, summary[row : row + 1], levels[row : row + 1], horizon_days=HORIZON)
        assert alone[0, 0] == together[row, 0]


def test_the_level_of_a_day_leads_back_to_it(model, summary):
    days = np.random.default_rng(2).integers(1, int(HORIZON), 3000).astype(float)
    before, at = next_order_levels(model, summary, days, horizon_days=HORIZON)
    assert ((before >= 0) & (before < at) & (at <= 1)).all()
    inner = (before > 1e-6) & (at < 1 - 1e-6)
    # the day before is an instant less than a whole day away: levels lead back to instants
    found = next_order_at_levels(model, summary.filter(inner), np.c_[before, at][inner], horizon_days=HORIZON)
    # rows whose law is steep lose digits in 1 - p
    np.testing.assert_allclose(found, np.c_[days - 1, days][inner], rtol=1e-5, atol=1e-5)


def test_the_last_day_holds_the_rest(model, summary):
    _, at = next_order_levels(model, summary, np.full(3000, HORIZON), horizon_days=HORIZON)
    assert (at == 1).all()


def test_nobody_is_answered_by_nothing(model, summary):
    assert next_order_at_levels(model, summary.head(0), np.empty((0, 3)), horizon_days=HORIZON).shape == (0, 3)
    assert next_order_levels(model, summary.head(0), [], horizon_days=HORIZON)[0].shape == (0,)


def test_no_chance_is_no_date(summary):
    model = MBGCNBD(k=3).fit(summary)
    gone = summary.head(1).with_columns(
        repeat_orders=pl.lit(2000.0), days_first_to_last_order=pl.lit(2000.0), days_observed=pl.lit(200_000.0)
    )
    assert np.isnan(next_order_at_levels(model, gone, [[0.5]], horizon_days=HORIZON)).all()
    before, at = next_order_levels(model, gone, [3.0], horizon_days=HORIZON)
    assert 0 <= before[0] <= at[0] <= 1


@pytest.mark.parametrize("levels", [[[0.0]], [[1.0]], [[np.nan]], [[0.5], [0.5]], [0.5]])
def test_levels_that_are_none_are_refused(summary, levels):
    model = ParetoNBD().fit(summary)
    with pytest.raises(ValueError, match="levels"):
        next_order_at_levels(model, summary.head(1), levels, horizon_days=HORIZON)


@pytest.mark.parametrize("day", [0.5, 121.0, np.nan])
def test_days_beyond_the_horizon_are_refused(summary, day):
    model = ParetoNBD().fit(summary)
    with pytest.raises(ValueError, match="within the horizon"):
        next_order_levels(model, summary.head(1), [day], horizon_days=HORIZON)


def test_a_model_without_a_fit_is_refused(summary):
    with pytest.raises(NotFitted):
        next_order_at_levels(MBGCNBD(), summary.head(1), [[0.5]], horizon_days=HORIZON)


WEEKS = np.repeat(np.sin(np.arange(18) / 3), 7)[: int(HORIZON)]
"""A slow wave: a week at its top passes seven times as much as one at its bottom."""


def test_in_a_season_a_date_is_where_the_law_reaches_its_level(model, summary):
    """By the sum of the season day by day and the model's own chances, no inverse anywhere."""
    time = OperationalTime.of(WEEKS)
    levels = np.random.default_rng(4).uniform(0.02, 0.98, (3000, 1))
    found = next_order_at_levels(model, summary, levels, horizon_days=HORIZON, time=time)[:, 0]
    alive = model.p_alive(summary)["p_alive"].to_numpy()
    certain = alive > 1e-3
    for row in np.flatnonzero(certain)[::601]:
        until = np.cumsum(np.exp(WEEKS))
        by_day = [model.p_order(summary[row : row + 1], passed)["p_order"][0] for passed in until]
        first = int(np.argmax(np.array(by_day) / by_day[-1] >= levels[row, 0])) + 1
        assert np.ceil(found[row]) == first


def test_in_a_season_the_level_of_a_day_leads_back_to_it(model, summary):
    time = OperationalTime.of(WEEKS)
    days = np.random.default_rng(2).integers(1, int(HORIZON) + 1, 3000).astype(float)
    before, at = next_order_levels(model, summary, days, horizon_days=HORIZON, time=time)
    inner = (before > 1e-6) & (at < 1 - 1e-6)
    found = next_order_at_levels(
        model, summary.filter(inner), np.c_[before, at][inner], horizon_days=HORIZON, time=time
    )
    # Where a day passes a third of a usual one, digits that steep laws lose in 1 - p count thrice.
    np.testing.assert_allclose(found, np.c_[days - 1, days][inner], rtol=1e-4, atol=1e-4)


def test_the_time_of_another_horizon_is_refused(summary):
    model, time = ParetoNBD().fit(summary), OperationalTime.of(WEEKS[:-1])
    with pytest.raises(ValueError, match="time of 119 days"):
        next_order_at_levels(model, summary.head(1), [[0.5]], horizon_days=HORIZON, time=time)
    with pytest.raises(ValueError, match="time of 119 days"):
        next_order_levels(model, summary.head(1), [3.0], horizon_days=HORIZON, time=time)
