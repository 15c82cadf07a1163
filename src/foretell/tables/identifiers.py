"""Identifiers and words, always as text: leading zeros stay, numbers become their digits."""

import polars as pl

from foretell.errors import Violation
from foretell.tables.dataset import Note
from foretell.tables.parsed import Parsed, masks

_WORDS_FOR_NOTHING = ("nan", "none", "null", "<na>", "nat", "#n/a")
_LONGEST_WORD_FOR_NOTHING = max(len(word) for word in _WORDS_FOR_NOTHING)
_EXACT_IN_FLOAT64 = 2**53
_AT_ONCE = 2**17


def read_identifier(column: pl.Series, name: str) -> Parsed:
    """Turn a column of identifiers into text.

    Parameters
    ----------
    column : polars.Series
        Text, whole numbers, or numbers with nothing after the point, as data frames write ids that have gaps.
    name : str
        Name of the identifier, as in ``customer_id``.

    Returns
    -------
    Parsed
        String, as it came. Null, blank text and words for nothing (``nan``, ``None``, ``NULL``) have no value.
        Reasons: ``<name>_missing``, and ``<name>_unreadable`` for numbers with a fraction or past 2**53, where
        neighbours are one and the same. Refused: a type that identifies nobody.
    """
    if column.dtype.is_float():
        return _from_float(column, name)
    if column.dtype.is_nested() or column.dtype == pl.Binary:
        return _not_text(column, name)
    if column.dtype != pl.String:
        text = column.cast(pl.String).alias(name)
        return Parsed(text, masks(**{f"{name}_missing": text.is_null()}))
    return _from_text(column.alias(name))


def read_text(column: pl.Series, name: str) -> Parsed:
    """Turn an optional column into text; every text is a value.

    Parameters
    ----------
    column : polars.Series
        Any type that has one value per row.
    name : str
        Name of the column, as in ``channel``.

    Returns
    -------
    Parsed
        String. Refused: lists, structs and bytes.
    """
    if column.dtype.is_nested() or column.dtype == pl.Binary:
        return _not_text(column, name)
    return Parsed(column.cast(pl.String).alias(name))


def _from_text(column: pl.Series) -> Parsed:
    name = column.name
    # Some rows at a time: what is made of them on the way is as large as the column.
    looked_at: list[tuple[pl.Series, int]] = []
    digits = True
    for part in column.to_frame().iter_slices(_AT_ONCE):
        text = part.to_series()
        # What reads as a whole number is neither blank nor a word, and that is seen in a third of the time.
        digits = digits and not text.cast(pl.UInt64, strict=False).null_count()
        looked_at.append((pl.repeat(value=False, n=text.len(), eager=True), 0) if digits else _blank(text))
    nothing = pl.concat([part for part, _ in looked_at]) if looked_at else pl.Series([], dtype=pl.Boolean)
    padded = sum(count for _, count in looked_at)
    note = f"Rows with blanks around {name}: {padded:,}; kept, so they differ from the id without blanks."
    values = pl.select(pl.when(~nothing).then(column).alias(name)).to_series() if nothing.any() else column
    notes = (Note(f"{name}_padded", padded, note),) if padded else ()
    return Parsed(values, masks(**{f"{name}_missing": nothing}), notes=notes)


def _blank(column: pl.Series) -> tuple[pl.Series, int]:
    """Which rows have no value, and how many others have blanks around it."""
    bare = column.str.strip_chars()
    length = bare.str.len_bytes()
    # Words for nothing are short: the lengths spare most rows the comparison.
    nothing = (length == 0).fill_null(value=True)
    short = (length > 0) & (length <= _LONGEST_WORD_FOR_NOTHING)
    if short.any():
        is_word = pl.when(short).then(bare).str.to_lowercase().is_in(_WORDS_FOR_NOTHING)
        nothing |= pl.select(is_word).to_series().fill_null(value=False)
    return nothing, int(((column.str.len_bytes() != length) & ~nothing).sum())


def _not_text(column: pl.Series, name: str) -> Parsed:
    rule = f"the column holds {column.dtype}, which cannot be read as text"
    remedy = "Name a column of text or numbers."
    nothing = pl.Series(name, [None] * column.len(), pl.String)
    return Parsed(nothing, refusals=(Violation("orders", name, rule, column.len(), remedy=remedy),))


def _from_float(column: pl.Series, name: str) -> Parsed:
    missing = column.is_null() | column.is_nan().fill_null(value=True)
    exact = column.is_finite() & (column.floor() == column) & (column.abs() < _EXACT_IN_FLOAT64)
    exact = exact.fill_null(value=False)
    whole = pl.select(pl.when(exact).then(column)).to_series().cast(pl.Int64)
    count = int(exact.sum())
    text = f"{name} is stored as a number with a point; its whole part became the id in {count:,} rows."
    return Parsed(
        whole.cast(pl.String).alias(name),
        masks(**{f"{name}_missing": missing, f"{name}_unreadable": ~missing & ~exact}),
        notes=(Note(f"{name}_from_float", count, text),),
    )
