"""Logistic regression with a ridge, on encoded matrices: numbers standardised, categories one column a level."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from foretell.errors import FitError
from foretell.models.design import centres_and_scales, standard_columns
from foretell.models.objectives import Matrix, Vector
from foretell.models.state import damaged, is_finite

_NAME = "RidgeLogistic"
_PRIOR_SD = 0.5


class RidgeLogistic:
    """Log-odds as a sum over features; a missing or unknown value has an effect of its own, or none.

    Coefficients have normal priors with a standard deviation of .5, unless another is given, per standard deviation of
    a number, and per level of a category. Numbers beyond 4 standard deviations count as 4, so that no giant is told
    for certain.

    Parameters
    ----------
    levels : sequence of int
        Number of categories of each feature, 0 for a number; in the order of the matrix.
    prior_sd : float
        Standard deviation of the coefficients' priors, > 0. Used by `fit` alone, and not stored.

    Attributes
    ----------
    intercept : float
        Log-odds of a row at the mean of every number, without categories.
    centres, scales : ndarray of shape (features,)
        Mean and standard deviation of each number.
    effects : list of ndarray
        Of each feature: per level of a category; slope and effect of absence of a number.
    means : ndarray of shape (features,)
        Mean contribution of each feature over the rows of the fit.

    References
    ----------
    Hoerl, Kennard (1970), "Ridge regression"; le Cessie, van Houwelingen (1992), "Ridge estimators in logistic
    regression".
    """

    def __init__(self, levels: Sequence[int], *, prior_sd: float = _PRIOR_SD) -> None:
        self.levels = tuple(levels)
        self.prior_sd = prior_sd
        self.intercept = 0.0
        self.centres = np.zeros(len(self.levels))
        self.scales = np.ones(len(self.levels))
        self.effects = [np.zeros(count or 2) for count in self.levels]
        self.means = np.zeros(len(self.levels))

    def fit(self, matrix: Matrix, actual: Vector, *, weights: Vector | None = None) -> Self:
        """Fit the effects.

        Parameters
        ----------
        matrix : ndarray of float64, shape (rows, features)
            As from `Encoding.to_matrix`: numbers, codes, NaN for missing.
        actual : ndarray of shape (rows,)
            Events, 0 and 1, both present.
        weights : ndarray of shape (rows,), optional
            How often each row counts in the likelihood; means and spreads are those of the rows.

        Returns
        -------
        Self

        Raises
        ------
        FitError
            If there is one class only.
        """
        from sklearn.linear_model import LogisticRegression
        from threadpoolctl import threadpool_limits

        if np.unique(actual).size < 2:
            message = "A logistic regression needs both events and non-events."
            raise FitError(message)
        self.centres, self.scales = centres_and_scales(matrix)
        columns = [self._columns(matrix[:, place], place) for place in range(len(self.levels))]
        design = np.hstack([np.empty((len(matrix), 0)), *columns])
        if design.shape[1]:
            # One thread: the last bits of a factorisation follow how it is split.
            with threadpool_limits(1):
                solver = LogisticRegression(C=self.prior_sd**2, solver="newton-cholesky", max_iter=100, tol=1e-8)
                solver.fit(design, actual, sample_weight=weights)
            self.intercept = round(float(solver.intercept_[0]), 9)
            edges = np.cumsum([block.shape[1] for block in columns])[:-1]
            self.effects = np.split(np.round(solver.coef_[0], 9), edges)
        else:
            self.intercept = math.log(np.average(actual, weights=weights) / np.average(1 - actual, weights=weights))
        self.means = np.round(self._parts(matrix).mean(0), 9) if len(self.levels) else self.means
        return self

    def margin(self, matrix: Matrix) -> Vector:
        """Log-odds of each row.

        Parameters
        ----------
        matrix : ndarray of float64, shape (rows, features)
            As for `fit`.

        Returns
        -------
        ndarray of shape (rows,)
        """
        total: Vector = np.full(len(matrix), self.intercept)
        for part in self._parts(matrix).T:
            total = total + part
        return total

    def contributions(self, matrix: Matrix) -> Matrix:
        """Share of every feature in the log-odds, as distance from its mean.

        Parameters
        ----------
        matrix : ndarray of float64, shape (rows, features)
            As for `fit`.

        Returns
        -------
        ndarray of shape (rows, features + 1)
            The last column is the mean log-odds; a row sums to its margin.
        """
        level = np.full((len(matrix), 1), self.intercept + self.means.sum())
        return np.hstack([self._parts(matrix) - self.means, level])

    def to_dict(self) -> dict[str, Any]:
        """Return the learned state as plain values.

        Returns
        -------
        dict of str to object
            For JSON; read back by `from_dict`.
        """
        return {
            "levels": list(self.levels),
            "intercept": self.intercept,
            "centres": self.centres.tolist(),
            "scales": self.scales.tolist(),
            "effects": [effect.tolist() for effect in self.effects],
            "means": self.means.tolist(),
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Rebuild a regression from plain values.

        Parameters
        ----------
        state : mapping
            As from `to_dict`, possibly through JSON.

        Returns
        -------
        RidgeLogistic

        Raises
        ------
        BundleError
            If the state is not that of a logistic regression.
        """
        if set(state) != {"levels", "intercept", "centres", "scales", "effects", "means"}:
            raise damaged(_NAME, "fields")
        levels = state["levels"]
        if not isinstance(levels, list) or not all(type(count) is int and count >= 0 for count in levels):
            raise damaged(_NAME, "levels")
        found = cls(levels)
        if not is_finite(state["intercept"]):
            raise damaged(_NAME, "intercept")
        found.intercept = float(state["intercept"])
        found.centres, found.scales, found.means = (
            _numbers(state[name], len(levels), name) for name in ("centres", "scales", "means")
        )
        if not isinstance(state["effects"], list) or len(state["effects"]) != len(levels) or (found.scales <= 0).any():
            raise damaged(_NAME, "effects")
        found.effects = [
            _numbers(values, count or 2, "effects") for values, count in zip(state["effects"], levels, strict=True)
        ]
        return found

    def _columns(self, values: Vector, place: int) -> Matrix:
        """One column a level; or the standardised number, and whether it is absent."""
        return standard_columns(values, self.levels[place], self.centres[place], self.scales[place])

    def _parts(self, matrix: Matrix) -> Matrix:
        parts = np.zeros((len(matrix), len(self.levels)))
        for place, effect in enumerate(self.effects):
            for column, weight in zip(self._columns(matrix[:, place], place).T, effect, strict=True):
                parts[:, place] += column * weight
        return parts


def _numbers(values: object, count: int, where: str) -> Vector:
    if not isinstance(values, list) or len(values) != count or not all(is_finite(value) for value in values):
        raise damaged(_NAME, where)
    return np.array(values, dtype=np.float64)
