"""The people that files are written of: each normalised and hashed once for all platforms and audiences."""

from collections.abc import Iterable

import polars as pl

from foretell.delivery.uploads.emails import email_google
from foretell.delivery.uploads.hashing import HASHED, digests
from foretell.delivery.uploads.normalise import COUNTRY_FORMS, FORMS, birth_date
from foretell.delivery.uploads.phones import e164
from foretell.delivery.uploads.template import Platform, UploadColumn, UploadOptions
from foretell.errors import DataError, Violation

_EMAIL = UploadColumn("", "email", "email", "sha256")
_EMAIL_GOOGLE = UploadColumn("", "email", "email_google", "sha256")
_INSTANT = r"^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d$"


class Contacts:
    """A table of customers, with what platforms want to know of them computed when it is first asked for.

    Parameters
    ----------
    frame : pl.DataFrame
        One row per ``customer_id``; any of the columns that templates name.
    options : UploadOptions
        Choices that are left open.

    Attributes
    ----------
    frame : pl.DataFrame
        Sorted by ``customer_id``.
    """

    def __init__(self, frame: pl.DataFrame, options: UploadOptions) -> None:
        self.frame = frame if frame["customer_id"].is_sorted() else frame.sort("customer_id")
        self.options = options
        self._normal: dict[tuple[str, str], pl.Series] = {}
        self._written: dict[tuple[str, str, str], pl.Series] = {}
        self._keys: list[pl.Series] | None = None

    @property
    def ids(self) -> pl.Series:
        """Customer ids, one per contact."""
        return self.frame["customer_id"]

    @property
    def keys(self) -> list[pl.Series]:
        """What says that two contacts are one person, by the strictest reading.

        E-mail address in Google's form, of either of its domains; its SHA-256, or the one that came instead of it;
        phone number in E.164; the SHA-256 of Google's form, or the one that came instead of it.
        """
        if self._keys is None:
            empty = _nothing(self.frame.height)
            address, digest, phone, google = empty, empty, empty, empty
            if self.has("email"):
                text = pl.col("email").cast(pl.String).str.replace_all(r"\s", "")
                # Both domains are one mailbox, though Google hashes them as they are written.
                one_domain = email_google(text).str.replace("@googlemail.com", "@gmail.com", literal=True)
                address = _computed(self.frame, one_domain)
                digest, google = self.written(_EMAIL), self.written(_EMAIL_GOOGLE)
            if self.has("phone"):
                number = self.normal("phone", "phone_plus")
                phone = pl.select(pl.coalesce(number, self.hashed_already("phone"))).to_series()
            self._keys = [address, digest, phone, google]
        return self._keys

    def keep_for(self, formats: Iterable[Platform]) -> None:
        """Give up what was computed for formats that are written by now.

        Parameters
        ----------
        formats : iterable of Platform
            Those that are still to be written.
        """
        columns = [column for platform in formats for column in platform.columns]
        wanted = {(column.source, column.form, column.hashed) for column in columns}
        normal = {place[:2] for place in wanted} | {("country", "country"), ("phone", "phone_plus")}
        self._written = {place: values for place, values in self._written.items() if place in wanted}
        self._normal = {place: values for place, values in self._normal.items() if place in normal}
        self._keys = None

    def has(self, source: str) -> bool:
        """Tell whether a column is there.

        Parameters
        ----------
        source : str
            Name of a column of the contacts.

        Returns
        -------
        bool
            Whether anything may be in it.
        """
        return source in self.frame.columns

    def fills(self, source: str) -> bool:
        """Tell whether a column has a value for anybody.

        Parameters
        ----------
        source : str
            Name of a column of the contacts.

        Returns
        -------
        bool
            False where the column is not there.
        """
        return self.has(source) and self.frame[source].null_count() < self.frame.height

    def written(self, column: UploadColumn) -> pl.Series:
        """Return what a column of an upload file says of each contact.

        Parameters
        ----------
        column : UploadColumn
            A column whose source is a column of the contacts.

        Returns
        -------
        pl.Series
            Text; null where nothing can be said. What is a SHA-256 already is not hashed again.
        """
        place = (column.source, column.form, column.hashed)
        if place not in self._written:
            values = self.normal(column.source, column.form)
            if column.hashed:
                values = digests(values, column.hashed)
            if column.hashed == "sha256" and self.has(column.source):
                values = pl.select(pl.coalesce(self.hashed_already(column.source), values)).to_series()
            self._written[place] = values.alias(column.header)
        return self._written[place].alias(column.header)

    def hashed_already(self, source: str) -> pl.Series:
        """Return the values of a column that came as SHA-256.

        Parameters
        ----------
        source : str
            Name of a column of the contacts.

        Returns
        -------
        pl.Series
            Lower-case digits, or null.
        """
        return _hashed_already(self.frame[source])

    def normal(self, source: str, form: str) -> pl.Series:
        """Return a column of the contacts in a normal form.

        Parameters
        ----------
        source : str
            Name of a column of the contacts.
        form : str
            See `UploadColumn`.

        Returns
        -------
        pl.Series
            Text; null where the column is not there or the value has no such form.
        """
        place = (source, form)
        if place not in self._normal:
            self._normal[place] = self._normalise(source, form) if self.has(source) else _nothing(self.frame.height)
        return self._normal[place]

    def _normalise(self, source: str, form: str) -> pl.Series:
        raw = self.frame[source]
        if form == "phone_plus":
            return e164(raw.cast(pl.String), self._countries())
        if form == "phone_digits":
            return self.normal(source, "phone_plus").str.strip_chars_start("+")
        if form == "birth_date":
            return _computed(self.frame, birth_date(pl.col(source), self.options.birth_date_order))
        if form == "instant":
            return _instants(raw, self.options.time_zone)
        text = pl.col(source).cast(pl.String)
        if form in COUNTRY_FORMS:
            with_country = self.frame.select(source).with_columns(self._countries().alias("_country"))
            return _computed(with_country, COUNTRY_FORMS[form](text, pl.col("_country")))
        return _computed(self.frame, FORMS[form](text))

    def _countries(self) -> pl.Series:
        found = self.normal("country", "country")
        return found if self.options.default_country is None else found.fill_null(self.options.default_country)


def check_contacts(contacts: pl.DataFrame) -> None:
    """Refuse a table in which a person cannot be told from another.

    Parameters
    ----------
    contacts : pl.DataFrame
        The customers table.

    Raises
    ------
    DataError
        If ``customer_id`` is missing, empty in a row or repeated; all problems at once.
    """
    if "customer_id" not in contacts.columns:
        rule, remedy = "the column is missing", "Name the column that identifies a customer customer_id."
        raise DataError([Violation("contacts", "customer_id", rule, 1, remedy=remedy)])
    ids = contacts["customer_id"]
    repeated = ids.is_not_null() & ids.is_duplicated() & ~ids.is_first_distinct()
    found = (
        (ids.is_null(), "the value is missing", "Leave out rows without a customer."),
        (repeated, "the customer is there already", "Keep one row per customer: consent would be ambiguous otherwise."),
    )
    violations = [
        Violation("contacts", "customer_id", rule, int(mask.sum()), _row_numbers(mask), remedy)
        for mask, rule, remedy in found
        if mask.any()
    ]
    if violations:
        raise DataError(violations)


def _row_numbers(mask: pl.Series) -> tuple[int, ...]:
    return tuple(int(row) + 1 for row in mask.arg_true().head(3))


def _hashed_already(raw: pl.Series) -> pl.Series:
    text = pl.col(raw.name).cast(pl.String).str.strip_chars()
    return raw.to_frame().select(pl.when(text.str.contains(HASHED)).then(text.str.to_lowercase())).to_series()


def _computed(frame: pl.DataFrame, form: pl.Expr) -> pl.Series:
    # Lazily: forms name their parts several times, and only the optimiser computes each once.
    return frame.lazy().select(form.alias("form")).collect().to_series()


def _instants(raw: pl.Series, time_zone: str | None) -> pl.Series:
    value = raw
    if value.dtype == pl.String:
        text = value.str.strip_chars()
        # With an offset it would be another moment than its digits say.
        text = text.set(~text.str.contains(_INSTANT).fill_null(value=True), None)
        value = text.str.replace("T", " ").str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False)
    elif value.dtype == pl.Date:
        value = value.cast(pl.Datetime("us"))
    elif not isinstance(value.dtype, pl.Datetime):
        return _nothing(raw.len())
    elif value.dtype.time_zone is not None and time_zone is not None:
        value = value.dt.convert_time_zone(time_zone)
    return value.dt.to_string("%Y-%m-%d %H:%M:%S")


def _nothing(rows: int) -> pl.Series:
    return pl.Series("nothing", [None], pl.String).new_from_index(0, rows)
