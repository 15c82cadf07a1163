"""The season of a shop as it was known at its past cutoffs: the time in which dates of the next order are learnt."""

from collections.abc import Callable
from datetime import datetime
from functools import cache

import numpy as np

from foretell.models.level import WEEKS_PER_YEAR, Level
from foretell.models.operational_time import OperationalTime
from foretell.training.level_windows import History
from foretell.training.season import Season, fit_season
from foretell.windows import first_unseen_day

TimeAt = Callable[[datetime, int], OperationalTime | None]
"""From a past cutoff and the length of a window in days to the operational time of the window."""


def time_source(history: History, level: Level, *, retail_year: bool) -> TimeAt:
    """Return where the operational time of past windows can be asked for.

    Parameters
    ----------
    history : History
        What the level was fitted to.
    level : Level
        Fitted to it.
    retail_year : bool
        As for the level.

    Returns
    -------
    callable
        By the season as of the last whole week before the cutoff, counted from the end of the history, so that nothing
        after the cutoff is known. None throughout where no level was fitted, since coming dates are read without one.
    """

    @cache
    def season_at(back: int) -> Season:
        return fit_season(history, back, retail_year=retail_year)

    def time_at(cutoff: datetime, days: int) -> OperationalTime | None:
        if level.reason:
            return None
        start = first_unseen_day(cutoff)
        season = season_at(-(-(history.end - start).days // 7))
        week = ((start - season.end).days + np.arange(days)) // 7
        return OperationalTime.of(season.ahead[week % WEEKS_PER_YEAR] + season.events.by_day(start, days))

    return time_at
