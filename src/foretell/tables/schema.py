"""The tables of a shop as data: names, types, units and meanings, from which checks and documents derive."""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    name : str
        The name that foretell uses.
    dtype : polars.DataType
        Type of the values once they are read.
    unit : str
        Unit of the values, or ``""``.
    nullable : bool
        Whether a used row may be without a value.
    meaning : str
        One plain sentence.
    required : bool
        Whether the table is of no use without the column.
    """

    name: str
    dtype: pl.DataType
    unit: str
    nullable: bool
    meaning: str
    required: bool = False


@dataclass(frozen=True)
class Table:
    """One table: what a row is and which columns it may have.

    Parameters
    ----------
    name : str
        The name that foretell uses.
    meaning : str
        What one row stands for.
    columns : tuple of Column
        Every column that foretell gives a meaning to; others are attributes.
    """

    name: str
    meaning: str
    columns: tuple[Column, ...]

    def __iter__(self) -> Iterator[Column]:
        """Go through the columns in order."""
        return iter(self.columns)

    def __getitem__(self, name: str) -> Column:
        """Return the column of that name.

        Raises
        ------
        KeyError
            If the table has no such column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(column.name for column in self.columns)


def _text(name: str, meaning: str) -> Column:
    return Column(name, pl.String(), "", nullable=True, meaning=meaning)


ORDERS = Table(
    "orders",
    "One order, or one line of an order: rows that share a customer and an order_id are summed.",
    (
        Column(
            "customer_id",
            pl.String(),
            "",
            nullable=False,
            meaning="Who bought. Always read as text, so leading zeros stay.",
            required=True,
        ),
        Column(
            "ordered_at",
            pl.Datetime("us"),
            "instant in the shop's zone",
            nullable=False,
            meaning="When the order was placed; a date is its midnight.",
            required=True,
        ),
        Column(
            "amount",
            pl.Float64(),
            "currency unit",
            nullable=False,
            meaning="Money of the row, in one currency; negative is a refund. Without it only orders are "
            "counted. Held as amount_minor, whole ten-thousandths of the currency unit.",
        ),
        _text("order_id", "Which order the row belongs to; a row without one is an order of its own."),
        Column(
            "cancelled",
            pl.Boolean(),
            "",
            nullable=False,
            meaning="Whether the row was cancelled; a cancelled row is never a purchase. No value means no.",
        ),
        _text("currency", "Currency of the amount; two currencies in one table are an error."),
        _text("channel", "How the order came in, as in web, shop, phone."),
        _text("source", "Where the visit came from (utm_source)."),
        _text("medium", "By which kind of medium the visit came (utm_medium)."),
        _text("campaign", "Which campaign the visit came from (utm_campaign)."),
        _text("gclid", "Click identifier of an advertising platform."),
        _text("device", "Device on which the order was placed."),
        _text("country", "Country of the order."),
        _text("store", "Store of the order."),
        Column("discount", pl.Float64(), "currency unit", nullable=True, meaning="Money off the row's price."),
    ),
)
"""What foretell reads of orders."""


QUARANTINE = Table(
    "quarantine",
    "One source row that could not be used; it holds no value of the row.",
    (
        Column("row_number", pl.UInt32(), "row", False, "Row of the input file; a header line is not counted."),
        Column("table", pl.String(), "text", False, "Table that the row belongs to."),
        Column("column", pl.String(), "text", True, "Column that could not be used; empty if it is the whole row."),
        Column("reason", pl.String(), "category", False, "Why the row was left out."),
    ),
)
"""What became of rows that could not be used."""
