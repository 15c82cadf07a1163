"""The history of a tuning: what each trial reached."""

import polars as pl
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from foretell.plots.axes import axes_or_new, drawn, require
from foretell.plots.style import HAPPENED, PREDICTED


def plot_tuning_history(trials: pl.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the loss of each trial, and the best so far.

    Parameters
    ----------
    trials : pl.DataFrame
        ``TrainedModel.trials``: columns trial (0 is the usual settings), state (complete or pruned), loss.
    ax : Axes, optional
        Where to draw; None is a new figure.

    Returns
    -------
    Axes
        With one point a trial, pruned ones hollow, a line for the best so far and one for the usual settings; nothing
        is shown.

    Raises
    ------
    ColumnMismatch
        If a column is missing or the frame is empty.
    """
    require(trials, ("trial", "state", "loss"), what="tuning history")
    axes = axes_or_new(ax, "What the trials of the tuning reached")
    rows = trials.select("trial", "state", "loss").sort("trial").drop_nulls("loss")
    whole, pruned = (rows.filter(pl.col("state") == state) for state in ("complete", "pruned"))
    if not pruned.is_empty():
        axes.plot(
            pruned["trial"], pruned["loss"], linestyle="", marker="o", fillstyle="none", color=PREDICTED, label="pruned"
        )
    axes.plot(whole["trial"], whole["loss"], linestyle="", marker="o", color=PREDICTED, label="trial")
    axes.step(whole["trial"], whole["loss"].cum_min(), where="post", color=HAPPENED, label="best so far")
    if not whole.is_empty():
        ink = axes.xaxis.label.get_color()
        axes.axhline(whole["loss"][0], color=ink, alpha=0.6, linewidth=1, linestyle="--", label="usual settings")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("Number of the trial")
    axes.set_ylabel("Deviance left, as a share of the purchase model's")
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    axes.legend()
    return drawn(axes, rows)
