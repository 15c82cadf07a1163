"""What drove a churn risk, told by the name and the value of a column."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import polars as pl

from foretell.evaluation.vectors import FloatArray
from foretell.models.encoding import Encoding
from foretell.models.objectives import Matrix

REASONS = ("reason_1", "reason_2", "reason_3")
_RAISES, _LOWERS = ", raises the risk", ", lowers the risk"
_LARGEST_WHOLE = 1e15
_SMALLEST = 0.05
"""Log-odds below which a column changes a risk by at most 1.25 points in 100: no reason to name."""


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


def churn_reasons(
    frame: pl.DataFrame, contributions: FloatArray, encoding: Encoding, typical: Mapping[str, float]
) -> pl.DataFrame:
    """Tell the three largest contributions of each row in words.

    Parameters
    ----------
    frame : polars.DataFrame
        The rows as they were given.
    contributions : ndarray of shape (rows, features)
        In log-odds.
    encoding : Encoding
        Names and known categories of the columns.
    typical : mapping of str to float
        Median of each number.

    Returns
    -------
    polars.DataFrame
        ``reason_1`` … ``reason_3``, in the order of the rows; null where nothing is worth naming.
    """
    # Rounded, so that equal sizes stay in the order of the columns whatever the last bits are.
    order = np.argsort(-np.round(np.abs(contributions), 6), axis=1, kind="stable")
    told: dict[str, list[str | None]] = {}
    for rank, reason in enumerate(REASONS):
        words = np.full(frame.height, None, dtype=object)
        if rank < contributions.shape[1]:
            place = order[:, rank]
            size = contributions[np.arange(frame.height), place]
            for number in np.unique(place):
                rows = np.flatnonzero((place == number) & (np.abs(size) >= _SMALLEST))
                column = frame.get_column(encoding.features[number])[rows]
                words[rows] = _words(column, size[rows] > 0, encoding, typical).to_numpy()
        told[reason] = words.tolist()
    return pl.DataFrame(told, schema=dict.fromkeys(REASONS, pl.String))


def _words(
    column: pl.Series, raises: npt.NDArray[np.bool_], encoding: Encoding, typical: Mapping[str, float]
) -> pl.Series:
    name = column.name
    if name in encoding.levels:
        text = column.cast(pl.String)
        known = text.is_in(list(encoding.levels[name]))
        fact = pl.select(pl.when(known).then(text).otherwise(text + " (not seen before)")).to_series()
    elif column.dtype == pl.Boolean:
        fact = pl.select(pl.when(column).then(pl.lit("yes")).when(~column).then(pl.lit("no"))).to_series()
    else:
        usual = f" (typical {_plain(pl.Series([typical[name]]))[0]})" if name in typical else ""
        fact = _plain(column) + usual
    fact = (f"{name} is " + fact).fill_null(f"{name} is not known")
    return fact + pl.Series(np.where(raises, _RAISES, _LOWERS).tolist(), dtype=pl.String)


def _plain(numbers: pl.Series) -> pl.Series:
    """Numbers as one writes them: whole ones without a point, others with six digits; null for NaN."""
    short = numbers.cast(pl.Float64).fill_nan(None).round_sig_figs(6)
    whole = (short == short.round(0)) & (short.abs() < _LARGEST_WHOLE)
    return pl.select(
        pl.when(whole).then(short.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(short.cast(pl.String))
    ).to_series()
