"""A fitted MBG/CNBD-k as plain values: what a bundle stores, checked when it is read back."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from foretell.errors import FitError
from foretell.models.cnbd_kernel import CNBDParams
from foretell.models.state import damaged, is_finite, read_section

_KIND = "cnbd"
_NAME = "MBGCNBD"
LARGEST_K = 50
_SETTINGS = {"k", "max_k", "dropout_at_first"}
_REPORT_TYPES: dict[str, type] = {
    "converged": bool,
    "starts": int,
    "agreeing": int,
    "evaluations": int,
    "gradient_norm": float,
    "at_boundary": bool,
    "rows": int,
    "customers": int,
    "message": str,
}

State = tuple[dict[str, Any], CNBDParams, float, "CNBDFitReport"]


@dataclass(frozen=True)
class CNBDFitReport:
    """How a fit went.

    Attributes
    ----------
    converged : bool
        The gradient vanishes at the optimum.
    starts, agreeing, evaluations : int
        Starting points tried, how many of them ended at the best value, evaluations of the likelihood;
        all for the chosen k.
    gradient_norm : float
        Largest component of the gradient of the mean log-likelihood with respect to the log-parameters.
    at_boundary : bool
        The data call for everyone alike (a and b, or r and alpha, without bound) or for nobody leaving.
        Predictions are sound then, single parameters mean nothing.
    rows, customers : int
        Distinct rows and customers.
    message : str
        The optimiser's own words.
    k_profile : tuple of (int, float)
        Log-likelihood of every k that was tried.
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
    k_profile: tuple[tuple[int, float], ...]


def state_of(
    settings: Mapping[str, Any], params: CNBDParams, log_likelihood: float, report: CNBDFitReport
) -> dict[str, Any]:
    """Return settings and learned state as values that JSON carries without loss.

    Parameters
    ----------
    settings : mapping of str to object
        Arguments of the estimator.
    params : CNBDParams
    log_likelihood : float
    report : CNBDFitReport

    Returns
    -------
    dict
    """
    described = asdict(report)
    described["k_profile"] = [list(pair) for pair in report.k_profile]
    return {
        "kind": _KIND,
        "settings": dict(settings),
        "params": asdict(params),
        "log_likelihood": log_likelihood,
        "fit_report": described,
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
    params : CNBDParams
    log_likelihood : float
    report : CNBDFitReport

    Raises
    ------
    BundleError
        If the state is of another kind, incomplete, or holds values that no fit can produce.
    """
    _demand(state.get("kind") == _KIND, "kind")
    params = read_section(CNBDParams, state, "params", model=_NAME)
    _demand(min(params.r, params.alpha, params.a, params.b) > 0, "params")
    _demand(_is_k(params.k), "params.k")
    settings = _section(state, "settings", _SETTINGS)
    _demand(settings["k"] is None or _is_k(settings["k"]), "settings.k")
    _demand(_is_k(settings["max_k"]), "settings.max_k")
    _demand(isinstance(settings["dropout_at_first"], bool), "settings.dropout_at_first")
    log_likelihood: Any = state.get("log_likelihood")
    _demand(is_finite(log_likelihood), "log_likelihood")
    return settings, params, float(log_likelihood), _read_report(state)


def _read_report(state: Mapping[str, Any]) -> CNBDFitReport:
    values = _section(state, "fit_report", {*_REPORT_TYPES, "k_profile"})
    for name, kind in _REPORT_TYPES.items():
        fits = is_finite(values[name]) if kind is float else type(values[name]) is kind
        _demand(fits, f"fit_report.{name}")
    profile = values.pop("k_profile")
    pairs = isinstance(profile, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in profile)
    _demand(pairs and all(_is_k(k) and is_finite(total) for k, total in profile), "fit_report.k_profile")
    return CNBDFitReport(**values, k_profile=tuple((k, float(total)) for k, total in profile))


def candidate_ks(k: int | None, max_k: int) -> Sequence[int]:
    """Values of k to try, from the settings of the estimator.

    Parameters
    ----------
    k : int or None
        A fixed k, or None for 1 .. max_k.
    max_k : int

    Returns
    -------
    sequence of int

    Raises
    ------
    FitError
        If a setting is not a whole number from 1 to 50.
    """
    if not (k is None or _is_k(k)) or not _is_k(max_k):
        message = f"k (unless None) and max_k must be whole numbers from 1 to {LARGEST_K}."
        raise FitError(message)
    return range(1, max_k + 1) if k is None else (k,)


def _section(state: Mapping[str, Any], name: str, keys: set[str]) -> dict[str, Any]:
    section = state.get(name)
    if not isinstance(section, Mapping) or set(section) != keys:
        raise damaged(_NAME, name)
    return dict(section)


def _demand(fulfilled: bool, where: str) -> None:  # noqa: FBT001 - reads as the sentence "demand that ..."
    if not fulfilled:
        raise damaged(_NAME, where)


def _is_k(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LARGEST_K
