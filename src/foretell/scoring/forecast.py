"""What the known customers will order week by week, all together."""

import math
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from foretell.bundles.bundle import Bundle
from foretell.features.summary import purchase_summary
from foretell.tables.dataset import CustomerData
from foretell.windows import as_cutoff, first_unseen_day

FORECAST_SCHEMA = {"week_starts_on": pl.Date, "days": pl.Int64, "expected_orders": pl.Float64}
_NODES = 9


def forecast_bucket(data: CustomerData, bundle: Bundle, as_of: date | datetime | str) -> pl.DataFrame:
    """Return the purchases expected of the customers in `data`, by week of the value horizon.

    Expected purchases grow smoothly with time, so their total is computed at a few spread points and
    interpolated by a monotone cubic; the result of several buckets adds up.

    Parameters
    ----------
    data : CustomerData
        Rows of all customers, or of one bucket of them.
    bundle : Bundle
        The fitted values.
    as_of : date, datetime or str
        First instant that is not seen.

    Returns
    -------
    polars.DataFrame
        ``week_starts_on`` Date, ``days`` Int64 (7, fewer in the last week), ``expected_orders`` Float64
        (purchase days of customers with a purchase before `as_of`).
    """
    from scipy.interpolate import PchipInterpolator

    cutoff = as_cutoff(as_of)
    summary = purchase_summary(data, cutoff)
    horizon = bundle.horizons.clv_days
    edges = np.minimum(np.arange(math.ceil(horizon / 7) + 1) * 7, horizon)
    # Chebyshev points: dense at both ends, where the curve bends most.
    nodes = horizon * (1 - np.cos(np.pi * np.arange(_NODES) / (_NODES - 1))) / 2
    totals = [0.0] + [
        0.0
        if summary.is_empty()
        else float(np.sum(bundle.purchase_model.expected_orders(summary, float(node))["expected_orders"].to_numpy()))
        for node in nodes[1:]
    ]
    weekly = np.diff(PchipInterpolator(nodes, totals)(edges))
    start = first_unseen_day(cutoff)
    return pl.DataFrame(
        {
            "week_starts_on": [start + timedelta(days=int(edge)) for edge in edges[:-1]],
            "days": np.diff(edges),
            "expected_orders": weekly,
        },
        schema=FORECAST_SCHEMA,
    )
