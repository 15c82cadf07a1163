"""What the driver sees to before customers are scored: the session, workers' libraries, the bundle's way to them."""

import atexit
import warnings
import zipfile
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import polars as pl

from foretell.bundles.files import FORMAT, StoredBundle, bundle_files
from foretell.engines.spark import tasks
from foretell.errors import ClusterMismatch, ConfigError
from foretell.storage.sealed_folder import version_of, write_sealed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pyspark.sql import DataFrame, SparkSession

_SPARK_TYPES: dict[Any, str] = {
    pl.String: "string",
    pl.Int64: "bigint",
    pl.Float64: "double",
    pl.Boolean: "boolean",
    pl.Date: "date",
    pl.Datetime: "timestamp_ntz",
}
_NO_PYSPARK = "Spark needs one more package. Remedy: pip install 'foretell[spark]'."
_SAME_DATE = (1980, 1, 1, 0, 0, 0)


def spark_schema(schema: "Mapping[str, pl.DataType]") -> str:
    """Return a schema as Spark writes it.

    Parameters
    ----------
    schema : mapping of str to polars.DataType
        Name to type; only the types that scores have.

    Returns
    -------
    str
        In the same order.
    """
    return ", ".join(f"`{name}` {spark_type(dtype)}" for name, dtype in schema.items())


def spark_type(dtype: pl.DataType) -> str:
    """Return what Spark calls a type, or the one of those that scores have that holds its values.

    Parameters
    ----------
    dtype : polars.DataType
        Of numbers, text, days, times, or yes and no.

    Returns
    -------
    str
    """
    if dtype.is_integer():
        return _SPARK_TYPES[pl.Int64]
    if dtype.is_float():
        return _SPARK_TYPES[pl.Float64]
    return _SPARK_TYPES.get(dtype.base_type(), _SPARK_TYPES[pl.String])


def polars_type(kind: str) -> pl.DataType:
    """Return the type that `spark_type` gave a name.

    Parameters
    ----------
    kind : str
        The name.

    Returns
    -------
    polars.DataType
    """
    found = next(dtype for dtype, name in _SPARK_TYPES.items() if name == kind)
    return pl.Datetime("us") if found == pl.Datetime else found()


def required_classic(spark: "SparkSession") -> None:
    """Refuse a session that cannot carry a bundle.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession
        The session.

    Raises
    ------
    ConfigError
        If it is one of Spark Connect.
    """
    try:
        from pyspark.errors import PySparkException
    except ModuleNotFoundError:
        raise ConfigError([_NO_PYSPARK]) from None
    try:
        found = spark.sparkContext
    except (PySparkException, AttributeError):
        found = None
    if found is None:
        problem = "A Spark Connect session cannot carry a model to the workers."
        raise ConfigError([f"{problem} Remedy: a classic session, as spark-submit and master= give."])


def current_session() -> "SparkSession":
    """Return the session that runs here, or begin one.

    Returns
    -------
    pyspark.sql.SparkSession
        Set up as Spark's own files and ``spark-submit`` say; without them, on the processors of this machine.

    Raises
    ------
    ConfigError
        If pyspark or Java is not there, or the cluster cannot be reached.
    """
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", message="PySpark does not yet fully support pandas", category=FutureWarning
            )
            from pyspark.errors import PySparkException
            from pyspark.sql import SparkSession
    except ModuleNotFoundError:
        raise ConfigError([_NO_PYSPARK]) from None
    try:
        return SparkSession.builder.appName("foretell").config("spark.ui.showConsoleProgress", "false").getOrCreate()
    except (PySparkException, OSError) as error:
        problem = f"Spark does not start ({type(error).__name__})."
        raise ConfigError(
            [f"{problem} Remedy: Java 17 or newer (JAVA_HOME), and spark.master as the cluster has it."]
        ) from error


def map_in_arrow(frame: "DataFrame", task: "Callable[..., Any]", schema: str) -> "DataFrame":
    """Send the record batches of each partition through a task.

    Parameters
    ----------
    frame : pyspark.sql.DataFrame
        Whose rows.
    task : callable
        Of `foretell.engines.spark.tasks`.
    schema : str
        What it yields, in the same order.

    Returns
    -------
    pyspark.sql.DataFrame
        Lazy.
    """
    with warnings.catch_warnings():
        # It warns of pandas whenever a function of batches is made; no pandas is on this path.
        warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas", category=FutureWarning)
        return frame.mapInArrow(task, schema)


def require_same_libraries(spark: "SparkSession") -> dict[str, str]:
    """Compare the workers' libraries with the driver's.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession
        The session.

    Returns
    -------
    dict of str to str
        Version by library, the same everywhere that was looked.

    Raises
    ------
    ClusterMismatch
        If a worker has other versions, or cannot import foretell.
    """
    from pyspark.errors import PySparkException

    here = tasks.versions_here()
    asked = spark.sparkContext.defaultParallelism
    everywhere = spark.range(0, asked, 1, asked)
    told = map_in_arrow(everywhere, tasks.say_versions, "library string, version string").distinct()
    try:
        found = told.toArrow().to_pylist()
    except PySparkException as error:
        if "ModuleNotFoundError" not in str(error) and "PackageNotFoundError" not in str(error):
            raise
        msg = (
            "A worker cannot import foretell or a library that it needs. Remedy: install foretell[spark] on every "
            "node, or ship an environment (spark.archives) and name its Python in PYSPARK_PYTHON."
        )
        raise ClusterMismatch(msg) from error
    other = {row["library"]: row["version"] for row in found if here.get(row["library"]) != row["version"]}
    if other:
        raise ClusterMismatch.between(here, {**here, **other})
    return here


def send_bundle(spark: "SparkSession", stored: StoredBundle) -> dict[str, Any]:
    """Hand a bundle to every worker as one file, which each checks byte by byte before it reads it.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession
        The session.
    stored : StoredBundle
        The bundle with the version that its rows are to carry.

    Returns
    -------
    dict
        What a task needs to know of it: ``archive``, the name of the file on the workers, ``content``, the version of
        what is in it, ``version``, ``edges`` of the churn bands.
    """
    files = bundle_files(stored.bundle)
    content = version_of(files)
    archive = _outbox() / f"foretell-bundle-{content}.zip"
    if not archive.exists():
        with TemporaryDirectory(prefix="foretell-") as made:
            write_sealed(Path(made) / "bundle", files, {"format": FORMAT})
            with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
                for file in sorted((Path(made) / "bundle").iterdir()):
                    # The same bytes whenever it is packed: Spark refuses another file of a name that it knows.
                    packed.writestr(zipfile.ZipInfo(file.name, _SAME_DATE), file.read_bytes(), zipfile.ZIP_DEFLATED)
    spark.sparkContext.addFile(str(archive))
    return {
        "archive": archive.name,
        "content": content,
        "version": stored.version,
        "edges": stored.bundle.churn_band_edges,
    }


@cache
def _outbox() -> Path:
    """A folder that lasts as long as the driver: workers that join late fetch from it."""
    made = TemporaryDirectory(prefix="foretell-spark-")
    atexit.register(made.cleanup)
    return Path(made.name)
