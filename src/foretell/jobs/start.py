"""Init: a commented foretell.toml and the folders for a shop."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foretell.config.template import render_template
from foretell.errors import OutputError
from foretell.storage.atomic import write_bytes

_FOLDERS = ("data/raw", "data/exports", "models", "segments")
_CONFIG = "foretell.toml"


@dataclass(frozen=True)
class StartResult:
    """What a start made.

    Parameters
    ----------
    folder : Path
        The shop's folder.
    made : tuple of str
        Files and folders made, relative to it.
    dry_run : bool
        Whether nothing was written.
    """

    folder: Path
    made: tuple[str, ...]
    dry_run: bool

    def lines(self) -> list[str]:
        """Return the result in words, line by line."""
        verb = "Would make" if self.dry_run else "Made"
        lines = [f"{verb} in {self.folder}:", *(f"  {name}" for name in self.made)]
        if self.dry_run:
            return lines
        check = f"foretell --config {self.folder / _CONFIG} check"
        return [*lines, f"Next: put the orders in data/raw, name their columns in {_CONFIG}, then: {check}"]

    def as_dict(self) -> dict[str, Any]:
        """Return the result as plain values for JSON."""
        return {"folder": str(self.folder), "made": list(self.made), "dry_run": self.dry_run}


def start(folder: Path, *, dry_run: bool = False) -> StartResult:
    """Make a shop's folder with a commented configuration.

    Parameters
    ----------
    folder : Path
        Where; made if absent.
    dry_run : bool
        Only say what would be made.

    Returns
    -------
    StartResult
        What was made.

    Raises
    ------
    OutputError
        If a configuration is there already, or the folder cannot be written.
    """
    config = folder / _CONFIG
    if config.exists():
        msg = f"{config} is there already and was not touched. Remedy: edit it, or give another folder."
        raise OutputError(msg)
    missing = [name for name in _FOLDERS if not (folder / name).is_dir()]
    made = (_CONFIG, *(f"{name}/" for name in missing))
    if not dry_run:
        try:
            for name in missing:
                (folder / name).mkdir(parents=True)
        except OSError as error:
            msg = f"Cannot make folders in {folder}: {error.strerror}."
            raise OutputError(msg) from error
        write_bytes(config, render_template().encode())
    return StartResult(folder, made, dry_run)
