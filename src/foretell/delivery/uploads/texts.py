"""Text of people, whatever it says: composed, on one line, never empty."""

import polars as pl

_INVISIBLE = "[\u200b\u200c\u200d\u2060\ufeff]"


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
    return filled(bare)


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
    return filled(composed(value).str.replace_all(r"[\s\p{C}]+", " ").str.strip_chars())


def filled(text: pl.Expr) -> pl.Expr:
    """Return a text, or null where it is empty.

    Parameters
    ----------
    text : pl.Expr
        Text.

    Returns
    -------
    pl.Expr
        Text of one character or more.
    """
    return pl.when(text.str.len_bytes() > 0).then(text)


def identifiers_as_text(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a table of identifiers as text: whole numbers get back their digits, without point and zero.

    Parameters
    ----------
    frame : pl.DataFrame
        Any table; data frames with gaps store whole numbers with a point.

    Returns
    -------
    pl.DataFrame
        Every column of floats or categories is text.
    """
    categories = pl.selectors.by_dtype(pl.Categorical, pl.Enum)
    frame = frame.with_columns(categories.cast(pl.String))
    floats = [name for name, dtype in frame.schema.items() if dtype.is_float()]
    return frame.with_columns(
        pl.when(pl.col(name).is_finite() & (pl.col(name).floor() == pl.col(name)) & (pl.col(name).abs() < 2**53))
        .then(pl.col(name).cast(pl.Int64, strict=False).cast(pl.String))
        .otherwise(pl.col(name).fill_nan(None).cast(pl.String))
        .alias(name)
        for name in floats
    )
