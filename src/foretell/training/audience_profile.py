"""Who an audience is: what its members have more or less often than everybody, and how sensitive groups are shared."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl

from foretell.training.column_words import plain_numbers
from foretell.training.conditions import Condition, is_category, level_texts, range_numbers

PROFILE_SCHEMA = {
    "column": pl.String,
    "condition": pl.String,
    "audience_share": pl.Float64,
    "pool_share": pl.Float64,
    "times_as_likely": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "words": pl.String,
}
AUDIT_SCHEMA = {
    "column": pl.String,
    "value": pl.String,
    "seeds_share": pl.Float64,
    "audience_share": pl.Float64,
    "pool_share": pl.Float64,
}
SENSITIVE = frozenset(
    {"gender", "sex", "age", "agegroup", "ageband", "birthyear", "yearofbirth", "birthdate", "dateofbirth", "dob"}
    | {"birthday", "seniorcitizen", "race", "ethnicity", "ethnicgroup", "religion", "nationality", "citizenship"}
    | {"maritalstatus", "disability", "sexualorientation", "health", "pregnant", "political", "party", "unionmember"}
)
"""Names of columns that describe protected groups, in lower case without spaces and signs."""

_Z = 1.959963984540054
_MOST_LEVELS = 12
_FEWEST = 10
_MOST_AUDIT_LEVELS = 20


def is_sensitive(name: str, listed: Sequence[str]) -> bool:
    """Whether a column describes a protected group.

    Parameters
    ----------
    name : str
        Of the column.
    listed : sequence of str
        Further names.

    Returns
    -------
    bool
    """
    return name in listed or re.sub(r"[^a-z]", "", name.lower()) in SENSITIVE


def audience_profile(
    frame: pl.DataFrame, audience: np.ndarray[Any, np.dtype[np.bool_]], columns: Sequence[str]
) -> pl.DataFrame:
    """Compare an audience with everybody in the pool, condition by condition.

    Parameters
    ----------
    frame : polars.DataFrame
        The pool.
    audience : ndarray of bool, shape (rows,)
        Who is in it.
    columns : sequence of str
        Columns to tell.

    Returns
    -------
    polars.DataFrame
        Columns of `PROFILE_SCHEMA`, what is more likely first, then by size of the difference: shares within [0, 1],
        their ratio with a 95 % interval. One condition a column that is more likely and one that is less, each with
        10 members or as many expected, and only where the interval leaves 1 out.

    References
    ----------
    Katz, Baptista, Azen, Pike (1978), "Obtaining confidence intervals for the risk ratio in cohort studies",
    Biometrics 34.
    """
    rows = []
    for name in columns:
        found = []
        for condition in _conditions(frame.get_column(name)):
            holds = condition.holds(frame)
            row = _compared(condition, int(holds[audience].sum()), int(audience.sum()), int(holds.sum()), holds.size)
            found += [] if row is None else [row]
        found.sort(key=lambda row: (-row[0], row[1][1]))
        rows += [row for row in found if row[1][4] >= 1][:1] + [row for row in found if row[1][4] < 1][:1]
    rows.sort(key=lambda row: (row[1][4] < 1, -row[0], row[1][0], row[1][1]))
    return pl.DataFrame([row for _, row in rows], schema=PROFILE_SCHEMA, orient="row")


def share_audit(
    frame: pl.DataFrame,
    columns: Sequence[str],
    *,
    seeds: np.ndarray[Any, np.dtype[np.bool_]],
    audience: np.ndarray[Any, np.dtype[np.bool_]],
    pool: np.ndarray[Any, np.dtype[np.bool_]],
) -> pl.DataFrame:
    """Tell the shares of sensitive groups among seeds, audience and pool.

    Parameters
    ----------
    frame : polars.DataFrame
        All rows.
    columns : sequence of str
        Sensitive columns; numbers and dates in quarters of the pool.
    seeds, audience, pool : ndarray of bool, shape (rows,)
        Who is what.

    Returns
    -------
    polars.DataFrame
        Columns of `AUDIT_SCHEMA`; shares within [0, 1], null where there is nobody.
    """
    rows: list[tuple[str, str, float | None, float | None, float | None]] = []
    for name in columns:
        for label, holds in _groups(frame.get_column(name), pool):
            own, theirs, all_ = (float(holds[who].mean()) if who.any() else None for who in (seeds, audience, pool))
            rows.append((name, label, own, theirs, all_))
    return pl.DataFrame(rows, schema=AUDIT_SCHEMA, orient="row")


def _groups(
    column: pl.Series, pool: np.ndarray[Any, np.dtype[np.bool_]]
) -> Iterator[tuple[str, np.ndarray[Any, np.dtype[np.bool_]]]]:
    texts = level_texts(column) if is_category(column) else _quarters(column, pool)
    counts = _counts(texts)
    kept = sorted(counts["level"].head(_MOST_AUDIT_LEVELS))
    for level in kept:
        yield level, (texts == level).fill_null(value=False).to_numpy()
    if counts.height > len(kept):
        yield "other", (~texts.is_in(kept)).fill_null(value=False).to_numpy()
    if texts.null_count():
        yield "not known", texts.is_null().to_numpy()


def _quarters(column: pl.Series, pool: np.ndarray[Any, np.dtype[np.bool_]]) -> pl.Series:
    values = range_numbers(column)
    present = values[pool & ~np.isnan(values)]
    if not present.size:
        return pl.Series([None] * column.len(), dtype=pl.String)
    if np.unique(present).size <= _MOST_LEVELS and not column.dtype.is_temporal():
        return plain_numbers(pl.Series(values).fill_nan(None))
    edges = np.unique(np.quantile(present, [0.25, 0.5, 0.75], method="lower"))
    part = np.searchsorted(edges, values, side="left")
    names = [f"up to {_shown(edge, column)}" for edge in edges] + [f"above {_shown(edges[-1], column)}"]
    told = pl.Series(part, dtype=pl.Int64).replace_strict(range(len(names)), names, return_dtype=pl.String)
    return pl.select(pl.when(pl.Series(~np.isnan(values))).then(told)).to_series()


def _counts(texts: pl.Series) -> pl.DataFrame:
    counts = texts.drop_nulls().alias("level").value_counts(name="rows")
    return counts.sort(["rows", "level"], descending=[True, False])


def _shown(value: float, column: pl.Series) -> str:
    if column.dtype.is_temporal():
        return str(np.datetime64(int(value), "D"))
    return f"{value:.6g}"


def _conditions(column: pl.Series) -> Iterator[Condition]:
    if is_category(column):
        counts = _counts(level_texts(column))
        yield from (Condition(column.name, levels=(level,)) for level in counts["level"].head(_MOST_LEVELS))
        return
    values = range_numbers(column)
    present = values[~np.isnan(values)]
    if not present.size or np.ptp(present) == 0:
        return
    # Cuts of the pool alone: the audience must not choose the yardstick that it is told by.
    for share in (0.1, 0.2, 0.5):
        yield Condition(column.name, high=float(np.quantile(present, share, method="nearest")))
        yield Condition(column.name, low=float(np.quantile(present, 1 - share, method="nearest")))
    if present.min() == 0:
        yield Condition(column.name, high=0.0)
        yield Condition(column.name, low=float(present[present > 0].min()))


def _compared(
    condition: Condition, hits: int, members: int, all_hits: int, everybody: int
) -> tuple[float, tuple[Any, ...]] | None:
    if not members or all_hits in (0, everybody) or max(hits, members * all_hits / everybody) < _FEWEST:
        return None
    # Half a member more on either side: a ratio of 0 has no logarithm.
    share, among_all = hits / members, all_hits / everybody
    ratio = ((hits + 0.5) / (members + 0.5)) / ((all_hits + 0.5) / (everybody + 0.5))
    error = np.sqrt(max(1 / (hits + 0.5) - 1 / (members + 0.5), 0) + 1 / (all_hits + 0.5) - 1 / (everybody + 0.5))
    low, high = ratio * np.exp(-_Z * error), ratio * np.exp(_Z * error)
    if low <= 1 <= high:
        return None
    figures = f"({100 * share:.0f} % against {100 * among_all:.0f} % of all)"
    if ratio >= 1:
        words = f"{ratio:.1f} times more likely that {condition} {figures}"
    else:
        words = f"{1 / ratio:.1f} times less likely that {condition} {figures}"
    if not hits:
        words = f"never: {condition} (0 % against {100 * among_all:.0f} % of all)"
    # Ordered by the certain part of the difference: the end of the interval that lies nearer to 1.
    certain = float(abs(np.log(low if ratio >= 1 else high)))
    return certain, (condition.column, str(condition), share, among_all, float(ratio), float(low), float(high), words)
