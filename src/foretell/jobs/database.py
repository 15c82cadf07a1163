"""The published scores into the table that the settings name."""

from datetime import datetime

import polars as pl

from foretell.config.publishing import DatabaseSettings
from foretell.delivery.database import Destination, write_scores
from foretell.delivery.manifest import read_manifest
from foretell.delivery.publish import Published


def write_to_database(
    scores: pl.DataFrame,
    published: Published,
    settings: DatabaseSettings,
    as_of: datetime,
    *,
    prospects: pl.DataFrame | None = None,
) -> bool:
    """Write a run that was published to a table too, if the settings name one.

    The folder comes first: a database that refuses leaves it standing, and the next run writes what is missing.

    Parameters
    ----------
    scores : polars.DataFrame
        The run's scores.
    published : Published
        The run's folder.
    settings : DatabaseSettings
        Where to.
    as_of : datetime
        The run's cutoff.
    prospects : polars.DataFrame or None
        Its table of prospects, for a table beside that of the scores.

    Returns
    -------
    bool
        Whether anything was written.

    Raises
    ------
    OutputError
        If the database cannot be reached or refuses.
    """
    if settings.address is None:
        return False
    content = str((read_manifest(published.path) or {}).get("content"))
    destination = Destination(settings.address, settings.table, settings.mode)
    return write_scores(scores, destination, as_of=as_of, content=content, prospects=prospects)
