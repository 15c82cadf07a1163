"""The table of people who never ordered, as a run hands it to delivery, and what a reader is told of it."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from foretell.delivery.expected import Expected
from foretell.delivery.rule_columns import without_horizon
from foretell.delivery.wording import whole
from foretell.scoring.prospect_schema import prospect_columns
from foretell.scoring.schema import REASONS
from foretell.tables.schema import Column

PARQUET_NAME = "prospects.parquet"
CSV_NAME = "prospects.csv"
VALUE_OF_PROSPECTS = "expected_first_year_value"
_MODEL, _LIFT = "prospects", "top_5_percent_lift"
_NORMAL_80 = 1.2815515655446004
_NOT_IN_RULES = ("customer_id", "as_of", "prediction_status", "model_version", *REASONS)


def prospect_rule_columns(days: int) -> tuple[Column, ...]:
    """Return the columns of the table of prospects that rules of segments may name; they are empty for customers.

    Parameters
    ----------
    days : int
        Horizon of the first order.

    Returns
    -------
    tuple of Column
        Each under its own name; the chance also without the horizon in it.
    """
    found = []
    for column in prospect_columns(days):
        if column.name not in _NOT_IN_RULES:
            found += [replace(column, name=name) for name in dict.fromkeys([column.name, without_horizon(column.name)])]
    return tuple(replace(column, nullable=True) for column in found)


CHANCES = frozenset(without_horizon(column.name) for column in prospect_rule_columns(1)) - {
    "funnel_state",
    "days_since_last_event",
}
"""Columns, without the horizon in them, that a model of first orders has to give."""


@dataclass(frozen=True)
class ProspectTable:
    """Chances and values of first orders.

    Parameters
    ----------
    scores : polars.DataFrame
        One row per person, sorted by ``customer_id``, exactly the columns of `columns`; at least one row.
    columns : tuple of Column
        Schema of `scores`, in order.
    days : int
        Horizon of the first order.
    record : polars.DataFrame
        Past performance: model, metric, value, low, high; empty if it was never judged.
    level_sd : float or None
        Standard error of the log-odds that all chances share; None where it is not known.
    """

    scores: pl.DataFrame
    columns: tuple[Column, ...]
    days: int
    record: pl.DataFrame
    level_sd: float | None = None

    @property
    def chance(self) -> pl.Series:
        """Chance of a first order of each person; null of whom no day is known."""
        return self.scores[f"p_first_order_{self.days}d"]

    @property
    def first_orders(self) -> Expected:
        """First orders expected of all, with what holds them 4 times of 5: chance, and the error of the level."""
        chance = self.chance.drop_nulls().to_numpy()
        expected, own = float(np.sum(chance)), float(np.sum(chance * (1 - chance)))
        if self.level_sd is None:
            return Expected(expected, None, None)
        half = _NORMAL_80 * float(np.sqrt(own + (self.level_sd * own) ** 2))
        return Expected(expected, max(expected - half, 0.0), min(expected + half, float(chance.size)))

    def readme_line(self) -> str:
        """Return what the file is, how many first orders are expected, and how the best did in the past."""
        found = self.first_orders
        spread = ""
        if found.low is not None and found.high is not None:
            spread = f" (4 times of 5 between {whole(found.low)} and {whole(found.high)})"
        return (
            f"{CSV_NAME}: {whole(self.scores.height)} people known by events or as customers who never ordered; "
            f"about {whole(found.expected)} first orders are expected of them in {self.days} days{spread}. "
            f"To pick whom to address sort by expected_first_year_value. {PARQUET_NAME}: the same with every digit. "
            f"{self.past()}"
        )

    def past(self) -> str:
        """Return how the best did in a past window, as a sentence."""
        found = self.record.filter((pl.col("model") == _MODEL) & (pl.col("metric") == _LIFT))
        if found.is_empty() or found["value"][0] is None:
            return "No past window was long enough to test these chances on."
        value, low, high = (found[name][0] for name in ("value", "low", "high"))
        spread = "" if low is None or high is None else f" ({low:.1f} to {high:.1f})"
        return (
            f"In the newest past window, which took no part in learning, the 5 % ranked highest placed {value:.1f} "
            f"times{spread} as many first orders as 5 % drawn by lot."
        )
