"""Scoring of prospects in one piece or in parts that fit into memory: chances, then ranks, then reasons."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime

import polars as pl

from foretell.bundles.files import StoredBundle
from foretell.engines.frame import EXPLAINED_CUSTOMERS
from foretell.scoring.prospect_schema import prospect_schema
from foretell.scoring.prospects import explain_prospects, prospect_model, rank_prospects, score_prospects_bucket
from foretell.scoring.schema import REASONS
from foretell.tables.dataset import CustomerData
from foretell.windows import as_cutoff

PEOPLE_AT_ONCE = 200_000
"""People whose features are held at once, those who ordered among them."""


def score_prospects_frame(
    data: CustomerData,
    stored: StoredBundle,
    as_of: date | datetime | str,
    *,
    explained_customers: int = EXPLAINED_CUSTOMERS,
    people_at_once: int = PEOPLE_AT_ONCE,
) -> pl.DataFrame:
    """Score everybody who is known and never ordered.

    Parameters
    ----------
    data : CustomerData
        The shop's rows; those at or after `as_of` are not read.
    stored : StoredBundle
        The bundle with its version.
    as_of : date, datetime or str
        First instant that is not seen.
    explained_customers : int
        How many people get reasons, highest expected value first, >= 0.
    people_at_once : int
        People whose features are held at once, > 0; the result is the same for any number.

    Returns
    -------
    polars.DataFrame
        One row per person, columns of `scoring.prospect_schema.prospect_columns`, sorted by ``customer_id``.

    Raises
    ------
    ModelNotFound
        If the bundle has no model of first orders.
    WindowError
        If `as_of` lies outside what the data and the bundle allow.
    """
    cutoff, days = as_cutoff(as_of), prospect_model(stored).days
    parts = [score_prospects_bucket(part, stored, cutoff) for part in _parts(data, people_at_once)]
    scores = rank_prospects(pl.concat(parts).sort("customer_id"), days)
    order = (f"p_first_order_{days}d", "customer_id")
    best = scores.sort("expected_first_year_value", *order, descending=[True, True, False], nulls_last=True)
    explained = best["customer_id"].head(explained_customers)
    asked = replace(data.of_customers(explained), observed_until_given=data.observed_until_given)
    reasons = pl.concat([explain_prospects(part, stored, explained, cutoff) for part in _parts(asked, people_at_once)])
    return (
        scores.drop(REASONS)
        .join(reasons, on="customer_id", how="left", maintain_order="left")
        .select(list(prospect_schema(days)))
    )


def _parts(data: CustomerData, people_at_once: int) -> Iterator[CustomerData]:
    tables = [table for table in (data.optional.customers, data.optional.events) if table is not None]
    ids = pl.Series("customer_id", [], dtype=pl.String)
    if tables:
        people = pl.concat([table.select("customer_id") for table in tables])
        ids = people.drop_nulls().unique().collect()["customer_id"].sort()
    if len(ids) <= people_at_once:
        yield data
        return
    for part in ids.to_frame().iter_slices(people_at_once):
        # The end of observation stays that of the shop: it may lie before as_of, and was not stated by anybody.
        yield replace(data.of_customers(part["customer_id"]), observed_until_given=data.observed_until_given)
