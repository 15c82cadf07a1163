"""The leakage guard of lookalikes: columns that define the seeds are found, left out and named."""

from collections.abc import Collection, Sequence

import numpy as np
import polars as pl

from foretell.evaluation.vectors import FloatArray, IntArray
from foretell.training.leak_guard import lone_leak
from foretell.training.leak_joint import ColumnTrial, is_learnable
from foretell.training.leak_measures import FOLDS, area
from foretell.training.near_copies import derived_columns, near_copies
from foretell.training.seed_rule import find_seed_rule

_MOST_ROWS = 6_000
_MOST_SEEDS = 2_000
_FENCED = 0.9
_LOWEST = 0.02
_FADING = 1.5
_AS_WELL = 0.01

_TOO_GOOD, _BELIEVABLE = 0.985, 0.97
"""Areas from which columns are taken out, and down to which. Last quarter's spend tells the best twentieth of a
supermarket's households by the next one with .976, honestly."""


def guarded_columns(
    frame: pl.DataFrame,
    seeds: FloatArray,
    features: Sequence[str],
    *,
    rule_columns: Sequence[str] = (),
    allow: Collection[str] = (),
    seed: int = 0,
    threads: int = 1,
) -> dict[str, str]:
    """Find the columns that make resemblance circular.

    Columns of the seeds' rule, as far as it is known; columns that tell the seeds alone (area under the ROC curve .97
    or more); those that a model needs to tell them too well (.985 or more, taken out until it is below .97; or .9 or
    more, with no seed outside a fence); near copies of all these in any disguise; and what was computed from them.

    Parameters
    ----------
    frame : polars.DataFrame
        The rows; has the features and the columns of the rule.
    seeds : ndarray of shape (rows,)
        1 for a seed, else 0.
    features : sequence of str
        Columns that would be learnt from.
    rule_columns : sequence of str
        Columns that chose the seeds.
    allow : collection of str
        Columns that a person has looked at: never left out.
    seed, threads : int
        Seed of samples and folds, threads of LightGBM.

    Returns
    -------
    dict of str to str
        Column to the reason in words; columns of the rule that are no features are not in it.
    """
    rng = np.random.default_rng(seed)
    rows = _sample(seeds, rng)
    search = _Search(frame[rows], seeds[rows], [name for name in features if name not in allow], rng)
    known = [name for name in rule_columns if name not in allow]
    search.leave_out(dict.fromkeys(known, "defines the seeds"))
    search.leave_out(derived_columns(search.frame, known, search.left, seed=seed, threads=threads))
    for name in search.left:
        if name in search.left and (leak := lone_leak(search.frame.get_column(name), search.seeds, search.fold)):
            search.leave_out({name: f"tells the seeds alone (area under the ROC curve {leak.figure:.3f})"})
    needed = _needed(search, threads)
    search.leave_out(derived_columns(search.frame, [*known, *needed], search.left, seed=seed, threads=threads))
    return {name: why for name, why in search.found.items() if name in features}


class _Search:
    """What is still in doubt, and what was left out; copies leave together with their originals."""

    def __init__(
        self, frame: pl.DataFrame, seeds: FloatArray, features: Sequence[str], rng: np.random.Generator
    ) -> None:
        self.frame, self.seeds, self.features, self.rng = frame, seeds, tuple(features), rng
        self.fold: IntArray = rng.permutation(seeds.size) % FOLDS
        self.found: dict[str, str] = {}

    @property
    def left(self) -> list[str]:
        return [name for name in self.features if name not in self.found]

    def leave_out(self, reasons: dict[str, str]) -> None:
        self.found |= reasons
        self.found |= near_copies(self.frame, list(reasons), self.left, self.seeds, self.fold)


def _needed(search: _Search, threads: int) -> list[str]:
    """Leave out what a model needs, again and again, until it no longer tells the seeds too well."""
    names = [name for name in search.left if is_learnable(search.frame.get_column(name))]
    if not names or min(search.seeds.sum(), (1 - search.seeds).sum()) < FOLDS:
        return []
    trial = ColumnTrial(search.frame.select(names), names, search.seeds, search.rng, threads)
    needed: list[str] = []
    margins = trial.margins(names)
    reached = area(search.seeds, margins)
    while names and (reached >= (_BELIEVABLE if needed else _TOO_GOOD) or _is_fenced(search.seeds, margins, reached)):
        words = f"(area under the ROC curve {reached:.3f} with it)"
        rule = find_seed_rule(search.frame, search.seeds, names)
        if 0.5 * (rule.seeds_share + 1 - rule.others_share) >= reached - _AS_WELL:
            taken = {each.column: f"is part of a plain rule that tells the seeds {words}" for each in rule.conditions}
        else:
            taken = {trial.most_needed(names): f"is needed to tell the seeds too well {words}"}
        needed += taken
        search.leave_out(taken)
        names = [each for each in names if each in search.left]
        margins = trial.margins(names)
        reached = area(search.seeds, margins)
    return needed


def _is_fenced(seeds: FloatArray, margins: FloatArray, reached: float) -> bool:
    """Whether the seeds are a part of those within a rule, of whom others are not known.

    Then all seeds lie above a fence, and above it nothing tells them from the others there: of a share p of the others
    above it, an area of 1 − p/2 is left. Where resemblance fades, as in two normal laws, 3 times as many others or
    more lie above the lowest 2 % of the seeds.
    """
    fence = np.quantile(margins[seeds > 0], _LOWEST)
    above = float((margins[seeds == 0] >= fence).mean())
    return reached >= _FENCED and above <= _FADING * 2 * (1 - reached)


def _sample(seeds: FloatArray, rng: np.random.Generator) -> IntArray:
    own, others = np.flatnonzero(seeds > 0), np.flatnonzero(seeds == 0)
    own = rng.permutation(own)[:_MOST_SEEDS]
    others = rng.permutation(others)[: _MOST_ROWS - own.size]
    return np.sort(np.concatenate([own, others]))
