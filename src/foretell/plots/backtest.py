"""Figures of the backtest: what was predicted beside what then happened."""

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.ticker import FuncFormatter, PercentFormatter

from foretell.plots.axes import axes_or_new, drawn, require
from foretell.plots.style import HAPPENED, PREDICTED
from foretell.plots.words import thousands


def plot_decile_value(deciles: pl.DataFrame, ax: Axes | None = None, *, unit: str | None = None) -> Axes:
    """Draw predicted and actual value per customer by decile of the prediction.

    Parameters
    ----------
    deciles : pl.DataFrame
        One cutoff, one rung, one target: columns decile (1 = lowest prediction), predicted, actual (means
        per customer in the shop's currency, or orders).
    ax : Axes, optional
        Where to draw; None is a new figure.
    unit : str, optional
        What the values are counted in, for the axis title; None is the shop's currency.

    Returns
    -------
    Axes
        With the bars; nothing is shown.

    Raises
    ------
    ColumnMismatch
        If a column is missing or the frame is empty.
    """
    require(deciles, ("decile", "predicted", "actual"), what="decile")
    axes = axes_or_new(ax, "Predicted and real value by tenth of the customers")
    rows = deciles.sort("decile", descending=True)
    place = np.arange(rows.height)
    axes.bar(place - 0.2, rows["predicted"].to_numpy(), width=0.38, color=PREDICTED, label="predicted")
    axes.bar(place + 0.2, rows["actual"].to_numpy(), width=0.38, color=HAPPENED, label="happened")
    axes.set_xticks(place, [str(rank) for rank in range(1, rows.height + 1)])
    axes.set_xlabel("Customers in ten equal groups, best predicted first")
    axes.set_ylabel(f"Per customer ({unit or 'currency of the orders'})")
    axes.yaxis.set_major_formatter(FuncFormatter(thousands))
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    axes.legend()
    return drawn(axes, rows)


def plot_calibration(calibration: pl.DataFrame, ax: Axes | None = None, *, event: str = "churned") -> Axes:
    """Draw the share to which something happened against the probability that was predicted for it.

    Parameters
    ----------
    calibration : pl.DataFrame
        One cutoff, one rung, one target: columns predicted (mean probability of a bin), observed (share),
        customers (size of the bin).
    ax : Axes, optional
        Where to draw; None is a new figure.
    event : str
        What was predicted, as a past participle or short phrase.

    Returns
    -------
    Axes
        With one point a bin, its area by the number of customers; nothing is shown.

    Raises
    ------
    ColumnMismatch
        If a column is missing or the frame is empty.
    """
    require(calibration, ("predicted", "observed", "customers"), what="calibration")
    axes = axes_or_new(ax, "Predicted probability and what happened")
    rows = calibration.filter(pl.col("customers") > 0).sort("predicted")
    customers = rows["customers"].to_numpy()
    areas = 20 + 160 * customers / max(customers.max(initial=1), 1)
    # The colour of the axis labels is the one that the page, light or dark, is drawn in.
    ink = axes.xaxis.label.get_color()
    axes.plot([0, 1], [0, 1], color=ink, alpha=0.6, linewidth=1, linestyle="--", label="perfect")
    axes.plot(rows["predicted"].to_numpy(), rows["observed"].to_numpy(), color=PREDICTED, linewidth=1.2)
    axes.scatter(
        rows["predicted"].to_numpy(),
        rows["observed"].to_numpy(),
        s=areas,
        color=PREDICTED,
        alpha=0.75,
        label="this model (area: customers)",
        clip_on=False,
        zorder=3,
    )
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlabel("Predicted probability")
    axes.set_ylabel(f"Share that {event}")
    axes.grid()
    axes.set_axisbelow(True)
    legend = axes.legend(loc="upper left")
    for handle in legend.legend_handles:
        if isinstance(handle, PathCollection):
            handle.set_sizes([60.0])
    return drawn(axes, rows)
