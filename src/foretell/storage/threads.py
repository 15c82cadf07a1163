"""Independent pieces of work on several threads: numpy, scipy and polars let the interpreter go while they compute."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from typing import TypeVar

import polars as pl

Piece = TypeVar("Piece")
Result = TypeVar("Result")
First = TypeVar("First")
Second = TypeVar("Second")

# A thread that does a piece of some work does all of it alone: others are busy with the other pieces.
_ONE_OF_SEVERAL: ContextVar[bool] = ContextVar("one_of_several", default=False)


def on_threads(work: Callable[[Piece], Result], pieces: Sequence[Piece]) -> list[Result]:
    """Do the same to every piece, on as many threads as polars may have, this one among them.

    Parameters
    ----------
    work : callable
        What to do; it must not depend on what other pieces do. What it hands to this module in turn is done on its own
        thread.
    pieces : sequence
        Each is done once; none is begun after one has failed.

    Returns
    -------
    list
        In the order of the pieces, whichever was done first. Where several raise, the first of them is heard.
    """
    threads = _threads(len(pieces))
    if threads < 2:
        return [work(piece) for piece in pieces]
    results: dict[int, Result] = {}
    failures: dict[int, BaseException] = {}
    numbers = count()

    def go_on() -> None:
        with _alone():
            # Taking a number is one step of the interpreter: no two threads get the same.
            while not failures and (number := next(numbers)) < len(pieces):
                try:
                    results[number] = work(pieces[number])
                except BaseException as failure:  # noqa: BLE001  # raised below, where the caller is
                    failures[number] = failure

    with ThreadPoolExecutor(threads - 1) as pool:
        for _ in range(threads - 1):
            pool.submit(go_on)
        go_on()
    if failures:
        # Pieces are begun in their order, so that the first to fail was begun whichever was noticed first.
        raise failures[min(failures)]
    return [results[number] for number in range(len(pieces))]


def side_by_side(first: Callable[[], First], second: Callable[[], Second]) -> tuple[First, Second]:
    """Do two different things at once where there are two threads, else one after the other.

    Parameters
    ----------
    first : callable
        Done on a thread of its own, with which the C library leaves up to 64 MB of what it frees: small arrays only.
    second : callable
        Done on this one. Neither may depend on the other.

    Returns
    -------
    tuple
        What each returned. Where both raise, the first is heard.
    """
    if _threads(2) < 2:
        return first(), second()

    def apart() -> First:
        with _alone():
            return first()

    with ThreadPoolExecutor(1) as pool:
        begun = pool.submit(apart)
        try:
            with _alone():
                of_second = second()
        finally:
            # Its failure comes before that of the other, as if it had been done before.
            of_first = begun.result()
    return of_first, of_second


def _threads(pieces: int) -> int:
    return 1 if _ONE_OF_SEVERAL.get() else min(pl.thread_pool_size(), pieces)


@contextmanager
def _alone() -> Iterator[None]:
    before = _ONE_OF_SEVERAL.set(True)
    try:
        yield
    finally:
        _ONE_OF_SEVERAL.reset(before)
