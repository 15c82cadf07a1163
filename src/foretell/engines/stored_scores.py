"""Scores that lie on disk in parts, read column by column: a data frame's reading half."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl


@dataclass(frozen=True)
class StoredScores:
    """Scores in Parquet files, in the order of ``customer_id``.

    It answers like a `polars.DataFrame` where one looks at it: `height`, `columns`, `schema`, `get_column`, ``[name]``,
    `select`, `iter_slices`, `lazy`. Only what is asked for is read.

    Parameters
    ----------
    files : tuple of Path
        One row group each, in order.
    height : int
        Rows of all files.
    schema : polars.Schema
        Names and types.
    """

    files: tuple[Path, ...]
    height: int
    schema: pl.Schema

    @classmethod
    def of(cls, files: Sequence[Path]) -> "StoredScores":
        """Look at files of one schema.

        Parameters
        ----------
        files : sequence of Path
            Parquet, at least one.

        Returns
        -------
        StoredScores
        """
        rows = pl.scan_parquet(list(files), glob=False)
        return cls(tuple(files), rows.select(pl.len()).collect().item(), rows.collect_schema())

    @property
    def columns(self) -> list[str]:
        """Names of the columns, in order."""
        return self.schema.names()

    def is_empty(self) -> bool:
        """Say whether there is no row."""
        return self.height == 0

    def lazy(self) -> pl.LazyFrame:
        """Return all rows, lazily."""
        return pl.scan_parquet(list(self.files), glob=False)

    def select(self, *columns: str | pl.Expr) -> pl.DataFrame:
        """Read columns, or compute from them.

        Parameters
        ----------
        *columns : str or polars.Expr
            As for `polars.DataFrame.select`.

        Returns
        -------
        polars.DataFrame
            In memory.
        """
        return self.lazy().select(*columns).collect()

    def get_column(self, name: str) -> pl.Series:
        """Read one column.

        Parameters
        ----------
        name : str
            Its name.

        Returns
        -------
        polars.Series
            In memory.
        """
        return self.select(name).to_series()

    def __getitem__(self, name: str) -> pl.Series:
        """Read one column."""
        return self.get_column(name)

    def iter_slices(self, n_rows: int) -> Iterator[pl.DataFrame]:
        """Go through the rows, one file in memory at a time.

        Parameters
        ----------
        n_rows : int
            Rows of a slice, at most; none reaches over the end of a file.

        Yields
        ------
        polars.DataFrame
            In order.
        """
        for file in self.files:
            yield from pl.read_parquet(file, glob=False).iter_slices(n_rows)
