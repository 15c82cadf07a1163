"""The shop's data as one frozen value, which can be cut at any instant and never looks past it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Self, cast

import polars as pl

from foretell.errors import DataError, HorizonNotObserved, Violation, WindowError
from foretell.tables import order_keys
from foretell.tables.fingerprint import fingerprint_of
from foretell.tables.notebook_html import data_html
from foretell.tables.optional_tables import OptionalTables
from foretell.tables.schema import QUARANTINE
from foretell.windows import as_cutoff, midnight_after

MINOR_PER_UNIT = 10_000
"""Money is held as whole ten-thousandths of the currency unit: sums are exact in any order."""

QUARANTINE_SCHEMA = {column.name: column.dtype for column in QUARANTINE}
"""Columns of a frame of rows left out."""


@dataclass(frozen=True)
class Note:
    """Something about the input that a person should know and that stops nothing.

    Parameters
    ----------
    code : str
        Stable name of the kind of note.
    count : int
        Rows concerned; days where it is days that are told of.
    text : str
        One sentence, without any value from the data but days.
    table : str
        Table that it is about.
    """

    code: str
    count: int
    text: str
    table: str = "orders"

    def counted(self, count: int) -> "Note":
        """Return the same note of another number of rows.

        Parameters
        ----------
        count : int
            Rows concerned.

        Returns
        -------
        Note
            The number is replaced where the text first says it.
        """
        return replace(self, count=count, text=self.text.replace(f"{self.count:,}", f"{count:,}", 1))

    @property
    def sentence(self) -> str:
        """The text, with the name of its table in front where that is not orders."""
        return self.text if self.table == "orders" else f"{self.table}: {self.text}"


@dataclass(frozen=True)
class ReadReport:
    """What became of every row read: ``rows_in == rows_used + rows_quarantined``.

    Parameters
    ----------
    rows_in, rows_used, rows_quarantined : int
        Numbers of source rows.
    notes : tuple of Note
        What was found that stops nothing.
    tables : mapping of str to ReadReport
        The same of the tables beside orders, by name.
    """

    rows_in: int
    rows_used: int
    rows_quarantined: int = 0
    notes: tuple[Note, ...] = ()
    tables: "Mapping[str, ReadReport]" = field(default_factory=dict)


@dataclass(frozen=True)
class CustomerData:
    """Order rows of a shop up to the first instant that was not observed.

    Build it with `foretell.read_orders`, `foretell.load_cdnow` or `CustomerData.from_orders`.

    Parameters
    ----------
    orders : polars.LazyFrame
        One row per source row: ``row_number`` UInt32, ``customer_id`` String, ``ordered_at`` Datetime[us]
        naive in the shop's zone; where known ``amount_minor`` Int64 (1/10,000 of the currency unit),
        ``order_id`` String, ``cancelled`` Boolean; any further columns are attributes.
    observed_until : datetime
        First instant not observed, exclusive.
    observed_until_given : bool
        Whether the user stated it; then nothing may be asked for past it.
    quarantine : polars.DataFrame
        Rows that could not be used: ``row_number``, ``table``, ``column``, ``reason``.
    report : ReadReport
        Row accounting.
    has_refunds, order_ids_repeat : bool
        Whether any row is a refund or cancelled, and whether any order has several rows. They only choose
        the quicker of two ways to the same purchase days.
    optional : OptionalTables
        The shop's other tables.
    kept : dict
        No argument: what was derived from these very rows, by name. A copy with other rows keeps nothing.
    """

    orders: pl.LazyFrame
    observed_until: datetime
    observed_until_given: bool = False
    quarantine: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=QUARANTINE_SCHEMA))
    report: ReadReport = ReadReport(0, 0)
    has_refunds: bool = True
    order_ids_repeat: bool = True
    optional: OptionalTables = field(default_factory=OptionalTables)
    kept: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def from_orders(
        cls,
        frame: pl.DataFrame | pl.LazyFrame,
        *,
        observed_until: date | datetime | str | None = None,
        quarantine: pl.DataFrame | None = None,
        report: ReadReport | None = None,
        order_ids_repeat: bool | None = None,
    ) -> Self:
        """Build the data set from order rows that already have foretell's columns and types.

        Parameters
        ----------
        frame : polars.DataFrame or polars.LazyFrame
            Columns as described for `orders`; ``row_number`` is added where absent. Not modified.
        observed_until : date, datetime, str or None
            First instant not observed; None is midnight after the last order.
        quarantine : polars.DataFrame or None
            Rows left out while reading.
        report : ReadReport or None
            Row accounting; None counts the rows given.
        order_ids_repeat : bool or None
            Whether any order has several rows, where that is known already; None looks.

        Returns
        -------
        CustomerData
            The frozen data set.

        Raises
        ------
        DataError
            If there is no row, or a key column is absent or null.
        """
        orders = frame.lazy().collect()
        if "row_number" not in orders.columns:
            orders = orders.with_row_index("row_number", offset=1)
        order_keys.require_keys(orders)
        last = orders["ordered_at"].max()
        if not isinstance(last, datetime):
            raise DataError(
                [Violation("orders", None, "there is no usable row", 0, remedy="Check the source and its mapping.")]
            )
        end = midnight_after(last)
        return cls(
            orders=orders.lazy(),
            observed_until=end if observed_until is None else as_cutoff(observed_until),
            observed_until_given=observed_until is not None,
            quarantine=pl.DataFrame(schema=QUARANTINE_SCHEMA) if quarantine is None else quarantine,
            report=ReadReport(orders.height, orders.height) if report is None else report,
            has_refunds=order_keys.has_refunds(orders),
            order_ids_repeat=order_keys.order_ids_repeat(orders) if order_ids_repeat is None else order_ids_repeat,
        )

    def __repr__(self) -> str:
        """Return one line: rows, end of observation, rows left out, names of the other tables."""
        rows = self.orders.select(pl.len()).collect().item()
        others = f"; with {', '.join(self.optional.names)}" if self.optional.names else ""
        return (
            f"CustomerData({rows:,} order rows, observed_until={self.observed_until.isoformat()!r}, "
            f"{self.quarantine.height:,} rows left out{others})"
        )

    def _repr_html_(self) -> str:
        """Return counts, days and notes as small tables; a notebook shows them."""
        return data_html(self)

    @property
    def has_amount(self) -> bool:
        """Whether orders carry money; without it only counts and dates are predicted."""
        return self.has_column("amount_minor")

    def has_column(self, name: str) -> bool:
        """Say whether the order rows carry a column.

        Parameters
        ----------
        name : str
            Column name.

        Returns
        -------
        bool
            True if it is there.
        """
        return name in self.orders.collect_schema().names()

    def before(self, cutoff: date | datetime | str) -> Self:
        """Return what was known at a cutoff: rows with ``ordered_at < cutoff`` and nothing else.

        Parameters
        ----------
        cutoff : date, datetime or str
            First instant that is not seen.

        Returns
        -------
        CustomerData
            The same data set, ending at the cutoff.

        Raises
        ------
        WindowError
            If `observed_until` was given and the cutoff lies after it.
        """
        cutoff = as_cutoff(cutoff)
        if self.observed_until_given and cutoff > self.observed_until:
            msg = (
                f"as_of {cutoff} lies after observed_until {self.observed_until}: nothing is known about the time "
                "between. Remedy: score as of observed_until, or read newer data."
            )
            raise WindowError(msg)
        if self.kept.get("cut_at") == cutoff:
            return self
        before_at, seen = self.kept.get("before", (None, None))
        if before_at != cutoff:
            seen = self._cut(cutoff)
            seen.kept["cut_at"] = cutoff
            # The newest only: who walks through many cutoffs shall not hold what was derived at each.
            self.kept["before"] = (cutoff, seen)
        return cast("Self", seen)

    def _cut(self, cutoff: datetime) -> Self:
        newest = self.last_order_at()
        orders = self.orders if newest and newest < cutoff else self.orders.filter(pl.col("ordered_at") < cutoff)
        seen = replace(self, orders=orders, optional=self.optional.before(cutoff))
        if self.observed_until_given:
            return replace(seen, observed_until=min(cutoff, self.observed_until))
        # The end of observation must not depend on rows at or after the cutoff either.
        last = newest if orders is self.orders else seen.last_order_at()
        return replace(seen, observed_until=min(cutoff, midnight_after(last)) if last else cutoff)

    def between(self, start: datetime, end: datetime) -> Self:
        """Return rows of a label window, ``start <= ordered_at < end``.

        Parameters
        ----------
        start, end : datetime
            First instant in the window and first instant after it.

        Returns
        -------
        CustomerData
            The order rows in the window, and no other table.

        Raises
        ------
        HorizonNotObserved
            If the window reaches past `observed_until`: not seen is not the same as nothing bought.
        """
        if end > self.observed_until:
            msg = (
                f"The window {start} to {end} reaches past {self.observed_until}, the end of what was observed. "
                "Remedy: an earlier cutoff or a shorter horizon."
            )
            raise HorizonNotObserved(msg)
        orders = self.orders.filter(pl.col("ordered_at").is_between(start, end, closed="left"))
        return replace(self, orders=orders, optional=OptionalTables())

    def of_customers(self, ids: pl.Series) -> Self:
        """Return the rows of some customers, observed as long as all of them.

        Parameters
        ----------
        ids : polars.Series
            Customer ids; those that are not there are passed over.

        Returns
        -------
        CustomerData
            The same data set with fewer customers. The end of observation is stated now: a shop is observed as
            long as any of its customers is.
        """
        wanted = ids.alias("customer_id").to_frame().lazy()
        # Collected: a sample is looked at again and again, and must not search all rows every time.
        rows = self.orders.join(wanted, on="customer_id", how="semi").collect()
        return replace(self, orders=rows.lazy(), observed_until_given=True, optional=self.optional.of_customers(ids))

    def first_order_at(self) -> datetime | None:
        """Return the instant of the first row, or None without rows."""
        value = self.orders.select(pl.col("ordered_at").min()).collect(engine="streaming").item()
        return value if isinstance(value, datetime) else None

    def last_order_at(self) -> datetime | None:
        """Return the instant of the last row, or None without rows."""
        if "last_order_at" not in self.kept:
            value = self.orders.select(pl.col("ordered_at").max()).collect(engine="streaming").item()
            self.kept["last_order_at"] = value if isinstance(value, datetime) else None
        last: datetime | None = self.kept["last_order_at"]
        return last

    def fingerprint(self) -> str:
        """Return a hash of the rows that predictions rest on, of every table, whatever order they came in.

        Returns
        -------
        str
            SHA-256 as hexadecimal digits; the same rows give the same text under one polars version.
        """
        return fingerprint_of(self.orders, self.optional)


def require_customer_data(data: object) -> None:
    """Refuse what is no data set, such as a plain frame, before work on it begins.

    Parameters
    ----------
    data : object
        What the user passed.

    Raises
    ------
    TypeError
        With the way from a frame to a data set.
    """
    if not isinstance(data, CustomerData):
        msg = (
            f"foretell works on the data set that foretell.read_orders returns, not on a {type(data).__name__}. "
            'Remedy: foretell.read_orders(frame, customer_id="…", ordered_at="…", amount="…").'
        )
        raise TypeError(msg)
