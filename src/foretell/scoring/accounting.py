"""What became of every source row in one scoring run: rows in = used + at or after as_of + quarantined."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from foretell.tables.dataset import QUARANTINE_SCHEMA, CustomerData
from foretell.tables.purchases import purchase_days
from foretell.windows import as_cutoff

REFUND_WITHOUT_ORDER = "refund_without_order"
"""Rows of a customer who has nothing but refunds and cancelled or fully refunded orders."""


@dataclass(frozen=True)
class RowAccount:
    """Source rows of one scoring run.

    Parameters
    ----------
    rows_in : int
        Rows read; equals ``used + at_or_after_as_of + quarantine.height``.
    used : int
        Rows that scores rest on.
    at_or_after_as_of : int
        Rows that scoring did not see.
    quarantine : polars.DataFrame
        ``row_number``, ``table``, ``column``, ``reason``, one row per source row left out, sorted.
    """

    rows_in: int
    used: int
    at_or_after_as_of: int
    quarantine: pl.DataFrame

    def words(self) -> str:
        """Return the account as one line of text."""
        parts = (
            (self.used, "used"), (self.at_or_after_as_of, "at or after as_of"), (self.quarantine.height, "quarantined"),
        )  # fmt: skip
        return f"Rows: {self.rows_in:,} in = " + " + ".join(f"{count:,} {what}" for count, what in parts)

    def reasons(self) -> dict[str, int]:
        """Return each reason of quarantine with its number of rows, sorted by reason."""
        return dict(sorted(Counter(self.quarantine["reason"].to_list()).items()))


def account_rows(data: CustomerData, as_of: date | datetime | str) -> RowAccount:
    """Account for every row read.

    Parameters
    ----------
    data : CustomerData
        The shop's rows, uncut.
    as_of : date, datetime or str
        First instant that scoring did not see.

    Returns
    -------
    RowAccount
        Numbers, and the quarantine of reading together with that of scoring.
    """
    cutoff = as_cutoff(as_of)
    total = data.orders.select(pl.len()).collect().item()
    seen = data.before(cutoff)
    buyers = purchase_days(seen).select("customer_id").unique()
    refunds_only = (
        seen.orders.select("customer_id", "row_number")
        .join(buyers, on="customer_id", how="anti")
        .select(
            pl.col("row_number").cast(pl.UInt32),
            pl.lit("orders").alias("table"),
            pl.lit("customer_id").alias("column"),
            pl.lit(REFUND_WITHOUT_ORDER).alias("reason"),
        )
        .collect()
    )
    rows_seen = seen.orders.select(pl.len()).collect().item()
    quarantine = pl.concat([data.quarantine.select(list(QUARANTINE_SCHEMA)), refunds_only], how="vertical_relaxed")
    return RowAccount(
        rows_in=total + data.quarantine.height,
        used=rows_seen - refunds_only.height,
        at_or_after_as_of=total - rows_seen,
        quarantine=quarantine.sort("row_number", "reason"),
    )
