"""Repeat orders of a shop's customers week by week, beside what the purchase model expects of them."""

from datetime import date, datetime

import numpy as np
import polars as pl

from foretell.engines.trained_model import TrainedModel
from foretell.errors import HorizonNotObserved
from foretell.features.history import PurchaseHistory, purchase_history
from foretell.models.weekly import Vector
from foretell.tables.dataset import CustomerData
from foretell.windows import as_cutoff, first_unseen_day

_EPOCH = date(1970, 1, 1)
_WEEK = 7
_AGES = 48


def track_orders(model: TrainedModel, data: CustomerData, until: date | datetime | str | None = None) -> pl.DataFrame:
    """Follow the customers that a model was trained on, before and after its cutoff.

    What is expected is the unconditional law of the purchase model: each customer's first order starts a clock, and
    nothing else about the customer is known. It shows whether the model fits the shop as a whole, and where it drifts.

    Parameters
    ----------
    model : TrainedModel
        Its purchase model answers, without level, trees and calibration.
    data : CustomerData
        The shop's rows.
    until : date, datetime, str or None
        First instant that is not looked at; None is the end of what `data` observed.

    Returns
    -------
    polars.DataFrame
        One row per whole week from the first order on: ``week_starts_on`` Date, ``actual_orders`` and
        ``expected_orders`` Float64 (repeat purchase days of customers with a first order before the cutoff),
        ``actual_cumulative``, ``expected_cumulative``, ``after_cutoff`` Boolean (the model has not seen the week's
        end).

    Raises
    ------
    HorizonNotObserved
        If `until` lies after the end of what was observed, or not a week is seen.

    References
    ----------
    Fader, Hardie, Lee (2005), "Counting your customers the easy way", Marketing Science 24(2), figures 2 and 3.
    """
    end = data.observed_until if until is None else as_cutoff(until)
    if end > data.observed_until:
        msg = f"until {end} lies after {data.observed_until}, the end of what was observed. Remedy: an earlier day."
        raise HorizonNotObserved(msg)
    history = purchase_history(data, end)
    cutoff = (first_unseen_day(model.bundle.as_of) - _EPOCH).days
    start = int(history.day.min(initial=cutoff))
    weeks = (history.end_day - start) // _WEEK
    if weeks < 1:
        msg = "Not a whole week of orders is seen. Remedy: a later day, or more history."
        raise HorizonNotObserved(msg)
    edges = start + _WEEK * np.arange(weeks + 1)
    known = history.first_day < cutoff
    actual, expected = _actual(history, known, edges), _expected(history.first_day[known], edges, model)
    return pl.DataFrame(
        {
            "week_starts_on": pl.Series(edges[:-1].astype(np.int32)).cast(pl.Date),
            "actual_orders": actual,
            "expected_orders": expected,
            "actual_cumulative": np.cumsum(actual),
            "expected_cumulative": np.cumsum(expected),
            "after_cutoff": edges[1:] > cutoff,
        }
    )


def _actual(history: PurchaseHistory, known: np.ndarray, edges: np.ndarray) -> Vector:
    repeat = known[history.customer] & (history.rank > 0)
    counts = np.histogram(history.day[repeat], bins=edges)[0]
    # The last edge belongs to the week after it.
    counts[-1] -= np.count_nonzero(history.day[repeat] == edges[-1])
    return counts.astype(np.float64)


def _expected(first_days: np.ndarray, edges: np.ndarray, model: TrainedModel) -> Vector:
    """Sum the law of a new customer over the cohorts of a first day."""
    law = _law(model, int(edges[-1] - edges[0]))
    cohorts = np.bincount(first_days[first_days < edges[-1]] - edges[0])
    days = np.flatnonzero(cohorts)
    # Seen until the morning of an edge, a customer of day d is (edge - 1 - d) days old.
    age = np.maximum(edges[:, np.newaxis] - 1 - (edges[0] + days[np.newaxis, :]), 0)
    total: Vector = law[age] @ cohorts[days].astype(np.float64)
    return np.diff(total)


def _law(model: TrainedModel, days: int) -> Vector:
    """Expected repeat orders of a new customer by age in days, 0 to `days`: exact at some ages, smooth between."""
    from scipy.interpolate import PchipInterpolator

    ages = np.unique(np.rint(np.geomspace(1, max(days, 2), _AGES)))
    exact = [model.bundle.purchase_model.new_customer_orders(float(age)) for age in ages]
    law: Vector = PchipInterpolator([0.0, *ages], [0.0, *exact])(np.arange(days + 1))
    return law
