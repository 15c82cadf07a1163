"""Metrics of intervals and whole predictive laws: coverage, width, probability integral transform."""

import numpy as np
import numpy.typing as npt

from foretell.evaluation.vectors import FloatArray, inner, outcome_pair, ratio, row_weights, same_length, vector


def coverage(
    actual: npt.ArrayLike, low: npt.ArrayLike, high: npt.ArrayLike, *, weights: npt.ArrayLike | None = None
) -> float:
    """Share of customers whose outcome lies within their interval, ends included.

    Where outcomes are mostly zero, an honest 10–90 % interval may cover more than 80 %: zero alone can hold
    more.

    Parameters
    ----------
    actual, low, high : array-like of shape (rows,)
        What happened, and the ends of the interval.
    weights : array-like of shape (rows,), optional
        How often each row counts.

    Returns
    -------
    float
        Within [0, 1]. NaN if there are no rows.

    Raises
    ------
    ValueError
        If lengths differ, a value is NaN or infinite, or an interval ends below its start.

    References
    ----------
    Christoffersen (1998), "Evaluating interval forecasts" (unconditional coverage).
    """
    y, start = outcome_pair(actual, low)
    end = _ends(start, high)
    w = row_weights(weights, y.size)
    return ratio(inner(w, ((start <= y) & (y <= end)).astype(np.float64)), float(w.sum()))


def mean_width(low: npt.ArrayLike, high: npt.ArrayLike, *, weights: npt.ArrayLike | None = None) -> float:
    """Mean of high − low, in the unit of the outcome.

    Parameters
    ----------
    low, high : array-like of shape (rows,)
        Ends of the interval.
    weights : array-like of shape (rows,), optional
        How often each row counts.

    Returns
    -------
    float
        Not negative. NaN if there are no rows.

    Raises
    ------
    ValueError
        If lengths differ, a value is NaN or infinite, or an interval ends below its start.

    References
    ----------
    Gneiting, Balabdaoui, Raftery (2007), "Probabilistic forecasts, calibration and sharpness".
    """
    start = vector(low, "low")
    end = _ends(start, high)
    w = row_weights(weights, start.size)
    return ratio(inner(w, end - start), float(w.sum()))


def _ends(start: FloatArray, high: npt.ArrayLike) -> FloatArray:
    end = vector(high, "high")
    same_length(low=start, high=end)
    reversed_ends = int(np.count_nonzero(end < start))
    if reversed_ends:
        msg = f"{reversed_ends} interval(s) of {start.size} end below their start"
        raise ValueError(msg)
    return end


def randomised_pit(cdf_below: npt.ArrayLike, cdf_at: npt.ArrayLike, *, seed: int) -> FloatArray:
    """Probability integral transform of outcomes whose law has jumps (counts, spend with many zeros).

    u = F(y−) + V (F(y) − F(y−)), with V uniform on [0, 1]. If the law is right, u is uniform on [0, 1].

    Parameters
    ----------
    cdf_below : array-like of shape (rows,)
        F(y−): predicted probability of less than what happened; 0 for an outcome of zero.
    cdf_at : array-like of shape (rows,)
        F(y): predicted probability of at most what happened; the same as `cdf_below` for a law without jumps.
    seed : int
        Seed of V; the same seed and row order give the same result.

    Returns
    -------
    ndarray of float64, shape (rows,)
        Within [0, 1].

    Raises
    ------
    ValueError
        If lengths differ, a value is not within [0, 1], or `cdf_at` is below `cdf_below`.

    References
    ----------
    Brockwell (2007), "Universal residuals", Statistics & Probability Letters 77; Smith (1985), "Diagnostic
    checks of non-standard time series models".
    """
    below, at = _cdf_pair(cdf_below, cdf_at)
    return below + np.random.default_rng(seed).random(below.size) * (at - below)


def pit_histogram(
    cdf_below: npt.ArrayLike,
    cdf_at: npt.ArrayLike,
    *,
    bins: int = 10,
    weights: npt.ArrayLike | None = None,
) -> FloatArray:
    """Share of the probability integral transform within equal parts of [0, 1], without chance.

    Each outcome is spread evenly over [F(y−), F(y)], the mean of `randomised_pit` over its draws.

    Parameters
    ----------
    cdf_below, cdf_at : array-like of shape (rows,)
        As in `randomised_pit`.
    bins : int
        Number of parts, at least 1.
    weights : array-like of shape (rows,), optional
        How often each row counts.

    Returns
    -------
    ndarray of float64, shape (bins,)
        Sums to 1; each part is 1 / `bins` for a true law. NaN if there are no rows.

    Raises
    ------
    ValueError
        As `randomised_pit`, or if `bins` is below 1.

    References
    ----------
    Czado, Gneiting, Held (2009), "Predictive model assessment for count data", Biometrics 65 (non-randomised
    histogram).
    """
    if bins < 1:
        msg = f"bins must be at least 1, got {bins}"
        raise ValueError(msg)
    below, at = _cdf_pair(cdf_below, cdf_at)
    w = row_weights(weights, below.size)
    total = float(w.sum())
    if not total > 0.0:
        return np.full(bins, np.nan)
    jump = at - below
    reached = [0.0]
    for edge in np.arange(1, bins + 1) / bins:
        share = np.clip((edge - below) / np.where(jump > 0.0, jump, 1.0), 0.0, 1.0)
        share = np.where(jump > 0.0, share, (at <= edge).astype(np.float64))
        reached.append(inner(w, share) / total)
    return np.diff(np.array(reached))


def pit_deviation(
    cdf_below: npt.ArrayLike,
    cdf_at: npt.ArrayLike,
    *,
    bins: int = 10,
    weights: npt.ArrayLike | None = None,
) -> float:
    """Distance of `pit_histogram` from flat: half the sum of |share − 1/bins| (total variation).

    Parameters
    ----------
    cdf_below, cdf_at, bins, weights
        As in `pit_histogram`.

    Returns
    -------
    float
        Within [0, 1 − 1/bins]; 0 for a flat histogram. NaN if there are no rows.

    Raises
    ------
    ValueError
        As `pit_histogram`.

    References
    ----------
    Czado, Gneiting, Held (2009) for the histogram; total variation is foretell's choice of distance.
    """
    shares = pit_histogram(cdf_below, cdf_at, bins=bins, weights=weights)
    return float(0.5 * np.abs(shares - 1.0 / bins).sum())


def _cdf_pair(cdf_below: npt.ArrayLike, cdf_at: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    below, at = vector(cdf_below, "cdf_below"), vector(cdf_at, "cdf_at")
    same_length(cdf_below=below, cdf_at=at)
    wrong = int(np.count_nonzero((below < 0.0) | (at > 1.0) | (at < below)))
    if wrong:
        msg = f"{wrong} row(s) of {below.size} break 0 <= cdf_below <= cdf_at <= 1"
        raise ValueError(msg)
    return below, at
