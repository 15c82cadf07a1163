"""At which levels of a purchase model's law the early, the expected and the late date of the next order stand.

If the law were true, these would be its 10, 50 and 90 % quantiles. Of past windows' buyers it is known at which level
of the law each did come; the early and the late level are set so that a tenth of them came before, and a tenth after,
in each activity group. Dates read at these levels stay within the horizon and in order, whatever the correction.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from foretell.errors import FitError
from foretell.models.objectives import Matrix, Vector
from foretell.models.state import damaged, is_finite

EARLY, MIDDLE, LATE = 0.1, 0.5, 0.9

_HEAVY_SHARE = 0.1
_GROUPS = 3
_POOLED = 200.0
"""Groups err by about .02 of probability more or less than all buyers; so does a tenth that is counted among 200."""
_MARGIN = 0.25
_EDGE = 1e-6
_DECIMALS = 9


@dataclass(frozen=True)
class DateSpread:
    """Levels of the next order's law, by activity group; without a fit, those of a true law.

    Parameters
    ----------
    heavy_from : float
        Purchase days before the cutoff from which a repeat buyer is a heavy one.
    middle : float
        Level of the expected date, for everybody.
    early, late : tuple of float
        Levels of the early and of the late date for one-time, regular and heavy buyers.
    """

    heavy_from: float = 2.0
    middle: float = MIDDLE
    early: tuple[float, ...] = (EARLY,) * _GROUPS
    late: tuple[float, ...] = (LATE,) * _GROUPS

    @classmethod
    def fit(
        cls,
        before: npt.ArrayLike,
        at: npt.ArrayLike,
        orders: npt.ArrayLike,
        weights: npt.ArrayLike | None = None,
        *,
        middle: float = MIDDLE,
        heavy_from: float | None = None,
    ) -> Self:
        """Learn the levels from the buyers of past, complete windows.

        Parameters
        ----------
        before, at : array-like of shape (buyers,)
            Probability, given an order in the window, of one before the day of the next order, and on or before it, as
            from `foretell.models.next_order.next_order_levels`, by a model that was fitted before the window.
        orders : array-like of shape (buyers,)
            Purchase days before the cutoff, >= 1.
        weights : array-like of shape (buyers,), optional
            How much each row counts, >= 0.
        middle : float
            Level of the expected date, in (0, 1). It is not learnt here: the share of past buyers who came before the
            median moves with the season, and moving the median by it made dates worse on later windows.
        heavy_from : float, optional
            Purchase days that make a heavy buyer; by default those of the top tenth of the buyers given.

        Returns
        -------
        DateSpread

        Raises
        ------
        FitError
            If lengths differ or values are out of range.

        Notes
        -----
        Days are whole: an order on the early date itself is within, so the early level is learnt from `at` and the late
        one from `before`. Where people order every few days, a day is a tenth of the law and more, and a slight change
        of the law turns whole days out; a quarter of the day's probability is therefore left on either side.

        Of n buyers the i-th smallest is the i / (n + 1) quantile (split conformal prediction; Vovk, Gammerman, Shafer
        2005; weighted: Kish's effective n). A group of n buyers is averaged with all buyers, and these with the true
        law's levels, in proportion n : 200.
        """
        start, end, bought, counts = _checked(before, at, orders, weights, middle)
        if heavy_from is None:
            heavy_from = float(np.quantile(bought, 1 - _HEAVY_SHARE)) if bought.size else 2.0
        group = _group(bought, heavy_from)
        start, end = start + _MARGIN * (end - start), end - _MARGIN * (end - start)
        every = (_pooled(end, counts, EARLY, EARLY), _pooled(start, counts, LATE, LATE))
        early, late = [], []
        for number in range(_GROUPS):
            of = group == number
            low = _pooled(end[of], counts[of], EARLY, every[0])
            high = _pooled(start[of], counts[of], LATE, every[1])
            early.append(round(float(np.clip(low, _EDGE, middle)), _DECIMALS))
            late.append(round(float(np.clip(high, middle, 1 - _EDGE)), _DECIMALS))
        return cls(heavy_from, middle, tuple(early), tuple(late))

    def levels(self, orders: npt.ArrayLike) -> Matrix:
        """Levels of the early, the expected and the late date.

        Parameters
        ----------
        orders : array-like of shape (customers,)
            Purchase days before the cutoff.

        Returns
        -------
        ndarray of shape (customers, 3)
            Rising from left to right, in (0, 1), as `foretell.models.next_order.next_order_at_levels` takes them.
        """
        group = _group(np.asarray(orders, dtype=np.float64), self.heavy_from)
        return np.stack(
            [np.asarray(self.early)[group], np.full(group.shape, self.middle), np.asarray(self.late)[group]], axis=1
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the levels as plain values.

        Returns
        -------
        dict of str to object
            For JSON; read back by `from_dict`.
        """
        return {**asdict(self), "early": list(self.early), "late": list(self.late)}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Rebuild the levels from plain values.

        Parameters
        ----------
        state : mapping
            As from `to_dict`, possibly through JSON.

        Returns
        -------
        DateSpread

        Raises
        ------
        BundleError
            If the state is not that of levels.
        """
        name = cls.__name__
        if set(state) != {"heavy_from", "middle", "early", "late"}:
            raise damaged(name, "levels")
        heavy_from, middle = state["heavy_from"], state["middle"]
        if not is_finite(heavy_from):
            raise damaged(name, "heavy_from")
        if not is_finite(middle) or not 0 < middle < 1:
            raise damaged(name, "middle")
        early, late = (_read(state[key], key, name) for key in ("early", "late"))
        if max(early) > middle or min(late) < middle:
            raise damaged(name, "levels")
        return cls(float(heavy_from), float(middle), early, late)


def _read(values: object, key: str, name: str) -> tuple[float, ...]:
    if not isinstance(values, list | tuple) or len(values) != _GROUPS:
        raise damaged(name, key)
    if not all(is_finite(value) and 0 < value < 1 for value in values):
        raise damaged(name, key)
    return tuple(float(value) for value in values)


def _pooled(levels: Vector, weights: Vector, wanted: float, parent: float) -> float:
    order = np.argsort(levels, kind="stable")
    order = order[weights[order] > 0]
    if not order.size:
        return parent
    counts = weights[order]
    size = float(counts.sum() ** 2 / (counts**2).sum())
    reached = np.cumsum(counts) / counts.sum() * size / (size + 1)
    found = float(np.interp(wanted, reached, levels[order]))
    return (size * found + _POOLED * parent) / (size + _POOLED)


def _group(orders: Vector, heavy_from: float) -> npt.NDArray[np.intp]:
    return np.where(orders <= 1, 0, np.where(orders >= heavy_from, 2, 1))


def _checked(
    before: npt.ArrayLike, at: npt.ArrayLike, orders: npt.ArrayLike, weights: npt.ArrayLike | None, middle: float
) -> tuple[Vector, Vector, Vector, Vector]:
    start, end, bought = (np.asarray(column, dtype=np.float64) for column in (before, at, orders))
    counts = np.ones(start.shape) if weights is None else np.asarray(weights, dtype=np.float64)
    shapes = {"before": start.shape, "at": end.shape, "orders": bought.shape, "weights": counts.shape}
    if start.ndim != 1 or len(set(shapes.values())) > 1:
        found = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise FitError("Levels of dates cannot be learnt: lengths differ (" + found + ").")
    wrong = {
        "0 <= before <= at <= 1 is broken": ~((start >= 0) & (start <= end) & (end <= 1)),
        "orders is below 1 or not finite": ~((bought >= 1) & np.isfinite(bought)),
        "weights is negative or not finite": ~((counts >= 0) & np.isfinite(counts)),
    }
    problems = [f"{what} in {rows.sum()} row(s)" for what, rows in wrong.items() if rows.any()]
    if not (is_finite(middle) and 0 < middle < 1):
        problems.append("middle is not in (0, 1)")
    if problems:
        raise FitError("Levels of dates cannot be learnt: " + "; ".join(problems) + ".")
    return start, end, bought, counts
