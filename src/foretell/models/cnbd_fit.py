"""Maximum likelihood for the (M)BG/CNBD-k: starting points, coarse times first, k by likelihood."""

import math
from collections.abc import Iterable
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


def fit_cnbd(rows: Compressed, sum_log_gaps: float, *, candidates: Iterable[int], dropout_at_first: bool) -> CNBDFit:
    """Fit k after k until the likelihood has fallen twice in a row; keep the best.

    Parameters
    ----------
    rows : Compressed
        From `foretell.models.history.read_history`, with at least one repeat order.
    sum_log_gaps : float
        l summed over all customers; it decides between k, and has no influence on the other parameters.
    candidates : iterable of int
        Values of k, at least one, rising.
    dropout_at_first : bool
        True for MBG, False for BG.

    Returns
    -------
    CNBDFit

    Notes
    -----
    The rule is that of BTYDplus, ``xbgcnbd.EstimateParameters`` (Platzer).
    """
    x, t_x, T = (rows.columns[name] for name in HISTORY)
    coarse = _coarse(rows) if rows.distinct > _COARSE_ABOVE else None
    tried: list[tuple[int, float, FitOutcome]] = []
    falls = 0
    for k in candidates:
        exact = CNBDLikelihood(x, t_x, T, rows.weights, k=k, dropout_at_first=dropout_at_first)
        starts = _starts(exact, before=tried[-1][2] if tried else None, k_before=tried[-1][0] if tried else 1)
        outcome = _search(exact, coarse, starts)
        total = exact.total(outcome.log_parameters, sum_log_gaps)
        falls = falls + 1 if tried and total < tried[-1][1] else 0
        tried.append((k, total, outcome))
        if falls == 2:
            break
    k, total, outcome = max(tried, key=lambda fit: fit[1])
    r, alpha, a, b = outcome.parameters
    return CNBDFit(
        params=CNBDParams(r, alpha, a, b, k=k, dropout_at_first=dropout_at_first),
        log_likelihood=total,
        outcome=outcome,
        at_boundary=bool(outcome.at_boundary) or max(r, a + b) > _LARGE or a < _NOBODY * (a + b),
        k_profile=tuple((k, total) for k, total, _ in tried),
    )


def _search(exact: CNBDLikelihood, coarse: Compressed | None, starts: list[Vector]) -> FitOutcome:
    """Search with times divided by their mean; on many rows, all starts on coarse times, then the exact ones."""
    unit = exact.unit
    shift = np.array([0.0, math.log(unit), 0.0, 0.0])
    scaled = [start - shift for start in starts]
    objective = exact.in_unit(unit)
    if coarse is None:
        found = maximise_likelihood(objective, scaled, names=NAMES, highest=_HIGHEST)
    else:
        x, t_x, T = (coarse.columns[name] for name in HISTORY)
        rough = CNBDLikelihood(x, t_x, T, coarse.weights, k=exact.k, dropout_at_first=exact.first == 1)
        first = maximise_likelihood(rough.in_unit(unit), scaled, names=NAMES, highest=_HIGHEST, tolerance=1e-6)
        found = maximise_likelihood(objective, [first.log_parameters], names=NAMES, highest=_HIGHEST)
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


def _starts(exact: CNBDLikelihood, *, before: FitOutcome | None, k_before: int) -> list[Vector]:
    """Starting points as log-parameters; the optimum of the k before, where there is one, goes first."""
    rate = exact.repeats / float((exact.weights * exact.T).sum())
    fresh = [np.log([r, r * exact.k / (rate * 1.5), a, b]) for r, a, b in _STARTS]
    if before is None:
        return fresh
    follow = before.log_parameters + np.array([0.0, math.log(exact.k / k_before), 0.0, 0.0])
    return [follow, *fresh]
