"""A local Spark of two workers for the tests, and what they compare with."""

import os
import shutil
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

LACKING = None if shutil.which("java") or os.environ.get("JAVA_HOME") else "no Java is found (make java installs it)"


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """A session that retries failed tasks, as clusters do, and sends small batches, so that customers straddle them."""
    if LACKING:
        pytest.skip(LACKING)
    pytest.importorskip("pyspark", reason="the extra 'spark' is not installed")
    folder = tmp_path_factory.mktemp("spark")
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [str(Path(__file__).parents[2] / "src"), os.environ.get("PYTHONPATH", "")]
    )
    with warnings.catch_warnings():
        # Of pandas 3, which nothing here uses.
        warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas", category=FutureWarning)
        from pyspark.sql import SparkSession

        builder = SparkSession.builder.master("local[2,3]").appName("foretell tests")
        for name, value in {
            "spark.driver.memory": "1g",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.extraJavaOptions": f"-Dderby.system.home={folder} -XX:TieredStopAtLevel=1",
            "spark.local.dir": str(folder / "local"),
            "spark.sql.warehouse.dir": str(folder / "warehouse"),
            "spark.sql.execution.arrow.maxRecordsPerBatch": "97",
            "spark.sql.shuffle.partitions": "2",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
        }.items():
            builder = builder.config(name, value)
        session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()


def frame_of(session, rows: pl.DataFrame, folder: Path, *, files: int = 1):
    """Rows as a Spark frame that was read from Parquet files."""
    folder.mkdir()
    for number in range(files):
        rows.slice(number * -(-rows.height // files), -(-rows.height // files)).write_parquet(
            folder / f"{number}.parquet"
        )
    return session.read.parquet(str(folder))


def collected(scores) -> pl.DataFrame:
    """A Spark frame of scores in the order that foretell gives them."""
    return pl.DataFrame(scores.toArrow()).sort("customer_id")
