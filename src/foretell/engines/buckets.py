"""Scoring bucket by bucket: what one bucket needs is in memory, finished buckets are on disk.

Only two things concern all customers together: ranks, which need three numbers of each, and the order of the rows.
Results are those of `engines.frame`, bit for bit.
"""

import logging
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path

import polars as pl

from foretell.bundles.files import StoredBundle
from foretell.engines.frame import EXPLAINED_CUSTOMERS, Scored, nobody_before
from foretell.engines.parts import PartFolder
from foretell.engines.stored_scores import StoredScores
from foretell.scoring.accounting import refund_only_rows
from foretell.scoring.forecast import forecast_bucket, forecast_total, forecast_weeks
from foretell.scoring.ranks import add_percentiles, highest_valued
from foretell.scoring.reasons import explain_bucket
from foretell.scoring.schema import REASONS, score_schema
from foretell.scoring.score import known_for_scoring, score_bucket
from foretell.scoring.table_changes import warn_of_table_changes
from foretell.tables.bucketed import BucketedData, bucket_numbers
from foretell.tables.dataset import CustomerData
from foretell.windows import Horizons, as_cutoff

ROWS_AT_ONCE = 262_144
"""Rows of one file of the sorted scores."""

_NOTHING_TOLD = pl.DataFrame(schema={"customer_id": pl.String, **dict.fromkeys(REASONS, pl.String)})
_logger = logging.getLogger("foretell")


def score_buckets(
    data: BucketedData,
    stored: StoredBundle,
    as_of: date | datetime | str,
    folder: Path,
    *,
    explained_customers: int = EXPLAINED_CUSTOMERS,
) -> Scored:
    """Score all customers of a shop, one bucket after the other.

    Parameters
    ----------
    data : BucketedData
        The shop's rows; those at or after `as_of` are not read.
    stored : StoredBundle
        The bundle with its version.
    as_of : date, datetime or str
        First instant that is not seen.
    folder : Path
        Where finished buckets are kept. Those that it holds already are taken as they are: they must be of the same
        rows, bundle, `as_of` and number of customers explained.
    explained_customers : int
        How many customers get reasons, highest value first, >= 0.

    Returns
    -------
    Scored
        Scores that lie in `folder`, and the weekly forecast.

    Raises
    ------
    WindowError
        If nobody bought before `as_of`, or it lies outside what the data and the bundle allow.
    OSError
        If the folder cannot be written to.
    """
    cutoff, bundle = as_cutoff(as_of), stored.bundle
    warn_of_table_changes(data.shop, bundle)
    parts = part_folders(folder)
    for number in range(data.buckets):
        if not parts["scored"].has(number):
            _logger.debug("score bucket %d of %d", number + 1, data.buckets)
            score_part(data.bucket(number), stored, cutoff, parts, number)
    values = _ranked(parts["scored"], bundle.horizons)
    if values.is_empty():
        raise nobody_before(cutoff, data.shop.first_order_at())
    chosen = highest_valued(values, bundle.horizons, explained_customers).to_frame()
    chosen = chosen.with_columns(bucket=bucket_numbers(pl.col("customer_id"), data.buckets))
    for number in range(data.buckets):
        if not parts["reasons"].has(number):
            ids = chosen.filter(pl.col("bucket") == number)["customer_id"]
            told = explain_bucket(data.bucket(number), bundle, ids, cutoff) if ids.len() else _NOTHING_TOLD
            parts["reasons"].write(number, told)
    ranks = values.select("customer_id", "clv_percentile", "churn_percentile").sort("customer_id")
    del values, chosen
    for number, lines in enumerate(_in_order(parts["scored"], parts["reasons"], ranks, bundle.horizons)):
        parts["sorted"].write(number, lines)
    weeks = pl.concat(parts["forecast"].read())
    level = None if bundle.refinement is None else bundle.refinement.level
    return Scored(
        StoredScores.of(parts["sorted"].files()),
        forecast_weeks(weeks, level, cutoff),
        forecast_total(weeks, level, cutoff),
        pl.concat(parts["refunds"].read()),
    )


def part_folders(folder: Path) -> dict[str, PartFolder]:
    """Return where the results of buckets are kept.

    Parameters
    ----------
    folder : Path
        As for `score_buckets`.

    Returns
    -------
    dict of str to PartFolder
        By what is in them.
    """
    return {name: PartFolder(folder / name) for name in ("forecast", "refunds", "scored", "reasons", "sorted")}


def score_part(
    rows: CustomerData, stored: StoredBundle, cutoff: datetime, parts: Mapping[str, PartFolder], number: int
) -> None:
    """Score one bucket, and keep what it gave; its scores are last, and say that it is finished.

    Parameters
    ----------
    rows : CustomerData
        Of the bucket.
    stored : StoredBundle
        The bundle with its version.
    cutoff : datetime
        First instant that is not seen.
    parts : mapping of str to PartFolder
        As from `part_folders`.
    number : int
        The bucket.

    Raises
    ------
    OSError
        If the folder cannot be written to.
    """
    known = known_for_scoring(rows, stored.bundle, cutoff)
    parts["forecast"].write(number, forecast_bucket(rows, stored.bundle, cutoff, summary=known.summary))
    parts["refunds"].write(number, refund_only_rows(rows, cutoff))
    parts["scored"].write(number, score_bucket(rows, stored, cutoff, known=known))


def _ranked(scored: PartFolder, horizons: Horizons) -> pl.DataFrame:
    """The three numbers of each customer that ranks need, with the ranks, in the order of the buckets."""
    numbers = (
        f"predicted_clv_{horizons.clv_days}d",
        f"predicted_orders_{horizons.clv_days}d",
        f"churn_risk_{horizons.churn_days}d",
    )
    values = scored.scan().select("customer_id", *numbers).collect()
    return add_percentiles(values, horizons).cast({"clv_percentile": pl.Int8, "churn_percentile": pl.Int8})


def _in_order(
    scored: PartFolder, reasons: PartFolder, ranks: pl.DataFrame, horizons: Horizons
) -> Iterator[pl.DataFrame]:
    """The rows of all buckets in the order of the customers, some at a time.

    Every bucket is sorted, so that of each only the row groups in reach are read.
    """
    schema = score_schema(horizons)
    for mine in ranks.iter_slices(ROWS_AT_ONCE):
        first, last = (pl.lit(mine["customer_id"][place]) for place in (0, -1))
        within = pl.col("customer_id").is_between(first, last)
        rows = scored.scan().drop(REASONS, "clv_percentile", "churn_percentile").filter(within).collect()
        told = reasons.scan().filter(within).collect()
        joined = (
            rows.sort("customer_id")
            .hstack(mine.select("clv_percentile", "churn_percentile"))
            .join(told, on="customer_id", how="left", maintain_order="left")
        )
        yield joined.select(pl.col(name).cast(dtype) for name, dtype in schema.items()).rechunk()
