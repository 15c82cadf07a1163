"""The settings of a shop's tables: where each lies, how it is written, which column is what."""

from datetime import date, datetime
from typing import Any

from pydantic import Field, ValidationInfo, field_validator

from foretell.config.publishing import require_no_secret
from foretell.config.section import COLUMN, FLAG, TEXT, Section, Text, require_usable, setting
from foretell.windows import as_cutoff


class OrdersSettings(Section):
    """Section ``[data.orders]``: Where the orders lie, how they are written, which column is what.

    Each column is named by a column of the source, or by an SQL expression over its columns.
    """

    path: Text = setting(
        ...,
        "Where the orders lie.",
        "a file, a pattern such as data/raw/orders-*.csv, a folder, s3://…, or a database's address without a password",
        example='"data/raw/orders.csv"',
    )
    query: Text | None = setting(
        None, "What to read of a database (postgresql://user@host/database, duckdb:///file).", "a SELECT",
        example='"SELECT * FROM orders"',
    )  # fmt: skip
    table: Text | None = setting(None, "A table or view of a database instead.", TEXT, example='"sales.orders"')
    customer_id: Text = setting("customer_id", "Who bought.", COLUMN)
    ordered_at: Text = setting("ordered_at", "When.", COLUMN)
    amount: Text | None = setting(
        "amount", "Money of the row, negative for refunds; without such a column only orders are counted.", COLUMN
    )
    order_id: Text | None = setting(
        None, "Which order a row belongs to; rows that share it are one order.", COLUMN, example='"order_id"'
    )
    cancelled: Text | None = setting(None, "Whether the row was cancelled.", COLUMN, example="\"status = 'cancelled'\"")
    currency: Text | None = setting(
        None, "Column that holds the currency; two currencies are refused.", COLUMN, example='"currency"'
    )
    channel: Text | None = setting(None, "How the order came in.", COLUMN, example='"channel"')
    source: Text | None = setting(None, "Where the visit came from.", COLUMN, example='"utm_source"')
    medium: Text | None = setting(None, "By which medium the visit came.", COLUMN, example='"utm_medium"')
    campaign: Text | None = setting(None, "Campaign of the visit.", COLUMN, example='"utm_campaign"')
    gclid: Text | None = setting(None, "Click identifier of the visit.", COLUMN, example='"gclid"')
    device: Text | None = setting(None, "Device on which the order was placed.", COLUMN, example='"device"')
    country: Text | None = setting(None, "Country of the order.", COLUMN, example='"country"')
    store: Text | None = setting(None, "Store of the order.", COLUMN, example='"store"')
    fulfilment: Text | None = setting(
        None, "How the order reached the customer, as in delivery, pickup.", COLUMN, example='"fulfilment"'
    )
    gift: Text | None = setting(
        None, "Whether it went to another address than the bill.", COLUMN, example='"ship_to <> bill_to"'
    )
    discount: Text | None = setting(None, "Money off the row's price.", COLUMN, example='"discount"')
    attributes: tuple[Text, ...] | None = setting(
        None, "Further columns to keep; without this key all of them are.", "a list of column names", example="[]"
    )
    delimiter: Text | None = setting(
        None,
        "Character between the fields of a text file; without this key a comma, or a tab in a .tsv file.",
        "one character such as ';'",
        example='";"',
    )
    encoding: Text = setting("utf8", "Encoding of a text file.", "an encoding such as 'utf8' or 'cp1252'")
    decimal_comma: bool = setting(False, "Whether numbers are written as 1.234,56.", FLAG)
    date_format: Text | tuple[Text, ...] | None = setting(
        None,
        "How dates are written, one format or a list to be tried in order; without this key ISO 8601.",
        "a format such as '%d/%m/%Y %H:%M', or a list of them",
        example='"%d/%m/%Y %H:%M"',
    )
    observed_until: date | datetime | str | None = setting(
        None,
        "First moment of which no order is known yet; without this key the midnight after the last order.",
        "a date such as 2026-11-01",
        example="2026-11-01",
    )
    drop_duplicates: bool = setting(
        False, "Whether rows that repeat an earlier row in every column are left out; otherwise counted.", FLAG
    )

    @field_validator("path")
    @classmethod
    def _holds_no_secret(cls, value: str) -> str:
        require_no_secret(value)
        return value

    @field_validator("delimiter", "encoding", "date_format")
    @classmethod
    def _can_be_read(cls, value: str | tuple[str, ...] | None, info: ValidationInfo) -> str | tuple[str, ...] | None:
        require_usable(str(info.field_name), value)
        return value

    @field_validator("observed_until")
    @classmethod
    def _is_an_instant(cls, value: date | datetime | str | None) -> datetime | None:
        return None if value is None else as_cutoff(value)

    def read_arguments(self) -> dict[str, Any]:
        """Return the keyword arguments of `foretell.read_orders`, time zone aside.

        Returns
        -------
        dict of str to object
            Every key but ``path``, without those that were left out.
        """
        given = {name: getattr(self, name) for name in type(self).model_fields if name != "path"}
        # amount has a default of its own in read_orders, so that None has to be said.
        return {name: value for name, value in given.items() if value is not None or name == "amount"}


class TableSettings(Section):
    """What every table beside the orders has: where it lies and how it is written."""

    path: Text = setting(
        ...,
        "Where the table lies.",
        "a file, a pattern, or a folder",
        example='"data/raw/table.csv"',
    )
    attributes: tuple[Text, ...] | None = setting(
        None, "Further columns to keep; without this key all of them are.", "a list of column names", example="[]"
    )
    delimiter: Text | None = setting(
        None,
        "Character between the fields of a text file; without this key a comma, or a tab in a .tsv file.",
        "one character such as ';'",
        example='";"',
    )
    encoding: Text = setting("utf8", "Encoding of a text file.", "an encoding such as 'utf8' or 'cp1252'")
    decimal_comma: bool = setting(False, "Whether numbers are written as 1.234,56.", FLAG)
    date_format: Text | tuple[Text, ...] | None = setting(
        None,
        "How dates are written, one format or a list to be tried in order; without this key ISO 8601.",
        "a format such as '%d/%m/%Y %H:%M', or a list of them",
        example='"%d/%m/%Y %H:%M"',
    )
    drop_duplicates: bool = setting(
        False, "Whether rows that repeat an earlier row in every column are left out; otherwise counted.", FLAG
    )

    @field_validator("path")
    @classmethod
    def _holds_no_secret(cls, value: str) -> str:
        require_no_secret(value)
        return value

    @field_validator("delimiter", "encoding", "date_format")
    @classmethod
    def _can_be_read(cls, value: str | tuple[str, ...] | None, info: ValidationInfo) -> str | tuple[str, ...] | None:
        require_usable(str(info.field_name), value)
        return value

    def read_arguments(self) -> dict[str, Any]:
        """Return the arguments of the table's `foretell.Source`.

        Returns
        -------
        dict of str to object
            Every key but ``path``, without those that were left out.
        """
        given = {name: getattr(self, name) for name in type(self).model_fields if name != "path"}
        return {name: value for name, value in given.items() if value is not None}


def _column(meaning: str, name: str) -> Any:
    return setting(None, meaning, COLUMN, example=f'"{name}"')


def _key(meaning: str, name: str) -> Any:
    return setting(name, meaning, COLUMN)


class OrderLinesSettings(TableSettings):
    """Section ``[data.order_lines]``: The products of the orders; lines name their order, or their customer and time.

    Optional: to use it, remove the # of [data.order_lines] and of path.
    """

    order_id: Text | None = _column("Which order the line belongs to.", "order_id")
    customer_id: Text | None = _column("Who bought; needed where there is no order_id.", "customer_id")
    ordered_at: Text | None = _column("When; needed where there is no order_id.", "ordered_at")
    product_id: Text = _key("Which product it is.", "product_id")
    category: Text | None = _column("Category of the product.", "category")
    brand: Text | None = _column("Brand of the product.", "brand")
    quantity: Text | None = _column("How many pieces, negative for returns.", "quantity")
    amount: Text | None = _column("Money of the whole line, negative for returns.", "amount")
    discount: Text | None = _column("Money off the line's price.", "discount")


class EventsSettings(TableSettings):
    """Section ``[data.events]``: What customers and visitors did, and what was sent to them.

    Optional: to use it, remove the # of [data.events] and of path.
    """

    customer_id: Text = _key("Who did it: a customer or a visitor.", "customer_id")
    occurred_at: Text = _key("When.", "occurred_at")
    event: Text = _key("What happened, as in view, cart, checkout, search, email_open.", "event")
    event_names: dict[Text, Text] | None = setting(
        None,
        "What the shop's own names of events mean.",
        "a table of names such as { 'added to cart' = 'cart' }",
        example='{ "added to cart" = "cart" }',
    )
    category: Text | None = _column("Category that was looked at.", "category")
    brand: Text | None = _column("Brand that was looked at.", "brand")
    price: Text | None = _column("Price that was seen.", "price")
    device: Text | None = _column("Device on which it happened.", "device")
    channel: Text | None = _column("Where it happened, as in web, app, shop.", "channel")
    source: Text | None = _column("Where the visit came from.", "utm_source")
    medium: Text | None = _column("By which medium the visit came.", "utm_medium")
    campaign: Text | None = _column("Campaign that it belongs to.", "campaign")
    machine_generated: Text | None = _column("Whether a machine did it, not a person.", "machine_generated")


class CustomersSettings(TableSettings):
    """Section ``[data.customers]``: What is known of each customer.

    Optional: to use it, remove the # of [data.customers] and of path.
    """

    customer_id: Text = _key("Who it is, as in the orders.", "customer_id")
    stable_attributes: tuple[Text, ...] | None = setting(
        None,
        "Columns that hardly change, so that today's value may describe the past; without this key country, region, "
        "city and signed_up_at.",
        "a list of column names",
        example='["country", "region"]',
    )
    signed_up_at: Text | None = _column("When the customer signed up.", "signed_up_at")
    country: Text | None = _column("Country.", "country")
    region: Text | None = _column("Region.", "region")
    city: Text | None = _column("City.", "city")
    postcode: Text | None = _column("Postcode.", "postcode")
    lat: Text | None = _column("Latitude in degrees.", "lat")
    lon: Text | None = _column("Longitude in degrees.", "lon")
    birth_date: Text | None = _column("Day of birth.", "birth_date")
    gender: Text | None = _column("Gender.", "gender")
    account_id: Text | None = _column("Account that the customer belongs to.", "account_id")
    company: Text | None = _column("Company.", "company")
    domain: Text | None = _column("Domain of the company.", "domain")
    job_title: Text | None = _column("What the customer does in the company.", "job_title")
    email: Text | None = _column("E-mail address.", "email")
    phone: Text | None = _column("Phone number.", "phone")
    first_name: Text | None = _column("First name.", "first_name")
    last_name: Text | None = _column("Last name.", "last_name")
    madid: Text | None = _column("Advertising identifier of the customer's phone.", "madid")
    consent_email: Text | None = _column("Whether the customer agreed to e-mail.", "consent_email")
    consent_sms: Text | None = _column("Whether the customer agreed to text messages.", "consent_sms")
    consent_ads: Text | None = _column("Whether the customer agreed to matching on ad platforms.", "consent_ads")


class CalendarSettings(TableSettings):
    """Section ``[data.calendar]``: Events of the shop's year, one row for each event and year.

    Optional: to use it, remove the # of [data.calendar] and of path.
    """

    event: Text = _key("Name of the event, the same every year.", "event")
    starts_on: Text = _key("First day.", "starts_on")
    ends_on: Text | None = _column("Last day; without one the event has one day.", "ends_on")
    announced_on: Text | None = _column(
        "Day on which it became known; earlier cutoffs do not see it, and without one all do.", "announced_on"
    )


class PlacesSettings(TableSettings):
    """Section ``[data.places]``: Places of the shop, such as stores.

    Optional: to use it, remove the # of [data.places] and of path.
    """

    place: Text = _key("Name of the place.", "place")
    lat: Text = _key("Latitude in degrees.", "lat")
    lon: Text = _key("Longitude in degrees.", "lon")
    radius_km: Text | None = _column("How far the place reaches, in km.", "radius_km")


class DataSettings(Section):
    """Section ``[data]``: one section below it for each table."""

    orders: OrdersSettings | None = Field(default=None, description="The orders.")
    order_lines: OrderLinesSettings | None = Field(default=None, description="The products of the orders.")
    events: EventsSettings | None = Field(default=None, description="What customers and visitors did.")
    customers: CustomersSettings | None = Field(default=None, description="What is known of each customer.")
    calendar: CalendarSettings | None = Field(default=None, description="Events of the shop's year.")
    places: PlacesSettings | None = Field(default=None, description="Places of the shop.")

    @property
    def tables(self) -> dict[str, OrdersSettings | TableSettings]:
        """The tables that are named, by name, orders first."""
        found = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: section for name, section in found.items() if section is not None}
