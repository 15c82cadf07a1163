"""The ceiling on one customer's predicted spend."""

import numpy as np
import pytest

from foretell.errors import BundleError
from foretell.models.spend_ceiling import LARGEST_SHARE, SpendCeiling


@pytest.fixture
def spend() -> np.ndarray:
    return np.random.default_rng(2).gamma(0.5, 50.0, 1_000)


@pytest.mark.parametrize("giants", [[1e3], [1e5], [1e9], [1e5, 1e5], [1e9, 1e4, 1e6]])
def test_nobody_adds_a_tenth_to_the_others(spend: np.ndarray, giants: list[float]) -> None:
    spend[: len(giants)] = giants
    limited = SpendCeiling.of(spend).limited(spend)
    assert (limited[: len(giants)] <= LARGEST_SHARE * limited.sum() * 1.01).all()
    for place in range(len(giants)):
        # .075 / (1 − .075) = .081
        assert limited[place] < 0.09 * (limited.sum() - limited[place])


def test_who_is_no_giant_is_left_as_he_is(spend: np.ndarray) -> None:
    ceiling = SpendCeiling.of(spend)
    assert (ceiling.limited(spend) == spend).all()
    spend[0] = 1e7
    assert (SpendCeiling.of(spend).limited(spend)[1:] == spend[1:]).all()


def test_the_ceiling_keeps_the_order_and_bends_without_a_kink() -> None:
    spend = np.linspace(0, 1_000, 100_001)
    limited = SpendCeiling(100.0).limited(spend)
    slope = np.diff(limited) / np.diff(spend)
    assert (slope > 0).all()
    assert limited.max() < 100
    # The second derivative is at most 4 / c = .04, the step .01.
    assert np.abs(np.diff(slope)).max() < 1e-3


@pytest.mark.parametrize("spend", [np.zeros(0), np.zeros(5), np.ones(1), np.ones(5), np.array([1.0, 0.0, 0.0])])
def test_few_customers_or_no_spend_are_left_as_they_are(spend: np.ndarray) -> None:
    assert (SpendCeiling.of(spend).limited(spend) == spend).all()


def test_a_shop_of_few_large_customers_is_no_exception_of_itself() -> None:
    spend = np.concatenate([np.full(990, 0.001), np.linspace(100, 110, 110)])
    assert (SpendCeiling.of(spend).limited(spend) == spend).all()


def test_it_is_stored_and_checked() -> None:
    for ceiling in (SpendCeiling(), SpendCeiling(12.5)):
        assert SpendCeiling.from_dict(ceiling.to_dict()) == ceiling
    for wrong in (0.0, -1.0, float("inf"), "9", True):
        with pytest.raises(BundleError):
            SpendCeiling.from_dict({"ceiling": {"largest": wrong}})
