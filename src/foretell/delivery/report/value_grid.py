"""Churn bands by value so far: whom to save, how many they are and what they are worth."""

from dataclasses import dataclass

import polars as pl

from foretell.delivery.headlines import BANDS
from foretell.delivery.rule_columns import aliases
from foretell.delivery.run import Run

TIERS = (("Best tenth so far", 0.9), ("The four tenths after it", 0.5), ("The lower half", 0.0))
"""Name of a tier of value, and the rank, as a share of all, above which it begins."""
ADVICE = {
    ("high", 0): "win back first",
    ("medium", 0): "save first",
    ("medium", 1): "save next",
    ("low", 0): "look after",
}
"""What to do with a cell, by band and place of the tier."""


@dataclass(frozen=True)
class GridCell:
    """Customers of one band and one tier.

    Parameters
    ----------
    band : "low", "medium" or "high"
        Churn risk.
    customers : int
        How many.
    historic_value, predicted_value : float
        What they brought, and what they are expected to bring in the value horizon: currency, or orders in a shop
        without amounts.
    advice : str
        What to do; empty for nothing in particular.
    """

    band: str
    customers: int
    historic_value: float
    predicted_value: float
    advice: str


@dataclass(frozen=True)
class GridRow:
    """One tier.

    Parameters
    ----------
    title : str
        Its name.
    cells : tuple of GridCell
        Low, medium, high risk.
    """

    title: str
    cells: tuple[GridCell, ...]


def value_grid(run: Run) -> tuple[GridRow, ...]:
    """Count customers by churn band and by what they brought so far.

    Customers of equal value share the mean of their ranks, so a tier may be larger or smaller than its name says.

    Parameters
    ----------
    run : Run
        A finished run.

    Returns
    -------
    tuple of GridRow
        Best tier first; customers without a band are in none.
    """
    names = aliases(run.columns)
    value, predicted = ("historic_clv", "predicted_clv") if run.has_money else ("orders", "predicted_orders")
    frame = run.scores.select(
        pl.col("churn_band").alias("band"),
        pl.col(value).cast(pl.Float64).fill_null(0.0).alias("historic"),
        pl.col(names[predicted]).cast(pl.Float64).fill_null(0.0).alias("predicted"),
    ).with_columns((pl.col("historic").rank("average") / pl.len()).alias("rank"))
    rows, above = [], 1.0
    for place, (title, least) in enumerate(TIERS):
        tier = frame.filter((pl.col("rank") > least) & (pl.col("rank") <= above))
        above = least
        cells = []
        for band in BANDS:
            # numpy adds in one order, whatever the number of threads
            part = tier.filter(pl.col("band") == band).select("historic", "predicted").to_numpy()
            historic, expected = part.sum(axis=0)
            cells.append(GridCell(band, len(part), float(historic), float(expected), ADVICE.get((band, place), "")))
        rows.append(GridRow(title, tuple(cells)))
    return tuple(rows)
