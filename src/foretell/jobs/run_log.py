"""Times and circumstances of a run, for its run.json: the one place that reads the clock."""

import logging
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
    """

    def __init__(self) -> None:
        self._began = datetime.now(UTC)  # noqa: TID251  # the run log is the one place that reads the clock
        self._start = time.monotonic()
        self._seconds: dict[str, float] = {}

    def timed(self, step: str, work: Callable[[], Result]) -> Result:
        """Run one step and note how long it took.

        Parameters
        ----------
        step : str
            Name of the step.
        work : callable without arguments
            The step.

        Returns
        -------
        object
            What `work` returned.
        """
        _logger.info(step)
        start = time.monotonic()
        try:
            return work()
        finally:
            self._seconds[step] = round(time.monotonic() - start, 3)

    def circumstances(self) -> dict[str, Any]:
        """Return start, durations, host and versions as plain values.

        Returns
        -------
        dict
            Ready for JSON.
        """
        return {
            "started_at": self._began.isoformat(timespec="seconds"),
            "seconds": {**self._seconds, "until_publishing": round(time.monotonic() - self._start, 3)},
            "host": platform.node(),
            "python": platform.python_version(),
            "versions": {"foretell": __version__, **{name: version(name) for name in ("polars", "numpy", "scipy")}},
        }
