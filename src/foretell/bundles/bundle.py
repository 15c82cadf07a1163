"""The fitted bundle: everything that scoring needs, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from foretell.windows import Horizons

if TYPE_CHECKING:
    from foretell.models.cnbd import MBGCNBD
    from foretell.models.gamma_gamma import GammaGamma
    from foretell.models.pareto_nbd import ParetoNBD

RECORD_SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "backtest": {
        "cutoff": pl.String, "rung": pl.String, "target": pl.String, "metric": pl.String,
        "value": pl.Float64, "low": pl.Float64, "high": pl.Float64,
    },
    "comparisons": {
        "cutoff": pl.String, "rung": pl.String, "reference": pl.String, "target": pl.String, "metric": pl.String,
        "difference": pl.Float64, "low": pl.Float64, "high": pl.Float64,
    },
    "deciles": {
        "cutoff": pl.String, "rung": pl.String, "target": pl.String, "decile": pl.Int64, "customers": pl.Int64,
        "predicted": pl.Float64, "actual": pl.Float64,
    },
    "calibration": {
        "cutoff": pl.String, "rung": pl.String, "target": pl.String, "bin": pl.Int64, "customers": pl.Int64,
        "predicted": pl.Float64, "observed": pl.Float64,
    },
    "skipped": {"cutoff": pl.String, "rung": pl.String, "target": pl.String, "reason": pl.String},
}  # fmt: skip
"""The frames of a bundle's record, each with its columns. A cutoff is ISO text."""


def empty_record() -> dict[str, pl.DataFrame]:
    """Return the record of a bundle that was never judged: every frame, without rows.

    Returns
    -------
    dict of str to polars.DataFrame
        Keys and columns of `RECORD_SCHEMAS`.
    """
    return {name: pl.DataFrame(schema=dict(schema)) for name, schema in RECORD_SCHEMAS.items()}


def newest_cutoff(record: Mapping[str, pl.DataFrame]) -> str | None:
    """Return the latest cutoff that a record judged.

    Parameters
    ----------
    record : mapping of str to polars.DataFrame
        Frames of `RECORD_SCHEMAS`.

    Returns
    -------
    str or None
        ISO text; None if nothing was judged.
    """
    newest = record["backtest"]["cutoff"].max()
    return newest if isinstance(newest, str) else None


@dataclass(frozen=True)
class Typical:
    """The shop's typical customer, against whom reasons are told: medians over the training customers.

    Parameters
    ----------
    p_alive : float
        Probability of still being a customer.
    orders_if_alive : float
        Purchases expected in the value horizon of one who is.
    order_value : float or None
        Expected money per purchase, currency units; None without money.
    days_between_orders : float or None
        Days between purchases of those who have more than one; None if nobody has.
    """

    p_alive: float
    orders_if_alive: float
    order_value: float | None
    days_between_orders: float | None


@dataclass(frozen=True)
class Bundle:
    """A fitted model with all that scoring and its record need.

    Parameters
    ----------
    rung : str
        Recipe that made it, as named in backtest tables.
    as_of : datetime
        First instant that training did not see.
    horizons : Horizons
        Horizons the bundle answers for.
    annual_discount_rate : float
        Rate at which future spend is discounted in predicted CLV, by exact days; 0 is none.
    churn_band_edges : tuple of float
        Churn risks at which the bands medium and high begin.
    purchase_model : MBGCNBD or ParetoNBD
        Fitted model of when customers buy.
    spend_model : GammaGamma or None
        Fitted model of what an order is worth; None where orders carry no money.
    typical : Typical
        The shop's typical customer.
    card : mapping
        Plain facts for the model card: data, fits, limits.
    record : mapping of str to polars.DataFrame
        Past performance: the frames of `RECORD_SCHEMAS`.
    """

    rung: str
    as_of: datetime
    horizons: Horizons
    purchase_model: "MBGCNBD | ParetoNBD"
    spend_model: "GammaGamma | None"
    typical: Typical
    annual_discount_rate: float = 0.0
    churn_band_edges: tuple[float, float] = (0.33, 0.66)
    card: Mapping[str, Any] = field(default_factory=dict)
    record: Mapping[str, pl.DataFrame] = field(default_factory=empty_record)
