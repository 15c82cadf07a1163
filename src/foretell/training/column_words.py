"""Values of a keyed frame's columns in words."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import polars as pl

from foretell.evaluation.vectors import FloatArray
from foretell.models.encoding import Encoding
from foretell.models.objectives import Matrix

REASONS = ("reason_1", "reason_2", "reason_3")
_LARGEST_WHOLE = 1e15

Words = Callable[[pl.Series, FloatArray], pl.Series]


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


def top_reasons(
    frame: pl.DataFrame, sizes: FloatArray, names: Sequence[str], smallest: float, words: Words
) -> pl.DataFrame:
    """Tell the three columns of the largest size in each row.

    Parameters
    ----------
    frame : polars.DataFrame
        The rows as they were given.
    sizes : ndarray of shape (rows, columns)
        How much each column weighs in each row; signs do not matter.
    names : sequence of str
        The columns.
    smallest : float
        Size below which a column is not named.
    words : callable
        From some rows of a column, and their signed sizes, to a text for each.

    Returns
    -------
    polars.DataFrame
        ``reason_1`` … ``reason_3``, in the order of the rows; null where nothing is worth naming.
    """
    # Rounded, so that equal sizes stay in the order of the columns whatever the last bits are.
    order = np.argsort(-np.round(np.abs(sizes), 6), axis=1, kind="stable")
    told: dict[str, list[str | None]] = {}
    for rank, reason in enumerate(REASONS):
        texts = np.full(frame.height, None, dtype=object)
        if rank < sizes.shape[1]:
            place = order[:, rank]
            size = sizes[np.arange(frame.height), place]
            for number in np.unique(place):
                rows = np.flatnonzero((place == number) & (np.abs(size) >= smallest))
                texts[rows] = words(frame.get_column(names[number])[rows], size[rows]).to_numpy()
        told[reason] = texts.tolist()
    return pl.DataFrame(told, schema=dict.fromkeys(REASONS, pl.String))


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
