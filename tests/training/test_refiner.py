"""What past windows teach of today's purchase model: by how much its chances missed beyond its purchases."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from scipy.optimize import brentq

from boosted_shops import AS_OF, QUICK
from foretell.bundles.bundle import Bundle
from foretell.features.summary import purchase_summary
from foretell.tables.dataset import CustomerData
from foretell.training.boosted_recipe import BoostedRecipe
from foretell.windows import Horizons


def excess(data: CustomerData, bundle: Bundle, cutoff: datetime, days: int) -> float:
    """Log factor at which the hazards of the bundle's model meet the buyers, less that of its purchases."""
    summary = purchase_summary(data.before(cutoff), cutoff)
    later = data.orders.filter(pl.col("ordered_at").is_between(cutoff, cutoff + timedelta(days=days), closed="left"))
    known = later.collect().filter(pl.col("customer_id").is_in(summary["customer_id"].implode()))
    orders = known.select("customer_id", pl.col("ordered_at").dt.date()).unique().height
    share = known["customer_id"].n_unique() / summary.height
    p = bundle.purchase_model.p_order(summary, days)["p_order"].to_numpy()
    hazard = -np.log1p(-p)
    of_buyers = brentq(lambda shift: np.mean(-np.expm1(-hazard * np.exp(shift))) - share, -4, 4)
    expected = bundle.purchase_model.expected_orders(summary, days)["expected_orders"].sum()
    return float(of_buyers - np.log(orders / expected))


def test_chances_are_held_against_todays_model(boosted_shop: CustomerData, boosted: Bundle) -> None:
    """Past cutoffs are ten days apart for windows of up to a month; a quarter of a window stands for no excess."""
    days = boosted.horizons.churn_days
    cutoffs = [AS_OF - timedelta(days=days + 10 * back) for back in range(4)]
    found = [excess(boosted_shop, boosted, cutoff, days) for cutoff in cutoffs]
    assert boosted.refinement is not None
    # Bisection in forty steps over a width of 8.
    assert boosted.refinement.hazard_shift["churn"] == pytest.approx(sum(found) / 4.25, abs=1e-9)
    assert abs(sum(found)) > 0.01


def test_what_shorter_windows_say_of_chances_is_not_carried_over(boosted_shop: CustomerData) -> None:
    few = replace(QUICK, max_rounds=2)
    bundle = BoostedRecipe(params=few).fit(boosted_shop, AS_OF, Horizons(180, 170, 20))
    assert bundle.refinement is not None
    shifts = bundle.refinement.hazard_shift
    assert shifts["churn"] == shifts["return"] == 0.0
    assert shifts["order"] != 0.0
    assert bundle.refinement.trees["churn"].days < 170
