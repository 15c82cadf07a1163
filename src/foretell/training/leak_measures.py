"""How far one column alone tells the outcome: areas under the ROC curve, each judged on rows it was not learnt from."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from foretell.evaluation.gains import TieGroups, centred_ranks
from foretell.evaluation.probabilities import area_from_ranks
from foretell.evaluation.vectors import FloatArray, IntArray

FOLDS = 5
_BINS = 64
_PRIOR_ROWS = 2.0
_NEARLY_UNIQUE = 0.9
_MODULI = (*range(2, 13), 16, 100)


def area(events: FloatArray, values: FloatArray) -> float:
    """Area under the ROC curve of any finite values, whichever way they point.

    Parameters
    ----------
    events : ndarray of shape (rows,)
        0 or 1, both present.
    values : ndarray of shape (rows,)
        Finite.

    Returns
    -------
    float
        Within [.5, 1].
    """
    groups = TieGroups.by(values)
    weight = groups.total(np.ones(values.size))
    found = area_from_ranks(centred_ranks(np.cumsum(weight), weight), groups.total(events), float(values.size))
    return max(found, 1.0 - found)


def held_out_area(events: FloatArray, groups: IntArray, fold: IntArray) -> float:
    """Area of the share of events per group, each row's share learnt in the other folds.

    Parameters
    ----------
    events : ndarray of shape (rows,)
        0 or 1.
    groups : ndarray of int, shape (rows,)
        Group of each row, from 0.
    fold : ndarray of int, shape (rows,)
        Fold of each row, from 0.

    Returns
    -------
    float
        Within [0, 1]; about .5 where groups tell nothing, however many there are.
    """
    cell = groups * FOLDS + fold
    size = int(groups.max()) + 1
    rows = np.bincount(cell, minlength=size * FOLDS).reshape(size, FOLDS).astype(np.float64)
    hits = np.bincount(cell, weights=events, minlength=size * FOLDS).reshape(size, FOLDS)
    others, other_hits = rows.sum(1, keepdims=True) - rows, hits.sum(1, keepdims=True) - hits
    # The level of the other folds, not of all rows: else a row's own event would show in an empty group's share.
    level = other_hits.sum(0) / np.maximum(others.sum(0), 1.0)
    share = (other_hits + _PRIOR_ROWS * level) / (others + _PRIOR_ROWS)
    scores = TieGroups.by(share[groups, fold])
    weight = scores.total(np.ones(events.size))
    return area_from_ranks(centred_ranks(np.cumsum(weight), weight), scores.total(events), float(events.size))


def as_numbers(column: pl.Series) -> FloatArray | None:
    """Values of a column of numbers, flags or times.

    Parameters
    ----------
    column : polars.Series
        Of any type.

    Returns
    -------
    ndarray of shape (rows,) or None
        NaN where there is no finite value; None where the type has no order as a number.
    """
    if not (column.dtype.is_numeric() or column.dtype.is_temporal() or column.dtype == pl.Boolean):
        return None
    physical = column.to_physical() if column.dtype.is_temporal() else column
    values: FloatArray = physical.cast(pl.Float64).to_numpy().copy()
    values[~np.isfinite(values)] = np.nan
    return values


def as_groups(column: pl.Series) -> IntArray | None:
    """Groups of a column: 64 equal parts of a number's range, levels of a text, the absence of a value.

    Parameters
    ----------
    column : polars.Series
        Of any type.

    Returns
    -------
    ndarray of int, shape (rows,) or None
        None for types that are neither (lists, structs, bytes).
    """
    values = as_numbers(column)
    if values is not None:
        present = values[~np.isnan(values)]
        distinct = np.unique(present)
        edges = distinct if distinct.size <= _BINS else np.unique(np.quantile(distinct, np.arange(1, _BINS) / _BINS))
        return np.where(np.isnan(values), 0, 1 + np.searchsorted(edges, values, side="right"))
    if column.dtype == pl.String or column.dtype in (pl.Categorical, pl.Enum):
        codes: IntArray = column.cast(pl.String).rank("dense").fill_null(0).to_numpy().astype(np.intp)
        return codes
    return None


def is_identifier(column: pl.Series) -> bool:
    """Whether nearly every row has a value of its own, as an identifier's has.

    Parameters
    ----------
    column : polars.Series
        Whole numbers or texts; others are none.

    Returns
    -------
    bool
    """
    if not (column.dtype.is_integer() or column.dtype == pl.String):
        return False
    present = column.drop_nulls()
    return present.len() > _BINS and present.n_unique() >= _NEARLY_UNIQUE * present.len()


def identifier_parts(column: pl.Series) -> Iterator[tuple[str, IntArray]]:
    """Parts of an identifier in which an outcome can be hidden.

    Parameters
    ----------
    column : polars.Series
        Whole numbers or texts.

    Yields
    ------
    tuple of str and ndarray of int, shape (rows,)
        The part in words, and each row's group by it.
    """
    text = column.cast(pl.String).fill_null("")
    number = text.str.replace_all(r"\D", "").str.tail(15).cast(pl.Int64, strict=False).fill_null(-1)
    yield "its order as a number", _parts_of_range(number)
    yield "its order as text", _parts_of_range(text.rank("dense"))
    yield "its length", _dense(text.str.len_chars())
    for size in (1, 2, 3):
        yield f"its first {size} character(s)", _dense(text.str.head(size))
    for size in (1, 2):
        yield f"its last {size} character(s)", _dense(text.str.tail(size))
    for modulus in _MODULI:
        yield f"its remainder by {modulus}", _dense(number % modulus)


def _parts_of_range(values: pl.Series) -> IntArray:
    ranks = values.rank("dense").to_numpy().astype(np.float64)
    return np.asarray((ranks - 1) / ranks.max() * _BINS, dtype=np.intp)


def _dense(values: pl.Series) -> IntArray:
    ranks = values.rank("dense").to_numpy()
    return np.asarray(ranks - 1, dtype=np.intp)
