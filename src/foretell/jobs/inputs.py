"""The shop's data, read as the settings say."""

from datetime import date, datetime

from foretell.config.settings import Settings
from foretell.errors import ConfigError
from foretell.jobs.privacy import forgotten_ids
from foretell.tables.dataset import CustomerData
from foretell.tables.erasure import without_people
from foretell.tables.read_data import read_data
from foretell.tables.source import Source
from foretell.windows import as_cutoff


def read_shop(settings: Settings) -> CustomerData:
    """Read and check every table that the settings name.

    Parameters
    ----------
    settings : Settings
        ``data`` says where the tables are and what their columns are called.

    Returns
    -------
    CustomerData
        Usable rows, quarantine and report; without those who are to be forgotten.

    Raises
    ------
    ConfigError
        If no orders are named.
    DataError
        If they break the contract; all problems at once.
    """
    read = read_data(**shop_sources(settings), time_zone=settings.shop.time_zone)
    return without_people(read, forgotten_ids(settings))


def shop_sources(settings: Settings) -> dict[str, Source]:
    """Return where the tables are, by name.

    Parameters
    ----------
    settings : Settings
        ``data`` says where the tables are and what their columns are called.

    Returns
    -------
    dict of str to Source
        Orders among them.

    Raises
    ------
    ConfigError
        If no orders are named.
    """
    if settings.data.orders is None:
        raise ConfigError(
            ["[data.orders] is missing: say where the orders are. Remedy: foretell init writes a commented file."]
        )
    return {name: Source(section.path, **section.read_arguments()) for name, section in settings.data.tables.items()}


def cutoff_of(data: CustomerData, as_of: date | datetime | str | None) -> datetime:
    """Return the cutoff asked for, or the end of what the data observed; never the clock's today.

    Parameters
    ----------
    data : CustomerData
        The shop's rows.
    as_of : date, datetime, str or None
        First instant that is not seen.

    Returns
    -------
    datetime
        Naive, in the shop's zone.
    """
    return data.observed_until if as_of is None else as_cutoff(as_of)
