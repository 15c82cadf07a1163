"""The reach of a lookalike audience: how many of the held-out seeds a larger one holds."""

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from foretell.plots.axes import axes_or_new, drawn, require
from foretell.plots.style import HAPPENED, PREDICTED

_COLUMNS = ("top_share", "recall", "recall_low", "recall_high", "recall_ceiling", "control_lift")


def plot_reach(reach: pl.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the share of held-out seeds in the top of the ranking by its size, beside chance and the ceiling.

    Parameters
    ----------
    reach : pl.DataFrame
        As `foretell.Lookalike.reach_`: columns top_share, recall with recall_low and recall_high (95 % interval),
        recall_ceiling, control_lift.
    ax : Axes, optional
        Where to draw; None is a new figure.

    Returns
    -------
    Axes
        With the curve, its interval, the random control and the ceiling; nothing is shown. Every line holds the values
        that were drawn.

    Raises
    ------
    ColumnMismatch
        If a column is missing or the frame is empty.
    """
    require(reach, _COLUMNS, what="reach")
    axes = axes_or_new(ax, "How far the audience reaches")
    rows = reach.sort("top_share")
    size = rows["top_share"].to_numpy()
    ink = axes.xaxis.label.get_color()
    axes.fill_between(
        size, rows["recall_low"].to_numpy(), rows["recall_high"].to_numpy(), color=PREDICTED, alpha=0.25, linewidth=0
    )
    axes.plot(size, rows["recall"].to_numpy(), color=PREDICTED, marker="o", label="this ranking (95 % interval)")
    axes.plot(
        size,
        (rows["control_lift"] * rows["top_share"]).to_numpy(),
        color=HAPPENED,
        marker="s",
        linewidth=1,
        label="random seeds",
    )
    for values, style, label in ((rows["recall_ceiling"].to_numpy(), ":", "ceiling"), (size, "--", "chance")):
        axes.plot(size, values, color=ink, alpha=0.6, linewidth=1, linestyle=style, label=label)
    axes.set_xlim(0, size.max() * 1.03)
    # the legend stands above the curves, which may be anywhere between 0 and 100 %
    axes.set_ylim(0, 1.35)
    axes.set_yticks(np.linspace(0, 1, 6))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlabel("Size of the audience, share of those ranked")
    axes.set_ylabel("Held-out seeds in it")
    axes.grid()
    axes.set_axisbelow(True)
    axes.legend(loc="upper left", ncols=2, columnspacing=1.2)
    return drawn(axes, rows)
