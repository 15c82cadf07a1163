"""Mean negative log-likelihood of a (M)BG/CNBD-k with its gradient, over compressed rows: what a fit minimises.

The likelihood is that of `foretell.models.cnbd_kernel`. Everything that depends on x or t_x alone is summed over
the few distinct values first; ratios of gamma and beta functions at whole distances are sums of logarithms, which
neither overflow nor cancel: lnG(r+kx) - lnG(r) = sum over i < kx of ln(r+i).
"""

import math
from copy import copy

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from foretell.models.optimise import Objective, Vector

NAMES = ("r", "alpha", "a", "b")

# So many rows at a time stay in a core's cache, and are too few for the linear algebra library to split a sum.
_CHUNK = 8192


class CNBDLikelihood:
    """Callable objective for `foretell.models.optimise.maximise_likelihood`.

    Parameters
    ----------
    x, t_x, T : ndarray of shape (rows,)
        Repeat orders (whole numbers), time of the last order, time observed.
    weights : ndarray of shape (rows,)
        Customers behind each row.
    k : int
        Regularity of the gaps.
    dropout_at_first : bool
        True for MBG, False for BG.

    Notes
    -----
    The constant (k-1) l - x lnG(k) of the density is left out, see `total`.
    """

    def __init__(
        self,
        x: Vector,
        t_x: Vector,
        T: Vector,
        weights: NDArray[np.int64],
        *,
        k: int,
        dropout_at_first: bool,
    ) -> None:
        self.k = k
        self.first = 1 if dropout_at_first else 0
        self.x, self.t_x, self.T = x, t_x, T
        self.gap = T - t_x
        self.weights = weights.astype(np.float64)
        self.customers = float(self.weights.sum())
        self.whole_x = x.astype(np.intp)
        self.most = int(self.whole_x.max())
        self.weight_of_x: Vector = np.bincount(self.whole_x, self.weights).astype(np.float64)
        self.repeats = float((self.weight_of_x * np.arange(self.most + 1)).sum())
        self.times = np.unique(t_x)
        at = np.searchsorted(self.times, t_x)
        self.weight_of_time = np.bincount(at, self.weights)
        self.repeats_of_time = np.bincount(at, self.weights * x)

    def __call__(self, theta: Vector) -> tuple[float, Vector]:
        """Evaluate at log-parameters ln(r, alpha, a, b).

        Parameters
        ----------
        theta : ndarray of shape (4,)

        Returns
        -------
        value : float
            Mean negative log-likelihood, without the constant of k.
        gradient : ndarray of shape (4,)
            With respect to theta.
        """
        r, alpha, a, b = (math.exp(t) for t in theta)
        value, gradient = self._of_counts(r, a, b)
        exponent = r * self.weight_of_time + self.k * self.repeats_of_time
        since = alpha + self.times
        logs = np.log(since)
        value += self.customers * r * theta[1] - float((exponent * logs).sum())
        gradient[0] += self.customers * theta[1] - float((self.weight_of_time * logs).sum())
        gradient[1] += self.customers * r / alpha - float((exponent / since).sum())
        rows_value, rows_gradient = self._of_rows(r, alpha, a, b)
        scale = np.array([r, alpha, a, b])
        return -(value + rows_value) / self.customers, -(gradient + rows_gradient) * scale / self.customers

    def of(self, k: int) -> "CNBDLikelihood":
        """Return the likelihood of the same rows for another regularity.

        Parameters
        ----------
        k : int
            Regularity of the gaps.

        Returns
        -------
        CNBDLikelihood
        """
        other = copy(self)
        other.k = k
        return other

    @property
    def unit(self) -> float:
        """Mean time observed: times divided by it are of the order of 1."""
        return float((self.weights * self.T).sum()) / self.customers

    def in_unit(self, unit: float) -> Objective:
        """Return the objective for times divided by ``unit``: alpha is read in that unit, the value shifts.

        Parameters
        ----------
        unit : float
            In the unit of the times, > 0.

        Returns
        -------
        callable
            From log-parameters to the mean negative log-likelihood and its gradient.
        """
        shift = np.array([0.0, math.log(unit), 0.0, 0.0])
        gain = self.gain_of(unit)

        def objective(theta: Vector) -> tuple[float, Vector]:
            value, gradient = self(theta + shift)
            return value - gain, gradient

        return objective

    def gain_of(self, unit: float) -> float:
        """Return by how much the mean negative log-likelihood is lower for times divided by ``unit``.

        Parameters
        ----------
        unit : float
            In the unit of the times, > 0.

        Returns
        -------
        float
        """
        return self.repeats / self.customers * math.log(unit)

    def total(self, mean: float, sum_log_gaps: float) -> float:
        """Return the log-likelihood as a sum over customers, constants included.

        Parameters
        ----------
        mean : float
            Mean negative log-likelihood, as from a call.
        sum_log_gaps : float
            l summed over all customers, in the unit of the times.

        Returns
        -------
        float
        """
        return self._constant(sum_log_gaps) - self.customers * mean

    def mean(self, total: float, sum_log_gaps: float) -> float:
        """Return the mean negative log-likelihood behind a sum: the reverse of `total`.

        Parameters
        ----------
        total : float
            Sum over customers, constants included.
        sum_log_gaps : float
            l summed over all customers, in the unit of the times.

        Returns
        -------
        float
        """
        return (self._constant(sum_log_gaps) - total) / self.customers

    def _constant(self, sum_log_gaps: float) -> float:
        return (self.k - 1) * sum_log_gaps - self.repeats * float(gammaln(self.k))

    def _of_counts(self, r: float, a: float, b: float) -> tuple[float, Vector]:
        """Return lnG(r+kx) - lnG(r) + lnB(a,b+m) - lnB(a,b), summed over customers, and its derivatives."""
        phase = r + np.arange(self.k * self.most, dtype=np.float64)
        coin = b + np.arange(self.most + self.first, dtype=np.float64)
        weight = self.weight_of_x
        value = _weighted(weight, np.log(phase), self.k, 0) - _weighted(weight, np.log1p(a / coin), 1, self.first)
        gradient = np.array(
            [
                _weighted(weight, 1.0 / phase, self.k, 0),
                0.0,
                -_weighted(weight, 1.0 / (a + coin), 1, self.first),
                _weighted(weight, a / (coin * (a + coin)), 1, self.first),
            ]
        )
        return value, gradient

    def _of_rows(self, r: float, alpha: float, a: float, b: float) -> tuple[float, Vector]:
        """Return ln [a/(b+m-1) + w], summed over customers, and its derivatives."""
        odds = a / (b + (np.arange(self.most + 1, dtype=np.float64) + (self.first - 1.0)))
        if not self.first:
            odds[0] = 0.0
        sums = np.zeros(5)
        for start in range(0, self.x.size, _CHUNK):
            sums += self._of_chunk(slice(start, start + _CHUNK), r, alpha, odds)
        value, by_r, by_alpha, gone, gone_odds = (float(total) for total in sums)
        return value, np.array([by_r, by_alpha, gone / a, -gone_odds / a])

    def _of_chunk(self, rows: slice, r: float, alpha: float, odds: Vector) -> tuple[float, ...]:
        """Return, summed over some rows, ln [odds + w], its slopes in r and alpha, and who is gone: all and by odds."""
        end, last = alpha + self.T[rows], alpha + self.t_x[rows]
        n = r + self.k * self.x[rows]
        slope_r = np.log(last / end)
        log_w = n * slope_r
        slope_alpha = n * self.gap[rows] / (end * last)
        if self.k > 1:
            q = self.gap[rows] / end
            c, total, harmonic, by_r = np.ones_like(q), np.ones_like(q), np.zeros_like(q), np.zeros_like(q)
            for j in range(1, self.k):
                shape = n + (j - 1)
                harmonic += 1.0 / shape
                c *= shape * q / j
                total += c
                by_r += c * harmonic
            log_w += np.log(total)
            slope_r += by_r / total
            slope_alpha *= c * (n + (self.k - 1)) / (n * total)
        odds_of_row = odds[self.whole_x[rows]]
        w = np.exp(log_w)
        either = odds_of_row + w
        if self.first:
            log_either, alive = np.log(either), w / either
        else:
            never = odds_of_row == 0
            safe = np.where(never, 1.0, either)
            log_either, alive = np.where(never, log_w, np.log(safe)), np.where(never, 1.0, w / safe)
        weights = self.weights[rows]
        alive *= weights
        gone = weights - alive
        return (
            float(weights @ log_either),
            float(alive @ slope_r),
            float(alive @ slope_alpha),
            float(gone.sum()),
            float(gone @ odds_of_row),
        )


def _weighted(weight: Vector, terms: Vector, stride: int, first: int) -> float:
    """Sum over x of weight[x] times the sum of the first ``stride * x + first`` terms."""
    running = np.concatenate([[0.0], np.cumsum(terms)])
    return float((weight * running[first::stride][: weight.size]).sum())
