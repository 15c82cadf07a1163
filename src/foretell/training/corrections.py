"""How each answer of a purchase model is corrected: trees if they win on customers they were not fitted to."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.bundles.refinement import Trees
from foretell.models.boosting import Booster
from foretell.models.boosting_params import BoostingParams
from foretell.models.objectives import Objective, losses
from foretell.training.cross_fit import Rows, cross_fit, draws_for

Vector = NDArray[np.float64]

_PRIOR_ROWS = 20.0
"""Strength of "no change" in the calibration: the slope and the weight have prior standard deviation .22. Fewer buyers,
or fewer who stayed away, say less than that of the shift either, and nothing is calibrated."""

_LEAST_BUYERS = 50
"""Fewer buyers, or fewer who stayed away, than this cannot choose trees."""


@dataclass(frozen=True, eq=False)
class Correction:
    """A fitted correction, and what it says of the rows it was learnt on.

    Parameters
    ----------
    trees : Trees
        To be stored; their ``shift`` of an amount is not set yet.
    margins : tuple of ndarray
        Per window, the margin of each row from trees that it was not fitted to; zeros where trees did not win.
    naive_lead : float
        Mean over the rows of how much higher the rule of thumb is than the offset; 0 where it has no part.
    """

    trees: Trees
    margins: tuple[Vector, ...]
    naive_lead: float = 0.0


def fit_correction(
    rows: Rows | None,
    objective: Objective,
    *,
    naive: Vector | None,
    days: int,
    by_errors: float,
    params: BoostingParams,
    seed: int,
    threads: int,
) -> Correction:
    """Fit trees on an answer's windows, and take them if they win.

    Trees win if their loss on customers that they were not fitted to is smaller than the offset's, by so many
    standard errors (over customers, whose windows count together). Events are calibrated in either case, on
    out-of-fold rows, and blended with a rule of thumb there (stacking with weights >= 0).

    Parameters
    ----------
    rows : Rows or None
        Of all windows, each at its own level, so that trees learn who, not how much in all; None without a window.
    objective : {'poisson', 'tweedie', 'binary'}
        Law of the outcome.
    naive : ndarray of shape (rows,) or None
        The rule of thumb's log-odds of an event, blended in as far as it helps; None for an amount.
    days : int
        Length of the windows.
    by_errors : float
        Standard errors by which trees must win, >= 0.
    params : BoostingParams
        Settings of the trees.
    seed, threads : int
        Of LightGBM.

    Returns
    -------
    Correction

    References
    ----------
    Breiman et al. (1984), "Classification and Regression Trees" (one-standard-error rule); Platt (1999); Breiman
    (1996), "Stacked regressions".
    """
    if rows is None:
        return Correction(Trees(), ())
    newest = rows.by_window(rows.actual)[0]
    few = min(_events(newest), len(newest) - _events(newest))
    margin: Vector = np.zeros(len(rows.actual))
    boosters: tuple[Booster, ...] = ()
    words = f"the newest window of {days} days has {few:,.0f} customers of the rarer kind, needed {_LEAST_BUYERS}"
    if few < _LEAST_BUYERS and (naive is None or few < _PRIOR_ROWS):
        return Correction(Trees(days=days, why=words), rows.by_window(margin))
    if few >= _LEAST_BUYERS:
        # Chances gain by the mean of several draws; amounts gained nothing that could be told from chance.
        draws = draws_for(len(rows.actual)) if objective == "binary" else 1
        fitted = cross_fit(rows, objective, params, seed=seed, threads=threads, draws=draws)
        gain, error = _gain(rows, objective, fitted.margin)
        if gain > by_errors * error:
            margin, boosters = fitted.margin, fitted.boosters
        words = f"trees gain {gain:.1%} ± {error:.1%} on customers not fitted to, in {days}-day windows"
    trees = _weighted(rows, objective, margin) if naive is None else _calibrated(rows, objective, margin, naive)
    boosters = boosters if trees.weight > 0 else ()
    words = f"{'taken' if boosters else 'left out'}: {words}"
    if trees.naive > 0:
        words += f"; the rule of thumb by the wait so far has a weight of {trees.naive:.0%}"
    trees = replace(trees, boosters=boosters, weight=trees.weight if boosters else 0.0, days=days, why=words)
    lead = 0.0 if naive is None else float(np.average(naive - rows.offset, weights=rows.weight))
    return Correction(trees, rows.by_window(margin), lead)


def _events(actual: Vector) -> float:
    return float((actual > 0).sum())


def _gain(rows: Rows, objective: Objective, margin: Vector) -> tuple[float, float]:
    """Return the mean gain per row and its standard error, as shares of what the offset gained over a constant."""
    before = losses(objective, rows.actual, rows.offset)
    gained = rows.weight * (before - losses(objective, rows.actual, rows.offset + margin))
    # Numbers are hashes: only those that somebody has are customers.
    by_customer = np.bincount(np.unique(rows.customer, return_inverse=True)[1], weights=gained)
    constant = np.full_like(rows.offset, _link(objective, float(np.average(rows.actual, weights=rows.weight))))
    whole = float(rows.weight @ np.abs(losses(objective, rows.actual, constant) - before))
    error = float(by_customer.std(ddof=1)) * len(by_customer) ** 0.5
    return float(gained.sum()) / whole, error / whole


def _link(objective: Objective, mean: float) -> float:
    return float(np.log(mean / (1 - mean)) if objective == "binary" else np.log(mean))


def _calibrated(rows: Rows, objective: Objective, margin: Vector, naive: Vector) -> Trees:
    """Fit shift, slope and weights to out-of-fold rows, with a normal prior at no change."""
    weight = rows.weight / rows.weight.max()
    columns = np.stack([np.ones_like(margin), rows.offset, margin, naive - rows.offset])

    def loss(point: Vector) -> tuple[float, Vector]:
        linear = point @ columns
        pull = (point - _NO_CHANGE) * _PULL
        slope = columns @ (weight * (1 / (1 + np.exp(-np.clip(linear, -50, 50))) - rows.actual)) + pull
        value = float(weight @ losses(objective, rows.actual, linear)) + float(pull @ (point - _NO_CHANGE)) / 2
        return value, slope

    found = _minimise(loss, _NO_CHANGE, ((None, None), (0.05, 3.0), (0.0, 2.0), (0.0, 1.0)))
    shift, slope, weight_of_trees, weight_of_naive = map(float, found)
    return Trees(shift=shift, slope=slope, weight=weight_of_trees, naive=weight_of_naive)


_NO_CHANGE = np.array([0.0, 1.0, 1.0, 0.0])
_PULL = np.array([0.0, _PRIOR_ROWS, _PRIOR_ROWS, _PRIOR_ROWS])


def _weighted(rows: Rows, objective: Objective, margin: Vector) -> Trees:
    """Fit the weight of the margin to out-of-fold rows; the level stays that of the offset."""
    weight = rows.weight / rows.weight.max()

    def loss(point: Vector) -> tuple[float, None]:
        linear = rows.offset + point[0] * margin
        level = np.log((weight @ np.exp(rows.offset)) / (weight @ np.exp(linear)))
        value = float(weight @ losses(objective, rows.actual, linear + level))
        return value + _PRIOR_ROWS * (point[0] - 1) ** 2 / 2, None

    if not margin.any():
        return Trees()
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(lambda w: loss(np.array([w]))[0], bounds=(0.0, 1.25), method="bounded")
    return Trees(weight=float(found.x))


def _minimise(loss: Any, start: Vector, bounds: Any) -> Vector:
    from scipy.optimize import minimize

    return np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x)
