"""What one scoring run on a cluster found, and where its rows are."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

from foretell.engines.spark.plan import ShopPlan
from foretell.scoring.accounting import TableAccount
from foretell.scoring.activity import Activity
from foretell.tables.dataset import Note
from foretell.windows import Horizons

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class SparkScored:
    """The result of one scoring run on a cluster.

    Parameters
    ----------
    scores : pyspark.sql.DataFrame
        One row per customer, columns of `foretell.scoring.schema.score_columns`, in no promised order.
    accounts : tuple of TableAccount
        What became of every source row, by table, orders first.
    reasons : mapping of str to int
        Rows left out by reason; those of other tables than orders with the name of their table.
    notes : tuple of Note
        What stopped nothing and should be known.
    content : str
        Digits that tell usable rows of all tables apart, whatever order they come in.
    customers, refunds_only : int
        Customers scored; rows of customers with refunds only.
    activity : Activity
        How busy the shop was before the cutoff.
    forecast, total : polars.DataFrame
        As from `foretell.scoring.forecast`, small.
    version : str
        Bundle that scored.
    as_of : datetime
        First instant that scoring did not see.
    horizons : Horizons
        The numbers in the names.
    held : tuple of pyspark.sql.DataFrame
        What the workers hold on their disks.
    described : pyspark.sql.DataFrame
        `scores` with what else was computed of every customer.
    plain : pyspark.sql.DataFrame
        The same without percentiles and reasons.
    types : mapping of str to polars.DataType
        Its columns.
    versions : mapping of str to str
        Libraries of the driver.
    has_money : bool
        Whether anything is said of money.
    plan : ShopPlan
        How the tables were read.
    """

    scores: "DataFrame"
    accounts: tuple[TableAccount, ...]
    reasons: Mapping[str, int]
    notes: tuple[Note, ...]
    content: str
    customers: int
    refunds_only: int
    activity: Activity
    forecast: pl.DataFrame
    total: pl.DataFrame
    version: str
    as_of: datetime
    horizons: Horizons
    held: "tuple[DataFrame, ...]"
    described: "DataFrame"
    plain: "DataFrame"
    types: Mapping[str, pl.DataType]
    versions: Mapping[str, str]
    has_money: bool
    plan: ShopPlan

    def release(self) -> None:
        """Let go of what the workers hold; `scores` would be computed again."""
        for frame in self.held:
            frame.unpersist()

    def counts(self) -> dict[str, int]:
        """Return what became of every source row, of all tables together.

        Returns
        -------
        dict of str to int
            ``rows_in`` = ``used`` + ``at_or_after_as_of`` + ``quarantined``.
        """
        counted = [account.counts() for account in self.accounts]
        return {name: sum(one[name] for one in counted) for name in counted[0]}
