"""Past windows are complete, spaced, seen from their own cutoff only, and avoid what is excluded."""

from datetime import date, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest

import foretell as ft
from foretell.features.summary import purchase_summary
from foretell.training.families import fit_families
from foretell.training.past import Past, log_hazard_ratio, log_ratio

START, END = datetime(2024, 1, 1), datetime(2025, 7, 1)


@pytest.fixture(scope="module")
def data():
    return ft.simulate(customers=300, seed=5, start=START, end=END)[0].before(END)


def test_windows_are_complete_and_the_newest_ends_with_the_data(data):
    past = Past(data, fit_families)
    cutoffs = past.cutoffs(90, most=4)
    assert cutoffs[0] == data.observed_until - timedelta(days=90)
    assert [(a - b).days for a, b in pairwise(cutoffs)] == [30, 30, 30]


def test_a_view_sees_nothing_of_its_window(data):
    past = Past(data, fit_families)
    cutoff = past.cutoffs(90, most=1)[0]
    view = past.view(cutoff)
    assert view is not None
    assert view.known.summary.equals(purchase_summary(data.before(cutoff), cutoff))
    assert past.view(cutoff) is view


def test_outcomes_are_those_of_the_window(data):
    past = Past(data, fit_families)
    (window,) = past.windows(60, most=1)
    bought = window.orders > 0
    assert 0 < bought.sum() < len(bought)
    assert np.isnan(window.next_day[~bought]).all()
    assert ((window.next_day[bought] >= 1) & (window.next_day[bought] <= 60)).all()
    assert window.bought.tolist() == bought.astype(float).tolist()


def test_no_window_touches_an_excluded_period(data):
    newest = data.observed_until - timedelta(days=90)
    middle = (newest + timedelta(days=45)).date()
    past = Past(data, fit_families, ((middle, middle),))
    cutoffs = past.cutoffs(90, most=3)
    assert len(cutoffs) == 3
    for cutoff in cutoffs:
        assert not cutoff.date() <= middle < (cutoff + timedelta(days=90)).date()
    everything = Past(data, fit_families, ((date(2023, 1, 1), date(2026, 1, 1)),))
    assert everything.cutoffs(30, most=3) == ()


def test_a_history_too_short_for_the_window_gives_a_shorter_one(data):
    days = (data.observed_until - data.first_order_at()).days
    assert Past(data, fit_families).longest_window_days(3 * days) == days // 2
    assert Past(data, fit_families).longest_window_days(90) == 90
    assert Past(data.before(START + timedelta(days=40)), fit_families).longest_window_days(90) == 0


def test_the_hazard_ratio_brings_the_share_of_buyers_to_what_happened(data):
    (window,) = Past(data, fit_families).windows(60, most=1)
    answer = window.view.models["MBG/NBD"].p_order(window.view.known.summary, 60)["p_order"].to_numpy()
    shifted = 1 - (1 - answer) ** np.exp(log_hazard_ratio(window, "MBG/NBD"))
    # Bisection to 8 / 2^40.
    assert shifted.mean() == pytest.approx(window.bought.mean(), abs=1e-9)


def test_a_ratio_of_nothing_is_no_change():
    assert log_ratio(np.zeros(3), np.ones(3)) == 0.0
    assert log_ratio(np.array([2.0]), np.array([1.0])) == pytest.approx(np.log(2))
