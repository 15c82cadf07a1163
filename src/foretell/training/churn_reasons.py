"""What drove a churn risk, told by the name and the value of a column."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from foretell.evaluation.vectors import FloatArray
from foretell.models.encoding import Encoding
from foretell.training.column_words import REASONS, facts_of

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
                directions = pl.Series(np.where(size[rows] > 0, _RAISES, _LOWERS).tolist(), dtype=pl.String)
                words[rows] = (facts_of(column, encoding, typical) + directions).to_numpy()
        told[reason] = words.tolist()
    return pl.DataFrame(told, schema=dict.fromkeys(REASONS, pl.String))
