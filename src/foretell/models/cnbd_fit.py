"""Maximum likelihood for the (M)BG/CNBD-k: starting points, coarse times first, k by likelihood."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from foretell.models.cnbd_kernel import CNBDParams
from foretell.models.cnbd_likelihood import NAMES, CNBDLikelihood
from foretell.models.cnbd_state import CNBDFitReport
from foretell.models.compress import Compressed, compress
from foretell.models.history import HISTORY
from foretell.models.optimise import FitOutcome, Vector, maximise_likelihood

_COARSE_ABOVE = 5_000
_COARSE_STEPS = 50
_HIGHEST = 1e5
_TOLERANCE, _NEAR_TOLERANCE = 1e-8, 1e-6
_LARGE = 1_000.0
_NOBODY = 1e-4
# r, a, b; alpha follows from the mean order rate.
_STARTS = ((0.5, 0.7, 1.5), (1.0, 1.0, 3.0), (2.0, 0.3, 5.0), (0.3, 2.0, 10.0))


@dataclass(frozen=True)
class CNBDFit:
    """The best fit over the k that were tried.

    Attributes
    ----------
    params : CNBDParams
        In the time unit of the rows.
    log_likelihood : float
        Sum over customers, constants included.
    outcome : FitOutcome
        The search for the chosen k.
    at_boundary : bool
        A parameter is at a bound; or a + b exceeds 1,000 (all drop-out probabilities alike: only a/(a+b) is
        identified), or r does (all order rates alike: only r/alpha is), or a/(a+b) is below 1e-4 (nobody leaves).
    k_profile : tuple of (int, float)
        Log-likelihood of each k tried, in order.
    """

    params: CNBDParams
    log_likelihood: float
    outcome: FitOutcome
    at_boundary: bool
    k_profile: tuple[tuple[int, float], ...]

    def report(self, rows: Compressed) -> CNBDFitReport:
        """Return what users are told of the fit.

        Parameters
        ----------
        rows : Compressed
            What was fitted.

        Returns
        -------
        CNBDFitReport
        """
        return CNBDFitReport(
            converged=self.outcome.converged,
            starts=self.outcome.starts,
            agreeing=self.outcome.agreeing,
            evaluations=self.outcome.evaluations,
            gradient_norm=self.outcome.gradient_norm,
            at_boundary=self.at_boundary,
            rows=rows.distinct,
            customers=rows.rows,
            message=self.outcome.message,
            k_profile=self.k_profile,
        )


@dataclass(frozen=True)
class _Tried:
    """The fit of one k."""

    k: int
    total: float
    outcome: FitOutcome

    def at(self, k: int) -> Vector:
        """Return its optimum as a starting point for another k."""
        return _moved(self.outcome.log_parameters, self.k, k)


_Attempt = Callable[[int, Vector | None], _Tried]


def fit_cnbd(
    rows: Compressed,
    sum_log_gaps: float,
    *,
    candidates: Sequence[int],
    dropout_at_first: bool,
    near: CNBDParams | None = None,
) -> CNBDFit:
    """Fit k after k until the likelihood has fallen twice in a row; keep the best.

    Parameters
    ----------
    rows : Compressed
        From `foretell.models.history.read_history`, with at least one repeat order.
    sum_log_gaps : float
        l summed over all customers; it decides between k, and has no influence on the other parameters.
    candidates : sequence of int
        Values of k, at least one, neighbours, rising.
    dropout_at_first : bool
        True for MBG, False for BG.
    near : CNBDParams, optional
        Optimum of a history much like this one, in the same time unit: the search begins there, and k is looked for
        from that k up and down, as long as the likelihood rises.

    Returns
    -------
    CNBDFit

    Notes
    -----
    The rule is that of BTYDplus, ``xbgcnbd.EstimateParameters`` (Platzer).
    """
    x, t_x, T = (rows.columns[name] for name in HISTORY)
    coarse = _coarse(rows) if rows.distinct > _COARSE_ABOVE else None

    def attempt(k: int, follow: Vector | None) -> _Tried:
        exact = CNBDLikelihood(x, t_x, T, rows.weights, k=k, dropout_at_first=dropout_at_first)
        starts = _starts(exact)
        if near is None and follow is not None:
            starts = [follow, *starts]
        outcome = _search(exact, coarse, starts, near=None if near is None else follow)
        return _Tried(k, exact.total(outcome.log_parameters, sum_log_gaps), outcome)

    tried = _rising(attempt, candidates) if near is None else _around(attempt, candidates, near)
    best = max(tried, key=lambda fit: fit.total)
    r, alpha, a, b = best.outcome.parameters
    return CNBDFit(
        params=CNBDParams(r, alpha, a, b, k=best.k, dropout_at_first=dropout_at_first),
        log_likelihood=best.total,
        outcome=best.outcome,
        at_boundary=bool(best.outcome.at_boundary) or max(r, a + b) > _LARGE or a < _NOBODY * (a + b),
        k_profile=tuple(sorted((fit.k, fit.total) for fit in tried)),
    )


def _rising(attempt: _Attempt, candidates: Sequence[int]) -> list[_Tried]:
    """Fit k after k, each also from the optimum of the one before, until the likelihood fell twice in a row."""
    tried: list[_Tried] = []
    falls = 0
    for k in candidates:
        fit = attempt(k, tried[-1].at(k) if tried else None)
        falls = falls + 1 if tried and fit.total < tried[-1].total else 0
        tried.append(fit)
        if falls == 2:
            break
    return tried


def _around(attempt: _Attempt, candidates: Sequence[int], near: CNBDParams) -> list[_Tried]:
    """Fit the k of a similar history, then its neighbours on the side on which the likelihood rises."""
    k = min(candidates, key=lambda candidate: abs(candidate - near.k))
    first = attempt(k, _moved(np.log([near.r, near.alpha, near.a, near.b]), near.k, k))
    tried = [first]
    for step in (-1, 1):
        here = first
        while here.k + step in candidates:
            there = attempt(here.k + step, here.at(here.k + step))
            tried.append(there)
            if there.total <= here.total:
                break
            here = there
        if here is not first:
            break
    return tried


def _moved(log_parameters: Vector, k: int, to: int) -> Vector:
    """Keep the mean order rate, k r / alpha, where k changes."""
    return np.asarray(log_parameters + np.array([0.0, math.log(to / k), 0.0, 0.0]), dtype=np.float64)


def _search(
    exact: CNBDLikelihood, coarse: Compressed | None, starts: list[Vector], *, near: Vector | None
) -> FitOutcome:
    """Search with times divided by their mean; on many rows, all starts on coarse times, then the exact ones."""
    unit = exact.unit
    shift = np.array([0.0, math.log(unit), 0.0, 0.0])
    scaled = [start - shift for start in starts]
    begin = None if near is None else near - shift
    objective = exact.in_unit(unit)
    tolerance = _TOLERANCE if near is None else _NEAR_TOLERANCE
    if coarse is None:
        found = maximise_likelihood(objective, scaled, names=NAMES, near=begin, highest=_HIGHEST, tolerance=tolerance)
    else:
        x, t_x, T = (coarse.columns[name] for name in HISTORY)
        rough = CNBDLikelihood(x, t_x, T, coarse.weights, k=exact.k, dropout_at_first=exact.first == 1)
        first = maximise_likelihood(
            rough.in_unit(unit), scaled, names=NAMES, near=begin, highest=_HIGHEST, tolerance=1e-6
        )
        found = maximise_likelihood(
            objective, [first.log_parameters], names=NAMES, highest=_HIGHEST, tolerance=tolerance
        )
        found = replace(
            found,
            starts=first.starts,
            agreeing=first.agreeing,
            evaluations=first.evaluations + found.evaluations,
        )
    return replace(found, parameters=tuple(float(v) for v in np.exp(found.log_parameters + shift)))


def _coarse(rows: Compressed) -> Compressed:
    """Return the rows with times rounded to a fiftieth of the mean time observed: a twentieth of the rows or less."""
    x, t_x, T = (rows.columns[name] for name in HISTORY)
    step = float((T * rows.weights).sum() / rows.rows) / _COARSE_STEPS
    merged = compress({HISTORY[0]: x, HISTORY[1]: np.round(t_x / step), HISTORY[2]: np.round(T / step)})
    columns = {name: values * (1.0 if name == HISTORY[0] else step) for name, values in merged.columns.items()}
    return Compressed(columns, np.bincount(merged.inverse, rows.weights).astype(np.int64), merged.inverse)


def _starts(exact: CNBDLikelihood) -> list[Vector]:
    """Starting points as log-parameters, from the mean order rate."""
    rate = exact.repeats / float((exact.weights * exact.T).sum())
    return [np.log([r, r * exact.k / (rate * 1.5), a, b]) for r, a, b in _STARTS]
