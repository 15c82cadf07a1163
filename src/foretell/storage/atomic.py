"""Writing whole or not at all: aside, synced, renamed."""

import ctypes
import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from foretell.errors import OutputError

STAGE_PREFIX = ".foretell-stage-"
RETIRED_PREFIX = ".foretell-old-"
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
# How polars says what the system answered: its OSError has a text and no number.
_SYSTEM_ERROR = re.compile(r"\(os error (\d+)\)")


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable.

    Parameters
    ----------
    folder : Path
        An existing folder.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """Make every file and name under a folder durable.

    Parameters
    ----------
    folder : Path
        An existing folder.
    """
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        else:
            sync_folder(path)
    sync_folder(folder)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file so that readers see the old content or the new, never a part.

    Parameters
    ----------
    path : Path
        The file; its folder is made if absent.
    content : bytes
        The whole new content.

    Raises
    ------
    OutputError
        If the folder cannot be written to; an older file is untouched.
    """
    aside = path.with_name(f"{STAGE_PREFIX}{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with aside.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        raise _cannot_write(path, error) from error


@contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """Give a folder to fill; on a clean exit it becomes `target` by rename, on an error it is gone.

    An existing `target` is exchanged with the new folder in one step where the file system can do that
    (Linux); elsewhere by two renames, and what a kill between them leaves is mended by `recover`, which
    every later call begins with.

    Parameters
    ----------
    target : Path
        The folder to be; its parent is made if absent.

    Yields
    ------
    Path
        An empty folder beside `target`.

    Raises
    ------
    OutputError
        If the parent cannot be written to; what was there before is untouched.
    """
    stage = target.with_name(f"{STAGE_PREFIX}{target.name}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        recover(target)
        _require_folder_or_nothing(target)
        try:
            stage.mkdir()
            yield stage
            _swap_in(stage, target)
        finally:
            _remove(stage)
    except OSError as error:
        raise _cannot_write(target, error) from error


def sweep(folder: Path) -> int:
    """Mend everything that killed runs left in a folder; call it while holding the folder's lock.

    Parameters
    ----------
    folder : Path
        Where folders are published; it need not exist.

    Returns
    -------
    int
        Leftovers that were put back or removed.

    Raises
    ------
    OutputError
        If one of them cannot be removed.
    """
    try:
        # Old folders first: one whose new version was never renamed goes back to its name.
        left = [*folder.glob(f"{RETIRED_PREFIX}*"), *folder.glob(f"{STAGE_PREFIX}*")] if folder.is_dir() else []
        for path in left:
            if path.is_file():
                path.unlink()
            else:
                recover(folder / path.name.removeprefix(RETIRED_PREFIX).removeprefix(STAGE_PREFIX))
    except OSError as error:
        raise _cannot_write(folder, error) from error
    return len(left)


def _remove(folder: Path) -> None:
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except BaseException:
        # A signal that ends the run must not leave half of it.
        shutil.rmtree(folder, ignore_errors=True)
        raise


def recover(target: Path) -> None:
    """Mend what a killed run left beside `target`: put an old folder back, drop half-filled ones.

    Parameters
    ----------
    target : Path
        The folder whose neighbours are looked at; it need not exist.
    """
    retired = target.with_name(f"{RETIRED_PREFIX}{target.name}")
    if retired.exists():
        if target.exists():
            shutil.rmtree(retired)
        else:
            retired.rename(target)
    stage = target.with_name(f"{STAGE_PREFIX}{target.name}")
    if stage.exists():
        shutil.rmtree(stage)


def _require_folder_or_nothing(target: Path) -> None:
    if target.exists() and not target.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))


def _swap_in(stage: Path, target: Path) -> None:
    sync_tree(stage)
    if not target.exists():
        stage.rename(target)
    elif not _exchange(stage, target):
        retired = target.with_name(f"{RETIRED_PREFIX}{target.name}")
        target.rename(retired)
        try:
            stage.rename(target)
        except OSError:
            retired.rename(target)
            raise
        shutil.rmtree(retired, ignore_errors=True)
    sync_folder(target.parent)


def _exchange(first: Path, second: Path) -> bool:
    """Swap two names in one step by Linux's renameat2; False where that does not exist."""
    rename = getattr(ctypes.CDLL(None), "renameat2", None)
    if rename is None:
        return False
    return bool(rename(_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _RENAME_EXCHANGE) == 0)


def _cannot_write(path: Path, error: OSError) -> OutputError:
    if isinstance(error, OutputError):
        return error
    said = _SYSTEM_ERROR.search(str(error))
    reason = os.strerror(int(said[1])) if said else error.strerror or type(error).__name__
    return OutputError(
        f"Cannot write {path.name} in {path.parent}: {reason}. Nothing was changed there. "
        "Remedy: give a folder that this user may write to and that has room, then run again."
    )
