"""Is a difference more than chance? Paired bootstrap over customers, Holm over all cells of the table."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from accuracy_metrics import HIGHER_IS_BETTER

from foretell.evaluation.vectors import FloatArray

LEVEL = 0.05


@dataclass(frozen=True)
class Cell:
    """foretell against the best peer, in one metric of one case.

    Attributes
    ----------
    case, metric, peer : str
        Where, in what, and which peer is the best there.
    ours, theirs : float
        The metric on the customers as they are.
    advantage, low, high : float
        By how much foretell is better (positive), with the 95 % interval of the paired bootstrap.
    p : float
        Two-sided probability of such a difference by chance, not adjusted.
    p_holm : float
        The same, adjusted for the number of cells.
    """

    case: str
    metric: str
    peer: str
    ours: float
    theirs: float
    advantage: float
    low: float
    high: float
    p: float
    p_holm: float = math.nan

    @property
    def result(self) -> str:
        """Return won, tied (alike in the digits shown) or lost."""
        if shown(self.metric, self.ours) == shown(self.metric, self.theirs):
            return "tied"
        return "won" if self.advantage > 0.0 else "lost"

    @property
    def verdict(self) -> str:
        """Return better or worse if the difference is more than chance after Holm, else nothing."""
        if not self.p_holm < LEVEL:
            return ""
        return "better" if self.advantage > 0.0 else "worse"


def shown(metric: str, value: float) -> str:
    """Return a value as tables show it: three digits behind the point, RMSE with three significant ones."""
    if math.isnan(value):
        return "–"
    if metric != "rmse":
        return f"{value:.3f}"
    return f"{value:.0f}" if value >= 100 else f"{value:#.3g}"


def best_peer(metric: str, values: Mapping[str, float]) -> str | None:
    """Return the name of the best defined value, or None."""
    defined = {name: value for name, value in values.items() if not math.isnan(value)}
    if not defined:
        return None
    pick = max if HIGHER_IS_BETTER[metric] else min
    return pick(defined, key=lambda name: defined[name])


def paired_p_value(difference: float, drawn: FloatArray) -> float:
    """Two-sided p-value of a difference by its bootstrap standard error.

    The share of resamples beyond zero cannot be smaller than one in their number, which Holm over some forty cells
    multiplies beyond 5 % however large the difference is; the normal tail can. It is centred at the observed
    difference, for resampling moves ECE and decile MAPE of both rows upward.

    Parameters
    ----------
    difference : float
        On the customers as they are.
    drawn : ndarray of shape (times,)
        On the resamples; NaN where undefined.

    Returns
    -------
    float
        1 where nothing differs.
    """
    error = float(np.nanstd(drawn, ddof=1))
    if error == 0.0:
        return 1.0 if difference == 0.0 else 0.0
    return math.erfc(abs(difference) / error / math.sqrt(2.0))


def compare(
    case: str,
    metric: str,
    ours: tuple[float, FloatArray],
    peers: Mapping[str, tuple[float, FloatArray]],
) -> Cell | None:
    """Compare foretell with the best peer of a cell on shared resamples; None where no peer or no value is defined."""
    best = best_peer(metric, {name: value for name, (value, _) in peers.items()})
    if best is None or math.isnan(ours[0]):
        return None
    sign = 1.0 if HIGHER_IS_BETTER[metric] else -1.0
    theirs = peers[best]
    advantage = sign * (ours[0] - theirs[0])
    drawn = sign * (ours[1] - theirs[1])
    defined = drawn[~np.isnan(drawn)]
    low, high = np.quantile(defined, [0.025, 0.975])
    return Cell(
        case,
        metric,
        best,
        ours[0],
        theirs[0],
        advantage,
        float(low),
        float(high),
        paired_p_value(advantage, defined),
    )


def holm(p_values: FloatArray) -> FloatArray:
    """Adjust p-values so that the chance of any false finding among all of them stays below the level.

    Parameters
    ----------
    p_values : ndarray of shape (tests,)

    Returns
    -------
    ndarray of shape (tests,)
        max over j <= i of min(1, (tests − j) p_(j)), smallest p-value first (j from 0), in the order given.

    References
    ----------
    Holm (1979), "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6.
    """
    order = np.argsort(p_values, kind="stable")
    factors = p_values.size - np.arange(p_values.size)
    stepped = np.maximum.accumulate(np.minimum(factors * p_values[order], 1.0))
    adjusted = np.empty_like(stepped)
    adjusted[order] = stepped
    return adjusted
