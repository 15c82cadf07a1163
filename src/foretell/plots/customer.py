"""One customer: the orders, the chance of still being a customer day by day, and when the next order comes."""

import numpy as np
import numpy.typing as npt
import polars as pl
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from foretell.plots.axes import axes_or_new, drawn, require
from foretell.plots.days import name_days, places_of
from foretell.plots.style import HAPPENED, PREDICTED


def plot_customer_history(
    days: pl.DataFrame, ax: Axes | None = None, *, next_order: pl.DataFrame | None = None
) -> Axes:
    """Draw one customer's orders, the probability of still being a customer, and the law of the next order.

    Parameters
    ----------
    days : pl.DataFrame
        ``Timeline.days`` of ``TrainedModel.timeline``: columns day, ordered, p_alive.
    ax : Axes, optional
        Where to draw; None is a new figure.
    next_order : pl.DataFrame, optional
        ``Timeline.next_order``: columns day, probability (of the next order by that day, if one comes).

    Returns
    -------
    Axes
        With a line, a tick for each order, and after the last day seen the density of the next order, as the
        probability that it falls into the seven days around a day; nothing is shown. The customer's id is not drawn.

    Raises
    ------
    ColumnMismatch
        If a column is missing or the frame is empty.
    """
    require(days, ("day", "ordered", "p_alive"), what="customer history")
    axes = axes_or_new(ax, "One customer's orders and chance of staying")
    rows = days.sort("day")
    at = places_of(rows["day"].to_list())
    axes.plot(at, rows["p_alive"], color=PREDICTED, label="still a customer")
    bought = [place for place, ordered in zip(at, rows["ordered"], strict=True) if ordered]
    axes.plot(bought, [1.0] * len(bought), linestyle="", marker="v", color=HAPPENED, clip_on=False, label="order")
    last_day = at[-1]
    if next_order is not None and not next_order.is_empty():
        require(next_order, ("day", "probability"), what="customer history")
        ahead, chance = _by_week(next_order, at[-1])
        axes.fill_between(
            ahead, chance, color=HAPPENED, alpha=0.25, label="next order in the week around, if one comes"
        )
    axes.axvline(at[-1], color=axes.xaxis.label.get_color(), alpha=0.6, linewidth=1, linestyle=":")
    name_days(axes, at[0], last_day)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_ylim(0, 1.04)
    axes.set_xlabel("Day (dotted: the last one seen)")
    axes.set_ylabel("Probability in percent")
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    axes.legend()
    return drawn(axes, rows)


def _by_week(next_order: pl.DataFrame, last_seen: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Days after the last one seen, and the probability of the seven days around each."""
    law = next_order.group_by("day").agg(pl.col("probability").max()).sort("day")
    at = np.array([last_seen, *places_of(law["day"].to_list())], dtype=np.float64)
    by_then = np.array([0.0, *law["probability"].to_list()])
    days = np.arange(last_seen, at[-1] + 5.0)
    week: npt.NDArray[np.float64] = np.interp(days + 3.5, at, by_then) - np.interp(days - 3.5, at, by_then)
    return days, week
