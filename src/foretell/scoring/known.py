"""What is known of each customer at a cutoff: all that predictions may rest on."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from foretell.features.compute import describe
from foretell.features.history import PurchaseHistory, purchase_history
from foretell.features.summary import summarise
from foretell.tables.dataset import CustomerData
from foretell.windows import as_cutoff

MOST_AT_ONCE = 50_000
"""Customers whose features are in memory together: more gain nothing and cost 3 KB each."""


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
    history : PurchaseHistory or None
        What both are computed from, where it is kept so that some of the customers can be described later.
    """

    as_of: datetime
    summary: pl.DataFrame
    features: pl.DataFrame | None = None
    history: PurchaseHistory | None = None

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
            Without the history; without features too where it was not kept and they were not computed.
        """
        mask = pl.Series(chosen)
        features = None if self.features is None else self.features.filter(mask)
        if features is None and self.history is not None:
            features = describe(self.history if chosen.all() else self.history.of(chosen))
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
    data: CustomerData, as_of: date | datetime | str, *, with_features: bool, keep_history: bool = False
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
    history = purchase_history(data, cutoff)
    features = describe(history) if with_features else None
    return Known(cutoff, summarise(history), features, history if keep_history else None)
