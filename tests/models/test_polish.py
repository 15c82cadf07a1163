"""The last steps to an optimum: few, and never up."""

import math

import numpy as np
import pytest

from foretell.models.cnbd_search import sample_of
from foretell.models.compress import compress
from foretell.models.polish import Standing, polish, stand

CURVATURE = np.array([[2.0, 0.7, 0.0], [0.7, 1.0, -0.2], [0.0, -0.2, 0.1]])
TOP = np.array([0.3, -1.2, 2.0])


def bowl(theta):
    away = theta - TOP
    return 5.0 + 0.5 * float(away @ CURVATURE @ away), CURVATURE @ away


def bent(theta):
    """A valley that turns, with its bottom at (1, 1)."""
    x, y = theta
    value = (1 - x) ** 2 + 5 * (y - x**2) ** 2
    return value, np.array([-2 * (1 - x) - 20 * x * (y - x**2), 10 * (y - x**2)])


def test_a_parabola_needs_one_step():
    standing = stand(bowl, np.zeros(3), bowl)
    # The curvature is a difference of gradients: rounding over a step of 1e-4 leaves it eleven digits.
    assert standing.still_to_gain == pytest.approx(bowl(np.zeros(3))[0] - 5.0, rel=1e-9)
    ended = polish(bowl, standing, tolerance=1e-8)
    assert ended.theta == pytest.approx(TOP, abs=1e-8)
    assert ended.evaluations == 2


def test_a_curvature_that_is_off_costs_a_few_steps_more():
    def wrong(theta):
        value, gradient = bowl(theta)
        return value, gradient * np.array([1.3, 0.8, 1.1])

    ended = polish(bowl, stand(bowl, np.zeros(3), wrong), tolerance=1e-8)
    assert ended.theta == pytest.approx(TOP, abs=1e-6)
    assert ended.evaluations < 12


def test_steps_that_overshoot_are_halved():
    standing = stand(bent, np.array([0.8, 0.7]), bent)
    eager = Standing(standing.theta, standing.value, standing.gradient, np.eye(2))
    ended = polish(bent, eager, tolerance=1e-8)
    assert ended.value <= standing.value
    assert ended.theta == pytest.approx((1.0, 1.0), abs=1e-6)


def test_it_stays_where_no_step_leads_down():
    def cliff(theta):
        return (0.0, np.array([1.0])) if theta[0] == 0 else (math.inf, np.array([math.nan]))

    standing = Standing(np.zeros(1), 0.0, np.array([1.0]), np.eye(1))
    assert polish(cliff, standing, tolerance=1e-8) is standing


def test_a_ridge_gives_no_endless_step():
    def ridge(theta):
        return float(theta[0] ** 2), np.array([2 * theta[0], 1e-12])

    standing = stand(ridge, np.array([1.0, 0.0]), ridge)
    assert np.isfinite(standing.inverse_curvature).all()
    assert np.abs(polish(ridge, standing, tolerance=1e-8).theta).max() <= 1.0


def test_a_sample_takes_every_so_manieth_customer():
    rng = np.random.default_rng(3)
    values = rng.integers(0, 40, 10_000).astype(float)
    rows = compress({"value": values})
    sample = sample_of(rows, 1_000)
    taken = sample.columns["value"][sample.inverse]
    assert taken.size == sample.weights.sum() == 1_000
    # of each ten in order the fifth, from the middle
    assert taken.tolist() == np.sort(values)[4::10].tolist()
