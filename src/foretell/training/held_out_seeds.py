"""Held-out seeds: where each stands in a ranking that did not know it for a seed, by every method."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from scipy.stats import rankdata

from foretell.evaluation.vectors import FloatArray, IntArray
from foretell.models.objectives import Matrix
from foretell.models.similarity import SeedSimilarity
from foretell.training.lookalike_candidates import (
    CANDIDATES,
    SIMILARITY_ONLY_BELOW,
    Candidate,
    Method,
    Ranks,
    Settings,
    fit_method,
    weights_of,
)

ENOUGH_JUDGED = 1_000
"""Held-out seeds after which no further fold is judged; two folds are in any case."""

Choice = TypeVar("Choice", bound=Hashable)

_MOST_RANKED = 5_000
_SEEDS_PER_CLUSTER = 15
_CLUSTERS = (1, 2, 4, 8, 16)


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Places of held-out seeds among everybody else and one another.

    Parameters
    ----------
    fold : ndarray of int, shape (seeds,)
        Fold in which each judged seed was held out.
    places : mapping of str to ndarray of shape (seeds,)
        By candidate: share of the ranking that stands before the seed, within (0, 1); ties share their mean rank.
    ranked_rows : mapping of int to int
        By fold that was judged: rows that were ranked.
    """

    fold: IntArray
    places: Mapping[Candidate, FloatArray]
    ranked_rows: Mapping[int, int]

    def choice(self, without: int | None = None) -> Candidate:
        """Return the blend, unless another candidate ranks the seeds better by more than a standard error.

        Parameters
        ----------
        without : int, optional
            Fold whose seeds have no say.

        Returns
        -------
        {'blend', 'similarity', 'logistic', 'pu_bagging'}
        """
        heard = self.fold != without
        return first_within_one_error({name: place[heard] for name, place in self.places.items()})

    def judged(self) -> FloatArray:
        """Return the place of each seed by the candidate that the other folds' seeds chose.

        Returns
        -------
        ndarray of shape (seeds,)
        """
        places = np.empty(self.fold.size)
        for number in np.unique(self.fold):
            own = self.fold == number
            places[own] = self.places[self.choice(without=int(number))][own]
        return places

    def top_ceiling(self, share: float) -> float:
        """Return the largest share of the seeds that the top of their rankings has room for.

        Parameters
        ----------
        share : float
            Size of the top, within (0, 1].

        Returns
        -------
        float
        """
        room = [min(share * rows, held) for rows, held in zip(self.ranked_rows.values(), self._sizes(), strict=True)]
        return float(sum(room) / self.fold.size)

    def _sizes(self) -> list[int]:
        return [int((self.fold == number).sum()) for number in self.ranked_rows]


def first_within_one_error(places: Mapping[Choice, FloatArray]) -> Choice:
    """Return the first candidate within one standard error of the best; errors are those of the paired difference.

    Parameters
    ----------
    places : mapping of str or int to ndarray of shape (seeds,)
        By candidate, the first preferred.

    Returns
    -------
    str or int
    """
    best = min(places, key=lambda name: float(places[name].mean()))
    for name, place in places.items():
        gap = place - places[best]
        if gap.mean() <= gap.std() / np.sqrt(gap.size):
            return name
    return best


def seed_folds(seeds: FloatArray, folds: int, seed: int) -> IntArray:
    """Deal the seeds out to folds by chance.

    Parameters
    ----------
    seeds : ndarray of shape (rows,)
        1 for a seed, else 0.
    folds : int
        How many, at most one a seed.
    seed : int
        Seed of the dealing.

    Returns
    -------
    ndarray of int, shape (seeds,)
        Fold of each seed, in the order of the rows.
    """
    count = int(seeds.sum())
    return np.asarray(np.random.default_rng(seed + 104_729).permutation(count) % folds, dtype=np.intp)


def hold_out(
    matrix: Matrix,
    seeds: FloatArray,
    weights: FloatArray,
    settings: Settings,
    *,
    folds: int,
    candidates: Sequence[Candidate] | None = None,
    most_clusters: int | None = None,
) -> HeldOut:
    """Rank every seed by methods that took it for one of the others.

    Parameters
    ----------
    matrix : ndarray of float64, shape (rows, features)
        As from `Encoding.to_matrix`.
    seeds : ndarray of shape (rows,)
        1 for a seed, else 0.
    weights : ndarray of shape (rows,)
        How much each seed counts in a fit; in the ranking all count the same.
    settings : Settings
        Levels, clusters, seed and threads.
    folds : int
        Folds of the seeds.
    candidates : sequence of str, optional
        What to rank by; None is all that this number of seeds can carry.
    most_clusters : int, optional
        Choose the number of clusters anew for each fold, on its other seeds alone, as `choose_clusters` does with so
        many at most. None takes that of the settings for all folds.

    Returns
    -------
    HeldOut
    """
    count, number = int(seeds.sum()), 0
    names = candidates or (CANDIDATES if count >= SIMILARITY_ONLY_BELOW else ("similarity",))
    fold, own, others = _dealt(seeds, folds, settings.seed)
    places, ranked_rows = {name: np.full(count, np.nan) for name in names}, {}
    methods: list[Method] = list(dict.fromkeys(method for name in names for method in weights_of(name, count)))
    for number in range(folds):
        held = own[fold == number]
        taken = seeds.copy()
        taken[held] = 0.0
        ranked = np.concatenate([held, others])
        ranked_rows[number] = ranked.size
        given, ranks = settings, {}
        if most_clusters is not None and "similarity" in methods:
            inside = choose_clusters(matrix, taken, weights, settings, folds=folds, most=most_clusters)
            given = replace(settings, clusters=inside)
        for method in methods:
            answers = fit_method(method, matrix, taken, weights, given).margin(matrix[ranked])
            ranks[method] = Ranks.of(answers[held.size :])(answers)
        for name in names:
            shares = weights_of(name, count - held.size)
            total = sum((share * ranks[method] for method, share in shares.items()), np.zeros(ranked.size))
            places[name][fold == number] = _places(total)[: held.size]
        if _is_enough(fold, number):
            break
    known = fold <= number
    return HeldOut(fold[known], {name: place[known] for name, place in places.items()}, ranked_rows)


def choose_clusters(
    matrix: Matrix, seeds: FloatArray, weights: FloatArray, settings: Settings, *, folds: int, most: int
) -> int:
    """Return how many clusters of seeds rank the held-out seeds best: the fewest within one standard error.

    Parameters
    ----------
    matrix, seeds, weights, settings, folds : as for `hold_out`
        The number of clusters in the settings is not read.
    most : int
        Clusters at most; one for every 15 seeds in any case.

    Returns
    -------
    int
    """
    possible = [count for count in _CLUSTERS if count == 1 or count <= min(most, seeds.sum() / _SEEDS_PER_CLUSTER)]
    if len(possible) == 1:
        return 1
    fold, own, others = _dealt(seeds, folds, settings.seed)
    tried = {count: np.full(fold.size, np.nan) for count in possible}
    similarity = SeedSimilarity(settings.levels, seed=settings.seed)
    for number in range(folds):
        held = own[fold == number]
        taken = seeds.copy()
        taken[held] = 0.0
        ranked = matrix[np.concatenate([held, others])]
        for count, fitted in similarity.fit_counts(matrix, taken, possible, weights=weights).items():
            answers = fitted.margin(ranked)
            tried[count][fold == number] = _places(Ranks.of(answers[held.size :])(answers))[: held.size]
        if _is_enough(fold, number):
            break
    known = fold <= number
    return first_within_one_error({count: place[known] for count, place in tried.items()})


def _dealt(seeds: FloatArray, folds: int, seed: int) -> tuple[IntArray, IntArray, IntArray]:
    """Return the fold of each seed, the seeds' rows, and the rows of others that they are ranked among."""
    # A draw, not the first: rows may be in any order.
    others = np.random.default_rng(seed + 611_953).permutation(np.flatnonzero(seeds == 0))[:_MOST_RANKED]
    return seed_folds(seeds, folds, seed), np.flatnonzero(seeds > 0), others


def _is_enough(fold: IntArray, number: int) -> bool:
    return number > 0 and int(np.count_nonzero(fold <= number)) >= ENOUGH_JUDGED


def _places(score: FloatArray) -> FloatArray:
    return np.asarray((rankdata(-np.round(score, 12)) - 0.5) / score.size, dtype=np.float64)
