"""Numbered parts of a frame in a folder, each there whole or not at all."""

import io
import os
from collections.abc import Iterator
from pathlib import Path

import polars as pl

_ROW_GROUP_ROWS = 16_384
"""Small enough that of a sorted part only what is in reach is read."""


class PartFolder:
    """Parts of a frame as Parquet files, by number.

    Parameters
    ----------
    folder : Path
        Where they lie; made if absent.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def has(self, number: int) -> bool:
        """Say whether a part was finished.

        Parameters
        ----------
        number : int
            The part.

        Returns
        -------
        bool
        """
        return self._path(number).exists()

    def write(self, number: int, rows: pl.DataFrame) -> None:
        """Finish a part.

        Parameters
        ----------
        number : int
            The part.
        rows : polars.DataFrame
            Its rows, possibly none.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        # In memory first: on a full disk polars would complain of the format, not of the disk.
        content = io.BytesIO()
        rows.write_parquet(content, compression="lz4", row_group_size=_ROW_GROUP_ROWS)
        aside = self._folder / f"unfinished-{number}-{os.getpid()}"
        aside.write_bytes(content.getbuffer())
        aside.replace(self._path(number))

    def files(self) -> list[Path]:
        """Return the finished parts' files, in the order of their numbers."""
        return sorted(self._folder.glob("*.parquet"))

    def scan(self) -> pl.LazyFrame:
        """Return the rows of all parts, lazily, in the order of their numbers."""
        return pl.scan_parquet(self.files(), glob=False)

    def read(self) -> Iterator[pl.DataFrame]:
        """Go through the parts.

        Yields
        ------
        polars.DataFrame
            The rows of one.
        """
        return (pl.read_parquet(file, glob=False) for file in self.files())

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06d}.parquet"
