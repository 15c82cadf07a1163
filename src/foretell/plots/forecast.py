"""Figures of what is expected to come."""

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from foretell.plots.axes import axes_or_new, drawn, require
from foretell.plots.style import PREDICTED
from foretell.plots.words import short_day, thousands

_WEEK = 7


def plot_expected_orders(forecast: pl.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the orders expected by week from the customers known today.

    Parameters
    ----------
    forecast : pl.DataFrame
        Columns week_starts_on (date), expected_orders (orders a week); expected_orders_low and _high, where there
        are, are drawn as lines over the bars. Where a column days is there, a last week that the horizon cuts off is
        left out, unless there is no other: it would look like a fall.
    ax : Axes, optional
        Where to draw; None is a new figure.

    Returns
    -------
    Axes
        With one bar a week, and its interval; nothing is shown.

    Raises
    ------
    ColumnMismatch
        If a column is missing or the frame is empty.
    """
    require(forecast, ("week_starts_on", "expected_orders"), what="expected orders")
    axes = axes_or_new(ax, "Expected orders by week")
    rows = forecast.sort("week_starts_on")
    if "days" in rows.columns and rows["days"].max() == _WEEK:
        rows = rows.filter(pl.col("days") == _WEEK)
    place = np.arange(rows.height)
    days = rows["week_starts_on"].to_list()
    labels = [short_day(day) for day in days]
    axes.bar(place, rows["expected_orders"].to_numpy(), width=0.85, color=PREDICTED)
    if {"expected_orders_low", "expected_orders_high"} <= set(rows.columns):
        low, high = rows["expected_orders_low"].to_numpy(), rows["expected_orders_high"].to_numpy()
        # The colour of the axis labels is the one that the page, light or dark, is drawn in.
        ink = axes.xaxis.label.get_color()
        axes.vlines(place, low, high, color=ink, alpha=0.65, linewidth=1, label="4 times of 5 in this range")
        # the legend stands above the highest line
        axes.set_ylim(top=1.22 * float(high.max(initial=0.0)) or None)
        axes.legend(loc="upper right")
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
