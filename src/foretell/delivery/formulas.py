"""Text that a spreadsheet would run as a formula: found, and made harmless."""

import polars as pl

# A spreadsheet runs a text that starts so as a formula. OWASP ASVS 1.2.10 and its page on CSV injection,
# which adds the line feed and the full-width forms that some locales fold to the plain ones; leading blanks,
# because some programs drop them on import.
FORMULA_START = "^ *[=+\\-@\t\r\n\x00\uff1d\uff0b\uff0d\uff20]"
# A file opened with another separator than its own is cut inside its cells, and the rest of a cell becomes one.
INNER_START = "([;,|\t\r\n][\"' ]*)([=+\\-@\uff1d\uff0b\uff0d\uff20])"
# E.164: the one text that may begin with a plus, since nothing in it can be computed.
PHONE = r"^\+[1-9]\d{6,14}$"


def starts_formula(text: pl.Expr) -> pl.Expr:
    """Tell whether a spreadsheet would run a text.

    Parameters
    ----------
    text : pl.Expr
        Text.

    Returns
    -------
    pl.Expr
        Boolean; false for a phone number in E.164, null for null.
    """
    return text.str.contains(FORMULA_START) & ~text.str.contains(PHONE)


def is_dangerous(text: pl.Expr) -> pl.Expr:
    """Tell whether `harmless` changes a text.

    Parameters
    ----------
    text : pl.Expr
        Text.

    Returns
    -------
    pl.Expr
        Boolean; null for null.
    """
    return starts_formula(text) | text.str.contains(INNER_START)


def harmless(text: pl.Expr) -> pl.Expr:
    """Put an apostrophe before every sign with which a spreadsheet would begin to compute.

    Parameters
    ----------
    text : pl.Expr
        Text.

    Returns
    -------
    pl.Expr
        Text; what is not dangerous stays as it is.
    """
    inside = text.str.replace_all(INNER_START, "${1}'${2}")
    return pl.when(starts_formula(text)).then(pl.concat_str(pl.lit("'"), inside)).otherwise(inside)
