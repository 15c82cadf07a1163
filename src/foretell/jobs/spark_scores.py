"""Scores and segments of a shop on a cluster, written to any path that Spark can write."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from foretell.bundles.files import StoredBundle
from foretell.delivery.availability import allowed, standing_in, wanted_columns
from foretell.delivery.cluster_segments import ClusterRun, audiences_of, require_possible
from foretell.delivery.ready_segments import shop_segments
from foretell.delivery.rule_columns import PERCENTILE, rule_columns
from foretell.delivery.run import Counts, Run
from foretell.delivery.segment_toml import read_folder
from foretell.delivery.segments import Segment
from foretell.delivery.selection import select_all
from foretell.engines.spark.audiences import Audiences, Described
from foretell.engines.spark.calls import Call
from foretell.engines.spark.write import WrittenScores, write_scores
from foretell.engines.trained_model import TrainedModel
from foretell.errors import ConfigError
from foretell.features.statistics import Statistics
from foretell.jobs.bundle_facts import model_facts
from foretell.jobs.segment_inputs import (
    described_customers,
    families_of,
    feature_columns,
    segments_digest,
)
from foretell.scoring.schema import score_columns
from foretell.storage.hashing import sha256_json
from foretell.tables.dataset import CustomerData
from foretell.tables.order_attributes import attribute_columns
from foretell.tables.schema import Column
from foretell.windows import as_cutoff

_NO_LIKENESS = "It reads a ranking by likeness, which a cluster does not look for; foretell score does."


def write_scores_on_spark(
    spark: Any,
    tables: Any,
    bundle: TrainedModel | StoredBundle | str | Path,
    as_of: date | datetime | str,
    path: str,
    *,
    time_zone: str | None = None,
    buckets: int | None = None,
    explained_customers: int = 0,
    segments: str | Path | None = None,
    ready: Sequence[str] = (),
    holdout: float = 0.0,
    segments_key: str = "",
    currency: str | None = None,
) -> WrittenScores:
    """Score on a cluster, and write scores and segments to a folder of any file system that Spark knows.

    Scores go to ``<path>/scores/<run>/*.parquet``, each segment to ``<path>/segments/<run>/<name>/*.parquet`` and those
    held out of it to ``…/<name>_holdout``, in its order, with the columns of the nightly job's file.
    ``<path>/manifest.json``, written last and at once, says which run counts. A killed run leaves what was there, and
    the next one removes its remains. Rows, model, date and options that gave what is there are not written again.

    Parameters
    ----------
    spark, tables, bundle, as_of, time_zone, buckets, explained_customers
        As for `foretell.score_on_spark`.
    path : str
        Folder, as in ``s3a://bucket/scores`` or ``hdfs:///shop/scores``. One run at a time: nothing locks it.
    segments : str, Path or None
        Folder of this machine with the shop's own definitions, ``*.toml``, as ``segments.folder`` of the nightly job.
    ready : sequence of str
        Names of ready segments that are wanted too.
    holdout : float
        Share held out of every segment that does not name its own.
    segments_key : str
        The shop's own text for who is held out, as ``segments.key``.
    currency : str or None
        Code or sign to print with money.

    Returns
    -------
    WrittenScores

    Raises
    ------
    OutputError
        If the folder cannot be written to, or a file in it is no manifest.
    ConfigError
        If a definition is wrong, or one that a cluster cannot make: samples, people without an order.
    DataError, WindowError, TypeError, ClusterMismatch
        As from `foretell.score_on_spark`.
    """
    maker = None
    if segments is not None or ready:
        own, problems = read_folder(Path(segments)) if segments is not None else ((), [])
        if segments is not None and not Path(segments).is_dir():
            problems = [f"There is no folder of segments {segments}."]
        found, more = shop_segments(own, ready=tuple(ready), holdout=holdout)
        if problems or more:
            raise ConfigError([*problems, *more])
        require_possible(found)
        maker = SegmentMaker(found, segments_key, currency, as_cutoff(as_of))
    return write_scores(
        spark,
        tables,
        bundle,
        as_of,
        path,
        time_zone=time_zone,
        buckets=buckets,
        explained_customers=explained_customers,
        maker=maker,
    )


@dataclass(frozen=True)
class SegmentMaker:
    """Settles segments for a cluster: what they need of customers, and their rules, orders and files.

    Parameters
    ----------
    segments : tuple of Segment
        Definitions.
    key : str
        The shop's own text for random assignments.
    currency : str or None
        To print with money.
    as_of : datetime
        First instant that is not seen.
    """

    segments: tuple[Segment, ...]
    key: str
    currency: str | None
    as_of: datetime

    @property
    def digest(self) -> str:
        """Digits that tell definitions apart."""
        return sha256_json([segments_digest(self.segments), self.key, self.currency])

    def described(self, nobody: CustomerData, stored: StoredBundle) -> Described | None:
        """Say what rules need beside scores.

        Parameters
        ----------
        nobody : CustomerData
            The shop without rows.
        stored : StoredBundle
            The bundle with its version.

        Returns
        -------
        Described or None

        Raises
        ------
        ConfigError
            If a definition is wrong, all problems at once; or if features need figures of the whole shop that the
            bundle lacks.
        """
        self.audiences(
            nobody, stored, has_money=nobody.has_amount
        )  # a mistake in a segment is said before anything slow
        columns = self._columns(nobody, stored)
        if not columns:
            return None
        names = {column.name for column in columns}
        attributes = {column.name for column in attribute_columns(nobody)} & names
        computed = [column.name for column in columns if column.name not in attributes]
        families = families_of(nobody, computed)
        if families and stored.bundle.statistics is None:
            problem = (
                f"Segments read features of {', '.join(sorted(families))}, and the model was trained without them."
            )
            raise ConfigError([f"{problem} Remedy: train with the same tables, or foretell score."])
        given = json.dumps({"computed": computed, "attributes": sorted(attributes), "families": sorted(families)})
        call = Call(__name__, describe_bucket.__name__, given)
        return Described({column.name: column.dtype for column in columns}, call)

    def audiences(self, nobody: CustomerData, stored: StoredBundle, *, has_money: bool) -> Audiences:
        """Settle rules, orders and files.

        Parameters
        ----------
        nobody : CustomerData
            The shop without rows.
        stored : StoredBundle
            The bundle with its version.
        has_money : bool
            Whether anything is said of money.

        Returns
        -------
        Audiences

        Raises
        ------
        ConfigError
            If a definition is wrong; all problems at once.
        """
        horizons, features = stored.bundle.horizons, self._columns(nobody, stored)
        schema = {column.name: column.dtype for column in score_columns(horizons)}
        run = _RunOfNobody(
            shop="",
            as_of=self.as_of,
            horizons=horizons,
            currency=self.currency,
            scores=pl.DataFrame(schema=schema),
            columns=score_columns(horizons),
            forecast=pl.DataFrame(),
            model=model_facts(stored),
            counts=Counts(0, 0, 0, 0),
            features=pl.DataFrame(schema={"customer_id": pl.String, **{one.name: one.dtype for one in features}}),
            feature_columns=features,
            no_lookalikes=_NO_LIKENESS,
            money=has_money,
        )
        on, off = allowed(run, self.segments)
        selections = select_all(run, on, key=self.key)
        told = ClusterRun(self.as_of, horizons, has_money, self.currency, self.key, features)
        return audiences_of(told, selections, {one.segment.name: one.reason for one in off})

    def _columns(self, nobody: CustomerData, stored: StoredBundle) -> tuple[Column, ...]:
        """Features that segments name."""
        scores, there = score_columns(stored.bundle.horizons), feature_columns(nobody)
        segments = standing_in(self.segments, rule_columns(scores, there))
        wanted = {name.removesuffix(PERCENTILE) for name in wanted_columns(segments)} - set(rule_columns(scores))
        return tuple(column for column in there if column.name in wanted)


def describe_bucket(data: CustomerData, as_of: datetime, statistics: Statistics | None, given: str) -> pl.DataFrame:
    """Compute what segments need beside scores, of the customers of one bucket.

    Parameters
    ----------
    data : CustomerData
        All rows of these customers.
    as_of : datetime
        First instant that is not seen.
    statistics : Statistics or None
        The bundle's figures of the whole shop.
    given : str
        JSON: ``computed``, ``attributes``, ``families``.

    Returns
    -------
    polars.DataFrame
        ``customer_id`` and the columns.
    """
    told = json.loads(given)
    return described_customers(
        data, as_of, told["computed"], told["attributes"], statistics=statistics, families=told["families"]
    )


@dataclass(frozen=True)
class _RunOfNobody(Run):
    """A run without rows, of which it is known whether there is money."""

    money: bool = False

    @property
    def has_money(self) -> bool:
        """Whether the shop's orders carried amounts."""
        return self.money
