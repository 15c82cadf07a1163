"""The rungs by name, and the rows that stand in every backtest."""

from collections.abc import Sequence

from foretell.errors import ConfigError, did_you_mean
from foretell.evaluation.backtest import Recipe
from foretell.training.lifetimes_peer import LifetimesPeer
from foretell.training.naive import LastGap, RecentRate
from foretell.training.purchase_recipe import PurchaseRecipe

RUNGS = ("purchase", "pareto")
"""Rungs a shop can be scored with; the first is the default."""

NAIVE_REFERENCE = RecentRate().name
"""The row that every other row is compared with."""


def scoring_recipes(
    rungs: str | Sequence[str] | None, *, annual_discount_rate: float = 0.0
) -> tuple[PurchaseRecipe, ...]:
    """Return the recipes behind rung names.

    Parameters
    ----------
    rungs : str, sequence of str or None
        One name or several out of `RUNGS`; None is all of them.
    annual_discount_rate : float
        Rate at which future spend is discounted, >= 0.

    Returns
    -------
    tuple of PurchaseRecipe
        In the order asked for; the first is the default.

    Raises
    ------
    ConfigError
        If a name is unknown, none is given, or the rate is not a number from 0 to 10.
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
    if problems:
        raise ConfigError(problems)
    families = {
        "purchase": PurchaseRecipe("purchase", "mbg_cnbd", annual_discount_rate),
        "pareto": PurchaseRecipe("pareto", "pareto_nbd", annual_discount_rate),
    }
    return tuple(families[name] for name in names)


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
