"""Fit the level of a shop: what its past cutoffs say of the totals to come, and how wrong that has been.

The log of actual over expected purchases is taken apart into a season and a level, the mean of the rest, recent
cutoffs counting more. Both are shrunk to "no correction" by as much as their own noise asks for. Errors are those of
this same fit at past cutoffs, with what was known there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from foretell.models.level import Level
from foretell.tables.dataset import CustomerData
from foretell.training.level_windows import STEP_WEEKS, VALUE_WEEKS, FitModels, History, PastWindow, past_windows
from foretell.training.season import Season, fit_season, shown_weeks

Vector = NDArray[np.float64]

_LEVEL_PRIOR_SDS = {0.12: 4.0, 0.24: 2.0, 0.48: 1.0}
"""Standard deviations of the level and their odds. A model that has expected twice what came at every cutoff of a year
is not taken for one by chance: a single normal prior would keep it half as wrong for good."""

_VALUE_PRIOR_SDS = {0.15: 1.0}
_SD_OF_FEW = 0.12
_FEWEST_BLOCKS = 4
_NOISE_FLOOR = 0.05
_HALF_LIFE_WEEKS = 13.0
_INDEPENDENT_WEEKS = 13.0
_ERROR_WEEKS = (1, 4, 13, 26, 52)
_ERROR_HALF_LIFE_WEEKS = 52.0
_ERROR_PRIOR_SD = (0.12, 0.15)
_ERROR_PRIOR_WINDOWS = 1.0
_ERROR_PRIOR_FREEDOM = 3.0
_LEAST_HORIZON_WEEKS = 16


@dataclass(frozen=True, eq=False)
class _Factors:
    """Log factors as of one end: by week ahead, by week of the coming year, and on money per purchase."""

    by_lead: Vector
    season: Season
    value: float

    def of_weeks(self, weeks: int) -> Vector:
        """Log factors of the first weeks after the end."""
        return self.by_lead[:weeks] + self.season.of_coming(weeks)


def fit_level(
    data: CustomerData,
    as_of: datetime,
    fit_models: FitModels,
    *,
    horizons_days: Sequence[int],
    exclude_periods: Sequence[tuple[date, date]] = (),
    retail_year: bool = True,
) -> Level:
    """Fit a shop's level from cutoffs before `as_of`, in steps of 28 days back from it, at most 20.

    Parameters
    ----------
    data : CustomerData
        Orders of a shop. Rows at or after `as_of` are not read. Of more than 10,000 customers a sample by hash.
    as_of : datetime
        First instant that is not seen.
    fit_models : callable
        From a summary, as `features.summary.purchase_summary` returns, to a fitted purchase model and a fitted spend
        model (None without money). A cutoff at which it raises `FitError` is passed over.
    horizons_days : sequence of int
        Horizons that will be asked for, in days, > 0.
    exclude_periods : sequence of (date, date)
        First and last day of stretches that say nothing about the future; their weeks count on neither side.
    retail_year : bool
        Whether weeks that the shop has not shown yet get part of a published retail year (`training.retail_year`).

    Returns
    -------
    Level
        `Level.none`, with the reason, where no cutoff could be fitted.

    Notes
    -----
    Level: mean of log(actual / expected) over blocks of four weeks, weighted by expected purchases and a half-life of
    13 weeks, shrunk as a normal mean; there is one independent observation a quarter. Its prior is a scale mixture:
    most likely with standard deviation 0.12 (factors of 0.8 to 1.25 are usual), else 0.24 or 0.48, so that what is
    slight is shrunk and what is plain is not. Beyond the longest lead that was seen it fades as one over the lead.
    Season: see `training.season`; events of the shop's calendar: see `training.event_effects`.
    """
    history = level_history(data, as_of, fit_models, horizons_days=horizons_days, exclude_periods=exclude_periods)
    return level_of(history, horizons_days=horizons_days, retail_year=retail_year)


def level_history(
    data: CustomerData,
    as_of: datetime,
    fit_models: FitModels,
    *,
    horizons_days: Sequence[int],
    exclude_periods: Sequence[tuple[date, date]] = (),
) -> History:
    """Look back at the cutoffs that a level is fitted to.

    Parameters
    ----------
    data, as_of, fit_models, horizons_days, exclude_periods
        As for `fit_level`.

    Returns
    -------
    History
    """
    weeks = _horizon_weeks(horizons_days)
    return past_windows(data, as_of, fit_models, horizon_weeks=weeks, exclude_periods=exclude_periods)


def level_of(history: History, *, horizons_days: Sequence[int], retail_year: bool = True) -> Level:
    """Fit a shop's level to what followed its past cutoffs.

    Parameters
    ----------
    history : History
        As from `level_history`.
    horizons_days, retail_year
        As for `fit_level`.

    Returns
    -------
    Level
        As from `fit_level`.
    """
    weeks = _horizon_weeks(horizons_days)
    usable = [window for window in history.windows if shown_weeks(history, window, 0).any()]
    if not usable:
        return Level.none(_why_none(history))
    now = _factors(history, 0, weeks, retail_year=retail_year)
    horizons = sorted({*_ERROR_WEEKS, *(max(round(days / 7), 1) for days in horizons_days)})
    errors = _errors(history, weeks, [span for span in horizons if span <= weeks], retail_year=retail_year)
    expected = usable[0].expected
    has_season = bool(np.any(now.season.ahead))
    return Level(
        reason="",
        windows=len(usable),
        expected=_plain(expected / expected[0]),
        by_lead=_plain(now.by_lead),
        season_starts_on=history.end.isoformat() if has_season else "",
        season=_plain(now.season.ahead) if has_season else (),
        season_weeks_seen=now.season.weeks_seen,
        events=now.season.events.from_day(history.end),
        value=round(now.value, 9),
        error_days=tuple(7 * span for span, _, _ in errors),
        sd_orders=_plain([orders for _, orders, _ in errors]),
        sd_spend=_plain([spend for _, _, spend in errors]),
    )


def _horizon_weeks(horizons_days: Sequence[int]) -> int:
    weeks = max(-(-max(horizons_days) // 7), _LEAST_HORIZON_WEEKS)
    return -(-weeks // STEP_WEEKS) * STEP_WEEKS


def _why_none(history: History) -> str:
    if not history.tried:
        return "the history is too short for a cutoff four weeks before its end"
    if history.windows:
        return "every week after a past cutoff is excluded"
    return f"at none of {history.tried} past cutoffs was there enough to fit a purchase model"


def _plain(values: Sequence[float] | Vector) -> tuple[float, ...]:
    # What is below this grid is the noise of the last bits.
    return tuple(float(value) for value in np.round(np.asarray(values), 9))


def _factors(history: History, back: int, weeks: int, *, retail_year: bool) -> _Factors:
    """Fit to what was known some weeks before the end; 0 is the end itself."""
    windows = [window for window in history.windows if window.weeks > back]
    season = fit_season(history, back, retail_year=retail_year)
    if not windows:
        return _Factors(np.zeros(weeks), season, 0.0)
    longest = windows[-1].weeks - back
    fading = np.minimum(longest / np.arange(1, weeks + 1), 1.0)
    level = _level(history, windows, back, season)
    return _Factors(level * fading, season, _value(windows, back))


def _level(history: History, windows: list[PastWindow], back: int, season: Season) -> float:
    logs, weights, blocks, orders = [], [], set(), []
    for window in windows:
        shown, ahead = shown_weeks(history, window, back), window.weeks - back
        pattern = np.exp(season.of_window(ahead, shown.size))
        for start in range(0, shown.size - STEP_WEEKS + 1, STEP_WEEKS):
            part = np.arange(start, start + STEP_WEEKS)[shown[start : start + STEP_WEEKS]]
            if not part.size:
                continue
            actual, expected = window.actual[part].sum(), window.expected[part]
            logs.append(np.log((actual + 0.5) / (np.sum(expected * pattern[part]) + 0.5)))
            weights.append(0.5 ** (ahead / _HALF_LIFE_WEEKS) * expected.sum() / window.expected.sum())
            blocks.add(ahead - start)
            orders.append(actual)
    if not logs:
        return 0.0
    noise = np.mean([window.order_noise for window in windows]) / max(float(np.mean(orders)), 1.0)
    return _shrunk(np.array(logs), np.array(weights), len(blocks), float(noise), _LEVEL_PRIOR_SDS)


def _value(windows: list[PastWindow], back: int) -> float:
    logs, weights, orders = [], [], []
    for window in windows:
        ahead, compared = window.weeks - back, min(window.weeks, VALUE_WEEKS)
        if window.log_value is not None and ahead >= compared:
            logs.append(window.log_value)
            weights.append(0.5 ** (ahead / _HALF_LIFE_WEEKS) * compared / VALUE_WEEKS)
            orders.append(window.actual[:compared].sum() / window.spend_noise)
    if not logs:
        return 0.0
    noise = 1 / max(float(np.mean(orders)), 1.0)
    return _shrunk(np.array(logs), np.array(weights), len(logs), noise, _VALUE_PRIOR_SDS)


def _shrunk(logs: Vector, weights: Vector, blocks: int, noise: float, prior_sds: Mapping[float, float]) -> float:
    """Posterior mean under a mixture of normal priors; `blocks` distinct stretches of four weeks were seen."""
    mean = float(np.average(logs, weights=weights))
    spread = float(np.average((logs - mean) ** 2, weights=weights))
    variance = (max(spread, _NOISE_FLOOR**2) if blocks >= _FEWEST_BLOCKS else _SD_OF_FEW**2) + noise
    of_mean = variance * _INDEPENDENT_WEEKS / (blocks * STEP_WEEKS)
    prior, odds = np.array(list(prior_sds)) ** 2, np.array(list(prior_sds.values()))
    log_likely = np.log(odds) - mean**2 / (2 * (prior + of_mean)) - np.log(prior + of_mean) / 2
    return mean * float(np.average(prior / (prior + of_mean), weights=np.exp(log_likely - log_likely.max())))


def _errors(history: History, weeks: int, horizons: list[int], *, retail_year: bool) -> list[tuple[int, float, float]]:
    """Weeks, and standard errors of the logs of purchases and spend, of every horizon that some window spans."""
    windows = history.windows
    factors = {window.weeks: _factors(history, window.weeks, weeks, retail_year=retail_year) for window in windows}
    found = []
    for span in horizons:
        long = [window for window in windows if window.weeks >= span]
        origins = [window for window in long if shown_weeks(history, window, 0)[:span].any()]
        # The oldest cutoff had no past to learn from; it counts only where there is no other.
        origins = [window for window in origins if window.weeks < windows[-1].weeks] or origins
        if not origins:
            continue
        misses = np.array([_miss(history, window, factors[window.weeks], span) for window in origins])
        weights = np.array([0.5 ** (window.weeks / _ERROR_HALF_LIFE_WEEKS) for window in origins])
        independent = origins[-1].weeks / span
        newest = windows[0].expected[:span].sum()
        noises = [float(np.mean([w.order_noise for w in windows])), float(np.mean([w.spend_noise for w in windows]))]
        deviations = []
        for miss, noise, prior in zip(misses.T, noises, _ERROR_PRIOR_SD, strict=True):
            counting = noise / max(newest, 1.0)
            square = float(np.average(miss**2, weights=weights)) - counting * (1 - history.share)
            square = independent * max(square, 0.0) + _ERROR_PRIOR_WINDOWS * prior**2
            square /= independent + _ERROR_PRIOR_WINDOWS
            # Few windows tell little about the spread itself: Student's t instead of the normal.
            wider = float(stdtrit(independent + _ERROR_PRIOR_FREEDOM, 0.9) / ndtri(0.9))
            deviations.append(max(wider * np.sqrt(square), np.sqrt(counting * history.share)))
        found.append((span, float(deviations[0]), float(deviations[1])))
    return found


def _miss(history: History, window: PastWindow, factors: _Factors, span: int) -> tuple[float, float]:
    """Log of forecast over actual: of purchases, of spend (0 without money)."""
    shown = shown_weeks(history, window, 0)[:span]
    factor = np.exp(factors.of_weeks(shown.size))[shown]
    orders = np.log(
        (np.sum(window.expected[: shown.size][shown] * factor) + 0.5) / (window.actual[: shown.size][shown].sum() + 0.5)
    )
    promised = np.sum(window.expected_spend[: shown.size][shown] * factor) * np.exp(factors.value)
    spent = window.actual_spend[: shown.size][shown].sum()
    return float(orders), float(np.log(promised / spent)) if promised > 0 and spent > 0 else 0.0
