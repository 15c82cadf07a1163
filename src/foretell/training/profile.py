"""What the orders looked like that a model learnt from, for the gates of the runs that it will score."""

from collections.abc import Iterator
from typing import Any

import polars as pl

from foretell.evaluation.drift import Distribution
from foretell.models.history import HISTORY
from foretell.models.population import Population
from foretell.training.shop import Shop


def training_profile(shop: Shop) -> dict[str, Any]:
    """Describe the orders before a cutoff without a customer or a value of the orders in it.

    Parameters
    ----------
    shop : Shop
        As of the cutoff.

    Returns
    -------
    dict
        Plain values for JSON: ``history``, column of the scores to its distribution over customers, and ``columns``,
        as from `tables.categories.known_columns`.
    """
    return {"history": {name: found.as_dict() for name, found in _history(shop.population)}, "columns": shop.columns}


def _history(customers: Population) -> Iterator[tuple[str, Distribution]]:
    repeats, span, observed = (pl.Series(customers.histories.columns[name]) for name in HISTORY)
    weights = customers.histories.weights
    yield "orders", Distribution.of(repeats + 1, weights)
    yield "days_since_last_order", Distribution.of(observed - span + 1, weights)
    between = pl.select(pl.when(repeats > 0).then(span / repeats)).to_series()
    yield "avg_days_between_orders", Distribution.of(between, weights)
    if customers.values is None:
        yield "avg_order_value", Distribution((), (0,), customers.customers)
    else:
        z = pl.Series(customers.values.z)
        yield (
            "avg_order_value",
            Distribution.of(pl.select(pl.when(z > 0).then(z)).to_series(), customers.values.customers),
        )
