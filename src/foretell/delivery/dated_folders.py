"""Folders named by the day that their scores are of."""

from datetime import datetime, time
from pathlib import Path


def folder_name(as_of: datetime) -> str:
    """Return the name of a day's folder.

    Parameters
    ----------
    as_of : datetime
        First instant that the scores did not see.

    Returns
    -------
    str
        The day, and the time of day where it is not midnight. Names sort as their days do.
    """
    if as_of.time() == time.min:
        return as_of.date().isoformat()
    return as_of.isoformat().replace(":", "").replace(".", "-")


def dated_folders(output: Path) -> list[Path]:
    """Return the folders of days, oldest first.

    Parameters
    ----------
    output : Path
        Where they live; it need not exist.

    Returns
    -------
    list of Path
    """
    return sorted(path for path in output.glob("[0-9]*") if path.is_dir()) if output.is_dir() else []
