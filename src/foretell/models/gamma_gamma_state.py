"""A fitted gamma-gamma as plain values: what a bundle stores, checked when it is read back."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from foretell.models.gamma_gamma_kernel import GammaGammaParameters
from foretell.models.state import damaged, is_finite, read_section

_KIND = "gamma_gamma"
_NAME = "GammaGamma"


@dataclass(frozen=True)
class PooledMean:
    """What stands in for the parameters where there is no fit.

    Attributes
    ----------
    mean : float
        Mean of the customers' mean order values, in the currency unit.
    """

    mean: float


@dataclass(frozen=True)
class GammaGammaFitReport:
    """How a fit went.

    Attributes
    ----------
    converged : bool
        The gradient vanishes at the optimum; True where nothing was optimised.
    starts, agreeing, evaluations : int
        Starting points tried, how many of them ended at the best value, evaluations of the likelihood.
    gradient_norm : float
        Largest component of the gradient of the mean log-likelihood with respect to ln p, ln(q - 1), ln v.
    at_boundary : bool
        A parameter ran to its bound: it is not identified, predictions are finite and positive.
    rows, customers : int
        Distinct rows and customers with at least one order of positive value.
    customers_without_value : int
        Customers left out: none of their orders has a positive value.
    value_count_correlation : float or None
        Pearson correlation between the number of orders and their mean value, which the model takes to be 0; None
        where one of them does not vary.
    fallback : str
        Empty, or which mean replaced the model's and why.
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
    customers_without_value: int
    value_count_correlation: float | None
    fallback: str
    message: str


State = tuple[
    dict[str, Any],
    GammaGammaParameters | PooledMean,
    float | None,
    float,
    float | None,
    float | None,
    GammaGammaFitReport,
]


def state_of(
    settings: Mapping[str, Any],
    params: GammaGammaParameters | PooledMean,
    population_mean: float,
    log_likelihood: float | None,
    report: GammaGammaFitReport,
    *,
    cap: float | None,
    prior_orders: float | None,
) -> dict[str, Any]:
    """Return settings and learned state as values that JSON carries without loss.

    Parameters
    ----------
    settings : mapping of str to object
        Arguments of the estimator.
    params : GammaGammaParameters or PooledMean
    population_mean : float
    log_likelihood : float or None
    report : GammaGammaFitReport
    cap : float or None
    prior_orders : float or None

    Returns
    -------
    dict
    """
    return {
        "kind": _KIND,
        "settings": dict(settings),
        "params": asdict(params),
        "prior_orders": prior_orders,
        "population_mean": population_mean,
        "cap": cap,
        "log_likelihood": log_likelihood,
        "fit_report": asdict(report),
    }


def read_state(state: Mapping[str, Any]) -> State:
    """Check a state and take it apart; the inverse of `state_of`.

    Parameters
    ----------
    state : mapping
        As returned by `state_of`, possibly through JSON.

    Returns
    -------
    settings : dict
    params : GammaGammaParameters or PooledMean
    prior_orders : float or None
    population_mean : float
    cap : float or None
    log_likelihood : float or None
    report : GammaGammaFitReport

    Raises
    ------
    BundleError
        If the state is of another kind, incomplete, or holds values that no fit can produce.
    """
    if state.get("kind") != _KIND:
        raise damaged(_NAME, "kind")
    settings, cap = _read_settings(state)
    report = read_section(GammaGammaFitReport, state, "fit_report", model=_NAME)
    total, mean = state.get("log_likelihood"), state.get("population_mean")
    if not (total is None or is_finite(total)):
        raise damaged(_NAME, "log_likelihood")
    params: GammaGammaParameters | PooledMean
    if total is None:
        params = read_section(PooledMean, state, "params", model=_NAME)
    else:
        params = read_section(GammaGammaParameters, state, "params", model=_NAME)
        if not params.q > 1:
            raise damaged(_NAME, "params.q")
    if not (is_finite(mean) and mean > 0):
        raise damaged(_NAME, "population_mean")
    if not all(value > 0 for value in asdict(params).values()):
        raise damaged(_NAME, "params")
    prior = state.get("prior_orders")
    told = settings["credibility"] == "orders" and total is not None
    if (prior is not None) != told or not (prior is None or (is_finite(prior) and prior > 0)):
        raise damaged(_NAME, "prior_orders")
    of_all = None if total is None else float(total)
    return settings, params, None if prior is None else float(prior), float(mean), cap, of_all, report


def _read_settings(state: Mapping[str, Any]) -> tuple[dict[str, Any], float | None]:
    """Return the estimator's arguments and the cap that was learnt by them."""
    settings = state.get("settings")
    if not (isinstance(settings, Mapping) and set(settings) == {"min_customers", "cap_quantile", "credibility"}):
        raise damaged(_NAME, "settings")
    if type(settings["min_customers"]) is not int:
        raise damaged(_NAME, "settings.min_customers")
    if settings["credibility"] not in ("means", "orders"):
        raise damaged(_NAME, "settings.credibility")
    quantile, cap = settings["cap_quantile"], state.get("cap")
    if not (quantile is None or (is_finite(quantile) and 0 < quantile < 1)):
        raise damaged(_NAME, "settings.cap_quantile")
    if (cap is None) != (quantile is None) or not (cap is None or (is_finite(cap) and cap > 0)):
        raise damaged(_NAME, "cap")
    return dict(settings), None if cap is None else float(cap)
