"""Fit the level of first orders: how past windows differed from what chances over all windows say.

For the window at cutoff c, r_c is the shift of log-odds that makes the chances of its people, by models of other
people, add up to its first orders,

    r_c = b (s_c - s) + d_c + noise,   b ~ N(1, 0.25²),   cov(d_c, d_e) = 0.2² exp(-|c - e| / 365 days),

the noise has the variance one over the sum of p (1 - p), and overlapping windows share their part of it. The posterior
mean at the coming window is what is foretold: few first orders say next to nothing, and then there is the season alone.

References
----------
Rasmussen & Williams (2006), "Gaussian Processes for Machine Learning", equations 2.25 and 2.26.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import numpy as np
from scipy.special import expit, logit

from foretell.evaluation.vectors import FloatArray
from foretell.models.event_days import EventDays
from foretell.models.first_order_level import DRIFT_SPAN_DAYS, FirstOrderLevel
from foretell.models.level import Level
from foretell.training.prospect_rows import ProspectRows

SeasonAt = Callable[[datetime], Level | None]
"""From an instant to the season of purchases that was known then; None where there was none."""

NO_SEASON = "the shop's season is not known, and the newest windows alone would be taken for a drift"

_WEIGHT, _WEIGHT_SD, _MOST_WEIGHT = 1.0, 0.25, 2.0
_DRIFT_SD = 0.2
_STEPS = 30
_WEEK_PRIOR = 0.5
_DIGITS = 9


def fit_first_order_level(
    rows: ProspectRows, chance: FloatArray, season: Level | None, as_of: datetime, days: int
) -> FirstOrderLevel:
    """Fit the level to past windows.

    Parameters
    ----------
    rows : ProspectRows
        Windows that were learnt from.
    chance : ndarray of shape (rows,)
        Calibrated probabilities by models that did not see the person.
    season : Level or None
        The season of purchases as known at `as_of`.
    as_of : datetime
        First instant that training did not see.
    days : int
        Length of the windows.

    Returns
    -------
    FirstOrderLevel
        One that changes nothing where no season is known.
    """
    if season is None or season.reason:
        return FirstOrderLevel.none(NO_SEASON)
    weeks = _first_orders_by_week(rows, days)
    pattern = replace(
        season,
        by_lead=(0.0,) * weeks.size,
        expected=tuple(np.round(weeks / weeks[0], _DIGITS).tolist()),
        # A level knows the coming ones alone: windows with and without them would not be comparable.
        events=EventDays(),
    )
    cutoffs = rows.frame["cutoff"].unique().sort().to_list()
    seasons = np.array([pattern.log_orders(cutoff, days) for cutoff in cutoffs])
    inside = [(rows.frame["cutoff"] == cutoff).to_numpy() for cutoff in cutoffs]
    information = np.array([max(float((chance[own] * (1 - chance[own])).sum()), 0.5) for own in inside])
    shifts = np.array([_shift(chance[own], rows.actual[own]) for own in inside])
    reference = float(np.average(seasons, weights=information))
    ages = np.array([(as_of - cutoff).total_seconds() / 86_400 for cutoff in cutoffs])
    usual, ahead = seasons - reference, pattern.log_orders(as_of, days) - reference
    apart = np.abs(ages[:, None] - ages)
    shared = np.clip(1 - apart / days, 0.0, 1.0)
    noise = shared / np.sqrt(np.outer(information, information))
    total = noise + _WEIGHT_SD**2 * np.outer(usual, usual) + _DRIFT_SD**2 * np.exp(-apart / DRIFT_SPAN_DAYS)
    to_drift = _DRIFT_SD**2 * np.exp(-ages / DRIFT_SPAN_DAYS)
    rest = np.linalg.solve(total, shifts - _WEIGHT * usual)
    to_shift = to_drift + _WEIGHT_SD**2 * ahead * usual
    variance = _DRIFT_SD**2 + (_WEIGHT_SD * ahead) ** 2 - float(to_shift @ np.linalg.solve(total, to_shift))
    return FirstOrderLevel(
        reason="",
        season=pattern,
        reference=round(reference, _DIGITS),
        weight=round(min(max(_WEIGHT + _WEIGHT_SD**2 * float(usual @ rest), 0.0), _MOST_WEIGHT), _DIGITS),
        drift=round(float(to_drift @ rest), _DIGITS),
        as_of=as_of.isoformat(),
        sd=round(float(np.sqrt(max(variance, 0.0))), _DIGITS),
    )


def _first_orders_by_week(rows: ProspectRows, days: int) -> FloatArray:
    """First orders in each week after their cutoff, as learnt from; a little of each week where there were few."""
    waited = rows.waited[rows.actual == 1]
    week = (waited[waited > 0].astype(np.intp) - 1) // 7
    return np.asarray(np.bincount(week, minlength=-(-days // 7)) + _WEEK_PRIOR, dtype=np.float64)


def _shift(chance: FloatArray, actual: FloatArray) -> float:
    """Shift of log-odds at which chances add up to what happened; a normal prior of spread 1 keeps it finite."""
    margin, found = logit(np.clip(chance, 1e-9, 1 - 1e-9)), 0.0
    for _ in range(_STEPS):
        shifted = expit(margin + found)
        gap = actual.sum() - shifted.sum() - found
        found += float(np.clip(gap / ((shifted * (1 - shifted)).sum() + 1.0), -1.0, 1.0))
    return found
