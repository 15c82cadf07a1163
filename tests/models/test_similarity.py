"""Similarity to seeds: the formula of discriminant analysis, clusters of seeds, and a state that is checked."""

import json

import numpy as np
import pytest

from foretell.errors import BundleError
from foretell.models.similarity import SeedSimilarity


def matrix_and_seeds(rows=300, seed=0):
    rng = np.random.default_rng(seed)
    matrix = np.column_stack([rng.normal(5, 2, rows), rng.integers(0, 3, rows), rng.normal(size=rows)]).astype(float)
    matrix[::17, 2] = np.nan
    seeds = (matrix[:, 0] + rng.normal(0, 2, rows) > 8).astype(float)
    return matrix, seeds


def test_one_cluster_is_the_log_ratio_of_two_normal_laws():
    matrix, seeds = matrix_and_seeds()
    model = SeedSimilarity((0, 3, 0)).fit(matrix, seeds)
    number = np.clip((matrix[:, 0] - matrix[:, 0].mean()) / matrix[:, 0].std(), -4, 4)
    known = ~np.isnan(matrix[:, 2])
    other = matrix[:, 2]
    scaled = np.where(known, np.clip((other - other[known].mean()) / other[known].std(), -4, 4), 0.0)
    zeros = np.zeros(len(matrix))
    columns = np.column_stack([number, zeros, *(matrix[:, 1] == level for level in range(3)), scaled, ~known])
    others = columns[seeds == 0]
    ridge = 300 / seeds.sum() * np.eye(columns.shape[1])
    distance = columns[seeds > 0].mean(0) - others.mean(0)
    direction = np.linalg.solve(np.cov(others.T, bias=True) + ridge, distance)
    expected = (columns - others.mean(0)) @ direction - 0.5 * distance @ direction
    # the state keeps nine decimals
    assert model.margin(matrix) == pytest.approx(expected, abs=1e-7)
    assert model.contributions(matrix).sum(1) == pytest.approx((columns - others.mean(0)) @ direction, abs=1e-7)


def test_weights_count_as_repeated_seeds():
    matrix, seeds = matrix_and_seeds()
    own = np.flatnonzero(seeds)
    weights = np.ones(len(matrix))
    weights[own[:10]] = 3.0
    weighted = SeedSimilarity((0, 3, 0)).fit(matrix, seeds, weights=weights)
    plain = SeedSimilarity((0, 3, 0)).fit(matrix, seeds)
    pulled = np.abs(weighted.margin(matrix[own[:10]])).mean() - np.abs(plain.margin(matrix[own[:10]])).mean()
    assert pulled != 0
    equal = SeedSimilarity((0, 3, 0)).fit(matrix, seeds, weights=np.full(len(matrix), 7.0))
    assert equal.margin(matrix) == pytest.approx(plain.margin(matrix))


def test_two_kinds_of_seeds_are_told_from_what_lies_between():
    rng = np.random.default_rng(1)
    spots = np.concatenate([rng.normal(-3, 0.3, (40, 2)), rng.normal(3, 0.3, (40, 2))])
    matrix = np.concatenate([spots, rng.uniform(-5, 5, (400, 2))])
    seeds = np.concatenate([np.ones(80), np.zeros(400)])
    one, two = (SeedSimilarity((0, 0), clusters=count).fit(matrix, seeds) for count in (1, 2))
    asked = np.array([[3.0, 3.0], [-3.0, -3.0], [0.0, 0.0]])
    # the mean of both kinds is the middle: a single cluster tells nothing
    assert np.ptp(one.margin(asked)) < 0.05
    there, too, between = two.margin(asked)
    assert min(there, too) > between + 0.05
    assert len(SeedSimilarity((0, 0), clusters=50).fit(matrix[:90], seeds[:90]).directions) <= 50


def test_several_numbers_of_clusters_at_once_are_those_of_single_fits():
    matrix, seeds = matrix_and_seeds()
    weights = np.linspace(1, 3, len(matrix))
    at_once = SeedSimilarity((0, 3, 0), seed=4).fit_counts(matrix, seeds, (1, 2, 4), weights=weights)
    for count, found in at_once.items():
        alone = SeedSimilarity((0, 3, 0), clusters=count, seed=4).fit(matrix, seeds, weights=weights)
        assert found.to_dict() == alone.to_dict()
        assert len(found.levels_of_clusters) == count


def test_the_state_returns_and_a_damaged_one_is_refused():
    matrix, seeds = matrix_and_seeds()
    model = SeedSimilarity((0, 3, 0), clusters=2).fit(matrix, seeds)
    state = json.loads(json.dumps(model.to_dict()))
    assert np.array_equal(SeedSimilarity.from_dict(state).margin(matrix), model.margin(matrix))
    for change in (
        {"levels": [0, 3]}, {"scales": [1, 0, 1]}, {"middle": [0.0]}, {"directions": []},
        {"directions": [["x"] * 7]}, {"levels_of_clusters": [float("nan"), 0]}, {"more": 1},
    ):  # fmt: skip
        with pytest.raises(BundleError, match="SeedSimilarity"):
            SeedSimilarity.from_dict(state | change)
