"""Scores of a pool of any size, and the band of each."""

import numpy as np
import numpy.typing as npt
import polars as pl
from numpy.typing import NDArray

from foretell.errors import DataError
from foretell.evaluation.vectors import FloatArray
from foretell.models.encoding import Encoding
from foretell.training.lookalike_candidates import FittedLookalike

MOST_BAND_PERCENT = 10
_ROWS_AT_ONCE = 50_000


def scores_in_parts(
    frame: pl.DataFrame, encoding: Encoding, fitted: FittedLookalike
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Score rows part by part: a large pool is never a matrix as a whole.

    Parameters
    ----------
    frame : polars.DataFrame
        The rows.
    encoding : Encoding
        How they become a matrix.
    fitted : FittedLookalike
        What scores them.

    Returns
    -------
    tuple of ndarray of shape (rows,)
        Scores; whether anything is known of the row.

    Raises
    ------
    ColumnMismatch
        If columns are absent or hold another kind of value.
    DataError
        If a number is infinite.
    """
    # Columns are checked in any case, also where there is no row.
    encoding.to_matrix(frame.clear())
    scores: list[NDArray[np.float64]] = [np.empty(0)]
    known: list[NDArray[np.bool_]] = [np.empty(0, dtype=np.bool_)]
    for rows in frame.iter_slices(_ROWS_AT_ONCE):
        try:
            matrix = encoding.to_matrix(rows)
        except DataError:
            # Raised again over all rows, so that their numbers are those of the frame.
            encoding.to_matrix(frame)
            raise
        scores.append(fitted.score(matrix))
        known.append(~np.asarray(np.isnan(matrix).all(axis=1), dtype=np.bool_))
    return np.concatenate(scores), np.concatenate(known)


def band(name: str) -> pl.Expr:
    """Return the top percent that a row is in.

    Parameters
    ----------
    name : str
        Column of the scores.

    Returns
    -------
    polars.Expr
        ``lookalike_band_percent``: 1 to 10, ties by mean rank; null beyond.
    """
    score = pl.col(name)
    percent = (100 * score.rank("average", descending=True) / score.count()).ceil().clip(1).cast(pl.Int64)
    return pl.when(percent <= MOST_BAND_PERCENT).then(percent).alias("lookalike_band_percent")
