"""Everything that stands on the purchase model, learnt on past windows: who buys more than it says, and how sure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from foretell.bundles.bundle import Bundle
from foretell.bundles.refinement import AMOUNTS, EVENTS, Refinement, Trees
from foretell.errors import FitError
from foretell.models.boosting_params import BoostingParams
from foretell.models.objectives import Objective
from foretell.models.spend_ceiling import SpendCeiling
from foretell.models.spend_spread import SpendSpread
from foretell.models.tail_pool import TailPool
from foretell.scoring.base import horizon, order_values
from foretell.scoring.known import Known
from foretell.scoring.refine import event_offset, margins, naive_log_odds, probability
from foretell.tables.buckets import bucket_of
from foretell.training.answers import AGE_WEIGHT, Answers, cap_of
from foretell.training.corrections import Correction, fit_correction
from foretell.training.families import told_by
from foretell.training.past import Past, Window, log_hazard_ratio, log_ratio
from foretell.training.tail import choose_share

Vector = NDArray[np.float64]

MOST_ROWS = 40_000
"""Rows per answer, over all its windows; more where corrections are learnt on more customers than that allows."""

_ROWS_PER_CUSTOMER = 2.5

MOST_WINDOWS = 4

CARRIED_OVER = 0.5
"""Weight of trees that were learnt on shorter windows than the horizon, because no window of its length fits."""

_PRIOR_WINDOWS = 0.25
_JACKKNIFE_GROUPS = 20
_OBJECTIVES: Mapping[str, Objective] = {"orders": "poisson", "spend": "tweedie"}


@dataclass(frozen=True, eq=False)
class _Judged:
    """Spend of a past window beside what the corrected models make of it, for customers not fitted to."""

    window: Window
    mask: NDArray[np.bool_]
    mean: Vector
    p_none: Vector
    orders: Vector
    weight: Vector


@dataclass(frozen=True, eq=False)
class Refiner:
    """Learns the corrections of one bundle.

    Parameters
    ----------
    past : Past
        Views and windows before the bundle's cutoff.
    bundle : Bundle
        Purchase and spend model.
    start : Refinement
        Level and timing model; nothing learnt yet.
    family : str
        Name of the bundle's purchase model in the views.
    params : BoostingParams
        Settings of the trees.
    seed, threads : int
        Of LightGBM.
    """

    past: Past
    bundle: Bundle
    start: Refinement
    family: str
    params: BoostingParams
    seed: int
    threads: int

    def refine(self, known: Known) -> Refinement:
        """Learn every correction.

        Parameters
        ----------
        known : Known
            The customers at the bundle's cutoff, with features: totals of the amounts are kept on them.

        Returns
        -------
        Refinement
            Nothing but a ceiling on top of `start` where no window is complete.
        """
        windows = {name: self._windows(name) for name in (*EVENTS, *AMOUNTS)}
        views = [found[0].view for found in windows.values() if found]
        if not views:
            return self._with_totals(self.start, known, 0.0)
        rows = Answers.of(
            views[0],
            self.family,
            self.start.inputs_days,
            most_rows=max(MOST_ROWS, round(_ROWS_PER_CUSTOMER * known.summary.height)),
            params=self.params,
            threads=self.threads,
        )
        fitted = {name: self._correction(name, found, rows) for name, found in windows.items() if self._asked(name)}
        if "return" not in fitted:
            fitted["return"] = fitted["churn"]
        trees = {name: fitted[name].trees if name in fitted else Trees() for name in windows}
        # Two estimates of the same spend, by orders and by money, are averaged on the log scale.
        half = 0.5 if trees["spend"].boosters and trees["orders"].boosters else 1.0
        trees["spend"] = replace(trees["spend"], weight=half * trees["spend"].weight)
        learnt = replace(
            self.start,
            encoding=rows.encoding if any(each.boosters for each in trees.values()) else None,
            trees=trees,
            hazard_shift={name: self._hazard_shift(name, windows[name]) for name in EVENTS},
            spend_orders_weight=half * trees["orders"].weight,
        )
        judged = self._judged(windows["spend"], rows, fitted, learnt) if "spend" in fitted else []
        return self._with_totals(replace(learnt, spread=self._spread(judged)), known, _tail_share(judged))

    def _asked(self, name: str) -> bool:
        horizons = self.bundle.horizons
        if name == "return":
            return horizons.clv_days != horizons.churn_days
        return name != "spend" or self.bundle.spend_model is not None

    def _correction(self, name: str, windows: Sequence[Window], rows: Answers) -> Correction:
        days = windows[0].days if windows else 0
        found = fit_correction(
            rows.rows(windows, name),
            _OBJECTIVES.get(name, "binary"),
            naive=_naive(windows, rows) if windows and name in EVENTS else None,
            days=days,
            # A history shorter than two windows has one season at most: there trees must win clearly.
            by_errors=1.0 if self.past.history_days() < 2 * days else 0.0,
            params=self.params,
            seed=self.seed,
            threads=self.threads,
        )
        return found if not windows or days == self._days(name) else _carried_over(found)

    def _windows(self, name: str) -> Sequence[Window]:
        fits = self.past.longest_window_days(self._days(name))
        found = self.past.windows(fits, most=MOST_WINDOWS) if fits else ()
        # What can be fitted to today's history could not always be fitted to a shorter one.
        return tuple(window for window in found if self.family in window.view.models)

    def _days(self, name: str) -> int:
        horizons = self.bundle.horizons
        return {"churn": horizons.churn_days, "order": horizons.order_days}.get(name, horizons.clv_days)

    def _hazard_shift(self, name: str, windows: Sequence[Window]) -> float:
        """Return by how much more the hazards missed than the purchases, shrunk toward not at all.

        The model is today's: what one fitted to half the history missed of who leaves, today's may have learnt. And it
        is no part of what is carried over to a longer horizon: who has left shows later than who buys.
        """
        if windows and windows[0].days != self._days(name):
            return 0.0
        windows = told_by(windows, {self.family: self.bundle.purchase_model})
        excess = [log_hazard_ratio(window, self.family) - self._log_orders_ratio(window) for window in windows]
        return float(np.sum(excess)) / (len(excess) + _PRIOR_WINDOWS)

    def _log_orders_ratio(self, window: Window) -> float:
        view = window.view
        return log_ratio(window.orders, horizon(view.models[self.family], view.known.summary, window.days).orders)

    def _judged(
        self, windows: Sequence[Window], rows: Answers, fitted: Mapping[str, Correction], learnt: Refinement
    ) -> list[_Judged]:
        """Bring each window's spend to its own level: the law around the mean is wanted, and the ranking."""
        found = []
        for place, (window, mask) in enumerate(zip(windows, rows.masks(windows) if windows else (), strict=True)):
            view = window.view
            margin = learnt.trees["spend"].weight * fitted["spend"].margins[place]
            margin += learnt.spend_orders_weight * fitted["orders"].margins[place]
            mean = np.exp(rows.log_spend(window)[mask] + margin) * cap_of(window)
            answer = horizon(view.models[self.family], view.known.summary, window.days)
            offset = event_offset(answer, log_hazard_ratio(window, self.family))[mask]
            naive = naive_log_odds(view.known.summary, window.days)[mask]
            p_return = probability(offset, learnt.trees["return"], fitted["return"].margins[place], naive)
            expected = answer.orders[mask] * np.exp(learnt.trees["orders"].weight * fitted["orders"].margins[place])
            expected *= np.exp(log_ratio(window.orders[mask], expected))
            found.append(
                _Judged(
                    window=window,
                    mask=mask,
                    mean=mean * np.exp(_log_level(window, mask, mean)),
                    p_none=1 - p_return,
                    orders=np.maximum(expected, p_return),
                    weight=np.full(int(mask.sum()), AGE_WEIGHT**place),
                )
            )
        return found

    def _spread(self, judged: Sequence[_Judged]) -> SpendSpread | None:
        """Learn the law of the spend around its mean; None where too few bought."""
        if not judged:
            return None
        try:
            return SpendSpread.fit(
                np.concatenate([each.window.spend[each.mask] for each in judged]),
                np.concatenate([each.p_none for each in judged]),
                np.concatenate([each.mean for each in judged]),
                np.concatenate([each.window.view.known.summary["orders"].to_numpy()[each.mask] for each in judged]),
                np.concatenate([each.weight for each in judged]),
                expected_orders=np.concatenate([each.orders for each in judged]),
                bought=np.concatenate([each.window.bought[each.mask] > 0 for each in judged]),
                # The future is not brought to its own level as past windows are.
                level_sd=self.start.level.total_error(judged[0].window.days)[1],
            )
        except FitError:
            return None

    def _with_totals(self, learnt: Refinement, known: Known, tail_share: float) -> Refinement:
        """Set the shifts of the amounts so that trees move who, and leave the total to the level."""
        days, bundle = self.bundle.horizons.clv_days, replace(self.bundle, refinement=learnt)
        added = margins(known, bundle)
        trees = dict(learnt.trees)
        expected = horizon(bundle.purchase_model, known.summary, days).orders
        orders_margin = added.get("orders", np.zeros(len(expected)))
        moved = expected * np.exp(trees["orders"].weight * orders_margin)
        trees["orders"] = replace(trees["orders"], shift=log_ratio(expected, moved))
        if bundle.spend_model is None:
            return replace(learnt, trees=trees)
        log_level = learnt.level.log_orders(bundle.as_of, days) + learnt.level.log_value()
        spend = expected * order_values(bundle.spend_model, known.summary) * np.exp(log_level)
        ceiling = SpendCeiling.of(spend)
        extra = trees["spend"].weight * added.get("spend", 0.0) + learnt.spend_orders_weight * orders_margin
        moved = spend * np.exp(extra)
        # Under the ceiling: what trees take from a giant must not be handed to everybody else.
        shift = log_ratio(ceiling.limited(spend), ceiling.limited(moved))
        trees["spend"] = replace(trees["spend"], shift=shift)
        return replace(learnt, trees=trees, tail=TailPool.of(moved * np.exp(shift), tail_share), ceiling=ceiling)


def _log_level(window: Window, mask: NDArray[np.bool_], mean: Vector) -> float:
    """Return the log of spend over its mean, in all, with no giant on either side."""
    spend = np.maximum(window.spend[mask], 0.0)
    return log_ratio(SpendCeiling.of(spend).limited(spend), SpendCeiling.of(mean).limited(mean))


def _carried_over(found: Correction) -> Correction:
    """Carry a correction over to a longer horizon than it was learnt on: who, by half; how much, not at all."""
    weight, naive = CARRIED_OVER * found.trees.weight, CARRIED_OVER * found.trees.naive
    # The rule of thumb has a level of its own, which is not wanted.
    trees = replace(found.trees, shift=-naive * found.naive_lead, slope=1.0, weight=weight, naive=naive)
    why = f"{trees.why}, carried over to the longer horizon by {CARRIED_OVER:.0%}"
    return replace(found, trees=replace(trees, why=why))


def _naive(windows: Sequence[Window], rows: Answers) -> Vector:
    return np.concatenate(
        [
            naive_log_odds(window.view.known.summary, window.days)[mask]
            for window, mask in zip(windows, rows.masks(windows), strict=True)
        ]
    )


def _tail_share(judged: Sequence[_Judged]) -> float:
    if not judged:
        return 0.0
    newest = judged[0]
    ids = newest.window.view.known.summary["customer_id"].filter(newest.mask)
    groups = bucket_of(ids, _JACKKNIFE_GROUPS, salt="jackknife")
    return choose_share(newest.window.spend[newest.mask], newest.mean, groups)
