"""What every figure needs of its axes: one to draw on, and the right frame."""

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import matplotlib.pyplot as plt
import polars as pl
from matplotlib.axes import Axes

from foretell.errors import ColumnMismatch, did_you_mean

_DRAWN: WeakKeyDictionary[Axes, pl.DataFrame] = WeakKeyDictionary()


def axes_or_new(ax: Axes | None, title: str) -> Axes:
    """Return the axes given, or those of a new pyplot figure.

    Parameters
    ----------
    ax : Axes or None
        What the caller passed.
    title : str
        Title of a new figure; axes that were given keep theirs.

    Returns
    -------
    Axes
        Never shown here.
    """
    if ax is not None:
        return ax
    _, new = plt.subplots(layout="constrained")
    new.set_title(title)
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


def drawn(axes: Axes, frame: pl.DataFrame) -> Axes:
    """Keep the numbers of a figure beside its axes.

    Parameters
    ----------
    axes : Axes
        That were drawn on.
    frame : pl.DataFrame
        What was drawn, as drawn.

    Returns
    -------
    Axes
        The same.
    """
    _DRAWN[axes] = frame
    return axes


def plot_data(ax: Axes) -> pl.DataFrame:
    """Return the numbers behind a figure of foretell.

    Parameters
    ----------
    ax : Axes
        As a ``plot_…`` function returned it.

    Returns
    -------
    polars.DataFrame
        What was drawn last on these axes.

    Raises
    ------
    ColumnMismatch
        If no function of foretell drew on them.
    """
    if ax not in _DRAWN:
        msg = "No plot of foretell was drawn on these axes. Remedy: pass what a plot_… function returned."
        raise ColumnMismatch(msg)
    return _DRAWN[ax]
