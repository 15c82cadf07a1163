"""What every figure needs of its axes: one to draw on, and the right frame."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import polars as pl
from matplotlib.axes import Axes

from foretell.errors import ColumnMismatch, did_you_mean


def axes_or_new(ax: Axes | None) -> Axes:
    """Return the axes given, or those of a new pyplot figure.

    Parameters
    ----------
    ax : Axes or None
        What the caller passed.

    Returns
    -------
    Axes
        Never shown here.
    """
    if ax is not None:
        return ax
    _, new = plt.subplots(layout="constrained")
    return new


def require(frame: pl.DataFrame, columns: Sequence[str], *, what: str) -> None:
    """Refuse a frame that cannot be drawn.

    Parameters
    ----------
    frame : pl.DataFrame
        What the caller passed.
    columns : sequence of str
        Names that are read.
    what : str
        Name of the figure, for the message.

    Raises
    ------
    ColumnMismatch
        If a column is missing or there is no row.
    """
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        hints = "".join(did_you_mean(name, frame.columns) for name in missing)
        msg = f"The {what} plot needs the columns {', '.join(missing)}.{hints}"
        raise ColumnMismatch(msg)
    if frame.is_empty():
        msg = f"The {what} plot got a frame without rows: there is nothing to draw."
        raise ColumnMismatch(msg)
