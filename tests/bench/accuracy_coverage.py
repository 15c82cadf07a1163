"""How often realised spend falls into its 80 % interval, among light and heavy buyers alike."""

import numpy as np
from accuracy_metrics import Outcome

from foretell.evaluation.predictions import Predictions
from foretell.evaluation.vectors import FloatArray

LOW, HIGH = 0.1, 0.9
HEAVY_SHARE = 0.1


def activity_groups(orders_before: FloatArray) -> dict[str, FloatArray]:
    """Return masks of all, one-time, regular and heavy buyers: the top tenth by purchase days and its ties."""
    one_time = orders_before == 1.0
    heavy = (orders_before >= np.quantile(orders_before, 1.0 - HEAVY_SHARE)) & ~one_time
    return {
        "all": np.ones_like(one_time),
        "one-time": one_time,
        "regular": ~one_time & ~heavy,
        "heavy": heavy,
    }


def covered_share(actual: FloatArray, low: FloatArray, high: FloatArray, p_none: FloatArray) -> FloatArray:
    """Chance, for each customer, that the randomised probability transform of the outcome lies within 10–90 %.

    Spend has an atom at zero, of which the published columns tell the size: the risk of no purchase. An outcome of
    zero is spread over [0, P(none)], and counts by the part of that within 10–90 %. Any other outcome counts where
    it lies within the interval, and half where it equals one of its ends: counts have atoms there, of which a mean
    half lies within. So 80 % is right in the mean over customers, however many do not return; no chance enters.

    Parameters
    ----------
    actual, low, high : ndarray of shape (customers,)
        Realised spend, 10 % and 90 % quantile.
    p_none : ndarray of shape (customers,)
        Probability of no purchase.

    Returns
    -------
    ndarray of shape (customers,)

    References
    ----------
    Czado, Gneiting, Held (2009), Biometrics 65.
    """
    within_atom = np.clip(np.minimum(p_none, HIGH) - LOW, 0.0, None) / np.where(p_none > 0.0, p_none, 1.0)
    inside = ((low <= actual) & (actual <= high)).astype(np.float64)
    at_ends = 0.5 * ((actual == low) | (actual == high))
    return np.where(actual > 0.0, inside - inside * at_ends, within_atom)


def judge_intervals(outcome: Outcome, given: Predictions) -> dict[str, dict[str, float]]:
    """Return plain and randomised coverage, mean width and customers of each activity group."""
    if not given.answers("spend_low", "spend_high", "churn_risk"):
        return {}
    low, high, p_none = (given.columns[name] for name in ("spend_low", "spend_high", "churn_risk"))
    plain = ((low <= outcome.spend) & (outcome.spend <= high)).astype(np.float64)
    randomised = covered_share(outcome.spend, low, high, p_none)
    return {
        group: {
            "customers": float(mask.sum()),
            "plain": float(plain[mask].mean()),
            "randomised": float(randomised[mask].mean()),
            "width": float((high - low)[mask].mean()),
        }
        for group, mask in activity_groups(outcome.orders_before).items()
        if mask.any()
    }
