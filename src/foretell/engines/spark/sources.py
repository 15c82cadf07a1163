"""Orders of a path as a Spark frame: files that every node sees, read as foretell reads them."""

import codecs
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import polars as pl

from foretell.errors import ConfigError, DataError, Violation
from foretell.tables.database_access import is_database
from foretell.tables.source import Source

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_TEXT = (".csv", ".tsv", ".txt")
_ENCODINGS = {"utf-8": "UTF-8", "iso8859-1": "ISO-8859-1", "ascii": "US-ASCII"}
_OF_FILES = ("delimiter", "encoding", "query", "table", "attributes")
_PARQUET = "Remedy: write the orders to Parquet files, or train with the engine 'frame'."


def source_on_spark(
    spark: "SparkSession", path: str, arguments: Mapping[str, Any], *, forget: pl.Series | None = None
) -> Source:
    """Open files of orders on a cluster.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession
        A classic session.
    path : str
        Text files with delimiters and a header line, told by the suffixes .csv, .tsv and .txt, or Parquet: a file, a
        pattern or a folder, named as Spark names it.
    arguments : mapping of str to object
        Of `foretell.read_orders`.
    forget : polars.Series or None
        Ids of people whose rows are dropped before anything is made of them.

    Returns
    -------
    Source
        Of a Spark frame.

    Raises
    ------
    DataError
        If nothing is there, or files cannot be read or hold different columns.
    ConfigError
        If Spark cannot read what the path names, or `forget` cannot be told apart there.
    """
    from pyspark.errors import PySparkException

    if is_database(path):
        raise ConfigError([f"A cluster does not read the orders of a database through foretell. {_PARQUET}"])
    try:
        frame = _text(spark, path, arguments) if _is_text(path) else spark.read.parquet(path)
    except PySparkException as error:
        # Its own text may quote what is in the files.
        absent = "PATH_NOT_FOUND" in (error.getCondition() or "")
        rule = "there is no such file" if absent else "the cluster cannot read it"
        remedy = "Check the path, which all nodes must see under this name, and that it holds CSV or Parquet files."
        raise DataError([Violation("orders", None, rule, 1, remedy=remedy)], source=path) from None
    if forget is not None and not forget.is_empty():
        frame = _without(spark, frame, str(arguments.get("customer_id", "customer_id")), forget)
    return Source(frame, **{name: value for name, value in arguments.items() if name not in _OF_FILES})


@contextmanager
def refusing_broken_rows(path: str) -> Iterator[None]:
    """Say in foretell's words, and without what is in it, that a row of a text file has another number of fields.

    Parameters
    ----------
    path : str
        As for `source_on_spark`.

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
        if "MALFORMED" not in str(error):
            raise
        rule, remedy = "a row has more or fewer fields than the header", "Check the delimiter, and quotes in the file."
        raise DataError([Violation("orders", None, rule, 1, remedy=remedy)], source=path) from None


def _is_text(path: str) -> bool:
    return path.lower().removesuffix(".gz").endswith(_TEXT)


def _text(spark: "SparkSession", path: str, arguments: Mapping[str, Any]) -> "DataFrame":
    encoding = codecs.lookup(arguments.get("encoding", "utf8")).name
    if encoding not in _ENCODINGS:
        remedy = "Remedy: save the orders as UTF-8 or Parquet, or train with the engine 'frame'."
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


def _without(spark: "SparkSession", frame: "DataFrame", column: str, ids: pl.Series) -> "DataFrame":
    """Drop the rows of people before anything else sees them."""
    from pyspark.sql import functions as f

    kinds = {field.name: field.dataType.typeName() for field in frame.schema.fields}
    if kinds.get(column) not in {"string", "char", "varchar", "byte", "short", "integer", "long"}:
        problem = "On a cluster people are forgotten by a column of ids that is text or whole numbers, as it stands."
        remedy = "Remedy: name such a column as customer_id, or train with the engine 'frame'."
        raise ConfigError([f"{problem} {remedy}"])
    # Blanks around an id do not matter, whichever blanks Unicode knows.
    bare = f.regexp_replace(frame[f"`{column}`"].cast("string"), r"(?U)^\s+|\s+$", "")
    listed = spark.createDataFrame([(text,) for text in ids.str.strip_chars().unique().sort()], "forgotten string")
    return frame.join(f.broadcast(listed), bare == f.col("forgotten"), "left_anti")
