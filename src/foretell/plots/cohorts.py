"""Cohorts: which share of each month's new customers comes back."""

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from foretell.plots.axes import axes_or_new, drawn, require
from foretell.plots.words import MONTHS


def plot_cohort_retention(retention: pl.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the share of each cohort that buys, by months since its first purchase.

    Parameters
    ----------
    retention : pl.DataFrame
        As from ``cohort_retention``: columns cohort, month, retention.
    ax : Axes, optional
        Where to draw; None is a new figure.

    Returns
    -------
    Axes
        With a heat map, one row a cohort, the month of the first purchase left out since it is always 100 %; nothing
        is shown.

    Raises
    ------
    ColumnMismatch
        If a column is missing, or no cohort has a whole month after its first.
    """
    require(retention, ("cohort", "month", "retention"), what="cohort retention")
    rows = retention.filter(pl.col("month") > 0).select("cohort", "month", "retention").sort("cohort", "month")
    require(rows, ("cohort", "month", "retention"), what="cohort retention")
    axes = axes_or_new(ax, "Who comes back, by month of the first order")
    cohorts = rows["cohort"].unique().sort().to_list()
    months = np.arange(1, int(rows["month"].to_numpy().max()) + 1)
    cells = np.full((len(cohorts), months.size), np.nan)
    cells[[cohorts.index(cohort) for cohort in rows["cohort"]], rows["month"].to_numpy() - 1] = rows["retention"]
    shown = axes.pcolormesh(months, np.arange(len(cohorts)), cells, cmap="viridis", vmin=0, shading="nearest")
    bar = axes.figure.colorbar(shown, ax=axes, format=PercentFormatter(1.0, decimals=0))
    bar.set_label("Share that bought in the month")
    marked = range(0, len(cohorts), max(-(-len(cohorts) // 12), 1))
    axes.set_yticks(list(marked), [f"{MONTHS[cohorts[i].month - 1]} {cohorts[i].year}" for i in marked])
    axes.invert_yaxis()
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("Months after the first order")
    axes.set_ylabel("Month of the first order")
    return drawn(axes, rows)
