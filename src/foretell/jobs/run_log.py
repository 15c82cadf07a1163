"""Times and circumstances of a run, for its run.json: the one place that reads the clock."""

import logging
import os
import platform
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, TypeVar

from foretell import __version__

Result = TypeVar("Result")
_logger = logging.getLogger("foretell")


class RunLog:
    """Collects when a run began and how long its steps took.

    Nothing in it reaches a score, a bundle or any file but ``run.json``.

    Attributes
    ----------
    run : str
        Name of the run in logs: when it began, and its process.
    """

    def __init__(self) -> None:
        self._began = datetime.now(UTC)  # noqa: TID251  # the run log is the one place that reads the clock
        self.run = f"{self._began:%Y%m%dT%H%M%SZ}-{os.getpid()}"
        self._start = time.monotonic()
        self._seconds: dict[str, float] = {}

    def timed(self, step: str, work: Callable[[], Result], *, rows: Callable[[Result], int] | None = None) -> Result:
        """Run one step and note how long it took.

        Parameters
        ----------
        step : str
            Name of the step.
        work : callable without arguments
            The step.
        rows : callable, optional
            What the step made to the rows that it dealt with, for the log.

        Returns
        -------
        object
            What `work` returned.
        """
        _logger.info(step, extra={"run": self.run, "event": "begin", "step": step})
        start = time.monotonic()
        error: str | None = None
        counted: int | None = None
        try:
            result = work()
            counted = None if rows is None else rows(result)
        except BaseException as raised:
            error = type(raised).__name__
            raise
        else:
            return result
        finally:
            seconds = self._seconds[step] = round(time.monotonic() - start, 3)
            facts = {"run": self.run, "event": "end", "step": step, "rows": counted, "seconds": seconds, "error": error}
            _logger.info("%s %s", step, "failed" if error else "done", extra=facts)

    def circumstances(self) -> dict[str, Any]:
        """Return start, durations, host and versions as plain values.

        Returns
        -------
        dict
            Ready for JSON.
        """
        return {
            "run": self.run,
            "started_at": self._began.isoformat(timespec="seconds"),
            "seconds": {**self._seconds, "until_publishing": round(time.monotonic() - self._start, 3)},
            "host": platform.node(),
            "python": platform.python_version(),
            "versions": {"foretell": __version__, **{name: version(name) for name in ("polars", "numpy", "scipy")}},
        }
