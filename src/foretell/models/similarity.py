"""Similarity to the clusters of a few seeds: nearest-centroid rules with a shrunk covariance.

For each cluster c of seeds, with d_c the distance of its mean from the mean of everybody and S the covariance of
everybody, shrunk by a ridge τ,

    evidence_c(x) = (x − m)ᵀ w_c − ½ d_cᵀ w_c + ln(share of c),   w_c = (S + τ I)⁻¹ d_c

which is the log density ratio of two normal laws with one covariance, up to a constant: linear discriminant analysis.
A large τ makes it the product with the centroid, which few seeds can carry; τ = 300 / seeds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from foretell.models.design import centres_and_scales, standard_columns
from foretell.models.objectives import Matrix, Vector
from foretell.models.state import damaged, is_finite

_NAME = "SeedSimilarity"
_RIDGE_SEEDS = 300.0
_ROUNDS = 30
_STARTS = 3
_MOST_CLUSTERED = 1_000
MOST_CLUSTERS = 100

IntArray = NDArray[np.intp]


class SeedSimilarity:
    """Log density ratio of seeds over everybody, by clusters of the seeds.

    Parameters
    ----------
    levels : sequence of int
        Number of categories of each feature, 0 for a number; in the order of the matrix.
    clusters : int
        Clusters of the seeds, at most one a seed.
    seed : int
        Seed of the clusters' starts.

    Attributes
    ----------
    centres, scales : ndarray of shape (features,)
        Mean and standard deviation of each number among everybody.
    middle : ndarray of shape (columns,)
        Mean of everybody.
    directions : ndarray of shape (clusters, columns)
        w_c of the formula.
    levels_of_clusters : ndarray of shape (clusters,)
        ln(share of c) − ½ d_cᵀ w_c.

    References
    ----------
    Hastie, Tibshirani, Friedman (2009), "The Elements of Statistical Learning", 4.3 and 18.3.1 (regularised
    discriminant analysis), 13.2.1 (k-means for classes with several prototypes).
    """

    def __init__(self, levels: Sequence[int], *, clusters: int = 1, seed: int = 0) -> None:
        self.levels = tuple(levels)
        self.clusters = clusters
        self.seed = seed
        self.centres = np.zeros(len(self.levels))
        self.scales = np.ones(len(self.levels))
        width = sum(count or 2 for count in self.levels)
        self.middle = np.zeros(width)
        self.directions = np.zeros((1, width))
        self.levels_of_clusters = np.zeros(1)

    def fit(self, matrix: Matrix, seeds: Vector, *, weights: Vector | None = None) -> Self:
        """Learn the clusters.

        Parameters
        ----------
        matrix : ndarray of float64, shape (rows, features)
            As from `Encoding.to_matrix`: numbers, codes, NaN for missing.
        seeds : ndarray of shape (rows,)
            1 for a seed, else 0; both present.
        weights : ndarray of shape (rows,), optional
            How much each seed counts; those of other rows are not read.

        Returns
        -------
        Self
        """
        return self._place(self._ground(matrix, seeds, weights))

    def fit_counts(
        self, matrix: Matrix, seeds: Vector, counts: Sequence[int], *, weights: Vector | None = None
    ) -> "dict[int, SeedSimilarity]":
        """Learn by several numbers of clusters; what does not depend on them is computed once.

        Parameters
        ----------
        matrix, seeds, weights : as for `fit`
        counts : sequence of int
            Numbers of clusters.

        Returns
        -------
        dict of int to SeedSimilarity
            Fitted, equal to those of `fit` to the last bit.
        """
        ground = self._ground(matrix, seeds, weights)
        return {
            count: SeedSimilarity(self.levels, clusters=count, seed=self.seed)._place(ground)  # noqa: SLF001  its own
            for count in counts
        }

    def margin(self, matrix: Matrix) -> Vector:
        """Log density ratio of each row.

        Parameters
        ----------
        matrix : ndarray of float64, shape (rows, features)
            As for `fit`.

        Returns
        -------
        ndarray of shape (rows,)
        """
        return np.asarray(logsumexp(self._evidence(matrix), axis=1), dtype=np.float64)

    def contributions(self, matrix: Matrix) -> Matrix:
        """Share of every feature in the evidence of the nearest cluster, as distance from everybody's mean.

        Parameters
        ----------
        matrix : ndarray of float64, shape (rows, features)
            As for `fit`.

        Returns
        -------
        ndarray of shape (rows, features)
        """
        nearest = self._evidence(matrix).argmax(1)
        parts = np.empty(matrix.shape)
        for place, (start, stop) in enumerate(self._edges()):
            block = self._block(matrix, place) - self.middle[start:stop]
            parts[:, place] = (block * self.directions[nearest, start:stop]).sum(1)
        return parts

    def to_dict(self) -> dict[str, Any]:
        """Return the learned state as plain values.

        Returns
        -------
        dict of str to object
            For JSON; read back by `from_dict`.
        """
        return {
            "levels": list(self.levels),
            "centres": self.centres.tolist(),
            "scales": self.scales.tolist(),
            "middle": self.middle.tolist(),
            "directions": self.directions.tolist(),
            "levels_of_clusters": self.levels_of_clusters.tolist(),
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Rebuild a similarity from plain values.

        Parameters
        ----------
        state : mapping
            As from `to_dict`, possibly through JSON.

        Returns
        -------
        SeedSimilarity

        Raises
        ------
        BundleError
            If the state is not that of a similarity.
        """
        if set(state) != {"levels", "centres", "scales", "middle", "directions", "levels_of_clusters"}:
            raise damaged(_NAME, "fields")
        levels = state["levels"]
        if not isinstance(levels, list) or not all(type(count) is int and count >= 0 for count in levels):
            raise damaged(_NAME, "levels")
        found = cls(levels)
        found.centres, found.scales = (_numbers(state[name], len(levels), name) for name in ("centres", "scales"))
        found.middle = _numbers(state["middle"], found.middle.size, "middle")
        rows, level = state["directions"], state["levels_of_clusters"]
        if not isinstance(rows, list) or not 1 <= len(rows) <= MOST_CLUSTERS or (found.scales <= 0).any():
            raise damaged(_NAME, "directions")
        found.directions = np.array([_numbers(row, found.middle.size, "directions") for row in rows])
        found.levels_of_clusters = _numbers(level, len(rows), "levels_of_clusters")
        found.clusters = len(rows)
        return found

    def _ground(self, matrix: Matrix, seeds: Vector, weights: Vector | None) -> "_Ground":
        from threadpoolctl import threadpool_limits

        chosen = seeds > 0
        self.centres, self.scales = centres_and_scales(matrix)
        columns = self._columns(matrix)
        others, own = columns[~chosen], columns[chosen]
        weight = np.ones(len(own)) if weights is None else weights[chosen] / weights[chosen].mean()
        middle = np.round(others.mean(0), 9)
        ridge = _RIDGE_SEEDS * float((weight**2).sum() / weight.sum() ** 2)
        # One thread: the last bits of a factorisation follow how it is split.
        with threadpool_limits(1):
            centred = others - middle
            covariance = centred.T @ centred / len(others) + ridge * np.eye(centred.shape[1])
        return _Ground(self.centres, self.scales, middle, covariance, own, weight)

    def _place(self, ground: "_Ground") -> Self:
        from threadpoolctl import threadpool_limits

        self.centres, self.scales, self.middle = ground.centres, ground.scales, ground.middle
        own, weight = ground.own, ground.weight
        with threadpool_limits(1):
            cluster = _clusters(own, weight, min(self.clusters, len(own)), self.seed)
            sizes = np.bincount(cluster, weights=weight)
            distances = _means(own, weight, cluster) - self.middle
            self.directions = np.round(np.linalg.solve(ground.covariance, distances.T).T, 9)
        level = np.log(sizes[sizes > 0] / sizes.sum()) - 0.5 * (distances * self.directions).sum(1)
        self.levels_of_clusters = np.round(level, 9)
        return self

    def _edges(self) -> list[tuple[int, int]]:
        stops = np.cumsum([count or 2 for count in self.levels]).tolist()
        return list(zip([0, *stops[:-1]], stops, strict=True)) if stops else []

    def _block(self, matrix: Matrix, place: int) -> Matrix:
        return standard_columns(matrix[:, place], self.levels[place], self.centres[place], self.scales[place])

    def _columns(self, matrix: Matrix) -> Matrix:
        blocks = [self._block(matrix, place) for place in range(len(self.levels))]
        return np.hstack([np.empty((len(matrix), 0)), *blocks])

    def _evidence(self, matrix: Matrix) -> Matrix:
        total = np.tile(self.levels_of_clusters - self.directions @ self.middle, (len(matrix), 1))
        # Feature by feature in a fixed order: a row's sum is then the same in any split of the rows.
        for place, (start, stop) in enumerate(self._edges()):
            for column, weight in zip(self._block(matrix, place).T, self.directions[:, start:stop].T, strict=True):
                total += column[:, None] * weight
        return total


@dataclass(frozen=True, eq=False)
class _Ground:
    """What the clusters stand on: scales, mean and shrunk covariance of everybody, columns and weights of the seeds."""

    centres: Vector
    scales: Vector
    middle: Vector
    covariance: Matrix
    own: Matrix
    weight: Vector


def _clusters(rows: Matrix, weight: Vector, count: int, seed: int) -> IntArray:
    """k-means (Lloyd) on 1,000 seeds at most, from a few k-means++ starts; the one with the least distance is kept."""
    if count <= 1:
        return np.zeros(len(rows), dtype=np.intp)
    rng = np.random.default_rng(seed)
    part = np.sort(rng.permutation(len(rows))[:_MOST_CLUSTERED])
    few, worth = rows[part], weight[part]
    found = [_lloyd(few, worth, _starts(few, worth, count, rng)) for _ in range(_STARTS)]
    means = _means(few, worth, min(found, key=lambda each: each[0])[1])
    nearest = _distances(rows, means).argmin(1)
    return np.unique(nearest, return_inverse=True)[1].astype(np.intp)


def _starts(rows: Matrix, weight: Vector, count: int, rng: np.random.Generator) -> Matrix:
    chosen = [int(rng.choice(len(rows), p=weight / weight.sum()))]
    for _ in range(count - 1):
        chance = weight * _distances(rows, rows[chosen]).min(1)
        if not chance.sum() > 0:
            break
        chosen.append(int(rng.choice(len(rows), p=chance / chance.sum())))
    return rows[chosen]


def _lloyd(rows: Matrix, weight: Vector, means: Matrix) -> tuple[float, IntArray]:
    cluster = _distances(rows, means).argmin(1)
    for _ in range(_ROUNDS):
        kept = np.unique(cluster)
        means = _means(rows, weight, cluster)
        moved = _distances(rows, means).argmin(1)
        if np.array_equal(kept[moved], cluster):
            break
        cluster = moved
    return float((weight * _distances(rows, means).min(1)).sum()), _distances(rows, means).argmin(1)


def _means(rows: Matrix, weight: Vector, cluster: IntArray) -> Matrix:
    members = [cluster == number for number in np.unique(cluster)]
    return np.array([np.average(rows[own], axis=0, weights=weight[own]) for own in members])


def _distances(rows: Matrix, means: Matrix) -> Matrix:
    squares: Matrix = (rows**2).sum(1)[:, None] - 2 * rows @ means.T + (means**2).sum(1)
    return np.asarray(np.maximum(squares, 0.0), dtype=np.float64)


def _numbers(values: object, count: int, where: str) -> Vector:
    if not isinstance(values, list) or len(values) != count or not all(is_finite(value) for value in values):
        raise damaged(_NAME, where)
    return np.array(values, dtype=np.float64)
