"""The seeds' own rule: the plain conditions that nearly all seeds fulfil and few others do."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from foretell.evaluation.vectors import FloatArray, IntArray
from foretell.training.conditions import Condition, is_category, level_texts, range_numbers

MOST_CONDITIONS = 3
_KEPT = 0.97
_WORTH = 0.8
_TAIL = 0.015
_MOST_LEVELS = 30


@dataclass(frozen=True)
class SeedRule:
    """Conditions that all have to hold, and how many fulfil them.

    Parameters
    ----------
    conditions : tuple of Condition
        Up to three; none where seeds are to be found everywhere.
    seeds_share, others_share : float
        Share of the seeds, and of everybody else, that fulfils all of them.
    """

    conditions: tuple[Condition, ...]
    seeds_share: float
    others_share: float

    def holds(self, frame: pl.DataFrame) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Tell for each row whether it fulfils the rule.

        Parameters
        ----------
        frame : polars.DataFrame
            Has the columns of the conditions.

        Returns
        -------
        ndarray of bool, shape (rows,)
        """
        found = np.ones(frame.height, dtype=np.bool_)
        for condition in self.conditions:
            found &= condition.holds(frame)
        return found

    def shares_within(self, ranked: pl.DataFrame, order: IntArray, sizes: Sequence[float]) -> list[float | None]:
        """Tell how much of the top of a ranking fulfils the rule.

        Parameters
        ----------
        ranked : polars.DataFrame
            Has the columns of the conditions; at least one row.
        order : ndarray of int, shape (rows,)
            Rows, best first.
        sizes : sequence of float
            Sizes of the top, as shares.

        Returns
        -------
        list of float or None
            By size; None where there is no rule.
        """
        within = self.holds(ranked)[order]
        tops = [max(round(size * within.size), 1) for size in sizes]
        return [float(within[:top].mean()) if self.conditions else None for top in tops]

    def __str__(self) -> str:
        """Return the rule in words."""
        if not self.conditions:
            return "no plain rule tells the seeds from the others"
        return (
            f"{' and '.join(str(condition) for condition in self.conditions)} "
            f"({100 * self.seeds_share:.0f} % of the seeds, {100 * self.others_share:.0f} % of the others)"
        )


def find_seed_rule(frame: pl.DataFrame, seeds: FloatArray, columns: Sequence[str]) -> SeedRule:
    """Find the rule, one condition after the other: each keeps 97 % of the seeds and the fewest others.

    Parameters
    ----------
    frame : polars.DataFrame
        The rows.
    seeds : ndarray of shape (rows,)
        1 for a seed, else 0; both present.
    columns : sequence of str
        Columns that conditions may be about.

    Returns
    -------
    SeedRule
        A condition that keeps more than four fifths of the others is not worth its words.

    References
    ----------
    Friedman, Fisher (1999), "Bump hunting in high-dimensional data", Statistics and Computing 9 (the patient rule
    induction method, here with one cut a column).
    """
    possible = [(each, each.holds(frame)) for name in columns for each in _possible(frame.get_column(name), seeds)]
    inside = np.ones(frame.height, dtype=np.bool_)
    chosen: list[Condition] = []
    while len(chosen) < MOST_CONDITIONS:
        own, others = inside[seeds > 0].sum(), inside[seeds == 0].sum()
        if not others:
            break
        rest = []
        for condition, holds in possible:
            both = inside & holds
            kept, left = both[seeds > 0].sum() / own, both[seeds == 0].sum() / others
            if kept >= _KEPT and left <= _WORTH:
                # Seeds lost weigh as much as others kept: an exact edge goes before a slightly tighter one.
                rest.append((round(float(left - kept), 9), str(condition), condition, both))
        if not rest:
            break
        best = min(rest, key=lambda each: each[:2])
        chosen.append(best[2])
        inside = best[3]
    return SeedRule(tuple(chosen), float(inside[seeds > 0].mean()), float(inside[seeds == 0].mean()))


def _possible(column: pl.Series, seeds: FloatArray) -> Iterator[Condition]:
    name = column.name
    if is_category(column):
        texts = level_texts(column)
        if texts.n_unique() <= _MOST_LEVELS:
            counts = texts.filter(pl.Series(seeds > 0)).drop_nulls().alias("level").value_counts(name="rows")
            ordered = counts.sort(["rows", "level"], descending=[True, False])
            share = ordered["rows"].cum_sum() / max(int(seeds.sum()), 1)
            for size in range(1, ordered.height + 1):
                if share[size - 1] >= _KEPT:
                    yield Condition(name, levels=tuple(sorted(ordered["level"][:size])))
                    break
        return
    values = range_numbers(column)
    own = values[(seeds > 0) & ~np.isnan(values)]
    if own.size:
        for low, high in ((0.0, 1.0), (_TAIL, 1 - _TAIL), (2 * _TAIL, 1.0), (0.0, 1 - 2 * _TAIL)):
            ends = (float(value) for value in np.quantile(own, [low, high], method="nearest"))
            first, last = ends
            yield Condition(name, low=first)
            yield Condition(name, high=last)
            yield Condition(name, low=first, high=last)
