"""What is known of each customer at a cutoff: all that predictions may rest on."""

from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from foretell.features.compute import describe, describe_tables
from foretell.features.history import purchase_history
from foretell.features.statistics import Statistics
from foretell.features.summary import summarise
from foretell.tables.dataset import CustomerData
from foretell.windows import as_cutoff


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
    """

    as_of: datetime
    summary: pl.DataFrame
    features: pl.DataFrame | None = None

    @property
    def has_money(self) -> bool:
        """Whether the orders carry money."""
        return self.summary["historic_spend"].null_count() < self.summary.height


def known_at(
    data: CustomerData, as_of: date | datetime | str, *, with_features: bool, statistics: Statistics | None = None
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
    history = purchase_history(data, cutoff)
    if not with_features:
        return Known(cutoff, summarise(history))
    features = describe(history).hstack(describe_tables(data, cutoff, history, statistics))
    return Known(cutoff, summarise(history), features)
