"""The season of a shop's purchases as it was known at some instant."""

from collections.abc import Sequence
from datetime import date, datetime

import polars as pl

from foretell.bundles.bundle import Bundle
from foretell.models.level import Level
from foretell.scoring.base import PurchaseModel
from foretell.training.families import fitted_quietly
from foretell.training.first_order_level import SeasonAt
from foretell.training.level import fit_level
from foretell.training.shop import Shop, learnt_from


def season_source(
    shop: Shop, bundle: Bundle, *, exclude_periods: Sequence[tuple[date, date]] = (), retail_year: bool = True
) -> SeasonAt:
    """Return where the season of a shop can be asked for.

    Parameters
    ----------
    shop : Shop
        As of the cutoff that training ends at.
    bundle : Bundle
        Fitted to it.
    exclude_periods : sequence of (date, date)
        First and last day of stretches that say nothing about the future.
    retail_year : bool
        Whether weeks that the shop had not shown get part of a published retail year.

    Returns
    -------
    callable
        From an instant to the level that was known then: the bundle's own at its end, one fitted to the rows before an
        earlier instant, of those that corrections are learnt on; None where the bundle has none, since its recipe does
        without.
    """
    refinement = bundle.refinement
    if refinement is None:
        return lambda _: None

    def fit(summary: pl.DataFrame) -> tuple[PurchaseModel, None]:
        # Begins at today's optimum and ends at its own.
        return fitted_quietly(type(bundle.purchase_model)(), summary, bundle.purchase_model), None

    def season_at(as_of: datetime) -> Level:
        if as_of >= min(bundle.as_of, shop.data.observed_until):
            return refinement.level
        return fit_level(
            learnt_from(shop).before(as_of),
            as_of,
            fit,
            horizons_days=[bundle.horizons.churn_days],
            exclude_periods=exclude_periods,
            retail_year=retail_year,
        )

    return season_at
