"""One writer at a time in a folder."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from foretell.errors import LockHeld, OutputError

LOCK_NAME = ".foretell-lock"


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold a folder for writing; the operating system lets go when the process ends, however it ends.

    Parameters
    ----------
    folder : Path
        The folder to hold; it is made if absent.

    Yields
    ------
    None
        While the lock is held.

    Raises
    ------
    LockHeld
        If another process holds it; the text names the holder's process.
    OutputError
        If the folder cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        msg = f"Cannot write in {folder}: {error.strerror}. Remedy: give a folder that this user may write to."
        raise OutputError(msg) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            msg = f"{folder} is held by {_holder(handle)}. Try again when it is done."
            raise LockHeld(msg) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps({"process": os.getpid()}).encode(), 0)
        yield
    finally:
        os.close(handle)


def _holder(handle: int) -> str:
    try:
        return f"process {json.loads(os.pread(handle, 1000, 0))['process']}"
    except (ValueError, KeyError, TypeError):
        return "another process"
