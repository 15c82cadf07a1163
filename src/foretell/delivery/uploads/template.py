"""What an upload format is made of: columns, limits, who may be in it. The formats themselves are in `platforms`."""

from dataclasses import dataclass
from datetime import datetime

# How the line begins that names the time zone of a file for Google Ads.
TIME_ZONE_START = "Parameters:TimeZone="


@dataclass(frozen=True)
class UploadColumn:
    """One column of an upload file.

    Parameters
    ----------
    header : str
        Its name, letter by letter as the platform wants it.
    source : str
        Column of the contacts; ``value`` is the audience's, ``option:NAME`` an option, empty for a column that
        stays empty.
    form : str
        Normal form, one of `foretell.delivery.uploads.normalise.FORMS` and `COUNTRY_FORMS`, or ``phone_plus``,
        ``phone_digits``, ``birth_date``, ``amount``, ``instant``, ``code``.
    hashed : str
        Digest that is written, one of `foretell.delivery.uploads.hashing.HASHES`; empty for plain text.
    channel : str
        Consent that this column needs instead of the platform's.
    also_plain : bool
        The platform hashes plain text itself, so a file of plain text is no mistake.
    also_hashed : bool
        The platform takes SHA-256 in this column, although foretell writes plain text.
    asked_only : bool
        Sensitive: written only where the user asks for it.
    """

    header: str
    source: str
    form: str
    hashed: str = ""
    channel: str = ""
    also_plain: bool = False
    also_hashed: bool = False
    asked_only: bool = False


@dataclass(frozen=True)
class Platform:
    """One upload format.

    Parameters
    ----------
    name : str
        What users type and its folder is called.
    title : str
        Its name in words.
    channel : str
        Consent that a person must have given: email, sms or ads.
    columns : tuple of UploadColumn
        In file order.
    identifies : tuple of tuple of str
        Headers; a row is written if all columns of one of them are filled.
    together : tuple of str
        Headers that count only together: where one is empty, all are.
    beside : tuple of str
        Headers that are written only where those of `together` are.
    last_resort : bool
        The columns of `together` are written only for people whom nothing else identifies.
    accepted : tuple of UploadColumn
        Columns that the platform takes as well, though foretell does not write them.
    required : tuple of str
        Headers without which the platform refuses the file.
    exact_header : bool
        The header has to be that of the template, whole and in order.
    header : bool
        Whether the file has a header line.
    time_zone_line : bool
        Whether a line that names the time zone comes before the header.
    properties : bool
        Whether scores follow as columns of their own.
    removable : bool
        Whether people can be taken off the list by a file.
    repeats : int
        How often a header may come.
    consents : tuple of str
        Further columns of the contacts that must be true where they exist.
    minimum, advised : int
        Rows below which the platform does not use the list, and rows that it recommends; 0 for none.
    most_rows, most_bytes : int
        Largest file; 0 for no limit.
    lasts : str
        When people drop out of the list by themselves, in words; empty if never.
    use : str
        What to do with the file, one sentence.
    """

    name: str
    title: str
    channel: str
    columns: tuple[UploadColumn, ...]
    identifies: tuple[tuple[str, ...], ...]
    together: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    last_resort: bool = False
    accepted: tuple[UploadColumn, ...] = ()
    required: tuple[str, ...] = ()
    exact_header: bool = False
    header: bool = True
    time_zone_line: bool = False
    properties: bool = False
    removable: bool = True
    repeats: int = 1
    consents: tuple[str, ...] = ()
    minimum: int = 0
    advised: int = 0
    most_rows: int = 0
    most_bytes: int = 0
    lasts: str = ""
    use: str = ""

    @property
    def needs_value(self) -> bool:
        """Whether every row has a value."""
        return any(column.source == "value" for column in self.columns)


@dataclass(frozen=True)
class UploadOptions:
    """Choices that platforms or laws leave open.

    Parameters
    ----------
    default_country : str or None
        Country of people whose own is not known, two upper-case letters; phone numbers need one.
    birth_date_order : str
        ``mdy`` or ``dmy``: how 2/3/1997 is meant.
    sensitive : tuple of str
        Sources, of those asked for only (``gender``, ``birth_date``), that are written.
    tiktok_phone : str
        ``digits`` or ``plus``: TikTok's own pages disagree on what is hashed.
    tiktok_tags : str
        ``keep`` or ``drop``: likewise, whether a plus sign and what follows it stay in an e-mail address.
    criteo_identifier : str
        ``sha256``, ``md5``, ``sha256_md5`` or ``plain``.
    conversion_name : str
        Name of the conversion action in Google Ads.
    currency : str or None
        Currency of values, three letters.
    time_zone : str or None
        Zone of `adjusted_at` and of the times of conversions.
    adjusted_at : datetime or None
        When values were restated: the ``as_of`` of the scores.
    value_cap : float or None
        Highest value that is written; larger ones are written as this, and counted.
    """

    default_country: str | None = None
    birth_date_order: str = "mdy"
    sensitive: tuple[str, ...] = ()
    tiktok_phone: str = "digits"
    tiktok_tags: str = "keep"
    criteo_identifier: str = "sha256"
    conversion_name: str = "foretell predicted value"
    currency: str | None = None
    time_zone: str | None = None
    adjusted_at: datetime | None = None
    value_cap: float | None = None
