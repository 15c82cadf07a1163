"""How busy retail usually is through the year: a published prior for shops that have not shown a year of their own.

Source: Federal Statistical Office of Germany (Destatis), retail turnover at current prices, original index over the
index adjusted by X-13, mean of March 1996 to September 1998 by month. It is a prior about shops in general: which
months stand out, and roughly how much. A shop's own weeks outweigh it (`foretell.training.season`).
"""

from datetime import date

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

MONTHLY = (0.9394, 0.8730, 0.9965, 1.0024, 0.9850, 0.9378, 0.9914, 0.9407, 0.9734, 1.0368, 1.0578, 1.2522)
"""Turnover of January to December over its seasonally adjusted value."""

_DAYS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_SMOOTHED_DAYS = 15


def weekly_log_factors(start: date, weeks: NDArray[np.int64]) -> Vector:
    """Return the log of the usual business per day of some weeks, over that of the year.

    Parameters
    ----------
    start : date
        First day of week 0.
    weeks : ndarray of int64
        Numbers of weeks; negative ones lie before `start`.

    Returns
    -------
    ndarray of float64, as many as `weeks`
        Mean over the days of each week.
    """
    days = np.datetime64(start) + 7 * weeks[:, None] + np.arange(7)
    of_year = (days - days.astype("datetime64[Y]")).astype(np.int64)
    # The last day of a leap year is like the day before it.
    factors: Vector = _daily()[np.minimum(of_year, _DAYS.sum() - 1)].mean(axis=1)
    return factors


def _daily() -> Vector:
    """Log factors of 365 days, months blended into each other over two weeks."""
    by_day = np.repeat(np.log(np.array(MONTHLY) / _DAYS), _DAYS)
    reach = _SMOOTHED_DAYS // 2
    round_the_year = np.concatenate([by_day[-reach:], by_day, by_day[:reach]])
    smooth: Vector = np.convolve(round_the_year, np.full(_SMOOTHED_DAYS, 1 / _SMOOTHED_DAYS), "valid")
    return smooth - float(np.log(np.exp(smooth).mean()))
