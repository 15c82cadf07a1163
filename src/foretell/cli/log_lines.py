"""What a job logs, on standard error: words for a person who watches, a JSON line for everything else."""

import json
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click

from foretell.cli.session import Session

SHOWN_AFTER_SECONDS = 2.0
"""A step that takes longer is seen to go on."""

_FACTS = ("run", "event", "step", "rows", "seconds", "error")


@contextmanager
def logged(session: Session) -> Iterator[None]:
    """Show what jobs log for as long as one command runs.

    Parameters
    ----------
    session : Session
        ``quiet`` shows warnings only.

    Yields
    ------
    None
        While the command runs.
    """
    logger = logging.getLogger("foretell")
    handler, level = _Log(session), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        handler.close()
        logger.removeHandler(handler)
        logger.setLevel(level)


class _Log(logging.Handler):
    """Words where somebody watches or asked for them; a step that lasts shows its seconds on a line written over."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._stop = threading.Event()
        self._ticker: threading.Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, unless the user wants warnings only."""
        if self._session.quiet and record.levelno < logging.WARNING:
            return
        watched = sys.stderr.isatty()
        if watched or self._session.verbose:
            self._say(record, ticking=watched)
        else:
            click.echo(json.dumps(_line(record), ensure_ascii=False), err=True)

    def _say(self, record: logging.LogRecord, *, ticking: bool) -> None:
        self._end_ticking()
        event, step = getattr(record, "event", ""), getattr(record, "step", "")
        if event != "end":
            click.echo(record.getMessage(), err=True)
            if event == "begin" and ticking:
                self._begin_ticking(step)
        elif getattr(record, "seconds", 0.0) >= SHOWN_AFTER_SECONDS:
            rows = getattr(record, "rows", None)
            click.echo(f"{step}: {record.seconds:.1f} s" + ("" if rows is None else f", {rows:,} rows"), err=True)  # type: ignore[attr-defined]

    def close(self) -> None:
        """Stop counting."""
        self._end_ticking()
        super().close()

    def _begin_ticking(self, step: str) -> None:
        self._stop = threading.Event()
        self._ticker = threading.Thread(target=_tick, args=(step, self._stop), daemon=True)
        self._ticker.start()

    def _end_ticking(self) -> None:
        self._stop.set()
        if self._ticker is not None:
            self._ticker.join()
            self._ticker = None


def _line(record: logging.LogRecord) -> dict[str, Any]:
    return {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "message": record.getMessage(),
        **{name: value for name in _FACTS if (value := getattr(record, name, None)) is not None},
    }


def _tick(step: str, stop: threading.Event) -> None:
    """Write the seconds of a step over and over in one line, from the second on that shows that it lasts."""
    seconds = SHOWN_AFTER_SECONDS
    shown = False
    while not stop.wait(SHOWN_AFTER_SECONDS if not shown else 1.0):
        sys.stderr.write(f"\r\033[K{step}: {seconds:.0f} s …")
        sys.stderr.flush()
        shown, seconds = True, seconds + 1.0
    if shown:
        sys.stderr.write("\r\033[K")
        sys.stderr.flush()
