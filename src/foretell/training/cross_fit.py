"""Trees that are never asked about a customer whom they were fitted to."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from foretell.models.binned import Binned
from foretell.models.boosting import Booster
from foretell.models.boosting_params import BoostingParams
from foretell.models.objectives import Objective
from foretell.tables.buckets import bucket_of

Vector = NDArray[np.float64]
Ints = NDArray[np.int64]

FOLDS = 5
"""Parts of the customers: the trees of each part are fitted and stopped on the others."""

STOPPERS = 4
"""One in so many of the fitting customers stops the boosting instead of being fitted to."""

_MANY_ROWS = 20_000
_FOLDS_OF_MANY = 3
_ROWS_IN_ALL = 40_000
"""Rows that trees are fitted to in all draws: about those of a large shop, which gets a single draw."""

_MOST_DRAWS = 4


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of all windows of one answer, the newest window first.

    Parameters
    ----------
    binned : Binned
        Inputs of all rows, as from `Encoding.to_matrix`.
    sizes : tuple of int
        Rows of each window, the newest first.
    actual, offset, weight : ndarray of shape (rows,)
        What happened, the offset on the link scale, and how much a row counts.
    fold, stopper : ndarray of int64, shape (rows,)
        Part of the row's customer, and another, independent one that chooses who stops the boosting; the same in
        every window.
    customer : ndarray of int64, shape (rows,)
        Number of the row's customer; the same in every window.
    """

    binned: Binned
    sizes: tuple[int, ...]
    actual: Vector
    offset: Vector
    weight: Vector
    fold: Ints
    stopper: Ints
    customer: Ints

    def redrawn(self, number: int) -> "Rows":
        """Draw the parts and the stoppers once more, by customer as before.

        Parameters
        ----------
        number : int
            Of the draw, >= 0; 0 is the parts as they are.

        Returns
        -------
        Rows
        """
        if number == 0:
            return self
        names = pl.Series([f"{number}"]) + pl.Series(self.customer).cast(pl.String)
        folds = int(self.fold.max(initial=0)) + 1
        fold, stopper = (bucket_of(names, count, salt=salt) for count, salt in ((folds, "fold"), (STOPPERS, "stop")))
        return replace(self, fold=fold, stopper=stopper)

    def by_window(self, values: Vector) -> tuple[Vector, ...]:
        """Split values of all rows into those of each window.

        Parameters
        ----------
        values : ndarray of shape (rows,)
            One a row.

        Returns
        -------
        tuple of ndarray
            The newest window first.
        """
        return tuple(np.split(values, np.cumsum(self.sizes)[:-1]))


@dataclass(frozen=True, eq=False)
class CrossFit:
    """Trees of every part, and what they say of the customers that they were not fitted to.

    Parameters
    ----------
    boosters : tuple of Booster
        One a part and draw.
    margin : ndarray of shape (rows,)
        Margin of each row, from the trees of its own part, mean over draws.
    """

    boosters: tuple[Booster, ...]
    margin: Vector


def folds_for(rows: int) -> int:
    """Return into how many parts the customers are split.

    Parameters
    ----------
    rows : int
        Rows of all windows.

    Returns
    -------
    int
        5; 3 where there are so many rows that two thirds of them say as much as four fifths.
    """
    return FOLDS if rows <= _MANY_ROWS else _FOLDS_OF_MANY


def draws_for(rows: int) -> int:
    """Return how often customers are split anew, where a fit costs next to nothing.

    Parameters
    ----------
    rows : int
        Rows of all windows.

    Returns
    -------
    int
        As many as keep trees to the work of `_ROWS_IN_ALL` rows, from 1 to 4: which customers stop the trees of a small
        shop is chance, and the mean over several draws errs less (Breiman 1996, "Bagging predictors").
    """
    return min(max(_ROWS_IN_ALL // max(rows, 1), 1), _MOST_DRAWS)


def cross_fit(
    rows: Rows, objective: Objective, params: BoostingParams, *, seed: int, threads: int, draws: int = 1
) -> CrossFit:
    """Fit trees for each part of the customers on the other parts.

    Parameters
    ----------
    rows : Rows
        All windows' rows.
    objective : {'poisson', 'tweedie', 'binary'}
        Law of the outcome.
    params : BoostingParams
        Settings of the trees.
    seed : int
        Seed of the draws.
    threads : int
        Threads of LightGBM.
    draws : int
        How often the customers are split, >= 1.

    Returns
    -------
    CrossFit
        Margins are 0 where a part's trees did not win on the customers that stop them.
    """
    found = [
        _cross_fit(rows.redrawn(draw), objective, params, seed=seed + draw * FOLDS, threads=threads)
        for draw in range(draws)
    ]
    return CrossFit(
        tuple(booster for each in found for booster in each.boosters), np.mean([each.margin for each in found], axis=0)
    )


def _cross_fit(rows: Rows, objective: Objective, params: BoostingParams, *, seed: int, threads: int) -> CrossFit:
    margin = np.zeros(len(rows.actual))
    boosters: list[Booster] = []
    for part in range(int(rows.fold.max(initial=0)) + 1):
        mine = rows.fold == part
        stops = ~mine & (rows.stopper == 0)
        fits = ~mine & ~stops
        booster = Booster(objective, params, seed=seed + part, threads=threads)
        if rows.actual[fits].any() and stops.any():
            booster.fit_part(
                rows.binned,
                np.flatnonzero(fits),
                np.flatnonzero(stops),
                actual=rows.actual,
                offset=rows.offset,
                weights=rows.weight,
            )
            margin[mine] = booster.margin(rows.binned.matrix[mine])
        boosters.append(booster)
    return CrossFit(tuple(boosters), margin)
