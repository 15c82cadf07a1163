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
    kind : str
        How it is read from a source: ``text``, ``identifier``, ``word`` (lower case), ``instant``, ``day``, ``money``
        (held as ``<name>_minor``, whole ten-thousandths of the currency unit), ``number`` or ``flag``.
    personal : bool
        Whether it identifies somebody or says what they agreed to: never a feature.
    unreadable_costs_row : bool
        Whether a row is of no use where its value cannot be read, though it may be without one.
    """

    name: str
    dtype: pl.DataType
    unit: str
    nullable: bool
    meaning: str
    required: bool = False
    kind: str = "text"
    personal: bool = False
    unreadable_costs_row: bool = False

    @property
    def stored_name(self) -> str:
        """Name under which the values are held: that of minor units for money."""
        return f"{self.name}_minor" if self.kind == "money" else self.name


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


def _text(name: str, meaning: str, *, personal: bool = False) -> Column:
    return Column(name, pl.String(), "", nullable=True, meaning=meaning, personal=personal)


def _key(name: str, meaning: str, *, kind: str = "identifier") -> Column:
    return Column(name, pl.String(), "", nullable=False, meaning=meaning, required=True, kind=kind)


def _instant(name: str, meaning: str, *, required: bool = True) -> Column:
    unit = "instant in the shop's zone"
    return Column(name, pl.Datetime("us"), unit, not required, meaning, required, kind="instant")


def _money(name: str, meaning: str, *, nullable: bool = True) -> Column:
    return Column(name, pl.Float64(), "currency unit", nullable, meaning, kind="money")


def _degrees(name: str, meaning: str, *, nullable: bool) -> Column:
    return Column(name, pl.Float64(), "degrees", nullable, meaning, required=not nullable, kind="number")


def _consent(name: str, meaning: str) -> Column:
    return Column(name, pl.Boolean(), "", nullable=True, meaning=meaning, kind="flag", personal=True)


ORDERS = Table(
    "orders",
    "One order, or one line of an order: rows that share a customer and an order_id are summed.",
    (
        _key("customer_id", "Who bought. Always read as text, so leading zeros stay."),
        _instant("ordered_at", "When the order was placed; a date is its midnight."),
        _money(
            "amount",
            "Money of the row, in one currency; negative is a refund. Without it only orders are counted. Held as amount_minor, whole ten-thousandths of the currency unit.",
            nullable=False,
        ),
        Column(
            "order_id",
            pl.String(),
            "",
            nullable=True,
            meaning="Which order the row belongs to; a row without one is an order of its own.",
            kind="identifier",
        ),
        Column(
            "cancelled",
            pl.Boolean(),
            "",
            nullable=False,
            meaning="Whether the row was cancelled; a cancelled row is never a purchase. No value means no.",
            kind="flag",
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
        _text("fulfilment", "How the order reached the customer, as in delivery, pickup."),
        Column(
            "gift",
            pl.Boolean(),
            "",
            nullable=False,
            meaning="Whether it went to another address than the bill, or as a gift. No value means no.",
            kind="flag",
        ),
        Column(
            "discount",
            pl.Float64(),
            "currency unit",
            nullable=True,
            meaning="Money off the row's price.",
            kind="number",
        ),
    ),
)
"""What foretell reads of orders."""


ORDER_LINES = Table(
    "order_lines",
    "One line of an order: a product, how many pieces, for how much.",
    (
        Column(
            "order_id",
            pl.String(),
            "",
            nullable=True,
            meaning="Which order the line belongs to: its customer and time come from there, where the line has none.",
            kind="identifier",
        ),
        Column(
            "customer_id",
            pl.String(),
            "",
            nullable=False,
            meaning="Who bought; needed where there is no order_id.",
            kind="identifier",
        ),
        Column(
            "ordered_at",
            pl.Datetime("us"),
            "instant in the shop's zone",
            nullable=False,
            meaning="When the line was ordered, or taken back; needed where there is no order_id.",
            kind="instant",
        ),
        _key("product_id", "Which product it is."),
        _text("category", "Category of the product."),
        _text("brand", "Brand of the product."),
        Column(
            "quantity",
            pl.Float64(),
            "pieces",
            nullable=False,
            meaning="How many pieces; negative is a return. Without the column every line is one piece.",
            kind="number",
        ),
        _money("amount", "Money of the whole line; negative is a return. Held as amount_minor.", nullable=False),
        _money("discount", "Money off the line's price. Held as discount_minor."),
    ),
)
"""What foretell reads of order lines."""


EVENTS = Table(
    "events",
    "One thing that a customer or a visitor did, or that was sent to them.",
    (
        _key("customer_id", "Who did it: a customer, or a visitor who has not ordered yet."),
        _instant("occurred_at", "When it happened; a date is its midnight."),
        _key(
            "event",
            "What happened, in lower case, as in view, cart, checkout, search, signup, email_open, email_click.",
            kind="word",
        ),
        _text("category", "Category that was looked at."),
        _text("brand", "Brand that was looked at."),
        _money("price", "Price that was seen. Held as price_minor."),
        _text("device", "Device on which it happened."),
        _text("channel", "Where it happened, as in web, app, shop."),
        _text("source", "Where the visit came from (utm_source)."),
        _text("medium", "By which kind of medium the visit came (utm_medium)."),
        _text("campaign", "Which campaign it belongs to (utm_campaign)."),
        Column(
            "machine_generated",
            pl.Boolean(),
            "",
            nullable=False,
            meaning="Whether a machine did it, such as a mail program that opens every message. No value means no.",
            kind="flag",
        ),
    ),
)
"""What foretell reads of events."""


CUSTOMERS = Table(
    "customers",
    "One customer; what has no date is today's value.",
    (
        _key("customer_id", "Who it is, as in orders."),
        _instant("signed_up_at", "When the customer signed up; rows of later days are not seen.", required=False),
        _text("country", "Country of the customer."),
        _text("region", "Region of the customer."),
        _text("city", "City of the customer."),
        _text("postcode", "Postcode of the customer."),
        _degrees("lat", "Latitude of the customer, -90 to 90.", nullable=True),
        _degrees("lon", "Longitude of the customer, -180 to 180.", nullable=True),
        Column("birth_date", pl.Date(), "day", nullable=True, meaning="Day of birth.", kind="day"),
        _text("gender", "Gender of the customer."),
        _text("account_id", "Account that the customer belongs to.", personal=True),
        _text("company", "Company of the customer."),
        _text("domain", "Domain of the company."),
        _text("job_title", "What the customer does in the company."),
        _text("email", "E-mail address.", personal=True),
        _text("phone", "Phone number.", personal=True),
        _text("first_name", "First name.", personal=True),
        _text("last_name", "Last name.", personal=True),
        _text("madid", "Advertising identifier of the customer's phone.", personal=True),
        _consent("consent_email", "Whether the customer agreed to e-mail; no value means unknown."),
        _consent("consent_sms", "Whether the customer agreed to text messages; no value means unknown."),
        _consent(
            "consent_ads", "Whether the customer agreed to matching with advertising platforms; no value means unknown."
        ),
    ),
)
"""What foretell reads of customers."""


CALENDAR = Table(
    "calendar",
    "One event of the shop's year in one year, as in black_friday from one day to another.",
    (
        _key("event", "Name of the event, in lower case, the same every year.", kind="word"),
        Column(
            "starts_on", pl.Date(), "day", nullable=False, meaning="First day of the event.", required=True, kind="day"
        ),
        Column(
            "ends_on",
            pl.Date(),
            "day",
            nullable=False,
            meaning="Last day of the event; without one the event has one day.",
            kind="day",
        ),
        Column(
            "announced_on",
            pl.Date(),
            "day",
            nullable=True,
            meaning="Day on which the event became known; earlier cutoffs do not see it, and without one all do.",
            kind="day",
            unreadable_costs_row=True,
        ),
    ),
)
"""What foretell reads of the calendar."""


PLACES = Table(
    "places",
    "One place of the shop, such as a store.",
    (
        _key("place", "Name of the place."),
        _degrees("lat", "Latitude of the place, -90 to 90.", nullable=False),
        _degrees("lon", "Longitude of the place, -180 to 180.", nullable=False),
        Column("radius_km", pl.Float64(), "km", nullable=True, meaning="How far the place reaches.", kind="number"),
    ),
)
"""What foretell reads of places."""


OPTIONAL = (ORDER_LINES, EVENTS, CUSTOMERS, CALENDAR, PLACES)
"""The tables that a shop may have beside its orders."""


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
