"""The columns of the table of prospects, as data: checks, the data dictionary and the docs derive from them."""

from typing import Final

import polars as pl

from foretell.features.prospects import STATES
from foretell.scoring.schema import REASONS
from foretell.tables.schema import Column

PROSPECT_STATUSES: Final = {
    "ok": "the chance rests on what is known of the person",
    "base_rate": "nothing told who orders, or too few did: everybody has the share of those who did",
    "no_money": "orders carry no money: the chance is told, the value is not",
    "undated": "in the customers table without a day of signing up, and never seen: no chance can be told",
}
"""Values of ``prediction_status`` and what they mean."""


def prospect_columns(days: int) -> tuple[Column, ...]:
    """Return the columns of a table of prospects, in order.

    Parameters
    ----------
    days : int
        Horizon of the first order, the number in the name.

    Returns
    -------
    tuple of Column
        Name, dtype, unit, whether it may be null, and meaning.
    """
    text, real = pl.String(), pl.Float64()
    states = "; ".join(f"{name}: {meaning}" for name, meaning in STATES.items())
    statuses = "; ".join(f"{name}: {meaning}" for name, meaning in PROSPECT_STATUSES.items())
    within = f"in the next {days} days"
    worth = f"p_first_order_{days}d x mean first-year spend of newcomers of the same group."
    rank = "Rank by expected value among all prospects, by the chance without money; 100 is the highest."
    return (
        Column("customer_id", text, "text", False, "Person who never ordered, as in events or customers."),
        Column("as_of", pl.Datetime("us"), "instant", False, "First instant that scoring did not see."),
        Column("funnel_state", text, "category", False, states + "."),
        Column("days_since_last_event", real, "days", True, "Days since the person last did anything; empty if never."),
        Column(f"p_first_order_{days}d", real, "probability", True, f"Probability of a first order {within}."),
        Column("expected_first_year_value", real, "money", True, worth),
        Column("prospect_percentile", pl.Int64(), "rank 1-100", True, rank),
        *(
            Column(name, text, "text", True, f"What sets the chance apart, number {i}; empty if not explained.")
            for i, name in enumerate(REASONS, 1)
        ),
        Column("prediction_status", text, "category", False, statuses + "."),
        Column("model_version", text, "text", False, "Bundle that produced the row."),
    )


def prospect_schema(days: int) -> dict[str, pl.DataType]:
    """Return the polars schema of a table of prospects.

    Parameters
    ----------
    days : int
        Horizon of the first order.

    Returns
    -------
    dict of str to polars.DataType
        Name to dtype, in column order.
    """
    return {column.name: column.dtype for column in prospect_columns(days)}
