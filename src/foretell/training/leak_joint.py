"""Leaks that show beside other columns: in a difference of two, in rows told for certain, in a model's need."""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import polars as pl

from foretell.evaluation.vectors import FloatArray, IntArray
from foretell.models.boosting import Booster
from foretell.models.boosting_params import BoostingParams
from foretell.models.encoding import Encoding
from foretell.models.objectives import Matrix, losses
from foretell.training.leak_measures import area, as_groups, as_numbers

TOO_GOOD = 0.98
"""Area under the ROC curve from which a whole model is suspect; columns leave until it falls below .95."""

JUMP = 0.07
SUSPECT = 0.93
"""One column that takes .07 of the area with it, from .93 or more, is a leak. The most that a single column takes from
an honest model is .02 on subscriptions and .05 on shops, whose features tell the same thing in several ways."""

_PAIR = 0.97
_PAIR_ROWS = 4_000
_SCREENED_ROWS = 1_000
_MOST_PAIRS = 800
_FITTED_ROWS = 6_000
_CERTAIN_SHARE = 0.2
_CERTAIN_ODDS = -30.0
_GROUP_ODDS = -8.0
_PARTS = 3
_MOST_REMOVED = 5
_BELIEVABLE = 0.95
_ROUNDS = 60
_TREES = BoostingParams(num_leaves=8, learning_rate=0.15, min_child_samples=10, lambda_l2=1.0)

Found = tuple[str, str, float, str]
"""Kind, column, figure and words."""


def joint_leaks(frame: pl.DataFrame, events: FloatArray, seed: int, threads: int) -> list[Found]:
    """Find leaks among columns of which none is decisive alone.

    Parameters
    ----------
    frame : polars.DataFrame
        The columns.
    events : ndarray of shape (rows,)
        0 or 1.
    seed : int
        Seed of the samples and folds.
    threads : int
        Threads of LightGBM.

    Returns
    -------
    list of tuple
        Kind, column, figure and words of each.
    """
    if not frame.width:
        return []
    rng = np.random.default_rng(seed)
    found = list(_pairs(frame, events, rng))
    chosen = np.sort(rng.permutation(events.size)[:_FITTED_ROWS])
    frame, events = frame[chosen], events[chosen]
    if min(events.sum(), (1 - events).sum()) < 2 * _PARTS:
        return found
    names = [name for name in _without(frame.columns, found) if is_learnable(frame.get_column(name))]
    trial = ColumnTrial(frame.select(names), names, events, rng, threads)
    found += _one_sided(frame, trial)
    found += _needed(trial, _without(names, found))
    return found


def _without(names: Sequence[str], found: Sequence[Found]) -> list[str]:
    named = {column for _, column, _, _ in found}
    return [name for name in names if name not in named]


def _pairs(frame: pl.DataFrame, events: FloatArray, rng: np.random.Generator) -> Iterator[Found]:
    chosen = rng.permutation(events.size)[:_PAIR_ROWS]
    happened = events[chosen]
    columns = {}
    for name in frame.columns:
        values = as_numbers(frame.get_column(name)) if frame.schema[name].is_numeric() else None
        if values is not None and np.unique(values[chosen]).size > 2:
            columns[name] = values[chosen]
    pairs = list(combinations(columns, 2))
    if len(pairs) > _MOST_PAIRS:
        pairs = [pairs[place] for place in np.sort(rng.choice(len(pairs), _MOST_PAIRS, replace=False))]
    few = slice(_SCREENED_ROWS)
    if not 0 < happened[few].sum() < happened[few].size:
        return
    for first, second in pairs:
        rough, _ = max(_of_two(columns[first][few], columns[second][few], happened[few]))
        if rough < _BELIEVABLE:
            continue
        figure, how = max(_of_two(columns[first], columns[second], happened))
        if figure >= _PAIR:
            for name, other in ((first, second), (second, first)):
                words = f"with {other!r}, its {how} tells the outcome (area under the ROC curve {figure:.3f})."
                yield "pair", name, figure, words


def _of_two(first: FloatArray, second: FloatArray, events: FloatArray) -> Iterator[tuple[float, str]]:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for how, values in (("difference", first - second), ("ratio", first / second)):
            # Absence is the largest value; what it tells alone is another kind of leak.
            yield area(events, np.nan_to_num(values, nan=1e300, posinf=1e299, neginf=-1e299)), how


def _one_sided(frame: pl.DataFrame, trial: "ColumnTrial") -> Iterator[Found]:
    """Columns with values that only one class has, where all the others see no such thing.

    An aggregate that saw a part of the outcome's window is so: whoever has one order in it has ordered. Groups count
    whose purity has a chance below e⁻⁸ by the model of all other columns; together below e⁻³⁰.
    """
    margin = np.full(trial.events.size, np.log(trial.events.sum() / (1 - trial.events).sum()))
    for name in trial.names:
        groups = as_groups(frame.get_column(name))
        if groups is None or not any(_given_away(groups, trial.events, margin)):
            continue
        others = trial.margins([other for other in trial.names if other != name])
        share, event = max(zip(_given_away(groups, trial.events, others), (0, 1), strict=True))
        if share:
            class_ = "who had the outcome" if event else "who did not have the outcome"
            words = (
                f"its values give away {100 * share:.0f} % of those {class_}, without exception and beyond all others."
            )
            yield "one_sided", name, share, words


def _given_away(groups: IntArray, events: FloatArray, margin: FloatArray) -> tuple[float, float]:
    """Share of each class in groups that are pure against all odds; 0 where it is less than a fifth."""
    size = int(groups.max()) + 1
    rows, hits = np.bincount(groups, minlength=size), np.bincount(groups, weights=events, minlength=size)
    log_odds = -np.bincount(groups, weights=losses("binary", events, margin), minlength=size)
    shares = []
    for event, pure in ((0, hits == 0), (1, hits == rows)):
        odd = pure & (log_odds <= _GROUP_ODDS)
        share = float(rows[odd].sum() / np.sum(events == event))
        shares.append(share if share >= _CERTAIN_SHARE and log_odds[odd].sum() <= _CERTAIN_ODDS else 0.0)
    return shares[0], shares[1]


def _needed(trial: "ColumnTrial", names: list[str]) -> list[Found]:
    margin = trial.margins(names)
    whole = reached = area(trial.events, margin)
    if whole < SUSPECT:
        return []
    gone: list[str] = []
    while len(gone) < _MOST_REMOVED and len(gone) < len(names):
        gone.append(trial.most_needed([name for name in names if name not in gone]))
        reached = area(trial.events, trial.margins([name for name in names if name not in gone]))
        if reached < _BELIEVABLE or whole < TOO_GOOD:
            break
    if reached >= _BELIEVABLE or (whole - reached < JUMP and whole < TOO_GOOD):
        return []
    others = "it" if len(gone) == 1 else " and ".join(repr(name) for name in gone)
    words = f"the area under the ROC curve is {whole:.3f} with {others} and {reached:.3f} without."
    return [("joint", name, whole - reached, words) for name in gone]


def is_learnable(column: pl.Series) -> bool:
    """Whether trees can be fitted to a column.

    Parameters
    ----------
    column : polars.Series
        Of any type.

    Returns
    -------
    bool
        True for numbers, flags, and texts that repeat.
    """
    if column.dtype == pl.String:
        return column.n_unique() <= 0.5 * column.len()
    return column.dtype.is_integer() or column.dtype.is_float() or column.dtype in (pl.Boolean, pl.Categorical, pl.Enum)


class ColumnTrial:
    """The same trees on the same folds, for any choice of columns.

    Parameters
    ----------
    frame : polars.DataFrame
        The columns; infinite numbers count as missing.
    names : list of str
        Those that may be chosen.
    events : ndarray of shape (rows,)
        0 or 1, three of each at least.
    rng : numpy.random.Generator
        Deals out folds and shuffles.
    threads : int
        Threads of LightGBM.
    """

    def __init__(
        self, frame: pl.DataFrame, names: list[str], events: FloatArray, rng: np.random.Generator, threads: int
    ) -> None:
        finite = frame.with_columns(pl.selectors.float().replace([float("inf"), float("-inf")], [None, None]))
        encoding = Encoding.learn(finite, names)
        self.matrix: Matrix = encoding.to_matrix(finite)
        self.categorical = set(encoding.categorical)
        self.names, self.events, self.threads = names, events, threads
        self.part: IntArray = np.empty(events.size, dtype=np.intp)
        order = np.lexsort((rng.random(events.size), events))
        self.part[order] = np.arange(events.size) % _PARTS
        self.shuffle = rng.permutation(events.size)

    def margins(self, kept: list[str]) -> FloatArray:
        """Predict every row from some of the columns.

        Parameters
        ----------
        kept : list of str
            The columns.

        Returns
        -------
        ndarray of shape (rows,)
            Held-out log-odds.
        """
        places = self._places(kept)
        margin = np.empty(self.events.size)
        for held, level, booster in self._fits(places):
            margin[held] = level + booster.margin(self.matrix[held][:, places])
        return margin

    def most_needed(self, kept: list[str]) -> str:
        """Find the column whose shuffling costs most of the held-out area.

        Parameters
        ----------
        kept : list of str
            The columns in use.

        Returns
        -------
        str
        """
        places = self._places(kept)
        shuffled = np.empty((len(kept), self.events.size))
        for held, _, booster in self._fits(places):
            for number, place in enumerate(places):
                mixed = self.matrix[held][:, places]
                mixed[:, number] = self.matrix[self.shuffle[held], place]
                shuffled[number, held] = booster.margin(mixed)
        return kept[int(np.argmin([area(self.events, margin) for margin in shuffled]))]

    def _places(self, kept: list[str]) -> IntArray:
        return np.array([self.names.index(name) for name in kept], dtype=np.intp)

    def _fits(self, places: IntArray) -> Iterator[tuple[IntArray, float, Booster]]:
        for number in range(_PARTS):
            fit, held = np.flatnonzero(self.part != number), np.flatnonzero(self.part == number)
            level = float(np.log(self.events[fit].sum() / (1 - self.events[fit]).sum()))
            booster = Booster("binary", _TREES, threads=self.threads).fit(
                self.matrix[fit][:, places],
                self.events[fit],
                np.full(fit.size, level),
                rounds=_ROUNDS,
                categorical=[number for number, place in enumerate(places) if int(place) in self.categorical],
            )
            yield held, level, booster
