"""Orders of the customers a model knows, week by week, beside what it expects."""

import polars as pl
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from foretell.plots.axes import axes_or_new, drawn, require
from foretell.plots.days import name_days, places_of
from foretell.plots.style import HAPPENED, PREDICTED
from foretell.plots.words import thousands


def plot_tracking(tracking: pl.DataFrame, ax: Axes | None = None, *, cumulative: bool = False) -> Axes:
    """Draw repeat orders by week, what happened beside what the purchase model expects.

    Parameters
    ----------
    tracking : pl.DataFrame
        As from ``track_orders``: columns week_starts_on, after_cutoff, and actual and expected orders or their
        cumulative sums.
    ax : Axes, optional
        Where to draw; None is a new figure.
    cumulative : bool
        Draw the sums up to each week instead of the weeks.

    Returns
    -------
    Axes
        With two lines, and a dotted one where the model stopped seeing; nothing is shown.

    Raises
    ------
    ColumnMismatch
        If a column is missing or the frame is empty.
    """
    kind = "cumulative" if cumulative else "orders"
    names = ("week_starts_on", f"actual_{kind}", f"expected_{kind}", "after_cutoff")
    require(tracking, names, what="tracking")
    axes = axes_or_new(ax, "Repeat orders of known customers")
    rows = tracking.select(names).sort("week_starts_on")
    at = places_of(rows["week_starts_on"].to_list())
    axes.plot(at, rows[f"actual_{kind}"], color=HAPPENED, label="happened")
    axes.plot(at, rows[f"expected_{kind}"], color=PREDICTED, linestyle="--", label="expected")
    later = rows["after_cutoff"].to_list()
    if True in later:
        place = at[later.index(True)]
        axes.axvline(place, color=axes.xaxis.label.get_color(), alpha=0.6, linewidth=1, linestyle=":")
    name_days(axes, at[0], at[-1])
    axes.yaxis.set_major_formatter(FuncFormatter(thousands))
    axes.set_ylim(bottom=0)
    axes.set_xlabel("Week that starts on (dotted: the model stops seeing)")
    axes.set_ylabel("Repeat orders up to the week" if cumulative else "Repeat orders a week")
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    axes.legend()
    return drawn(axes, rows)
