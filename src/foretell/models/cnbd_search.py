"""The optimum of the (M)BG/CNBD-k likelihood for one k: on many rows a sample first, then all of them.

A sample of the customers, every so-manieth in the order of their statistics, has its optimum near that of all: all
starting points are tried on the sample, and a few steps on all rows end at the exact optimum.
"""

import math
from dataclasses import replace

import numpy as np

from foretell.models.cnbd_likelihood import NAMES, CNBDLikelihood
from foretell.models.compress import Compressed
from foretell.models.history import HISTORY
from foretell.models.optimise import LOWEST, FitOutcome, Objective, Vector, maximise_likelihood, one_algebra_thread
from foretell.models.polish import Standing, polish, stand

_SAMPLES = (4_096, 65_536)
_SAMPLE_BELOW = 0.5
_HIGHEST = 1e5
_CORNER = 100.0
_TOLERANCE, _NEAR_TOLERANCE, _SAMPLE_TOLERANCE = 1e-8, 1e-6, 1e-6
_ACCEPTED = 1e-5
_HOPELESS = 10.0
# r, a, b; alpha follows from the mean order rate.
_STARTS = ((0.5, 0.7, 1.5), (1.0, 1.0, 3.0), (2.0, 0.3, 5.0), (0.3, 2.0, 10.0))


class CNBDSearch:
    """Search for the optimum for any k on the same rows.

    Parameters
    ----------
    rows : Compressed
        From `foretell.models.history.read_history`, with at least one repeat order.
    dropout_at_first : bool
        True for MBG, False for BG.

    Attributes
    ----------
    likelihood : CNBDLikelihood
        Of all rows, for k = 1.
    """

    def __init__(self, rows: Compressed, *, dropout_at_first: bool) -> None:
        self.likelihood = _likelihood(rows, dropout_at_first=dropout_at_first)
        self._samples = [
            _likelihood(sample_of(rows, size), dropout_at_first=dropout_at_first)
            for size in _SAMPLES
            if size <= _SAMPLE_BELOW * rows.distinct
        ]

    def optimum(self, k: int, follow: Vector | None, *, near: bool, limit: float = math.inf) -> FitOutcome:
        """Find the optimum for one k.

        Parameters
        ----------
        k : int
            Regularity of the gaps.
        follow : ndarray of shape (4,) or None
            Log-parameters of an optimum for another k, or of a similar history, to begin at.
        near : bool
            Whether `follow` is the optimum of a history much like this one: the usual starting points are tried only
            if the search from there does not end in an optimum.
        limit : float
            Mean negative log-likelihood that is of interest: a search that would have to gain ten times what the
            curvature promises to get below it is not finished.

        Returns
        -------
        FitOutcome
            Parameters and value in the time unit of the rows; not `converged` where the search was not finished.
        """
        every = self.likelihood.of(k)
        unit = every.unit
        shift, gain = np.array([0.0, math.log(unit), 0.0, 0.0]), every.gain_of(unit)
        starts = [start - shift for start in _starts(every)]
        begin = None if follow is None else follow - shift
        if begin is not None and not near:
            starts, begin = [begin, *starts], None
        objective = every.in_unit(unit)
        tolerance = _NEAR_TOLERANCE if near else _TOLERANCE
        if self._samples:
            found = self._by_samples(k, objective, starts, begin, tolerance=tolerance, limit=limit - gain)
        else:
            found = maximise_likelihood(
                objective, starts, names=NAMES, near=begin, highest=_HIGHEST, tolerance=tolerance
            )
        parameters = tuple(float(v) for v in np.exp(found.log_parameters + shift))
        return replace(found, parameters=parameters, value=found.value + gain)

    def _by_samples(
        self,
        k: int,
        objective: Objective,
        starts: list[Vector],
        begin: Vector | None,
        *,
        tolerance: float,
        limit: float,
    ) -> FitOutcome:
        unit, tried = self.likelihood.unit, 0
        for sample in self._samples:
            of_sample = sample.of(k).in_unit(unit)
            first = maximise_likelihood(
                of_sample, starts, names=NAMES, near=begin, highest=_HIGHEST, tolerance=_SAMPLE_TOLERANCE
            )
            tried += first.evaluations
            # Likelihoods level off where a parameter runs away: there more customers tell where the optimum is.
            if not _in_corner(first):
                break
        else:
            found = maximise_likelihood(
                objective, [first.log_parameters], names=NAMES, highest=_HIGHEST, tolerance=tolerance
            )
            return _tried(found, first, tried + found.evaluations)
        with one_algebra_thread():
            standing = stand(objective, first.log_parameters, of_sample)
            if standing.value - _HOPELESS * standing.still_to_gain > limit:
                return _ended(standing, first, tried, "left unfinished: another k is likelier")
            ended = polish(objective, standing, tolerance=tolerance)
        outcome = _ended(ended, first, tried, "the gradient vanishes")
        if outcome.converged:
            return outcome
        found = maximise_likelihood(objective, [ended.theta], names=NAMES, highest=_HIGHEST, tolerance=tolerance)
        return _tried(found, first, outcome.evaluations + found.evaluations)


def sample_of(rows: Compressed, size: int) -> Compressed:
    """Return every so-manieth customer in the order of the rows.

    Parameters
    ----------
    rows : Compressed
        Sorted, as from `foretell.models.compress.compress`.
    size : int
        Customers to keep.

    Returns
    -------
    Compressed
        With as many customers behind each row as were kept; `inverse` has one entry for each of them.
    """
    place = (np.arange(size) + 0.5) * (rows.rows / size)
    kept, inverse, weights = np.unique(
        np.searchsorted(np.cumsum(rows.weights), place), return_inverse=True, return_counts=True
    )
    return Compressed({name: values[kept] for name, values in rows.columns.items()}, weights, inverse)


def _likelihood(rows: Compressed, *, dropout_at_first: bool) -> CNBDLikelihood:
    x, t_x, T = (rows.columns[name] for name in HISTORY)
    return CNBDLikelihood(x, t_x, T, rows.weights, k=1, dropout_at_first=dropout_at_first)


def _starts(every: CNBDLikelihood) -> list[Vector]:
    """Starting points as log-parameters, from the mean order rate."""
    rate = every.repeats / float((every.weights * every.T).sum())
    return [np.log([r, r * every.k / (rate * 1.5), a, b]) for r, a, b in _STARTS]


def _in_corner(found: FitOutcome) -> bool:
    return any(not LOWEST * _CORNER < parameter < _HIGHEST / _CORNER for parameter in found.parameters)


def _ended(standing: Standing, first: FitOutcome, tried: int, message: str) -> FitOutcome:
    norm = float(np.abs(standing.gradient).max())
    inside = bool(np.all((standing.theta > math.log(LOWEST)) & (standing.theta < math.log(_HIGHEST))))
    return FitOutcome(
        names=NAMES,
        parameters=tuple(float(v) for v in np.exp(standing.theta)),
        value=standing.value,
        converged=inside and norm <= _ACCEPTED * max(1.0, abs(standing.value)),
        gradient_norm=norm,
        evaluations=tried + standing.evaluations,
        starts=first.starts,
        agreeing=first.agreeing,
        message=message,
        at_boundary=(),
    )


def _tried(found: FitOutcome, first: FitOutcome, evaluations: int) -> FitOutcome:
    """Tell the starting points of the sample's search."""
    return replace(found, starts=first.starts, agreeing=first.agreeing, evaluations=evaluations)
