"""Cells of an upload file compared with what their column takes."""

from collections.abc import Iterator

import polars as pl

from foretell.delivery.formulas import starts_formula
from foretell.delivery.uploads.hashing import HASH_LENGTHS, HASH_OF_NOTHING, HASHED, SHORTER_HASH
from foretell.delivery.uploads.normalise import COUNTRY_FORMS, FORMS, birth_date
from foretell.delivery.uploads.phones import can_read_phones, e164
from foretell.delivery.uploads.template import UploadColumn

_NUMBER = r"^-?\d+([.,]\d+)?$"
_SHAPES = {
    "amount": r"^\d+(\.\d+)?$",
    "instant": r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d( ?[+-]\d{4}| [A-Za-z_]+(/[A-Za-z_]+)+)?$",
    "adjustment": r"^(RESTATE|RETRACT)$",
    "phone_plus": r"^\+[1-9]\d{6,14}$",
    "phone_digits": r"^[1-9]\d{6,14}$",
}
_WORDS = {
    "plain": "text without blanks around it, on one line, in composed Unicode",
    "email": "an e-mail address in lower case without blanks",
    "email_unspaced": "an e-mail address in lower case without blanks",
    "email_untagged": "an e-mail address in lower case without blanks and without a plus sign",
    "email_google": "an e-mail address in lower case without blanks; at Gmail without dots and plus signs",
    "name_bare": "a name in lower case without punctuation",
    "name_spaced": "a name in lower case without blanks around it",
    "city": "a city in lower case, letters only",
    "state": "a state in lower case without blanks; two letters in the United States",
    "postcode": "a postcode without blanks around it, with its leading zeros",
    "postcode_meta": "a postcode in lower case without blanks and dashes, with its leading zeros; five digits in the "
    "United States",
    "country": "a country as two upper-case letters",
    "country_lower": "a country as two lower-case letters",
    "birth_date": "a date of birth as YYYYMMDD",
    "gender": "f or m",
    "device": "an advertising id in lower case with hyphens",
    "domain": "a domain without protocol and path",
    "code": "an identifier without blanks, quotes and separators",
    "amount": "a plain number of 0 or more, with a point before decimals",
    "instant": "a time as yyyy-MM-dd HH:mm:ss, without T, with an offset such as +0530 if any",
    "adjustment": "RESTATE or RETRACT",
    "phone_plus": "a phone number as + and digits, country code first",
    "phone_digits": "a phone number in digits only, country code first, without + and leading zeros",
}


def cell_problems(
    cells: pl.Series, column: UploadColumn | None, countries: pl.Series
) -> Iterator[tuple[str, pl.Series]]:
    """Say what is wrong with the cells of a column.

    Parameters
    ----------
    cells : pl.Series
        Text; null for empty cells.
    column : UploadColumn or None
        What the platform takes there; None where it is not known.
    countries : pl.Series
        Country of each row as two upper-case letters, where the file says it in plain text.

    Yields
    ------
    tuple of str and pl.Series
        A rule and who breaks it.
    """
    yield "it begins with a sign that a spreadsheet runs as a formula", _runs(cells)
    if column is None:
        return
    digest = _is_digest(cells, column)
    if column.hashed:
        yield from _digest_problems(cells, digest, column)
        plain = ~digest & ~_like_digest(cells)
        if column.also_plain and not digest.any():
            yield f"it is not {_WORDS[column.form]}", plain & ~_is_normal(cells, column, countries)
        else:
            yield "it is not hashed", plain
    else:
        if not column.also_hashed:
            yield "it is hashed, but the platform takes it in plain text", digest
        yield f"it is not {_WORDS[column.form]}", ~digest & ~_is_normal(cells, column, countries)


def value_problems(cells: pl.Series) -> Iterator[tuple[str, pl.Series | None]]:
    """Say what is wrong with a column of values as a whole.

    Parameters
    ----------
    cells : pl.Series
        Text.

    Yields
    ------
    tuple of str and None
        A rule.
    """
    numbers = cells.cast(pl.Float64, strict=False).drop_nulls()
    distinct = numbers.unique()
    if numbers.len() and numbers.max() == 0:
        yield "every value is 0, so nobody can be told from anybody by it", None
    elif numbers.len() >= 100 and distinct.len() <= 10 and set(distinct.to_list()) <= set(range(11)):
        yield "the values look like ranks or ratings; money or counts are asked for", None


def _digest_problems(cells: pl.Series, digest: pl.Series, column: UploadColumn) -> Iterator[tuple[str, pl.Series]]:
    yield "the digest has upper-case letters", digest & (cells != cells.str.to_lowercase())
    yield "it is the digest of an empty text", cells.str.to_lowercase() == HASH_OF_NOTHING
    yield (
        f"it is a digest of another length than {column.hashed.split('_', maxsplit=1)[0].upper()}",
        (_like_digest(cells) & ~digest),
    )


def _is_digest(cells: pl.Series, column: UploadColumn) -> pl.Series:
    length = HASH_LENGTHS[column.hashed] if column.hashed else 64
    return cells.str.contains(HASHED if length == 64 else rf"^[0-9a-fA-F]{{{length}}}$")


def _like_digest(cells: pl.Series) -> pl.Series:
    return cells.str.contains(HASHED) | cells.str.contains(SHORTER_HASH)


def _runs(cells: pl.Series) -> pl.Series:
    return (
        cells.to_frame("text")
        .select(starts_formula(pl.col("text")) & ~pl.col("text").str.contains(_NUMBER))
        .to_series()
    )


def _is_normal(cells: pl.Series, column: UploadColumn, countries: pl.Series) -> pl.Series:
    if column.form in _SHAPES:
        normal = cells.str.contains(_SHAPES[column.form])
        if column.form.startswith("phone") and can_read_phones():
            numbers = pl.select(pl.concat_str(pl.lit("+"), cells.str.strip_chars_start("+"))).to_series()
            nowhere = pl.Series([None], dtype=pl.String).new_from_index(0, cells.len())
            normal &= e164(numbers, nowhere).is_not_null()
        return normal
    frame = pl.DataFrame({"text": cells, "country": countries})
    text = pl.col("text")
    if column.form == "birth_date":
        form = birth_date(text)
    elif column.form in COUNTRY_FORMS:
        form = COUNTRY_FORMS[column.form](text, pl.col("country"))
    else:
        form = FORMS[column.form](text)
    return frame.lazy().select(form.eq_missing(text).alias("normal")).collect().to_series()
