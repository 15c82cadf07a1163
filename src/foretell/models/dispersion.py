"""How far realised spend strays from its mean: the less, the more orders are expected.

A sum of n orders strays from its mean by what one order does over √n, and by what no number of orders averages out:
rates that change, customers who leave. So the ratio R of realised to expected spend has D² = a + b / E[n].
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from foretell.models.objectives import Vector
from foretell.models.state import damaged, is_finite

_ROWS_PER_BIN = 50
_WITHIN = 0.8
_NORMAL = 1.2816
"""A normal variable is within so many standard deviations of its mean with probability `_WITHIN`."""
_LEAST = 1e-6
"""Squared dispersion of those who are all alike, where nothing strays."""
_DECIMALS = 9


@dataclass(frozen=True)
class Dispersion:
    """D(E) = √(floor + per_order / E) for E >= 1 expected orders; without a fit it is 1 for everybody.

    Parameters
    ----------
    floor : float
        Squared dispersion where orders are many, >= 0.
    per_order : float
        What a single order adds to it, >= 0.
    """

    floor: float = 1.0
    per_order: float = 0.0

    @classmethod
    def fit(cls, ratio: Vector, expected_orders: Vector, weights: Vector) -> Self:
        """Learn a and b from the buyers of past windows.

        Parameters
        ----------
        ratio : ndarray of shape (buyers,)
            Realised spend over its mean given a purchase.
        expected_orders : ndarray of shape (buyers,)
            Expected orders given a purchase, >= 1.
        weights : ndarray of shape (buyers,)
            How much each row counts, > 0.

        Returns
        -------
        Dispersion
            That of everybody alike where there are fewer than 100 buyers.

        Notes
        -----
        Buyers are sorted by expected orders and cut into bins from the top down, of 50 or of half of those already cut
        off, whichever is more: the few who order most have bins of their own. The dispersion of a bin is the distance
        from 1 within which 80 % of its ratios lie, in standard deviations of a normal law: money has tails that no
        second moment stands. a and b are least squares of D², each bin weighted by its size over the square of its D².
        """
        order = np.argsort(expected_orders, kind="stable")
        edges = _from_the_top(order.size)
        if len(edges) < 3:
            return cls()
        inverse, squared, size = np.array(
            [_bin(ratio[rows], expected_orders[rows], weights[rows]) for rows in np.split(order, edges[1:-1])]
        ).T
        squared = np.maximum(squared, _LEAST)
        floor, per_order = _nonnegative(np.sqrt(size) / squared, inverse, squared)
        return cls(round(floor, _DECIMALS), round(per_order, _DECIMALS))

    def at(self, expected_orders: npt.ArrayLike) -> Vector:
        """Return the dispersion of customers.

        Parameters
        ----------
        expected_orders : array-like of shape (customers,)
            Expected orders given a purchase; less than 1 counts as 1.

        Returns
        -------
        ndarray of shape (customers,)
            > 0.
        """
        expected = np.maximum(np.asarray(expected_orders, dtype=np.float64), 1.0)
        return np.asarray(np.sqrt(np.maximum(self.floor + self.per_order / expected, _LEAST)), dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        """Return the law as plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, state: object) -> Self:
        """Rebuild a law from plain values.

        Parameters
        ----------
        state : object
            As from `to_dict`, possibly through JSON.

        Returns
        -------
        Dispersion

        Raises
        ------
        BundleError
            If the state is not that of a dispersion.
        """
        name = cls.__name__
        if not isinstance(state, Mapping) or set(state) != {"floor", "per_order"}:
            raise damaged(name, "dispersion")
        floor, per_order = state["floor"], state["per_order"]
        if not all(is_finite(value) and value >= 0 for value in (floor, per_order)) or floor + per_order <= 0:
            raise damaged(name, "dispersion")
        return cls(float(floor), float(per_order))


def _from_the_top(rows: int) -> list[int]:
    edges = [rows]
    while edges[-1] > 0:
        cut = edges[-1] - max(_ROWS_PER_BIN, (rows - edges[-1]) // 2)
        # What is left would be no bin: it goes with the last one.
        edges.append(cut if cut >= _ROWS_PER_BIN else 0)
    return edges[::-1]


def _bin(ratio: Vector, expected_orders: Vector, weights: Vector) -> tuple[float, float, float]:
    distance = np.abs(ratio - 1)
    order = np.argsort(distance, kind="stable")
    reached = np.cumsum(weights[order]) / weights.sum()
    within = float(np.interp(_WITHIN, reached, distance[order])) / _NORMAL
    return float(np.exp(-np.log(expected_orders).mean())), within**2, float(ratio.size)


def _nonnegative(weights: Vector, inverse: Vector, squared: Vector) -> tuple[float, float]:
    """Return a, b >= 0 of a + b x by weighted least squares."""
    design = np.stack([np.ones_like(inverse), inverse], axis=1) * weights[:, None]
    target = squared * weights
    floor, per_order = np.linalg.lstsq(design, target, rcond=None)[0]
    if floor < 0:
        return 0.0, max(float(design[:, 1] @ target / (design[:, 1] @ design[:, 1])), 0.0)
    if per_order < 0:
        return max(float(design[:, 0] @ target / (design[:, 0] @ design[:, 0])), 0.0), 0.0
    return float(floor), float(per_order)
