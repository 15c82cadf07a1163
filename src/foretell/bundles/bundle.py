"""The fitted bundle: everything that scoring needs, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from foretell.bundles.record import empty_record
from foretell.windows import Horizons

if TYPE_CHECKING:
    from foretell.bundles.prospects import ProspectModel
    from foretell.bundles.refinement import Refinement
    from foretell.features.statistics import Statistics
    from foretell.models.cnbd import MBGCNBD
    from foretell.models.gamma_gamma import GammaGamma
    from foretell.models.pareto_nbd import ParetoNBD


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
    refinement : Refinement or None
        What past windows taught, on top of the purchase model; None where it answers alone.
    statistics : Statistics or None
        Figures of the whole shop that features of the optional tables need; None where there are no such tables.
    prospects : ProspectModel or None
        Who of those who never ordered will; None where the shop's tables do not say.
    dates_model : MBGCNBD or ParetoNBD or None
        Fitted model that dates are read from, where the purchase model answers alone and another tells dates better.
    card : mapping
        Plain facts for the model card: data, fits, limits.
    record : mapping of str to polars.DataFrame
        Past performance: the frames of `RECORD_SCHEMAS`.
    profile : mapping
        Plain values: what the orders looked like that training saw (`training.profile`), for the gates of scoring runs.
    """

    rung: str
    as_of: datetime
    horizons: Horizons
    purchase_model: "MBGCNBD | ParetoNBD"
    spend_model: "GammaGamma | None"
    typical: Typical
    annual_discount_rate: float = 0.0
    churn_band_edges: tuple[float, float] = (0.33, 0.66)
    refinement: "Refinement | None" = None
    statistics: "Statistics | None" = None
    prospects: "ProspectModel | None" = None
    dates_model: "MBGCNBD | ParetoNBD | None" = None
    card: Mapping[str, Any] = field(default_factory=dict)
    record: Mapping[str, pl.DataFrame] = field(default_factory=empty_record)
    profile: Mapping[str, Any] = field(default_factory=dict)

    @property
    def timing_model(self) -> "MBGCNBD | ParetoNBD":
        """The model that dates are read from."""
        if self.refinement is not None:
            return self.refinement.timing_model
        return self.dates_model or self.purchase_model

    @property
    def reads_features(self) -> bool:
        """Whether predictions rest on the features, and not on the purchase summary alone."""
        return self.refinement is not None and self.refinement.encoding is not None
