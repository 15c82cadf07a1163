"""The models that a churn classifier chooses among, cross-fitted, from the simplest to the most flexible."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.special import expit

from foretell.evaluation.vectors import FloatArray, IntArray
from foretell.models.boosting import Booster, Validation
from foretell.models.boosting_params import BoostingParams
from foretell.models.calibration import ProbabilityCalibrator
from foretell.models.event_blend import KINDS, EventBlend, Kind
from foretell.models.logistic import RidgeLogistic
from foretell.models.objectives import Matrix, losses

Candidate = Kind
CANDIDATES: tuple[Candidate, ...] = KINDS

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
    with_trees : bool
        Whether the candidates that need LightGBM are in question.
    """

    levels: tuple[int, ...]
    folds: int
    seed: int
    threads: int
    with_trees: bool = True


class FittedChurn(EventBlend):
    """A blend of candidates that can be fitted: cross-fitted, chosen and calibrated."""

    @classmethod
    def fit(cls, matrix: Matrix, actual: FloatArray, settings: Settings, *, person: IntArray | None = None) -> Self:
        """Cross-fit all candidates, choose one and calibrate it.

        Parameters
        ----------
        matrix : ndarray of float64, shape (rows, features)
            As from `Encoding.to_matrix`.
        actual : ndarray of shape (rows,)
            Events, 0 and 1; at least as many of each as folds.
        settings : Settings
            Levels, folds, seed and threads.
        person : ndarray of int, shape (rows,), optional
            Whose row it is, numbered from 0: all rows of one person fall into one fold, and errors are those of
            persons. None is one row each.

        Returns
        -------
        FittedChurn
        """
        who = np.arange(actual.size) if person is None else person
        fold = folds_of_persons(actual, who, settings.folds, settings.seed)
        level = _log_odds(actual)
        held: dict[Candidate, FloatArray] = {"base_rate": np.full(actual.size, level)}
        logistics, boosters = [], []
        if matrix.shape[1]:
            held["logistic"] = np.full(actual.size, level)
            if settings.with_trees:
                held["boosted"] = np.full(actual.size, level)
            for number in range(settings.folds):
                fit, judged = fold != number, fold == number
                logistics.append(RidgeLogistic(settings.levels).fit(matrix[fit], actual[fit]))
                held["logistic"][judged] = logistics[-1].margin(matrix[judged])
                if settings.with_trees:
                    seed = settings.seed + number
                    boosters.append(_boosted(matrix[fit], actual[fit], who[fit], level, settings, seed=seed))
                    held["boosted"][judged] = level + boosters[-1].margin(matrix[judged])
            if settings.with_trees:
                held["blend"] = 0.5 * (held["logistic"] + held["boosted"])
        chosen = _choose(held, actual, who)
        return cls(
            chosen,
            level,
            tuple(logistics) if chosen in ("logistic", "blend") else (),
            tuple(boosters) if chosen in ("boosted", "blend") else (),
            ProbabilityCalibrator.fit(expit(held[chosen]), actual),
        )


def chances_of_own_fold(
    fitted: EventBlend, matrix: Matrix, actual: FloatArray, settings: Settings, person: IntArray
) -> FloatArray:
    """Return the calibrated probability of each row by the models that did not see its person.

    Parameters
    ----------
    fitted : EventBlend
        As `FittedChurn.fit` made it from the same rows.
    matrix, actual, settings, person : as for `FittedChurn.fit`

    Returns
    -------
    ndarray of shape (rows,)
    """
    fold = folds_of_persons(actual, person, settings.folds, settings.seed)
    margin = np.full(actual.size, fitted.level)
    for number in range(settings.folds):
        own = fold == number
        parts = [fitted.logistics[number].margin(matrix[own])] if fitted.logistics else []
        parts += [fitted.level + fitted.boosters[number].margin(matrix[own])] if fitted.boosters else []
        if parts:
            margin[own] = np.mean(parts, axis=0)
    return fitted.calibrator.calibrate(expit(margin))


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


def folds_of_persons(actual: FloatArray, person: IntArray, folds: int, seed: int) -> IntArray:
    """Deal persons out to folds by chance, those with an event and those without apart.

    Parameters
    ----------
    actual : ndarray of shape (rows,)
        Events, 0 and 1.
    person : ndarray of int, shape (rows,)
        Whose row it is, numbered from 0.
    folds, seed : int
        How many, and the seed of the dealing.

    Returns
    -------
    ndarray of int, shape (rows,)
        The same for all rows of a person.
    """
    known, place = np.unique(person, return_inverse=True)
    any_event = np.zeros(known.size)
    np.maximum.at(any_event, place, actual)
    return stratified_folds(any_event, folds, seed)[place]


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


def _choose(held: Mapping[Candidate, FloatArray], actual: FloatArray, person: IntArray) -> Candidate:
    """The simplest within one standard error of the best; errors are those of the paired difference, by person."""
    loss = {name: losses("binary", actual, margin) for name, margin in held.items()}
    best = min(held, key=lambda name: float(loss[name].mean()))
    place = np.unique(person, return_inverse=True)[1]
    rows = np.bincount(place)
    for name in held:
        gap = loss[name] - loss[best]
        away = np.bincount(place, weights=gap) - gap.mean() * rows
        if gap.mean() <= np.sqrt((away**2).sum()) / gap.size or name == best:
            return name
    return best


def _boosted(
    matrix: Matrix, actual: FloatArray, person: IntArray, level: float, settings: Settings, *, seed: int
) -> Booster:
    part = folds_of_persons(actual, person, _STOPPING_PARTS, seed)
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
