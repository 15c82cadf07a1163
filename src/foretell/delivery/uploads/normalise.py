"""Normal forms of what identifies a person: each platform hashes its own, so each has a name."""

from collections.abc import Callable

import polars as pl

from foretell.delivery.uploads.emails import email, email_google, email_unspaced, email_untagged
from foretell.delivery.uploads.places import city, country, country_lower, postcode, postcode_meta, state
from foretell.delivery.uploads.texts import composed, plain

UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
# What a device answers whose owner allows no tracking.
NO_DEVICE = "00000000-0000-0000-0000-000000000000"
_GENDERS = {"f": "f", "female": "f", "woman": "f", "m": "m", "male": "m", "man": "m"}
_DATE_ORDERS = {
    "mdy": ("%m/%d/%Y", "%m.%d.%Y", "%m-%d-%Y"),
    "dmy": ("%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y"),
}


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
