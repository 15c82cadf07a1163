"""Conditions on one column, in words and as flags of rows: what profiles and the seeds' own rule are made of."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from foretell.evaluation.vectors import FloatArray
from foretell.models.state import is_finite
from foretell.training.column_words import plain_numbers
from foretell.training.leak_measures import as_numbers


@dataclass(frozen=True)
class Condition:
    """A range of a number, or some levels of a category.

    Parameters
    ----------
    column : str
        The column.
    low, high : float or None
        Ends of the range, both included; None is open. For times, in days since 1970.
    levels : tuple of str
        Levels, where the column is a category or a flag.
    """

    column: str
    low: float | None = None
    high: float | None = None
    levels: tuple[str, ...] = ()

    def holds(self, frame: pl.DataFrame) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Tell for each row whether it is so; an absent value never is.

        Parameters
        ----------
        frame : polars.DataFrame
            Has the column.

        Returns
        -------
        ndarray of bool, shape (rows,)
        """
        if self.levels:
            return level_texts(frame.get_column(self.column)).is_in(list(self.levels)).fill_null(value=False).to_numpy()
        values = range_numbers(frame.get_column(self.column))
        found = ~np.isnan(values)
        with np.errstate(invalid="ignore"):
            found &= True if self.low is None else values >= self.low
            found &= True if self.high is None else values <= self.high
        return found

    def __str__(self) -> str:
        """Return the condition in words."""
        if self.levels:
            return f"{self.column} is {' or '.join(self.levels)}"
        low, high = (None if end is None else plain_numbers(pl.Series([end]))[0] for end in (self.low, self.high))
        if low is None or high is None:
            return f"{self.column} is at {'most' if low is None else 'least'} {high if low is None else low}"
        return f"{self.column} is {low}" if low == high else f"{self.column} is from {low} to {high}"

    def to_dict(self) -> dict[str, Any]:
        """Return the condition as plain values.

        Returns
        -------
        dict of str to object
            For JSON; read back by `from_dict`.
        """
        return {"column": self.column, "low": self.low, "high": self.high, "levels": list(self.levels)}

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> "Condition":
        """Rebuild a condition from plain values.

        Parameters
        ----------
        state : dict
            As from `to_dict`, possibly through JSON.

        Returns
        -------
        Condition

        Raises
        ------
        ValueError
            If the values are not those of a condition.
        """
        ends = (state["low"], state["high"])
        if not all(end is None or is_finite(end) for end in ends) or not isinstance(state["levels"], list):
            message = "not a condition"
            raise ValueError(message)
        return cls(str(state["column"]), *ends, tuple(str(level) for level in state["levels"]))


def is_category(column: pl.Series) -> bool:
    """Whether conditions name levels of a column, and not a range.

    Parameters
    ----------
    column : polars.Series
        Of any type.

    Returns
    -------
    bool
    """
    return column.dtype in (pl.String, pl.Categorical, pl.Enum, pl.Boolean)


def level_texts(column: pl.Series) -> pl.Series:
    """Return the levels of a category or a flag as texts.

    Parameters
    ----------
    column : polars.Series
        Text, category or flag.

    Returns
    -------
    polars.Series of String
        Flags are "yes" and "no".
    """
    if column.dtype == pl.Boolean:
        return pl.select(pl.when(column).then(pl.lit("yes")).when(~column).then(pl.lit("no"))).to_series()
    return column.cast(pl.String)


def range_numbers(column: pl.Series) -> FloatArray:
    """Return the numbers that ranges are about.

    Parameters
    ----------
    column : polars.Series
        Of any type.

    Returns
    -------
    ndarray of shape (rows,)
        Days since 1970 for dates and times; NaN where there is no finite number.
    """
    if column.dtype == pl.Date or isinstance(column.dtype, pl.Datetime):
        column = column.cast(pl.Date).to_physical()
    values = as_numbers(column)
    return np.full(column.len(), np.nan) if values is None else values
