"""Learning from positives and unlabelled rows: boosted models, each against a fresh draw of the unlabelled."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np

from foretell.models.boosting import Booster
from foretell.models.boosting_params import BoostingParams
from foretell.models.objectives import Matrix, Vector
from foretell.models.shapley_tables import grouped_contributions

UNLABELLED_PER_POSITIVE = 2
"""Rows drawn against each positive."""

MOST_BAGS = 30


@dataclass(frozen=True)
class BagPlan:
    """How large the trees of a number of positives may be.

    Parameters
    ----------
    bags : int
        Boosted models.
    rounds : int
        Trees of each.
    leaves : tuple of int
        Leaves of the trees of each model, in turn.
    fewest : int
        Rows in a leaf, at least.
    """

    bags: int
    rounds: int
    leaves: tuple[int, ...]
    fewest: int

    @classmethod
    def of(cls, positives: int) -> Self:
        """Return the plan for a number of positives.

        Parameters
        ----------
        positives : int
            Positives, at least 1.

        Returns
        -------
        BagPlan
            From stumps at 30 to trees of 16 leaves in the thousands; fewer models where each sees much.

        Notes
        -----
        Between 30 and 200 a growing part of the models has 4 leaves instead of 2. On subscribers, stumps were best at
        30 seeds, 4 leaves at 400, and both together at 100.
        """
        if positives >= 3_000:
            return cls(10, 80, (16,), 20)
        if positives >= 1_000:
            return cls(15, 60, (8,), 10)
        share = min(max((positives - 30) / 170, 0.0), 1.0)
        wide = round(share * MOST_BAGS)
        # Spread evenly, so that any first part of the models has the same mixture.
        reached = [number * wide // MOST_BAGS for number in range(MOST_BAGS + 1)]
        return cls(MOST_BAGS, 45, tuple(4 if now > before else 2 for before, now in pairwise(reached)), 5)


class PUBagging:
    """Mean log-odds of boosted trees, each fitted to all positives against a draw of unlabelled rows.

    A positive that hides among the unlabelled is in few of the draws, so that it is hardly learnt as a negative.

    Parameters
    ----------
    categorical : sequence of int
        Positions of the columns that hold codes of categories.
    seed : int
        Seed of draws and trees.
    threads : int
        Threads of LightGBM; results are the same for any number.

    Attributes
    ----------
    boosters : tuple of Booster
        One a bag.

    References
    ----------
    Mordelet, Vert (2014), "A bagging SVM to learn from positive and unlabeled examples", Pattern Recognition Letters
    37.
    """

    def __init__(self, categorical: Sequence[int], *, seed: int = 0, threads: int = 1) -> None:
        self.categorical = tuple(categorical)
        self.seed = seed
        self.threads = threads
        self.boosters: tuple[Booster, ...] = ()

    def fit(self, matrix: Matrix, positive: Vector, *, weights: Vector | None = None) -> Self:
        """Fit the bags.

        Parameters
        ----------
        matrix : ndarray of float64, shape (rows, features)
            As from `Encoding.to_matrix`.
        positive : ndarray of shape (rows,)
            1 for a positive, 0 for an unlabelled row; both present.
        weights : ndarray of shape (rows,), optional
            How much each positive counts; those of other rows are not read.

        Returns
        -------
        Self
        """
        rng = np.random.default_rng(self.seed)
        positives, unlabelled = np.flatnonzero(positive > 0), np.flatnonzero(positive == 0)
        drawn = min(UNLABELLED_PER_POSITIVE * positives.size, unlabelled.size)
        own = np.ones(positives.size) if weights is None else weights[positives] / weights[positives].mean()
        plan = BagPlan.of(positives.size)
        boosters = []
        for bag in range(plan.bags):
            rows = np.concatenate([positives, np.sort(rng.choice(unlabelled, drawn, replace=False))])
            # Both sides weigh the same: the offset of 0 is then the level.
            weight = np.concatenate([own * (drawn / positives.size), np.ones(drawn)])
            params = BoostingParams(
                num_leaves=plan.leaves[bag % len(plan.leaves)],
                learning_rate=0.1,
                min_child_samples=plan.fewest,
                lambda_l2=1.0,
                feature_fraction=0.7,
                bagging_fraction=0.8,
            )
            booster = Booster("binary", params, seed=self.seed + bag, threads=self.threads)
            boosters.append(
                booster.fit(
                    matrix[rows],
                    positive[rows],
                    np.zeros(rows.size),
                    weights=weight,
                    rounds=plan.rounds,
                    categorical=self.categorical,
                )
            )
        self.boosters = tuple(boosters)
        return self

    def margin(self, matrix: Matrix) -> Vector:
        """Mean log-odds of each row.

        Parameters
        ----------
        matrix : ndarray of float64, shape (rows, features)
            As for `fit`.

        Returns
        -------
        ndarray of shape (rows,)
        """
        total: Vector = np.zeros(len(matrix))
        for booster in self.boosters:
            total = total + booster.margin(matrix)
        return total / max(len(self.boosters), 1)

    def contributions(self, matrix: Matrix) -> Matrix:
        """Share of every feature in the log-odds (Shapley values, exact), as distance from the mean.

        Parameters
        ----------
        matrix : ndarray of float64, shape (rows, features)
            As for `fit`.

        Returns
        -------
        ndarray of shape (rows, features)
        """
        total = np.zeros(matrix.shape)
        for booster in self.boosters:
            total = total + grouped_contributions(booster, matrix, range(matrix.shape[1]), matrix.shape[1])[:, :-1]
        return total / max(len(self.boosters), 1)
