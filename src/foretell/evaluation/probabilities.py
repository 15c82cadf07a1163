"""Metrics of probabilities: do they separate who did from who did not, and are they true as percentages?"""

import numpy as np
import numpy.typing as npt

from foretell.evaluation.gains import TieGroups, amounts_between, centred_ranks, equal_shares
from foretell.evaluation.vectors import FloatArray, event_pair, inner, ratio, row_weights

CALIBRATION_BINS = 10
LOG_LOSS_CLIP = 1e-15
"""A certain prediction that fails costs -log of this, not infinity."""


def auc(actual: npt.ArrayLike, predicted: npt.ArrayLike, *, weights: npt.ArrayLike | None = None) -> float:
    """Area under the ROC curve: chance that an event outranks a non-event, ties one half.

    Parameters
    ----------
    actual, predicted : array-like of shape (rows,)
        Events (0 or 1) and probabilities, the same customers in the same order.
    weights : array-like of shape (rows,), optional
        How often each row counts.

    Returns
    -------
    float
        Within [0, 1]; 0.5 for a constant. NaN unless there are both events and non-events.

    Raises
    ------
    ValueError
        If lengths differ, an event is not 0 or 1, or a probability is not within [0, 1].

    References
    ----------
    Hanley, McNeil (1982), "The meaning and use of the area under a ROC curve", Radiology 143 (Wilcoxon form).
    """
    y, p = event_pair(actual, predicted)
    w = row_weights(weights, y.size)
    groups = TieGroups.by(p)
    weight, hits = groups.total(w), groups.total(w * y)
    return area_from_ranks(centred_ranks(np.cumsum(weight), weight), hits, float(weight.sum()))


def average_precision(
    actual: npt.ArrayLike, predicted: npt.ArrayLike, *, weights: npt.ArrayLike | None = None
) -> float:
    """Average precision: Σ (Rₙ − Rₙ₋₁) Pₙ over the distinct thresholds, highest first.

    Parameters
    ----------
    actual, predicted : array-like of shape (rows,)
        Events (0 or 1) and probabilities, the same customers in the same order.
    weights : array-like of shape (rows,), optional
        How often each row counts.

    Returns
    -------
    float
        Within [0, 1]; the share of events for a constant. NaN if there is no event.

    Raises
    ------
    ValueError
        If lengths differ, an event is not 0 or 1, or a probability is not within [0, 1].

    References
    ----------
    Davis, Goadrich (2006), "The relationship between precision-recall and ROC curves" (no interpolation).
    """
    y, p = event_pair(actual, predicted)
    w = row_weights(weights, y.size)
    groups = TieGroups.by(p)
    weight, hits = groups.total(w), groups.total(w * y)
    return precision_over_recall(np.cumsum(weight), weight, hits)


def log_loss(actual: npt.ArrayLike, predicted: npt.ArrayLike, *, weights: npt.ArrayLike | None = None) -> float:
    """Mean of −log of the probability given to what happened, in nats.

    No probability counts as less than 1e-15: a certain prediction that fails costs 34.5, not infinity.

    Parameters
    ----------
    actual, predicted : array-like of shape (rows,)
        Events (0 or 1) and probabilities, the same customers in the same order.
    weights : array-like of shape (rows,), optional
        How often each row counts.

    Returns
    -------
    float
        Not negative. NaN if there are no rows.

    Raises
    ------
    ValueError
        If lengths differ, an event is not 0 or 1, or a probability is not within [0, 1].

    References
    ----------
    Good (1952), "Rational decisions" (logarithmic score).
    """
    y, p = event_pair(actual, predicted)
    w = row_weights(weights, y.size)
    return ratio(inner(w, log_losses(y, p)), float(w.sum()))


def brier(actual: npt.ArrayLike, predicted: npt.ArrayLike, *, weights: npt.ArrayLike | None = None) -> float:
    """Mean squared distance of probability and event: Σ(p − y)² / n.

    Parameters
    ----------
    actual, predicted : array-like of shape (rows,)
        Events (0 or 1) and probabilities, the same customers in the same order.
    weights : array-like of shape (rows,), optional
        How often each row counts.

    Returns
    -------
    float
        Within [0, 1]. NaN if there are no rows.

    Raises
    ------
    ValueError
        If lengths differ, an event is not 0 or 1, or a probability is not within [0, 1].

    References
    ----------
    Brier (1950), "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78
    (halved, the two-class form in use today).
    """
    y, p = event_pair(actual, predicted)
    w = row_weights(weights, y.size)
    return ratio(inner(w, (p - y) ** 2), float(w.sum()))


def ece(actual: npt.ArrayLike, predicted: npt.ArrayLike, *, weights: npt.ArrayLike | None = None) -> float:
    """Expected calibration error: mean over ten equal-sized bins of |mean probability − share of events|.

    Bins hold the same number of customers each, by probability; ties that cross an edge are split in
    proportion.

    Parameters
    ----------
    actual, predicted : array-like of shape (rows,)
        Events (0 or 1) and probabilities, the same customers in the same order.
    weights : array-like of shape (rows,), optional
        How often each row counts.

    Returns
    -------
    float
        Within [0, 1]. True probabilities do not reach 0 either: chance alone gives about 2.5 × sqrt(p (1 − p)
        / n). NaN if there are no rows.

    Raises
    ------
    ValueError
        If lengths differ, an event is not 0 or 1, or a probability is not within [0, 1].

    References
    ----------
    Naeini, Cooper, Hauskrecht (2015), "Obtaining well calibrated probabilities using Bayesian binning", AAAI;
    bins of equal mass as in Nixon et al. (2019), arXiv:1904.01685.
    """
    customers, p, share = calibration_table(actual, predicted, weights=weights)
    return float((customers * np.abs(p - share)).sum() / customers.sum())


def calibration_table(
    actual: npt.ArrayLike, predicted: npt.ArrayLike, *, weights: npt.ArrayLike | None = None
) -> FloatArray:
    """Mean probability beside the share of events, for ten equal parts of the customers by probability.

    Parameters
    ----------
    actual, predicted : array-like of shape (rows,)
        Events (0 or 1) and probabilities, the same customers in the same order.
    weights : array-like of shape (rows,), optional
        How often each row counts.

    Returns
    -------
    ndarray of float64, shape (3, 10)
        Rows: customers (a tenth each, so possibly fractional), mean probability, share of events. Columns:
        bins, lowest probability first. NaN without rows.

    Raises
    ------
    ValueError
        If lengths differ, an event is not 0 or 1, or a probability is not within [0, 1].

    References
    ----------
    DeGroot, Fienberg (1983), "The comparison and evaluation of forecasters" (reliability diagram).
    """
    y, p = event_pair(actual, predicted)
    w = row_weights(weights, y.size)
    groups = TieGroups.by(p)
    weight, hits = groups.total(w), groups.total(w * y)
    reached = np.cumsum(weight)
    if not (reached.size and float(reached[-1]) > 0.0):
        return np.full((3, CALIBRATION_BINS), np.nan)
    columns = (weight, weight * groups.values, hits)
    sums = [amounts_between(equal_shares(CALIBRATION_BINS), reached, weight, column) for column in columns]
    return np.stack([sums[0], sums[1] / sums[0], sums[2] / sums[0]])


def log_losses(actual: FloatArray, predicted: FloatArray) -> FloatArray:
    """−log of the (clipped) probability given to what happened, for each row.

    Parameters
    ----------
    actual, predicted : ndarray of shape (rows,)
        Events (0 or 1) and probabilities.

    Returns
    -------
    ndarray of shape (rows,)
    """
    given = np.where(actual == 1.0, predicted, 1.0 - predicted)
    return -np.log(np.maximum(given, LOG_LOSS_CLIP))


def area_from_ranks(ranks: FloatArray, hits: FloatArray, customers: float) -> float:
    """AUC from centred ranks: 1/2 + Σ hits × rank / (events × non-events).

    Parameters
    ----------
    ranks, hits : ndarray of shape (groups,)
        Centred rank and number of events of each tie group.
    customers : float
        All customers.

    Returns
    -------
    float
        NaN unless there are both events and non-events.
    """
    events = float(hits.sum())
    return 0.5 + ratio(inner(hits, ranks), events * (customers - events))


def precision_over_recall(reached: FloatArray, weight: FloatArray, hits: FloatArray) -> float:
    """Average precision from sums over tie groups, which ascend by probability.

    Parameters
    ----------
    reached : ndarray of shape (groups,)
        Running sum of `weight`.
    weight, hits : ndarray of shape (groups,)
        Customers and events of each group.

    Returns
    -------
    float
        NaN if there is no event.
    """
    if not hits.size:
        return float("nan")
    # A threshold calls its group and all above it; one above everybody calls nobody and adds no hit.
    called = reached[-1] - reached + weight
    found = np.cumsum(hits[::-1])[::-1]
    precision = found / np.where(called > 0.0, called, 1.0)
    return ratio(inner(hits, precision), float(found[0]))
