"""Frames as matrices for trees: columns by name in a stored order, categories as codes, numbers on a grid.

LightGBM ends the process on polars columns that are not numbers and never looks at the order of columns, so it is
handed float64 matrices only, and only from here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from foretell.errors import ColumnMismatch, DataError, Violation, did_you_mean
from foretell.models.state import damaged

Matrix = NDArray[np.float64]

MOST_LEVELS = 100
"""Categories kept per column, the most frequent ones; LightGBM would learn rarer ones by heart."""

_CUT_BITS = 33
"""Of a float64's 52, so that 20 significant ones stay, the leading 1 among them."""
_ABOVE_THE_STEP = 0.618
_ZERO = 1e-9
_NAME = "Encoding"
_REMEDY = (
    "Remedy: pass dates as a number of days before the cutoff, money as a number, lists as counts; "
    "or leave the column out of features."
)


@dataclass(frozen=True)
class Encoding:
    """How a frame becomes a matrix; learned once, stored with the model.

    Parameters
    ----------
    features : tuple of str
        Columns in the order of the matrix.
    levels : mapping of str to tuple of str
        Known categories of each text column, in the order of their codes 0, 1, 2, ...
    """

    features: tuple[str, ...]
    levels: Mapping[str, tuple[str, ...]]

    @classmethod
    def learn(cls, frame: pl.DataFrame, features: Sequence[str], *, most_levels: int = MOST_LEVELS) -> Self:
        """Learn which columns are categories, and their levels.

        Parameters
        ----------
        frame : polars.DataFrame
            Numbers and booleans stay numbers; String, Categorical and Enum become categories.
        features : sequence of str
            Columns to read, in the order of the matrix.
        most_levels : int
            Categories kept per column: the most frequent, ties by name.

        Returns
        -------
        Encoding

        Raises
        ------
        ColumnMismatch
            If columns are absent or hold what is neither number, boolean nor text; all of them at once.
        """
        _require(frame, features)
        texts = [name for name in features if _is_text(frame.schema[name])]
        return cls(tuple(features), {name: _levels(frame.get_column(name), most_levels) for name in texts})

    @property
    def categorical(self) -> tuple[int, ...]:
        """Positions of the columns that hold codes of categories.

        Returns
        -------
        tuple of int
        """
        return tuple(place for place, name in enumerate(self.features) if name in self.levels)

    def to_matrix(self, frame: pl.DataFrame) -> Matrix:
        """Turn a frame into the matrix that a model was fitted on.

        Parameters
        ----------
        frame : polars.DataFrame
            Has the features, in any order and among others. A category that was not seen in `learn`, a null, NaN,
            and a column without any value become NaN.

        Returns
        -------
        ndarray of float64, shape (rows, features)

        Raises
        ------
        ColumnMismatch
            If columns are absent, or hold another kind of value than in `learn`; all of them at once.
        DataError
            If a number is infinite: that is a division by zero upstream, and no tree should hide it.
        """
        _require(frame, self.features, self._changed(frame))
        matrix = np.full((frame.height, len(self.features)), np.nan)
        for place, name in enumerate(self.features):
            column = frame.get_column(name)
            if column.null_count() < frame.height:
                matrix[:, place] = _codes(column, self.levels[name]) if name in self.levels else _numbers(column)
        _refuse_infinite(matrix, self.features)
        return to_grid(matrix)

    def to_dict(self) -> dict[str, Any]:
        """Return the encoding as plain values.

        Returns
        -------
        dict of str to object
            For JSON; read back by `from_dict`.
        """
        return {
            "features": list(self.features),
            "levels": {name: list(levels) for name, levels in self.levels.items()},
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Rebuild an encoding from plain values.

        Parameters
        ----------
        state : mapping
            As from `to_dict`, possibly through JSON.

        Returns
        -------
        Encoding

        Raises
        ------
        BundleError
            If the state is not that of an encoding.
        """
        if set(state) != {"features", "levels"} or not isinstance(state["levels"], Mapping):
            raise damaged(_NAME, "fields")
        features = _texts(state["features"], "features")
        levels = {str(name): _texts(known, f"levels.{name}") for name, known in state["levels"].items()}
        if not set(levels) <= set(features):
            raise damaged(_NAME, "levels")
        return cls(features, levels)

    def _changed(self, frame: pl.DataFrame) -> list[str]:
        found = []
        for name in self.features:
            column = frame.get_column(name) if name in frame.columns else None
            if column is None or column.null_count() == frame.height or not _is_usable(column.dtype):
                continue
            if _is_text(column.dtype) != (name in self.levels):
                was, now = ("text", "numbers") if name in self.levels else ("numbers", "text")
                found.append(
                    f"column {name!r} held {was} when the model was fitted and holds {now} ({column.dtype}) here; "
                    f"cast it to {was}."
                )
        return found


def to_grid(values: Matrix) -> Matrix:
    """Round numbers to six significant digits, so that noise in their last bits cannot change a split.

    Sums over threads differ by about 1e-15 of the value from run to run. The grid is 2⁻²⁰ of the binade (1e-6
    relative). Whole numbers below 2²⁰ are on it. Its edges lie at .382 of a step, not at the half, so that no short
    decimal, half or quarter is on an edge; elsewhere noise crosses one once in about 1e9 values. What is below 1e-9
    is the remainder of a difference that should be 0.

    Parameters
    ----------
    values : ndarray of float64
        Finite or NaN.

    Returns
    -------
    ndarray of float64
        Of the same shape; monotone in the values, symmetric in their sign, and exact in float32's 24 bits.
    """
    rounded = np.array(values, dtype=np.float64)
    # The bits of a float are sign and size: adding to them adds to the size, and a carry is the next binade.
    bits = rounded.view(np.uint64)
    bits += np.uint64(round(_ABOVE_THE_STEP * 2**_CUT_BITS))
    bits &= ~np.uint64(2**_CUT_BITS - 1)
    rounded[np.abs(values) < _ZERO] = 0.0
    return rounded


def _refuse_infinite(matrix: Matrix, features: Sequence[str]) -> None:
    remedy = "divide only where the divisor is not 0, and leave the rest null"
    found = []
    for name, infinite in zip(features, np.isinf(matrix).T, strict=True):
        rows = np.flatnonzero(infinite)
        if rows.size:
            places = tuple(int(row) + 1 for row in rows[:3])
            found.append(Violation("features", name, "must not be infinite", rows.size, places, remedy))
    if found:
        raise DataError(found)


def _numbers(column: pl.Series) -> Matrix:
    values: Matrix = column.cast(pl.Float64).to_numpy()
    return values


def _codes(column: pl.Series, levels: tuple[str, ...]) -> Matrix:
    codes = column.cast(pl.String).replace_strict(
        list(levels), list(range(len(levels))), default=None, return_dtype=pl.Float64
    )
    values: Matrix = codes.to_numpy()
    return values


def _levels(column: pl.Series, most: int) -> tuple[str, ...]:
    # Frequent first decides who stays; the codes themselves follow the alphabet, whatever the counts are.
    counts = column.cast(pl.String).drop_nulls().alias("level").value_counts(name="rows")
    kept = counts.sort(["rows", "level"], descending=[True, False]).head(most)
    return tuple(sorted(kept.get_column("level").to_list()))


def _is_text(dtype: pl.DataType) -> bool:
    return dtype == pl.String or dtype in (pl.Categorical, pl.Enum)


def _is_usable(dtype: pl.DataType) -> bool:
    return dtype.is_integer() or dtype.is_float() or dtype in (pl.Boolean, pl.Null) or _is_text(dtype)


def _require(frame: pl.DataFrame, features: Sequence[str], changed: Sequence[str] | None = None) -> None:
    given: object = frame
    if not isinstance(given, pl.DataFrame):
        message = (
            f"Features are read from a polars.DataFrame, not a {type(given).__name__}; call .collect() on a lazy frame."
        )
        raise ColumnMismatch(message)
    repeated = sorted(set(compress(features, [features.index(n) != i for i, n in enumerate(features)])))
    found = [f"column {name!r} is named twice among the features." for name in repeated]
    found += [
        f"column {name!r} is missing.{did_you_mean(name, frame.columns)}"
        for name in features
        if name not in frame.columns
    ]
    unusable = [
        f"column {name!r} holds {frame.schema[name]}, which is neither number, boolean nor text."
        for name in features
        if name in frame.columns
        and not _is_usable(frame.schema[name])
        # A column without any value says nothing of its kind; what was learnt of it stands.
        and (changed is None or frame.get_column(name).null_count() < frame.height)
    ]
    found += [*unusable, *(changed or ())]
    if found:
        raise ColumnMismatch(
            "The features cannot be read from this frame: " + " ".join([*found, *([_REMEDY] if unusable else [])])
        )


def _texts(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(text, str) for text in value):
        raise damaged(_NAME, where)
    if len(set(value)) < len(value):
        raise damaged(_NAME, where)
    return tuple(value)
