"""Normal forms of what identifies a person: each platform hashes its own, so each has a name."""

from collections.abc import Callable

import polars as pl

from foretell.delivery.uploads.countries import country_codes
from foretell.delivery.uploads.states import US_STATES

# One label, an at sign, labels with a point; nothing that separates, quotes or breaks a line.
EMAIL = r"^[^\s@,;\"<>()\\]+@[^\s@,;\"<>()\\.]+(\.[^\s@,;\"<>()\\.]+)+$"
LONGEST_EMAIL = 254  # RFC 3696, erratum 1690
UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
# What a device answers whose owner allows no tracking.
NO_DEVICE = "00000000-0000-0000-0000-000000000000"
_GMAIL = ("gmail.com", "googlemail.com")
_INVISIBLE = "[\u200b\u200c\u200d\u2060\ufeff]"
_GENDERS = {"f": "f", "female": "f", "woman": "f", "m": "m", "male": "m", "man": "m"}
_DATE_ORDERS = {
    "mdy": ("%m/%d/%Y", "%m.%d.%Y", "%m-%d-%Y"),
    "dmy": ("%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y"),
}


def composed(value: pl.Expr) -> pl.Expr:
    """Return a text in Unicode's composed form, without blanks around it and without invisible characters.

    Parameters
    ----------
    value : pl.Expr
        Text.

    Returns
    -------
    pl.Expr
        Text; null where nothing is left. Decomposed letters have other bytes, so another hash that nobody has.
    """
    bare = value.str.normalize("NFC").str.replace_all(_INVISIBLE, "").str.strip_chars()
    return _filled(bare)


def plain(value: pl.Expr) -> pl.Expr:
    """Return a text as people write it, with single blanks.

    Parameters
    ----------
    value : pl.Expr
        Text.

    Returns
    -------
    pl.Expr
        Text on one line.
    """
    return _filled(composed(value).str.replace_all(r"[\s\p{C}]+", " ").str.strip_chars())


def email(value: pl.Expr) -> pl.Expr:
    """Return an e-mail address trimmed and in lower case; dots and tags stay (Meta, Criteo, Klaviyo).

    Parameters
    ----------
    value : pl.Expr
        Text.

    Returns
    -------
    pl.Expr
        Text; null where it is no address.
    """
    return _address(composed(value).str.to_lowercase())


def email_unspaced(value: pl.Expr) -> pl.Expr:
    """Return an e-mail address in lower case without any blanks (TikTok, LinkedIn).

    Parameters
    ----------
    value : pl.Expr
        Text.

    Returns
    -------
    pl.Expr
        Text; null where it is no address.
    """
    return _address(composed(value).str.replace_all(r"\s", "").str.to_lowercase())


def email_untagged(value: pl.Expr) -> pl.Expr:
    """Return an e-mail address as `email_unspaced`, without a plus sign and what follows it before the at sign.

    Parameters
    ----------
    value : pl.Expr
        Text.

    Returns
    -------
    pl.Expr
        Text; null where it is no address.
    """
    return _address(email_unspaced(value).str.replace(r"\+[^@]*@", "@"))


def email_google(value: pl.Expr) -> pl.Expr:
    """Return an e-mail address for Google: at gmail.com and googlemail.com without dots and tags, else `email`.

    Parameters
    ----------
    value : pl.Expr
        Text.

    Returns
    -------
    pl.Expr
        Text; null where it is no address.
    """
    bare = email(value)
    local = bare.str.extract(r"^([^@]*)@").str.replace(r"\+.*$", "").str.replace_all(".", "", literal=True)
    domain = bare.str.extract(r"@(.*)$")
    return pl.when(domain.is_in(_GMAIL)).then(_address(pl.concat_str(local, pl.lit("@"), domain))).otherwise(bare)


def name_bare(value: pl.Expr) -> pl.Expr:
    """Return a name in lower case without punctuation; letters of every script and accents stay (Meta, Google).

    Parameters
    ----------
    value : pl.Expr
        Text.

    Returns
    -------
    pl.Expr
        Text.
    """
    return plain(composed(value).str.to_lowercase().str.replace_all(r"[\p{P}\p{S}]", ""))


def name_spaced(value: pl.Expr) -> pl.Expr:
    """Return a name in lower case with single blanks; punctuation stays (Google's first name).

    Parameters
    ----------
    value : pl.Expr
        Text.

    Returns
    -------
    pl.Expr
        Text.
    """
    return plain(value).str.to_lowercase()


def city(value: pl.Expr) -> pl.Expr:
    """Return a city in lower case, letters only (Meta).

    Parameters
    ----------
    value : pl.Expr
        Text.

    Returns
    -------
    pl.Expr
        Text.
    """
    return _filled(composed(value).str.to_lowercase().str.replace_all(r"[\p{P}\p{S}\s\d]", ""))


def country(value: pl.Expr) -> pl.Expr:
    """Return a country as its ISO code of two letters, in upper case (Google, LinkedIn).

    Parameters
    ----------
    value : pl.Expr
        A code of two or three letters, or a name.

    Returns
    -------
    pl.Expr
        Text; null where the country is not known.
    """
    known = country_codes()
    return composed(value).str.to_uppercase().replace_strict(known, default=None, return_dtype=pl.String)


def country_lower(value: pl.Expr) -> pl.Expr:
    """Return `country` in lower case (Meta).

    Parameters
    ----------
    value : pl.Expr
        A code of two or three letters, or a name.

    Returns
    -------
    pl.Expr
        Text; null where the country is not known.
    """
    return country(value).str.to_lowercase()


def state(value: pl.Expr, country_code: pl.Expr) -> pl.Expr:
    """Return a state in lower case: two letters in the United States, elsewhere without blanks (Meta).

    Parameters
    ----------
    value, country_code : pl.Expr
        Text, and a country as from `country`.

    Returns
    -------
    pl.Expr
        Text.
    """
    bare = composed(value).str.to_lowercase().str.replace(r"^us-", "").str.replace_all(r"[\p{P}\p{S}\s]", "")
    american = bare.replace(US_STATES)
    return _filled(pl.when(country_code == "US").then(american).otherwise(bare))


def postcode(value: pl.Expr, country_code: pl.Expr) -> pl.Expr:
    """Return a postcode as people write it, with the zeros that a spreadsheet took from one of the United States.

    Parameters
    ----------
    value, country_code : pl.Expr
        Text, and a country as from `country`.

    Returns
    -------
    pl.Expr
        Text.
    """
    bare = plain(value)
    shorn = (country_code == "US") & bare.str.contains(r"^\d{3,4}(-\d{4})?$")
    padded = pl.concat_str(bare.str.extract(r"^(\d+)").str.pad_start(5, "0"), bare.str.replace(r"^\d+", ""))
    return pl.when(shorn).then(padded).otherwise(bare)


def postcode_meta(value: pl.Expr, country_code: pl.Expr) -> pl.Expr:
    """Return a postcode for Meta: lower case, no blanks or dashes; five digits in the United States, sector in Britain.

    Parameters
    ----------
    value, country_code : pl.Expr
        Text, and a country as from `country`.

    Returns
    -------
    pl.Expr
        Text.
    """
    bare = postcode(value, country_code).str.to_lowercase().str.replace_all(r"[\s\-]", "")
    british = (country_code == "GB") & bare.str.contains(r"^[a-z]{1,2}\d[a-z\d]?\d[a-z]{2}$")
    return (
        pl.when(country_code == "US")
        .then(bare.str.slice(0, 5))
        .when(british)
        .then(bare.str.replace(r"[a-z]{2}$", ""))
        .otherwise(bare)
    )


def birth_date(value: pl.Expr, order: str = "mdy") -> pl.Expr:
    """Return a date of birth as YYYYMMDD, from 1900 on (Meta).

    Parameters
    ----------
    value : pl.Expr
        A date, or text: ISO 8601, eight digits with the year first, or day and month in `order`.
    order : str
        ``mdy`` or ``dmy``: how 2/3/1997 is meant.

    Returns
    -------
    pl.Expr
        Text; null where it is no such date.
    """
    text = composed(value.cast(pl.String))
    iso = text.str.extract(r"^(\d{4}-\d{1,2}-\d{1,2})(?:[T ].*)?$").str.to_date("%Y-%m-%d", strict=False)
    digits = text.str.extract(r"^(\d{8})$").str.to_date("%Y%m%d", strict=False)
    others = [text.str.to_date(pattern, strict=False) for pattern in _DATE_ORDERS[order]]
    day = pl.coalesce(iso, digits, *others)
    return pl.when(day.dt.year() >= 1900).then(day.dt.to_string("%Y%m%d"))


def gender(value: pl.Expr) -> pl.Expr:
    """Return a gender as f or m (Meta).

    Parameters
    ----------
    value : pl.Expr
        Text.

    Returns
    -------
    pl.Expr
        Text; null for every other word: nothing is guessed.
    """
    return composed(value).str.to_lowercase().replace_strict(_GENDERS, default=None, return_dtype=pl.String)


def device(value: pl.Expr) -> pl.Expr:
    """Return a mobile advertising id in lower case with its hyphens.

    Parameters
    ----------
    value : pl.Expr
        Text.

    Returns
    -------
    pl.Expr
        Text; null where it is none, or the zeros of a person who allows no tracking.
    """
    bare = composed(value).str.to_lowercase()
    return pl.when(bare.str.contains(UUID) & (bare != NO_DEVICE)).then(bare)


def domain(value: pl.Expr) -> pl.Expr:
    """Return the domain of a company, of its address on the web or of one of its mailboxes.

    Parameters
    ----------
    value : pl.Expr
        Text.

    Returns
    -------
    pl.Expr
        Text in lower case, without protocol, ``www.`` and path; null where it is no domain.
    """
    bare = (
        composed(value)
        .str.to_lowercase()
        .str.replace(r"^[a-z]+://", "")
        .str.replace(r"^.*@", "")
        .str.replace(r"^www\.", "")
        .str.replace(r"[/?#:].*$", "")
    )
    return pl.when(bare.str.contains(r"^[\p{L}\p{N}-]+(\.[\p{L}\p{N}-]+)+$")).then(bare)


def code(value: pl.Expr) -> pl.Expr:
    """Return an identifier that a system made, as it is (click ids, order ids, currencies).

    Parameters
    ----------
    value : pl.Expr
        Text.

    Returns
    -------
    pl.Expr
        Text without blanks around it; null where it has blanks, quotes or separators inside.
    """
    bare = composed(value)
    return pl.when(~bare.str.contains(r"[\s\p{C},;\"']")).then(bare)


def _address(text: pl.Expr) -> pl.Expr:
    return pl.when(text.str.contains(EMAIL) & (text.str.len_bytes() <= LONGEST_EMAIL)).then(text)


def _filled(text: pl.Expr) -> pl.Expr:
    return pl.when(text.str.len_bytes() > 0).then(text)


FORMS: dict[str, Callable[[pl.Expr], pl.Expr]] = {
    "plain": plain,
    "email": email,
    "email_unspaced": email_unspaced,
    "email_untagged": email_untagged,
    "email_google": email_google,
    "name_bare": name_bare,
    "name_spaced": name_spaced,
    "city": city,
    "country": country,
    "country_lower": country_lower,
    "gender": gender,
    "device": device,
    "domain": domain,
    "code": code,
}
COUNTRY_FORMS: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    "state": state,
    "postcode": postcode,
    "postcode_meta": postcode_meta,
}
