"""Exact Shapley shares of small trees in microseconds a row: looked up by what the splits of a tree answer.

The shares of all columns in a leaf's value depend only on which columns let the row pass on the way to it. They are
computed once for each leaf; for a tree of few splits they are added up once for each of its possible answers. A row
then costs a comparison per split and a look-up, where LightGBM's own walk costs hundreds of times more.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import factorial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from foretell.models.boosting import Booster
from foretell.models.objectives import Matrix

_SPLITS_OF_A_TABLE = 11
"""Trees of at most so many splits are looked up at once, by one of 2,048 codes; larger ones leaf by leaf."""

_MOST_COLUMNS = 12
"""Columns on the way to a leaf up to which its table is made, of 4,096 rows."""

_LEAVES_AT_ONCE = 64
_FEWEST_ROWS = 300
_BATCH_ROWS = 20_000

Codes = NDArray[np.int16]
Groups = NDArray[np.int64]
Flags = NDArray[np.bool_]


class _Leaf(NamedTuple):
    """A leaf, and what leads to it.

    ``sides`` holds, by split on the way, whether the way goes left; ``ratios`` by column the share of the training
    rows that go on at its splits.
    """

    value: float
    sides: dict[int, bool]
    ratios: dict[int, float]


@dataclass(frozen=True)
class _Tree:
    """Splits in the order of their bits in a code, and leaves."""

    splits: tuple[dict[str, Any], ...]
    leaves: tuple[_Leaf, ...]
    mean: float


def grouped_contributions(booster: Booster, matrix: Matrix, groups: Sequence[int], count: int) -> Matrix:
    """Return what each group of columns adds to the margin: the sum of its columns' Shapley values.

    Parameters
    ----------
    booster : Booster
        Fitted.
    matrix : ndarray of float64, shape (rows, features)
        As for `Booster.margin`.
    groups : sequence of int
        Number of each column's group, within [0, count).
    count : int
        Groups.

    Returns
    -------
    ndarray of shape (rows, count + 1)
        As `Booster.contributions`, added up by group: the last column is the mean margin, a row sums to its margin.
        Trees with very deep leaves, and few rows, take LightGBM's walk.

    Raises
    ------
    BundleError
        If the matrix has not the columns that the trees were fitted to.

    References
    ----------
    Lundberg, Erion, Lee (2018), "Consistent individualized feature attribution for tree ensembles",
    arXiv:1802.03888, with the training rows of each node as its weight; a table over the answers of a path as in
    Yang (2021), "Fast TreeSHAP: accelerating SHAP value computation for trees", arXiv:2109.09847, section 4.
    """
    trees = [_read(described) for described in booster.trees()]
    of_column = np.asarray(groups, dtype=np.int64)
    if len(matrix) < _FEWEST_ROWS or not all(_is_small(tree) for tree in trees):
        return _added_up(booster, matrix, of_column, count)
    booster.margin(matrix[:0])
    found = np.zeros((len(matrix), count + 1))
    found[:, -1] = sum(tree.mean for tree in trees)
    # Splits read single columns, which is several times faster where a column lies in one piece.
    columns = np.asfortranarray(matrix)
    for tree, leaves in zip(trees, _leaf_tables(trees, of_column, count), strict=True):
        answers = _answers(tree, columns)
        if len(tree.splits) <= _SPLITS_OF_A_TABLE:
            codes = np.arange(2 ** len(tree.splits))
            table = _looked_up(tree, leaves, [(codes >> bit & 1).astype(bool) for bit in range(len(tree.splits))])
            found[:, :-1] += table.take(_numbers(answers, len(matrix)), axis=0)
        else:
            found[:, :-1] += _looked_up(tree, leaves, answers)
    return found


def _added_up(booster: Booster, matrix: Matrix, of_column: Groups, count: int) -> Matrix:
    """Return LightGBM's own contributions by group, some rows at a time: they are as wide as the matrix."""
    found = np.zeros((len(matrix), count + 1))
    for start in range(0, len(matrix), _BATCH_ROWS):
        rows = slice(start, start + _BATCH_ROWS)
        shares = booster.contributions(matrix[rows])
        for group in range(count):
            found[rows, group] = shares[:, :-1][:, of_column == group].sum(axis=1)
        found[rows, -1] = shares[:, -1]
    return found


def _read(described: dict[str, Any]) -> _Tree:
    splits: list[dict[str, Any]] = []

    def leaves(node: dict[str, Any], way: _Leaf) -> Iterator[_Leaf]:
        if "split_feature" not in node:
            yield way._replace(value=float(node["leaf_value"]))
            return
        bit, column = len(splits), int(node["split_feature"])
        splits.append(node)
        for side, is_left in (("left_child", True), ("right_child", False)):
            ratio = way.ratios.get(column, 1.0) * _rows(node[side]) / _rows(node)
            yield from leaves(node[side], _Leaf(0.0, {**way.sides, bit: is_left}, {**way.ratios, column: ratio}))

    found = tuple(leaves(described, _Leaf(0.0, {}, {})))
    return _Tree(tuple(splits), found, _mean(described))


def _mean(node: dict[str, Any]) -> float:
    if "split_feature" not in node:
        return float(node["leaf_value"])
    both = (node["left_child"], node["right_child"])
    return float(sum(_rows(child) * _mean(child) for child in both) / _rows(node))


def _rows(node: dict[str, Any]) -> int:
    return int(node["internal_count" if "split_feature" in node else "leaf_count"])


def _is_small(tree: _Tree) -> bool:
    return all(len(leaf.ratios) <= _MOST_COLUMNS for leaf in tree.leaves) and all(
        split["decision_type"] == "==" or split["missing_type"] in ("None", "NaN") for split in tree.splits
    )


def _answers(tree: _Tree, matrix: Matrix) -> list[Flags]:
    """Say for each split which rows go left."""
    found = []
    for split in tree.splits:
        values, threshold = matrix[:, split["split_feature"]], split["threshold"]
        if split["decision_type"] == "==":
            # A missing code is among no set, whether or not the split ever saw one.
            found.append(np.isin(values, [float(code) for code in threshold.split("||")]))
            continue
        # A missing value goes where the split sends it, or is 0 to a split that never saw one.
        left = split["default_left"] if split["missing_type"] == "NaN" else threshold >= 0
        found.append(~(values > threshold) if left else values <= threshold)
    return found


def _looked_up(tree: _Tree, leaves: Sequence[Matrix], answers: Sequence[Flags]) -> Matrix:
    """Add up the shares of each group over the leaves, for rows of which the splits' answers are known."""
    rows = len(answers[0]) if answers else 1
    found = np.zeros((rows, leaves[0].shape[1]))
    for leaf, by_group in zip(tree.leaves, leaves, strict=True):
        passes = {column: np.ones(rows, dtype=bool) for column in leaf.ratios}
        for bit, is_left in leaf.sides.items():
            passes[tree.splits[bit]["split_feature"]] &= answers[bit] == is_left
        found += by_group.take(_numbers(list(passes.values()), rows), axis=0)
    return found


def _numbers(bits: Sequence[Flags], rows: int) -> Codes:
    """Read the flags of each row as a number, the first being its lowest bit."""
    found = np.zeros(rows, dtype=np.int16)
    for place, flags in enumerate(bits):
        found |= flags.astype(np.int16) << place
    return found


def _leaf_tables(trees: Sequence[_Tree], of_column: Groups, count: int) -> list[list[Matrix]]:
    """Return for each leaf of each tree the shares of the groups, by which of its columns let a row pass."""
    leaves = [leaf for tree in trees for leaf in tree.leaves]
    found = [np.zeros((1, count)) for _ in leaves]
    for width in sorted({len(leaf.ratios) for leaf in leaves} - {0}):
        alike = [place for place, leaf in enumerate(leaves) if len(leaf.ratios) == width]
        for start in range(0, len(alike), _LEAVES_AT_ONCE):
            places = alike[start : start + _LEAVES_AT_ONCE]
            shares = _shapley(np.array([list(leaves[place].ratios.values()) for place in places]))
            for place, by_column in zip(places, shares, strict=True):
                into = np.zeros((width, count))
                into[range(width), of_column[list(leaves[place].ratios)]] = leaves[place].value
                found[place] = by_column @ into
    each = iter(found)
    return [[next(each) for _ in tree.leaves] for tree in trees]


def _shapley(ratios: Matrix) -> Matrix:
    """Return the Shapley values of games in which a row reaches a leaf of value 1.

    Known columns of a row let it pass, 1 or 0; unknown ones let the ratio of the training rows pass.

    Parameters
    ----------
    ratios : ndarray of shape (leaves, d)
        By column of the way to the leaf.

    Returns
    -------
    ndarray of shape (leaves, 2^d, d)
        By which of the columns let the row pass, as bits, and by column: Σ over the sets S of other columns of
        |S|! (d − 1 − |S|)! / d! · Π_S passes · Π_rest ratio · (passes − ratio).
    """
    leaves, d = ratios.shape
    passes = (np.arange(2**d)[:, None] >> np.arange(d) & 1).astype(np.float64)
    found = np.zeros((leaves, 2**d, d))
    weights = np.array([factorial(k) * factorial(d - 1 - k) / factorial(d) for k in range(d)])
    for mine in range(d):
        # Coefficient k of Π (ratio + passes · x) over the other columns adds up the sets S of size k.
        sets = np.zeros((leaves, 2**d, d))
        sets[:, :, 0] = 1.0
        for other in range(d):
            if other != mine:
                joined = sets[:, :, :-1] * passes[:, [other]]
                sets *= ratios[:, other, None, None]
                sets[:, :, 1:] += joined
        found[:, :, mine] = (passes[:, mine] - ratios[:, [mine]]) * (sets @ weights)
    return found
