"""How databases are reached: addresses without secrets, names in quotes, and refusals in words of our own.

Who may read is never part of an address: a password comes from the environment (PGPASSWORD) or a file (PGPASSFILE,
~/.pgpass, a service file), which PostgreSQL's own library reads. Texts of a database are not passed on: they quote
values.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from foretell.errors import ConfigError, DatabaseUnavailable, DataError, OutputError, Violation

_POSTGRES = ("postgresql://", "postgres://")
_DUCKDB = "duckdb://"
_NAME = re.compile(r"[^\x00-\x1f]{1,200}")
_REASONS = {
    "42P01": "there is no such table", "3F000": "there is no such schema", "42703": "there is no such column",
    "42601": "the query is not SQL that it reads", "42501": "this user may not read it",
    "57014": "the query was cancelled", "57P01": "the server was shut down", "53300": "it has no connection left",
    "2BP01": "a view or another object depends on the table: use mode by_as_of",
}  # fmt: skip
_NO_SERVER = ("Connection refused", "could not translate host name", "timeout expired", "server closed the connection")
_LATER = "try again later; if it stays so, check the address and that the server answers."
_PASSES = re.compile("08|53|57P")
"""Classes of SQLSTATE that a later try may not meet: no connection, no resources, shutting down or starting up."""
_WHERE_IT_GOES = (
    "Take it out, and give it by PGPASSWORD, a password file (~/.pgpass, PGPASSFILE) or a service file "
    "(postgresql:///?service=NAME)."
)


def is_database(source: object) -> bool:
    """Tell whether a source is the address of a database.

    Parameters
    ----------
    source : object
        What the user named.

    Returns
    -------
    bool
        True for ``postgresql://…``, ``postgres://…`` and ``duckdb://…``.
    """
    return isinstance(source, str) and source.startswith((*_POSTGRES, _DUCKDB))


def secret_problem(address: str) -> str:
    """Say what is wrong with an address that holds a password; nothing of it is repeated.

    Parameters
    ----------
    address : str
        An address of a database.

    Returns
    -------
    str
        A sentence, or ``""``.
    """
    try:
        parts = urlsplit(address)
        hidden = {"password", "sslpassword"} & {key.lower() for key in parse_qs(parts.query)}
        has_secret = parts.password is not None or bool(hidden)
    except ValueError:
        return "the address of the database cannot be read. Write it as postgresql://user@host:port/database."
    return f"the address of the database holds a password. {_WHERE_IT_GOES}" if has_secret else ""


def shown(address: str) -> str:
    """Return an address as messages may show it: the kind and where it is, no user, no options.

    Parameters
    ----------
    address : str
        An address of a database.

    Returns
    -------
    str
        As in ``postgresql://host/database``.
    """
    if address.startswith(_DUCKDB):
        return address
    try:
        parts = urlsplit(address)
    except ValueError:
        return "postgresql://…"
    return f"postgresql://{parts.hostname or ''}{parts.path}"


def quoted(name: str) -> str:
    """Return the name of a table as SQL, each part in double quotes.

    Parameters
    ----------
    name : str
        As in ``orders`` or ``sales.orders``.

    Returns
    -------
    str
        As in ``"sales"."orders"``.

    Raises
    ------
    ConfigError
        If it is no name.
    """
    parts = name.split(".")
    if len(parts) > 3 or not all(_NAME.fullmatch(part) for part in parts):
        raise ConfigError(["the name of the table must be one to three names with dots between, as in sales.orders."])
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def connect_postgres(address: str) -> Any:
    """Open a connection to PostgreSQL.

    Parameters
    ----------
    address : str
        Without a password.

    Returns
    -------
    adbc_driver_postgresql.dbapi.Connection
        Without autocommit.

    Raises
    ------
    ConfigError
        If the extra is not installed.
    """
    try:
        import adbc_driver_postgresql.dbapi as driver  # type: ignore[import-untyped]
    except ImportError:
        raise ConfigError(["PostgreSQL needs two more packages. Remedy: pip install 'foretell[postgres]'."]) from None
    return driver.connect(address)


def connect_duckdb(address: str, *, read_only: bool) -> Any:
    """Open a DuckDB file.

    Parameters
    ----------
    address : str
        ``duckdb:///absolute/path`` or ``duckdb://relative/path``.
    read_only : bool
        Whether it may not be changed.

    Returns
    -------
    duckdb.DuckDBPyConnection
        An open connection.

    Raises
    ------
    ConfigError
        If the extra is not installed.
    """
    try:
        import duckdb
    except ImportError:
        raise ConfigError(["DuckDB needs one more package. Remedy: pip install 'foretell[duckdb]'."]) from None
    return duckdb.connect(address.removeprefix(_DUCKDB), read_only=read_only)


def is_postgres(address: str) -> bool:
    """Tell whether an address is PostgreSQL's.

    Parameters
    ----------
    address : str
        An address of a database.

    Returns
    -------
    bool
        False for DuckDB's.
    """
    return address.startswith(_POSTGRES)


@contextmanager
def told_as_data_error(address: str, table: str) -> Iterator[None]:
    """Turn what a database says while it is read into a named error without its words.

    Parameters
    ----------
    address : str
        An address of a database.
    table : str
        What is read, for messages.

    Yields
    ------
    None
        While it is read.

    Raises
    ------
    DatabaseUnavailable
        If a server cannot be reached, or cannot serve now.
    DataError
        If the database refuses.
    """
    reason, passes = "", False
    try:
        yield
    except (ConfigError, DataError, DatabaseUnavailable):
        raise
    except Exception as error:  # noqa: BLE001  two drivers with errors of their own, whose texts quote values
        reason, passes = failure(error), passes_with_time(error)
    if passes:
        msg = f"Cannot read {table} from {shown(address)}: {reason}. Remedy: {_LATER}"
        raise DatabaseUnavailable(msg)
    if reason:
        remedy = "Check the address, the query and who may read, and that the server answers."
        raise DataError(
            [Violation(table, None, f"the database did not answer: {reason}", 1, remedy=remedy)], source=shown(address)
        )


@contextmanager
def told_as_output_error(address: str, what: str) -> Iterator[None]:
    """Turn what a database says while it is written into a named error without its words.

    Parameters
    ----------
    address : str
        An address of a database.
    what : str
        What is written, for messages.

    Yields
    ------
    None
        While it is written.

    Raises
    ------
    DatabaseUnavailable
        If a server cannot be reached, or cannot serve now.
    OutputError
        If the database refuses.
    """
    reason, passes = "", False
    try:
        yield
    except (ConfigError, OutputError, DatabaseUnavailable):
        raise
    except Exception as error:  # noqa: BLE001  likewise
        reason, passes = failure(error), passes_with_time(error)
    if passes:
        msg = f"Cannot write {what} in {shown(address)}: {reason}. Nothing was changed there. Remedy: {_LATER}"
        raise DatabaseUnavailable(msg)
    if reason:
        msg = (
            f"Cannot write {what} in {shown(address)}: {reason}. Nothing was changed there. "
            "Remedy: check the address and who may write, and run again."
        )
        raise OutputError(msg)


def passes_with_time(error: Exception) -> bool:
    """Tell whether a database may well answer later what it does not answer now.

    Parameters
    ----------
    error : Exception
        Of a driver.

    Returns
    -------
    bool
        True where a server was not reached or cannot serve; never for a file, which does not come by itself.
    """
    state = getattr(error, "sqlstate", None)
    if state and _PASSES.match(state):
        return True
    text = str(error)
    return any(words in text for words in _NO_SERVER)


def failure(error: Exception) -> str:
    """Say what a database refused, in words of our own.

    Parameters
    ----------
    error : Exception
        Of a driver.

    Returns
    -------
    str
        By its SQLSTATE where it has one, else by the kind of the error.
    """
    state = getattr(error, "sqlstate", None)
    if state:
        return _REASONS.get(state, f"SQLSTATE {state}")
    text = str(error)
    if "password" in text or "no pg_hba.conf entry" in text or "role " in text:
        return "it does not let this user in"
    if (
        "Failed to connect" in text
        or "could not open file" in text
        or "Cannot open" in text
        or "does not exist" in text
    ):
        return "it cannot be reached"
    return "the answer broke off" if isinstance(error, OSError) else type(error).__name__
