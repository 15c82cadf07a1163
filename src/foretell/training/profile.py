"""What the orders looked like that a model learnt from, for the gates of the runs that it will score."""

from datetime import datetime
from typing import Any

import polars as pl

from foretell.evaluation.drift import Distribution
from foretell.features.summary import purchase_summary
from foretell.tables.categories import known_columns
from foretell.tables.dataset import CustomerData

_HISTORY = {
    "orders": "orders",
    "days_since_last_order": "days_since_last_order",
    "avg_days_between_orders": "avg_days_between_orders",
    "avg_order_value": "mean_order_value",
}


def training_profile(data: CustomerData, as_of: datetime, summary: pl.DataFrame | None = None) -> dict[str, Any]:
    """Describe the orders before a cutoff without a customer or a value of the orders in it.

    Parameters
    ----------
    data : CustomerData
        The shop's rows.
    as_of : datetime
        First instant that training does not see.
    summary : polars.DataFrame or None
        As from `features.summary.purchase_summary`, where it was computed already.

    Returns
    -------
    dict
        Plain values for JSON: ``history``, column of the scores to its distribution over customers, and ``columns``,
        as from `tables.categories.known_columns`.
    """
    past = data.before(as_of)
    if summary is None:
        summary = purchase_summary(past, as_of)
    return {
        "history": {name: Distribution.of(summary[column]).as_dict() for name, column in _HISTORY.items()},
        "columns": known_columns(past),
    }
