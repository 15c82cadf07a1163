"""The last steps to an optimum whose surroundings are known, where every evaluation is dear.

A search on a sample ends near the optimum of all rows, and its curvature there is nearly theirs. Quasi-Newton steps
that begin with that curvature (BFGS: Nocedal & Wright 2006, "Numerical optimization", ch. 6) gain two digits with each
evaluation of the likelihood of all rows, where a search that begins without it needs dozens.
"""

from dataclasses import dataclass

import numpy as np

from foretell.models.optimise import Objective, Vector

_STEP = 1e-4
_MOST_EVALUATIONS = 25
_HALVINGS = 6
_ARMIJO = 1e-4
_FLATTEST = 1e-7


@dataclass(frozen=True, eq=False)
class Standing:
    """Where a search stands: a point, what the objective says there, and how the surroundings curve.

    Attributes
    ----------
    theta : ndarray of shape (parameters,)
        Log-parameters.
    value : float
        Mean negative log-likelihood.
    gradient : ndarray of shape (parameters,)
        Its gradient.
    inverse_curvature : ndarray of shape (parameters, parameters)
        Inverse of its second derivatives, approximately; positive definite.
    evaluations : int
        Evaluations so far.
    """

    theta: Vector
    value: float
    gradient: Vector
    inverse_curvature: Vector
    evaluations: int = 1

    @property
    def still_to_gain(self) -> float:
        """How far the value lies above its minimum, were the surroundings a parabola of that curvature."""
        return 0.5 * float(self.gradient @ self.inverse_curvature @ self.gradient)


def stand(objective: Objective, theta: Vector, surroundings: Objective) -> Standing:
    """Evaluate an objective near its optimum.

    Parameters
    ----------
    objective : callable
        As for `foretell.models.optimise.maximise_likelihood`.
    theta : ndarray of shape (parameters,)
        Log-parameters, the optimum of `surroundings`.
    surroundings : callable
        An objective much like it and cheaper, whose curvature is taken.

    Returns
    -------
    Standing
    """
    value, gradient = objective(theta)
    columns = [
        (surroundings(theta + step)[1] - surroundings(theta - step)[1]) / (2 * _STEP)
        for step in _STEP * np.eye(theta.size)
    ]
    curvature = np.array(columns)
    scales, axes = np.linalg.eigh((curvature + curvature.T) / 2)
    # Along a ridge the curvature is mere rounding: no step may rest on it.
    scales = np.maximum(scales, _FLATTEST * max(float(scales[-1]), _FLATTEST))
    return Standing(theta, float(value), gradient, (axes / scales) @ axes.T)


def polish(objective: Objective, standing: Standing, *, tolerance: float) -> Standing:
    """Walk to the optimum.

    Parameters
    ----------
    objective : callable
        As for `stand`.
    standing : Standing
        Where to begin.
    tolerance : float
        The walk ends when no component of the gradient is above it, and where no step leads down any more.

    Returns
    -------
    Standing
        No higher than where it began; whether the gradient vanishes there is for the caller to see.
    """
    here = standing
    while np.abs(here.gradient).max() > tolerance and here.evaluations < _MOST_EVALUATIONS:
        there = _step(objective, here)
        if there is None:
            break
        here = there
    return here


def _step(objective: Objective, here: Standing) -> Standing | None:
    """One quasi-Newton step, halved until it leads down; None where it does not."""
    direction = -here.inverse_curvature @ here.gradient
    slope = float(here.gradient @ direction)
    for halving in range(_HALVINGS):
        move = direction * 0.5**halving
        value, gradient = objective(here.theta + move)
        if value <= here.value + _ARMIJO * 0.5**halving * slope and np.isfinite(gradient).all():
            inverse = _updated(here.inverse_curvature, move, gradient - here.gradient)
            return Standing(here.theta + move, float(value), gradient, inverse, here.evaluations + halving + 1)
    return None


def _updated(inverse: Vector, move: Vector, change: Vector) -> Vector:
    """Return the inverse curvature that a step has shown, after Broyden, Fletcher, Goldfarb and Shanno."""
    curved = float(move @ change)
    if curved <= 0:
        return inverse
    left = np.eye(move.size) - np.outer(move, change) / curved
    return np.asarray(left @ inverse @ left.T + np.outer(move, move) / curved, dtype=np.float64)
