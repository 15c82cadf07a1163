"""Published Parquet: equal rows give equal bytes, whether they come from memory or from files."""

from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from foretell.engines.stored_scores import StoredScores

# One row group size whatever the number of threads and chunks: it is part of the bytes.
ROW_GROUP_ROWS = 262_144


class _Written:
    """A file that remembers why it could not be written: polars would complain of the format, not of the disk."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.error: OSError | None = None

    def write(self, content: bytes) -> int:
        try:
            return self._file.write(content)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        self._file.flush()


def write_parquet(path: Path, frame: pl.DataFrame | StoredScores) -> None:
    """Write a frame so that equal frames give equal bytes.

    Parameters
    ----------
    path : Path
        The file to make.
    frame : polars.DataFrame or StoredScores
        Any; what lies on disk is not held in memory.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    with path.open("wb") as file:
        written: Any = _Written(file)
        try:
            frame.lazy().sink_parquet(
                written,
                compression="zstd",
                compression_level=3,
                statistics=True,
                row_group_size=ROW_GROUP_ROWS,
                maintain_order=True,
            )
        except pl.exceptions.PolarsError:
            if written.error is None:
                raise
        if written.error is not None:
            raise written.error
