"""Leaks: columns that know the outcome, found before a model learns to lean on them."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import polars as pl

from foretell.errors import ColumnMismatch, LeakageError, did_you_mean
from foretell.evaluation.vectors import FloatArray, IntArray
from foretell.training.leak_joint import joint_leaks
from foretell.training.leak_measures import (
    FOLDS,
    area,
    as_groups,
    as_numbers,
    held_out_area,
    identifier_parts,
    is_identifier,
)
from foretell.windows import as_cutoff

DECISIVE = 0.97
"""Area under the ROC curve from which one column is a leak. Real outcomes are not told that well by anything: the
best published models of whole shops reach .94; a copy of the outcome with 3 % of it flipped reaches .97."""

IDENTIFIER_DECISIVE = 0.9
"""The same for a part of an identifier. An honest one may follow the sign-up order, and through it the tenure (.75 at
most on subscriptions); nothing honest is in its remainders."""

LEAST_EVENTS = 10
"""Members of the smaller class below which nothing is said: a column is decisive by chance there."""

_MOST_ROWS = 20_000
_ANY = ("equal", "monotone", "function", "category")


@dataclass(frozen=True)
class Leak:
    """One column that knows the outcome.

    Parameters
    ----------
    kind : str
        ``equal``, ``monotone``, ``function``, ``category``, ``null_pattern``, ``identifier``, ``future_time``,
        ``pair``, ``one_sided`` or ``joint``.
    column : str
        The column.
    figure : float
        Area under the ROC curve that it reaches; for ``future_time`` the number of rows; for ``joint`` the area that
        goes with it; for ``one_sided`` the share of the class that it gives away.
    words : str
        What was found, with the figure.
    remedy : str
        What to do about it.
    """

    kind: str
    column: str
    figure: float
    words: str
    remedy: str

    def __str__(self) -> str:
        """Return the leak as one line of plain text."""
        return f"{self.column}: {self.words} Remedy: {self.remedy}"


def find_leaks(
    frame: pl.DataFrame,
    label: str,
    *,
    key: str | None = None,
    as_of: date | datetime | str | None = None,
    allow: Collection[str] = (),
    seed: int = 0,
    threads: int = 1,
) -> tuple[Leak, ...]:
    """Find columns that nearly determine the outcome, alone, in pairs, or as what a model cannot do without.

    Parameters
    ----------
    frame : polars.DataFrame
        One row per customer. Every column but the label is looked at, the identifier too.
    label : str
        Column of events: boolean, or 0 and 1, without nulls.
    key : str, optional
        Column of the customers: judged as an identifier only.
    as_of : date, datetime or str, optional
        First instant that no feature may have seen; times at or after it are leaks.
    allow : collection of str
        Columns that a person has looked at.
    seed : int
        Seed of the sample and the folds.
    threads : int
        Threads of LightGBM.

    Returns
    -------
    tuple of Leak
        In the order of the columns, joint ones last. Empty where there are fewer than 10 members of a class.

    Raises
    ------
    ColumnMismatch
        If the label is absent, or anything but booleans, or 0 and 1.

    Notes
    -----
    Looks at 20,000 rows at most. Columns that are copies of one another are no leak. What cannot be told from honest
    strength is not found: a copy of the outcome with 20 % of it flipped, or an aggregate that saw a few days too many.
    """
    _require_events(frame, label)
    names = [name for name in frame.columns if name != label and name not in allow]
    found = [] if as_of is None else list(_future_times(frame.select(names), as_cutoff(as_of)))
    rng = np.random.default_rng(seed)
    if frame.height > _MOST_ROWS:
        frame = frame[np.sort(rng.choice(frame.height, _MOST_ROWS, replace=False))]
    events = frame.get_column(label).cast(pl.Float64).to_numpy()
    if min(events.sum(), events.size - events.sum()) < LEAST_EVENTS:
        return tuple(found)
    fold: IntArray = rng.permutation(events.size) % FOLDS
    for name in names:
        leak = (_identifier if name == key else lone_leak)(frame.get_column(name), events, fold)
        found += [] if leak is None else [leak]
    known = {leak.column for leak in found} | {key}
    rest = [name for name in names if name not in known]
    found += [Leak(*parts, _REMEDIES[parts[0]]) for parts in joint_leaks(frame.select(rest), events, seed, threads)]
    return tuple(found)


def require_no_leaks(leaks: Sequence[Leak]) -> None:
    """Raise where leaks were found.

    Parameters
    ----------
    leaks : sequence of Leak
        As from `find_leaks`.

    Raises
    ------
    LeakageError
        Naming every column, its figure and the remedy.
    """
    if leaks:
        columns = tuple(dict.fromkeys(leak.column for leak in leaks))
        lines = "\n".join(f"  - {leak}" for leak in leaks)
        message = (
            f"{len(columns)} column{'s' if len(columns) > 1 else ''} know{'' if len(columns) > 1 else 's'} the outcome:"
            f"\n{lines}\nA column that is honest all the same is let in by name: allow={columns!r}."
        )
        raise LeakageError(message, columns)


def _require_events(frame: pl.DataFrame, label: str) -> None:
    if label not in frame.columns:
        message = f"The label column {label!r} is missing.{did_you_mean(label, frame.columns)}"
        raise ColumnMismatch(message)
    column = frame.get_column(label)
    is_number = column.dtype.is_numeric() or column.dtype == pl.Boolean
    if not is_number or column.null_count() or not column.cast(pl.Float64).is_in([0.0, 1.0]).all():
        message = f"The label column {label!r} must hold booleans, or 0 and 1, without nulls."
        raise ColumnMismatch(message)


def _future_times(frame: pl.DataFrame, cutoff: datetime) -> Iterator[Leak]:
    for name, dtype in frame.schema.items():
        if dtype == pl.Date or isinstance(dtype, pl.Datetime):
            times = frame.get_column(name)
            local = times if dtype == pl.Date else times.dt.replace_time_zone(None)
            late = int((local.cast(pl.Datetime("us")) >= cutoff).sum())
            # A column that only repeats the cutoff says when the row was made.
            if late and not (times.n_unique() == 1 and local.cast(pl.Datetime("us"))[0] == cutoff):
                words = f"{late} of {times.len()} times are at or after {cutoff:%Y-%m-%d}, the first instant not seen."
                yield Leak("future_time", name, float(late), words, _REMEDIES["future_time"])


def lone_leak(column: pl.Series, events: FloatArray, fold: IntArray) -> Leak | None:
    """Find out whether one column tells the outcome alone.

    Parameters
    ----------
    column : polars.Series
        Of any type.
    events : ndarray of shape (rows,)
        0 or 1, both present.
    fold : ndarray of int, shape (rows,)
        Fold of each row, from 0 to 4.

    Returns
    -------
    Leak or None
    """
    absent = column.is_null().to_numpy().astype(np.float64)
    if (figure := area(events, absent)) >= DECISIVE:
        return _leak("null_pattern", column, figure, "whether it has a value tells the outcome")
    groups = as_groups(column)
    if groups is None or column.null_count() == column.len():
        return None
    if _is_renamed(groups, events):
        return _leak("equal", column, 1.0, "it is the outcome under another name")
    values = as_numbers(column)
    if values is not None:
        filled = np.where(np.isnan(values), np.nanmedian(values), values)
        if (figure := area(events, filled)) >= DECISIVE:
            return _leak("monotone", column, figure, "its order alone tells the outcome")
    if is_identifier(column) and (leak := _identifier(column, events, fold)) is not None:
        return leak
    if (figure := held_out_area(events, groups, fold)) >= DECISIVE:
        kind = "category" if values is None else "function"
        return _leak(kind, column, figure, "its values alone tell the outcome")
    return None


def _is_renamed(groups: IntArray, events: FloatArray) -> bool:
    kinds = np.unique(groups)
    return kinds.size == 2 and bool(np.ptp(np.abs((groups == kinds[0]) - events)) == 0)


def _identifier(column: pl.Series, events: FloatArray, fold: IntArray) -> Leak | None:
    judged = [(round(held_out_area(events, groups, fold), 3), part) for part, groups in identifier_parts(column)]
    # The first of equals is the plainest: one character says more than three.
    figure, part = max(judged, key=lambda each: each[0])
    if figure < IDENTIFIER_DECISIVE:
        return None
    return _leak("identifier", column, figure, f"the outcome shows in {part}")


def _leak(kind: str, column: pl.Series, figure: float, words: str) -> Leak:
    return Leak(kind, column.name, figure, f"{words} (area under the ROC curve {figure:.3f}).", _REMEDIES[kind])


_RECORDED = "leave it out, or rebuild it from what was known before the outcome."
_REMEDIES = {
    **dict.fromkeys(_ANY, _RECORDED),
    "null_pattern": "leave it out: it is filled in only once the outcome is known.",
    "identifier": "number the customers anew, or find out why the outcome is in the number.",
    "future_time": "leave those rows or the column out: it was written after the cutoff.",
    "pair": "one of the two saw the outcome: rebuild both from what was known before it.",
    "one_sided": _RECORDED,
    "joint": _RECORDED,
}
