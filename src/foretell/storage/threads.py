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
# What is raised in no piece, as interrupts may be, comes before all of them.
_BETWEEN = -1


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
        In the order of the pieces, whichever was done first. Where several raise, an interrupt or exit is heard before
        errors, then the first piece. Whatever is heard, Ctrl-C too, is raised when the pieces begun have ended.
    """
    threads = _threads(len(pieces))
    if threads < 2:
        return [work(piece) for piece in pieces]
    results: dict[int, Result] = {}
    failures: dict[int, BaseException] = {}
    numbers = count()

    def go_on() -> None:
        # Taking a number is one step of the interpreter: no two threads get the same.
        while not failures and (number := next(numbers)) < len(pieces):
            with _kept(failures, number):
                results[number] = work(pieces[number])

    _at_once(go_on, go_on, failures, others=threads - 1)
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
        What each returned. Where both raise, an interrupt or exit is heard before errors, then the first. Whatever is
        heard, Ctrl-C too, is raised when both have ended.
    """
    if _threads(2) < 2:
        return first(), second()
    of_first: list[First] = []
    of_second: list[Second] = []
    failures: dict[int, BaseException] = {}

    def there() -> None:
        with _kept(failures, 0):
            of_first.append(first())

    def here() -> None:
        with _kept(failures, 1):
            of_second.append(second())

    _at_once(here, there, failures, others=1)
    return of_first[0], of_second[0]


def _at_once(
    here: Callable[[], None], there: Callable[[], None], failures: dict[int, BaseException], *, others: int
) -> None:
    """Do something on this thread and something on others, wait for all of them, and raise what failed."""
    pool = ThreadPoolExecutor(others)
    # Interrupts fall where something is called or returns: not between what is kept here and the wait.
    try:
        for _ in range(others):
            pool.submit(_as_one_of_several, there)
        _as_one_of_several(here)
    except BaseException as failure:  # noqa: BLE001
        failures[_BETWEEN] = failure
    waiting = True
    while waiting:
        try:
            pool.shutdown(wait=True)
            waiting = False
        except BaseException as failure:  # noqa: BLE001  # else threads were left behind that nobody knows of
            failures[_BETWEEN] = failure
    if failures:
        # Pieces are begun in their order, so that the first to fail was begun whichever was noticed first.
        heard = min(failures, key=lambda number: (isinstance(failures[number], Exception), number))
        try:
            raise failures[heard]
        finally:
            # Else the error holds this frame, which holds the error, and with it all that was computed.
            failures.clear()


@contextmanager
def _kept(failures: dict[int, BaseException], number: int) -> Iterator[None]:
    """Put aside whatever is raised, to be raised where the caller is."""
    try:
        yield
    except BaseException as failure:  # noqa: BLE001  # an interrupt has to wait for the other threads too
        failures[number] = failure


def _as_one_of_several(work: Callable[[], None]) -> None:
    before = _ONE_OF_SEVERAL.set(True)
    try:
        work()
    finally:
        _ONE_OF_SEVERAL.reset(before)


def _threads(pieces: int) -> int:
    return 1 if _ONE_OF_SEVERAL.get() else min(pl.thread_pool_size(), pieces)
