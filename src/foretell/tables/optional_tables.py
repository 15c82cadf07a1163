"""The tables beside orders that a shop may have, each cut at a cutoff by its own column of time."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

import polars as pl


@dataclass(frozen=True, eq=False)
class OptionalTables:
    """Order lines, events, customers, calendar and places; None where a shop has no such table.

    Parameters
    ----------
    order_lines : polars.LazyFrame or None
        One row per line: ``customer_id`` String, ``ordered_at`` Datetime[us], ``product_id`` String, ``quantity``
        Float64, ``amount_minor`` Int64 (1/10,000 of the currency unit, negative for a return; absent without money),
        where known ``order_id``, ``category``, ``brand`` String and ``discount_minor`` Int64.
    events : polars.LazyFrame or None
        One row per event: ``customer_id`` String (a customer or a visitor), ``occurred_at`` Datetime[us], ``event``
        String, where known ``category``, ``brand``, ``device``, ``channel``, ``source``, ``medium``, ``campaign``
        String, ``price_minor`` Int64, ``machine_generated`` Boolean.
    customers : polars.LazyFrame or None
        One row per customer: ``customer_id`` String and the columns of the customers table. Those without a date are
        today's values.
    calendar : polars.DataFrame or None
        One row per event and year: ``event`` String, ``starts_on`` and ``ends_on`` Date, both inclusive, where told
        ``announced_on`` Date, the day on which it became known; without one it was known always.
    places : polars.DataFrame or None
        One row per place: ``place`` String, ``lat`` and ``lon`` Float64 (degrees), ``radius_km`` Float64 or null.
    stable_attributes : tuple of str
        Columns of `customers` that hardly change, so that today's value may describe a past cutoff.
    """

    order_lines: pl.LazyFrame | None = None
    events: pl.LazyFrame | None = None
    customers: pl.LazyFrame | None = None
    calendar: pl.DataFrame | None = None
    places: pl.DataFrame | None = None
    stable_attributes: tuple[str, ...] = ("country", "region", "city", "signed_up_at")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the tables that are there."""
        tables = ("order_lines", "events", "customers", "calendar", "places")
        return tuple(name for name in tables if getattr(self, name) is not None)

    def before(self, cutoff: datetime) -> Self:
        """Return what was known at a cutoff.

        Parameters
        ----------
        cutoff : datetime
            First instant that is not seen.

        Returns
        -------
        OptionalTables
            Lines and events before the cutoff, customers who had not signed up at it or later, events of the calendar
            that had not been announced at it or later (a day is its midnight); places as they are.
        """
        customers = self.customers
        if customers is not None and "signed_up_at" in customers.collect_schema().names():
            signed_up = pl.col("signed_up_at")
            customers = customers.filter(signed_up.is_null() | (signed_up < cutoff))
        calendar = self.calendar
        if calendar is not None and "announced_on" in calendar.columns:
            announced = pl.col("announced_on")
            calendar = calendar.filter(announced.is_null() | (announced.cast(pl.Datetime("us")) < cutoff))
        return replace(
            self,
            order_lines=None if self.order_lines is None else self.order_lines.filter(pl.col("ordered_at") < cutoff),
            events=None if self.events is None else self.events.filter(pl.col("occurred_at") < cutoff),
            customers=customers,
            calendar=calendar,
        )

    def of_customers(self, ids: pl.Series) -> Self:
        """Return the rows of some customers; calendar and places are everybody's.

        Parameters
        ----------
        ids : polars.Series
            Customer ids.

        Returns
        -------
        OptionalTables
        """
        wanted = ids.alias("customer_id").to_frame().lazy()

        def rows_of(table: pl.LazyFrame | None) -> pl.LazyFrame | None:
            return None if table is None else table.join(wanted, on="customer_id", how="semi").collect().lazy()

        return replace(
            self,
            order_lines=rows_of(self.order_lines),
            events=rows_of(self.events),
            customers=rows_of(self.customers),
        )
