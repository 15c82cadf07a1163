"""How much of the low end of a ranking says nothing, judged on customers that the ranking was not fitted to."""

import numpy as np
from numpy.typing import NDArray

from foretell.evaluation.ranking import normalised_gini, spearman
from foretell.models.tail_pool import TailPool

Vector = NDArray[np.float64]

SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)

_ALLOWED_LOSS = 0.25
"""In standard errors of the Gini."""


def choose_share(actual: Vector, predicted: Vector, groups: NDArray[np.int64]) -> float:
    """Choose the share of the customers at the low end whose predictions are pooled.

    Parameters
    ----------
    actual : ndarray of shape (customers,)
        Spend of a past window.
    predicted : ndarray of shape (customers,)
        Out-of-fold predictions of it.
    groups : ndarray of int64, shape (customers,)
        Random groups for the standard error.

    Returns
    -------
    float
        Of `SHARES`, the one with the best Spearman correlation, ties counted as ties, among those whose normalised
        Gini is not lower by more than a quarter of its standard error (delete-a-group jackknife, Kott 2001).
    """
    if not (actual > 0).any() or len(actual) < 100:
        return 0.0
    spend = np.maximum(actual, 0.0)
    whole = normalised_gini(spend, predicted)
    count = int(groups.max(initial=0)) + 1
    parts = [normalised_gini(spend[groups != group], predicted[groups != group]) for group in range(count)]
    error = float(np.sqrt((count - 1) / count * np.sum((np.array(parts) - np.mean(parts)) ** 2)))
    best, best_share = -2.0, 0.0
    for share in SHARES:
        pooled = TailPool.of(predicted, share).pooled(predicted)
        if normalised_gini(spend, pooled) < whole - _ALLOWED_LOSS * error:
            continue
        ranked = spearman(spend, pooled)
        if ranked > best:
            best, best_share = ranked, share
    return best_share
