"""Discounting by parts against integrals in closed form."""

import math

import numpy as np
import pytest

from foretell.models.discounting import daily_discount_rate, discounted_expected_orders

DELTA = math.log(1.1) / 365.25


def test_one_year_at_ten_per_cent_is_a_factor_of_1_1():
    assert math.exp(365.25 * daily_discount_rate(0.1)) == pytest.approx(1.1, rel=1e-15)
    assert daily_discount_rate(0.0) == 0.0


@pytest.mark.parametrize("rate", [-0.01, math.nan, math.inf])
def test_rates_are_finite_and_not_negative(rate):
    with pytest.raises(ValueError, match="annual_discount_rate must be a finite number of at least 0"):
        daily_discount_rate(rate)
    with pytest.raises(ValueError, match="annual_discount_rate"):
        discounted_expected_orders(lambda days: np.array([days]), 30, rate)


@pytest.mark.parametrize("horizon", [1.0, 90.0, 365.0, 1826.0])
def test_orders_at_a_constant_rate(horizon):
    found = discounted_expected_orders(lambda days: np.array([0.02, 0.5]) * days, horizon, 0.1)
    closed = -math.expm1(-DELTA * horizon) / DELTA
    assert found == pytest.approx([0.02 * closed, 0.5 * closed], rel=1e-12)


@pytest.mark.parametrize(("horizon", "tolerance"), [(90.0, 1e-12), (365.0, 1e-10), (1826.0, 1e-6)])
def test_orders_that_fade(horizon, tolerance):
    fading = 1 / 60.0
    found = discounted_expected_orders(lambda days: np.array([-math.expm1(-fading * days)]), horizon, 0.1)
    closed = fading / (fading + DELTA) * -math.expm1(-(fading + DELTA) * horizon)
    assert found == pytest.approx([closed], rel=tolerance)


def test_no_discount_is_the_expectation_itself():
    assert discounted_expected_orders(lambda days: np.array([days**2]), 7.0, 0.0)[0] == 49.0


def test_what_the_expectation_returned_is_left_alone():
    kept = np.array([3.0])
    discounted_expected_orders(lambda _: kept, 30.0, 0.2)
    assert kept[0] == 3.0
