"""What was learnt on past windows and stands on the purchase model: level, trees, calibration, spreads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from foretell.models.boosting import Booster
    from foretell.models.cnbd import MBGCNBD
    from foretell.models.date_spread import DateSpread
    from foretell.models.encoding import Encoding
    from foretell.models.level import Level
    from foretell.models.pareto_nbd import ParetoNBD
    from foretell.models.spend_ceiling import SpendCeiling
    from foretell.models.spend_spread import SpendSpread
    from foretell.models.tail_pool import TailPool

EVENTS = ("return", "churn", "order")
"""Events with a probability: a purchase within the value, the churn and the short-term horizon."""

AMOUNTS = ("orders", "spend")
"""Amounts over the value horizon."""


@dataclass(frozen=True)
class Trees:
    """A correction of one answer: shift + slope · offset + weight · margin + naive · (rule of thumb − offset).

    All on the link scale; only events have a rule of thumb (`foretell.scoring.refine.naive_log_odds`).

    Parameters
    ----------
    shift, slope : float
        Calibration of the purchase model's own answer at the shop's level, the offset; 0 and 1 are no change.
    weight : float
        Weight of the trees' mean margin; 0 without trees.
    naive : float
        Weight of the rule of thumb, within [0, 1]; what it gets, the purchase model's own answer loses.
    boosters : tuple of Booster
        Cross-fitted, on one draw of the customers or several; margins are averaged. Empty where trees did not win.
    days : int
        Length of the windows that it was learnt on; 0 where no window was long enough.
    why : str
        The figures that decided, in words.
    """

    shift: float = 0.0
    slope: float = 1.0
    weight: float = 0.0
    naive: float = 0.0
    boosters: "tuple[Booster, ...]" = ()
    days: int = 0
    why: str = "no window was long enough"


@dataclass(frozen=True)
class Refinement:
    """Corrections of a purchase model, learnt on the shop's own past windows.

    Parameters
    ----------
    inputs_days : int
        Horizon of the models' answers among the trees' inputs.
    level : Level
        The shop's level against its purchase model.
    hazard_shift : mapping of str to float
        By event: how much more the hazard of a purchase is shifted than the number of purchases, on a log scale.
    encoding : Encoding or None
        How the trees' inputs become a matrix; None without trees.
    trees : mapping of str to Trees
        One of each of `EVENTS` and `AMOUNTS`.
    spend_orders_weight : float
        Weight of the margin of orders in the spend.
    tail : TailPool
        Low end of the spend.
    ceiling : SpendCeiling or None
        High end of the spend: what one customer may be predicted at most; None without money.
    spread : SpendSpread or None
        Law of the realised spend around its mean; None where the models' own law stands.
    timing_model : MBGCNBD or ParetoNBD
        Purchase model that dates are read from.
    dates : DateSpread or None
        Levels of its law that dates are read at; None for the 10 %, 50 % and 90 % that it says itself.
    """

    inputs_days: int
    level: "Level"
    timing_model: "MBGCNBD | ParetoNBD"
    tail: "TailPool"
    hazard_shift: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(EVENTS, 0.0))
    encoding: "Encoding | None" = None
    trees: Mapping[str, Trees] = field(default_factory=lambda: {name: Trees() for name in (*EVENTS, *AMOUNTS)})
    spend_orders_weight: float = 0.0
    spread: "SpendSpread | None" = None
    ceiling: "SpendCeiling | None" = None
    dates: "DateSpread | None" = None
