"""Scores into a table of PostgreSQL or DuckDB: all of a run or nothing, and once."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from foretell.errors import ConfigError
from foretell.tables.database_access import (
    connect_duckdb,
    connect_postgres,
    is_postgres,
    quoted,
    secret_problem,
    shown,
    told_as_output_error,
)

MODES = ("replace", "by_as_of")
_SLICE_ROWS = 100_000
_RUNS = "_runs"
_PROSPECTS = "_prospects"
_NEW = "_new"


@dataclass(frozen=True)
class Destination:
    """Where scores go.

    Parameters
    ----------
    address : str
        ``postgresql://user@host:port/database`` or ``duckdb:///path/to/file.duckdb``, without a password.
    table : str
        Table of the scores, as in ``customer_scores`` or ``marketing.customer_scores``. Beside it ``<table>_runs`` says
        which runs it holds, and ``<table>_prospects`` has those who never ordered, where any are scored.
    mode : str
        ``replace``: the newest run only, written aside and renamed; ``by_as_of``: every run, one of the same ``as_of``
        replaced.

    Raises
    ------
    ConfigError
        If the address holds a password, the table has no name or the mode is unknown.
    """

    address: str
    table: str = "customer_scores"
    mode: str = "replace"

    def __post_init__(self) -> None:
        """Refuse what cannot be written to."""
        problems = [problem for problem in (secret_problem(self.address),) if problem]
        if self.mode not in MODES:
            problems.append(f"the mode must be one of {', '.join(MODES)}.")
        if problems:
            raise ConfigError([f"database: {problem}" for problem in problems])
        quoted(self.table)

    def __repr__(self) -> str:
        """Return where it is, without a user or an option."""
        return f"Destination({shown(self.address)!r}, {self.table!r}, {self.mode!r})"


def write_scores(
    scores: pl.DataFrame, to: Destination, *, as_of: datetime, content: str, prospects: pl.DataFrame | None = None
) -> bool:
    """Write a run's scores in one transaction; readers see the old rows until it ends, then the new ones.

    Parameters
    ----------
    scores : polars.DataFrame
        Columns of `scoring.schema.score_columns`.
    to : Destination
        Where to.
    as_of : datetime
        The run's cutoff.
    content : str
        Hash of the run's content: a run that is there already is not written again.
    prospects : polars.DataFrame or None
        Columns of `scoring.prospect_schema.prospect_columns`, for the table ``<table>_prospects``; of a run without
        them no rows stay there.

    Returns
    -------
    bool
        False if it was there already.

    Raises
    ------
    OutputError
        If the database cannot be reached or refuses; nothing is changed.
    ConfigError
        If the extra is not installed.
    """
    with told_as_output_error(to.address, f"the table {to.table}"), _opened(to) as session:
        runs = quoted(to.table + _RUNS)
        session.run(f"CREATE TABLE IF NOT EXISTS {runs} (as_of timestamp PRIMARY KEY, content text, customers bigint)")
        beside = to.table + _PROSPECTS
        is_whole = prospects is None or session.has_table(beside)
        if is_whole and session.rows(f"SELECT content FROM {runs} WHERE as_of = $1", as_of) == [(content,)]:  # noqa: S608  a name in quotes
            return False
        if to.mode == "replace":
            _replace(session, scores, to.table)
            _replace(session, prospects, beside)
            session.run(f"DELETE FROM {runs}")  # noqa: S608  likewise
        else:
            _insert(session, scores, to.table, as_of)
            _insert(session, prospects, beside, as_of)
            session.run(f"DELETE FROM {runs} WHERE as_of = $1", as_of)  # noqa: S608  likewise
        session.run(f"INSERT INTO {runs} VALUES ($1, $2, $3)", as_of, content, scores.height)  # noqa: S608  likewise
        session.commit()
    return True


def _replace(session: "_Session", rows: pl.DataFrame | None, table: str) -> None:
    if rows is None:
        session.run(f"DROP TABLE IF EXISTS {quoted(table)}")
        return
    new = table + _NEW
    session.run(f"DROP TABLE IF EXISTS {quoted(new)}")
    session.append(rows, new, create=True)
    session.run(f"DROP TABLE IF EXISTS {quoted(table)}")
    session.run(f"ALTER TABLE {quoted(new)} RENAME TO {quoted(table.rpartition('.')[2])}")


def _insert(session: "_Session", rows: pl.DataFrame | None, table: str, as_of: datetime) -> None:
    exists = session.has_table(table)
    if exists:
        session.run(f"DELETE FROM {quoted(table)} WHERE as_of = $1", as_of)  # noqa: S608  a name in quotes
    if rows is not None:
        session.append(rows, table, create=not exists)


class _Session:
    """One transaction of either database."""

    def __init__(self, connection: Any, *, postgres: bool) -> None:
        self._connection, self._postgres = connection, postgres

    def run(self, statement: str, *values: Any) -> None:
        if self._postgres:
            with self._connection.cursor() as cursor:
                cursor.execute(statement, values or None)
        else:
            self._connection.execute(statement, list(values))

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        if self._postgres:
            with self._connection.cursor() as cursor:
                cursor.execute(statement, values or None)
                return list(cursor.fetchall())
        return list(self._connection.execute(statement, list(values)).fetchall())

    def has_table(self, name: str) -> bool:
        schema, _, table = name.rpartition(".")
        where = "table_name = $1" + (" AND table_schema = $2" if schema else "")
        if not schema and self._postgres:
            where += " AND table_schema = current_schema()"
        values = (table, schema) if schema else (table,)
        return bool(self.rows(f"SELECT 1 FROM information_schema.tables WHERE {where}", *values))  # noqa: S608  our own words

    def append(self, frame: pl.DataFrame, name: str, *, create: bool) -> None:
        schema, _, table = name.rpartition(".")
        for place, part in enumerate(frame.iter_slices(_SLICE_ROWS) if frame.height else [frame]):
            mode = "create" if create and place == 0 else "append"
            if self._postgres:
                with self._connection.cursor() as cursor:
                    cursor.adbc_ingest(table, part.to_arrow(), mode=mode, db_schema_name=schema or None)
            else:
                self._connection.register("foretell_part", part.to_arrow())
                verb = f"CREATE TABLE {quoted(name)} AS" if mode == "create" else f"INSERT INTO {quoted(name)}"
                self._connection.execute(f"{verb} SELECT * FROM foretell_part")  # noqa: S608  a name in quotes
                self._connection.unregister("foretell_part")

    def commit(self) -> None:
        if self._postgres:
            self._connection.commit()
        else:
            self._connection.execute("COMMIT")


@contextmanager
def _opened(to: Destination) -> Iterator[_Session]:
    """Open a transaction; whatever was not committed is rolled back when the connection closes."""
    postgres = is_postgres(to.address)
    connection = connect_postgres(to.address) if postgres else connect_duckdb(to.address, read_only=False)
    try:
        if not postgres:
            connection.execute("BEGIN")
        yield _Session(connection, postgres=postgres)
    finally:
        connection.close()
