"""Probability calibration: as flexible as the sample allows, and strictly increasing.

All methods are one formula (Kull, Silva Filho, Flach 2017, beta calibration):

    log-odds(q) = c + a ln(p) − b ln(1 − p)

identity is a = b = 1, c = 0; an intercept shift leaves only c free; Platt scaling on the log-odds has a = b; beta
calibration frees all three, and can bend the low end and the high end apart. Isotonic regression is left out: it
ties customers that a ranking must keep apart.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self, get_args

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from foretell.errors import FitError
from foretell.models.objectives import Matrix, Vector, losses
from foretell.models.state import damaged, read_section

Method = Literal["identity", "shift", "platt", "beta"]
METHODS: tuple[Method, ...] = get_args(Method)

EDGE = 1e-9
"""No probability comes closer to 0 or 1 than this."""

_FEWEST: Mapping[Method, int] = {"identity": 0, "shift": 20, "platt": 100, "beta": 1000}
"""Members of the smaller class that a method needs. Its last parameter then has a standard error of about .22
(shift), .1 (slope; log-odds usually spread by 1 or more) and .1 (difference of the ends): not above what it mends."""

_SLOPE_PRIOR = 0.5
_SHIFT_PRIOR = 1.0
_FLATTEST = 0.01
_FOLDS = 5
_STEPS = 100


@dataclass(frozen=True)
class ProbabilityCalibrator:
    """Calibration curve of a probability; without a fit, the identity.

    Parameters
    ----------
    method : {'identity', 'shift', 'platt', 'beta'}
        How many of the numbers below were free.
    low, high : float
        a and b of the formula, >= 0.01: slopes of the log-odds at the low and at the high end; 1 is no change.
    shift : float
        c of the formula, in log-odds; 0 is no change.
    """

    method: str = "identity"
    low: float = 1.0
    high: float = 1.0
    shift: float = 0.0

    @classmethod
    def fit(
        cls, p: npt.ArrayLike, y: npt.ArrayLike, weight: npt.ArrayLike | None = None, *, method: Method | None = None
    ) -> Self:
        """Fit a curve; the method is the simplest within one standard error of the best by cross-validation.

        Methods in question, by the members of the smaller class (effective ones, where rows are weighted): below 20
        the identity alone, from 20 a shift, from 100 Platt scaling, from 1,000 beta calibration. Parameters have
        normal priors around "no change", with standard deviation 1 (shift) and 0.5 (slopes).

        Parameters
        ----------
        p : array-like of shape (rows,)
            Probabilities from a model that was not fitted to these rows, within [0, 1].
        y : array-like of shape (rows,)
            Events, 0 or 1.
        weight : array-like of shape (rows,), optional
            How much each row counts, >= 0.
        method : {'identity', 'shift', 'platt', 'beta'}, optional
            Takes this one, whatever the sample size.

        Returns
        -------
        ProbabilityCalibrator

        Raises
        ------
        FitError
            If lengths differ, a probability is not within [0, 1], an event is not 0 or 1, or a weight is negative.

        References
        ----------
        Kull, Silva Filho, Flach (2017), "Beta calibration", AISTATS; Platt (1999), "Probabilistic outputs for
        support vector machines"; Breiman et al. (1984) (one-standard-error rule).
        """
        rows = _Rows.of(p, y, weight)
        if method is None:
            method = _choose(rows, [name for name in METHODS if rows.smaller_class() >= _FEWEST[name]])
        return cls(method, *_curve(rows, method))

    def calibrate(self, p: npt.ArrayLike) -> Vector:
        """Calibrated probabilities.

        Parameters
        ----------
        p : array-like of shape (rows,)
            Probabilities of the model, within [0, 1].

        Returns
        -------
        ndarray of shape (rows,)
            Within [1e-9, 1 − 1e-9]; in the order of `p`.
        """
        given = np.asarray(p, dtype=np.float64)
        if self.method == "identity":
            return np.clip(given, EDGE, 1 - EDGE)
        calibrated: Vector = np.clip(expit(_margin(_columns(given), self.low, self.high, self.shift)), EDGE, 1 - EDGE)
        return calibrated

    def to_dict(self) -> dict[str, Any]:
        """Return the curve as plain values.

        Returns
        -------
        dict of str to object
            For JSON; read back by `from_dict`.
        """
        return {"curve": asdict(self)}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Rebuild a curve from plain values.

        Parameters
        ----------
        state : mapping
            As from `to_dict`, possibly through JSON.

        Returns
        -------
        ProbabilityCalibrator

        Raises
        ------
        BundleError
            If the state is not that of a calibration curve.
        """
        curve = read_section(cls, state, "curve", model=cls.__name__)
        if set(state) != {"curve"} or curve.method not in METHODS or min(curve.low, curve.high) < _FLATTEST:
            raise damaged(cls.__name__, "curve")
        return curve


@dataclass(frozen=True, eq=False)
class _Rows:
    columns: Matrix
    events: Vector
    weights: Vector

    @classmethod
    def of(cls, p: npt.ArrayLike, y: npt.ArrayLike, weight: npt.ArrayLike | None) -> Self:
        given, events = np.asarray(p, dtype=np.float64), np.asarray(y, dtype=np.float64)
        weights = np.ones(given.shape) if weight is None else np.asarray(weight, dtype=np.float64)
        problems = []
        if given.ndim != 1 or events.shape != given.shape or weights.shape != given.shape:
            problems.append(f"lengths differ: p {given.shape}, y {events.shape}, weight {weights.shape}")
        if not ((given >= 0) & (given <= 1)).all():
            problems.append(f"{np.sum(~((given >= 0) & (given <= 1)))} probabilities are not within [0, 1]")
        if not np.isin(events, (0.0, 1.0)).all():
            problems.append(f"{np.sum(~np.isin(events, (0.0, 1.0)))} events are neither 0 nor 1")
        if not (np.isfinite(weights) & (weights >= 0)).all():
            problems.append("weights are negative or not finite")
        if problems:
            raise FitError("Probabilities cannot be calibrated: " + "; ".join(problems) + ".")
        return cls(_columns(given), events, weights)

    def smaller_class(self) -> float:
        """Effective members, (Σw)² / Σw², of the smaller class (Kish 1965)."""
        sizes = []
        for event in (0.0, 1.0):
            weights = self.weights[self.events == event]
            sizes.append(weights.sum() ** 2 / (weights**2).sum() if weights.any() else 0.0)
        return float(min(sizes))

    def part(self, chosen: npt.NDArray[np.bool_]) -> "_Rows":
        return _Rows(self.columns[chosen], self.events[chosen], self.weights[chosen])


def _columns(p: Vector) -> Matrix:
    clipped = np.clip(p, EDGE, 1 - EDGE)
    return np.column_stack([np.log(clipped), -np.log1p(-clipped)])


def _margin(columns: Matrix, low: float, high: float, shift: float) -> Vector:
    # Not a matrix product: its last bits depend on how many other rows there are.
    return low * columns[:, 0] + high * columns[:, 1] + shift


def _choose(rows: _Rows, candidates: list[Method]) -> Method:
    if len(candidates) == 1:
        return candidates[0]
    held = {name: _held_out_losses(rows, name) for name in candidates}
    mean = {name: float(np.average(loss, weights=rows.weights)) for name, loss in held.items()}
    best = min(candidates, key=lambda name: mean[name])
    for name in candidates:
        # The two curves err on the same rows: what counts is the error of their difference.
        gap = held[name] - held[best]
        share = rows.weights / rows.weights.sum()
        error = float(np.sqrt(np.sum((share * (gap - (mean[name] - mean[best]))) ** 2)))
        if mean[name] - mean[best] <= error:
            return name
    return best


def _held_out_losses(rows: _Rows, method: Method) -> Vector:
    # Folds are dealt out along the ranking within each class, so that each is a small copy of the whole: there is no
    # chance in the choice, and no seed.
    order = np.lexsort((rows.columns.sum(axis=1), rows.events))
    fold = np.empty(order.size, dtype=np.intp)
    fold[order] = np.arange(order.size) % _FOLDS
    held = np.empty(order.size)
    for number in range(_FOLDS):
        low, high, shift = _curve(rows.part(fold != number), method)
        judged = rows.part(fold == number)
        held[fold == number] = losses("binary", judged.events, _margin(judged.columns, low, high, shift))
    return held


def _curve(rows: _Rows, method: Method) -> tuple[float, float, float]:
    if method == "identity":
        return 1.0, 1.0, 0.0
    ones, both = np.ones(len(rows.events)), rows.columns.sum(axis=1)
    if method == "shift":
        (c,) = _newton(rows, ones[:, None], both, np.array([0.0]))
        return 1.0, 1.0, float(c)
    if method == "platt":
        c, a = _newton(rows, np.column_stack([ones, both]), 0 * ones, np.array([0.0, 1.0]))
        return float(a), float(a), float(c)
    c, a, b = _newton(rows, np.column_stack([ones, rows.columns]), 0 * ones, np.array([0.0, 1.0, 1.0]))
    return float(a), float(b), float(c)


def _newton(rows: _Rows, design: Matrix, fixed: Vector, prior: Vector) -> Vector:
    """Most probable coefficients; the first is the shift, the others are slopes and stay >= 0.01.

    The negative log-posterior is convex, so damped Newton steps end at its minimum; a slope that runs below its
    floor is set there and the others are fitted again, as in Kull et al. (2017), section 4.
    """
    precision = np.concatenate([[_SHIFT_PRIOR**-2], np.full(prior.size - 1, _SLOPE_PRIOR**-2)])
    free, theta = np.ones(prior.size, dtype=bool), prior.copy()

    def cost(at: Vector) -> float:
        loss = losses("binary", rows.events, fixed + design @ at)
        return float(np.sum(rows.weights * loss) + 0.5 * np.sum(precision * (at - prior) ** 2))

    for _ in range(_STEPS):
        q = expit(fixed + design @ theta)
        slope = design.T @ (rows.weights * (q - rows.events)) + precision * (theta - prior)
        curvature = (design.T * (rows.weights * q * (1 - q))) @ design + np.diag(precision)
        step = np.zeros(theta.size)
        step[free] = -np.linalg.solve(curvature[np.ix_(free, free)], slope[free])
        share, now = 1.0, cost(theta)
        while share > EDGE and cost(theta + share * step) > now:
            share *= 0.5
        theta = theta + share * step
        below = free & (theta < _FLATTEST) & (np.arange(theta.size) > 0)
        theta[below], free[below] = _FLATTEST, False
        if not below.any() and np.max(np.abs(share * step)) < EDGE:
            break
    # What is below the grid is the noise of the last bits; a stored curve must not carry it.
    return np.maximum(np.round(theta, 9), np.where(np.arange(theta.size) > 0, _FLATTEST, -np.inf))
