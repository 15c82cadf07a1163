"""A probability from the models of several folds: mean log-odds of regressions and of trees, calibrated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

import numpy as np
from scipy.special import expit

from foretell.models.boosting import Booster
from foretell.models.calibration import ProbabilityCalibrator
from foretell.models.logistic import RidgeLogistic
from foretell.models.objectives import Matrix, Vector
from foretell.models.state import damaged, is_finite

Kind = Literal["base_rate", "logistic", "boosted", "blend"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""What the log-odds are made of, from the simplest to the most flexible."""

_NAME = "EventBlend"
_FIELDS = {"chosen", "level", "logistics", "boosters", "calibrator"}
_PARTS: Mapping[Kind, tuple[bool, bool]] = {
    "base_rate": (False, False),
    "logistic": (True, False),
    "boosted": (False, True),
    "blend": (True, True),
}


@dataclass(frozen=True, eq=False)
class EventBlend:
    """The chosen candidate: the mean log-odds of the models of all folds, calibrated.

    Parameters
    ----------
    chosen : {'base_rate', 'logistic', 'boosted', 'blend'}
        The candidate.
    level : float
        Log-odds of the base rate.
    logistics : tuple of RidgeLogistic
        One a fold; empty where the candidate does without.
    boosters : tuple of Booster
        One a fold, on top of `level`; empty where the candidate does without.
    calibrator : ProbabilityCalibrator
        Learnt from the log-odds that each row got from models not fitted to it.
    """

    chosen: Kind
    level: float
    logistics: tuple[RidgeLogistic, ...]
    boosters: tuple[Booster, ...]
    calibrator: ProbabilityCalibrator

    def risk(self, matrix: Matrix) -> Vector:
        """Calibrated probability of each row.

        Parameters
        ----------
        matrix : ndarray of float64, shape (rows, features)
            As for the fit.

        Returns
        -------
        ndarray of shape (rows,)
            Within (0, 1).
        """
        margin = np.zeros(len(matrix))
        for part in self._kinds():
            margin = margin + sum(self._margin(model, matrix) for model in part) / (len(part) * len(self._kinds()))
        return self.calibrator.calibrate(expit(margin if self._kinds() else margin + self.level))

    def contributions(self, matrix: Matrix) -> Matrix:
        """Share of every feature in the log-odds before calibration.

        Parameters
        ----------
        matrix : ndarray of float64, shape (rows, features)
            As for the fit.

        Returns
        -------
        ndarray of shape (rows, features)
            0 throughout for the base rate.
        """
        total = np.zeros(matrix.shape)
        for part in self._kinds():
            shares = sum(model.contributions(matrix)[:, :-1] for model in part)
            total = total + shares / (len(part) * len(self._kinds()))
        return total

    def to_dict(self) -> dict[str, Any]:
        """Return the state as plain values; the trees are texts of their own.

        Returns
        -------
        dict of str to object
            For JSON; read back by `from_dict`.
        """
        return {
            "chosen": self.chosen,
            "level": self.level,
            "logistics": [each.to_dict() for each in self.logistics],
            "boosters": len(self.boosters),
            "calibrator": self.calibrator.to_dict(),
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any], trees: Sequence[str], levels: Sequence[int]) -> Self:
        """Rebuild the state from plain values; nothing of it is executed.

        Parameters
        ----------
        state : mapping
            As from `to_dict`, possibly through JSON.
        trees : sequence of str
            Texts of the boosters, in their order.
        levels : sequence of int
            Categories of each feature, 0 for a number.

        Returns
        -------
        EventBlend
            Answers the same to the last bit.

        Raises
        ------
        BundleError
            If the state is not that of such a model, or made for other features.
        """
        if set(state) != _FIELDS or state["chosen"] not in KINDS or not is_finite(state["level"]):
            raise damaged(_NAME, "fields")
        if not isinstance(state["logistics"], list) or not isinstance(state["calibrator"], Mapping):
            raise damaged(_NAME, "parts")
        chosen = next(kind for kind in KINDS if kind == state["chosen"])
        found = cls(
            chosen,
            float(state["level"]),
            tuple(RidgeLogistic.from_dict(each) for each in state["logistics"]),
            tuple(Booster.from_text(text) for text in trees),
            ProbabilityCalibrator.from_dict(state["calibrator"]),
        )
        if state["boosters"] != len(trees) or _PARTS[chosen] != (bool(found.logistics), bool(found.boosters)):
            raise damaged(_NAME, "parts")
        if any(each.levels != tuple(levels) for each in found.logistics):
            raise damaged(_NAME, "logistics")
        if any(each.features != len(levels) for each in found.boosters):
            raise damaged(_NAME, "boosters")
        return found

    def _kinds(self) -> list[Sequence[RidgeLogistic | Booster]]:
        return [part for part in (self.logistics, self.boosters) if part]

    def _margin(self, model: RidgeLogistic | Booster, matrix: Matrix) -> Vector:
        return model.margin(matrix) + (self.level if isinstance(model, Booster) else 0.0)
