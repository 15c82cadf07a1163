"""The columns that resemblance is learnt from: none that is sensitive, none that defines the seeds."""

import warnings
from collections.abc import Sequence

import polars as pl

from foretell.errors import DataWarning, FitError, LeakageError
from foretell.evaluation.vectors import FloatArray
from foretell.training.audience_profile import is_sensitive
from foretell.training.keyed_frames import choose_features
from foretell.training.lookalike_guard import guarded_columns

_MOST_NAMED = 6


def columns_to_learn_from(
    frame: pl.DataFrame,
    flags: FloatArray,
    key: str,
    *,
    features: Sequence[str] | None,
    allow: Sequence[str],
    sensitive: Sequence[str],
    rule_columns: Sequence[str],
    seed: int,
    threads: int,
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Choose the columns, and say why each other one is left out.

    Parameters
    ----------
    frame : polars.DataFrame
        One row per customer.
    flags : ndarray of shape (rows,)
        1 for a seed, else 0.
    key : str
        Column of the customers.
    features : sequence of str or None
        Columns that were asked for; None is all.
    allow : sequence of str
        Columns that are let in although they are sensitive or define the seeds.
    sensitive : sequence of str
        Further columns that describe protected groups.
    rule_columns : sequence of str
        Columns that chose the seeds.
    seed, threads : int
        Seed of the guard's samples, threads of LightGBM.

    Returns
    -------
    tuple
        Columns; reason by column.

    Raises
    ------
    ColumnMismatch
        If a column that was asked for is absent or must not be used.
    LeakageError
        If every column defines the seeds.
    FitError
        If there is none to begin with.

    Warns
    -----
    DataWarning
        For columns that would make resemblance circular.
    """
    names, left_out = choose_features(frame, reserved=(key,), features=features)
    hidden = [name for name in names if is_sensitive(name, sensitive) and name not in allow]
    left_out |= dict.fromkeys(hidden, "is a sensitive attribute")
    open_to_doubt = [name for name in names if name not in hidden]
    guarded = guarded_columns(
        frame, flags, open_to_doubt, rule_columns=rule_columns, allow=allow, seed=seed, threads=threads
    )
    kept = tuple(name for name in open_to_doubt if name not in guarded)
    listed = "; ".join(f"{name!r} {why}" for name, why in list(guarded.items())[:_MOST_NAMED])
    if len(guarded) > _MOST_NAMED:
        listed += f"; and {len(guarded) - _MOST_NAMED} more, which left_out_ and the files of a run name"
    if not kept and guarded:
        message = (
            f"Every column defines the seeds, so that resemblance would be circular: {listed}. Remedy: bring other "
            f"columns or other seeds, or let columns in by name: allow={tuple(guarded)!r}."
        )
        raise LeakageError(message, tuple(guarded))
    if not kept:
        message = "There is no column to learn from: none is a number, a flag or a category that may be used."
        raise FitError(message)
    if guarded:
        message = f"Left out, because they would make resemblance circular: {listed}. allow= lets one in by name."
        warnings.warn(message, DataWarning, stacklevel=3)
    return kept, left_out | guarded
