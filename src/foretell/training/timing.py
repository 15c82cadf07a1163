"""Dates of the next order: the regularity and the levels that came nearest in the shop's own past windows."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import polars as pl

from foretell.errors import FitError
from foretell.models.cnbd import MBGCNBD
from foretell.models.date_spread import MIDDLE, DateSpread
from foretell.models.next_order import next_order_at_levels, next_order_levels
from foretell.models.objectives import Vector
from foretell.models.operational_time import OperationalTime
from foretell.scoring.base import PurchaseModel
from foretell.training.families import fitted_quietly

Name = TypeVar("Name")

FEWEST_BUYERS = 50
"""Below this many buyers in past windows nothing is chosen: dates stay the purchase model's own."""

_REGULARITIES = (1, 2, 3)
_MIDDLES = (MIDDLE, 0.45, 0.4)
_HEAVY_SHARE = 0.1
_WORTH = 0.02
_MOST_CUSTOMERS = 20_000


@dataclass(frozen=True, eq=False)
class DatedWindow:
    """What was known of the customers at a past cutoff, and when each ordered next.

    Parameters
    ----------
    summary : polars.DataFrame
        One row per customer, as from `features.summary.purchase_summary`.
    days : int
        Length of the window, all of it observed.
    next_day : ndarray of shape (customers,)
        Day of the next purchase, 1 is the first unseen day; NaN without one in the window.
    time : OperationalTime, optional
        Of the window, by the season as it was known at the cutoff; by default its days are alike.
    """

    summary: pl.DataFrame
    days: int
    next_day: Vector
    time: OperationalTime | None = None


@dataclass(frozen=True)
class Timing:
    """How dates are read.

    Parameters
    ----------
    k : int
        Regularity of the MBG/CNBD-k that dates are read from; it need not be that of the purchase model, which is
        judged by probabilities.
    spread : DateSpread
        Levels of its law.
    why : str
        The figures that decided, in words.
    """

    k: int
    spread: DateSpread
    why: str


def fit_timing(windows: Sequence[DatedWindow], *, near: PurchaseModel | None = None) -> Timing | None:
    """Choose the law that dates are read from, and its levels, on past windows.

    Parameters
    ----------
    windows : sequence of DatedWindow
        Complete windows, the newest first. Of each, at most some 20,000 customers are used: every so many-th.
    near : MBGCNBD, optional
        Fitted to the whole history: the searches begin there.

    Returns
    -------
    Timing or None
        None where the windows hold fewer than 50 buyers, or no model could be fitted.

    Notes
    -----
    What counts is ln(1 + days off), averaged over buyers: to be two days off instead of four is worth as much as
    twenty instead of forty, and dates a season away do not decide. The smallest k within one standard error
    (over buyers, of the paired difference), or within 2 % of the days, of the best is taken, and then, likewise, the
    level of the expected date: the median, unless an earlier level came nearer, as where waits have a long tail. A
    larger k orders those who will not come worse: half a day in a month is not worth that.
    """
    past = [_Fitted.of(window, near) for window in windows]
    past = [window for window in past if window.models and window.day.size]
    known = [k for k in _REGULARITIES if past and all(k in window.models for window in past)]
    buyers = sum(window.day.size for window in past)
    if buyers < FEWEST_BUYERS or not known:
        return None
    by_k = {k: np.concatenate([window.misses(k, MIDDLE) for window in past]) for k in known}
    k = _simplest(by_k)
    by_level = {level: np.concatenate([window.misses(k, level) for window in past]) for level in _MIDDLES}
    middle = _simplest(by_level)
    levels = [window.levels(k) for window in past]
    spread = DateSpread.fit(
        np.concatenate([before for before, _ in levels]),
        np.concatenate([at for _, at in levels]),
        np.concatenate([window.buyers["orders"].to_numpy() for window in past]),
        middle=middle,
        heavy_from=past[0].heavy_from,
    )
    figures = ", ".join(f"k = {name} {_typical(miss):.1f}" for name, miss in by_k.items())
    at_level = ", ".join(f"{name:.0%} {_typical(miss):.1f}" for name, miss in by_level.items())
    return Timing(k, spread, f"typical days off among {buyers} buyers: {figures}; at level {at_level}")


@dataclass(frozen=True, eq=False)
class _Fitted:
    """The buyers of a window, and the models fitted to what was known when it began."""

    buyers: pl.DataFrame
    models: Mapping[int, MBGCNBD]
    days: int
    day: Vector
    heavy_from: float
    time: OperationalTime | None

    @classmethod
    def of(cls, window: DatedWindow, near: PurchaseModel | None) -> "_Fitted":
        step = max(math.ceil(window.summary.height / _MOST_CUSTOMERS), 1)
        summary, day = window.summary.gather_every(step), window.next_day[::step]
        bought = np.isfinite(day)
        models: dict[int, MBGCNBD] = {}
        for k in _REGULARITIES if bought.any() else ():
            try:
                models[k] = fitted_quietly(MBGCNBD(k=k), summary, models.get(k - 1, near))
            except FitError:
                continue
        heavy_from = float(np.quantile(summary["orders"].to_numpy(), 1 - _HEAVY_SHARE)) if summary.height else 2.0
        buyers = summary.filter(pl.Series(bought, dtype=pl.Boolean))
        return cls(buyers, models, window.days, day[bought], heavy_from, window.time)

    def misses(self, k: int, level: float) -> Vector:
        levels = np.full((self.day.size, 1), level)
        date = next_order_at_levels(self.models[k], self.buyers, levels, horizon_days=self.days, time=self.time)[:, 0]
        date = np.clip(np.ceil(np.nan_to_num(date, nan=float(self.days))), 1, self.days)
        return np.asarray(np.log1p(np.abs(date - self.day)), dtype=np.float64)

    def levels(self, k: int) -> tuple[Vector, Vector]:
        return next_order_levels(self.models[k], self.buyers, self.day, horizon_days=self.days, time=self.time)


def _simplest(misses: Mapping[Name, Vector]) -> Name:
    """Return the first whose mean miss is within one standard error, or what is worth nothing, of the least."""
    best = min(misses, key=lambda name: float(misses[name].mean()))
    for name, miss in misses.items():
        worse = miss - misses[best]
        if float(worse.mean()) <= max(float(worse.std()) / math.sqrt(worse.size), _WORTH):
            return name
    return best


def _typical(miss: Vector) -> float:
    return float(np.expm1(miss.mean()))
