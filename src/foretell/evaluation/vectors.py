"""The arrays a metric takes: checked once, before any arithmetic."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.intp]


def vector(values: npt.ArrayLike, name: str) -> FloatArray:
    """Return `values` as a contiguous float64 vector.

    Parameters
    ----------
    values : array-like of shape (rows,)
        Numbers or booleans; may be empty.
    name : str
        What the values are, for the error text.

    Returns
    -------
    ndarray of float64, shape (rows,)

    Raises
    ------
    ValueError
        If the values are not one-dimensional, or contain NaN or an infinity.
    """
    out = np.ascontiguousarray(values, dtype=np.float64)
    if out.ndim != 1:
        msg = f"{name} must be one-dimensional, got shape {out.shape}"
        raise ValueError(msg)
    wrong = int(out.size - np.count_nonzero(np.isfinite(out)))
    if wrong:
        msg = f"{name} has {wrong} value(s) of {out.size} that are NaN or infinite; drop or fill them first"
        raise ValueError(msg)
    return out


def same_length(**vectors: FloatArray) -> None:
    """Check that all vectors have one length.

    Parameters
    ----------
    **vectors : ndarray of shape (rows,)
        By the name that an error text gives them.

    Raises
    ------
    ValueError
        Naming each vector and its length.
    """
    if len({values.size for values in vectors.values()}) > 1:
        sizes = ", ".join(f"{name} {values.size}" for name, values in vectors.items())
        msg = f"vectors differ in length: {sizes}"
        raise ValueError(msg)


def outcome_pair(actual: npt.ArrayLike, predicted: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Check an outcome and its prediction, row by row the same customers.

    Parameters
    ----------
    actual, predicted : array-like of shape (rows,)
        Numbers.

    Returns
    -------
    tuple of two ndarrays of float64, shape (rows,)

    Raises
    ------
    ValueError
        If lengths differ, or a value is NaN or infinite.
    """
    y, z = vector(actual, "actual"), vector(predicted, "predicted")
    same_length(actual=y, predicted=z)
    return y, z


def event_pair(actual: npt.ArrayLike, predicted: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Check events and their predicted probabilities.

    Parameters
    ----------
    actual, predicted : array-like of shape (rows,)
        0 or 1 (or booleans), and numbers within [0, 1].

    Returns
    -------
    tuple of two ndarrays of float64, shape (rows,)

    Raises
    ------
    ValueError
        As `outcome_pair`; or if an event is neither 0 nor 1, or a probability is outside [0, 1].
    """
    y, p = outcome_pair(actual, predicted)
    odd = int(np.count_nonzero((y != 0.0) & (y != 1.0)))
    if odd:
        msg = f"actual has {odd} value(s) of {y.size} that are neither 0 nor 1"
        raise ValueError(msg)
    outside = int(np.count_nonzero((p < 0.0) | (p > 1.0)))
    if outside:
        msg = f"predicted has {outside} value(s) of {p.size} outside [0, 1]; a probability is needed"
        raise ValueError(msg)
    return y, p


def row_weights(weights: npt.ArrayLike | None, rows: int) -> FloatArray:
    """Weights of the rows; one each where none are given.

    Parameters
    ----------
    weights : array-like of shape (rows,), or None
        Not negative. A weight of 2 counts a row twice, 0 leaves it out.
    rows : int
        How many are needed.

    Returns
    -------
    ndarray of float64, shape (rows,)

    Raises
    ------
    ValueError
        If the length is not `rows`, or a weight is negative, NaN or infinite.
    """
    if weights is None:
        return np.ones(rows)
    out = vector(weights, "weights")
    if out.size != rows:
        msg = f"weights has {out.size} values for {rows} rows"
        raise ValueError(msg)
    if out.size and float(out.min()) < 0.0:
        msg = "weights must not be negative"
        raise ValueError(msg)
    return out


def inner(a: FloatArray, b: FloatArray) -> float:
    """Sum the products of two vectors.

    Parameters
    ----------
    a, b : ndarray of shape (rows,)

    Returns
    -------
    float
        The same to the last bit for any number of threads.
    """
    # einsum, not a dot product: BLAS splits long vectors over threads, and the last bits follow the split.
    return float(np.einsum("r,r->", a, b))


def weighted_sums(columns: FloatArray, weights: FloatArray) -> FloatArray:
    """Sum each row of `columns` over its customers, weighted.

    Parameters
    ----------
    columns : ndarray of shape (quantities, rows)
    weights : ndarray of shape (rows,)

    Returns
    -------
    ndarray of shape (quantities,)
    """
    return np.asarray(np.einsum("qr,r->q", columns, weights), dtype=np.float64)


def ratio(numerator: float, denominator: float) -> float:
    """Divide; the one rule for every share that is undefined.

    Parameters
    ----------
    numerator, denominator : float

    Returns
    -------
    float
        NaN where the denominator is not positive.
    """
    return float(numerator / denominator) if denominator > 0.0 else float("nan")
