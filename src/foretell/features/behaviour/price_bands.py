"""Where a price lies among the prices of its category."""

import numpy as np

from foretell.features.behaviour.seen import Rows
from foretell.features.behaviour.segments import Mask
from foretell.features.statistics import WHOLE_SHOP, Statistics


def in_bands(statistics: Statistics, rows: Rows, price: str) -> tuple[Mask, Mask]:
    """Say which rows are cheap and which are dear for their category.

    Parameters
    ----------
    statistics : Statistics
        With the bands of each category.
    rows : Rows
        Lines or events.
    price : str
        Number that holds the price, in minor units.

    Returns
    -------
    tuple of ndarray of bool, shape (N,)
        At most the lower edge, above the upper edge. Both false where there is no price, or no band is known.
    """
    bands, names = statistics.price_bands, rows.names.get("category", ())
    nothing = np.zeros(rows.second.size, dtype=np.bool_)
    if WHOLE_SHOP not in bands:
        return nothing, nothing
    # The band of the whole shop comes last, where the code of no category points.
    edges = np.array([bands.get(name, bands[WHOLE_SHOP]) for name in (*names, WHOLE_SHOP)], dtype=np.int64)
    code = rows.codes["category"] if names else np.zeros(rows.second.size, dtype=np.int64)
    low, high = edges[code].T
    known, amount = rows.known[price], rows.numbers[price]
    return known & (amount <= low), known & (amount > high)
