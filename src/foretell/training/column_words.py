"""Values of a keyed frame's columns in words."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from foretell.models.encoding import Encoding
from foretell.models.objectives import Matrix

REASONS = ("reason_1", "reason_2", "reason_3")
_LARGEST_WHOLE = 1e15


def typical_values(matrix: Matrix, encoding: Encoding) -> dict[str, float]:
    """Return the median of every feature that is a number.

    Parameters
    ----------
    matrix : ndarray of float64, shape (rows, features)
        As from `Encoding.to_matrix`.
    encoding : Encoding
        Names of the columns.

    Returns
    -------
    dict of str to float
        Without features that have no value.
    """
    numbers = [(place, name) for place, name in enumerate(encoding.features) if name not in encoding.levels]
    present = {name: matrix[~np.isnan(matrix[:, place]), place] for place, name in numbers}
    return {name: float(np.median(values)) for name, values in present.items() if values.size}


def facts_of(column: pl.Series, encoding: Encoding, typical: Mapping[str, float] | None = None) -> pl.Series:
    """Tell the value of a column in each row, as in ``tenure is 3 (typical 29)``.

    Parameters
    ----------
    column : polars.Series
        A feature of the encoding.
    encoding : Encoding
        Known categories.
    typical : mapping of str to float, optional
        Median of each number, told beside the value.

    Returns
    -------
    polars.Series of String
        Never null.
    """
    name = column.name
    if name in encoding.levels:
        text = column.cast(pl.String)
        known = text.is_in(list(encoding.levels[name]))
        fact = pl.select(pl.when(known).then(text).otherwise(text + " (not seen before)")).to_series()
    elif column.dtype == pl.Boolean:
        fact = pl.select(pl.when(column).then(pl.lit("yes")).when(~column).then(pl.lit("no"))).to_series()
    else:
        usual = f" (typical {plain_numbers(pl.Series([typical[name]]))[0]})" if typical and name in typical else ""
        fact = plain_numbers(column) + usual
    return (f"{name} is " + fact).fill_null(f"{name} is not known")


def plain_numbers(numbers: pl.Series) -> pl.Series:
    """Write numbers as one does: whole ones without a point, others with six digits.

    Parameters
    ----------
    numbers : polars.Series
        Of any number type.

    Returns
    -------
    polars.Series of String
        Null for null and NaN.
    """
    short = numbers.cast(pl.Float64).fill_nan(None).round_sig_figs(6)
    whole = (short == short.round(0)) & (short.abs() < _LARGEST_WHOLE)
    return pl.select(
        pl.when(whole).then(short.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(short.cast(pl.String))
    ).to_series()
