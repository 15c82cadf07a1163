"""Who was uploaded where: kept beside the upload files, so that who leaves can be taken off."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import polars as pl

from foretell.delivery.dated_folders import dated_folders, folder_name
from foretell.delivery.uploads.write import LEDGER_SCHEMA

LEDGER_NAME = "uploaded.parquet"


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


def previous_uploads(uploads_folder: Path, as_of: datetime, platforms: Sequence[str]) -> pl.DataFrame:
    """Return who was uploaded before, and of the same day also who was to be taken off.

    Parameters
    ----------
    uploads_folder : Path
        Where uploads are kept, one folder a day, one below it for each platform.
    as_of : datetime
        The day of the upload to come; later ones are not looked at.
    platforms : sequence of str
        Platforms to look for.

    Returns
    -------
    pl.DataFrame
        As `Uploads.ledger`: for each platform and audience the newest earlier upload, and the standing one of the
        same day.
    """
    today = folder_of(uploads_folder, as_of).name
    days = [path.name for path in reversed(dated_folders(uploads_folder))]
    found = [pl.DataFrame(schema=LEDGER_SCHEMA)]
    for platform in platforms:
        seen: set[str] = set()
        for day in days:
            path = uploads_folder / day / platform / LEDGER_NAME
            if day > today or not path.is_file():
                continue
            ledger = pl.read_parquet(path).select(list(LEDGER_SCHEMA))
            if day < today:
                ledger = ledger.filter((pl.col("state") == "added") & ~pl.col("audience").is_in(list(seen)))
                seen |= set(ledger["audience"].unique().to_list())
            found.append(ledger)
    return pl.concat(found)
