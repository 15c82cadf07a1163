"""What a check found of each table beside the orders, and which features the tables switch on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from foretell.features.catalogue import FamilyState
from foretell.tables.dataset import CustomerData

_SPANS = {
    "order_lines": ("ordered_at", "ordered_at"),
    "events": ("occurred_at", "occurred_at"),
    "customers": ("signed_up_at", "signed_up_at"),
    "calendar": ("starts_on", "ends_on"),
}


@dataclass(frozen=True)
class TableFound:
    """One table, as seen at the cutoff.

    Parameters
    ----------
    table : str
        Name of the table.
    rows : int
        Rows before the cutoff.
    customers : int or None
        Different customers and visitors in it; None where the table has none.
    with_orders : int or None
        Those of them who ordered before the cutoff.
    first, last : str
        Days of its span; empty where it has no dates.
    """

    table: str
    rows: int
    customers: int | None
    with_orders: int | None
    first: str
    last: str

    def words(self) -> str:
        """Return what was found as one line of text."""
        parts = [f"{self.rows:,} rows"]
        if self.customers is not None and self.with_orders is not None:
            share = f" ({self.with_orders / self.customers:.0%})" if self.customers else ""
            parts.append(f"{self.customers:,} customers, {self.with_orders:,}{share} with orders")
        if self.first:
            parts.append(f"{self.first} to {self.last}")
        return f"{self.table}: {'; '.join(parts)}"


def tables_found(data: CustomerData, cutoff: datetime) -> tuple[TableFound, ...]:
    """Describe every table beside the orders.

    Parameters
    ----------
    data : CustomerData
        The shop's tables.
    cutoff : datetime
        First instant that is not seen.

    Returns
    -------
    tuple of TableFound
        In the order of the design; tables that are absent are left out.
    """
    seen = data.before(cutoff)
    buyers = seen.orders.select("customer_id").unique().collect()
    return tuple(_found(name, getattr(seen.optional, name).lazy().collect(), buyers) for name in seen.optional.names)


def _found(name: str, rows: pl.DataFrame, buyers: pl.DataFrame) -> TableFound:
    customers = with_orders = None
    if "customer_id" in rows.columns:
        ids = rows.select("customer_id").unique()
        customers, with_orders = ids.height, ids.join(buyers, on="customer_id", how="semi").height
    first, last = _SPANS.get(name, ("", ""))
    if first not in rows.columns:
        return TableFound(name, rows.height, customers, with_orders, "", "")
    return TableFound(name, rows.height, customers, with_orders, _day(rows[first].min()), _day(rows[last].max()))


def _day(value: object) -> str:
    return f"{value:%Y-%m-%d}" if isinstance(value, date) else ""


def feature_lines(families: Sequence[FamilyState]) -> list[str]:
    """Return a line for each family of features: how many are on, and what would switch on the rest.

    Parameters
    ----------
    families : sequence of FamilyState
        What the tables switch on.

    Returns
    -------
    list of str
        Lines of text.
    """
    lines = [f"{'Features':<32} {'on':>10} {'of':>8}"]
    for family in families:
        lacks = f"  needs {family.missing}" if family.missing else ""
        lines.append(f"{family.name:<32} {family.features:>10} {family.of:>8}{lacks}")
    return lines
