"""What drove a churn risk, told by the name and the value of a column."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from foretell.evaluation.vectors import FloatArray
from foretell.models.encoding import Encoding
from foretell.training.column_words import facts_of, top_reasons

_RAISES, _LOWERS = ", raises the risk", ", lowers the risk"
_SMALLEST = 0.05
"""Log-odds below which a column changes a risk by at most 1.25 points in 100: no reason to name."""


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

    def words(column: pl.Series, sizes: FloatArray) -> pl.Series:
        directions = pl.Series(np.where(sizes > 0, _RAISES, _LOWERS).tolist(), dtype=pl.String)
        return facts_of(column, encoding, typical) + directions

    return top_reasons(frame, contributions, encoding.features, _SMALLEST, words)
