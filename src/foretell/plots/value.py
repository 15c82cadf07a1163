"""Figures of value: how it is spread over customers, and how much of it the best ranked hold."""

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, PercentFormatter

from foretell.errors import ColumnMismatch
from foretell.plots.axes import axes_or_new, drawn, require
from foretell.plots.style import HAPPENED, PREDICTED
from foretell.plots.words import thousands

_BINS = 40


def plot_value_capture(deciles: pl.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw which share of what happened the best predicted customers brought.

    Parameters
    ----------
    deciles : pl.DataFrame
        One cutoff, one rung, one target: columns decile (1 = lowest prediction), customers, predicted, actual (means
        per customer).
    ax : Axes, optional
        Where to draw; None is a new figure.

    Returns
    -------
    Axes
        With the curve of the prediction, and the diagonal of a ranking by chance; nothing is shown. `plot_data` gives
        customers_share and value_share.

    Raises
    ------
    ColumnMismatch
        If a column is missing, the frame is empty, or nothing happened.
    """
    require(deciles, ("decile", "customers", "predicted", "actual"), what="value capture")
    rows = deciles.sort("decile", descending=True)
    brought = (rows["actual"] * rows["customers"]).cum_sum()
    if not brought[-1] > 0:
        msg = "The value capture plot needs customers who brought something; all of them together brought nothing."
        raise ColumnMismatch(msg)
    customers = rows["customers"].cum_sum()
    frame = pl.DataFrame(
        {
            "customers_share": [0.0, *(customers / customers[-1]).to_list()],
            "value_share": [0.0, *(brought / brought[-1]).to_list()],
        }
    )
    axes = axes_or_new(ax, "How much of the value the best ranked brought")
    ink = axes.xaxis.label.get_color()
    axes.plot([0, 1], [0, 1], color=ink, alpha=0.6, linewidth=1, linestyle="--", label="by chance")
    axes.plot(frame["customers_share"], frame["value_share"], color=PREDICTED, marker="o", label="by this model")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("Share of customers, best predicted first")
    axes.set_ylabel("Share of what they all brought")
    axes.grid()
    axes.set_axisbelow(True)
    axes.legend(loc="lower right")
    return drawn(axes, frame)


def plot_clv_distribution(
    scores: pl.DataFrame, ax: Axes | None = None, *, column: str | None = None, unit: str | None = None
) -> Axes:
    """Draw how many customers are predicted how much value.

    Parameters
    ----------
    scores : pl.DataFrame
        As from ``score``; columns of one name that begins with ``predicted_clv_`` and is no bound.
    ax : Axes, optional
        Where to draw; None is a new figure.
    column : str, optional
        Another column to draw, as in ``predicted_orders_365d``.
    unit : str, optional
        What the values are counted in, for the axis title; None is the currency of the orders.

    Returns
    -------
    Axes
        With bars on a log scale of value and a line at the mean; nothing is shown. `plot_data` gives low and high end
        and customers of each bar; the first bar holds those below a ten-thousandth of the highest value.

    Raises
    ------
    ColumnMismatch
        If there is no such column, the frame is empty, or no value is above zero.
    """
    name = column or _value_column(scores)
    require(scores, (name,), what="CLV distribution")
    values = scores[name].drop_nulls().to_numpy()
    if not values.size or values.max() <= 0:
        msg = f"The CLV distribution plot needs values above zero in {name}."
        raise ColumnMismatch(msg)
    least = values.max() / 10_000
    edges = np.geomspace(least, values.max(), _BINS)
    counts = np.histogram(np.clip(values, least, None), bins=edges)[0]
    axes = axes_or_new(ax, "How predicted value is spread over customers")
    axes.bar(edges[:-1], counts, width=np.diff(edges), align="edge", color=PREDICTED)
    mean = float(values.mean())
    axes.axvline(mean, color=HAPPENED, linewidth=1.6, label=f"mean {mean:,.4g}")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(thousands))
    axes.yaxis.set_major_formatter(FuncFormatter(thousands))
    axes.set_xlabel(f"Predicted value per customer ({unit or 'currency of the orders'}, log scale)")
    axes.set_ylabel("Number of customers")
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    axes.legend()
    return drawn(axes, pl.DataFrame({"low": edges[:-1], "high": edges[1:], "customers": counts}))


def _value_column(scores: pl.DataFrame) -> str:
    found = [name for name in scores.columns if name.startswith("predicted_clv_") and name.endswith("d")]
    return found[0] if found else "predicted_clv"
