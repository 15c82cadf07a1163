"""The season of a shop, from what followed its past cutoffs and a published prior.

For the weeks t that a model fitted at cutoff o had ahead of it,

    ln(actual / expected) = u_o + b (t - o) + s(t) + e(t) - S_o + d(t) + noise,

s is the season, of period 52 weeks; e are the events of the shop's calendar, told from the days around them
(`training.event_effects`); S_o is the log of the mean of exp(s + e) over the weeks that the model learnt from, each
counting by the customers at risk in it: what was busy then is in its rates already. u_o is the cutoff's own error,
which falls as one over the history that the model had, and as the noise of the repeat purchases that it learnt from
does; b is a common trend with lead, d a drift that does not come
back. Half of the season's variance is that of months, half that of a slow wave. All have normal priors, so that s is
known as far as it can be told from the rest: a week that was busy once may have been drift, one that was busy twice
hardly. How large s and d are is averaged over a small grid by how likely each makes the data.

Purchases are counts, so their logs have a noise that depends on what is to be found, and S_o is no sum. Both are
linearised where the last step ended, and the normal law is solved again (penalised quasi-likelihood). Where a season
is slight one step says the same; where a quiet week has a tenth of a busy one's purchases, neither the log of a count
nor a mean of logs is near what it stands for.

References
----------
Rasmussen & Williams (2006), "Gaussian Processes for Machine Learning", equations 2.25 and 5.8; Breslow & Clayton
(1993), "Approximate inference in generalized linear mixed models", section 2.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import product
from typing import Self

import numpy as np
from numpy.typing import NDArray

from foretell.models.event_days import EventDays
from foretell.models.level import WEEKS_PER_YEAR
from foretell.training.event_effects import fit_event_effects
from foretell.training.level_windows import STEP_WEEKS, History, PastWindow
from foretell.training.retail_year import weekly_log_factors

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

PRIOR_WEIGHT, PRIOR_WEIGHT_SD = 0.8, 0.5
"""How much of the published year a shop is thought to show, before its own weeks say more. In e-commerce the last
quarter stands out 1.6 times as much as in all retail (US Census Bureau, CB15-189 and CB21-23: .927 of the adjusted
value in a third quarter, 1.187 in a fourth); half of that is believed."""

_LEADS = 13
_CUTOFF_SD, _CUTOFF_SD_OF_A_QUARTER = 0.05, 0.15
_TREND_SD_PER_WEEK = 0.1 / 13
_CONSTANT_SD = 0.1
_CELL_SD = 0.02
_SEASON_SDS, _SEASON_ODDS = (0.0, 0.07, 0.15, 0.3), (4.0, 2.0, 1.0, 0.5)
_SEASON_SPANS_WEEKS = (4.0, 20.0)
_DRIFT_SDS = (0.03, 0.07, 0.15)
_DRIFT_SPAN_WEEKS = 6.0
_STEPS = 5
_LONGEST_STEP = 1.0
"""A log of a mean moves no further at once: far from where it was taken a tangent says nothing."""


@dataclass(frozen=True, eq=False)
class Season:
    """Log factors by week, as of one end.

    Parameters
    ----------
    ahead : ndarray of shape (52,)
        Of the weeks after the end, over what a model fitted at the end has in its rates already; without events.
    past : ndarray of shape (weeks,)
        Season and events of the weeks before the end, the newest first.
    absorbed : ndarray of shape (weeks + 1,)
        What is in the rates of a model fitted so many weeks before the end.
    weeks_seen : int
        How many of the 52 weeks after the end the shop has shown before.
    events : EventDays
        Effects of the calendar's events as of the end, on past and coming days.
    end : date
        The end.
    """

    ahead: Vector
    past: Vector
    absorbed: Vector
    weeks_seen: int
    events: EventDays
    end: date

    def of_coming(self, weeks: int) -> Vector:
        """Return the log factors of the first weeks after the end, events included.

        Parameters
        ----------
        weeks : int
            Weeks wanted, >= 0.

        Returns
        -------
        ndarray of shape (weeks,)
        """
        coming = np.arange(weeks)
        return self.ahead[coming % WEEKS_PER_YEAR] + self.events.by_week(self.end, coming)

    def of_window(self, weeks: int, length: int) -> Vector:
        """Return the log factors that the first weeks after a past cutoff had.

        Parameters
        ----------
        weeks : int
            How many weeks the cutoff lies before the end.
        length : int
            Weeks wanted, at most `weeks`.

        Returns
        -------
        ndarray of shape (length,)
        """
        of_weeks: Vector = self.past[weeks - 1 - np.arange(length)]
        return of_weeks - float(self.absorbed[weeks])


@dataclass(frozen=True, eq=False)
class _Learnt:
    """What models fitted 0, 1, ... weeks before an end learnt from: by week, the newest first."""

    repeats: Vector
    known: Vector

    def weights(self) -> Matrix:
        """Weights of the weeks in the rates of each model; zeros without any."""
        size = self.repeats.size
        older = np.arange(size) >= np.arange(size + 1)[:, None]
        weights = older * self.repeats
        total = weights.sum(axis=1, keepdims=True)
        shares: Matrix = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)
        return shares

    def absorbed(self, past: Vector) -> Vector:
        """Log of the mean factor in the rates of each model, of the weeks' log factors; 0 without any purchases.

        A rate is purchases over the time at risk. Who is still at risk is not seen: of the customers known it is the
        share that the purchases of the year around a week, which hold every season, tell.
        """
        factor = np.exp(past)
        of_year, of_known = _year_around(self.repeats), _year_around(self.known * factor)
        at_risk = self.known * np.divide(of_year, of_known, out=np.zeros_like(past), where=of_known > 0)
        bought, exposed = (np.r_[np.cumsum(each[::-1])[::-1], 0.0] for each in (at_risk * factor, at_risk))
        logs: Vector = np.log(np.divide(bought, exposed, out=np.ones_like(bought), where=exposed > 0))
        return logs


@dataclass(frozen=True, eq=False)
class _Cells:
    """Blocks of four weeks after cutoffs: what was seen of each, as of an end.

    Log ratios, noise and `bend`, what was absorbed beyond what is linear in the season, are as linearised. `rate_noise`
    is the variance of the log of the rate that a model learnt.
    """

    log_ratio: Vector
    noise: Vector
    bend: Vector
    rate_noise: Vector
    cutoff: Vector
    lead: Vector
    block: Vector
    weeks: tuple[NDArray[np.int64], ...]
    actual: Vector
    expected: Vector
    scatter: float

    def linearised(self, log_factor: Vector, bend: Vector) -> Self:
        """Linearise the log of what was seen over what was expected where its mean has some value."""
        mean = self.expected * np.exp(log_factor)
        ratio = log_factor + (self.actual - mean) / mean
        return replace(self, log_ratio=ratio, noise=self.scatter / mean, bend=bend[self.cutoff.astype(np.int64)])


def fit_season(history: History, back: int, *, retail_year: bool) -> Season:
    """Fit the season to what was known some weeks before the end of a history.

    Parameters
    ----------
    history : History
        Past windows.
    back : int
        Weeks before its end that are not seen, >= 0.
    retail_year : bool
        Whether the published year is a prior; without it, a week that was never seen has none.

    Returns
    -------
    Season
    """
    learnt_from = _Learnt(history.repeats[back:], history.known[back:])
    before = -1 - np.arange(learnt_from.repeats.size)
    weeks = np.concatenate([np.arange(WEEKS_PER_YEAR), before])
    published = np.zeros(weeks.size)
    if retail_year:
        published = weekly_log_factors(history.end, weeks - back)
    cells = _cells(history, back)
    published_before = PRIOR_WEIGHT * published[WEEKS_PER_YEAR:]
    end = history.end - timedelta(weeks=back)
    by_day = history.repeats_by_day[7 * back :]
    events = fit_event_effects(history.occasions, by_day, np.repeat(published_before, 7), end)
    events_before = events.by_week(end, before)
    latent, seen = PRIOR_WEIGHT * published, 0
    if cells.lead.size:
        latent = _latent(cells, weeks, published, events_before, learnt_from)
        seen = np.unique(np.concatenate(cells.weeks) % WEEKS_PER_YEAR).size
    ahead, past = np.split(latent, [WEEKS_PER_YEAR])
    past = past + events_before
    absorbed = learnt_from.absorbed(past)
    return Season(ahead - absorbed[0], past, absorbed, seen, events, end)


def _latent(cells: _Cells, weeks: NDArray[np.int64], published: Vector, events: Vector, learnt_from: _Learnt) -> Vector:
    """Posterior mean of the season of all weeks, by steps that each begin where the last one ended."""
    learnt = learnt_from.weights()
    latent = PRIOR_WEIGHT * published
    log_factor = np.log((cells.actual + cells.scatter / 2) / cells.expected)
    events_of_all = np.r_[np.zeros(WEEKS_PER_YEAR), events]
    for _ in range(_STEPS):
        past = latent[WEEKS_PER_YEAR:] + events
        bend = learnt_from.absorbed(past) - learnt @ past
        latent, found = _posterior(cells.linearised(log_factor, bend), weeks, published, learnt, events_of_all)
        log_factor = log_factor + np.clip(found - log_factor, -_LONGEST_STEP, _LONGEST_STEP)
    return latent


def _year_around(weekly: Vector) -> Vector:
    """Sums over half a year before and after each week, as far as there are weeks."""
    half = WEEKS_PER_YEAR // 2
    sums: Vector = np.convolve(weekly, np.ones(2 * half + 1))[half : half + weekly.size]
    return sums


def _cells(history: History, back: int) -> _Cells:
    windows = [window for window in history.windows if window.weeks > back]
    rows: list[tuple[float, float, float, int, int, int]] = []
    weeks: list[NDArray[np.int64]] = []
    scatter = float(np.mean([window.order_noise for window in windows])) if windows else 1.0
    for window in windows:
        shown, ahead = shown_weeks(history, window, back), window.weeks - back
        of_rate = scatter / max(float(history.repeats[window.weeks :].sum()), 1.0)
        for start in range(0, min(shown.size, _LEADS) - STEP_WEEKS + 1, STEP_WEEKS):
            part = np.arange(start, start + STEP_WEEKS)[shown[start : start + STEP_WEEKS]]
            if part.size:
                expected = max(window.expected[part].sum(), scatter / 10)
                rows.append((window.actual[part].sum(), expected, of_rate, ahead, start, ahead - start))
                weeks.append(part - ahead)
    actual, expected, rate_noise, cutoffs, leads, blocks = np.array(rows, dtype=np.float64).reshape(-1, 6).T
    unset = np.zeros_like(actual)
    return _Cells(unset, unset, unset, rate_noise, cutoffs, leads, blocks, tuple(weeks), actual, expected, scatter)


def shown_weeks(history: History, window: PastWindow, back: int) -> NDArray[np.bool_]:
    """Say which weeks after a window's cutoff count, as of an end some weeks back.

    Parameters
    ----------
    history : History
        All windows.
    window : PastWindow
        One of them.
    back : int
        Weeks before the end that are not seen, >= 0.

    Returns
    -------
    ndarray of bool, shape (weeks seen,)
    """
    seen = max(min(window.weeks - back, window.actual.size), 0)
    start = history.shown.size - window.weeks
    return history.shown[start : start + seen]


def _posterior(
    cells: _Cells, weeks: NDArray[np.int64], published: Vector, learnt: Matrix, events: Vector
) -> tuple[Vector, Vector]:
    """Posterior means, averaged over the sizes of season and drift: the season of all weeks, and cells without noise.

    Events are known.
    """
    blocks = np.zeros((cells.lead.size, weeks.size))
    for row, part in enumerate(cells.weeks):
        blocks[row, WEEKS_PER_YEAR - 1 - part] = 1 / part.size
    over_learnt = blocks.copy()
    over_learnt[:, WEEKS_PER_YEAR:] -= learnt[cells.cutoff.astype(np.int64)]
    apart = np.abs(weeks[:, None] - weeks)
    in_year = np.minimum(apart % WEEKS_PER_YEAR, WEEKS_PER_YEAR - apart % WEEKS_PER_YEAR)
    season = np.mean([np.exp(-in_year / span) for span in _SEASON_SPANS_WEEKS], axis=0)
    to_cells = season @ over_learnt.T
    both = over_learnt @ to_cells
    drift = blocks @ np.exp(-apart / _DRIFT_SPAN_WEEKS) @ blocks.T
    usual, known = over_learnt @ published, over_learnt @ events - cells.bend
    history = learnt.shape[1] - cells.cutoff
    own_error = np.sqrt(_CUTOFF_SD**2 + (_CUTOFF_SD_OF_A_QUARTER * _LEADS / history) ** 2 + cells.rate_noise)
    noise = (cells.block[:, None] == cells.block) * np.sqrt(np.outer(cells.noise, cells.noise))
    rest = (
        _CONSTANT_SD**2
        + np.outer(own_error, own_error) * (cells.cutoff[:, None] == cells.cutoff)
        + _TREND_SD_PER_WEEK**2 * np.outer(cells.lead, cells.lead)
        + noise
        + _CELL_SD**2 * np.eye(cells.lead.size)
        + PRIOR_WEIGHT_SD**2 * np.outer(usual, usual)
    )
    found, of_cells, log_weights = [], [], []
    for (season_sd, odds), drift_sd in product(zip(_SEASON_SDS, _SEASON_ODDS, strict=True), _DRIFT_SDS):
        root = np.linalg.cholesky(rest + season_sd**2 * both + drift_sd**2 * drift)
        white = np.linalg.solve(root, cells.log_ratio - known - PRIOR_WEIGHT * usual)
        scores = np.linalg.solve(root.T, white)
        log_weights.append(np.log(odds) - float(white @ white) / 2 - float(np.log(np.diag(root)).sum()))
        weight = PRIOR_WEIGHT + PRIOR_WEIGHT_SD**2 * float(usual @ scores)
        found.append(weight * published + season_sd**2 * (to_cells @ scores))
        of_cells.append(cells.log_ratio - noise @ scores)
    return _averaged(found, log_weights), _averaged(of_cells, log_weights)


def _averaged(found: Sequence[Vector], log_weights: Sequence[float]) -> Vector:
    weights = np.exp(np.array(log_weights) - max(log_weights))
    return np.average(np.array(found), axis=0, weights=weights)
