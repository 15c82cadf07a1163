"""What training asks of a shop at its cutoff, of rows in memory or of a cluster that has them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol

import polars as pl

from foretell.features.fit_statistics import fit_statistics, needs_statistics
from foretell.features.prospects import known_since
from foretell.features.statistics import Statistics
from foretell.features.summary import purchase_summary
from foretell.models.population import Population
from foretell.tables.buckets import drawn
from foretell.tables.categories import known_columns
from foretell.tables.dataset import CustomerData
from foretell.tables.moment import Moment

MOST_CUSTOMERS = 200_000
"""Corrections are learnt on at most so many customers, chosen by hash."""

LEARNT_ON = "sample"
"""Salt of that choice."""

_ALL_UP_TO = 15_000
_ONE_IN = 20


class Shop(Protocol):
    """A shop as of the cutoff that is trained at: rows of the customers who are looked at, figures of all."""

    @property
    def as_of(self) -> datetime:
        """First instant that is not seen."""

    @property
    def data(self) -> CustomerData:
        """Rows before the cutoff, of everybody who is learnt from or judged; observed as long as the shop."""

    @property
    def customer_ids(self) -> pl.Series:
        """Customers with a purchase before the cutoff in `data`, sorted."""

    @property
    def population(self) -> Population:
        """All customers with a purchase before the cutoff."""

    @property
    def columns(self) -> dict[str, Any]:
        """Columns and categories of the orders, as from `foretell.tables.categories.known_columns`."""

    @property
    def first_order_at(self) -> datetime | None:
        """Instant of the first row, or None without rows."""

    @property
    def fingerprint(self) -> str:
        """Hash of all rows before the cutoff."""

    @property
    def whole_at(self) -> Callable[[datetime], Moment] | None:
        """From a past cutoff to the whole shop then; None where `data` are of everybody."""

    @property
    def known_since(self) -> datetime | None:
        """As from `foretell.features.prospects.known_since`."""

    @property
    def people_at(self) -> Callable[[datetime], int] | None:
        """From a past cutoff to how many `foretell.features.prospects.without_order_before` knows; None as above."""


@dataclass(frozen=True, eq=False)
class ShopInMemory:
    """A shop of which all rows are here.

    Parameters
    ----------
    data : CustomerData
        Rows before the cutoff.
    as_of : datetime
        First instant that is not seen.
    """

    data: CustomerData
    as_of: datetime

    @classmethod
    def of(cls, data: CustomerData, as_of: datetime) -> "ShopInMemory":
        """Look at a shop as of a cutoff.

        Parameters
        ----------
        data : CustomerData
            Its rows; those at or after the cutoff are not read.
        as_of : datetime
            First instant that is not seen.

        Returns
        -------
        ShopInMemory

        Raises
        ------
        WindowError
            If `as_of` lies after a given ``observed_until``.
        """
        return cls(data.before(as_of), as_of)

    @cached_property
    def summary(self) -> pl.DataFrame:
        """As from `foretell.features.summary.purchase_summary`."""
        return purchase_summary(self.data, self.as_of)

    @property
    def customer_ids(self) -> pl.Series:
        """Customers with a purchase, sorted."""
        return self.summary["customer_id"]

    @cached_property
    def population(self) -> Population:
        """All customers with a purchase."""
        return Population.of(self.summary)

    @property
    def columns(self) -> dict[str, Any]:
        """Columns and categories of the orders."""
        return known_columns(self.data)

    @property
    def first_order_at(self) -> datetime | None:
        """Instant of the first row."""
        return self.data.first_order_at()

    @property
    def fingerprint(self) -> str:
        """Hash of all rows."""
        return self.data.fingerprint()

    @property
    def whole_at(self) -> None:
        """Nothing: all rows are here."""

    @property
    def known_since(self) -> datetime | None:
        """Since when people are known before they order."""
        return known_since(self.data)

    @property
    def people_at(self) -> None:
        """Nothing: all rows are here."""


def customers_learnt_on(customers: int) -> int:
    """Return how many customers corrections are learnt on: precision grows with the root, cost in proportion.

    Parameters
    ----------
    customers : int
        Of the shop.

    Returns
    -------
    int
        All up to 15,000, one in 20 of those beyond, 200,000 at most.
    """
    return min(customers, _ALL_UP_TO + max(customers - _ALL_UP_TO, 0) // _ONE_IN, MOST_CUSTOMERS)


def learnt_from(shop: Shop) -> CustomerData:
    """Return the rows of the customers that corrections are learnt on: all, or a sample by hash.

    Parameters
    ----------
    shop : Shop
        Whose.

    Returns
    -------
    CustomerData
        Observed as long as the shop, and as far as that was stated.
    """
    among, ids = shop.population.customers, shop.customer_ids
    chosen = ids.filter(drawn(ids, customers_learnt_on(among), among=among, salt=LEARNT_ON))
    # Where nobody stated the end of observation, a later as_of may be asked for: it is staleness, not an error.
    return replace(shop.data.of_customers(chosen), observed_until_given=shop.data.observed_until_given)


def learnt_at(shop: Shop, cutoff: datetime) -> CustomerData:
    """Return the rows of the customers that corrections would be learnt on at a past cutoff.

    Parameters
    ----------
    shop : Shop
        Whose.
    cutoff : datetime
        First instant that is not seen; one that a cluster was asked to count at.

    Returns
    -------
    CustomerData
        Observed as long as the shop was then, and as far as that was stated.
    """
    seen = shop.data.before(cutoff)
    ids = purchase_summary(seen, cutoff)["customer_id"]
    whole = Moment(len(ids), seen.observed_until) if shop.whole_at is None else shop.whole_at(cutoff)
    chosen = ids.filter(drawn(ids, customers_learnt_on(whole.customers), among=whole.customers, salt=LEARNT_ON))
    given = shop.data.observed_until_given
    return replace(seen.of_customers(chosen), observed_until=whole.observed_until, observed_until_given=given)


def statistics_of(shop: Shop) -> Statistics | None:
    """Fit the figures that features need, to the customers that corrections are learnt on.

    Parameters
    ----------
    shop : Shop
        Whose.

    Returns
    -------
    Statistics or None
        As from `foretell.features.fit_statistics.fit_statistics`.
    """
    return fit_statistics(learnt_from(shop), shop.as_of) if needs_statistics(shop.data) else None
