"""The folder of published runs, held for one run and cleared of what a killed one left."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from foretell.storage.atomic import sweep
from foretell.storage.lock import folder_lock

_logger = logging.getLogger("foretell")


@contextmanager
def held_output(output: Path, *, dry_run: bool = False) -> Iterator[None]:
    """Hold the output folder, and mend what a run that was killed left in it.

    Parameters
    ----------
    output : Path
        Where dated folders live.
    dry_run : bool
        Hold and write nothing.

    Yields
    ------
    None
        While it is held.

    Raises
    ------
    LockHeld
        If another run holds it.
    OutputError
        If it cannot be written to.
    """
    if dry_run:
        yield
        return
    with folder_lock(output) as dead:
        left = sweep(output)
        if dead is not None:
            _logger.warning("A run did not end: %s. %d half-written folders of it were removed.", dead, left)
        yield
