"""The models that a churn classifier chooses among, cross-fitted, from the simplest to the most flexible."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self, get_args

import numpy as np
from scipy.special import expit

from foretell.evaluation.vectors import FloatArray, IntArray
from foretell.models.boosting import Booster, Validation
from foretell.models.boosting_params import BoostingParams
from foretell.models.calibration import ProbabilityCalibrator
from foretell.models.logistic import RidgeLogistic
from foretell.models.objectives import Matrix, losses

Candidate = Literal["base_rate", "logistic", "boosted", "blend"]
CANDIDATES: tuple[Candidate, ...] = get_args(Candidate)

PARAMS = BoostingParams(num_leaves=8, learning_rate=0.05, min_child_samples=30, lambda_l2=5.0, feature_fraction=0.7)
_STOPPING_PARTS = 5


@dataclass(frozen=True)
class Settings:
    """What a fit needs beside its rows.

    Parameters
    ----------
    levels : tuple of int
        Categories of each feature, 0 for a number.
    folds : int
        Folds of the cross-fitting.
    seed, threads : int
        Seed of folds and trees, threads of LightGBM.
    """

    levels: tuple[int, ...]
    folds: int
    seed: int
    threads: int


@dataclass(frozen=True, eq=False)
class FittedChurn:
    """The chosen candidate: the mean log-odds of the models of all folds, calibrated.

    Parameters
    ----------
    chosen : {'base_rate', 'logistic', 'boosted', 'blend'}
        The candidate.
    level : float
        Log-odds of the base rate.
    logistics : tuple of RidgeLogistic
        One a fold; empty where the candidate does without.
    boosters : tuple of Booster
        One a fold, on top of `level`; empty where the candidate does without.
    calibrator : ProbabilityCalibrator
        Learnt from the log-odds that each row got from models not fitted to it.
    """

    chosen: Candidate
    level: float
    logistics: tuple[RidgeLogistic, ...]
    boosters: tuple[Booster, ...]
    calibrator: ProbabilityCalibrator

    @classmethod
    def fit(cls, matrix: Matrix, actual: FloatArray, settings: Settings) -> Self:
        """Cross-fit all candidates, choose one and calibrate it.

        Parameters
        ----------
        matrix : ndarray of float64, shape (rows, features)
            As from `Encoding.to_matrix`.
        actual : ndarray of shape (rows,)
            Events, 0 and 1; at least as many of each as folds.
        settings : Settings
            Levels, folds, seed and threads.

        Returns
        -------
        FittedChurn
        """
        fold = stratified_folds(actual, settings.folds, settings.seed)
        level = _log_odds(actual)
        held = {name: np.full(actual.size, level) for name in CANDIDATES}
        logistics, boosters = [], []
        if matrix.shape[1]:
            for number in range(settings.folds):
                fit, judged = fold != number, fold == number
                logistics.append(RidgeLogistic(settings.levels).fit(matrix[fit], actual[fit]))
                boosters.append(_boosted(matrix[fit], actual[fit], level, settings, seed=settings.seed + number))
                held["logistic"][judged] = logistics[-1].margin(matrix[judged])
                held["boosted"][judged] = level + boosters[-1].margin(matrix[judged])
            held["blend"] = 0.5 * (held["logistic"] + held["boosted"])
        chosen = _choose(held, actual)
        return cls(
            chosen,
            level,
            tuple(logistics) if chosen in ("logistic", "blend") else (),
            tuple(boosters) if chosen in ("boosted", "blend") else (),
            ProbabilityCalibrator.fit(expit(held[chosen]), actual),
        )

    def risk(self, matrix: Matrix) -> FloatArray:
        """Calibrated probability of each row.

        Parameters
        ----------
        matrix : ndarray of float64, shape (rows, features)
            As for `fit`.

        Returns
        -------
        ndarray of shape (rows,)
            Within (0, 1).
        """
        margin = np.zeros(len(matrix))
        for part in self._kinds():
            margin = margin + sum(self._margin(model, matrix) for model in part) / (len(part) * len(self._kinds()))
        return self.calibrator.calibrate(expit(margin if self._kinds() else margin + self.level))

    def contributions(self, matrix: Matrix) -> Matrix:
        """Share of every feature in the log-odds before calibration.

        Parameters
        ----------
        matrix : ndarray of float64, shape (rows, features)
            As for `fit`.

        Returns
        -------
        ndarray of shape (rows, features)
            0 throughout for the base rate.
        """
        total = np.zeros(matrix.shape)
        for part in self._kinds():
            shares = sum(model.contributions(matrix)[:, :-1] for model in part)
            total = total + shares / (len(part) * len(self._kinds()))
        return total

    def _kinds(self) -> list[Sequence[RidgeLogistic | Booster]]:
        return [part for part in (self.logistics, self.boosters) if part]

    def _margin(self, model: RidgeLogistic | Booster, matrix: Matrix) -> FloatArray:
        return model.margin(matrix) + (self.level if isinstance(model, Booster) else 0.0)


def stratified_folds(actual: FloatArray, folds: int, seed: int) -> IntArray:
    """Deal the rows of each class out to folds by chance.

    Parameters
    ----------
    actual : ndarray of shape (rows,)
        Events, 0 and 1.
    folds : int
        How many.
    seed : int
        Seed of the dealing.

    Returns
    -------
    ndarray of int, shape (rows,)
        Every fold has its share of each class, give or take one row.
    """
    order = np.lexsort((np.random.default_rng(seed).random(actual.size), actual))
    fold: IntArray = np.empty(actual.size, dtype=np.intp)
    fold[order] = np.arange(actual.size) % folds
    return fold


def held_out_risks(matrix: Matrix, actual: FloatArray, settings: Settings) -> Iterator[tuple[IntArray, FloatArray]]:
    """Predict every fold by a fit that never saw it: not to fit, to choose or to calibrate.

    Parameters
    ----------
    matrix : ndarray of float64, shape (rows, features)
        As from `Encoding.to_matrix`.
    actual : ndarray of shape (rows,)
        Events, 0 and 1.
    settings : Settings
        Levels, folds, seed and threads.

    Yields
    ------
    tuple of ndarray
        Rows of a fold, and their probabilities.
    """
    # Another seed than the fit's own: the folds that judge are not those that choose.
    fold = stratified_folds(actual, settings.folds, settings.seed + 7919)
    for number in range(settings.folds):
        rows = np.flatnonzero(fold == number)
        fitted = FittedChurn.fit(matrix[fold != number], actual[fold != number], settings)
        yield rows, fitted.risk(matrix[rows])


def _choose(held: Mapping[Candidate, FloatArray], actual: FloatArray) -> Candidate:
    """The simplest within one standard error of the best; errors are those of the paired difference."""
    loss = {name: losses("binary", actual, margin) for name, margin in held.items()}
    best = min(CANDIDATES, key=lambda name: float(loss[name].mean()))
    for name in CANDIDATES:
        gap = loss[name] - loss[best]
        if gap.mean() <= gap.std() / np.sqrt(gap.size):
            return name
    return best


def _boosted(matrix: Matrix, actual: FloatArray, level: float, settings: Settings, *, seed: int) -> Booster:
    part = stratified_folds(actual, _STOPPING_PARTS, seed)
    fit, held = part != 0, part == 0
    stop = Validation(matrix[held], actual[held], np.full(held.sum(), level))
    return Booster("binary", PARAMS, seed=seed, threads=settings.threads).fit(
        matrix[fit],
        actual[fit],
        np.full(fit.sum(), level),
        validation=stop,
        categorical=[place for place, count in enumerate(settings.levels) if count],
    )


def _log_odds(actual: FloatArray) -> float:
    events = float(actual.sum())
    return float(np.log(events / (actual.size - events)))
