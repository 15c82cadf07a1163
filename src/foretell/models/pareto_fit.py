"""Maximum likelihood for the Pareto/NBD: starting points, coarse times first, its report."""

import math
from dataclasses import dataclass

import numpy as np

from foretell.models import pareto_kernel
from foretell.models.compress import Compressed, compress
from foretell.models.history import HISTORY
from foretell.models.optimise import Objective, maximise_likelihood
from foretell.models.pareto_kernel import ParetoNBDParameters, Vector

_NAMES = ("r", "alpha", "s", "beta")
_COARSE_ABOVE = 5_000
_COARSE_STEPS = 25
_COARSE_TOLERANCE = 1e-5
_FINE_TOLERANCE = 1e-7
_NEAR_TOLERANCE = 1e-6
_LOWEST, _HIGHEST = 1e-5, 1e5
# A gamma law of shape 100 varies by a tenth around its mean: to the data, all rates are equal.
_RIDGE = 100.0
# r, s, beta in units of the mean time observed; alpha follows from the mean order rate.
_STARTS = ((0.5, 0.5, 0.5), (1.0, 1.0, 1.0), (0.5, 0.5, 5.0))


@dataclass(frozen=True)
class ParetoNBDFitReport:
    """How a fit went.

    Attributes
    ----------
    converged : bool
        The gradient vanishes at the optimum.
    starts, agreeing, evaluations : int
        Starting points tried, how many of them ended at the best value, evaluations of the likelihood.
    gradient_norm : float
        Largest component of the gradient of the mean log-likelihood with respect to the log-parameters.
    at_boundary : bool
        A parameter ran to its bound, or r or s is so large that all customers have the same rate and only
        r / alpha or s / beta is known. Predictions are sound then, single parameters mean nothing.
    rows, customers : int
        Distinct rows and customers.
    message : str
        The optimiser's own words.
    """

    converged: bool
    starts: int
    agreeing: int
    evaluations: int
    gradient_norm: float
    at_boundary: bool
    rows: int
    customers: int
    message: str


def fit_pareto_nbd(
    rows: Compressed, *, near: ParetoNBDParameters | None = None
) -> tuple[ParetoNBDParameters, float, ParetoNBDFitReport]:
    """Fit by maximum likelihood.

    Parameters
    ----------
    rows : Compressed
        From `foretell.models.history.read_history`, with at least one repeat order.
    near : ParetoNBDParameters, optional
        Optimum of a history much like this one, in the same time unit: the search begins there.

    Returns
    -------
    params : ParetoNBDParameters
        In the time unit of the rows.
    log_likelihood : float
        Sum over customers.
    report : ParetoNBDFitReport

    Notes
    -----
    Times are divided by their mean. On many rows, all starts search on times rounded to 1/25 of that mean;
    from the best of them the search goes on, and ends, on the exact times.
    """
    x, t_x, T = (rows.columns[name] for name in HISTORY)
    weights = rows.weights.astype(np.float64)
    unit = float((weights * T).sum() / weights.sum())
    t_x, T = t_x / unit, T / unit
    rate = float((weights * x).sum() / weights.sum())
    starts = [np.log([r, r / (2.0 * rate), s, beta]) for r, s, beta in _STARTS]
    begin = None if near is None else np.log([near.r, near.alpha / unit, near.s, near.beta / unit])
    tried, agreeing, evaluations = 0, 0, 0
    if rows.distinct > _COARSE_ABOVE:
        rough = maximise_likelihood(
            _objective(*_coarse(x, t_x, T, weights)),
            starts,
            names=_NAMES,
            near=begin,
            lowest=_LOWEST,
            highest=_HIGHEST,
            tolerance=_COARSE_TOLERANCE,
        )
        starts, begin = [rough.log_parameters], None
        tried, agreeing, evaluations = rough.starts, rough.agreeing, rough.evaluations
    found = maximise_likelihood(
        _objective(x, t_x, T, weights),
        starts,
        names=_NAMES,
        near=begin,
        lowest=_LOWEST,
        highest=_HIGHEST,
        tolerance=_FINE_TOLERANCE if near is None else _NEAR_TOLERANCE,
    )
    r, alpha, s, beta = found.parameters
    params = ParetoNBDParameters(r, alpha * unit, s, beta * unit)
    total = math.fsum(weights * pareto_kernel.log_likelihood(params, x, t_x * unit, T * unit))
    report = ParetoNBDFitReport(
        converged=found.converged,
        starts=tried or found.starts,
        agreeing=agreeing or found.agreeing,
        evaluations=evaluations + found.evaluations,
        gradient_norm=found.gradient_norm,
        at_boundary=bool(found.at_boundary) or max(r, s) > _RIDGE,
        rows=rows.distinct,
        customers=rows.rows,
        message=found.message,
    )
    return params, total, report


def _objective(x: Vector, t_x: Vector, T: Vector, weights: Vector) -> Objective:
    share = weights / weights.sum()

    def mean_negative(theta: Vector) -> tuple[float, Vector]:
        r, alpha, s, beta = np.exp(theta).tolist()
        values, gradient = pareto_kernel.log_likelihood_gradient(ParetoNBDParameters(r, alpha, s, beta), x, t_x, T)
        # einsum, not @: a threaded product is slower here and its last bits depend on the number of threads.
        return -float((share * values).sum()), -np.einsum("i,ij->j", share, gradient)

    return mean_negative


def _coarse(x: Vector, t_x: Vector, T: Vector, weights: Vector) -> tuple[Vector, Vector, Vector, Vector]:
    merged = compress({"x": x, "t_x": np.round(t_x * _COARSE_STEPS), "T": np.round(T * _COARSE_STEPS)})
    return (
        merged.columns["x"],
        merged.columns["t_x"] / _COARSE_STEPS,
        merged.columns["T"] / _COARSE_STEPS,
        np.bincount(merged.inverse, weights).astype(np.float64),
    )
