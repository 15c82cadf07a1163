"""Figures of what is expected to come."""

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from foretell.plots.axes import axes_or_new, drawn, require
from foretell.plots.style import PREDICTED
from foretell.plots.words import short_day, thousands


def plot_expected_orders(forecast: pl.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the orders expected by week from the customers known today.

    Parameters
    ----------
    forecast : pl.DataFrame
        Columns week_starts_on (date), expected_orders (orders a week).
    ax : Axes, optional
        Where to draw; None is a new figure.

    Returns
    -------
    Axes
        With one bar a week; nothing is shown.

    Raises
    ------
    ColumnMismatch
        If a column is missing or the frame is empty.
    """
    require(forecast, ("week_starts_on", "expected_orders"), what="expected orders")
    axes = axes_or_new(ax, "Expected orders by week")
    rows = forecast.sort("week_starts_on")
    place = np.arange(rows.height)
    days = rows["week_starts_on"].to_list()
    labels = [short_day(day) for day in days]
    axes.bar(place, rows["expected_orders"].to_numpy(), width=0.85, color=PREDICTED)
    shown = [i for i in range(rows.height) if i % max(1, -(-rows.height // 6)) == 0]
    axes.set_xticks(shown, [labels[i] for i in shown])
    axes.set_xlabel("Week that starts on")
    axes.set_ylabel("Expected orders a week")
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6))
    axes.yaxis.set_major_formatter(FuncFormatter(thousands))
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    return drawn(axes, rows)
