"""The methods that rank by resemblance, and their rank blend, fitted to seeds and everybody else."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self, get_args

import numpy as np

from foretell.errors import FitError
from foretell.evaluation.vectors import FloatArray
from foretell.models.boosting import Booster
from foretell.models.logistic import RidgeLogistic
from foretell.models.objectives import Matrix
from foretell.models.pu_bagging import PUBagging
from foretell.models.similarity import SeedSimilarity

Method = Literal["similarity", "logistic", "pu_bagging"]
METHODS: tuple[Method, ...] = get_args(Method)
Candidate = Literal["blend", "similarity", "logistic", "pu_bagging"]
CANDIDATES: tuple[Candidate, ...] = get_args(Candidate)
"""The first is taken unless another one is better by more than a standard error."""

FEWEST_SEEDS = 10
SIMILARITY_ONLY_BELOW = 30

_FEWEST_FOLDS, _MOST_FOLDS = 2, 10
_PRIOR_SD = 0.1
_GRID = 1_000
_BEYOND = 0.5 / _GRID
_ROWS_AT_ONCE = 50_000


@dataclass(frozen=True)
class Settings:
    """What a fit needs beside its rows.

    Parameters
    ----------
    levels : tuple of int
        Categories of each feature, 0 for a number.
    clusters : int
        Clusters of the seeds.
    seed, threads : int
        Seed of clusters, draws and trees, threads of LightGBM.
    """

    levels: tuple[int, ...]
    clusters: int
    seed: int
    threads: int


@dataclass(frozen=True, eq=False)
class Ranks:
    """Where an answer of a method stands among those of everybody in the fit.

    Parameters
    ----------
    grid : ndarray of shape (points,)
        Quantiles of the method's answers, ascending and distinct.
    shares : ndarray of shape (points,)
        Share of everybody at or below each.
    """

    grid: FloatArray
    shares: FloatArray

    @classmethod
    def of(cls, answers: FloatArray) -> Self:
        """Learn the quantiles.

        Parameters
        ----------
        answers : ndarray of shape (rows,)
            Of everybody but the seeds, at least one.

        Returns
        -------
        Ranks
        """
        # Rounded before they are compared: what differs in the last bits is one answer.
        quantiles = np.round(np.quantile(answers, np.linspace(0, 1, _GRID + 1)), 9)
        grid, counts = np.unique(quantiles, return_counts=True)
        ends = np.cumsum(counts) / quantiles.size
        return cls(grid, ends - 0.5 * counts / quantiles.size)

    def __call__(self, answers: FloatArray) -> FloatArray:
        """Share of everybody below each answer.

        Parameters
        ----------
        answers : ndarray of shape (rows,)
            Any.

        Returns
        -------
        ndarray of shape (rows,)
            Within (0, 1), rising with the answer also beyond the quantiles' ends.
        """
        inside = np.interp(answers, self.grid, self.shares)
        scale = max(float(np.ptp(self.grid)), 1e-9)
        above, below = np.maximum(answers - self.grid[-1], 0.0), np.maximum(self.grid[0] - answers, 0.0)
        bent = _BEYOND * (above / (above + scale) - below / (below + scale))
        return np.asarray((1 - 2 * _BEYOND) * inside + _BEYOND + bent, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class FittedLookalike:
    """The chosen candidate: its methods, the ranks of their answers, and their weights.

    Parameters
    ----------
    chosen : {'blend', 'similarity', 'logistic', 'pu_bagging'}
        The candidate.
    weights : mapping of str to float
        Weight of each method's rank; they sum to 1. Methods without weight are not kept.
    models : mapping of str to SeedSimilarity, RidgeLogistic or PUBagging
        Fitted methods.
    ranks : mapping of str to Ranks
        Of each method's answers.
    """

    chosen: Candidate
    weights: Mapping[Method, float]
    models: Mapping[Method, SeedSimilarity | RidgeLogistic | PUBagging]
    ranks: Mapping[Method, Ranks]

    @classmethod
    def fit(cls, matrix: Matrix, seeds: FloatArray, weights: FloatArray, chosen: Candidate, settings: Settings) -> Self:
        """Fit a candidate.

        Parameters
        ----------
        matrix : ndarray of float64, shape (rows, features)
            As from `Encoding.to_matrix`.
        seeds : ndarray of shape (rows,)
            1 for a seed, else 0; both present.
        weights : ndarray of shape (rows,)
            How much each seed counts.
        chosen : {'blend', 'similarity', 'logistic', 'pu_bagging'}
            The candidate.
        settings : Settings
            Levels, clusters, seed and threads.

        Returns
        -------
        FittedLookalike
        """
        share = weights_of(chosen, int(seeds.sum()))
        models = {method: fit_method(method, matrix, seeds, weights, settings) for method in share}
        others = matrix[seeds == 0]
        return cls(chosen, share, models, {name: Ranks.of(model.margin(others)) for name, model in models.items()})

    def score(self, matrix: Matrix) -> FloatArray:
        """Resemblance of each row.

        Parameters
        ----------
        matrix : ndarray of float64, shape (rows, features)
            As for `fit`.

        Returns
        -------
        ndarray of shape (rows,)
            Within (0, 1): weighted mean share of everybody in the fit who is less alike.
        """
        total = np.zeros(len(matrix))
        # In parts, so that the columns of a linear model are never all there at once.
        for start in range(0, len(matrix), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            for method, weight in self.weights.items():
                total[part] += weight * self.ranks[method](self.models[method].margin(matrix[part]))
        return total

    def contributions(self, matrix: Matrix) -> Matrix:
        """Share of every feature in what makes a row alike, in log-odds.

        Parameters
        ----------
        matrix : ndarray of float64, shape (rows, features)
            As for `fit`.

        Returns
        -------
        ndarray of shape (rows, features)
            Weighted mean of the methods', each over its own spread: methods differ in their units.
        """
        total = np.zeros(matrix.shape)
        for method, weight in self.weights.items():
            shares = self.models[method].contributions(matrix)[:, : matrix.shape[1]]
            total = total + weight * shares / max(float(np.ptp(self.ranks[method].grid)), 1e-9)
        return total


def require_settings(*, folds: int, most_clusters: int, threads: int) -> None:
    """Raise where settings make no sense, all problems at once.

    Parameters
    ----------
    folds : int
        Within 2 and 10.
    most_clusters, threads : int
        At least 1.

    Raises
    ------
    FitError
    """
    problems = []
    if not _FEWEST_FOLDS <= folds <= _MOST_FOLDS:
        problems.append(f"folds must be within {_FEWEST_FOLDS} and {_MOST_FOLDS}, not {folds}")
    if most_clusters < 1:
        problems.append(f"most_clusters must be at least 1, not {most_clusters}")
    if threads < 1:
        problems.append(f"threads must be at least 1, not {threads}")
    if problems:
        raise FitError("A Lookalike cannot be fitted so: " + "; ".join(problems) + ".")


def weights_of(candidate: Candidate, seeds: int) -> dict[Method, float]:
    """Return the weight of each method's rank in a candidate.

    Parameters
    ----------
    candidate : {'blend', 'similarity', 'logistic', 'pu_bagging'}
        The candidate.
    seeds : int
        Number of seeds.

    Returns
    -------
    dict of str to float
        They sum to 1. In the blend the bagged trees have .4 at 30 seeds, .7 at 100 and .9 at 400, and similarity
        the more of the rest the fewer seeds there are.
    """
    if candidate != "blend":
        return {candidate: 1.0}
    trees = seeds / (seeds + 45)
    similar = (1 - trees) * 30 / (30 + seeds)
    return {"similarity": similar, "logistic": 1 - trees - similar, "pu_bagging": trees}


def fit_method(
    method: Method, matrix: Matrix, seeds: FloatArray, weights: FloatArray, settings: Settings
) -> SeedSimilarity | RidgeLogistic | PUBagging:
    """Fit one method.

    Parameters
    ----------
    method : {'similarity', 'logistic', 'pu_bagging'}
        Which.
    matrix : ndarray of float64, shape (rows, features)
        As from `Encoding.to_matrix`.
    seeds : ndarray of shape (rows,)
        1 for a seed, else 0; both present.
    weights : ndarray of shape (rows,)
        How much each seed counts.
    settings : Settings
        Levels, clusters, seed and threads.

    Returns
    -------
    SeedSimilarity, RidgeLogistic or PUBagging
        Fitted.
    """
    if method == "similarity":
        similarity = SeedSimilarity(settings.levels, clusters=settings.clusters, seed=settings.seed)
        return similarity.fit(matrix, seeds, weights=weights)
    if method == "logistic":
        count, others = float(seeds.sum()), float((1 - seeds).sum())
        # Everybody else together weighs as much as the seeds: a seed is worth one row, whatever the pool's size.
        balanced = np.where(seeds > 0, weights / weights[seeds > 0].mean(), count / others)
        return RidgeLogistic(settings.levels, prior_sd=_PRIOR_SD).fit(matrix, seeds, weights=balanced)
    categorical = [place for place, count in enumerate(settings.levels) if count]
    return PUBagging(categorical, seed=settings.seed, threads=settings.threads).fit(matrix, seeds, weights=weights)


def boosters_of(fitted: FittedLookalike) -> tuple[Booster, ...]:
    """Return the boosted trees of a fitted candidate.

    Parameters
    ----------
    fitted : FittedLookalike
        Any.

    Returns
    -------
    tuple of Booster
        Empty where it does without.
    """
    model = fitted.models.get("pu_bagging")
    return model.boosters if isinstance(model, PUBagging) else ()
