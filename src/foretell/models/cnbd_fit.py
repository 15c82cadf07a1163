"""Maximum likelihood for the (M)BG/CNBD-k over k: the regularity of the gaps by likelihood."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from foretell.models.cnbd_kernel import CNBDParams
from foretell.models.cnbd_search import CNBDSearch
from foretell.models.cnbd_state import CNBDFitReport
from foretell.models.compress import Compressed
from foretell.models.history import require_repeats
from foretell.models.optimise import FitOutcome, Vector

_LARGE = 1_000.0
_NOBODY = 1e-4


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
        Log-likelihood of each k tried, in order; a k that was seen to be far behind the one before was not followed
        to its optimum, and lies above what is told by a tenth of its distance at most.
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


_Attempt = Callable[[int, Vector | None, float], _Tried]


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
        From `foretell.models.history.read_history`.
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

    Raises
    ------
    FitError
        If nobody came back.

    Notes
    -----
    The rule is that of BTYDplus, ``xbgcnbd.EstimateParameters`` (Platzer).
    """
    require_repeats(rows)
    search = CNBDSearch(rows, dropout_at_first=dropout_at_first)

    def attempt(k: int, follow: Vector | None, other: float) -> _Tried:
        likelihood = search.likelihood.of(k)
        limit = likelihood.mean(other, sum_log_gaps)
        outcome = search.optimum(k, follow, near=near is not None, limit=limit)
        return _Tried(k, likelihood.total(outcome.value, sum_log_gaps), outcome)

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
        fit = attempt(k, tried[-1].at(k), tried[-1].total) if tried else attempt(k, None, -math.inf)
        falls = falls + 1 if tried and fit.total < tried[-1].total else 0
        tried.append(fit)
        if falls == 2:
            break
    return tried


def _around(attempt: _Attempt, candidates: Sequence[int], near: CNBDParams) -> list[_Tried]:
    """Fit the k of a similar history, then its neighbours on the side on which the likelihood rises."""
    k = min(candidates, key=lambda candidate: abs(candidate - near.k))
    first = attempt(k, _moved(np.log([near.r, near.alpha, near.a, near.b]), near.k, k), -math.inf)
    tried = [first]
    for step in (-1, 1):
        here = first
        while here.k + step in candidates:
            there = attempt(here.k + step, here.at(here.k + step), here.total)
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
