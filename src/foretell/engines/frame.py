"""Scoring in one piece, in memory: scores, then ranks, then reasons for the highest ranked."""

from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from foretell.bundles.files import StoredBundle
from foretell.engines.stored_scores import StoredScores
from foretell.errors import WindowError
from foretell.models.optimise import one_algebra_thread
from foretell.scoring.forecast import forecast_bucket, forecast_total, forecast_weeks
from foretell.scoring.known import Known
from foretell.scoring.ranks import add_percentiles, highest_valued
from foretell.scoring.reasons import explain_bucket
from foretell.scoring.schema import REASONS, score_schema
from foretell.scoring.score import known_for_scoring, score_bucket
from foretell.scoring.table_changes import warn_of_table_changes
from foretell.storage.memory import give_back
from foretell.tables.dataset import CustomerData
from foretell.windows import as_cutoff

EXPLAINED_CUSTOMERS = 200_000
"""So many customers get reasons in one run unless asked otherwise: exact explanations cost time."""


@dataclass(frozen=True)
class Scored:
    """The result of one scoring run.

    Parameters
    ----------
    scores : polars.DataFrame or StoredScores
        One row per customer, columns of `scoring.schema.score_columns`, sorted by ``customer_id``; on disk where they
        were made bucket by bucket.
    forecast : polars.DataFrame
        Expected purchases and spend by week, as from `scoring.forecast.forecast_weeks`.
    total : polars.DataFrame
        The same for the whole value horizon, as from `scoring.forecast.forecast_total`.
    refunds_only : polars.DataFrame or None
        As from `scoring.accounting.refund_only_rows`, where they were found on the way.
    """

    scores: pl.DataFrame | StoredScores
    forecast: pl.DataFrame
    total: pl.DataFrame
    refunds_only: pl.DataFrame | None = None


def score_frame(
    data: CustomerData,
    stored: StoredBundle,
    as_of: date | datetime | str,
    *,
    explained_customers: int = EXPLAINED_CUSTOMERS,
) -> Scored:
    """Score all customers of a shop in memory.

    Parameters
    ----------
    data : CustomerData
        The shop's rows; those at or after `as_of` are not read.
    stored : StoredBundle
        The bundle with its version.
    as_of : date, datetime or str
        First instant that is not seen.
    explained_customers : int
        How many customers get reasons, highest value first, >= 0.

    Returns
    -------
    Scored
        Scores and weekly forecast.

    Raises
    ------
    WindowError
        If nobody bought before `as_of`, or it lies outside what the data and the bundle allow.
    """
    cutoff = as_cutoff(as_of)
    bundle = stored.bundle
    known = known_for_scoring(data, bundle, cutoff)
    scores = _score(data, stored, known, explained_customers)
    weeks = forecast_bucket(data, bundle, cutoff, summary=known.summary)
    level = None if bundle.refinement is None else bundle.refinement.level
    return Scored(scores, forecast_weeks(weeks, level, cutoff), forecast_total(weeks, level, cutoff))


def scores_of_frame(
    data: CustomerData, stored: StoredBundle, as_of: date | datetime | str, *, explained_customers: int
) -> pl.DataFrame:
    """Score all customers of a shop in memory, without the forecast of their totals.

    Parameters
    ----------
    data, stored, as_of, explained_customers
        As for `score_frame`.

    Returns
    -------
    polars.DataFrame
        The scores of `score_frame`.

    Raises
    ------
    WindowError
        As from `score_frame`.
    """
    # Products of matrices differ in their last bits with the number of threads, which wait busily besides.
    with one_algebra_thread():
        give_back()
        scores = _score(data, stored, known_for_scoring(data, stored.bundle, as_cutoff(as_of)), explained_customers)
    give_back()
    return scores


def _score(data: CustomerData, stored: StoredBundle, known: Known, explained_customers: int) -> pl.DataFrame:
    bundle, cutoff = stored.bundle, known.as_of
    warn_of_table_changes(data, bundle)
    scores = score_bucket(data, stored, cutoff, known=known)
    # What was derived of the customers is as large as half of their scores.
    del known
    if scores.is_empty():
        raise nobody_before(cutoff, data.first_order_at())
    give_back()
    scores = add_percentiles(scores, bundle.horizons)
    if not explained_customers:
        return scores.select(pl.col(name).cast(dtype) for name, dtype in score_schema(bundle.horizons).items())
    chosen = highest_valued(scores, bundle.horizons, explained_customers)
    reasons = explain_bucket(data, bundle, chosen, cutoff)
    return (
        scores.drop(REASONS)
        .join(reasons, on="customer_id", how="left", maintain_order="left")
        .select(list(score_schema(bundle.horizons)))
    )


def nobody_before(cutoff: datetime, first: datetime | None) -> WindowError:
    """Return the error of a shop that nobody bought from before a cutoff.

    Parameters
    ----------
    cutoff : datetime
        First instant that is not seen.
    first : datetime or None
        Instant of the first order.

    Returns
    -------
    WindowError
        To be raised.
    """
    return WindowError(
        f"Nobody bought before as_of {cutoff}" + (f"; the first order is at {first}" if first else "")
        + ". Remedy: a later as_of, or check the source and its mapping."
    )  # fmt: skip
