"""Maximum likelihood by L-BFGS-B on log-parameters, from several starts, with its convergence checked.

Positive parameters are optimised as logarithms, so that no step leaves the model; the objective is the *mean*
negative log-likelihood, so that tolerances do not depend on the number of customers. Source of the scheme
(several starts, L-BFGS-B, capped log-parameters): BTYDplus, ``xbgcnbd.EstimateParameters``.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from foretell.errors import ConvergenceWarning, FitError

if TYPE_CHECKING:
    from scipy.optimize import OptimizeResult

Vector = NDArray[np.float64]
Objective = Callable[[Vector], tuple[float, Vector]]

LOWEST = 1e-6
HIGHEST = 1e6
_REPLACEMENT = 1e6
_SAME_OPTIMUM = 1e-7
_CORNER = math.log(100)
_ROUGH = 1e-6
_LEAST_GAIN, _LEAST_ROUGH_GAIN = 1e-15, 1e-12


@dataclass(frozen=True)
class FitOutcome:
    """What an optimisation found, and how far it can be trusted.

    Attributes
    ----------
    names : tuple of str
        Parameter names.
    parameters : tuple of float
        The best parameters found, on their natural (positive) scale, in the order of ``names``.
    value : float
        Mean negative log-likelihood there.
    converged : bool
        True if the projected gradient vanishes, relative to the value.
    gradient_norm : float
        Largest absolute component of the projected gradient with respect to the log-parameters.
    evaluations : int
        Evaluations of the objective, all starts together.
    starts : int
        Starting points tried.
    agreeing : int
        Starts that ended at the same value (relative 1e-7); 1 of several hints at several optima.
    message : str
        The optimiser's own words, from the best start.
    at_boundary : tuple of str
        Names of parameters that ended at a bound: they are not identified by the data.
    """

    names: tuple[str, ...]
    parameters: tuple[float, ...]
    value: float
    converged: bool
    gradient_norm: float
    evaluations: int
    starts: int
    agreeing: int
    message: str
    at_boundary: tuple[str, ...]

    @property
    def log_parameters(self) -> Vector:
        """Logarithms of the parameters: a warm start for the next fit."""
        return np.asarray(np.log(self.parameters), dtype=np.float64)

    def __getitem__(self, name: str) -> float:
        """Return a parameter by name."""
        return self.parameters[self.names.index(name)]


def maximise_likelihood(
    objective: Objective,
    starts: Sequence[Vector],
    *,
    names: Sequence[str],
    near: Vector | None = None,
    lowest: float = LOWEST,
    highest: float = HIGHEST,
    tolerance: float = 1e-8,
    accepted: float = 1e-5,
    max_iterations: int = 500,
) -> FitOutcome:
    """Minimise a mean negative log-likelihood from several starts; keep the best.

    Parameters
    ----------
    objective : callable
        Takes log-parameters of shape (parameters,), returns the mean negative log-likelihood and its gradient
        with respect to the log-parameters. A non-finite value is read as "very unlikely".
    starts : sequence of ndarray, each of shape (parameters,)
        Starting points, as log-parameters.
    names : sequence of str
        Parameter names, for the outcome and for messages.
    near : ndarray of shape (parameters,), optional
        Optimum of data much like these, as log-parameters. The search begins there. If it converges, and no start is
        likelier as it stands, the starts are left out, but for the likeliest where a parameter ended near a bound.
    lowest, highest : float
        Bounds of every parameter on its natural scale.
    tolerance : float
        The optimiser stops when the projected gradient is below this; from 1e-6 on, also when a step gains less than
        1e-12 of the value.
    accepted : float
        The outcome counts as converged when the projected gradient is below this times the larger of 1 and the
        value. Floating point noise of a sum over many rows often ends the search between the two.
    max_iterations : int
        Iterations per start.

    Returns
    -------
    FitOutcome

    Raises
    ------
    FitError
        If no start gives a finite value.
    ValueError
        If there is no start, or names and starts differ in length.
    """
    if not starts or any(len(start) != len(names) for start in starts):
        message = "maximise_likelihood needs at least one start with one entry per name"
        raise ValueError(message)
    # A tenth of a second, which scoring need not wait for.
    from scipy.optimize import minimize

    low, high = math.log(lowest), math.log(highest)
    evaluations = 0
    # Along a ridge single steps gain next to nothing for ever.
    least_gain = _LEAST_GAIN if tolerance < _ROUGH else _LEAST_ROUGH_GAIN

    def guarded(theta: Vector) -> tuple[float, Vector]:
        nonlocal evaluations
        evaluations += 1
        value, gradient = objective(theta)
        if not (math.isfinite(value) and bool(np.isfinite(gradient).all())):
            return _REPLACEMENT, np.zeros_like(theta)
        return float(value), np.asarray(gradient, dtype=np.float64)

    def search(start: Vector) -> "OptimizeResult":
        return minimize(
            guarded,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=[(low, high)] * len(names),
            options={"gtol": tolerance, "ftol": least_gain, "maxiter": max_iterations, "maxcor": 20},
        )

    def gap(result: "OptimizeResult") -> float:
        theta, gradient = (np.asarray(vector, dtype=np.float64) for vector in (result.x, result.jac))
        return float(np.abs(np.clip(theta - gradient, low, high) - theta).max())

    def still_needed(result: "OptimizeResult") -> list[Vector]:
        value = float(result.fun)
        begin_at = [guarded(start)[0] for start in inside]
        converged = value < _REPLACEMENT and gap(result) <= accepted * max(1.0, abs(value))
        if not converged or value > min(begin_at):
            return inside
        # Likelihoods level off where a parameter runs away: a search begun there stays, though a hill may be elsewhere.
        corner = bool(np.any((result.x < low + _CORNER) | (result.x > high - _CORNER)))
        return [inside[int(np.argmin(begin_at))]] if corner else []

    inside = [np.clip(np.asarray(start, dtype=np.float64), low, high) for start in starts]
    # L-BFGS-B's matrices are tiny: threads of the linear algebra library cost ten times the work they share
    with one_algebra_thread():
        results = [] if near is None else [search(np.clip(np.asarray(near, dtype=np.float64), low, high))]
        results += [search(start) for start in (still_needed(results[0]) if results else inside)]
    values = [float(result.fun) for result in results]
    best = results[int(np.argmin(values))]
    value = float(best.fun)
    if value >= _REPLACEMENT:
        message = (
            f"No starting point gives a finite likelihood for {', '.join(names)}. "
            "Check the summary for extreme counts or times."
        )
        raise FitError(message)
    theta = np.asarray(best.x, dtype=np.float64)
    norm = gap(best)
    return FitOutcome(
        names=tuple(names),
        parameters=tuple(float(p) for p in np.exp(theta)),
        value=value,
        converged=norm <= accepted * max(1.0, abs(value)),
        gradient_norm=norm,
        evaluations=evaluations,
        starts=len(results),
        agreeing=sum(abs(other - value) <= _SAME_OPTIMUM * max(1.0, abs(value)) for other in values),
        message=str(best.message),
        at_boundary=tuple(name for name, t in zip(names, theta, strict=True) if t - low < 1e-3 or high - t < 1e-3),
    )


def one_algebra_thread() -> AbstractContextManager[Any]:
    """Keep the linear algebra library to one thread meanwhile: its sums differ in their last bits with more.

    Returns
    -------
    context manager
    """
    return cast("AbstractContextManager[Any]", _linear_algebra().limit(limits=1, user_api="blas"))


@cache
def _linear_algebra() -> ThreadpoolController:
    """Return the handle on the libraries' threads; finding them takes milliseconds, so it is done once."""
    # The handle knows the libraries that are loaded by now, and scipy brings one of its own.
    import scipy.special  # noqa: F401

    return ThreadpoolController()


class Ending(Protocol):
    """How a search ended, as every fit report tells it."""

    @property
    def converged(self) -> bool:
        """Whether the gradient vanishes."""

    @property
    def gradient_norm(self) -> float:
        """Largest component of the gradient."""

    @property
    def message(self) -> str:
        """The optimiser's own words."""


def warn_unless_converged(ending: Ending, *, model: str) -> None:
    """Warn the caller of ``fit`` of a search that ended where the gradient does not vanish.

    Parameters
    ----------
    ending : Ending
        The report of the fit.
    model : str
        Name of the model.

    Warns
    -----
    ConvergenceWarning
        If it did not converge.
    """
    if not ending.converged:
        text = (
            f"The fit of {model} ended with a gradient of {ending.gradient_norm:.1e} ({ending.message}); "
            "read its figures with care."
        )
        warnings.warn(text, ConvergenceWarning, stacklevel=3)
