"""Tables and queries of PostgreSQL and DuckDB as sources: read once, in batches, into files that go with the source.

Who may read is never part of an address: a password comes from the environment (PGPASSWORD) or a file (PGPASSFILE,
~/.pgpass, a service file), which PostgreSQL's own library reads. Texts of a database are not passed on: they quote
values.
"""

import re
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import polars as pl

from foretell.errors import ConfigError, DataError, OutputError, Violation

if TYPE_CHECKING:
    from collections.abc import Sequence

_POSTGRES = ("postgresql://", "postgres://")
_DUCKDB = "duckdb://"
_BATCH_ROWS = 250_000
_NAME = re.compile(r"[^\x00-\x1f]{1,200}")
_REASONS = {
    "42P01": "there is no such table", "3F000": "there is no such schema", "42703": "there is no such column",
    "42601": "the query is not SQL that it reads", "42501": "this user may not read it",
    "57014": "the query was cancelled", "57P01": "the server was shut down", "53300": "it has no connection left",
    "2BP01": "a view or another object depends on the table: use mode by_as_of",
}  # fmt: skip
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


@dataclass
class Spool:
    """Files that live as long as somebody refers to them.

    Parameters
    ----------
    folder : Path
        Made for one source; nobody else reads it.
    """

    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="foretell-query-")))

    def __post_init__(self) -> None:
        """Remove the files with the object, or at the end of the process."""
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)


def read_database(
    address: str, *, query: str | None, database_table: str | None, table: str
) -> tuple[Spool, pl.LazyFrame]:
    """Read a table or a query once, in batches.

    Parameters
    ----------
    address : str
        ``postgresql://user@host:port/database`` or ``duckdb:///path/to/file.duckdb``, without a password.
    query : str or None
        A SELECT; its rows are read in the order in which they come.
    database_table : str or None
        A table or view instead, as in ``sales.orders``.
    table : str
        What the rows are, for messages.

    Returns
    -------
    (Spool, polars.LazyFrame)
        The files, to be kept, and their rows. Numerics are text, so that no digit is lost; UUIDs are text.

    Raises
    ------
    ConfigError
        If the address holds a password, the package is not installed, or not exactly one of query and table is given.
    DataError
        If the database cannot be reached or does not answer.
    """
    problem = secret_problem(address)
    if problem:
        raise ConfigError([f"{table}: {problem}"])
    if (query is None) == (database_table is None):
        raise ConfigError([f"{table}: a database needs either a query or a table to be read."])
    select = query if query is not None else f"SELECT * FROM {quoted(str(database_table))}"  # noqa: S608  a name in quotes
    spool = Spool()
    with told_as_data_error(address, table):
        for number, batch in enumerate(_batches(address, select)):
            batch.write_parquet(spool.folder / f"{number:06d}.parquet", compression="lz4")
    return spool, pl.scan_parquet(spool.folder, glob=True)


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
    """Tell whether an address is PostgreSQL's."""
    return address.startswith(_POSTGRES)


@contextmanager
def told_as_data_error(address: str, table: str) -> Iterator[None]:
    """Turn what a database says while it is read into a named error without its words."""
    reason = ""
    try:
        yield
    except (ConfigError, DataError):
        raise
    except Exception as error:  # noqa: BLE001  two drivers with errors of their own, whose texts quote values
        reason = failure(error)
    if reason:
        remedy = "Check the address, the query and who may read, and that the server answers."
        raise DataError(
            [Violation(table, None, f"the database did not answer: {reason}", 1, remedy=remedy)], source=shown(address)
        )


@contextmanager
def told_as_output_error(address: str, what: str) -> Iterator[None]:
    """Turn what a database says while it is written into a named error without its words."""
    reason = ""
    try:
        yield
    except (ConfigError, OutputError):
        raise
    except Exception as error:  # noqa: BLE001  likewise
        reason = failure(error)
    if reason:
        msg = (
            f"Cannot write {what} in {shown(address)}: {reason}. Nothing was changed there. "
            "Remedy: check the address and who may write, and run again."
        )
        raise OutputError(msg)


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


def _batches(address: str, select: str) -> Iterator[pl.DataFrame]:
    if is_postgres(address):
        with connect_postgres(address) as connection, connection.cursor() as cursor:
            cursor.execute(select)
            yield from _joined(cursor.fetch_record_batch())
    else:
        with connect_duckdb(address, read_only=True) as connection:
            yield from _joined(connection.sql(select).to_arrow_reader(_BATCH_ROWS))


def _joined(reader: Any) -> Iterator[pl.DataFrame]:
    """Join small batches; at least one is given, for its columns."""
    held: Sequence[pl.DataFrame] = [_frame(reader.schema.empty_table().to_batches(), reader.schema)]
    for batch in reader:
        held = [*held, _frame([batch], reader.schema)]
        if sum(part.height for part in held) >= _BATCH_ROWS:
            yield pl.concat(held)
            held = []
    if held:
        yield pl.concat(held)


def _frame(batches: Any, schema: Any) -> pl.DataFrame:
    """Return Arrow batches as a frame in which numerics and UUIDs are text."""
    import pyarrow as pa  # type: ignore[import-untyped]

    content = pa.Table.from_batches(batches, schema=schema)
    columns: dict[str, pl.Series] = {}
    for name, column, kind in zip(content.column_names, content.columns, schema.types, strict=True):
        if isinstance(kind, pa.BaseExtensionType):
            storage = pa.chunked_array([chunk.storage for chunk in column.chunks], type=kind.storage_type)
            values = pl.Series(name, pl.from_arrow(storage))
            columns[name] = _uuid_text(values) if "uuid" in str(kind) else values
        elif pa.types.is_decimal(kind):
            columns[name] = pl.Series(name, pl.from_arrow(column)).cast(pl.String)
        else:
            columns[name] = pl.Series(name, pl.from_arrow(column))
    return pl.DataFrame(columns)


def _uuid_text(values: pl.Series) -> pl.Series:
    digits = values.cast(pl.Binary).bin.encode("hex")
    parts = [digits.str.slice(start, length) for start, length in ((0, 8), (8, 4), (12, 4), (16, 4), (20, 12))]
    return pl.select(pl.concat_str([pl.lit(part) for part in parts], separator="-")).to_series().alias(values.name)
