"""Columns that say what other columns say: near copies in any disguise, and columns that were computed from them."""

from collections.abc import Collection, Iterator, Sequence

import numpy as np
import polars as pl

from foretell.evaluation.vectors import FloatArray, IntArray
from foretell.training.leak_joint import ColumnTrial, is_learnable
from foretell.training.leak_measures import FOLDS, area, as_groups, as_numbers

COPY = 0.9
"""Share of a column's variance (of ranks, of levels) that another one explains, from which it is a near copy."""

DERIVED = 0.99
"""Area under the ROC curve at which columns tell on which side of its median another one lies. Money of 90 days and of
a year reach .97; a product or a sum of the columns reaches .995."""

_MOST_LEVELS = 50
_FEWEST_VALUES = 10
_MOST_ORIGINALS = 4


def near_copies(
    frame: pl.DataFrame, originals: Sequence[str], among: Collection[str], seeds: FloatArray, fold: IntArray
) -> dict[str, str]:
    """Find columns that stand in for others, however they are written.

    Parameters
    ----------
    frame : polars.DataFrame
        All the columns.
    originals : sequence of str
        The columns to look for.
    among : collection of str
        Columns that may be copies.
    seeds : ndarray of shape (rows,)
        1 for a seed, else 0; a flag of the range that seeds lie in is a copy, too.
    fold : ndarray of int, shape (rows,)
        Fold of each row, from 0 to 4.

    Returns
    -------
    dict of str to str
        Copy to the reason in words.
    """
    targets = [(name, target) for name in originals for target in _targets(frame.get_column(name), seeds)]
    found = {}
    for name in among:
        groups = as_groups(frame.get_column(name))
        if groups is None or name in originals:
            continue
        for original, target in targets:
            if (figure := explained(target, groups, fold)) >= COPY:
                found[name] = f"is a near copy of {original!r} (tells {100 * figure:.0f} % of its variance)"
                break
    return found


def derived_columns(
    frame: pl.DataFrame, originals: Sequence[str], among: Collection[str], *, seed: int, threads: int
) -> dict[str, str]:
    """Find columns that were computed from several others.

    Parameters
    ----------
    frame : polars.DataFrame
        All the columns.
    originals : sequence of str
        The columns that others may be computed from; more than four are not asked, since nearly everything follows.
    among : collection of str
        Columns to look at.
    seed, threads : int
        Seed of the folds, threads of LightGBM.

    Returns
    -------
    dict of str to str
        Column to the reason in words.
    """
    names = [name for name in originals if is_learnable(frame.get_column(name))]
    if not 2 <= len(names) <= _MOST_ORIGINALS:
        return {}
    if not 2 <= len(names) <= _MOST_ORIGINALS:
        return {}
    found = {}
    for name in among:
        values = as_numbers(frame.get_column(name))
        if name in originals or values is None or np.unique(values).size < _FEWEST_VALUES:
            continue
        upper = (np.nan_to_num(values, nan=-np.inf) > np.nanmedian(values)).astype(np.float64)
        if min(upper.sum(), (1 - upper).sum()) < _FEWEST_VALUES:
            continue
        trial = ColumnTrial(frame.select(names), names, upper, np.random.default_rng(seed), threads)
        if area(upper, trial.margins(names)) >= DERIVED:
            found[name] = f"follows from {' and '.join(repr(each) for each in names)}"
    return found


def explained(target: FloatArray, groups: IntArray, fold: IntArray) -> float:
    """Share of the variance of some numbers that groups explain, each row's group mean learnt in the other folds.

    Parameters
    ----------
    target : ndarray of shape (rows, numbers)
        What is to be explained.
    groups : ndarray of int, shape (rows,)
        Group of each row, from 0.
    fold : ndarray of int, shape (rows,)
        Fold of each row, from 0 to 4.

    Returns
    -------
    float
        At most 1; about 0 where groups tell nothing.
    """
    cell, size = groups * FOLDS + fold, int(groups.max()) + 1
    rows = np.bincount(cell, minlength=size * FOLDS).reshape(size, FOLDS)
    others = rows.sum(1, keepdims=True) - rows
    error = 0.0
    for values in (target - target.mean(0)).T:
        total = np.bincount(cell, weights=values, minlength=size * FOLDS).reshape(size, FOLDS)
        mean = (total.sum(1, keepdims=True) - total) / np.maximum(others, 1)
        error += float(((values - mean[groups, fold]) ** 2).sum())
    spread = float(((target - target.mean(0)) ** 2).sum())
    return 1 - error / spread if spread > 0 else 0.0


def _targets(column: pl.Series, seeds: FloatArray) -> Iterator[FloatArray]:
    values = as_numbers(column)
    if values is None:
        codes = as_groups(column)
        if codes is not None and np.unique(codes).size <= _MOST_LEVELS:
            yield np.asarray(codes[:, None] == np.unique(codes), dtype=np.float64)
        return
    yield pl.Series(values).fill_nan(None).rank().fill_null(0.0).to_numpy()[:, None]
    own = values[(seeds > 0) & ~np.isnan(values)]
    if own.size:
        low, high = np.quantile(own, [0.02, 0.98])
        inside = ((values >= low) & (values <= high)).astype(np.float64)
        if 0 < inside.sum() < inside.size:
            yield inside[:, None]
