"""Columns of a linear model from an encoded matrix: standardised numbers, one column a level of a category."""

import numpy as np

from foretell.models.objectives import Matrix, Vector

FARTHEST = 4.0
"""Standard deviations beyond which a number counts as no farther: no giant is told for certain."""


def centres_and_scales(matrix: Matrix) -> tuple[Vector, Vector]:
    """Return mean and standard deviation of every column, missing values aside.

    Parameters
    ----------
    matrix : ndarray of float64, shape (rows, features)
        As from `Encoding.to_matrix`.

    Returns
    -------
    tuple of ndarray of shape (features,)
        Means, 0 where there is no value; standard deviations, 1 where there is no spread.
    """
    known = ~np.isnan(matrix)
    seen = np.maximum(known.sum(0), 1)
    centres = np.where(known, matrix, 0.0).sum(0) / seen
    spread = np.sqrt((np.where(known, matrix - centres, 0.0) ** 2).sum(0) / seen)
    return centres, np.where(spread > 0, spread, 1.0)


def standard_columns(values: Vector, levels: int, centre: float, scale: float) -> Matrix:
    """Return the columns of one feature.

    Parameters
    ----------
    values : ndarray of shape (rows,)
        Numbers or codes, NaN for missing.
    levels : int
        Categories; 0 for a number.
    centre, scale : float
        Mean and standard deviation of a number.

    Returns
    -------
    ndarray of shape (rows, max(levels, 2))
        0 and 1 for each level; or the standardised number, 0 where it is absent, and whether it is absent.
    """
    if levels:
        return np.asarray(values[:, None] == np.arange(levels), dtype=np.float64)
    absent = np.isnan(values)
    scaled = np.clip((values - centre) / scale, -FARTHEST, FARTHEST)
    return np.column_stack([np.where(absent, 0.0, scaled), absent])
