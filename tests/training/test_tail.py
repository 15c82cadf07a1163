"""The low end is pooled where it says nothing, and left alone where it ranks."""

import numpy as np

from foretell.training.tail import choose_share


def shop(told: bool, seed: int = 0):
    """Half of the customers hardly return; their predictions say who among them does, or are noise."""
    rng = np.random.default_rng(seed)
    count = 4_000
    low = np.arange(count) < count // 2
    true = np.where(low, rng.uniform(0.0, 0.06 if not told else 0.5, count), rng.uniform(1.0, 8.0, count))
    spend = rng.poisson(true) * 10.0
    guess = np.where(low, rng.uniform(0.0, 0.5, count) if not told else true, true)
    return spend, guess, rng.integers(0, 20, count)


def test_noise_at_the_low_end_is_pooled():
    spend, predicted, groups = shop(told=False)
    assert choose_share(spend, predicted, groups) >= 0.4


def test_a_low_end_that_ranks_is_left_alone():
    rng = np.random.default_rng(1)
    true = rng.uniform(1.0, 8.0, 4_000)
    # Everybody buys, in proportion to the prediction: any pool loses ranking.
    assert choose_share(rng.poisson(true * 20) * 1.0, true, rng.integers(0, 20, 4_000)) <= 0.1


def test_nobody_bought_pools_nothing():
    assert choose_share(np.zeros(500), np.random.default_rng(0).random(500), np.arange(500) % 20) == 0.0


def test_few_customers_pool_nothing():
    spend, predicted, groups = shop(told=False)
    assert choose_share(spend[:50], predicted[:50], groups[:50]) == 0.0
