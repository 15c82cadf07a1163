"""One call of the command line: what every command knows, and the two streams that it speaks on."""

import json
import math
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

from foretell.storage.limits import usable_processors

if TYPE_CHECKING:
    from foretell.config.load import Loaded
    from foretell.config.settings import Settings

_THREADS = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_DEMO = {
    "shop.name": "CDNOW",
    "horizons.clv_days": 180,
    "horizons.churn_days": 90,
    "folders.models": "models/demo",
    "folders.output": "data/exports/demo",
}


class Result(Protocol):
    """What a job gives back."""

    def lines(self) -> list[str]:
        """Return the result in words, line by line."""
        ...

    def as_dict(self) -> dict[str, Any]:
        """Return the result as plain values for JSON."""
        ...


@dataclass
class Session:
    """The options that every command has, and what follows from them.

    Parameters
    ----------
    config : Path or None
        The config file named on the command line.
    flags : dict of str to object
        Settings named on the command line, by dotted key.
    as_json, quiet, verbose : bool
        How results and messages are shown.
    threads_given : bool
        Whether the command line limits the threads: then settings do not.
    """

    config: Path | None = None
    flags: dict[str, object] = field(default_factory=dict)
    as_json: bool = False
    quiet: bool = False
    verbose: bool = False
    threads_given: bool = False

    def load(self) -> "Loaded":
        """Read and check the settings.

        Returns
        -------
        Loaded
            Settings and where each came from.

        Raises
        ------
        ConfigError
            Every problem at once.
        """
        from foretell.config.load import load_settings

        return load_settings(self.config, environment=os.environ, flags=self.flags)

    def settings(self) -> "Settings":
        """Read and check the settings, and leave their origins aside.

        Returns
        -------
        Settings
            Ready for a job.
        """
        return self.load().settings

    def demo_settings(self) -> "Settings":
        """Return the settings of the demo: no config file, shorter horizons, folders where the user stands.

        Returns
        -------
        Settings
            Ready for the demo.
        """
        from foretell.config.load import load_settings

        if self.config is not None:
            problem = "The demo has data and settings of its own: leave --config out."
            raise click.UsageError(problem)
        return load_settings(None, environment=os.environ, flags=self.flags, defaults=_DEMO, discover=False).settings

    def show(self, result: Result, *, failed: bool = False) -> None:
        """Write a result to standard output: words, or JSON for a machine; nothing if quiet.

        Parameters
        ----------
        result : Result
            From a job.
        failed : bool
            Whether the command ends with an error: then quiet puts the words on standard error.
        """
        if self.as_json:
            self.write(json.dumps(_plain(result.as_dict()), ensure_ascii=False, indent=2, allow_nan=False))
        elif not self.quiet:
            self.write("\n".join(result.lines()))
        elif failed:
            click.echo("\n".join(result.lines()), err=True)

    def fail(self, error: Exception, exit_code: int) -> None:
        """Say what went wrong: in words on standard error, and as JSON on standard output if asked for.

        Parameters
        ----------
        error : Exception
            Its text is meant for the user.
        exit_code : int
            What the process is about to end with.
        """
        self.say("error", str(error), colour="red")
        if self.as_json:
            facts = {"type": type(error).__name__, "message": str(error), "exit_code": exit_code}
            self.write(json.dumps({"error": facts}, ensure_ascii=False, indent=2))

    def say(self, kind: str, text: str, *, colour: str) -> None:
        """Write a message to standard error.

        Parameters
        ----------
        kind : str
            First word of the line.
        text : str
            What to say.
        colour : str
            Colour of the first word on a terminal, unless ``NO_COLOR`` is set.
        """
        coloured = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
        head = click.style(f"{kind}:", fg=colour, bold=True) if coloured else f"{kind}:"
        click.echo(f"{head} {text}", err=True, color=coloured)

    def write(self, text: str) -> None:
        """Write to standard output; a reader that has gone away is no failure.

        Parameters
        ----------
        text : str
            Without a final newline.
        """
        try:
            click.echo(text)
            sys.stdout.flush()
        except BrokenPipeError:
            # What is still buffered would fail once more when Python closes the stream.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def use_processors() -> None:
    """Keep to the processors that this process may use, unless the environment says otherwise already."""
    count = str(usable_processors())
    for name in _THREADS:
        os.environ.setdefault(name, count)


def use_threads(count: int) -> None:
    """Limit the threads of every numerical library; it has to come before their import.

    Parameters
    ----------
    count : int
        Threads at most, >= 1.
    """
    for name in _THREADS:
        os.environ[name] = str(count)


def _plain(value: Any) -> Any:
    """Return a value as JSON can say it: no NaN, text for dates and paths."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
