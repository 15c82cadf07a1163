"""Phone numbers as the world dials them (E.164), read with the phonenumbers library where it is installed."""

import re
from functools import cache
from importlib.util import find_spec

import polars as pl

from foretell.delivery.uploads.phone_patterns import metadata_of_code, number_pattern, settled

# What people type around the digits. A text with anything else (a formula, a word) is no phone number, although the
# library would find one in it.
_TYPED = r"^\+?[\s().\-/\u00a0\u2010-\u2015\d\uff10-\uff19]+((ext\.?|x|#)\s*\d{1,7})?$"
E164 = r"^\+[1-9]\d{6,14}$"


def can_read_phones() -> bool:
    """Tell whether the extra ``audience`` is installed.

    Returns
    -------
    bool
        False where every phone number is left out.
    """
    return find_spec("phonenumbers") is not None


def e164(numbers: pl.Series, countries: pl.Series) -> pl.Series:
    """Return phone numbers in E.164: a plus, the country's code, the number.

    A number passes that has a length which its country uses and begins as its numbers do; whether it is in use nobody
    can tell from it.

    Parameters
    ----------
    numbers : pl.Series
        Phone numbers as they were typed.
    countries : pl.Series
        Country of each as two upper-case letters; null where it is not known, which only a number with its own
        country code survives.

    Returns
    -------
    pl.Series
        Text; null where it is no number, and everywhere where the extra is not installed.
    """
    nothing = pl.Series(numbers.name, [None] * numbers.len(), pl.String)
    if not can_read_phones() or numbers.is_empty():
        return nothing
    # A point and a zero are no part of a number: so a text table shows one that was stored as a number.
    pairs = pl.DataFrame({"number": numbers.str.strip_chars().str.strip_suffix(".0"), "country": countries})
    typed = pairs.select(pl.when(pl.col("number").str.contains(_TYPED)).then("number"), "country")
    unique = typed.drop_nulls("number").unique(maintain_order=True)
    if unique.is_empty():
        return nothing
    quick = unique.with_columns(settled(unique["number"], unique["country"]).alias("e164"))
    rest = quick.filter(pl.col("e164").is_null())
    read = [_read(*pair) for pair in zip(rest["number"].to_list(), rest["country"].to_list(), strict=True)]
    found = pl.concat([quick.drop_nulls("e164"), rest.with_columns(pl.Series("e164", read, pl.String))])
    joined = typed.join(found, on=["number", "country"], how="left", nulls_equal=True, maintain_order="left")
    return joined["e164"].alias(numbers.name)


def _read(number: str, country: str | None) -> str | None:
    import phonenumbers

    try:
        parsed = phonenumbers.parse(number, country)
    except phonenumbers.NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(parsed) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    national = phonenumbers.national_significant_number(parsed)
    if not any(pattern.fullmatch(national) for pattern in _patterns(parsed.country_code or 0)):
        return None
    return f"+{parsed.country_code}{national}"


@cache
def _patterns(calling_code: int) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(number_pattern(metadata)) for metadata in metadata_of_code(calling_code))
