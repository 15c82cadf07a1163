"""Normal forms of e-mail addresses: platforms disagree on blanks, dots and tags, so each form has a name."""

import polars as pl

from foretell.delivery.uploads.texts import composed

# One label, an at sign, labels with a point; nothing that separates, quotes or breaks a line.
EMAIL = r"^[^\s@,;\"<>()\\]+@[^\s@,;\"<>()\\.]+(\.[^\s@,;\"<>()\\.]+)+$"
LONGEST_EMAIL = 254  # RFC 3696, erratum 1690
_GMAIL = ("gmail.com", "googlemail.com")


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


def _address(text: pl.Expr) -> pl.Expr:
    return pl.when(text.str.contains(EMAIL) & (text.str.len_bytes() <= LONGEST_EMAIL)).then(text)
