"""From a command line to an exit code: errors in words, warnings in lines, signals in numbers."""

import signal
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn, TextIO

import click

from foretell.cli.commands import root
from foretell.cli.exit_codes import DONE, FAILED, INTERRUPTED, TERMINATED
from foretell.cli.log_lines import logged
from foretell.cli.session import Session
from foretell.errors import ForetellError, ForetellWarning

_PACKAGE = str(Path(__file__).resolve().parents[1])


class Terminated(BaseException):
    """The process was asked to end; everything on the way out tidies up after itself."""


def main() -> NoReturn:
    """Run the command line of this process and end it with the exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str
        What stands after the program's name.

    Returns
    -------
    int
        One of `exit_codes.EXIT_CODES`.
    """
    session = Session()
    asked_to_end: list[int] = []
    try:
        with _terminable(asked_to_end), _warnings_in_lines(session), logged(session):
            # A command that ends early hands its exit code back; otherwise there is nothing to hand back.
            code = root.main(list(arguments), prog_name="foretell", obj=session, standalone_mode=False)
            return code if isinstance(code, int) else DONE
    except ForetellError as error:
        if asked_to_end:
            return _ended(session, asked_to_end)
        session.fail(error, error.exit_code)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001  a panic in polars is no Exception, and must not print values either
        # A library may turn what the signal raised in it into an error of its own.
        if asked_to_end or isinstance(error, click.Abort | KeyboardInterrupt):
            return _ended(session, asked_to_end)
        return _unexpected(session, error)


def _ended(session: Session, asked_to_end: Sequence[int]) -> int:
    terminated = list(asked_to_end[:1]) == [signal.SIGTERM]
    word = "terminated" if terminated else "interrupted"
    session.say(word, "nothing is left half-written.", colour="yellow")
    return TERMINATED if terminated else INTERRUPTED


@contextmanager
def _terminable(asked_to_end: list[int]) -> Iterator[None]:
    def stop(number: int, _frame: FrameType | None) -> None:
        asked_to_end.append(number)
        # A second signal must not break off the tidying up that the first one began.
        if len(asked_to_end) == 1:
            raise Terminated if number == signal.SIGTERM else KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _warnings_in_lines(session: Session) -> Iterator[None]:
    said: set[str] = set()

    def say(  # noqa: PLR0917  the interpreter's own signature
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,  # noqa: ARG001  likewise
        line: str | None = None,  # noqa: ARG001  likewise
    ) -> None:
        if issubclass(category, ForetellWarning):
            text = " ".join(str(message).split())
        elif session.verbose:
            # Other libraries' texts may quote values.
            text = f"{category.__name__} in {filename}:{lineno}"
        else:
            return
        if text not in said:
            said.add(text)
            session.say("warning", text, colour="yellow")

    with warnings.catch_warnings():
        warnings.filterwarnings("always", category=ForetellWarning)
        warnings.showwarning = say
        yield


def _unexpected(session: Session, error: BaseException) -> int:
    """Say where it happened; an error's own text may quote values, so it is never shown."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename.startswith(_PACKAGE)] or frames[-1:]
    place = f" at {Path(own[-1].filename).relative_to(_PACKAGE)}:{own[-1].lineno}" if own else ""
    reason = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
    advice = "" if session.verbose else " Run it again with --verbose for the traceback."
    text = f"unexpected {type(error).__name__}{reason}{place}. This is a fault in foretell.{advice}"
    if isinstance(error, MemoryError):
        text = f"the memory did not suffice{place}; nothing is left half-written. Remedy: a machine with more of it."
    if session.verbose:
        click.echo("".join(_frames(error)).rstrip(), err=True)
    session.fail(RuntimeError(text), FAILED)
    return FAILED


def _frames(error: BaseException) -> Iterator[str]:
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from _frames(cause)
        yield "which led to:\n"
    yield "Traceback (most recent call last):\n"
    yield from traceback.format_list(traceback.extract_tb(error.__traceback__))
    yield f"{type(error).__name__}\n"
