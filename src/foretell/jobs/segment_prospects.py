"""People without an order as segments read them: what is known of them, and what is foretold."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import polars as pl

from foretell.delivery.prospects import prospect_rule_columns
from foretell.delivery.run import Run
from foretell.features.prospects import known_prospects, undated_prospects
from foretell.features.statistics import Statistics
from foretell.tables.dataset import CustomerData

PROSPECT_TABLES = ("customers", "events")
"""Tables that tell of people who never ordered."""

_STATE = ("funnel_state", "days_since_last_event")


def described_prospects(
    data: CustomerData, as_of: datetime, features: Sequence[str], statistics: Statistics | None
) -> pl.DataFrame:
    """Return who is known and never ordered, with what rules name of them.

    Parameters
    ----------
    data : CustomerData
        The shop's rows, or a bucket of them.
    as_of : datetime
        First instant that is not seen.
    features : sequence of str
        Names of features; those of orders are left out.
    statistics : Statistics or None
        Figures of the whole shop; None leaves features out that need them.

    Returns
    -------
    polars.DataFrame
        ``customer_id``, ``funnel_state``, ``days_since_last_event``, features; members of whom no day is known have a
        state alone.
    """
    people = known_prospects(data, as_of, statistics)
    undated = undated_prospects(data, as_of).to_frame().with_columns(funnel_state=pl.lit("member"))
    told = people.select("customer_id", *_STATE, *(name for name in features if name in people.columns))
    return pl.concat([told, undated], how="diagonal")


def with_chances(run: Run, parts: Sequence[pl.DataFrame]) -> Run:
    """Return a run with its people without an order, and what it foretells of them.

    Parameters
    ----------
    run : Run
        A run with `Run.prospect_table`, or with the chances in `Run.prospects` that a published folder holds.
    parts : sequence of polars.DataFrame
        From `described_prospects`, at least one.

    Returns
    -------
    Run
        With `Run.prospects`, None where nobody is known, and their columns among `Run.feature_columns`.
    """
    people = pl.concat(parts, how="diagonal").sort("customer_id")
    if people.is_empty():
        return replace(run, prospects=None)
    table, days = run.prospect_table, run.horizons.churn_days
    columns = prospect_rule_columns(days if table is None else table.days)
    chances = run.prospects
    if table is not None:
        chance = f"p_first_order_{table.days}d"
        chances = table.scores.with_columns(pl.col(chance).alias("p_first_order"))
    if chances is not None:
        wanted = [column.name for column in columns if column.name in chances.columns and column.name not in _STATE]
        told = chances.select("customer_id", *wanted)
        people = people.join(told, on="customer_id", how="left", maintain_order="left")
    there = tuple(column for column in columns if column.name in people.columns)
    return replace(run, prospects=people, feature_columns=(*run.feature_columns, *there))
