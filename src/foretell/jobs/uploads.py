"""What the upload files of a run are made of: contacts, suppression list and choices of the settings."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from foretell.config.settings import Settings
from foretell.delivery.segment_uploads import UploadPlan, platforms_of
from foretell.delivery.segments import Segment
from foretell.delivery.uploads.ledger import previous_uploads
from foretell.delivery.uploads.platforms import PLATFORMS
from foretell.delivery.uploads.requests import check_requests
from foretell.delivery.uploads.template import UploadOptions
from foretell.errors import ConfigError, did_you_mean
from foretell.jobs.privacy import forgotten_ids
from foretell.tables.dataset import CustomerData, Note
from foretell.tables.optional_reading import read_optional
from foretell.tables.options import ReadOptions
from foretell.tables.source import Source
from foretell.tables.sources import open_source

_REACHED_BY = ("email", "phone", "madid", "gclid", "order_id", "company", "last_name")
_CONSENT = ("consent_email", "consent_sms", "consent_ads")


def check_uploads(settings: Settings, segments: Sequence[Segment]) -> None:
    """Say what is wrong with the choices for upload files before anything slow is done.

    Parameters
    ----------
    settings : Settings
        Section ``uploads``.
    segments : sequence of Segment
        Definitions, whose channels name platforms.

    Raises
    ------
    ConfigError
        Every problem at once.
    """
    options = upload_options(settings.uploads.options or {}, settings)
    if settings.data.customers is None:
        return
    nobody = pl.DataFrame(schema={"customer_id": pl.String, "value": pl.Float64})
    wanted = {segment.name: platforms_of(segment, _platforms(settings)) for segment in segments if not segment.off}
    by_platform = {name: [one for one, names in wanted.items() if name in names] for name in PLATFORMS}
    asked = {name: names for name, names in by_platform.items() if names}
    check_requests(
        {name: nobody for name, names in wanted.items() if names},
        asked,
        replace(options, adjusted_at=datetime(2000, 1, 1)),
    )


def upload_plan(
    data: CustomerData, settings: Settings, segments: Sequence[Segment], as_of: datetime
) -> tuple[UploadPlan | None, tuple[Note, ...]]:
    """Return what upload files are made of.

    Parameters
    ----------
    data : CustomerData
        The shop's rows; its customers table holds the contacts.
    settings : Settings
        Section ``uploads``, ``privacy``, and where runs are.
    segments : sequence of Segment
        Definitions.
    as_of : datetime
        First instant that is not seen.

    Returns
    -------
    UploadPlan or None
        None where nobody can be written: no segment names a platform, or there are no contacts, or no column of
        consent and nobody to be taken off.
    tuple of Note
        Why not, where the shop asked for files.

    Raises
    ------
    DataError
        If the suppression list cannot be read: it could not be kept.
    """
    platforms = _platforms(settings)
    asked = [segment for segment in segments if platforms_of(segment, platforms)]
    by_name = [segment for segment in asked if not segment.ready]
    if not asked:
        return None, ()
    customers = data.optional.customers
    columns = () if customers is None else customers.collect_schema().names()
    previous = previous_uploads(settings.folders.output, as_of, sorted(platforms))
    lacks = ""
    if not set(_REACHED_BY) & set(columns):
        lacks = "no contacts ([data.customers] with a column such as email)"
    elif not set(_CONSENT) & set(columns) and previous.head(1).collect().is_empty():
        lacks = "no column of consent (consent_ads, consent_email, consent_sms in [data.customers])"
    if lacks or customers is None:
        wanted = by_name or (settings.uploads.platforms and asked) or []
        text = f"{len(wanted):,} segments name platforms as channels, but there is {lacks}: no upload file was written."
        return None, (Note("no_upload_files", len(wanted), text),) if wanted else ()
    suppression = settings.uploads.suppression
    return UploadPlan(
        contacts=customers.collect(),
        platforms=platforms,
        suppression=None if suppression is None else read_table(suppression, "suppression", settings),
        previous=previous,
        forget=tuple(forgotten_ids(settings).to_list()),
        options=upload_options(settings.uploads.options or {}, settings),
    ), ()


def upload_options(given: Mapping[str, str], settings: Settings) -> UploadOptions:
    """Return the choices of an export, those of the shop where none is given.

    Parameters
    ----------
    given : mapping of str to str
        Name of a field of `UploadOptions` to its text; several values are separated by commas.
    settings : Settings
        Currency and time zone of the shop.

    Returns
    -------
    UploadOptions
        Checked for names only; `write_uploads` checks values.

    Raises
    ------
    ConfigError
        If there is no such option, or a number cannot be read; all problems at once.
    """
    known = [field.name for field in fields(UploadOptions) if field.name != "adjusted_at"]
    problems = []
    values: dict[str, Any] = {"currency": settings.shop.currency, "time_zone": settings.shop.time_zone}
    for name, text in given.items():
        if name not in known:
            problems.append(f"There is no option {name!r}.{did_you_mean(name, known)} Known: {', '.join(known)}.")
        elif name == "value_cap":
            try:
                values[name] = float(text)
            except ValueError:
                problems.append("The option value_cap must be a number.")
        else:
            values[name] = tuple(part.strip() for part in text.split(",")) if name == "sensitive" else text
    if problems:
        raise ConfigError(problems)
    return UploadOptions(**values)


def read_contacts(settings: Settings) -> pl.DataFrame | None:
    """Read the customers table of the settings, and no other.

    Parameters
    ----------
    settings : Settings
        ``data.customers`` says where it is.

    Returns
    -------
    polars.DataFrame or None
        One row per customer; None where no table is named.

    Raises
    ------
    DataError
        If it breaks its contract; all problems at once.
    """
    section = settings.data.customers
    if section is None:
        return None
    source = Source(section.path, **section.read_arguments())
    read = read_optional("customers", source, time_zone=settings.shop.time_zone, observed_until=None, orders=None)
    return read.frame


def read_table(path: Path, name: str, settings: Settings) -> pl.DataFrame:
    """Read a table whose columns are named as docs/uploads.md says.

    Parameters
    ----------
    path : Path
        A file.
    name : str
        What it is called in messages.
    settings : Settings
        Time zone of the shop.

    Returns
    -------
    polars.DataFrame
        All of its columns.
    """
    source = open_source(path, table=name, options=ReadOptions(time_zone=settings.shop.time_zone))
    return source.collect(list(source.schema))


def _platforms(settings: Settings) -> frozenset[str]:
    chosen = settings.uploads.platforms
    return frozenset(PLATFORMS if chosen is None else chosen)
