"""The boosted rung: a purchase model, and on it what the shop's own past windows teach."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial
from typing import Any, Self

import polars as pl

from foretell.bundles.bundle import Bundle
from foretell.bundles.refinement import Refinement
from foretell.features.fit_statistics import fit_statistics
from foretell.models.boosting_params import BoostingParams
from foretell.models.cnbd import MBGCNBD
from foretell.models.gamma_gamma import GammaGamma
from foretell.models.optimise import warn_unless_converged
from foretell.models.population import Population
from foretell.models.tail_pool import TailPool
from foretell.scoring.base import PurchaseModel
from foretell.scoring.known import known_at
from foretell.scoring.predict import answers
from foretell.tables.dataset import CustomerData
from foretell.training.families import FAMILIES, SIMPLEST, choose_family, fit_families, fit_spend, fitted_quietly
from foretell.training.level import level_history, level_of
from foretell.training.past import Models, Past
from foretell.training.past_season import TimeAt, time_source
from foretell.training.purchase_recipe import bundle_card, typical_customer
from foretell.training.refiner import MOST_WINDOWS, Refiner
from foretell.training.requirements import require_trainable
from foretell.training.shop import Shop, ShopInMemory, customers_learnt_on, learnt_from
from foretell.training.timing import DatedWindow, Timing, fit_timing
from foretell.windows import Horizons

_SHORTEST_WINDOW_DAYS = 28

_OWN_DATES = {"chosen_because": "too few buyers in past windows: the purchase model's own dates"}

TREES = BoostingParams(learning_rate=0.1, feature_fraction=0.4, max_rounds=300, patience=15)
"""Settings of the trees unless they are tuned: few leaves, strong penalties, since the offset knows most."""


@dataclass(frozen=True)
class BoostedRecipe:
    """Fit a purchase model and correct it by what followed past cutoffs.

    Parameters
    ----------
    name : str
        Name of the rung in tables and bundles.
    annual_discount_rate : float
        Rate at which future spend is discounted, >= 0.
    params : BoostingParams
        Settings of the trees.
    threads : int
        Threads of LightGBM; results are the same for any number.
    params_from : datetime or None
        First cutoff at which `params` are used, the one that they were tuned before; earlier ones get `TREES`, so
        that no past window judges settings that it helped to choose. None is always.
    exclude_periods : tuple of (date, date)
        First and last day of stretches that say nothing about the future (a lockdown, a month without stock): no
        correction is learnt on them.
    retail_year : bool
        Whether weeks that the shop has not shown yet lean on a published retail year.
    """

    name: str = "boosted"
    annual_discount_rate: float = 0.0
    params: BoostingParams = field(default_factory=lambda: TREES)
    threads: int = 1
    params_from: datetime | None = None
    exclude_periods: tuple[tuple[date, date], ...] = ()
    retail_year: bool = True

    def undiscounted(self) -> Self:
        """Return the recipe without a discount: what happens is not discounted, so neither is what is judged.

        Returns
        -------
        Self
        """
        return replace(self, annual_discount_rate=0.0)

    def fit(self, data: CustomerData, as_of: datetime, horizons: Horizons, seed: int = 0) -> Bundle:
        """Fit the models, and their corrections.

        Parameters
        ----------
        data : CustomerData
            The shop's rows; those at or after `as_of` are not read.
        as_of : datetime
            First instant that is not seen.
        horizons : Horizons
            Horizons the bundle answers for.
        seed : int
            Seed of the trees' draws.

        Returns
        -------
        Bundle
            Without a record: nobody has judged it yet.

        Raises
        ------
        FitError
            If the history is too thin for a purchase model. Corrections that it is too thin for are left out, and
            the card says so.
        """
        return self.fit_shop(ShopInMemory.of(data, as_of), horizons, seed)

    def fit_shop(self, shop: Shop, horizons: Horizons, seed: int = 0) -> Bundle:
        """Fit the models and their corrections to a shop wherever its rows are.

        Parameters
        ----------
        shop : Shop
            As of the cutoff.
        horizons : Horizons
            Horizons the bundle answers for.
        seed : int
            Seed of the trees' draws.

        Returns
        -------
        Bundle
            Without a record.

        Raises
        ------
        FitError
            If the history is too thin for a purchase model.
        """
        as_of, customers = shop.as_of, shop.population
        limits = require_trainable(customers, as_of)
        models, spend_model = fit_families(customers)
        asked = learnt_from(shop)
        sample = replace(asked, observed_until_given=True)
        # Past fits begin at today's optimum: they end at their own, in a fifth of the time.
        past = Past(sample, partial(fit_families, near=models, spend_near=spend_model), self.exclude_periods)
        newest = past.windows(past.longest_window_days(horizons.churn_days) or _SHORTEST_WINDOW_DAYS, most=1)
        family = choose_family(newest, models)
        model = models[family.name]
        warn_unless_converged(model.fit_report_, model=type(model).__name__)
        spans = sorted(set(vars(horizons).values()))
        fit = _fitter(family.name, model, spend_model)
        history = level_history(asked, as_of, fit, horizons_days=spans, exclude_periods=self.exclude_periods)
        level = level_of(history, horizons_days=spans, retail_year=self.retail_year)
        time_at = time_source(history, level, retail_year=self.retail_year)
        timing = self._timing(past, horizons, models[SIMPLEST], time_at)
        card = bundle_card(customers, as_of, model, spend_model, limits=limits, exclude_periods=self.exclude_periods)
        bundle = Bundle(
            rung=self.name,
            as_of=as_of,
            horizons=horizons,
            purchase_model=model,
            spend_model=spend_model,
            typical=typical_customer(customers, model, spend_model, horizons),
            annual_discount_rate=self.annual_discount_rate,
            statistics=fit_statistics(asked, as_of),
        )
        dated = model if timing is None else self._dated(timing.k, models, customers)
        dates = None if timing is None else timing.spread
        start = Refinement(horizons.churn_days, level, dated, TailPool(), dates=dates)
        refiner = Refiner(past, bundle, start, family.name, self.params_at(as_of), seed, self.threads)
        refinement = refiner.refine(known_at(asked, as_of, with_features=True, statistics=bundle.statistics))
        return replace(
            bundle,
            refinement=refinement,
            card={
                **card,
                "purchase_model": {**card["purchase_model"], "chosen_because": family.why},
                "dates": {"regularity_k": timing.k, "chosen_because": timing.why} if timing else _OWN_DATES,
                "level": {**level.facts(), "retail_year": self.retail_year},
                "heavy_tails": _tail_facts(spend_model, refinement),
                "corrections": {name: trees.why for name, trees in refinement.trees.items()},
                "corrections_learnt_on": {"customers": customers_learnt_on(customers.customers)},
            },
        )

    def _timing(self, past: Past, horizons: Horizons, near: PurchaseModel, time_at: TimeAt) -> Timing | None:
        days = past.longest_window_days(horizons.clv_days)
        windows = past.windows(days, most=MOST_WINDOWS) if days else ()
        dated = [
            DatedWindow(each.view.known.summary, each.days, each.next_day, time_at(each.view.cutoff, each.days))
            for each in windows
        ]
        return fit_timing(dated, near=near)

    def _dated(self, k: int, models: Models, customers: Population) -> PurchaseModel:
        return models[SIMPLEST] if k == 1 else MBGCNBD(k=k).fit(customers)

    def params_at(self, as_of: datetime) -> BoostingParams:
        """Return the settings of the trees at a cutoff.

        Parameters
        ----------
        as_of : datetime
            The cutoff of a fit.

        Returns
        -------
        BoostingParams
            `params`, or `TREES` before the cutoff that they were tuned before.
        """
        return self.params if self.params_from is None or as_of >= self.params_from else TREES

    def fit_predict(self, data: CustomerData, as_of: datetime, horizons: Horizons, seed: int) -> pl.DataFrame:
        """Fit at a cutoff and predict every customer seen before it, as backtests ask.

        Parameters
        ----------
        data : CustomerData
            Rows before `as_of`.
        as_of : datetime
            First instant that is not seen.
        horizons : Horizons
            Horizons to answer for.
        seed : int
            Seed of the trees' draws.

        Returns
        -------
        polars.DataFrame
            As from `scoring.predict.answers`.
        """
        bundle = self.fit(data, as_of, horizons, seed)
        return answers(known_at(data, as_of, with_features=bundle.reads_features, statistics=bundle.statistics), bundle)


def _tail_facts(spend_model: GammaGamma | None, refinement: Refinement) -> dict[str, Any]:
    if spend_model is None or refinement.ceiling is None:
        return {"robust_spend": "no: orders carry no money"}
    return {
        "order_values_drawn_in_above": spend_model.cap_,
        "which_grows": "with the square root of the customer's number of orders",
        "most_predicted_for_one_customer": refinement.ceiling.largest or "no limit",
        "given_back_by": "the level's factor on order value, which is learnt on values drawn in alike",
    }


def _fitter(
    family: str, near: PurchaseModel, spend_near: GammaGamma | None
) -> Callable[[pl.DataFrame], tuple[PurchaseModel, GammaGamma | None]]:
    def fit(summary: pl.DataFrame) -> tuple[PurchaseModel, GammaGamma | None]:
        return fitted_quietly(FAMILIES[family](), summary, near), fit_spend(summary, spend_near)

    return fit
