"""A folder for unfinished work, which only a killed process leaves behind and only the same work takes up again."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from foretell.errors import OutputError
from foretell.storage.atomic import write_bytes
from foretell.storage.lock import LOCK_NAME, folder_lock

_KEY = "work.key"


@contextmanager
def workspace(folder: Path) -> Iterator[Path]:
    """Hold a folder for unfinished work; on the way out, whatever happened, it is removed.

    Parameters
    ----------
    folder : Path
        Made if absent. What a killed process left in it stays until `stage` finds out whether it is of use.

    Yields
    ------
    Path
        The folder.

    Raises
    ------
    LockHeld
        If another process works there.
    OutputError
        If it cannot be written to.
    """
    with folder_lock(folder):
        try:
            yield folder
        except OSError as error:
            if isinstance(error, OutputError):
                raise
            reason = os.strerror(error.errno) if error.errno else type(error).__name__
            remedy = "free some room, or give an output folder on a larger disk" if error.errno == errno.ENOSPC else (
                "give an output folder that this user may write to"
            )  # fmt: skip
            msg = f"Cannot keep unfinished work in {folder}: {reason}. Nothing was published. Remedy: {remedy}."
            raise OutputError(msg) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def stage(folder: Path, key: str | None) -> Path:
    """Give a folder to one stage of the work, emptied unless it holds unfinished work of the same key.

    Parameters
    ----------
    folder : Path
        Made if absent.
    key : str or None
        Hash of everything that the results depend on; None takes nothing up.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    OutputError
        If it cannot be written to.
    """
    mark = folder / _KEY
    if key is None or not mark.exists() or mark.read_text(encoding="utf-8") != key:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        if key is not None:
            write_bytes(mark, key.encode())
    return folder


def is_left_over(folder: Path) -> bool:
    """Say whether a folder holds unfinished work that nobody does any more.

    Parameters
    ----------
    folder : Path
        A workspace that may exist.

    Returns
    -------
    bool
    """
    return folder.is_dir() and any(path.name != LOCK_NAME for path in folder.iterdir())
