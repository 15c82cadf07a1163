"""The table of people who never ordered, as a run hands it to delivery, and what a reader is told of it."""

from dataclasses import dataclass

import polars as pl

from foretell.delivery.wording import whole
from foretell.tables.schema import Column

PARQUET_NAME = "prospects.parquet"
CSV_NAME = "prospects.csv"
_MODEL, _LIFT = "prospects", "top_5_percent_lift"


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
    """

    scores: pl.DataFrame
    columns: tuple[Column, ...]
    days: int
    record: pl.DataFrame

    def readme_line(self) -> str:
        """Return what the file is, how many first orders are expected, and how the best did in the past."""
        chance = self.scores[f"p_first_order_{self.days}d"]
        return (
            f"{CSV_NAME}: {whole(self.scores.height)} people known by events or as customers who never ordered; "
            f"about {whole(float(chance.sum()))} first orders are expected of them in {self.days} days. To pick whom "
            f"to address sort by expected_first_year_value. {PARQUET_NAME}: the same with every digit. {self._past()}"
        )

    def _past(self) -> str:
        found = self.record.filter((pl.col("model") == _MODEL) & (pl.col("metric") == _LIFT))
        if found.is_empty() or found["value"][0] is None:
            return "No past window was long enough to test these chances on."
        value, low, high = (found[name][0] for name in ("value", "low", "high"))
        spread = "" if low is None or high is None else f" ({low:.1f} to {high:.1f})"
        return (
            f"In the newest past window, which took no part in learning, the 5 % ranked highest placed {value:.1f} "
            f"times{spread} as many first orders as 5 % drawn by lot."
        )
