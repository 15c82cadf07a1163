"""Phone numbers that the patterns of their country settle, a column at a time.

The phonenumbers library reads one number in some 25 microseconds, most of it spent on what well-written numbers do not
have. Here its own metadata are applied to whole columns wherever its rules leave no choice: no carrier code, no
ambiguity between a country code and the number itself. Everything else is left to the library, and a test holds that
both say the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from phonenumbers import PhoneMetadata

_TYPED = r"[\s().\-/\u00a0\u2010-\u2015]"
_PLAIN = r"^\+?[0-9]+$"


@dataclass(frozen=True)
class _Plan:
    """The rules of one country, as regular expressions over digits."""

    code: str
    number: str
    lengths: tuple[int, ...]
    trunk: str | None
    abroad: str | None
    rewrites: bool


def settled(numbers: pl.Series, countries: pl.Series) -> pl.Series:
    """Return the numbers that patterns settle, in E.164.

    Parameters
    ----------
    numbers : pl.Series
        Phone numbers as they were typed.
    countries : pl.Series
        Country of each as two upper-case letters, or null.

    Returns
    -------
    pl.Series
        Text; null where the number is none, or the library has to say.
    """
    frame = (
        pl.LazyFrame({"number": numbers, "country": countries})
        .with_row_index("row")
        .with_columns(pl.col("number").str.replace_all(_TYPED, ""))
        .filter(pl.col("number").str.contains(_PLAIN))
        .with_columns(code=pl.col("number").str.extract(_codes()))
        .collect()
    )
    own_code = frame["number"].str.starts_with("+")
    parts = [*_international(frame.filter(own_code)), *_national(frame.filter(~own_code))]
    found = pl.concat(parts) if parts else pl.DataFrame(schema={"row": pl.UInt32, "e164": pl.String})
    places = pl.DataFrame({"row": pl.int_range(numbers.len(), dtype=pl.UInt32, eager=True)})
    return places.join(found, on="row", how="left", maintain_order="left")["e164"].alias(numbers.name)


def _international(frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
    for (code,), part in frame.filter(pl.col("code").is_not_null()).partition_by("code", as_dict=True).items():
        plans = _plans_of_code(int(code))
        digits = part["number"].str.slice(1 + len(code))
        # Whether a leading zero is dialled from abroad is for the library to say.
        trunk = _starts(digits, plans[0].trunk)
        possible = digits.str.len_bytes().is_in(plans[0].lengths)
        alike = _fits(digits, "|".join(plan.number for plan in plans))
        yield _e164(part, code, digits, ~trunk & possible & alike)


def _national(frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
    for (country,), part in frame.drop_nulls("country").partition_by("country", as_dict=True).items():
        plan = _plan_of_country(str(country))
        if plan is None:
            continue
        digits = part["number"]
        home = ~_starts(digits, plan.abroad)
        trunk = _starts(digits, plan.trunk)
        whole = _fits(digits, plan.number) & digits.str.len_bytes().is_in(plan.lengths)
        yield _e164(part, plan.code, digits, home & ~trunk & whole)
        if plan.trunk and not plan.rewrites:
            bare = digits.str.replace(f"^(?:{plan.trunk})", "")
            fits = _fits(bare, plan.number) & bare.str.len_bytes().is_in(plan.lengths)
            # A number that begins with the country's own code may have it as its code.
            clear = ~digits.str.starts_with(plan.code) if plan.trunk != plan.code else pl.Series([True])
            yield _e164(part, plan.code, bare, home & trunk & fits & clear)


def _e164(part: pl.DataFrame, code: str, digits: pl.Series, right: pl.Series) -> pl.DataFrame:
    text = part.select("row", e164=pl.concat_str(pl.lit(f"+{code}"), digits))
    return text.filter(right)


def _fits(digits: pl.Series, pattern: str) -> pl.Series:
    return digits.str.contains(f"^(?:{pattern})$")


def _starts(digits: pl.Series, pattern: str | None) -> pl.Series:
    return digits.str.contains(f"^(?:{pattern})") if pattern else pl.Series([False]).new_from_index(0, digits.len())


@cache
def _codes() -> str:
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

    return rf"^\+({'|'.join(str(code) for code in COUNTRY_CODE_TO_REGION_CODE)})"


@cache
def _plans_of_code(code: int) -> tuple[_Plan, ...]:
    return tuple(_plan(metadata, code) for metadata in metadata_of_code(code))


@cache
def _plan_of_country(country: str) -> _Plan | None:
    from phonenumbers import PhoneMetadata, country_code_for_region

    metadata = PhoneMetadata.metadata_for_region(country)
    return None if metadata is None else _plan(metadata, country_code_for_region(country))


@cache
def metadata_of_code(code: int) -> tuple["PhoneMetadata", ...]:
    """Return what the library knows of the countries with a calling code.

    Parameters
    ----------
    code : int
        As in 44.

    Returns
    -------
    tuple of PhoneMetadata
        The main country first; one entry for a code without a country.
    """
    from phonenumbers import PhoneMetadata, region_codes_for_country_code

    found = (
        PhoneMetadata.metadata_for_region_or_calling_code(code, region)
        for region in region_codes_for_country_code(code)
    )
    return tuple(metadata for metadata in found if metadata is not None)


def number_pattern(metadata: "PhoneMetadata") -> str:
    """Return what the numbers of a country look like, without its code.

    Parameters
    ----------
    metadata : PhoneMetadata
        Of a country.

    Returns
    -------
    str
        A regular expression over digits; one that nothing matches where the country has none.
    """
    general = metadata.general_desc
    return (general and general.national_number_pattern) or "[^0-9]"


def _plan(metadata: "PhoneMetadata", code: int) -> _Plan:
    trunk = metadata.national_prefix_for_parsing
    # The library asks for the lengths of the main country, whichever of those with this code is meant.
    main = metadata_of_code(code)[0].general_desc
    return _Plan(
        code=str(code),
        number=number_pattern(metadata),
        lengths=tuple(main.possible_length) if main else (),
        trunk=trunk,
        abroad=metadata.international_prefix,
        rewrites=bool(metadata.national_prefix_transform_rule) or "(" in (trunk or ""),
    )
