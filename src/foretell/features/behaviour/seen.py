"""What was seen of some customers before a cutoff: the tables' rows as arrays, sorted once by customer and time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from typing import Self

import numpy as np
import polars as pl

from foretell.features.behaviour.available import Available
from foretell.features.behaviour.segments import Mask, Segments, order_of
from foretell.features.history import Floats, Ints, PurchaseHistory
from foretell.features.statistics import Statistics
from foretell.tables.optional_tables import OptionalTables
from foretell.windows import first_unseen_day

NEVER = -1
"""Stands for a day that there is not, and for a code of no category."""

VISITS = ("view", "cart", "checkout", "search")
"""Events of a visit to the shop."""

_EPOCH = date(1970, 1, 1)
_SECONDS_A_DAY = 86_400
_SECOND = 1_000_000


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of one table of the customers at hand, sorted by customer and second; equal ones in any order.

    Parameters
    ----------
    segments : Segments
        Customer of each row.
    second : ndarray of int64, shape (N,)
        Whole seconds since 1970-01-01 in the shop's zone.
    numbers : mapping of str to ndarray of int64 or bool
        Whole numbers and flags by column, 0 for null.
    known : mapping of str to ndarray of bool
        Where a column of `numbers` has a value.
    codes : mapping of str to ndarray of int32
        Text columns as places in `names`, `NEVER` for null.
    names : mapping of str to tuple of str
        Texts of the rows at hand, in the alphabet's order.
    """

    segments: Segments
    second: Ints
    numbers: Mapping[str, Ints]
    known: Mapping[str, Mask]
    codes: Mapping[str, Ints]
    names: Mapping[str, tuple[str, ...]]

    @cached_property
    def day(self) -> Ints:
        """Day of each row, since 1970-01-01."""
        return self.second // _SECONDS_A_DAY

    @property
    def customer(self) -> Ints:
        """Customer of each row."""
        return self.segments.customer

    def where(self, mask: Mask) -> Self:
        """Return some rows.

        Parameters
        ----------
        mask : ndarray of bool, shape (N,)
            Rows to keep.

        Returns
        -------
        Rows
        """
        return replace(
            self,
            segments=Segments(self.customer[mask], self.segments.customers),
            second=self.second[mask],
            numbers={name: values[mask] for name, values in self.numbers.items()},
            known={name: values[mask] for name, values in self.known.items()},
            codes={name: values[mask] for name, values in self.codes.items()},
        )

    def named(self, column: str, wanted: Sequence[str]) -> Mask:
        """Say which rows have one of some texts.

        Parameters
        ----------
        column : str
            A text column.
        wanted : sequence of str
            The texts.

        Returns
        -------
        ndarray of bool, shape (N,)
        """
        # One more entry at the end, where the code of no text points.
        is_wanted = np.array([name in wanted for name in self.names[column]] + [False])
        return is_wanted[self.codes[column]]


@dataclass(frozen=True, eq=False)
class Seen:
    """Customers, and what their rows before a cutoff are.

    Parameters
    ----------
    customer_id : polars.Series
        Customers, ascending. Length C.
    cutoff : datetime
        First instant that is not seen.
    tables : OptionalTables
        Rows before the cutoff; those of others are passed over.
    orders : polars.LazyFrame
        Order rows before the cutoff.
    available : Available
        What the tables hold.
    statistics : Statistics
        What was fitted on the whole shop.
    history : PurchaseHistory or None
        Purchase days of the same customers; None for people who never bought.
    """

    customer_id: pl.Series
    cutoff: datetime
    tables: OptionalTables
    orders: pl.LazyFrame
    available: Available
    statistics: Statistics
    history: PurchaseHistory | None = None

    @property
    def customers(self) -> int:
        """Number of customers."""
        return len(self.customer_id)

    @cached_property
    def end_day(self) -> int:
        """First day of which nothing is seen, since 1970-01-01."""
        return (first_unseen_day(self.cutoff) - _EPOCH).days

    @cached_property
    def last_purchase_day(self) -> Ints:
        """Last purchase day of each customer; `NEVER` for who never bought."""
        if self.history is None:
            return np.full(self.customers, NEVER, dtype=np.int64)
        return self.history.last_day

    @cached_property
    def lines(self) -> Rows:
        """Order lines, with ``returned`` among the numbers."""
        has = self.available.columns["order_lines"]
        columns: dict[str, pl.Expr] = {name: pl.col(f"{name}_minor") for name in ("amount", "discount") if name in has}
        back = is_returned(quantity="quantity" in has, amount="amount" in has)
        if "amount" in has:
            columns["unit_price"] = unit_price(quantity="quantity" in has)
        texts = [name for name in ("product_id", "category", "brand") if name in has]
        return self.rows_of(self.tables.order_lines, "ordered_at", {**columns, "returned": back}, texts)

    @cached_property
    def events(self) -> Rows:
        """Events, with ``machine`` among the numbers."""
        has = self.available.columns["events"]
        machine = pl.col("machine_generated").fill_null(value=False)
        columns = {"machine": machine if "machine_generated" in has else pl.lit(value=False)}
        if "price" in has:
            columns["price"] = pl.col("price_minor")
        texts = [
            name
            for name in ("event", "category", "brand", "device", "channel", "source", "medium", "campaign")
            if name in has
        ]
        return self.rows_of(self.tables.events, "occurred_at", columns, texts)

    @cached_property
    def visits(self) -> Rows:
        """Events of visits, those of machines left out."""
        return self.events.where(self.events.named("event", VISITS) & (self.events.numbers["machine"] == 0))

    def days_since(self, day: Ints) -> Floats:
        """Return the days from a day to the cutoff, NaN where there is no such day.

        Parameters
        ----------
        day : ndarray of int64, shape (C,)
            `NEVER` where there is none.

        Returns
        -------
        ndarray of float64, shape (C,)
        """
        return np.where(day == NEVER, np.nan, (self.end_day - day).astype(np.float64))

    def text(self, vocabulary: str, names: Sequence[str], code: Ints) -> pl.Series:
        """Return codes as the names that the model knows.

        Parameters
        ----------
        vocabulary : str
            Name of the list of names in the statistics.
        names : sequence of str
            Names that the codes are places of.
        code : ndarray of int64, shape (C,)
            `NEVER` for none.

        Returns
        -------
        polars.Series
            String; null where there is none, or it was not there when the statistics were fitted.
        """
        known = set(self.statistics.names.get(vocabulary, ()))
        told = pl.Series([name if name in known else None for name in names] + [None], dtype=pl.String)
        return told.gather(np.where(code == NEVER, len(names), code))

    def rows_of(
        self, table: pl.LazyFrame | None, time: str, columns: Mapping[str, pl.Expr], texts: Sequence[str]
    ) -> Rows:
        """Return the rows that a table has of the customers.

        Parameters
        ----------
        table : polars.LazyFrame or None
            With ``customer_id``.
        time : str
            Its column of time.
        columns : mapping of str to polars.Expr
            Whole numbers to read, by the name to give them.
        texts : sequence of str
            Text columns to read.

        Returns
        -------
        Rows
        """
        if table is None:
            message = "the families ask for tables that are there only"
            raise AssertionError(message)
        index = pl.DataFrame(
            {"customer_id": self.customer_id, "customer": np.arange(self.customers, dtype=np.int32)},
            schema_overrides={"customer_id": pl.String},
        )
        kinds = {name: pl.Categorical(pl.Categories.random()) for name in texts}
        rows = (
            table.join(index.lazy(), on="customer_id", how="inner")
            .select(
                "customer",
                (pl.col(time).dt.epoch("us") // _SECOND).alias("second"),
                *(expression.alias(f"number_{name}") for name, expression in columns.items()),
                *(pl.col(name).cast(kinds[name]).alias(f"text_{name}") for name in texts),
            )
            .collect()
        )
        # Columns are let go as soon as they are read: two copies of everything would be most of the memory.
        second = rows.drop_in_place("second").to_numpy().astype(np.int64)
        customer = rows.drop_in_place("customer").to_numpy().astype(np.int64)
        begin = int(second.min(initial=0))
        order = order_of((customer, self.customers), (second - begin, int(second.max(initial=0)) - begin + 1))
        numbers, known, codes, names = {}, {}, {}, {}
        for name in columns:
            column = rows.drop_in_place(f"number_{name}")
            known[name] = column.is_not_null().to_numpy()[order]
            nothing = pl.lit(value=False) if column.dtype == pl.Boolean else pl.lit(0)
            numbers[name] = column.to_frame(name).select(pl.col(name).fill_null(nothing))[name].to_numpy()[order]
        for name in texts:
            code, names[name] = _alphabetical(rows.drop_in_place(f"text_{name}"))
            codes[name] = code[order]
        return Rows(Segments(customer[order], self.customers), second[order], numbers, known, codes, names)


def is_returned(*, quantity: bool, amount: bool) -> pl.Expr:
    """Say whether a line is a return.

    Parameters
    ----------
    quantity, amount : bool
        Whether lines carry a quantity, and an amount.

    Returns
    -------
    polars.Expr
        Boolean, never null: a negative quantity or amount.
    """
    back = pl.lit(value=False)
    if quantity:
        back |= (pl.col("quantity") < 0).fill_null(value=False)
    return back | (pl.col("amount_minor") < 0).fill_null(value=False) if amount else back


def unit_price(*, quantity: bool) -> pl.Expr:
    """Return the price of one piece of a line, in minor units.

    Parameters
    ----------
    quantity : bool
        Whether lines carry a quantity; without it a line is one piece.

    Returns
    -------
    polars.Expr
        Int64, rounded down; null where nothing was bought.
    """
    pieces = pl.col("quantity") if quantity else pl.lit(1.0)
    return (
        pl.when((pl.col("amount_minor") >= 0) & (pieces > 0))
        .then((pl.col("amount_minor") / pieces).floor())
        .cast(pl.Int64)
    )


def _alphabetical(column: pl.Series) -> tuple[Ints, tuple[str, ...]]:
    """Return a categorical column as places in its sorted texts, `NEVER` for null."""
    present = column.unique().drop_nulls()
    texts = present.cast(pl.String)
    order = texts.arg_sort()
    place = np.full(int(present.to_physical().max() or 0) + 2, NEVER, dtype=np.int32)  # type: ignore[arg-type]
    place[present.to_physical().to_numpy()[order.to_numpy()]] = np.arange(len(order))
    codes = column.to_physical().fill_null(place.size - 1).to_numpy()
    return place[codes], tuple(texts.gather(order).to_list())
