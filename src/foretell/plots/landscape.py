"""Heat maps of what the purchase model makes of orders and silence."""

from typing import Literal

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from foretell.plots.axes import axes_or_new, drawn, require

_TITLES = {"expected_orders": "expected orders", "p_alive": "probability of still being a customer"}


def plot_frequency_recency(
    landscape: pl.DataFrame, ax: Axes | None = None, *, value: Literal["expected_orders", "p_alive"] = "expected_orders"
) -> Axes:
    """Draw expected orders, or the probability of still being a customer, by orders so far and days of silence.

    Parameters
    ----------
    landscape : pl.DataFrame
        As from ``TrainedModel.landscape``: columns orders, days_since_last_order and `value`; horizon_days
        where it is known, for the title of the colours.
    ax : Axes, optional
        Where to draw; None is a new figure.
    value : {'expected_orders', 'p_alive'}
        What the colour shows.

    Returns
    -------
    Axes
        With a heat map and its colour bar; cells that cannot be are blank; nothing is shown.

    Raises
    ------
    ColumnMismatch
        If a column is missing or the frame is empty.
    """
    require(landscape, ("orders", "days_since_last_order", value), what="frequency and recency")
    axes = axes_or_new(ax, f"{_TITLES[value].capitalize()} by orders and silence")
    rows = landscape.select("orders", "days_since_last_order", value).sort("orders", "days_since_last_order")
    orders, silent = (np.unique(rows[name].to_numpy()) for name in ("orders", "days_since_last_order"))
    cells = np.full((silent.size, orders.size), np.nan)
    places = (np.searchsorted(silent, rows["days_since_last_order"]), np.searchsorted(orders, rows["orders"]))
    cells[places] = rows[value].to_numpy()
    top = 1.0 if value == "p_alive" else None
    shown = axes.pcolormesh(orders, silent, cells, cmap="viridis", vmin=0, vmax=top, shading="nearest")
    bar = axes.figure.colorbar(shown, ax=axes)
    ahead = f" in {landscape['horizon_days'][0]:,} days" if _has_horizon(landscape, value) else ""
    bar.set_label(_TITLES[value].capitalize() + ahead)
    axes.invert_yaxis()
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("Orders so far (days with an order)")
    axes.set_ylabel("Days since the last order")
    return drawn(axes, rows)


def _has_horizon(landscape: pl.DataFrame, value: str) -> bool:
    return value == "expected_orders" and "horizon_days" in landscape.columns
