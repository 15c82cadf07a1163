"""Scores written by a cluster to any path that Spark can write, committed by one small file that comes last."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foretell.bundles.files import StoredBundle
from foretell.engines.spark.audiences import AudienceMaker, Audiences, files_of, flagged_rows, sizes_of
from foretell.engines.spark.given import stored_bundle
from foretell.engines.spark.score import scored_on_spark
from foretell.engines.spark.scored import SparkScored
from foretell.engines.spark.session import required_classic
from foretell.engines.trained_model import TrainedModel
from foretell.errors import OutputError
from foretell.storage.hashing import canonical_json, sha256_json
from foretell.tables.source import Source

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

MANIFEST = "manifest.json"
_SCORES = "scores"
_SEGMENTS = "segments"
_ASIDE = "_customers"
_RUN_DIGITS = 16


@dataclass(frozen=True)
class WrittenScores:
    """What lies in a folder of scores.

    Parameters
    ----------
    path : str
        Where the rows are, for ``spark.read.parquet``.
    manifest : mapping
        Counts, versions, files with their sizes, weekly forecast.
    changed : bool
        False where the same result was there already.
    """

    path: str
    manifest: Mapping[str, Any]
    changed: bool


def write_scores(
    spark: "SparkSession",
    tables: "DataFrame | Source | Mapping[str, DataFrame | Source]",
    bundle: TrainedModel | StoredBundle | str | Path,
    as_of: date | datetime | str,
    path: str,
    *,
    time_zone: str | None = None,
    buckets: int | None = None,
    explained_customers: int = 0,
    maker: AudienceMaker | None = None,
) -> WrittenScores:
    """Score on a cluster, and write the result to a folder of any file system that Spark knows.

    The rows go to ``<path>/scores/<run>/*.parquet``; ``<path>/manifest.json``, written last and at once, says which run
    counts. A killed run leaves what was there before, and the next one removes its remains. Rows, model, date and
    options that gave what is there already are not written again.

    Parameters
    ----------
    spark, tables, bundle, as_of, time_zone, buckets, explained_customers
        As for `score_on_spark`.
    path : str
        Folder, as in ``s3a://bucket/scores`` or ``hdfs:///shop/scores``. One run at a time: nothing locks it.
    maker : AudienceMaker or None
        Whose audiences are written beside the scores.

    Returns
    -------
    WrittenScores

    Raises
    ------
    OutputError
        If the folder cannot be written to, or a file in it is no manifest.
    DataError, WindowError, TypeError, ClusterMismatch, ConfigError
        As from `score_on_spark`.
    """
    required_classic(spark)
    with _writing_to(path):
        folder = _Folder(spark, path)
        before = folder.manifest()
    stored = stored_bundle(bundle)
    scored = scored_on_spark(
        spark,
        tables,
        stored,
        as_of,
        time_zone=time_zone,
        buckets=buckets,
        explained_customers=explained_customers,
        maker=maker,
    )
    asked = {
        "as_of": scored.as_of.isoformat(),
        "content": scored.content,
        "explained_customers": explained_customers,
        "model_version": scored.version,
        "rows": scored.counts(),
        **({} if maker is None else {"definitions": maker.digest}),
    }
    run = sha256_json(asked)[:_RUN_DIGITS]
    try:
        if before is not None and before.get("run") == run:
            with _writing_to(path):
                folder.tidy(run)
            return WrittenScores(folder.at(f"{_SCORES}/{run}"), before, changed=False)
        audiences = None
        if maker is not None:
            audiences = maker.audiences(scored.plan.nobody(), stored, has_money=scored.has_money)
        with _writing_to(path):
            return _written(spark, scored, folder, {**asked, "run": run}, audiences)
    finally:
        scored.release()


@contextmanager
def _writing_to(path: str) -> Iterator[None]:
    """Say in one sentence what Java says in a hundred lines."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError) as error:
        said = str(getattr(error, "java_exception", error)).splitlines()[0][:200]
        msg = (
            f"{path} cannot be read or written: {said}. What was there stays. Remedy: look at the path and its rights."
        )
        raise OutputError(msg) from error


def _written(
    spark: "SparkSession", scored: SparkScored, folder: "_Folder", asked: Mapping[str, Any], audiences: Audiences | None
) -> WrittenScores:
    run = asked["run"]
    place = f"{_SCORES}/{run}"
    scored.scores.write.mode("overwrite").parquet(folder.at(place))
    _require_all(spark, [folder.at(place)], scored.customers, "scores")
    segments = {} if audiences is None else _written_audiences(spark, scored, folder, f"{_SEGMENTS}/{run}", audiences)
    manifest = {
        **asked,
        "scores": place,
        "files": folder.sizes(place),
        "customers": scored.customers,
        "columns": scored.scores.columns,
        "left_out": dict(scored.reasons),
        "notes": [note.sentence for note in scored.notes],
        "tables": {account.table: account.counts() for account in scored.accounts},
        "activity": vars(scored.activity),
        "forecast": json.loads(scored.forecast.write_json()),
        "total": json.loads(scored.total.write_json()),
        **segments,
    }
    folder.commit(canonical_json(manifest))
    folder.tidy(run)
    return WrittenScores(folder.at(place), manifest, changed=True)


def _written_audiences(
    spark: "SparkSession", scored: SparkScored, folder: "_Folder", place: str, audiences: Audiences
) -> dict[str, Any]:
    """Write every audience to a folder of its own, and return what the manifest says of them."""
    if not audiences.members:
        return {"segments": [], "segments_off": dict(audiences.off)}

    def kept(rows: "DataFrame") -> "DataFrame":
        rows.write.mode("overwrite").parquet(folder.at(aside))
        _require_all(spark, [folder.at(aside)], scored.customers, "customers")
        return spark.read.schema(rows.schema).parquet(folder.at(aside))

    aside = f"{place}/{_ASIDE}"
    told, paths = [], []
    try:
        chosen = flagged_rows(
            scored.described, scored.plain, scored.types, audiences, versions=scored.versions, kept=kept
        )
        sizes = sizes_of(chosen, audiences.members)
        for one in audiences.members:
            parts = files_of(chosen, one, scored.versions)
            for name, rows in parts.items():
                paths.append(folder.at(f"{place}/{name}"))
                rows.write.mode("overwrite").parquet(paths[-1])
            customers, held_out = sizes[one.name]
            where = {"folder": f"{place}/{one.name}", "columns": list(one.columns)}
            told.append({"name": one.name, "customers": customers, "held_out": held_out, **where, **one.told})
        _require_all(spark, paths, sum(map(sum, sizes.values())), "rows of segments")
    except BaseException:
        # What went wrong is what is told; the next run removes the rest.
        with suppress(Exception):
            folder.remove(aside)
        raise
    folder.remove(aside)
    return {"segments": told, "segments_off": dict(audiences.off)}


def _require_all(spark: "SparkSession", paths: list[str], wanted: int, what: str) -> None:
    written = spark.read.schema("customer_id string").parquet(*paths).count()
    if written != wanted:
        found = f"{written:,} of {wanted:,} {what} were written"
        msg = f"{found}: {MANIFEST} stays as it was. Remedy: look for failed tasks, and run again."
        raise OutputError(msg)


class _Folder:
    """A folder of the file systems that Hadoop knows, which are those that Spark reads and writes."""

    def __init__(self, spark: "SparkSession", path: str) -> None:
        context = spark.sparkContext
        if context._jvm is None:  # noqa: SLF001 - the way to Hadoop's file systems that PySpark itself takes
            msg = "The session has no Java side. Remedy: a classic session."
            raise OutputError(msg)
        self._hadoop: Any = context._jvm.org.apache.hadoop.fs  # noqa: SLF001 - as above
        self._base = path.rstrip("/")
        self._files: Any = self._path("").getFileSystem(context._jsc.hadoopConfiguration())  # noqa: SLF001 - as above

    def at(self, name: str) -> str:
        return f"{self._base}/{name}" if name else self._base

    def manifest(self) -> dict[str, Any] | None:
        if not self._files.exists(self._path(MANIFEST)):
            return None
        stream = self._files.open(self._path(MANIFEST))
        try:
            found = json.loads(bytes(stream.readAllBytes()))
        except ValueError:
            found = None
        finally:
            stream.close()
        if not isinstance(found, dict) or "run" not in found:
            msg = f"{self.at(MANIFEST)} is no manifest of scores. Remedy: another folder, or remove that file."
            raise OutputError(msg)
        return found

    def commit(self, content: bytes) -> None:
        """Put the manifest in its place in one step: as one object, or under a name of its own until it is whole."""
        aside = self._path(f"{MANIFEST}.unfinished")
        stream = self._files.create(aside, True)
        stream.write(bytearray(content))
        stream.close()
        options = self._hadoop.Options.Rename
        context = self._hadoop.FileContext.getFileContext(self._files.getUri(), self._files.getConf())
        context.rename(aside, self._path(MANIFEST), self._array_of(options.OVERWRITE))

    def sizes(self, name: str) -> dict[str, int]:
        found = self._files.listStatus(self._path(name))
        named = {status.getPath().getName(): int(status.getLen()) for status in found}
        return {name: size for name, size in sorted(named.items()) if not name.startswith(("_", "."))}

    def remove(self, name: str) -> None:
        self._files.delete(self._path(name), True)
        if self._files.exists(self._path(name)):
            msg = f"{self.at(name)} cannot be removed. Remedy: look at the rights of the folder."
            raise OutputError(msg)

    def tidy(self, run: str) -> None:
        """Remove what is not of a run that counts, and what it needed on the way."""
        for name in (_SCORES, _SEGMENTS):
            self._keep_only(name, run)
        self.remove(f"{_SEGMENTS}/{run}/{_ASIDE}")

    def _keep_only(self, name: str, kept: str) -> None:
        if not self._files.exists(self._path(name)):
            return
        for status in self._files.listStatus(self._path(name)):
            if status.getPath().getName() != kept:
                self._files.delete(status.getPath(), True)

    def _path(self, name: str) -> Any:
        return self._hadoop.Path(self.at(name))

    def _array_of(self, option: Any) -> Any:
        from pyspark import SparkContext

        gateway: Any = SparkContext._gateway  # noqa: SLF001 - as above
        options = gateway.new_array(self._hadoop.Options.Rename, 1)
        options[0] = option
        return options
