"""Tables and queries of PostgreSQL and DuckDB as sources: read once, in batches, into files that go with the source."""

import shutil
import tempfile
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from foretell.errors import ConfigError
from foretell.tables.database_access import (
    connect_duckdb,
    connect_postgres,
    is_postgres,
    quoted,
    secret_problem,
    told_as_data_error,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

_BATCH_ROWS = 250_000


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
    import pyarrow as pa

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
