"""Normal forms of cities, states, postcodes and countries."""

import polars as pl

from foretell.delivery.uploads.countries import country_codes
from foretell.delivery.uploads.states import US_STATES
from foretell.delivery.uploads.texts import composed, filled, plain


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
    return filled(composed(value).str.to_lowercase().str.replace_all(r"[\p{P}\p{S}\s\d]", ""))


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
    return filled(pl.when(country_code == "US").then(american).otherwise(bare))


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
