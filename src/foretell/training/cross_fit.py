"""Trees that are never asked about a customer whom they were fitted to."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from foretell.models.boosting import Booster, BoostingParams, Validation
from foretell.models.objectives import Objective

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Ints = NDArray[np.int64]

FOLDS = 5
"""Parts of the customers: the trees of each part are fitted and stopped on the others."""

STOPPERS = 4
"""One in so many of the fitting customers stops the boosting instead of being fitted to."""

_MANY_ROWS = 40_000
_FOLDS_OF_MANY = 3


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of one or several windows, for one answer.

    Parameters
    ----------
    matrix : ndarray of shape (rows, inputs)
        As from `Encoding.to_matrix`.
    actual, offset, weight : ndarray of shape (rows,)
        What happened, the offset on the link scale, and how much a row counts.
    fold, stopper : ndarray of int64, shape (rows,)
        Part of the row's customer, and another, independent one that chooses who stops the boosting; the same in
        every window.
    customer : ndarray of int64, shape (rows,)
        Number of the row's customer; the same in every window.
    """

    matrix: Matrix
    actual: Vector
    offset: Vector
    weight: Vector
    fold: Ints
    stopper: Ints
    customer: Ints


@dataclass(frozen=True, eq=False)
class CrossFit:
    """Trees of every part, and what they say of the customers that they were not fitted to.

    Parameters
    ----------
    boosters : tuple of Booster
        One a part.
    margin : ndarray of shape (rows,)
        Margin of each row, from the trees of its own part.
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


def cross_fit(rows: Rows, objective: Objective, params: BoostingParams, *, seed: int, threads: int) -> CrossFit:
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

    Returns
    -------
    CrossFit
        Margins are 0 where a part's trees did not win on the customers that stop them.
    """
    margin = np.zeros(len(rows.actual))
    boosters: list[Booster] = []
    for part in range(int(rows.fold.max(initial=0)) + 1):
        mine = rows.fold == part
        stops = ~mine & (rows.stopper == 0)
        fits = ~mine & ~stops
        booster = Booster(objective, params, seed=seed + part, threads=threads)
        if fits.any() and stops.any():
            held = Validation(rows.matrix[stops], rows.actual[stops], rows.offset[stops], rows.weight[stops])
            booster.fit(
                rows.matrix[fits], rows.actual[fits], rows.offset[fits], weights=rows.weight[fits], validation=held
            )
            margin[mine] = booster.margin(rows.matrix[mine])
        boosters.append(booster)
    return CrossFit(tuple(boosters), margin)


def stack(parts: Sequence[Rows]) -> Rows:
    """Put the rows of several windows under one another.

    Parameters
    ----------
    parts : sequence of Rows
        At least one.

    Returns
    -------
    Rows
    """
    first = parts[0]
    return replace(
        first,
        **{
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("matrix", "actual", "offset", "weight", "fold", "stopper", "customer")
        },
    )
