"""How much likelier first orders are in one window than in others: the shop's season, and what the newest windows say.

A model of first orders learns what tells people apart over all past windows; that more of them order before Christmas
than after it is no trait of theirs. All chances of a window at t get the same shift of their log-odds,

    shift(t) = b (s(t) - s) + d exp(-age / 365 days),

s(t) is the log season of the shop's purchases over the window, weighted by how soon first orders come, s its mean over
the windows that were learnt from; d is the drift of the newest windows.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import numpy as np
from scipy.special import expit, logit

from foretell.models.level import Level
from foretell.models.objectives import Vector
from foretell.models.state import damaged, is_finite

DRIFT_SPAN_DAYS = 365.0
"""Days after which a drift has faded to 37 %."""

_NAME = "FirstOrderLevel"
_FIELDS = {"reason", "season", "reference", "weight", "drift", "as_of", "sd"}
_LARGEST = 5.0
_SMALLEST_CHANCE = 1e-9


@dataclass(frozen=True)
class FirstOrderLevel:
    """What past windows say about the level of first orders; plain values.

    Parameters
    ----------
    reason : str
        Why there is no correction; empty where there is one.
    season : Level
        The season of purchases; its weeks are weighted by when first orders came, and it has no factor by lead.
    reference : float
        Log season of the windows that were learnt from.
    weight : float
        How much of the season first orders show; 1 is as much as purchases.
    drift : float
        Log-odds by which the newest windows stood apart, as of `as_of`.
    as_of : str
        ISO instant to which the drift belongs.
    sd : float
        Standard error of the shift, >= 0.
    """

    reason: str
    season: Level
    reference: float
    weight: float
    drift: float
    as_of: str
    sd: float

    @classmethod
    def none(cls, reason: str) -> Self:
        """Return a level that changes nothing.

        Parameters
        ----------
        reason : str
            Why, for the model card.

        Returns
        -------
        FirstOrderLevel
        """
        return cls(reason, Level.none(reason), 0.0, 0.0, 0.0, "", 0.0)

    def shift(self, as_of: datetime, days: int) -> float:
        """Log-odds by which chances of a window differ from those over all windows that were learnt from.

        Parameters
        ----------
        as_of : datetime
            First instant of the window.
        days : int
            Its length, > 0.

        Returns
        -------
        float
        """
        if self.reason:
            return 0.0
        age = (as_of - datetime.fromisoformat(self.as_of)).total_seconds() / 86_400
        fading = math.exp(-max(age, 0.0) / DRIFT_SPAN_DAYS)
        return self.weight * (self.season.log_orders(as_of, days) - self.reference) + self.drift * fading

    def applied(self, chance: Vector, as_of: datetime, days: int) -> Vector:
        """Return the chances in a window.

        Parameters
        ----------
        chance : ndarray of shape (people,)
            Probabilities over all windows, within (0, 1).
        as_of : datetime
            First instant of the window.
        days : int
            Its length, > 0.

        Returns
        -------
        ndarray of shape (people,)
            In the same order of people.
        """
        if self.reason:
            return chance
        inside = np.clip(chance, _SMALLEST_CHANCE, 1 - _SMALLEST_CHANCE)
        return np.asarray(expit(logit(inside) + self.shift(as_of, days)), dtype=np.float64)

    def facts(self) -> str:
        """Return what the model card says of it.

        Returns
        -------
        str
        """
        if self.reason:
            return f"none: {self.reason}"
        return (
            f"{self.weight:.2f} of the season of purchases; newest windows {math.exp(self.drift):.2f} times the odds; "
            f"standard error {self.sd:.2f} of the log-odds"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the level as plain values.

        Returns
        -------
        dict of str to object
            For JSON; read back by `from_dict`.
        """
        return {name: getattr(self, name) for name in sorted(_FIELDS - {"season"})} | {"season": self.season.to_dict()}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Rebuild a level from plain values.

        Parameters
        ----------
        state : mapping
            As from `to_dict`, possibly through JSON.

        Returns
        -------
        FirstOrderLevel

        Raises
        ------
        BundleError
            If the state is not that of a level of first orders.
        """
        if set(state) != _FIELDS or not isinstance(state["season"], dict):
            raise damaged(_NAME, "fields")
        if not isinstance(state["reason"], str) or not _is_instant(state["as_of"], may_be_empty=bool(state["reason"])):
            raise damaged(_NAME, "as_of")
        for name in ("reference", "weight", "drift", "sd"):
            if not is_finite(state[name]) or abs(state[name]) > _LARGEST or (name == "sd" and state[name] < 0):
                raise damaged(_NAME, name)
        numbers = {name: float(state[name]) for name in ("reference", "weight", "drift", "sd")}
        return cls(state["reason"], Level.from_dict(state["season"]), as_of=state["as_of"], **numbers)


def _is_instant(text: object, *, may_be_empty: bool) -> bool:
    if not isinstance(text, str):
        return False
    try:
        return (may_be_empty and not text) or datetime.fromisoformat(text).tzinfo is None
    except ValueError:
        return False
