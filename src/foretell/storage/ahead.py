"""Modules imported on a thread of their own while something else is done."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from threading import Thread

import polars as pl


@contextmanager
def imported_meanwhile(*modules: str) -> Iterator[None]:
    """Import modules on another thread while the block is run, where there are two threads.

    Nobody sees half a module: the block must not import them itself, and it ends when they are there. What cannot be
    imported is left to whoever needs it, who is told of it then.

    Parameters
    ----------
    *modules : str
        Full names, of modules that import nothing of foretell.

    Yields
    ------
    None
    """
    missing = [module for module in modules if module not in sys.modules]
    if not missing or pl.thread_pool_size() < 2:
        yield
        return

    def import_all() -> None:
        for module in missing:
            with suppress(Exception):
                import_module(module)

    thread = Thread(target=import_all, name="imported_meanwhile")
    thread.start()
    try:
        yield
    finally:
        thread.join()
