"""The rungs by name, and the rows that stand in every backtest."""

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from foretell.bundles.bundle import Bundle
from foretell.errors import ConfigError, did_you_mean
from foretell.evaluation.backtest import Recipe
from foretell.tables.dataset import CustomerData
from foretell.training.boosted_recipe import BoostedRecipe
from foretell.training.lifetimes_peer import LifetimesPeer
from foretell.training.naive import LastGap, RecentRate
from foretell.training.past import Periods
from foretell.training.purchase_recipe import PurchaseRecipe
from foretell.training.shop import Shop
from foretell.training.tuning import Tuned
from foretell.windows import Horizons

BOOSTED = "boosted"
"""The rung with trees."""

RUNGS = (BOOSTED, "purchase", "pareto")
"""Rungs a shop can be scored with; the first is the default."""

NAIVE_REFERENCE = RecentRate().name
"""The row that every other row is compared with."""


class ScoringRecipe(Recipe, Protocol):
    """A recipe whose fit can be kept and scored with."""

    def undiscounted(self) -> "ScoringRecipe":
        """Return the recipe without a discount: what happens is not discounted, so neither is what is judged."""

    def fit(self, data: CustomerData, as_of: datetime, horizons: Horizons, seed: int = 0) -> Bundle:
        """Fit to what was seen before a cutoff.

        Parameters
        ----------
        data : CustomerData
            The shop's rows; those at or after `as_of` are not read.
        as_of : datetime
            First instant that is not seen.
        horizons : Horizons
            Horizons the bundle answers for.
        seed : int
            Seed of any chance in the fit.

        Returns
        -------
        Bundle
            Without a record.

        Raises
        ------
        FitError
            If the history is too thin.
        """

    def fit_shop(self, shop: Shop, horizons: Horizons, seed: int = 0) -> Bundle:
        """Fit as `fit` does, to a shop wherever its rows are.

        Parameters
        ----------
        shop : Shop
            As of the cutoff.
        horizons : Horizons
            Horizons the bundle answers for.
        seed : int
            Seed of any chance in the fit.

        Returns
        -------
        Bundle
            Without a record.
        """


def scoring_recipes(
    rungs: str | Sequence[str] | None,
    *,
    annual_discount_rate: float = 0.0,
    threads: int | None = None,
    tuned: Tuned | None = None,
    exclude_periods: Periods = (),
    retail_year: bool = True,
) -> tuple[ScoringRecipe, ...]:
    """Return the recipes behind rung names.

    Parameters
    ----------
    rungs : str, sequence of str or None
        One name or several out of `RUNGS`; None is all of them.
    annual_discount_rate : float
        Rate at which future spend is discounted, >= 0.
    threads : int or None
        Threads of LightGBM; None is one less than this process may use, at least one.
    tuned : Tuned or None
        Settings of the trees, used at cutoffs that did not help to choose them; None is the recipe's own.
    exclude_periods : sequence of (date, date)
        First and last day of stretches that say nothing about the future.
    retail_year : bool
        Whether the level of weeks that the shop has not shown yet leans on a published retail year
        (`training.retail_year`); off for a trade that follows another.

    Returns
    -------
    tuple of ScoringRecipe
        In the order asked for; the first is the default.

    Raises
    ------
    ConfigError
        If a name is unknown, none is given, the rate is not a number from 0 to 10, or a period ends before it starts.
    """
    names = RUNGS if rungs is None else (rungs,) if isinstance(rungs, str) else tuple(rungs)
    problems = [
        f"There is no rung {name!r}.{did_you_mean(name, RUNGS)} Known: {', '.join(RUNGS)}."
        for name in names
        if name not in RUNGS
    ]
    if not names:
        problems.append(f"rungs is empty. Known: {', '.join(RUNGS)}.")
    if not 0 <= annual_discount_rate <= 10:
        problems.append(f"annual_discount_rate must be a yearly rate from 0 to 10, got {annual_discount_rate!r}.")
    problems += [f"exclude_periods: {end} lies before {start}." for start, end in exclude_periods if end < start]
    if problems:
        raise ConfigError(problems)
    boosted = BoostedRecipe(
        BOOSTED,
        annual_discount_rate,
        threads=threads or spare_threads(),
        exclude_periods=tuple(exclude_periods),
        retail_year=retail_year,
    )
    if tuned is not None:
        boosted = replace(boosted, params=tuned.params, params_from=tuned.as_of)
    families: dict[str, ScoringRecipe] = {
        BOOSTED: boosted,
        "purchase": PurchaseRecipe("purchase", "mbg_cnbd", annual_discount_rate, tuple(exclude_periods)),
        "pareto": PurchaseRecipe("pareto", "pareto_nbd", annual_discount_rate),
    }
    return tuple(families[name] for name in names)


def spare_threads() -> int:
    """Return the threads that a fit takes unless told: one less than this process may use, at least one.

    Returns
    -------
    int
        LightGBM gets slower, not faster, when it shares every core with something else.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(allowed - 1, 1)


def with_baselines(recipes: Sequence[Recipe]) -> tuple[Recipe, ...]:
    """Add the rows that stand in every backtest: both naive rules and lifetimes' BG/NBD.

    Parameters
    ----------
    recipes : sequence of Recipe
        What is to be judged.

    Returns
    -------
    tuple of Recipe
        `recipes`, then the baselines.
    """
    return (*recipes, RecentRate(), LastGap(), LifetimesPeer())
