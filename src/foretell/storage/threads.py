"""Independent pieces of work on several threads: numpy and scipy let go of the interpreter while they compute."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import polars as pl

Piece = TypeVar("Piece")
Result = TypeVar("Result")


def on_threads(work: Callable[[Piece], Result], pieces: Sequence[Piece]) -> list[Result]:
    """Do the same to every piece, on as many threads as polars may have.

    Parameters
    ----------
    work : callable
        What to do; it must not depend on what other pieces do.
    pieces : sequence
        Each is done once.

    Returns
    -------
    list
        In the order of the pieces, whichever was done first.
    """
    threads = min(pl.thread_pool_size(), len(pieces))
    if threads < 2:
        return [work(piece) for piece in pieces]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, pieces))
