"""Scoring in one piece, in memory: scores, then ranks, then reasons for the highest ranked."""

from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from foretell.bundles.files import StoredBundle
from foretell.errors import WindowError
from foretell.scoring.forecast import forecast_bucket, forecast_total, forecast_weeks
from foretell.scoring.ranks import add_percentiles
from foretell.scoring.reasons import explain_bucket
from foretell.scoring.schema import REASONS, score_schema
from foretell.scoring.score import score_bucket
from foretell.tables.dataset import CustomerData
from foretell.windows import as_cutoff

EXPLAINED_CUSTOMERS = 200_000
"""So many customers get reasons in one run unless asked otherwise: exact explanations cost time."""


@dataclass(frozen=True)
class Scored:
    """The result of one scoring run.

    Parameters
    ----------
    scores : polars.DataFrame
        One row per customer, columns of `scoring.schema.score_columns`, sorted by ``customer_id``.
    forecast : polars.DataFrame
        Expected purchases and spend by week, as from `scoring.forecast.forecast_weeks`.
    total : polars.DataFrame
        The same for the whole value horizon, as from `scoring.forecast.forecast_total`.
    """

    scores: pl.DataFrame
    forecast: pl.DataFrame
    total: pl.DataFrame


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
    scores = score_bucket(data, stored, cutoff)
    if scores.is_empty():
        first = data.first_order_at()
        raise WindowError(
            f"Nobody bought before as_of {cutoff}" + (f"; the first order is at {first}" if first else "")
            + ". Remedy: a later as_of, or check the source and its mapping."
        )  # fmt: skip
    bundle = stored.bundle
    scores = add_percentiles(scores, bundle.horizons)
    value = f"predicted_clv_{bundle.horizons.clv_days}d"
    orders = f"predicted_orders_{bundle.horizons.clv_days}d"
    chosen = scores.sort(value, orders, "customer_id", descending=[True, True, False], nulls_last=True)
    reasons = explain_bucket(data, bundle, chosen["customer_id"].head(explained_customers), cutoff)
    scores = (
        scores.drop(REASONS)
        .join(reasons, on="customer_id", how="left", maintain_order="left")
        .select(list(score_schema(bundle.horizons)))
    )
    weeks = forecast_bucket(data, bundle, cutoff)
    level = None if bundle.refinement is None else bundle.refinement.level
    return Scored(scores, forecast_weeks(weeks, level, cutoff), forecast_total(weeks, level, cutoff))
