"""Who is to be forgotten: the erasure list of the settings, read in one place for every command that writes."""

from pathlib import Path

import polars as pl

from foretell.config.settings import Settings
from foretell.delivery.uploads.texts import identifiers_as_text
from foretell.errors import DataError, Violation
from foretell.tables.options import ReadOptions
from foretell.tables.sources import open_source

_KEY = "customer_id"


def forgotten_ids(settings: Settings) -> pl.Series:
    """Return the customer ids that nothing may be made of any more.

    Parameters
    ----------
    settings : Settings
        ``privacy.forget`` says where the list is.

    Returns
    -------
    polars.Series
        Text, each once; empty where there is no list.

    Raises
    ------
    DataError
        If the list is not there or cannot be read: then nobody could be forgotten, and nothing may be written.
    """
    path = settings.privacy.forget
    return pl.Series(_KEY, [], dtype=pl.String) if path is None else read_ids(path, "privacy.forget", settings)


def read_ids(path: Path, name: str, settings: Settings) -> pl.Series:
    """Read a list of customer ids.

    Parameters
    ----------
    path : Path
        A table with the column ``customer_id``.
    name : str
        What it is called in messages.
    settings : Settings
        Time zone of the shop.

    Returns
    -------
    polars.Series
        Text without blanks around it, each id once.

    Raises
    ------
    DataError
        If it cannot be read, or has no such column.
    """
    source = open_source(path, table=name, options=ReadOptions(time_zone=settings.shop.time_zone))
    frame = identifiers_as_text(source.collect(list(source.schema)))
    if _KEY not in frame.columns:
        rule, remedy = "the column is missing, so nobody could be forgotten", f"Name the column of ids {_KEY}."
        raise DataError([Violation(name, _KEY, rule, 1, remedy=remedy)], source=str(path))
    ids = frame[_KEY].cast(pl.String).str.strip_chars()
    return ids.filter(ids.str.len_bytes().fill_null(0) > 0).unique().sort()
