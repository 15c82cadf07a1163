"""The law of a customer's realised spend around its predicted mean.

A customer buys nothing with probability p_none. A buyer's spend is its mean given a purchase, times a ratio R whose
law is learnt from the buyers of past windows:

    S = 0 with probability p_none,        else  S = m / (1 − p_none) · R,        m = E[S].

R differs between one-time, regular and heavy buyers, and within these along p_none: who is certain to order several
times realises a ratio near 1, who orders once realises anything. Along the expected orders its distance from 1 follows
`foretell.models.dispersion.Dispersion`, so that those who order most are not read as the average heavy buyer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from foretell.errors import FitError
from foretell.models.dispersion import Dispersion
from foretell.models.objectives import Matrix, Vector
from foretell.models.ratio_tables import GRID, GroupTables, Place, Sample, learn
from foretell.models.state import damaged, is_finite

GROUPS = ("one-time", "regular", "heavy")
FEWEST_BUYERS = 50
"""Below this many buyers no law is learnt; the models' own `foretell.models.spend.spend_quantiles` stays."""

_HEAVY_SHARE = 0.1
_EDGE = 1e-6


@dataclass(frozen=True)
class SpendSpread:
    """Law of realised spend, given its mean, the probability of no purchase, and the past number of purchases.

    Parameters
    ----------
    heavy_from : float
        Purchase days before the cutoff from which a repeat buyer is a heavy one.
    groups : tuple of GroupTables
        One-time, regular and heavy buyers, in this order.
    dispersion : Dispersion
        How far R strays from 1, by expected orders.
    """

    heavy_from: float
    groups: tuple[GroupTables, ...]
    dispersion: Dispersion

    @classmethod
    def fit(
        cls,
        spend: npt.ArrayLike,
        p_none: npt.ArrayLike,
        mean_spend: npt.ArrayLike,
        orders: npt.ArrayLike,
        weights: npt.ArrayLike | None = None,
        *,
        expected_orders: npt.ArrayLike | None = None,
        bought: npt.ArrayLike | None = None,
        level_sd: float = 0.0,
    ) -> Self:
        """Learn the law of R from past, complete windows.

        Parameters
        ----------
        spend : array-like of shape (rows,)
            Realised spend in the window, currency units; a row is a customer at a cutoff, and all customers are given,
            not only the buyers. Negative where refunds exceed purchases.
        p_none : array-like of shape (rows,)
            Probability of no purchase in the window, predicted by a model that was not fitted to these rows.
        mean_spend : array-like of shape (rows,)
            Expected spend in the window, >= 0, predicted likewise.
        orders : array-like of shape (rows,)
            Purchase days before the cutoff, >= 1.
        weights : array-like of shape (rows,), optional
            How much each row counts, >= 0.
        expected_orders : array-like of shape (rows,), optional
            Expected purchases in the window, predicted likewise, >= 0. Without them all have one dispersion.
        bought : array-like of shape (rows,), optional
            Whether there was a purchase in the window; without it, whether spend is not 0. A free order is a purchase
            with R = 0.
        level_sd : float
            Standard deviation of the logarithm of the shop's level around its forecast. To be given where predictions
            were brought to the level that their window turned out to have: the future has no such help, and R is
            widened by a lognormal factor.

        Returns
        -------
        SpendSpread

        Raises
        ------
        FitError
            If lengths differ, values are out of range, or fewer than 50 buyers (effective, weighted) are left.

        Notes
        -----
        The i-th smallest of n ratios is the i / (n + 1) quantile, so that a buyer to come lies below it with just that
        probability (split conformal prediction; Vovk, Gammerman, Shafer 2005; weighted: Kish's effective n). A group
        has a knot for each 100 effective buyers, at most 6. Quantiles of a knot with n buyers are averaged with those
        of its group, and those of a group with those of all buyers, in proportion n : 30.
        """
        counts = np.ones(np.shape(spend)) if weights is None else weights
        given = {"spend": spend, "p_none": p_none, "mean_spend": mean_spend, "orders": orders, "weights": counts}
        rows = _Rows.of(
            {**given, "expected": np.ones(np.shape(spend)) if expected_orders is None else expected_orders}, bought
        )
        if not (is_finite(level_sd) and level_sd >= 0):
            msg = "The spread of spend cannot be learnt: level_sd is negative or not finite."
            raise FitError(msg)
        buyers = rows.part(rows.bought & (rows.p_none < 1) & (rows.mean_spend > 0) & (rows.weights > 0))
        expected = buyers.expected / (1 - buyers.p_none)
        ratio = buyers.spend * (1 - buyers.p_none) / buyers.mean_spend
        known = expected_orders is not None and ratio.size
        dispersion = Dispersion.fit(ratio, np.maximum(expected, 1.0), buyers.weights) if known else Dispersion()
        sample = Sample(ratio, _log_odds(buyers.p_none), buyers.weights, dispersion.at(expected))
        size = sample.size()
        if size < FEWEST_BUYERS:
            msg = (
                f"The spread of spend cannot be learnt from {size:.0f} buyers in past windows, {FEWEST_BUYERS} are"
                " needed; use the purchase model's own quantiles."
            )
            raise FitError(msg)
        heavy_from = float(np.quantile(rows.orders, 1 - _HEAVY_SHARE))
        groups = learn(sample, _group(buyers.orders, heavy_from), len(GROUPS), factor_sd=level_sd)
        return cls(heavy_from, tuple(groups), dispersion)

    def quantiles(
        self,
        p_none: npt.ArrayLike,
        mean_spend: npt.ArrayLike,
        orders: npt.ArrayLike,
        probabilities: Sequence[float] = (0.1, 0.9),
        *,
        expected_orders: npt.ArrayLike | None = None,
    ) -> Matrix:
        """Quantiles of the spend to come.

        Parameters
        ----------
        p_none, mean_spend, orders : array-like of shape (rows,)
            As for `fit`.
        probabilities : sequence of float
            Each in (0, 1).
        expected_orders : array-like of shape (rows,), optional
            As for `fit`; needed where the law was learnt with them.

        Returns
        -------
        ndarray of shape (rows, probabilities)
            Currency units; rises with the probability. 0 where no purchase is that probable, and where p_none is 1 or
            the mean is 0.

        Raises
        ------
        ValueError
            If a probability is not in (0, 1), or expected orders are wanting.
        """
        if not all(0 < probability < 1 for probability in probabilities):
            message = "probabilities must lie between 0 and 1"
            raise ValueError(message)
        none, scale, place = self._placed(p_none, mean_spend, orders, expected_orders)
        result = np.zeros((none.size, len(probabilities)))
        if not none.size:
            return result
        buys = np.where(none < 1, 1 - none, 1.0)
        for number, probability in enumerate(probabilities):
            # Refunds put a part of the law below the atom at zero.
            below = np.minimum(place.ratio(probability / buys), 0.0)
            above = np.where(none < probability, place.ratio((probability - none) / buys), 0.0)
            result[:, number] = scale * np.where(below < 0, below, np.maximum(above, 0.0))
        return result

    def cdf(
        self,
        spend: npt.ArrayLike,
        p_none: npt.ArrayLike,
        mean_spend: npt.ArrayLike,
        orders: npt.ArrayLike,
        *,
        expected_orders: npt.ArrayLike | None = None,
    ) -> tuple[Vector, Vector]:
        """Probability of less than, and of at most, a spend.

        Parameters
        ----------
        spend : array-like of shape (rows,)
            Currency units.
        p_none, mean_spend, orders : array-like of shape (rows,)
            As for `fit`.
        expected_orders : array-like of shape (rows,), optional
            As for `quantiles`.

        Returns
        -------
        below, at : ndarray of shape (rows,)
            P(S < spend) and P(S <= spend), as `foretell.evaluation.intervals.randomised_pit` takes them.

        Raises
        ------
        ValueError
            If expected orders are wanting.
        """
        asked = np.asarray(spend, dtype=np.float64)
        none, scale, place = self._placed(p_none, mean_spend, orders, expected_orders)
        lower, upper = place.probabilities(asked / np.where(scale > 0, scale, 1.0))
        sure = scale == 0
        lower, upper = np.where(sure, asked > 0, lower), np.where(sure, asked >= 0, upper)
        return none * (asked > 0) + (1 - none) * lower, none * (asked >= 0) + (1 - none) * upper

    def to_dict(self) -> dict[str, Any]:
        """Return the law as plain values.

        Returns
        -------
        dict of str to object
            For JSON; read back by `from_dict`.
        """
        return {
            "heavy_from": self.heavy_from,
            "probabilities": GRID.tolist(),
            "groups": [asdict(group) for group in self.groups],
            "dispersion": self.dispersion.to_dict(),
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Rebuild a law from plain values.

        Parameters
        ----------
        state : mapping
            As from `to_dict`, possibly through JSON.

        Returns
        -------
        SpendSpread

        Raises
        ------
        BundleError
            If the state is not that of a law of spend.
        """
        name = cls.__name__
        if set(state) != {"heavy_from", "probabilities", "groups", "dispersion"} or not is_finite(state["heavy_from"]):
            raise damaged(name, "heavy_from")
        if state["probabilities"] != GRID.tolist():
            raise damaged(name, "probabilities")
        groups = state["groups"]
        if not isinstance(groups, list) or len(groups) != len(GROUPS):
            raise damaged(name, "groups")
        tables = tuple(GroupTables.from_dict(group, model=name) for group in groups)
        return cls(float(state["heavy_from"]), tables, Dispersion.from_dict(state["dispersion"]))

    def _placed(
        self,
        p_none: npt.ArrayLike,
        mean_spend: npt.ArrayLike,
        orders: npt.ArrayLike,
        expected_orders: npt.ArrayLike | None,
    ) -> tuple[Vector, Vector, Place]:
        if expected_orders is None and self.dispersion.per_order:
            message = "expected_orders are needed: the law was learnt with them"
            raise ValueError(message)
        none = np.clip(np.asarray(p_none, dtype=np.float64), 0.0, 1.0)
        mean = np.asarray(mean_spend, dtype=np.float64)
        buys = np.where(none < 1, 1 - none, 1.0)
        scale = np.where(none < 1, mean, 0.0) / buys
        expected = np.ones(none.shape) if expected_orders is None else np.asarray(expected_orders, np.float64) / buys
        group = _group(np.asarray(orders, dtype=np.float64), self.heavy_from)
        return none, scale, Place.of(self.groups, group, _log_odds(none), self.dispersion.at(expected))


@dataclass(frozen=True, eq=False)
class _Rows:
    spend: Vector
    p_none: Vector
    mean_spend: Vector
    orders: Vector
    weights: Vector
    expected: Vector
    bought: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, columns: Mapping[str, npt.ArrayLike], bought: npt.ArrayLike | None) -> Self:
        given = {name: np.asarray(column, dtype=np.float64) for name, column in columns.items()}
        buys = given["spend"] != 0 if bought is None else np.asarray(bought, dtype=np.bool_)
        shapes = {**{name: column.shape for name, column in given.items()}, "bought": buys.shape}
        if given["spend"].ndim != 1 or len(set(shapes.values())) > 1:
            msg = "The spread of spend cannot be learnt: lengths differ (" + ", ".join(
                f"{name} {shape}" for name, shape in shapes.items()
            )
            raise FitError(msg + ").")
        least = {"spend": -np.inf, "p_none": 0.0, "mean_spend": 0.0, "orders": 1.0, "weights": 0.0, "expected": 0.0}
        wrong = {name: ~(np.isfinite(given[name]) & (given[name] >= low)) for name, low in least.items()}
        wrong["p_none"] |= given["p_none"] > 1
        problems = [f"{name} is out of range in {rows.sum()} row(s)" for name, rows in wrong.items() if rows.any()]
        if problems:
            raise FitError("The spread of spend cannot be learnt: " + "; ".join(problems) + ".")
        return cls(**given, bought=buys)

    def part(self, chosen: npt.NDArray[np.bool_]) -> "_Rows":
        return _Rows(*(getattr(self, field.name)[chosen] for field in fields(self)))


def _group(orders: Vector, heavy_from: float) -> npt.NDArray[np.intp]:
    return np.where(orders <= 1, 0, np.where(orders >= heavy_from, 2, 1))


def _log_odds(p_none: Vector) -> Vector:
    clipped = np.clip(p_none, _EDGE, 1 - _EDGE)
    return np.log(clipped) - np.log1p(-clipped)
