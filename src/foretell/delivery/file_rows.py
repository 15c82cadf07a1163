"""Rows of a large frame in an order of their own, gathered a slice at a time while they are written."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class FileRows:
    """The rows of a segment's file: a data frame's reading half, for `foretell.delivery.csv_files.write_csv`.

    Parameters
    ----------
    source : pl.DataFrame
        The rule frame's columns that the file is made of.
    rows : ndarray of int64
        Positions in `source`, in the file's order.
    columns : tuple of pl.Expr
        Columns of the file.
    """

    source: pl.DataFrame
    rows: Rows
    columns: tuple[pl.Expr, ...]

    @property
    def height(self) -> int:
        """Number of rows."""
        return len(self.rows)

    def lazy(self) -> pl.LazyFrame:
        """Return all rows, lazily."""
        return self.source.lazy().select(pl.all().gather(pl.Series(self.rows, dtype=pl.Int64))).select(self.columns)

    def iter_slices(self, n_rows: int) -> Iterator[pl.DataFrame]:
        """Go through the rows, one slice in memory at a time.

        Parameters
        ----------
        n_rows : int
            Rows of a slice, at most.

        Yields
        ------
        polars.DataFrame
            In order.
        """
        for first in range(0, len(self.rows), n_rows):
            yield self.source[self.rows[first : first + n_rows]].select(self.columns)
