"""One bucket of customers inside a Spark task: their packed rows in, their scores out."""

import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from foretell.bundles.files import StoredBundle, load_bundle
from foretell.engines.spark.bucket_shop import bucket_shop
from foretell.engines.spark.calls import Call
from foretell.engines.spark.rows import sent
from foretell.engines.spark.session import polars_type
from foretell.errors import BundleError
from foretell.models.optimise import one_algebra_thread
from foretell.scoring.accounting import refund_only_rows
from foretell.scoring.activity import activity_bucket
from foretell.scoring.forecast import forecast_bucket
from foretell.scoring.ranks import RANKED_DIGITS
from foretell.scoring.reasons import explain_bucket
from foretell.scoring.schema import REASONS, score_schema
from foretell.scoring.score import known_for_scoring, score_bucket
from foretell.windows import Horizons, as_cutoff

if TYPE_CHECKING:
    import pyarrow as pa

RANK_KEYS = ("clv_key", "orders_key", "churn_key")
"""Whole numbers in the order of the predicted value, the predicted purchases and the churn risk."""
FACTS = "bucket_facts"
"""Column that only one row of each bucket fills, which is of no customer."""

_UNPACKED_AT_MOST = 1_000_000_000


def bucket_schema(horizons: Horizons, described: Mapping[str, pl.DataType] | None = None) -> dict[str, pl.DataType]:
    """Return the columns of a scored bucket.

    Parameters
    ----------
    horizons : Horizons
        The numbers in the names.
    described : mapping of str to polars.DataType
        What else is computed of every customer.

    Returns
    -------
    dict of str to polars.DataType
        Those of scores, what else is computed, `RANK_KEYS`, `FACTS`.
    """
    keys = dict.fromkeys(RANK_KEYS, pl.Int64())
    return {**score_schema(horizons), **(described or {}), **keys, FACTS: pl.String()}


def scored_bucket(batches: "Iterator[pa.RecordBatch]", job: Mapping[str, Any]) -> "Iterator[pa.RecordBatch]":
    """Score the customers of one bucket.

    Parameters
    ----------
    batches : iterator of pyarrow.RecordBatch
        Packed rows.
    job : mapping
        ``archive``, ``content`` and ``version`` of the bundle, ``edges`` of churn bands, ``as_of``, and what
        `foretell.engines.spark.bucket_shop.bucket_shop` needs; ``described``, None or what else is computed, pairs
        of name and type, and the parts of the `foretell.engines.spark.calls.Call` that does.

    Yields
    ------
    pyarrow.RecordBatch
        Columns of `bucket_schema`, exactly: Spark matches columns by place and not by name.
    """
    shop = bucket_shop(batches, job)
    told = shop.plain()
    stored, cutoff, data = bundle_of(job), as_cutoff(job["as_of"]), shop.data
    horizons = stored.bundle.horizons
    described = {name: polars_type(kind) for name, kind in (job["described"] or {"columns": ()})["columns"]}
    schema = bucket_schema(horizons, described)
    if not shop.ordered:
        yield from _told(told, schema)
        return
    with one_algebra_thread():
        known = known_for_scoring(data, stored.bundle, cutoff)
        scores = score_bucket(data, stored, cutoff, known=known)
        weeks = forecast_bucket(data, stored.bundle, cutoff, summary=known.summary)
        if described:
            call = Call(*job["described"]["call"])
            beside = call.found()(data, cutoff, stored.bundle.statistics, call.given)
            scores = scores.join(beside, on="customer_id", how="left", maintain_order="left")
    clv, orders = f"predicted_clv_{horizons.clv_days}d", f"predicted_orders_{horizons.clv_days}d"
    ranked = (clv, orders, f"churn_risk_{horizons.churn_days}d")
    keyed = scores.with_columns(rank_key(scores[name]).alias(key) for name, key in zip(ranked, RANK_KEYS, strict=True))
    told |= {
        "refunds_only": refund_only_rows(data, cutoff).height,
        "activity": vars(activity_bucket(data, cutoff, active_days=horizons.churn_days)),
        "weeks": weeks.to_dict(as_series=False),
    }
    yield from _sent(keyed.with_columns(pl.lit(None, pl.String).alias(FACTS)), schema)
    yield from _told(told, schema)


def explained_bucket(batches: "Iterator[pa.RecordBatch]", job: Mapping[str, Any]) -> "Iterator[pa.RecordBatch]":
    """Tell the reasons of some customers of one bucket.

    Parameters
    ----------
    batches : iterator of pyarrow.RecordBatch
        Packed rows.
    job : mapping
        As for `scored_bucket`, and ``chosen``, a broadcast list of customer ids.

    Yields
    ------
    pyarrow.RecordBatch
        ``customer_id`` and the reasons.
    """
    data = bucket_shop(batches, job).data
    here = data.orders.select(pl.col("customer_id").unique()).collect()["customer_id"]
    mine = here.filter(here.is_in(pl.Series(job["chosen"].value, dtype=pl.String).implode())).sort()
    if mine.is_empty():
        return
    with one_algebra_thread():
        told = explain_bucket(data, bundle_of(job).bundle, mine, as_cutoff(job["as_of"]))
    yield from _sent(told, {name: pl.String() for name in ("customer_id", *REASONS)})


def rank_key(values: pl.Series) -> pl.Series:
    """Return whole numbers in the order of real ones.

    Parameters
    ----------
    values : polars.Series
        Float64.

    Returns
    -------
    polars.Series
        Int64: equal exactly where ranks take the values for equal; null where they are.

    Notes
    -----
    The bits of positive floats in IEEE 754 are in the order of the numbers; negative ones are turned round.
    """
    rounded = values.cast(pl.Float64).round(RANKED_DIGITS).fill_null(0.0).to_numpy() + 0.0
    bits = rounded.view(np.int64)
    keys = np.where(bits < 0, -(bits & np.iinfo(np.int64).max), bits)
    return pl.Series(keys).set(values.is_null(), None)


def _told(facts: Mapping[str, Any], schema: Mapping[str, pl.DataType]) -> "Iterator[pa.RecordBatch]":
    nobody = pl.DataFrame({FACTS: [json.dumps(facts)]})
    others = [pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name != FACTS]
    return _sent(nobody.with_columns(others), schema)


def _sent(rows: pl.DataFrame, schema: Mapping[str, pl.DataType]) -> "Iterator[pa.RecordBatch]":
    return sent(rows.select(pl.col(name).cast(dtype) for name, dtype in schema.items()))


def bundle_of(job: Mapping[str, Any]) -> StoredBundle:
    """Return the bundle that the driver sent, inside a task.

    Parameters
    ----------
    job : mapping
        ``archive``, ``content``, ``version``, ``edges``.

    Returns
    -------
    StoredBundle
        Checked byte by byte, and read once in the life of a worker.

    Raises
    ------
    BundleError
        If it is damaged, or another one.
    """
    from pyspark import SparkFiles

    bundle = _unpacked_bundle(SparkFiles.get(job["archive"]), job["content"]).bundle
    return StoredBundle(replace(bundle, churn_band_edges=tuple(job["edges"])), job["version"])


@lru_cache(maxsize=2)
def _unpacked_bundle(archive: str, content: str) -> StoredBundle:
    """Load a bundle once in the life of a worker, after checking every byte of it."""
    with TemporaryDirectory(prefix="foretell-") as folder, zipfile.ZipFile(archive) as packed:
        entries = packed.infolist()
        if sum(entry.file_size for entry in entries) > _UNPACKED_AT_MOST:
            msg = "The bundle that arrived at a worker is too large. Remedy: train again."
            raise BundleError(msg)
        for entry in entries:
            # A name without any folder cannot leave this one.
            (Path(folder) / Path(entry.filename).name).write_bytes(packed.read(entry))
        stored = load_bundle(Path(folder))
    if stored.version != content:
        msg = f"A worker received bundle {stored.version}, not {content}. Nothing of it was used. Remedy: run again."
        raise BundleError(msg)
    return stored
