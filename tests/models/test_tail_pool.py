"""The low end of a ranking becomes one mean, and nothing else moves."""

import json

import numpy as np
import pytest

from foretell.errors import BundleError
from foretell.models.tail_pool import TailPool

VALUES = np.array([5.0, 1.0, 2.0, 9.0, 3.0])


def test_values_up_to_the_threshold_share_their_mean():
    pool = TailPool.of(VALUES, 0.5)
    assert pool.pooled(VALUES).tolist() == [5.0, 2.0, 2.0, 9.0, 2.0]
    assert pool.share == pytest.approx(0.6)


def test_the_total_of_the_customers_it_was_made_of_is_kept():
    values = np.random.default_rng(0).gamma(0.3, 10.0, 500)
    assert TailPool.of(values, 0.4).pooled(values).sum() == pytest.approx(values.sum())


def test_no_share_pools_nothing():
    assert TailPool.of(VALUES, 0.0).pooled(VALUES).tolist() == VALUES.tolist()
    assert TailPool.of(np.array([]), 0.5) == TailPool()


def test_new_values_are_pooled_by_the_stored_threshold():
    pool = TailPool.of(VALUES, 0.5)
    assert pool.pooled(np.array([0.1, 3.0, 3.1])).tolist() == [2.0, 2.0, 3.1]


def test_it_comes_back_from_json():
    pool = TailPool.of(VALUES, 0.5)
    assert TailPool.from_dict(json.loads(json.dumps(pool.to_dict()))) == pool


@pytest.mark.parametrize("state", [{}, {"pool": {}}, {"pool": {"threshold": "1", "mean": 0.0, "share": 0.0}}])
def test_a_damaged_state_is_refused(state):
    with pytest.raises(BundleError, match="TailPool"):
        TailPool.from_dict(state)
