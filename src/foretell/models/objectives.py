"""What a model on a link scale is judged by: the laws of counts, spend and events."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from foretell.errors import FitError

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Objective = Literal["poisson", "tweedie", "binary"]

OBJECTIVES: tuple[Objective, ...] = ("poisson", "tweedie", "binary")


def losses(objective: Objective, actual: Vector, margin: Vector, power: float = 1.5) -> Vector:
    """Negative log-likelihood of each row, up to what does not depend on the margin.

    Parameters
    ----------
    objective : {'poisson', 'tweedie', 'binary'}
        Law of the outcome.
    actual : ndarray of shape (rows,)
        What happened.
    margin : ndarray of shape (rows,)
        Whole prediction on the link scale, offset included.
    power : float
        Tweedie variance power, within (1, 2).

    Returns
    -------
    ndarray of shape (rows,)

    References
    ----------
    McCullagh, Nelder (1989), "Generalized Linear Models" (quasi-likelihoods); Jørgensen (1997), "The Theory of
    Dispersion Models" (Tweedie).
    """
    if objective == "binary":
        return np.logaddexp(0.0, margin) - actual * margin
    if objective == "poisson":
        return np.exp(margin) - actual * margin
    return np.exp((2 - power) * margin) / (2 - power) - actual * np.exp((1 - power) * margin) / (1 - power)


def row_weights(
    objective: Objective, matrix: Matrix, actual: Vector, offset: Vector, weights: Vector | None = None
) -> Vector | None:
    """Check the rows of a fit, and return their weights.

    Parameters
    ----------
    objective : {'poisson', 'tweedie', 'binary'}
        Law of the outcome.
    matrix : ndarray of shape (rows, features)
        Features.
    actual, offset, weights : ndarray of shape (rows,)
        What happened, the margin to start from, and how much each row counts.

    Returns
    -------
    ndarray of shape (rows,) or None
        The weights, scaled to a mean of 1; None where none were given.

    Raises
    ------
    FitError
        If shapes differ, or values are not what the objective is made for; all problems at once.
    """
    columns: Mapping[str, Vector] = {"actual": actual, "offset": offset} | (
        {} if weights is None else {"weights": weights}
    )
    problems = [
        f"{name} has {np.size(values)} values for {len(matrix)} rows"
        for name, values in columns.items()
        if np.shape(values) != (len(matrix),)
    ]
    problems += [
        f"{name} has values that are not finite" for name, values in columns.items() if not np.isfinite(values).all()
    ]
    if not len(matrix):
        problems.append("there are no rows")
    elif objective == "binary" and not np.isin(actual, (0.0, 1.0)).all():
        problems.append("an event must be 0 or 1")
    elif np.min(actual) < 0:
        problems.append("counts and spend must not be negative")
    if weights is not None and np.size(weights) and (np.min(weights) < 0 or not np.sum(weights) > 0):
        problems.append("weights must not be negative, nor all 0")
    if problems:
        raise FitError("Trees cannot be fitted: " + "; ".join(problems) + ".")
    return None if weights is None else weights / np.mean(weights)
