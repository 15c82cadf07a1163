"""Who was uploaded where: kept beside the upload files, so that who leaves can be taken off."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import polars as pl

from foretell.delivery.dated_folders import dated_folders, folder_name
from foretell.delivery.uploads.listed import ADDED, LEDGER_SCHEMA

LEDGER_NAME = "uploaded.parquet"
UPLOADS = "uploads"
"""Folder of exports, one folder a day, below the folder where runs are published."""
PUBLISHED = "upload"
"""Folder of upload files inside a published run."""


def folder_of(uploads_folder: Path, as_of: datetime) -> Path:
    """Return the folder of the uploads of one day.

    Parameters
    ----------
    uploads_folder : Path
        Where uploads are kept.
    as_of : datetime
        First instant that the scores did not see.

    Returns
    -------
    Path
        Named as the folder of that day's run.
    """
    return uploads_folder / folder_name(as_of)


def previous_uploads(output_folder: Path, as_of: datetime, platforms: Sequence[str]) -> pl.LazyFrame:
    """Return who was uploaded before, and of the same day also who was to be taken off.

    Both what was published with a run and what was exported later count.

    Parameters
    ----------
    output_folder : Path
        Where runs are published, one folder a day, and exports below it.
    as_of : datetime
        The day of the upload to come; later ones are not looked at.
    platforms : sequence of str
        Platforms to look for.

    Returns
    -------
    pl.LazyFrame
        As `Uploads.ledger`, read when it is asked for: for each platform and audience the newest earlier upload, and
        the standing one of the same day.
    """
    today = folder_name(as_of)
    places = [(path, path / PUBLISHED) for path in dated_folders(output_folder)]
    places += [(path, path) for path in dated_folders(output_folder / UPLOADS)]
    found_in: dict[str, list[Path]] = {}
    for path, place in places:
        if place.is_dir():
            found_in.setdefault(path.name, []).append(place)
    found = [pl.LazyFrame(schema=LEDGER_SCHEMA)]
    for platform in platforms:
        seen: set[str] = set()
        for day in sorted(found_in, reverse=True):
            ledgers = [place / platform / LEDGER_NAME for place in found_in[day]]
            if day > today or not any(path.is_file() for path in ledgers):
                continue
            ledger = pl.concat(pl.scan_parquet(path).select(list(LEDGER_SCHEMA)) for path in ledgers if path.is_file())
            if day < today:
                ledger = ledger.filter((pl.col("state") == ADDED) & ~pl.col("audience").is_in(list(seen)))
                seen |= set(ledger.select(pl.col("audience").unique()).collect()["audience"].to_list())
            found.append(ledger)
    return pl.concat(found)
