"""What a user hands to Spark scoring, looked at before anything is run: a table of orders, and a model."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from foretell.bundles.files import StoredBundle, load_bundle
from foretell.engines.trained_model import TrainedModel
from foretell.errors import ConfigError, did_you_mean
from foretell.tables.optional_reading import TABLES, require_known
from foretell.tables.source import Source

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_WHOLE = ("byte", "short", "integer", "long")
_READABLE = frozenset(
    (
        "boolean",
        *_WHOLE,
        "float",
        "double",
        "decimal",
        "string",
        "char",
        "varchar",
        "date",
        "timestamp",
        "timestamp_ntz",
    )
)
_TEXT_TABLES_ONLY = ("delimiter", "encoding", "query", "table", "attributes")


def empty_frame(frame: "DataFrame") -> pl.DataFrame:
    """Return a frame of polars with the columns of a Spark frame, without rows.

    Parameters
    ----------
    frame : pyspark.sql.DataFrame
        Any.

    Returns
    -------
    polars.DataFrame
        Columns of types that Arrow has no place for are left out.
    """
    from pyspark.sql.pandas.types import to_arrow_schema
    from pyspark.sql.types import StructType

    simple = StructType([field for field in frame.schema.fields if field.dataType.typeName() in _READABLE])
    made = pl.from_arrow(to_arrow_schema(simple, timezone="UTC").empty_table())
    if not isinstance(made, pl.DataFrame):
        msg = "A table is a frame."
        raise TypeError(msg)
    return made


def quoted(name: str) -> str:
    """Return a column's name so that Spark reads it as a name, dots and all.

    Parameters
    ----------
    name : str
        The name.

    Returns
    -------
    str
    """
    return "`" + name.replace("`", "``") + "`"


def tables_given(
    tables: "DataFrame | Source | Mapping[str, DataFrame | Source]", *, time_zone: str | None = None
) -> "dict[str, tuple[DataFrame, dict[str, Any]]]":
    """Return the frame of each table and how it is read.

    Parameters
    ----------
    tables : pyspark.sql.DataFrame, Source or mapping of str to either
        As for `foretell.score_on_spark`.
    time_zone : str or None
        The shop's zone, for orders that name none.

    Returns
    -------
    dict of str to (pyspark.sql.DataFrame, dict)
        Rows, mapping and options by table, orders first.

    Raises
    ------
    ConfigError
        If there is no table of orders, one that is not known, or an option of text files.
    TypeError
        If a table is no Spark frame, or has an argument that it cannot have.
    """
    named = tables if isinstance(tables, Mapping) else {"orders": tables}
    known = ("orders", *TABLES)
    problems = [f"There is no table {name!r}.{did_you_mean(name, known)}" for name in named if name not in known]
    if "orders" not in named:
        problems.append("There is no table of orders. Remedy: give tables={'orders': frame, …}.")
    if problems:
        raise ConfigError([f"{problem} Known: {', '.join(known)}." for problem in problems])
    found = {name: _given(name, named[name]) for name in known if name in named}
    frame, arguments = found["orders"]
    return {**found, "orders": (frame, {"time_zone": time_zone} | arguments)}


def _given(name: str, table: "DataFrame | Source") -> "tuple[DataFrame, dict[str, Any]]":
    from pyspark.sql import DataFrame

    source = table if isinstance(table, Source) else Source(table)
    if not isinstance(source.source, DataFrame):
        msg = f"On Spark a table is a Spark frame, as from spark.read.parquet(…), not {type(source.source).__name__}."
        raise TypeError(msg)
    wrong = [option for option in source.arguments if option in _TEXT_TABLES_ONLY]
    if wrong:
        raise ConfigError(
            [
                f"{name}: {option} says how a source is read that Spark has read already. Leave it out."
                for option in wrong
            ]
        )
    if name != "orders":
        require_known(name, source.arguments)
    return source.source, source.arguments


def stored_bundle(bundle: TrainedModel | StoredBundle | str | Path) -> StoredBundle:
    """Return a model as a bundle with its version.

    Parameters
    ----------
    bundle : TrainedModel, StoredBundle, str or Path
        The model, or its folder.

    Returns
    -------
    StoredBundle

    Raises
    ------
    BundleError
        If the folder holds none, or a damaged one.
    """
    if isinstance(bundle, StoredBundle):
        return bundle
    if isinstance(bundle, TrainedModel):
        return StoredBundle(bundle.bundle, bundle.version)
    return load_bundle(Path(bundle))
