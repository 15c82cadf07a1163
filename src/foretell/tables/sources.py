"""Any place that rows come from, opened lazily: files of several kinds, patterns, folders, frames."""

import glob
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import polars as pl

from foretell.errors import ConfigError, DataError, Violation
from foretell.tables.csv_files import failure_in_text_file, header_names, rows_in_text_file, scan_text_file
from foretell.tables.database_access import is_database, shown
from foretell.tables.databases import read_database
from foretell.tables.object_storage import is_object, scan_objects
from foretell.tables.options import ReadOptions

_Read = TypeVar("_Read")
_TEXT_SUFFIXES = (".csv", ".tsv", ".txt")
_PARQUET_SUFFIXES = (".parquet", ".pq")
_IPC_SUFFIXES = (".arrow", ".ipc", ".feather")
_UNREADABLE_KINDS = {
    ".xlsx": "an Excel workbook", ".xls": "an Excel workbook", ".json": "JSON", ".zip": "a zip archive",
}  # fmt: skip
_MAGIC = ((b"PAR1", "parquet"), (b"ARROW1", "ipc"), (b"PK\x03\x04", "an Excel workbook or zip archive"))


@dataclass(frozen=True)
class Part:
    """One file of a source, or the one frame given.

    Parameters
    ----------
    name : str
        What to call it in messages.
    kind : str
        ``text``, ``parquet``, ``ipc`` or ``frame``.
    rows : polars.LazyFrame
        Its rows; for text every column is text.
    schema : polars.Schema
        Names and types of its columns.
    repeated : frozenset of str
        Names that the header line holds twice.
    path : Path or None
        Where it lies.
    held : object
        What has to live as long as the rows are read.
    """

    name: str
    kind: str
    rows: pl.LazyFrame
    schema: pl.Schema
    repeated: frozenset[str] = frozenset()
    path: Path | None = None
    held: object = None


@dataclass(frozen=True)
class OpenedSource:
    """What was opened: one or several parts with the same columns.

    Parameters
    ----------
    label : str
        The source as the user named it.
    table : str
        Name of the table that it holds.
    parts : tuple of Part
        In name order; rows are numbered through all of them.
    options : ReadOptions
        How text files are written.
    """

    label: str
    table: str
    parts: tuple[Part, ...]
    options: ReadOptions

    @property
    def title(self) -> str:
        """The source as messages call it, with how its rows are counted."""
        counted = []
        if any(part.kind == "text" for part in self.parts):
            counted.append("row 1 is the first after the header")
        if len(self.parts) > 1:
            counted.append(f"rows are counted through {len(self.parts)} files in name order")
        return f"{self.label} ({'; '.join(counted)})" if counted else self.label

    @property
    def rows(self) -> pl.LazyFrame:
        """Rows of all parts, one part after the other."""
        parts = [part.rows for part in self.parts]
        return parts[0] if len(parts) == 1 else pl.concat(parts, how="diagonal_relaxed")

    @property
    def schema(self) -> pl.Schema:
        """Names and types of the columns of all parts together."""
        return self.rows.collect_schema()

    def collect(self, columns: Sequence[str]) -> pl.DataFrame:
        """Read columns into memory, in source order.

        Parameters
        ----------
        columns : sequence of str
            Names of the columns to read.

        Returns
        -------
        polars.DataFrame
            The columns; row i has row number i + 1.

        Raises
        ------
        DataError
            If a file breaks off, is damaged, or changes its encoding or number of fields on the way.
        """
        return self._attempt(lambda: self.rows.select(columns).collect(engine="streaming"))

    def batches(self, columns: Sequence[str], rows_at_once: int) -> Iterator[pl.DataFrame]:
        """Read columns some rows at a time, in source order.

        Parameters
        ----------
        columns : sequence of str
            Names of the columns to read.
        rows_at_once : int
            Rows of a batch; the last may have fewer.

        Yields
        ------
        polars.DataFrame
            The columns; batch after batch they are what `collect` returns.

        Raises
        ------
        DataError
            As from `collect`.
        """
        rows = self.rows.select(columns)
        batches = self._attempt(lambda: iter(rows.collect_batches(chunk_size=rows_at_once, maintain_order=True)))
        while True:
            batch = self._attempt(lambda: next(batches, None))
            if batch is None:
                return
            yield batch

    def roughly_counted(self) -> int:
        """Return about how many rows there are, without reading text files; those of object stores are read.

        Raises
        ------
        DataError
            As from `collect`.
        """
        return self._attempt(
            lambda: sum(
                rows_in_text_file(part.path, self.options)
                if part.kind == "text" and part.path is not None
                else int(part.rows.select(pl.len()).collect(engine="streaming").item())
                for part in self.parts
            )
        )

    def identity(self) -> list[list[str | int]] | None:
        """Return path, size and time of change of every file; None where rows are in no file."""
        if any(part.path is None for part in self.parts):
            return None
        facts = [(part.path.resolve(), part.path.stat()) for part in self.parts if part.path is not None]
        return [[str(path), fact.st_size, fact.st_mtime_ns] for path, fact in facts]

    def _attempt(self, read: Callable[[], _Read]) -> _Read:
        try:
            return read()
        except (pl.exceptions.PolarsError, OSError):
            # The cause's own text quotes cells, which may be ids: it must not be chained.
            violations = self._failures()
        raise DataError(violations, source=self.title)

    def _failures(self) -> list[Violation]:
        found = []
        for part in self.parts:
            if part.kind == "text" and part.path is not None:
                failure = failure_in_text_file(part.path, self.options, table=self.table)
                if failure is not None:
                    found.extend(_told_of(part.path, [failure]) if len(self.parts) > 1 else [failure])
                    break
        if found:
            return found
        remedy = "Check that the files are complete and hold the same columns in the same types."
        return [Violation(self.table, None, "the source is damaged and cannot be read to its end", 1, remedy=remedy)]


def open_source(
    source: object, *, table: str, options: ReadOptions, query: str | None = None, database_table: str | None = None
) -> OpenedSource:
    """Open a source without reading its rows.

    Parameters
    ----------
    source : str, Path, sequence of them, polars.DataFrame, polars.LazyFrame or Arrow-compatible frame
        A file (text with delimiters, Parquet, Arrow IPC; text may be gzipped), a pattern with ``*``, a folder, or
        a frame, which is not modified; the address of a database or of objects (s3://…); or what was opened already.
    table : str
        Name of the table, for messages.
    options : ReadOptions
        How text files are written.
    query, database_table : str or None
        What to read of a database; see `tables.databases.read_database`.

    Returns
    -------
    OpenedSource
        The opened source.

    Raises
    ------
    DataError
        If nothing is there or it is of no kind that can be read; all problems at once.
    ConfigError
        If a query or table is given and the source is no database, or the other way round.
    TypeError
        If `source` is of no such type.
    """
    if isinstance(source, OpenedSource):
        return replace(source, table=table, options=options)
    if is_database(source):
        spool, rows = read_database(str(source), query=query, database_table=database_table, table=table)
        part = Part("the database", "frame", rows, rows.collect_schema(), held=spool)
        return OpenedSource(shown(str(source)), table, (part,), options)
    if query is not None or database_table is not None:
        msg = f"{table}: a query or a table is read from a database only, as in postgresql://user@host/database."
        raise ConfigError([msg])
    if is_object(source):
        kind, rows, schema = scan_objects(str(source), options, table=table)
        return OpenedSource(str(source), table, (Part(str(source), kind, rows, schema),), options)
    if isinstance(source, pl.DataFrame | pl.LazyFrame):
        return _from_frame(source.lazy(), table, options)
    if hasattr(source, "__arrow_c_stream__"):
        return _from_frame(pl.DataFrame(source).lazy(), table, options)
    if isinstance(source, str | Path):
        return _from_files(str(source), _find(source, table), table, options)
    if isinstance(source, Sequence) and source and all(isinstance(item, str | Path) for item in source):
        files = [path for item in source for path in _find(item, table)]
        return _from_files(f"{source[0]} and {len(source) - 1} more", files, table, options)
    msg = f"A source is a path, a pattern, a folder, a list of paths or a frame, not {type(source).__name__}."
    raise TypeError(msg)


def _from_frame(rows: pl.LazyFrame, table: str, options: ReadOptions) -> OpenedSource:
    part = Part("the frame given", "frame", rows, rows.collect_schema())
    return OpenedSource("(the frame given)", table, (part,), options)


def _find(source: str | Path, table: str) -> list[Path]:
    path = Path(source).expanduser()
    if path.is_file():
        return [path]
    if path.is_dir():
        found = sorted(
            file
            for file in path.rglob("*")
            if file.is_file() and not file.name.startswith((".", "_")) and _belongs_to_folder(file)
        )
        rule, remedy = "the folder holds no file that can be read", "Put .csv, .parquet or .arrow files there."
    elif glob.has_magic(str(path)):
        found = sorted(Path(name) for name in glob.glob(str(path), recursive=True))  # noqa: PTH207 - may be absolute
        found = [file for file in found if file.is_file()]
        rule, remedy = "no file matches the pattern", "Check the folder and the pattern."
    else:
        found, rule, remedy = [], "there is no such file", "Check the path; it is taken from the current folder."
    if not found:
        raise DataError([Violation(table, None, rule, 1, remedy=remedy)], source=str(source))
    return found


def _from_files(label: str, files: Sequence[Path], table: str, options: ReadOptions) -> OpenedSource:
    parts: list[Part] = []
    violations: list[Violation] = []
    for path in files:
        try:
            parts.append(_open_file(path, table, options))
        except DataError as error:
            violations.extend(_told_of(path, error.violations) if len(files) > 1 else error.violations)
    kinds = {part.kind for part in parts}
    if len(kinds) > 1:
        remedy = "Name one kind with a pattern, as in 'orders/*.csv'."
        violations.append(Violation(table, None, "the files are of several kinds", len(files), remedy=remedy))
    if violations:
        raise DataError(violations, source=label)
    return OpenedSource(label, table, tuple(parts), options)


def _told_of(path: Path, violations: Sequence[Violation]) -> list[Violation]:
    """Put the file's name in front: of a pattern's hundreds of files a person has to find the one."""
    return [one if path.name in one.rule else replace(one, rule=f"{path.name}: {one.rule}") for one in violations]


def _open_file(path: Path, table: str, options: ReadOptions) -> Part:
    kind = _kind_by_name(path) or _kind_by_content(path)
    if kind not in {"text", "parquet", "ipc"}:
        remedy = "Save it as CSV (UTF-8) or Parquet."
        raise DataError([Violation(table, None, f"{path.name} is {kind}, which is not read", 1, remedy=remedy)])
    repeated: frozenset[str] = frozenset()
    try:
        if kind == "text":
            rows = scan_text_file(path, options, table=table)
            names = header_names(path, options)
            repeated = frozenset(name for name in names if names.count(name) > 1)
        else:
            rows = pl.scan_parquet(path, glob=False) if kind == "parquet" else pl.scan_ipc(path, glob=False)
        schema = rows.collect_schema()
    except (pl.exceptions.PolarsError, OSError, EOFError):
        remedy = "Check that it is complete, of the kind that its name says, and that you may read it."
        rule = f"{path.name} cannot be read as {'a text table' if kind == 'text' else kind}"
        raise DataError([Violation(table, None, rule, 1, remedy=remedy)]) from None
    return Part(path.name, kind, rows, schema, repeated, path)


def _kind_by_name(path: Path) -> str | None:
    name = path.name.lower().removesuffix(".gz")
    for suffixes, kind in ((_TEXT_SUFFIXES, "text"), (_PARQUET_SUFFIXES, "parquet"), (_IPC_SUFFIXES, "ipc")):
        if name.endswith(suffixes):
            return kind
    return next((kind for suffix, kind in _UNREADABLE_KINDS.items() if name.endswith(suffix)), None)


def _belongs_to_folder(path: Path) -> bool:
    """A folder may hold a readme beside its tables, so text counts only under a table's name."""
    return _kind_by_name(path) in {"text", "parquet", "ipc"} and not path.name.lower().endswith(".txt")


def _kind_by_content(path: Path) -> str:
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError:
        return "text"
    return next((kind for magic, kind in _MAGIC if start.startswith(magic)), "text")
