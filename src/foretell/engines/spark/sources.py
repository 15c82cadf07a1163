"""Tables of paths as Spark frames: files that every node sees, read as foretell reads them."""

import codecs
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import polars as pl

from foretell.errors import ConfigError, DataError, Violation
from foretell.tables.database_access import is_database
from foretell.tables.source import Source

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

_TEXT = (".csv", ".tsv", ".txt")
_ENCODINGS = {"utf-8": "UTF-8", "iso8859-1": "ISO-8859-1", "ascii": "US-ASCII"}
_OF_FILES = ("delimiter", "encoding", "query", "table", "attributes")
_KEYED = ("orders", "events", "customers")


def sources_on_spark(
    spark: "SparkSession", sources: Mapping[str, Source], *, forget: pl.Series | None = None
) -> dict[str, Source]:
    """Open the files of a shop's tables on a cluster.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession
        A classic session.
    sources : mapping of str to Source
        By table; each a path with the arguments of `foretell.read_data`. Text files with delimiters and a header line,
        told by the suffixes .csv, .tsv and .txt, or Parquet: a file, a pattern or a folder, named as Spark names it.
    forget : polars.Series or None
        Ids of people whose rows are dropped before anything is made of them.

    Returns
    -------
    dict of str to Source
        Of Spark frames.

    Raises
    ------
    DataError
        If nothing is there, or files cannot be read or hold different columns.
    ConfigError
        If Spark cannot read what a path names, or `forget` cannot be told apart there.
    """
    frames = {name: _opened(spark, name, source) for name, source in sources.items()}
    if forget is not None and not forget.is_empty():
        frames = _without(spark, frames, {name: source.arguments for name, source in sources.items()}, forget)
    return {
        name: Source(frames[name], **{key: value for key, value in source.arguments.items() if key not in _OF_FILES})
        for name, source in sources.items()
    }


@contextmanager
def refusing_broken_rows(sources: Mapping[str, Source]) -> Iterator[None]:
    """Say in foretell's words, and without what is in it, that a row of a text file has another number of fields.

    Parameters
    ----------
    sources : mapping of str to Source
        As for `sources_on_spark`.

    Yields
    ------
    None
        Rows are read inside.

    Raises
    ------
    DataError
        If a row has more or fewer fields than the header.
    """
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError) as error:
        texts = {name: str(source.source) for name, source in sources.items() if _is_text(str(source.source))}
        if not texts or "MALFORMED" not in str(error):
            raise
        told = {name: path for name, path in texts.items() if path in str(error)} or texts
        rule, remedy = "a row has more or fewer fields than the header", "Check the delimiter, and quotes in the file."
        raise DataError(
            [Violation(" or ".join(told), None, rule, 1, remedy=remedy)], source="; ".join(told.values())
        ) from None


def _opened(spark: "SparkSession", name: str, source: Source) -> "DataFrame":
    from pyspark.errors import PySparkException

    path, instead = str(source.source), "or train with the engine 'frame'."
    if is_database(path):
        problem = f"A cluster does not read {name} from a database through foretell."
        raise ConfigError([f"{problem} Remedy: write the table to Parquet files, {instead}"])
    try:
        return _text(spark, name, path, source.arguments) if _is_text(path) else spark.read.parquet(path)
    except PySparkException as error:
        # Its own text may quote what is in the files.
        absent = "PATH_NOT_FOUND" in (error.getCondition() or "")
        rule = "there is no such file" if absent else "the cluster cannot read it"
        remedy = "Check the path, which all nodes must see under this name, and that it holds CSV or Parquet files."
        raise DataError([Violation(name, None, rule, 1, remedy=remedy)], source=path) from None


def _is_text(path: str) -> bool:
    return path.lower().removesuffix(".gz").endswith(_TEXT)


def _text(spark: "SparkSession", name: str, path: str, arguments: Mapping[str, Any]) -> "DataFrame":
    encoding = codecs.lookup(arguments.get("encoding", "utf8")).name
    if encoding not in _ENCODINGS:
        remedy = f"Remedy: save {name} as UTF-8 or Parquet, or train with the engine 'frame'."
        raise ConfigError([f"Spark does not read text files in the encoding {encoding}. {remedy}"])
    reader = spark.read.options(
        header=True,
        # Everything is text, as in every engine: ids keep their zeros, and foretell says what is no number.
        inferSchema=False,
        sep=arguments.get("delimiter") or ("\t" if ".tsv" in path.lower() else ","),
        encoding=_ENCODINGS[encoding],
        quote='"',
        escape='"',
        multiLine=True,
        # Files whose header is another one, and rows with more fields than it, are an error and not shifted columns.
        enforceSchema=False,
        mode="FAILFAST",
    )
    return reader.csv(path)


def _without(
    spark: "SparkSession",
    frames: "Mapping[str, DataFrame]",
    arguments: Mapping[str, Mapping[str, Any]],
    ids: pl.Series,
) -> "dict[str, DataFrame]":
    """Drop the rows of people before anything else sees them; lines without a customer go by their order."""
    from pyspark.sql import functions as f

    def named(table: str, key: str) -> "Column":
        return _bare(frames[table], table, key, str(arguments[table].get(key, key)))

    def has(table: str, key: str) -> bool:
        # A column of the standard name needs no mapping.
        return key in arguments[table] or key in frames[table].columns

    ids = ids.str.strip_chars().unique().sort()
    listed = f.broadcast(spark.createDataFrame([(text,) for text in ids], "forgotten string"))
    found = dict(frames)
    for table in (name for name in _KEYED if name in frames):
        found[table] = frames[table].join(listed, named(table, "customer_id") == f.col("forgotten"), "left_anti")
    lines = frames.get("order_lines")
    if lines is not None and has("order_lines", "customer_id"):
        lines = lines.join(listed, named("order_lines", "customer_id") == f.col("forgotten"), "left_anti")
    if lines is not None and has("order_lines", "order_id") and has("orders", "order_id"):
        theirs = frames["orders"].join(listed, named("orders", "customer_id") == f.col("forgotten"), "left_semi")
        theirs = theirs.select(named("orders", "order_id").alias("forgotten order")).distinct()
        lines = lines.join(theirs, named("order_lines", "order_id") == f.col("forgotten order"), "left_anti")
    return found if lines is None else {**found, "order_lines": lines}


def _bare(frame: "DataFrame", table: str, key: str, column: str) -> "Column":
    from pyspark.sql import functions as f

    kinds = {field.name: field.dataType.typeName() for field in frame.schema.fields}
    if kinds.get(column) not in {"string", "char", "varchar", "byte", "short", "integer", "long"}:
        problem = "On a cluster people are forgotten by columns of ids that are text or whole numbers, as they stand;"
        problem += f" {table}.{key} is none."
        remedy = f"Remedy: name such a column as {key}, or train with the engine 'frame'."
        raise ConfigError([f"{problem} {remedy}"])
    # Blanks around an id do not matter, whichever blanks Unicode knows.
    return f.regexp_replace(f.col(f"`{column}`").cast("string"), r"(?U)^\s+|\s+$", "")
