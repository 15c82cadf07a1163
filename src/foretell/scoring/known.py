"""What is known of each customer at a cutoff: all that predictions may rest on."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from foretell.features.compute import describe, describe_tables
from foretell.features.history import PurchaseHistory, purchase_history
from foretell.features.statistics import Statistics
from foretell.features.summary import purchase_summary, summarise
from foretell.models.history import Histories
from foretell.tables.dataset import CustomerData
from foretell.windows import as_cutoff

MOST_AT_ONCE = 50_000
"""Customers whose features are in memory together: more gain nothing and cost 3 KB each."""


@dataclass(frozen=True, eq=False)
class Kept:
    """What features are computed from, so that some of the customers can be described later.

    Parameters
    ----------
    data : CustomerData
        Rows of all customers.
    history : PurchaseHistory
        Their purchase days before the cutoff.
    statistics : Statistics or None
        Figures of the whole shop that features of the optional tables need; None leaves those out.
    """

    data: CustomerData
    history: PurchaseHistory
    statistics: Statistics | None

    def features(self, as_of: datetime, chosen: NDArray[np.bool_]) -> pl.DataFrame:
        """Return the features of some of the customers.

        Parameters
        ----------
        as_of : datetime
            First instant that is not seen.
        chosen : ndarray of bool, shape (customers,)
            True for those to describe.

        Returns
        -------
        polars.DataFrame
            As from `features.compute.compute`.
        """
        if chosen.all():
            return _features(self.data, as_of, self.history, self.statistics)
        history = self.history.of(chosen)
        data = self.data
        if self.statistics is not None:
            # The end of observation stays that of the shop: it may lie before as_of, and was not stated by anybody.
            data = replace(data.of_customers(history.customer_id), observed_until_given=self.data.observed_until_given)
        return _features(data, as_of, history, self.statistics)


@dataclass(frozen=True, eq=False)
class Known:
    """Customers with a purchase before a cutoff, one row each in all frames, sorted by ``customer_id``.

    Parameters
    ----------
    as_of : datetime
        First instant that is not seen.
    summary : polars.DataFrame
        As from `features.summary.purchase_summary`.
    features : polars.DataFrame or None
        As from `features.compute.compute`; None where no model asks for them.
    kept : Kept or None
        What both are computed from, where some of the customers are to be described later.
    """

    as_of: datetime
    summary: pl.DataFrame
    features: pl.DataFrame | None = None
    kept: Kept | None = None

    @cached_property
    def histories(self) -> Histories:
        """The summary as purchase models read it, once for all that they are asked."""
        return Histories.of(self.summary, reader="Known")

    @property
    def has_money(self) -> bool:
        """Whether the orders carry money."""
        return self.summary["historic_spend"].null_count() < self.summary.height

    def described(self, chosen: NDArray[np.bool_]) -> "Known":
        """Return some of the customers with their features: those of nobody else are computed.

        Parameters
        ----------
        chosen : ndarray of bool, shape (customers,)
            True for those to keep.

        Returns
        -------
        Known
            Nothing is kept; without features where they were not computed and nothing was kept.
        """
        mask = pl.Series(chosen)
        features = None if self.features is None else self.features.filter(mask)
        if features is None and self.kept is not None:
            features = self.kept.features(self.as_of, chosen)
        return Known(self.as_of, self.summary.filter(mask), features)

    def parts(self, most: int) -> Iterator["Known"]:
        """Split the customers into neighbouring groups of about one size, with their features.

        Parameters
        ----------
        most : int
            Customers in a group, at most.

        Yields
        ------
        Known
            As from `described`, in the customers' order.
        """
        groups = max(-(-self.summary.height // most), 1)
        group = np.arange(self.summary.height) * groups // max(self.summary.height, 1)
        return (self.described(group == number) for number in range(groups))


def known_at(
    data: CustomerData,
    as_of: date | datetime | str,
    *,
    with_features: bool,
    keep_history: bool = False,
    statistics: Statistics | None = None,
) -> Known:
    """Look at a shop as of a cutoff.

    Parameters
    ----------
    data : CustomerData
        Rows of all customers, or of one bucket of them.
    as_of : date, datetime or str
        First instant that is not seen.
    with_features : bool
        Whether to compute the features as well.
    keep_history : bool
        Whether to keep what they are computed from, for `Known.described`.
    statistics : Statistics or None
        Figures of the whole shop that features of the optional tables need; None leaves those out.

    Returns
    -------
    Known
        Depends on rows before `as_of` only.

    Raises
    ------
    WindowError
        If `as_of` cannot be read, or lies after a given ``observed_until``.
    """
    cutoff = as_cutoff(as_of)
    if not with_features and not keep_history:
        return Known(cutoff, purchase_summary(data, cutoff))
    history = purchase_history(data, cutoff)
    features = _features(data, cutoff, history, statistics) if with_features else None
    kept = Kept(data, history, statistics) if keep_history else None
    return Known(cutoff, summarise(history), features, kept)


def _features(
    data: CustomerData, cutoff: datetime, history: PurchaseHistory, statistics: Statistics | None
) -> pl.DataFrame:
    return describe(history).hstack(describe_tables(data, cutoff, history, statistics))
