"""The searches behind the gamma-gamma: for its parameters, on means, and for how far a customer's own mean is believed.

Means of order values tell customers from orders by the shape of their law, one-time buyers' means too: 1 / sqrt(p) is
how far one customer's orders spread, and what is left of the spread is the customers'. Where most buy once that is
next to no evidence, and what a gamma law does not fit is taken for differences between customers. Orders of one
customer tell it directly: those who bought more than once, their means and the spread of their own values
(`SharesLikelihood`), give k = (q - 1) / p, the number of orders that the population counts for. Few who returned do not
decide alone there: all one-time buyers together count as `_AS_MANY` customers, and `_AS_MANY` pairs of orders are added
that lie apart as the shape of the means has it. Without them two who bought the same thing again would say that
everybody always does.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from foretell.models.compress import Compressed
from foretell.models.gamma_gamma_kernel import (
    GammaGammaParameters,
    SharesLikelihood,
    expected_log_ratios,
    mean_negative_likelihood,
)
from foretell.models.optimise import FitOutcome, Objective, Vector, maximise_likelihood
from foretell.models.polish import stand

_NAMES = ("p", "q - 1", "v")
_LOWEST, _HIGHEST = 1e-6, 1e4
_TOLERANCE = 1e-7
_SAMPLE = 20_000
_STARTS = ((1.0, 1.0, 1.0), (5.0, 2.0, 0.5), (0.5, 5.0, 10.0))
_AS_MANY = 30.0
_LEAST_PRIOR, _MOST_PRIOR = 1e-3, 1e3
_NEGLIGIBLE = 1e-9

Likelihood = Callable[[Vector, Vector, Vector], Objective]
"""From x, z and the weights of rows to the objective on them."""


@dataclass(frozen=True, eq=False)
class _Rows:
    """Orders of positive value, their mean in units of the median, and how much each row counts."""

    x: Vector
    z: Vector
    weights: Vector


def search_means(rows: Compressed, unit: float, near: GammaGammaParameters | None) -> FitOutcome:
    """Search for p, q - 1 and v / unit on means alone.

    Parameters
    ----------
    rows : Compressed
        ``x`` and ``z`` of distinct customers.
    unit : float
        Money is divided by it.
    near : GammaGammaParameters, optional
        Of values much like these.

    Returns
    -------
    FitOutcome
    """
    return _search(_rows(rows, unit), mean_negative_likelihood, _begin(near, unit))


def search_prior_orders(
    rows: Compressed, spread: float, unit: float, near: GammaGammaParameters | None, *, shape: float
) -> tuple[float, FitOutcome]:
    """Search for the number of orders that the population counts for, with the spread of the customers' own orders.

    Parameters
    ----------
    rows : Compressed
        ``x`` and ``z`` of distinct customers.
    spread : float
        Sum over all customers of the logs of their order values over their mean, <= 0.
    unit : float
        Money is divided by it.
    near : GammaGammaParameters, optional
        Of values much like these.
    shape : float
        p of the means, as from `search_means`.

    Returns
    -------
    prior_orders : float
        k, between a thousandth and a thousand.
    outcome : FitOutcome
        The search that it came from.
    """
    given = _rows(rows, unit)
    once = given.x == 1
    share = min(1.0, _AS_MANY / max(float(given.weights[once].sum()), 1.0))
    returned = replace(given, weights=np.where(once, share, 1.0) * given.weights)
    shares = SharesLikelihood(
        np.append(given.x, 2.0),
        np.append(given.weights, _AS_MANY),
        spread + _AS_MANY * expected_log_ratios(shape),
        over=float(returned.weights.sum()),
    )

    def with_shares(x: Vector, z: Vector, weights: Vector) -> Objective:
        of_means = mean_negative_likelihood(x, z, weights)

        def objective(theta: Vector) -> tuple[float, Vector]:
            value, gradient = of_means(theta)
            more, slope = shares(float(np.exp(theta[0])))
            return value - more, gradient - np.array([slope, 0.0, 0.0])

        return objective

    found = _search(returned, with_shares, _begin(near, unit))
    p, excess, _ = found.parameters
    return min(max(excess / p, _LEAST_PRIOR), _MOST_PRIOR), found


def _search(given: _Rows, likelihood: Likelihood, begin: Vector | None) -> FitOutcome:
    """Search on many rows with all starts on every n-th of the sorted ones first."""
    starts = [np.asarray(np.log(start)) for start in _STARTS]
    bounds: dict[str, Any] = {"names": _NAMES, "lowest": _LOWEST, "highest": _HIGHEST, "tolerance": _TOLERANCE}
    x, z, weights = given.x, given.z, given.weights
    step = x.size // _SAMPLE
    if step < 2:
        objective = likelihood(x, z, weights)
        return _judged(maximise_likelihood(objective, starts, near=begin, **bounds), objective)
    some = slice(step // 2, None, step)
    rough = maximise_likelihood(likelihood(x[some], z[some], weights[some]), starts, near=begin, **bounds)
    objective = likelihood(x, z, weights)
    found = _judged(maximise_likelihood(objective, [rough.log_parameters], **bounds), objective)
    evaluations = rough.evaluations + found.evaluations
    return replace(found, starts=rough.starts, agreeing=rough.agreeing, evaluations=evaluations)


def _judged(found: FitOutcome, objective: Objective) -> FitOutcome:
    """Take a search for converged whose end nothing can be gained at, whatever the gradient.

    Where orders are nearly alike p and q run to their bounds, and v is known to a hundred-millionth: the likelihood is
    a difference of large numbers there, whose rounding ends the search before the gradient vanishes.
    """
    if found.converged:
        return found
    theta, inside = found.log_parameters, np.log([_LOWEST, _HIGHEST]).mean()
    gradient = objective(theta)[1]
    at_bound = np.array([name in found.at_boundary for name in found.names])
    free = ~(at_bound & (gradient * (theta - inside) <= 0))

    def along(part: Vector) -> tuple[float, Vector]:
        whole = theta.copy()
        whole[free] = part
        value, slope = objective(whole)
        return value, slope[free]

    gain = stand(along, theta[free], along).still_to_gain if free.any() else 0.0
    return replace(found, converged=bool(gain <= _NEGLIGIBLE))


def _rows(rows: Compressed, unit: float) -> _Rows:
    return _Rows(rows.columns["x"], rows.columns["z"] / unit, rows.weights.astype(np.float64))


def _begin(near: GammaGammaParameters | None, unit: float) -> Vector | None:
    return None if near is None else np.log([near.p, near.q - 1.0, near.v / unit])
