"""Rows that a model of first orders is learnt from: who was known at past cutoffs, and who then ordered first."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

import numpy as np
import polars as pl

from foretell.evaluation.vectors import FloatArray, IntArray
from foretell.features.fit_statistics import fit_statistics
from foretell.features.prospects import dated_members, known_prospects, without_order_before
from foretell.features.statistics import Statistics
from foretell.features.summary import purchase_summary
from foretell.labels.outcomes import outcomes
from foretell.tables.buckets import drawn
from foretell.tables.dataset import CustomerData
from foretell.training.shop import Shop, learnt_from
from foretell.windows import rolling_cutoffs

MOST_WINDOWS = 8
MOST_PEOPLE = 50_000
"""People whose rows are learnt from; of more, about so many by hash."""

PEOPLE = "prospects"
"""Salt of that choice."""

_LEAST_HISTORY_DAYS = 30


@dataclass(frozen=True, eq=False)
class ProspectRows:
    """People without an order at past cutoffs, stacked.

    Parameters
    ----------
    frame : polars.DataFrame
        ``cutoff``, then the columns of `features.prospects.known_prospects`; sorted by cutoff and customer.
    actual : ndarray of shape (rows,)
        1 where the first order came in the window that starts at the cutoff, else 0.
    waited : ndarray of shape (rows,)
        Days from the cutoff to it; 0 where none came.
    """

    frame: pl.DataFrame
    actual: FloatArray
    waited: FloatArray

    @cached_property
    def person(self) -> IntArray:
        """Whose row it is, shape (rows,), numbered from 0 in the order of ids."""
        return np.asarray(self.frame["customer_id"].rank("dense").to_numpy(), dtype=np.intp) - 1

    @cached_property
    def first_orders(self) -> int:
        """People who placed a first order in any window."""
        return int(np.unique(self.person[self.actual == 1]).size)

    def until(self, cutoff: datetime) -> "ProspectRows":
        """Return the rows of a cutoff and of those before it.

        Parameters
        ----------
        cutoff : datetime
            The last one to keep.

        Returns
        -------
        ProspectRows
        """
        kept = (self.frame["cutoff"] <= cutoff).to_numpy()
        return ProspectRows(self.frame.filter(kept), self.actual[kept], self.waited[kept])

    def at(self, cutoff: datetime) -> "ProspectRows":
        """Return the rows of one cutoff.

        Parameters
        ----------
        cutoff : datetime
            Which.

        Returns
        -------
        ProspectRows
        """
        kept = (self.frame["cutoff"] == cutoff).to_numpy()
        return ProspectRows(self.frame.filter(kept), self.actual[kept], self.waited[kept])


def prospect_cutoffs(since: datetime | None, first: datetime | None, end: datetime, days: int) -> tuple[datetime, ...]:
    """Return past cutoffs whose windows were observed as a whole, half a window apart.

    Parameters
    ----------
    since : datetime or None
        As from `features.prospects.known_since`.
    first : datetime or None
        Instant of the first order.
    end : datetime
        First instant that was not observed.
    days : int
        Length of a window.

    Returns
    -------
    tuple of datetime
        Oldest first, at most `MOST_WINDOWS`; each with 30 days of events before it, of sign-ups without events.
    """
    if since is None or first is None:
        return ()
    return rolling_cutoffs(
        # Before the first order that is known nobody can be told from a customer.
        first_seen=max(since, first),
        end=end,
        horizon_days=days,
        count=MOST_WINDOWS,
        min_history_days=_LEAST_HISTORY_DAYS,
    )


def prospect_rows(shop: Shop, cutoffs: Sequence[datetime], days: int) -> ProspectRows:
    """Return who was known at past cutoffs without an order, and who ordered in the window after it.

    Parameters
    ----------
    shop : Shop
        As of the cutoff that training ends at.
    cutoffs : sequence of datetime
        Oldest first, at least one; windows must be observed as a whole.
    days : int
        Length of a window.

    Returns
    -------
    ProspectRows
        Features and the figures of the shop that they need are those of each row's own cutoff; figures are fitted to
        who was a customer then, of those that corrections are learnt on, as a bundle's are. Whose rows a sample holds
        depends on ids alone.

    Raises
    ------
    HorizonNotObserved
        If a window ends after ``observed_until``.
    """
    people, learnt = _sampled(shop, cutoffs[0]), dated_members(learnt_from(shop))
    parts, happened = [], []
    for cutoff in cutoffs:
        frame = known_prospects(people, cutoff, _figures(learnt, cutoff))
        ordered = outcomes(people, cutoff, days).select("customer_id", "days_to_next_order").collect()
        told = frame.select("customer_id").join(ordered, on="customer_id", how="left", maintain_order="left")
        happened.append(told["days_to_next_order"].cast(pl.Float64).fill_null(0.0).to_numpy())
        parts.append(frame.insert_column(0, pl.lit(cutoff).cast(pl.Datetime("us")).alias("cutoff")))
    # Tables that begin later have features that older cutoffs lack.
    waited = np.concatenate(happened)
    return ProspectRows(pl.concat(parts, how="diagonal_relaxed"), (waited > 0).astype(np.float64), waited)


def _sampled(shop: Shop, oldest: datetime) -> CustomerData:
    """Return the rows of people who may be prospects at a cutoff: without an order before the oldest one."""
    data = dated_members(shop.data)
    ids = without_order_before(data, oldest)
    among = len(ids) if shop.people_at is None else shop.people_at(oldest)
    chosen = ids.filter(drawn(ids, MOST_PEOPLE, among=among, salt=PEOPLE))
    return replace(data.of_customers(chosen), observed_until_given=data.observed_until_given)


def _figures(learnt: CustomerData, cutoff: datetime) -> Statistics | None:
    # Of later customers nothing was known then that set them apart from other people.
    customers = purchase_summary(learnt, cutoff)["customer_id"]
    then = replace(learnt.of_customers(customers), observed_until_given=learnt.observed_until_given)
    return fit_statistics(then, cutoff)
