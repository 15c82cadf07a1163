"""Why a row is in a file: the facts behind a segment's rule as one sentence per customer."""

from collections.abc import Mapping, Sequence

import polars as pl

from foretell.delivery.checks import is_money, is_probability
from foretell.delivery.compiled import PLACEHOLDER
from foretell.delivery.csv_files import MONEY_DECIMALS, fixed_text
from foretell.tables.schema import Column

WHY_HERE = Column("why_here", pl.String(), "text", False, "Why this customer is in this file")


def why_here(parts: Sequence[str], described: Mapping[str, Column], currency: str | None) -> pl.Expr:
    """Return the expression of the reason.

    Parameters
    ----------
    parts : sequence of str
        Parts of the sentence with columns in braces; one whose column is empty is left out.
    described : mapping of str to Column
        Columns by name.
    currency : str or None
        To print with money.

    Returns
    -------
    pl.Expr
        Text, named ``why_here``.
    """
    told = []
    for part in parts:
        texts = [
            pl.lit(piece) if i % 2 == 0 else in_words(piece, described.get(piece), currency)
            for i, piece in enumerate(PLACEHOLDER.split(part))
        ]
        told.append(pl.concat_str(texts))
    if not told:
        return pl.lit("").alias(WHY_HERE.name)
    sentence = pl.concat_str(told, separator="; ", ignore_nulls=True)
    return sentence.str.replace_all(r"\b1 days\b", "1 day").alias(WHY_HERE.name)


def in_words(name: str, column: Column | None, currency: str | None) -> pl.Expr:
    """Return a column's values as a person writes them.

    Parameters
    ----------
    name : str
        Column of the frame.
    column : Column or None
        What it holds.
    currency : str or None
        To print with money.

    Returns
    -------
    pl.Expr
        Text; null stays null.
    """
    value = pl.col(name)
    if column is not None and column.dtype == pl.Boolean:
        return pl.when(value.is_null()).then(None).when(value).then(pl.lit("yes")).otherwise(pl.lit("no"))
    if column is None or not column.dtype.is_float():
        return value.cast(pl.String)
    if is_probability(column):
        percent = (value * 100).round(0).cast(pl.Int64)
        return (
            pl.when(value.is_null())
            .then(None)
            .when(percent < 1)
            .then(pl.lit("under 1 %"))
            .when(percent > 99)
            .then(pl.lit("over 99 %"))
            .otherwise(pl.format("{} %", percent))
        )
    if is_money(column):
        amount = fixed_text(value, MONEY_DECIMALS)
        return pl.concat_str([amount, pl.lit(f" {currency}")]) if currency else amount
    if column.unit.startswith("days"):
        return value.round(0).cast(pl.Int64).cast(pl.String)
    return fixed_text(value, 1)
