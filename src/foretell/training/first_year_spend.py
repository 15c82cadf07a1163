"""What people who placed a first order spent since, and how much of a first year was seen of each."""

import numpy as np
import polars as pl

from foretell.features.history import purchase_history
from foretell.models.first_year_values import FirstYearValues
from foretell.scoring.base import PurchaseModel
from foretell.tables.dataset import MINOR_PER_UNIT, CustomerData
from foretell.training.prospect_rows import ProspectRows

YEAR_DAYS = 365
_ATTRIBUTES = ("profile_country", "top_channel")
# New customers order most often at first, so the days between are closer there.
_KNOTS = (0, 1, 2, 4, 7, 14, 21, 30, 45, 60, 90, 120, 150, 180, 210, 240, 270, 300, 330, YEAR_DAYS)


def fit_first_year_values(past: CustomerData, rows: ProspectRows, model: PurchaseModel) -> FirstYearValues | None:
    """Fit the mean first-year spend of newcomers by what was known of them before the first order.

    Parameters
    ----------
    past : CustomerData
        What was seen before training ends.
    rows : ProspectRows
        People at past cutoffs; the newest row before the first order tells the group.
    model : MBGCNBD or ParetoNBD
        Fitted to what was seen: says which part of a year's orders comes in the days that were seen.

    Returns
    -------
    FirstYearValues or None
        None without money, or where nobody placed a first order. Spend is net of refunds and not discounted. States
        are divided by country, by channel where no country is known.
    """
    people = newcomers(past, rows, model)
    if people is None or people.is_empty():
        return None
    known = (name for name in _ATTRIBUTES if name in people.columns and people[name].n_unique() > 1)
    return FirstYearValues.fit(people, attribute=next(known, None), year=float(_orders_within(model, [YEAR_DAYS])[0]))


def newcomers(past: CustomerData, rows: ProspectRows, model: PurchaseModel) -> pl.DataFrame | None:
    """Return who placed a first order, with spend and expected orders in the days of the first year that were seen.

    Parameters
    ----------
    past : CustomerData
        What was seen before training ends.
    rows : ProspectRows
        People at past cutoffs.
    model : MBGCNBD or ParetoNBD
        Fitted to what was seen.

    Returns
    -------
    polars.DataFrame or None
        One row per person, sorted by ``customer_id``: the features at the newest cutoff before the first order,
        ``spend`` (currency units), ``days_seen`` (1 to 365), ``expected_orders``. None without money.
    """
    history = purchase_history(past, past.observed_until)
    if history.amount is None or history.loose_refund is None:
        return None
    # A refund outside of any order has no day of its own in the history: it is taken off the year as far as that goes.
    in_year = history.day < history.first_day[history.customer] + YEAR_DAYS
    spend = np.bincount(history.customer, weights=history.amount * in_year, minlength=history.start.size)
    spend = np.maximum(spend + history.loose_refund, 0) / MINOR_PER_UNIT
    seen = np.clip(history.end_day - history.first_day, 1, YEAR_DAYS)
    bought = pl.DataFrame(
        {
            "customer_id": history.customer_id,
            "spend": spend,
            "days_seen": seen,
            "expected_orders": _orders_within(model, seen),
        }
    )
    first = rows.frame.filter(rows.actual == 1).sort("customer_id", "cutoff").unique("customer_id", keep="last")
    return first.sort("customer_id").join(bought, on="customer_id", how="inner", maintain_order="left")


def _orders_within(model: PurchaseModel, days: object) -> np.ndarray:
    """Expected orders of a newcomer in the days from the first order on, that order included."""
    repeats = [0.0, *(model.new_customer_orders(float(knot)) for knot in _KNOTS[1:])]
    # The day of the first order is seen too, and holds no repeat.
    return np.asarray(1.0 + np.interp(np.asarray(days, dtype=np.float64) - 1.0, _KNOTS, repeats), dtype=np.float64)
