"""Shares looked up in tables are LightGBM's own, and those of the definition."""

from itertools import permutations
from typing import Any

import numpy as np
import pytest

from foretell.errors import BundleError
from foretell.models import shapley_tables
from foretell.models.boosting import Booster, BoostingParams
from foretell.models.shapley_tables import grouped_contributions

COLUMNS = 9
GROUPS = [0, 0, 1, 1, 2, 2, 2, 3, 4]


def matrix_of(rows: int, seed: int = 0) -> np.ndarray:
    """Numbers of both signs, whole ones, and columns with missing values, one of them in later rows only."""
    draw = np.random.default_rng(seed)
    matrix = draw.normal(size=(rows, COLUMNS))
    matrix[:, 1] = np.round(matrix[:, 1])
    for column in (2, 3, 6):
        matrix[draw.random(rows) < 0.3, column] = np.nan
    return matrix


def fitted(leaves: int, *, rows: int = 1_500, rounds: int = 12, constant: bool = False) -> Booster:
    matrix, draw = matrix_of(rows), np.random.default_rng(1)
    known = np.nan_to_num(matrix)
    mean = np.exp(0.5 * known[:, 0] + 0.7 * known[:, 2] * known[:, 3] - 0.4 * np.abs(known[:, 5]) + 0.2 * known[:, 6])
    actual = np.ones(rows) if constant else draw.poisson(np.minimum(mean, 20)).astype(float)
    params = BoostingParams(num_leaves=leaves, min_child_samples=5, lambda_l2=0.1, learning_rate=0.2)
    return Booster("poisson", params).fit(matrix, actual, np.zeros(rows), rounds=rounds)


def by_group(booster: Booster, matrix: np.ndarray) -> np.ndarray:
    shares = booster.contributions(matrix)
    parts = [shares[:, :-1][:, np.array(GROUPS) == group].sum(axis=1) for group in range(5)]
    return np.column_stack([*parts, shares[:, -1]])


@pytest.mark.parametrize("leaves", [2, 3, 12, 31], ids=lambda leaves: f"{leaves} leaves")
def test_shares_are_those_of_lightgbm(leaves: int, monkeypatch: pytest.MonkeyPatch) -> None:
    booster, matrix = fitted(leaves), matrix_of(600, seed=2)
    # Missing where no row was at the fit: the split takes it for 0.
    matrix[::5, 0] = np.nan
    expected = by_group(booster, matrix)
    monkeypatch.setattr(Booster, "contributions", not_to_be_called)
    found = grouped_contributions(booster, matrix, GROUPS, 5)
    # Sums of a few hundred leaves of order .1.
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.sum(axis=1), booster.margin(matrix), rtol=0, atol=1e-12)


def with_categories(*, missing: bool) -> tuple[Booster, np.ndarray]:
    """Trees that split by sets of codes, and rows with codes that were not at the fit, and without any."""
    draw = np.random.default_rng(4)
    matrix = draw.normal(size=(3_000, COLUMNS))
    matrix[:, 4], matrix[:, 7] = draw.integers(0, 9, 3_000), draw.integers(0, 5, 3_000)
    if missing:
        matrix[draw.random(3_000) < 0.2, 4] = np.nan
    mean = np.exp(np.isin(matrix[:, 4], (1, 4, 8)) - 0.8 * np.isin(matrix[:, 7], (0, 3)) * (matrix[:, 0] > 0))
    params = BoostingParams(num_leaves=12, min_child_samples=5, lambda_l2=0.1, learning_rate=0.2)
    booster = Booster("poisson", params).fit(
        matrix, draw.poisson(mean).astype(float), np.zeros(3_000), rounds=12, categorical=[4, 7]
    )
    asked = matrix[:600].copy()
    asked[::5, 4], asked[1::5, 7] = np.nan, np.nan
    asked[2::5, 4], asked[3::5, 4] = 40, -1
    return booster, asked


@pytest.mark.parametrize("missing", [True, False], ids=["some missing at the fit", "none missing"])
def test_shares_of_categories_are_those_of_lightgbm(missing: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    booster, matrix = with_categories(missing=missing)
    kinds = {split["decision_type"] for tree in booster.trees() for split in splits(tree)}
    assert kinds == {"<=", "=="}
    expected = by_group(booster, matrix)
    monkeypatch.setattr(Booster, "contributions", not_to_be_called)
    found = grouped_contributions(booster, matrix, GROUPS, 5)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.sum(axis=1), booster.margin(matrix), rtol=0, atol=1e-12)


def splits(node: dict[str, Any]) -> list[dict[str, Any]]:
    below = [split for side in ("left_child", "right_child") if side in node for split in splits(node[side])]
    return [node, *below] if "split_feature" in node else below


def not_to_be_called(*_: Any) -> None:
    pytest.fail("LightGBM's walk was taken")


def test_few_rows_and_deep_trees_take_the_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    booster, matrix = fitted(12), matrix_of(400, seed=2)
    few = grouped_contributions(booster, matrix[:7], GROUPS, 5)
    np.testing.assert_allclose(few, by_group(booster, matrix[:7]), rtol=0, atol=1e-12)
    monkeypatch.setattr(shapley_tables, "_MOST_COLUMNS", 2)
    monkeypatch.setattr(shapley_tables, "_BATCH_ROWS", 150)
    assert np.array_equal(grouped_contributions(booster, matrix, GROUPS, 5), by_group(booster, matrix))


def test_trees_without_a_split_have_no_shares() -> None:
    matrix = matrix_of(400)
    assert not grouped_contributions(fitted(12, rounds=0), matrix, GROUPS, 5).any()
    flat = grouped_contributions(fitted(12, constant=True), matrix, GROUPS, 5)
    assert not flat[:, :-1].any()


def test_another_width_is_refused() -> None:
    with pytest.raises(BundleError, match="9 columns"):
        grouped_contributions(fitted(3), matrix_of(400)[:, :-1], GROUPS[:-1], 5)


def test_values_of_a_leaf_are_those_of_the_definition() -> None:
    """The mean gain of a column over all orders in which the columns become known."""
    ratios, passes = np.array([0.3, 0.8, 0.5]), np.array([1.0, 0.0, 1.0])
    expected = np.zeros(3)
    for order in permutations(range(3)):
        known: list[int] = []
        for column in order:
            before = value(known, ratios, passes)
            known.append(column)
            expected[column] += (value(known, ratios, passes) - before) / 6
    found = shapley_tables._shapley(np.array([[0.9, 0.9, 0.9], ratios]))
    # 5 is 101 in bits: the first and the third column let the row pass. Products of three numbers: 1e-15.
    np.testing.assert_allclose(found[1, 5], expected, rtol=0, atol=1e-14)


def value(known: list[int], ratios: np.ndarray, passes: np.ndarray) -> float:
    return float(np.prod([passes[column] if column in known else ratios[column] for column in range(3)]))
