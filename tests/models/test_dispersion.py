"""How far spend strays from its mean by expected orders: known laws come back, edges hold."""

import json

import numpy as np
import pytest

from foretell.errors import BundleError
from foretell.models.dispersion import Dispersion


def buyers(rows, floor, per_order, seed=0):
    rng = np.random.default_rng(seed)
    expected = np.exp(rng.uniform(0, 4, rows))
    ratio = 1 + np.sqrt(floor + per_order / expected) * rng.standard_normal(rows)
    return ratio, expected, np.ones(rows)


@pytest.mark.parametrize(("floor", "per_order"), [(0.04, 0.5), (0.2, 0.0), (0.0, 1.0)])
def test_a_normal_law_of_known_dispersion_comes_back(floor, per_order):
    found = Dispersion.fit(*buyers(20_000, floor, per_order))
    asked = np.array([1.0, 2.0, 10.0, 50.0])
    # A quantile of 50 has a standard error of a tenth of a deviation, and some ten bins share in two numbers.
    assert found.at(asked) == pytest.approx(np.sqrt(floor + per_order / asked), rel=0.1)


def test_one_giant_moves_nothing():
    ratio, expected, weights = buyers(2_000, 0.04, 0.5)
    shocked = ratio.copy()
    shocked[np.argmax(expected)] = 1_000.0
    before, after = (Dispersion.fit(each, expected, weights).at([1.0, 50.0]) for each in (ratio, shocked))
    # The largest of the 50 in the highest bin is replaced: the quantile moves by one place of 50.
    assert after == pytest.approx(before, rel=0.1)


def test_a_weight_of_two_is_a_row_twice():
    ratio, expected, weights = buyers(1_000, 0.1, 0.5)
    doubled = Dispersion.fit(ratio, expected, 2 * weights)
    assert doubled == Dispersion.fit(ratio, expected, weights)


def test_too_few_buyers_all_have_one_dispersion():
    ratio, expected, weights = buyers(99, 0.04, 0.5)
    assert Dispersion.fit(ratio, expected, weights) == Dispersion(1.0, 0.0)


def test_where_all_are_alike_the_law_is_narrow_and_can_be_kept():
    for expected in (np.ones(500), np.linspace(1, 50, 500)):
        law = Dispersion.fit(np.ones(500), expected, np.ones(500))
        assert 0 < law.at([1.0])[0] < 0.01
        assert Dispersion.from_dict(law.to_dict()) == law


def test_fewer_orders_than_one_count_as_one():
    assert Dispersion(0.1, 0.5).at([0.0, 0.5]).tolist() == Dispersion(0.1, 0.5).at([1.0, 1.0]).tolist()


def test_state_goes_through_json_and_damage_is_named():
    law = Dispersion(0.1, 0.5)
    assert Dispersion.from_dict(json.loads(json.dumps(law.to_dict()))) == law
    for wrong in (None, {}, {"floor": -1.0, "per_order": 2.0}, {"floor": 0.0, "per_order": 0.0}):
        with pytest.raises(BundleError):
            Dispersion.from_dict(wrong)
