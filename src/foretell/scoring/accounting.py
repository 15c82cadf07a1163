"""What became of every source row in one scoring run: rows in = used + at or after as_of + quarantined."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from foretell.tables.dataset import QUARANTINE_SCHEMA, CustomerData
from foretell.tables.purchases import purchase_days
from foretell.windows import as_cutoff

REFUND_WITHOUT_ORDER = "refund_without_order"
"""Rows of a customer who has nothing but refunds and cancelled or fully refunded orders."""


@dataclass(frozen=True)
class TableAccount:
    """Source rows of one table: ``rows_in == used + at_or_after_as_of + quarantined``.

    Parameters
    ----------
    table : str
        Name of the table.
    rows_in : int
        Rows read.
    used : int
        Rows that scores may rest on.
    at_or_after_as_of : int
        Rows that scoring did not see.
    quarantined : int
        Rows that could not be used.
    """

    table: str
    rows_in: int
    used: int
    at_or_after_as_of: int
    quarantined: int

    def words(self) -> str:
        """Return the account as one line of text."""
        parts = ((self.used, "used"), (self.at_or_after_as_of, "at or after as_of"), (self.quarantined, "quarantined"))
        return f"{self.rows_in:,} in = " + " + ".join(f"{count:,} {what}" for count, what in parts)

    def counts(self) -> dict[str, int]:
        """Return the numbers by name."""
        return {
            "rows_in": self.rows_in,
            "used": self.used,
            "at_or_after_as_of": self.at_or_after_as_of,
            "quarantined": self.quarantined,
        }


@dataclass(frozen=True)
class RowAccount:
    """Source rows of one scoring run, of all tables together and of each.

    Parameters
    ----------
    tables : tuple of TableAccount
        Orders first, then the other tables that are there.
    quarantine : polars.DataFrame
        ``row_number``, ``table``, ``column``, ``reason``, one row per source row left out, sorted.
    """

    tables: tuple[TableAccount, ...]
    quarantine: pl.DataFrame

    @property
    def rows_in(self) -> int:
        """Rows read; equals ``used + at_or_after_as_of + quarantine.height``."""
        return sum(table.rows_in for table in self.tables)

    @property
    def used(self) -> int:
        """Rows that scores may rest on."""
        return sum(table.used for table in self.tables)

    @property
    def at_or_after_as_of(self) -> int:
        """Rows that scoring did not see."""
        return sum(table.at_or_after_as_of for table in self.tables)

    def words(self) -> str:
        """Return the account of all tables together as one line of text."""
        total = TableAccount("", self.rows_in, self.used, self.at_or_after_as_of, self.quarantine.height)
        return f"Rows: {total.words()}"

    def table_lines(self) -> list[str]:
        """Return the account of each table as a line of text; nothing where there are orders only."""
        return table_lines(self.tables)

    def reasons(self) -> dict[str, int]:
        """Return each reason of quarantine with its number of rows, sorted; those of other tables with their name."""
        named = self.quarantine.select(
            pl.when(pl.col("table") == "orders").then("reason").otherwise(pl.col("table") + "." + pl.col("reason"))
        ).to_series()
        return dict(sorted(Counter(named.to_list()).items()))


def table_lines(tables: Sequence[TableAccount]) -> list[str]:
    """Return the account of each table as a line of text.

    Parameters
    ----------
    tables : sequence of TableAccount
        Orders first.

    Returns
    -------
    list of str
        Nothing where there are orders only.
    """
    return [f"  {account.table}: {account.words()}" for account in tables if len(tables) > 1]


def refund_only_rows(data: CustomerData, as_of: date | datetime | str) -> pl.DataFrame:
    """Return the rows of customers who have nothing but refunds and cancelled or fully refunded orders.

    Parameters
    ----------
    data : CustomerData
        Rows of all customers, or of one bucket of them.
    as_of : date, datetime or str
        First instant that scoring did not see.

    Returns
    -------
    polars.DataFrame
        ``row_number``, ``table``, ``column``, ``reason``, as in a quarantine.
    """
    seen = data.before(as_of)
    if not seen.has_refunds:
        return pl.DataFrame(schema=QUARANTINE_SCHEMA)
    buyers = purchase_days(seen).select("customer_id").unique()
    return (
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


def account_rows(
    data: CustomerData, as_of: date | datetime | str, *, refunds_only: pl.DataFrame | None = None
) -> RowAccount:
    """Account for every row read.

    Parameters
    ----------
    data : CustomerData
        The shop's rows, uncut.
    as_of : date, datetime or str
        First instant that scoring did not see.
    refunds_only : polars.DataFrame or None
        As from `refund_only_rows`, of all buckets; None looks.

    Returns
    -------
    RowAccount
        Numbers, and the quarantine of reading together with that of scoring.
    """
    cutoff = as_cutoff(as_of)
    seen = data.before(cutoff)
    if refunds_only is None:
        refunds_only = refund_only_rows(data, cutoff)
    quarantine = pl.concat([data.quarantine.select(list(QUARANTINE_SCHEMA)), refunds_only], how="vertical_relaxed")
    left_out = Counter(quarantine["table"].to_list())
    orders = _account("orders", data.orders, seen.orders, left_out["orders"], of_used=refunds_only.height)
    others = (
        _account(name, getattr(data.optional, name).lazy(), getattr(seen.optional, name).lazy(), left_out[name])
        for name in data.optional.names
    )
    by_table = pl.col("table") != "orders"
    return RowAccount((orders, *others), quarantine.sort(by_table, "table", "row_number", "reason"))


def _account(name: str, rows: pl.LazyFrame, seen: pl.LazyFrame, quarantined: int, *, of_used: int = 0) -> TableAccount:
    total, before = (part.select(pl.len()).collect(engine="streaming").item() for part in (rows, seen))
    read = total + quarantined - of_used
    return TableAccount(name, read, before - of_used, total - before, quarantined)
