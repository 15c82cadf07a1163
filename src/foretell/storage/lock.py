"""One writer at a time in a folder, who says who it is; a run that died is told from one that works."""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from foretell.errors import LockHeld, OutputError

LOCK_NAME = ".foretell-lock"


@dataclass(frozen=True)
class Holder:
    """Who holds a folder, or held it until it died.

    Parameters
    ----------
    process : int
        Its process number.
    host : str
        The machine.
    since : datetime
        When it took the folder, UTC.
    """

    process: int
    host: str
    since: datetime

    def __str__(self) -> str:
        """Return the holder in words."""
        return f"process {self.process} on {self.host} since {self.since:%Y-%m-%d %H:%M:%S} UTC"


@contextmanager
def folder_lock(folder: Path) -> Iterator[Holder | None]:
    """Hold a folder for writing; the operating system lets go when the process ends, however it ends.

    The lock file is there only while somebody writes. One that nobody holds is stale: a run died, and the next one
    takes the folder over at once, whatever the file says and however old it is.

    Parameters
    ----------
    folder : Path
        The folder to hold; made if absent, and taken away again if it was and is left empty.

    Yields
    ------
    Holder or None
        While the lock is held: the run that died with it, if there was one.

    Raises
    ------
    LockHeld
        If another process holds it; the text names the holder.
    OutputError
        If the folder cannot be written to, or its file system has no locks.
    """
    path = folder / LOCK_NAME
    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = _locked(path)
    except OSError as error:
        _remove_empty(made)
        msg = (
            f"Cannot write in {folder}: {error.strerror}. "
            "Remedy: give a folder that this user may write to, that has room and whose file system has locks."
        )
        raise OutputError(msg) from error
    try:
        dead = _holder(handle)
        try:
            os.ftruncate(handle, 0)
            os.pwrite(handle, json.dumps({"process": os.getpid(), "host": socket.gethostname()}).encode(), 0)
        except OSError as error:
            msg = f"Cannot write in {folder}: {error.strerror}. Remedy: make room there."
            raise OutputError(msg) from error
        yield dead
    finally:
        # While it is held: whoever opened the file before finds another one, or none, and tries again.
        with suppress(OSError):
            path.unlink()
        os.close(handle)
        _remove_empty(made)


def _locked(path: Path) -> int:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_still(path, handle):
                return handle
        except BlockingIOError:
            holder = _holder(handle)
            os.close(handle)
            msg = f"{path.parent} is held by {holder or 'another process'}. {_advice(holder)}"
            raise LockHeld(msg) from None
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _is_still(path: Path, handle: int) -> bool:
    """Tell whether a name still stands for the file that was opened: its holder may have removed it meanwhile."""
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def _holder(handle: int) -> Holder | None:
    try:
        said = json.loads(os.pread(handle, 1_000, 0))
        since = datetime.fromtimestamp(os.fstat(handle).st_mtime, UTC).replace(microsecond=0)
        return Holder(int(said["process"]), str(said["host"]), since)
    except (ValueError, KeyError, TypeError):
        return None


def _advice(holder: Holder | None) -> str:
    if holder is not None and holder.host == socket.gethostname() and not _lives(holder.process):
        return "That process has ended, but one that it started still holds the folder. Remedy: end that one."
    return "Try again when it is done."


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError, ValueError):
        return True
    return True


def _remove_empty(made: list[Path]) -> None:
    for folder in made:
        try:
            folder.rmdir()
        except OSError:
            return
