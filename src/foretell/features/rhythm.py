"""How regular a customer's purchases are, and how the present wait compares with the waits before.

A gap is the number of days between two successive purchase days. The irregularity is the log of the gaps' mean
less the mean of their logs: 0 for a clock, Euler's constant 0.577 for purchases at random, and a function of the
shape alone if gaps are gamma distributed (Thom 1958, "A note on the gamma distribution", Monthly Weather Review
86(4), eq. 22).
"""

import numpy as np

from foretell.features.feature import COUNT, Family, Feature, Values
from foretell.features.history import PurchaseHistory
from foretell.features.ratios import ratio

_NAME = "rhythm"
_NO_GAP = "there is one purchase day only"
_ONE_GAP = "there are fewer than three purchase days"


def _gap(name: str, unit: str, meaning: str, null_when: str = _NO_GAP) -> Feature:
    return Feature(name, unit, meaning, _NAME, null_when=null_when)


_FEATURES = (
    _gap("gap_mean_days", "days", "Mean gap."),
    _gap("gap_median_days", "days", "Median gap."),
    _gap("gap_min_days", "days", "Shortest gap."),
    _gap("gap_max_days", "days", "Longest gap."),
    _gap("gap_last_days", "days", "Gap before the last purchase day."),
    _gap("gap_before_last_days", "days", "Gap before the last but one purchase day.", _ONE_GAP),
    _gap("gap_std_days", "days", "Standard deviation of the gaps.", _ONE_GAP),
    _gap("gap_std_to_mean_ratio", "ratio", "Standard deviation over mean of the gaps.", _ONE_GAP),
    _gap("gap_irregularity_log_ratio", "ratio", "Log of the mean gap less the mean log gap.", _ONE_GAP),
    _gap("gap_last_to_mean_ratio", "ratio", "Last gap over the mean gap."),
    _gap("wait_to_gap_mean_ratio", "ratio", "Days since the last purchase day over the mean gap."),
    _gap("wait_to_gap_median_ratio", "ratio", "Days since the last purchase day over the median gap."),
    _gap("wait_to_gap_max_ratio", "ratio", "Days since the last purchase day over the longest gap."),
    _gap("wait_to_gap_last_ratio", "ratio", "Days since the last purchase day over the last gap."),
    _gap(
        "wait_excess_to_gap_std_ratio",
        "ratio",
        "Days since the last purchase day less the mean gap, over the standard deviation of the gaps.",
        "there are fewer than three purchase days, or all gaps are equal",
    ),
    _gap("gaps_as_long_as_wait_share", "share", "Part of the gaps as long as the present wait, or longer."),
    Feature(
        "active_blocks_last_360d",
        "30-day blocks",
        "Blocks of 30 days with a purchase, among the last twelve.",
        _NAME,
        COUNT,
    ),
)


def _compute(history: PurchaseHistory) -> Values:
    gap, repeats = history.gap, history.orders - 1
    last = history.start + repeats
    mean, median = ratio(history.span, repeats), history.median_positive(gap)
    longest = np.where(repeats > 0, history.largest(gap), np.nan)
    last_gap = np.where(repeats > 0, gap[last], np.nan)
    # n·Σg² − (Σg)² in whole numbers: equal gaps have a deviation of exactly zero.
    spread = repeats * history.sum(gap * gap) - history.span * history.span
    std = np.sqrt(ratio(spread, np.where(repeats > 1, repeats * (repeats - 1), 0)))
    log_mean = np.log(np.where(repeats > 1, mean, np.nan))
    long_gaps = history.sum((gap >= history.wait[history.customer]) & (gap > 0))
    return {
        "gap_mean_days": mean,
        "gap_median_days": median,
        "gap_min_days": np.where(repeats > 0, history.smallest_positive(gap), np.nan),
        "gap_max_days": longest,
        "gap_last_days": last_gap,
        "gap_before_last_days": np.where(repeats > 1, gap[np.maximum(last - 1, 0)], np.nan),
        "gap_std_days": std,
        "gap_std_to_mean_ratio": ratio(std, mean),
        "gap_irregularity_log_ratio": log_mean - ratio(history.sum_log_gaps, repeats),
        "gap_last_to_mean_ratio": ratio(last_gap, mean),
        "wait_to_gap_mean_ratio": ratio(history.wait, mean),
        "wait_to_gap_median_ratio": ratio(history.wait, median),
        "wait_to_gap_max_ratio": ratio(history.wait, longest),
        "wait_to_gap_last_ratio": ratio(history.wait, last_gap),
        "wait_excess_to_gap_std_ratio": ratio(history.wait - mean, std),
        "gaps_as_long_as_wait_share": ratio(long_gaps, repeats),
        "active_blocks_last_360d": _active_blocks(history),
    }


def _active_blocks(history: PurchaseHistory) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    block = (history.age - 1) // 30
    is_new = np.diff(block, prepend=-1) != 0
    is_new[history.start] = True
    return history.sum(is_new & (history.age <= 360))


RHYTHM = Family(_NAME, _FEATURES, _compute)
"""Gaps between purchase days, and the present wait measured by them."""
