"""What a churn classifier reads of a frame beside keys and features: the outcome."""

import polars as pl

from foretell.errors import ColumnMismatch, DataError, FitError, did_you_mean
from foretell.evaluation.vectors import FloatArray
from foretell.training.keyed_frames import violations

FEWEST_ROWS = 50
FEWEST_OF_A_CLASS = 10
"""Ten members of each class put at least one into every fold of every fold."""


def read_label(frame: pl.DataFrame, label: str, positive: str | None) -> FloatArray:
    """Return the outcome as 0 and 1.

    Parameters
    ----------
    frame : polars.DataFrame
        One row per customer.
    label : str
        Column of booleans, of 0 and 1, or of two texts.
    positive : str, optional
        Which of two texts is the event.

    Returns
    -------
    ndarray of shape (rows,)

    Raises
    ------
    ColumnMismatch
        If the column is absent, or holds something else.
    DataError
        If values are null or neither 0 nor 1.
    FitError
        If there are fewer than 50 rows, or fewer than 10 of either outcome.
    """
    if label not in frame.columns:
        message = f"The label column {label!r} is missing.{did_you_mean(label, frame.columns)}"
        raise ColumnMismatch(message)
    column = frame.get_column(label)
    is_text = column.dtype in (pl.String, pl.Categorical, pl.Enum)
    if not (is_text or column.dtype.is_numeric() or column.dtype in (pl.Boolean, pl.Null)):
        message = f"The label column {label!r} holds {column.dtype}; it must hold booleans, 0 and 1, or two texts."
        raise ColumnMismatch(message)
    if is_text:
        column = _is_positive(column.cast(pl.String), label, positive)
    events = column.cast(pl.Float64).fill_nan(None)
    odd = (~events.is_in([0.0, 1.0])).fill_null(value=False)
    found = [
        *violations(label, "must not be null", events.is_null(), "drop the rows whose outcome is not known yet"),
        *violations(label, "must be 0 or 1", odd, "make it 1 where the customer left, else 0"),
    ]
    if found:
        raise DataError(found)
    _require_enough(label, int(events.sum()), events.len())
    return events.to_numpy()


def _is_positive(column: pl.Series, label: str, positive: str | None) -> pl.Series:
    kinds = sorted(column.drop_nulls().unique())
    if positive is None or positive not in kinds or len(kinds) > 2:
        seen = ", ".join(repr(kind) for kind in kinds) if len(kinds) <= 2 else f"{len(kinds)} different texts"
        message = f"The label column {label!r} holds {seen}: name the one that is the event by positive=, out of two."
        raise ColumnMismatch(message)
    return column == positive


def _require_enough(label: str, events: int, rows: int) -> None:
    if rows < FEWEST_ROWS or min(events, rows - events) < FEWEST_OF_A_CLASS:
        message = (
            f"{rows} rows with {events} events in {label!r} are too few: at least {FEWEST_ROWS} rows and "
            f"{FEWEST_OF_A_CLASS} customers of either outcome are needed, so that every fold has some. "
            "Remedy: take a longer window, or more customers."
        )
        raise FitError(message)
