"""What a model's predictions rest on, by family of features."""

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from foretell.plots.axes import axes_or_new, drawn, require
from foretell.plots.style import PREDICTED
from foretell.plots.words import in_words


def plot_feature_families(families: pl.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how much each family of features moves the predicted value.

    Parameters
    ----------
    families : pl.DataFrame
        As from ``TrainedModel.families``: columns family, share.
    ax : Axes, optional
        Where to draw; None is a new figure.

    Returns
    -------
    Axes
        With one bar a family, the longest on top; nothing is shown.

    Raises
    ------
    ColumnMismatch
        If a column is missing or the frame is empty.
    """
    require(families, ("family", "share"), what="feature families")
    axes = axes_or_new(ax, "What the predicted value rests on")
    rows = families.select("family", "share").sort("share", "family", descending=[False, True])
    place = np.arange(rows.height)
    axes.barh(place, rows["share"].to_numpy(), color=PREDICTED)
    axes.set_yticks(place, [in_words(name) for name in rows["family"]])
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlabel("Share of all movement of predicted value")
    axes.set_ylabel("Family of features")
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    return drawn(axes, rows)
