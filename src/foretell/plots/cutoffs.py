"""A backtest over its cutoffs: one metric, every rung."""

from datetime import date, datetime

import numpy as np
import polars as pl
from matplotlib import colormaps
from matplotlib.axes import Axes

from foretell.errors import ColumnMismatch, did_you_mean
from foretell.plots.axes import axes_or_new, drawn, require
from foretell.plots.words import in_words, short_day

_COLUMNS = ("cutoff", "rung", "target", "metric", "value", "low", "high")
_LEGEND_COLUMNS = 3
_UNITS = {
    ("clv", "rmse"): " (currency of the orders)",
    ("clv", "mae"): " (currency of the orders)",
    ("clv", "bias"): " (error of the total, as a share)",
    ("orders", "rmse"): " (orders)",
    ("orders", "mae"): " (orders)",
    ("orders", "bias"): " (error of the total, as a share)",
    ("churn", "bias"): " (error of the mean probability)",
    ("churn", "ece"): " (as a share of 1)",
}


def plot_backtest(table: pl.DataFrame, ax: Axes | None = None, *, target: str = "clv", metric: str = "gini") -> Axes:
    """Draw one metric of every rung at every cutoff, with its intervals.

    Parameters
    ----------
    table : pl.DataFrame
        As from ``backtest`` or ``TrainedModel.backtest``.
    ax : Axes, optional
        Where to draw; None is a new figure.
    target : str
        As in the column target, with or without its horizon (``clv`` or ``clv_365d``).
    metric : str
        As in the column metric.

    Returns
    -------
    Axes
        With a group of points a cutoff, a colour a rung; nothing is shown.

    Raises
    ------
    ColumnMismatch
        If a column is missing, or no row is of that target and metric.
    """
    require(table, _COLUMNS, what="backtest")
    named = pl.col("target").cast(pl.String)
    rows = table.filter((pl.col("metric") == metric) & ((named == target) | named.str.starts_with(f"{target}_")))
    if rows.is_empty():
        known = table.select(pl.format("{} {}", "target", "metric")).to_series().unique().sort().to_list()
        msg = f"The backtest holds no {metric} of {target}.{did_you_mean(f'{target} {metric}', known)}"
        raise ColumnMismatch(msg)
    axes = axes_or_new(ax, f"Backtest: {in_words(metric)} of {in_words(target)} by cutoff")
    rows = rows.select(_COLUMNS).sort("cutoff", "rung")
    cutoffs, rungs = rows["cutoff"].unique().sort().to_list(), rows["rung"].unique().sort().to_list()
    colours = colormaps["tab10"]
    for number, rung in enumerate(rungs):
        mine = rows.filter(pl.col("rung") == rung)
        apart = (number - (len(rungs) - 1) / 2) * 0.6 / max(len(rungs), 1)
        at = np.array([cutoffs.index(cutoff) for cutoff in mine["cutoff"]]) + apart
        value = mine["value"].to_numpy()
        reach = np.abs(np.stack([mine["low"].fill_null(mine["value"]), mine["high"].fill_null(mine["value"])]) - value)
        axes.errorbar(at, value, yerr=reach, fmt="o", color=colours(number % 10), capsize=2, label=in_words(rung))
    axes.set_xticks(range(len(cutoffs)), [short_day(_day(cutoff)) for cutoff in cutoffs])
    axes.set_xlim(-0.6, len(cutoffs) - 0.4)
    axes.set_xlabel("Cutoff of the backtest")
    label = f"{in_words(metric)} of {in_words(target)}"
    axes.set_ylabel(label[:1].upper() + label[1:] + _UNITS.get((target.split("_", maxsplit=1)[0], metric), ""))
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    low, high = axes.get_ylim()
    # the legend stands below the lowest interval, never on a point
    axes.set_ylim(low - 0.12 * -(-len(rungs) // _LEGEND_COLUMNS) * (high - low), high)
    axes.legend(ncols=_LEGEND_COLUMNS, loc="lower center", columnspacing=1.2, handletextpad=0.4)
    return drawn(axes, rows)


def _day(cutoff: str | date) -> date:
    if isinstance(cutoff, str):
        return datetime.fromisoformat(cutoff).date()
    return cutoff.date() if isinstance(cutoff, datetime) else cutoff
