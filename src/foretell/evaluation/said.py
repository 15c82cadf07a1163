"""What one published run said, as a review judges it."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from foretell.windows import Horizons


@dataclass(frozen=True, eq=False)
class Said:
    """What one published run said.

    Parameters
    ----------
    as_of : datetime
        First instant that it did not see.
    model_version : str
        Bundle that scored.
    horizons : Horizons
        How far it looked ahead.
    scores : polars.DataFrame
        One row per customer, sorted by ``customer_id``: columns of `scoring.schema.score_columns`.
    annual_discount_rate : float
        Rate at which its predicted value was discounted; the interval of spend never is.
    """

    as_of: datetime
    model_version: str
    horizons: Horizons
    scores: pl.DataFrame
    annual_discount_rate: float = 0.0
