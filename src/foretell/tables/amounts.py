"""Money as it was written, to whole minor units."""

import polars as pl

from foretell.errors import Violation
from foretell.tables.dataset import MINOR_PER_UNIT, Note
from foretell.tables.parsed import Parsed, first_rows, masks, most

MAX_AMOUNT = 1e11
"""Amounts from here on are taken for mistakes; below it 9,000 of them still sum exactly in 64 bits."""

_AT_ONCE = 2**17
_CURRENCY_SIGN = r"\p{Sc}|^\s*[A-Za-z]{3}\s*[-+]?\d|\d\s*[A-Za-z]{3}\s*$"
_GROUPED_BY_DOTS = r"^[+-]?\d{1,3}(\.\d{3})+(,\d+)?$"


def number_from_text(text: pl.Expr, *, decimal_comma: bool) -> pl.Expr:
    """Read numbers written in text.

    Parameters
    ----------
    text : polars.Expr
        String.
    decimal_comma : bool
        Whether ``1.234,56`` is meant; then a point anywhere but between groups of three digits is no number.

    Returns
    -------
    polars.Expr
        Float64; null where the text is no number. ``nan`` and ``inf`` are read as such.
    """
    stripped = text.str.strip_chars()
    if decimal_comma:
        ungrouped = (
            pl.when(stripped.str.contains(_GROUPED_BY_DOTS))
            .then(stripped.str.replace_all(".", "", literal=True))
            .otherwise(stripped)
        )
        stripped = pl.when(~ungrouped.str.contains(".", literal=True)).then(
            ungrouped.str.replace(",", ".", literal=True)
        )
    return stripped.cast(pl.Float64, strict=False)


def read_amount(values: pl.Series, written: pl.DataFrame, *, decimal_comma: bool, name: str = "amount") -> Parsed:
    """Turn amounts into whole minor units and account for those that cannot be.

    Parameters
    ----------
    values : polars.Series
        Amounts in currency units, as numbers or text; null where there is none or an expression found none.
    written : polars.DataFrame
        The source columns that were to be read as numbers, row by row as they came.
    decimal_comma : bool
        Whether numbers in text have a decimal comma.
    name : str
        Name of the column, as in ``price``.

    Returns
    -------
    Parsed
        Int64 in 1/10,000 of the currency unit, called ``<name>_minor``. Reasons: ``<name>_missing``,
        ``<name>_unreadable``, ``<name>_not_finite`` (NaN, infinity), ``<name>_too_large`` (1e11 or more either way).
        Refused: text with currency signs or the wrong kind of comma, a column mostly unreadable, or of a type
        that is no number.
    """
    if values.dtype == pl.String:
        text = pl.col(values.name)
        values = values.to_frame().select(number_from_text(text, decimal_comma=decimal_comma)).to_series()
    if not values.dtype.is_numeric():
        rule = f"the column holds {values.dtype}, which is no number"
        remedy = f"Name a column of numbers, or {_without(name)}."
        nothing = pl.Series(f"{name}_minor", [None] * values.len(), pl.Int64)
        return Parsed(nothing, refusals=(Violation("orders", name, rule, values.len(), remedy=remedy),))
    amount = values.cast(pl.Float64)
    if _all_usable(amount):
        return Parsed(_minor(amount).alias(f"{name}_minor"))
    no_number = amount.is_null()
    blank = written.select(pl.any_horizontal(_blank(written, name) for name in written.columns)).to_series()
    missing = no_number & blank
    unreadable = no_number & ~missing
    finite = amount.is_finite().fill_null(value=False)
    too_large = finite & (amount.abs() >= MAX_AMOUNT).fill_null(value=False)
    usable = finite & ~too_large
    return Parsed(
        _minor(pl.select(pl.when(usable).then(amount)).to_series()).alias(f"{name}_minor"),
        masks(
            **{
                f"{name}_missing": missing,
                f"{name}_unreadable": unreadable,
                f"{name}_not_finite": ~no_number & ~finite,
                f"{name}_too_large": too_large,
            }
        ),
        _refusals(written, unreadable, decimal_comma=decimal_comma, name=name),
    )


def _all_usable(amount: pl.Series) -> bool:
    """The rule: neither a null nor a NaN, and nothing too large."""
    if amount.null_count() or amount.is_nan().any():
        return False
    return bool((amount > -MAX_AMOUNT).all()) and bool((amount < MAX_AMOUNT).all())


def _minor(amount: pl.Series) -> pl.Series:
    parts = (part.to_series() for part in amount.to_frame().iter_slices(_AT_ONCE))
    return pl.concat([(part * MINOR_PER_UNIT).round().cast(pl.Int64) for part in parts] or [amount.cast(pl.Int64)])


def read_number(values: pl.Series, name: str, *, decimal_comma: bool) -> Parsed:
    """Read an optional column of numbers; what is no number has no value and is counted.

    Parameters
    ----------
    values : polars.Series
        Numbers or text.
    name : str
        Name of the column, as in ``discount``.
    decimal_comma : bool
        Whether numbers in text have a decimal comma.

    Returns
    -------
    Parsed
        Float64, never NaN.
    """
    there = values.is_not_null()
    if values.dtype == pl.String:
        there &= (values.str.strip_chars() != "").fill_null(value=False)
        text = pl.col(values.name)
        values = values.to_frame().select(number_from_text(text, decimal_comma=decimal_comma)).to_series()
    numbers = values.cast(pl.Float64, strict=False).fill_nan(None).alias(name)
    lost = int((there & numbers.is_null()).sum())
    note = Note(f"{name}_unreadable", lost, f"Rows whose {name} is no number: {lost:,}; it was left out there.")
    return Parsed(numbers, notes=(note,) if lost else ())


def _blank(written: pl.DataFrame, name: str) -> pl.Expr:
    column = pl.col(name)
    if written.schema[name] == pl.String:
        return column.is_null() | (column.str.strip_chars() == "").fill_null(value=False)
    return column.is_null()


def _without(name: str) -> str:
    purpose = " to predict counts only" if name == "amount" else ""
    return f'leave it out with {name}=None ("" in a config file){purpose}'


def _refusals(written: pl.DataFrame, unreadable: pl.Series, *, decimal_comma: bool, name: str) -> tuple[Violation, ...]:
    if not unreadable.any():
        return ()
    text_columns = [name for name, dtype in written.schema.items() if dtype == pl.String]
    if not text_columns:
        return ()
    number = [number_from_text(pl.col(name), decimal_comma=decimal_comma) for name in text_columns]
    at_fault = pl.coalesce(
        pl.when(read.is_null()).then(pl.col(name)) for name, read in zip(text_columns, number, strict=True)
    )
    text = written.filter(unreadable).select(at_fault.alias("text"))["text"]
    row_number = unreadable.arg_true() + 1
    found = []
    for pattern, rule, remedy in _systematic(name, decimal_comma=decimal_comma):
        rows = row_number.filter(text.str.contains(pattern).fill_null(value=False))
        if rows.len():
            numbers = tuple(int(row) for row in rows.head(3))
            found.append(Violation("orders", name, rule, rows.len(), numbers, remedy))
    if not found and most(unreadable):
        remedy = f"Check which column holds the {name}, or {_without(name)}."
        rule = f"more than half of the {name}s are no numbers"
        found.append(Violation("orders", name, rule, int(unreadable.sum()), first_rows(unreadable), remedy, share=0.5))
    return tuple(found)


def _systematic(name: str, *, decimal_comma: bool) -> tuple[tuple[str, str, str], ...]:
    """Ways of writing that concern a whole file: pattern, rule, remedy."""
    sign = (
        _CURRENCY_SIGN,
        f"{name}s carry a currency sign",
        f"Export plain numbers, or strip the sign in the mapping, as in {name}=\"REPLACE(total, '€', '')\".",
    )
    if decimal_comma:
        remedy = "Leave decimal_comma out if the point is the decimal sign."
        return (sign, (r"\d\.\d", f"{name}s have a decimal point although decimal_comma is set", remedy))
    remedy = (
        "For 12,50 or 1.234,50 set decimal_comma=True (true in a config file); for 1,234.50 strip the commas in the "
        f"mapping, as in {name}=\"REPLACE(total, ',', '')\"."
    )
    return (sign, (r"\d,\d", f"{name}s have a comma", remedy))
