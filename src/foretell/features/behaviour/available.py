"""Which tables and columns a shop has: what decides which features there are."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import polars as pl

from foretell.tables.dataset import CustomerData
from foretell.tables.optional_tables import OptionalTables

TABLES = ("orders", "order_lines", "events", "customers", "calendar", "places")
"""Names of all tables."""

_KEYS = {"customer_id", "signed_up_at", "lat", "lon"}
# Whole words of a column's name that mark consent, an identifier, a way to reach a person, or a person's name.
# fmt: off
_PRIVATE_WORDS = frozenset((
    "consent", "consents", "consented", "optin", "optout", "opted", "opt", "subscribed", "unsubscribed",
    "subscription", "permission", "gdpr", "email", "emails", "mail", "mails", "phone", "phones", "telephone", "tel",
    "mobile", "cell", "msisdn", "fax", "whatsapp", "name", "names", "firstname", "lastname", "surname", "forename",
    "fullname", "nickname", "username", "login", "initials", "salutation", "madid", "idfa", "gaid", "aaid", "maid",
    "advertising", "cookie", "gclid", "fbclid", "ip", "id", "ids", "identifier", "guid", "uuid", "account", "ssn",
    "passport", "iban", "card", "tax", "address", "street", "house", "contact", "password", "hash", "hashed",
    "sha256", "md5", "birth", "birthday", "birthdate", "dob", "born", "postcode", "postal", "zip", "lat", "lon",
    "latitude", "longitude", "company", "domain", "job", "title", "url", "website",
    "telefon", "telefono", "telefoon", "handy", "vorname", "nachname", "prenom", "nom", "apellido", "apellidos",
    "voornaam", "achternaam", "adresse", "adres", "direccion", "strasse", "plz", "geburtsdatum", "geburtstag",
    "geboortedatum", "naissance", "nacimiento", "einwilligung", "zustimmung", "toestemming", "consentement",
    "consentimiento", "courriel", "correo",
))
# fmt: on


@dataclass(frozen=True)
class Attribute:
    """A column of the customers table that may describe a customer at a past cutoff.

    Parameters
    ----------
    column : str
        Its name in the table.
    kind : str
        ``name``, ``number``, ``flag`` or ``date``.
    """

    column: str
    kind: str

    @property
    def feature(self) -> str:
        """Name of the feature."""
        return f"profile_{slug(self.column)}"


@dataclass(frozen=True)
class Available:
    """What a shop's tables hold.

    Parameters
    ----------
    columns : mapping of str to frozenset of str
        Columns of each table that is there, as the tables' schema names them (``amount``, not ``amount_minor``).
    attributes : tuple of Attribute
        Columns of customers declared stable that may be features.
    occasions : tuple of str
        Names of the calendar's events, in the alphabet's order.
    """

    columns: Mapping[str, frozenset[str]]
    attributes: tuple[Attribute, ...] = ()
    occasions: tuple[str, ...] = field(default=())

    @classmethod
    def of(cls, data: CustomerData) -> Self:
        """Look at a shop's tables.

        Parameters
        ----------
        data : CustomerData
            Only names and types of columns are read, and the calendar.

        Returns
        -------
        Available
        """
        tables = data.optional
        found = {"orders": _columns(data.orders)}
        found |= {name: _columns(getattr(tables, name).lazy()) for name in tables.names}
        return cls(found, _attributes(tables), _occasions(tables))

    def has(self, table: str, *columns: str) -> bool:
        """Say whether a table is there, with some columns.

        Parameters
        ----------
        table : str
            Name of the table.
        *columns : str
            Names of columns.

        Returns
        -------
        bool
        """
        return table in self.columns and set(columns) <= self.columns[table]


def slug(text: str) -> str:
    """Return a text as a part of a column's name.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        Of ``[a-z0-9_]``, not empty. Accents are dropped; where letters of another script are, six digits of the
        text's SHA-256 stand for them, so that two names never become one.
    """
    bare = "".join(
        letter for letter in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(letter)
    )
    parts = [re.sub("[^a-z0-9]+", "_", bare).strip("_") or "other"]
    if any(letter.isalnum() and not letter.isascii() for letter in bare):
        composed = unicodedata.normalize("NFKC", text.casefold())
        parts.append(hashlib.sha256(composed.encode()).hexdigest()[:6])
    return "_".join(parts)


def is_private(column: str) -> bool:
    """Say whether a column is consent, an identifier, a way to reach a person or a person's name, by its own name.

    Parameters
    ----------
    column : str
        Name of a column.

    Returns
    -------
    bool
        Such a column is no feature, whatever is declared of it.
    """
    words = re.sub("([a-z0-9])([A-Z])", r"\1_\2", column)
    parts = slug(words).split("_")
    joined = "".join(parts)
    always = ("consent", "email", "phone", "firstname", "lastname", "surname", "fullname", "optin", "optout", "madid")
    return bool(_PRIVATE_WORDS & set(parts)) or any(word in joined for word in always)


def _columns(table: pl.LazyFrame) -> frozenset[str]:
    return frozenset(name.removesuffix("_minor") for name in table.collect_schema().names())


def _attributes(tables: OptionalTables) -> tuple[Attribute, ...]:
    if tables.customers is None:
        return ()
    schema = tables.customers.collect_schema()
    found: dict[str, Attribute] = {}
    for column in sorted(set(tables.stable_attributes) & set(schema.names())):
        kind = _kind(schema[column])
        if column not in _KEYS and kind is not None and not is_private(column):
            attribute = Attribute(column, kind)
            # Of two columns whose names differ in case or punctuation only, the first stands.
            found.setdefault(attribute.feature, attribute)
    return tuple(found.values())


def _kind(dtype: pl.DataType) -> str | None:
    if dtype == pl.String or dtype in (pl.Categorical, pl.Enum):
        return "name"
    if dtype == pl.Boolean:
        return "flag"
    if dtype in (pl.Date, pl.Datetime):
        return "date"
    return "number" if dtype.is_integer() or dtype.is_float() else None


def _occasions(tables: OptionalTables) -> tuple[str, ...]:
    if tables.calendar is None:
        return ()
    return tuple(sorted({slug(name) for name in tables.calendar["event"].drop_nulls().to_list()}))
