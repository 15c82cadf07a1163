"""Panels give the numbers of the plain functions, for any weights and several predictions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foretell.evaluation import amounts, concordance, intervals, probabilities, ranking, timing
from foretell.evaluation.panels import AmountPanel, DatePanel, EventPanel, IntervalPanel, OrderingPanel

SEEDS = st.integers(0, 10_000)


def draw(seed, *, rows=40, times=3):
    """Whole weights like a resample's, with many zeros; the last set is all zeros."""
    rng = np.random.default_rng(seed)
    weights = rng.poisson(0.7, (times, rows)).astype(float)
    weights[-1] = 0.0
    return rng, weights


def agree(panel, weights, functions, predictions):
    """Compare each number of a panel with the plain function of its name."""
    found = panel(weights)
    assert found.shape == (len(weights), len(predictions), len(panel.names))
    for time, row in enumerate(weights):
        for place, prediction in enumerate(predictions):
            expected = [functions[name](*prediction, weights=row) for name in panel.names]
            assert found[time, place] == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True)


@settings(max_examples=25)
@given(SEEDS, st.booleans())
def test_amounts(seed, money):
    rng, weights = draw(seed)
    actual = rng.poisson(0.8, 40).astype(float)
    predictions = [rng.integers(0, 5, 40).astype(float), rng.gamma(1, 1, 40), np.full(40, 2.0)]
    functions = {
        "gini": ranking.normalised_gini,
        "spearman": ranking.spearman,
        "top10_capture": ranking.top_capture,
        **{name: getattr(amounts, name) for name in ("rmse", "mae", "wape", "bias", "decile_mape")},
    }
    panel = AmountPanel(actual, predictions, money=money)
    assert ("decile_mape" in panel.names) is money
    agree(panel, weights, functions, [(actual, z) for z in predictions])


@settings(max_examples=25)
@given(SEEDS)
def test_events(seed):
    rng, weights = draw(seed)
    actual = (rng.random(40) < 0.4).astype(float)
    predictions = [rng.random(40), rng.integers(0, 5, 40) / 4.0, np.full(40, 0.3)]
    functions = {
        "bias": amounts.bias,
        **{name: getattr(probabilities, name) for name in EventPanel.names if name != "bias"},
    }
    agree(EventPanel(actual, predictions), weights, functions, [(actual, p) for p in predictions])


@settings(max_examples=25)
@given(SEEDS)
def test_dates_among_buyers_and_orderings_among_all(seed):
    rng, weights = draw(seed)
    bought = (rng.random(40) < 0.5).astype(float)
    days = np.where(bought > 0, rng.integers(1, 31, 40), 30).astype(float)
    predictions = [rng.integers(1, 31, 40).astype(float), rng.random(40) * 30]
    buyers = bought > 0

    functions = {
        "median_abs_error_days": lambda z, *, weights: timing.median_abs_error(
            days[buyers], z[buyers], weights=weights[buyers]
        ),
        "within_7_days": lambda z, *, weights: timing.within_7_days(days[buyers], z[buyers], weights=weights[buyers]),
        "by_date": lambda z, *, weights: concordance.concordance(days, bought, z, weights=weights),
    }
    agree(DatePanel(days, bought, predictions), weights, functions, [(z,) for z in predictions])
    orderings = OrderingPanel(days, bought, predictions, name="by_date")
    agree(orderings, weights, functions, [(z,) for z in predictions])


@settings(max_examples=25)
@given(SEEDS)
def test_intervals_of_those_who_count(seed):
    rng, weights = draw(seed)
    among = (rng.random(40) < 0.5).astype(float)
    actual, low, width = (rng.integers(0, 9, 40).astype(float) for _ in range(3))
    some = among > 0
    functions = {
        "coverage": lambda a, b, *, weights: intervals.coverage(actual[some], a[some], b[some], weights=weights[some]),
        "interval_width": lambda a, b, *, weights: intervals.mean_width(a[some], b[some], weights=weights[some]),
    }
    pairs = [(low, low + width), (actual, actual)]
    agree(IntervalPanel(actual, pairs, among=among), weights, functions, pairs)


def test_a_panel_without_weights_is_empty():
    actual = np.array([1.0, 2.0])
    assert AmountPanel(actual, [actual], money=True)(np.empty((0, 2))).shape == (0, 1, 8)
    assert EventPanel(np.array([0.0, 1.0]), [np.array([0.1, 0.2])])(np.empty((0, 2))).shape == (0, 1, 6)
