"""Seeds as they are given: matched with the rows of a frame, counted once, weighted within limits."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from foretell.errors import (
    ColumnMismatch,
    DataError,
    DataWarning,
    FitError,
    SmallSampleWarning,
    TooFewSeeds,
    Violation,
    did_you_mean,
)
from foretell.evaluation.vectors import FloatArray, IntArray
from foretell.training.lookalike_candidates import FEWEST_SEEDS, SIMILARITY_ONLY_BELOW

Ids = pl.DataFrame | pl.Series | Sequence[str] | Sequence[int]

FEWEST_OTHERS = 50
_MOST_SEEDS, _MOST_OTHERS = 20_000, 30_000

WEIGHT_CAP = 5.0
"""Times the median weight beyond which a seed counts no more: a few giants must not be the whole pattern."""


@dataclass(frozen=True, eq=False)
class Seeds:
    """Seeds, matched.

    Parameters
    ----------
    flags : ndarray of shape (rows,)
        1 where the row of the frame is a seed, else 0.
    weights : ndarray of shape (rows,)
        How much each seed counts: 1 on average and at most five times the median; 1 for other rows.
    given, duplicates : int
        Different seeds given, and further rows that repeated one.
    unmatched : polars.Series
        Seeds that the frame does not hold, in their order.
    capped : int
        Seeds whose weight was cut.
    """

    flags: FloatArray
    weights: FloatArray
    given: int
    duplicates: int
    unmatched: pl.Series
    capped: int

    @property
    def matched(self) -> int:
        """Seeds that the frame holds."""
        return int(self.flags.sum())

    @property
    def match_rate(self) -> float:
        """Share of the seeds that the frame holds; NaN without seeds."""
        return self.matched / self.given if self.given else float("nan")

    @property
    def effective(self) -> float:
        """Kish's effective number of the seeds, (Σw)² / Σw²."""
        own = self.weights[self.flags > 0]
        return float(own.sum() ** 2 / (own**2).sum()) if own.size else 0.0


def read_ids(ids: Ids, key: str, *, what: str) -> pl.Series:
    """Return identifiers as text.

    Parameters
    ----------
    ids : polars.DataFrame, polars.Series or sequence of str or int
        A frame has them in the column of the key, or is of one column.
    key : str
        Column of the customers.
    what : str
        What they are, for the message.

    Returns
    -------
    polars.Series of String
        As given, repeats included.

    Raises
    ------
    ColumnMismatch
        If a frame has no such column, or identifiers are neither text nor whole numbers.
    DataError
        If any is null.
    """
    if isinstance(ids, pl.DataFrame):
        named = next((name for name in (key, "customer_id") if name in ids.columns), None)
        if named is None and ids.width == 1:
            named = ids.columns[0]
        if named is None:
            message = f"The {what} have no column {key!r}.{did_you_mean(key, ids.columns)}"
            raise ColumnMismatch(message)
        ids = ids.get_column(named)
    found = ids if isinstance(ids, pl.Series) else pl.Series(list(ids), strict=False)
    if found.dtype == pl.Null or not found.len():
        found = found.cast(pl.String)
    if not (found.dtype.is_integer() or found.dtype in (pl.String, pl.Categorical, pl.Enum)):
        message = f"The {what} hold {found.dtype}; identifiers are text or whole numbers."
        raise ColumnMismatch(message)
    if found.null_count():
        rows = tuple(int(row) + 1 for row in np.flatnonzero(found.is_null().to_numpy())[:3])
        remedy = "drop the rows without a customer"
        raise DataError([Violation(what, key, "must not be null", found.null_count(), rows, remedy)])
    return found.cast(pl.String).alias("customer_id")


def match_seeds(keys: pl.Series, seeds: Ids, key: str, weights: str | None = None) -> Seeds:
    """Find the seeds among the keys of a frame.

    Parameters
    ----------
    keys : polars.Series of String
        Unique keys of the frame.
    seeds : polars.DataFrame, polars.Series or sequence of str or int
        The seeds; the largest weight stands where one is given twice.
    key : str
        Column of the customers.
    weights : str, optional
        Column of the seeds' frame: how much each is worth, above 0.

    Returns
    -------
    Seeds

    Raises
    ------
    ColumnMismatch
        If columns are absent, or of no use.
    DataError
        If identifiers are null, or weights not above 0.
    """
    ids = read_ids(seeds, key, what="seeds")
    worth = pl.Series("weight", np.ones(ids.len())) if weights is None else _read_weights(seeds, weights)
    once = pl.DataFrame([ids, worth]).group_by("customer_id", maintain_order=True).agg(pl.col("weight").max())
    found = once.with_columns(known=pl.col("customer_id").is_in(keys.implode()))
    own = found.filter("known")
    limit = WEIGHT_CAP * float(own["weight"].median() or 1.0)  # type: ignore[arg-type]  # a number's median is one
    cut = own.with_columns(pl.col("weight").clip(upper_bound=limit))
    mean = float(cut["weight"].mean() or 1.0)  # type: ignore[arg-type]
    placed = keys.to_frame("customer_id").join(cut, on="customer_id", how="left", maintain_order="left")
    return Seeds(
        placed["weight"].is_not_null().cast(pl.Float64).to_numpy(),
        (placed["weight"] / mean).fill_null(1.0).to_numpy(),
        once.height,
        ids.len() - once.height,
        found.filter(~pl.col("known"))["customer_id"],
        int((own["weight"] > limit).sum()),
    )


def _read_weights(seeds: Ids, weights: str) -> pl.Series:
    columns = seeds.columns if isinstance(seeds, pl.DataFrame) else []
    if not isinstance(seeds, pl.DataFrame) or weights not in columns:
        message = f"The seeds have no column {weights!r} to weigh them by.{did_you_mean(weights, columns)}"
        raise ColumnMismatch(message)
    column = seeds.get_column(weights)
    if not column.dtype.is_numeric():
        message = f"The weights {weights!r} hold {column.dtype}; they must be numbers."
        raise ColumnMismatch(message)
    values = column.cast(pl.Float64)
    odd = ~(values.is_finite() & (values > 0)).fill_null(value=False)
    if odd.any():
        rows = tuple(int(row) + 1 for row in np.flatnonzero(odd.to_numpy())[:3])
        remedy = "drop the seeds that are worth nothing, or leave weights out"
        raise DataError([Violation("seeds", weights, "must be a number above 0", int(odd.sum()), rows, remedy)])
    return values.alias("weight")


def learning_rows(flags: FloatArray, seed: int) -> IntArray:
    """Draw the rows to learn from: 20,000 seeds and 30,000 others at most.

    Parameters
    ----------
    flags : ndarray of shape (rows,)
        1 for a seed, else 0.
    seed : int
        Seed of the draw.

    Returns
    -------
    ndarray of int
        Ascending.
    """
    rng = np.random.default_rng(seed)
    parts = []
    for rows, most in ((np.flatnonzero(flags > 0), _MOST_SEEDS), (np.flatnonzero(flags == 0), _MOST_OTHERS)):
        parts.append(rows if rows.size <= most else rng.choice(rows, most, replace=False))
    return np.sort(np.concatenate(parts))


def require_columns(frame: pl.DataFrame, rule_columns: Sequence[str]) -> None:
    """Raise where the columns of a rule are not in a frame.

    Parameters
    ----------
    frame : polars.DataFrame
        The rows.
    rule_columns : sequence of str
        The columns.

    Raises
    ------
    ColumnMismatch
        Naming all of them.
    """
    absent = [
        f"{name!r} is missing.{did_you_mean(name, frame.columns)}" for name in rule_columns if name not in frame.columns
    ]
    if absent:
        raise ColumnMismatch("The columns of the seeds' rule are not in the frame: " + " ".join(absent))


def require_found(found: int, given: int) -> None:
    """Raise where too few of the seeds were found.

    Parameters
    ----------
    found, given : int
        Seeds in the frame, and different seeds that were given.

    Raises
    ------
    TooFewSeeds
        Below 10 seeds.
    """
    if found < FEWEST_SEEDS:
        message = (
            f"{found} of {given} seeds are in the frame; at least {FEWEST_SEEDS} are needed, and "
            "several hundred are better. Remedy: name more seeds, or see why they are not found: another key, other "
            "spelling, hashed e-mails without a column email."
        )
        raise TooFewSeeds(message)


def require_enough(matched: Seeds) -> None:
    """Raise where there are too few seeds, or too few others.

    Parameters
    ----------
    matched : Seeds
        As from `match_seeds`.

    Raises
    ------
    TooFewSeeds
        Below 10 seeds.
    FitError
        Where the seeds are (nearly) the whole base.
    """
    rows = matched.flags.size
    require_found(matched.matched, matched.given)
    if rows - matched.matched < FEWEST_OTHERS:
        message = (
            f"{matched.matched} of {rows} customers are seeds: {rows - matched.matched} others are too few to tell "
            f"what is special about the seeds; {FEWEST_OTHERS} are needed. Remedy: name fewer seeds, or bring a pool."
        )
        raise FitError(message)


def warn_of_seeds(matched: Seeds) -> None:
    """Say what stops nothing and should be known of the seeds.

    Parameters
    ----------
    matched : Seeds
        As from `match_seeds`.

    Warns
    -----
    SmallSampleWarning
        Below 30 seeds.
    DataWarning
        For seeds that are given twice or absent.
    """
    if matched.matched < SIMILARITY_ONLY_BELOW:
        message = (
            f"{matched.matched} seeds are few: customers are ranked by plain similarity, and the record has wide "
            f"intervals. From {SIMILARITY_ONLY_BELOW} on more is learnt."
        )
        warnings.warn(message, SmallSampleWarning, stacklevel=3)
    problems = []
    if matched.duplicates:
        problems.append(f"{matched.duplicates} rows of the seeds repeat one; each seed counts once")
    if matched.unmatched.len():
        problems.append(f"{matched.unmatched.len()} of {matched.given} seeds are not in the frame (unmatched_)")
    if problems:
        warnings.warn("; ".join(problems) + ".", DataWarning, stacklevel=3)
