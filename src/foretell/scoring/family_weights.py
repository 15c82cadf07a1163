"""How much each family of features moves predicted value, over all customers."""

from datetime import date, datetime

import numpy as np
import polars as pl

from foretell.bundles.bundle import Bundle
from foretell.scoring.known import known_at
from foretell.scoring.reasons import prediction_parts
from foretell.tables.dataset import CustomerData
from foretell.windows import as_cutoff

_SEEN = 20_000


def family_weights(data: CustomerData, bundle: Bundle, as_of: date | datetime | str) -> pl.DataFrame:
    """Return the mean size of each family's share in the log of the predicted value.

    Parameters
    ----------
    data : CustomerData
        The shop's rows; those at or after `as_of` are not read.
    bundle : Bundle
        The fitted values.
    as_of : date, datetime or str
        First instant that is not seen.

    Returns
    -------
    polars.DataFrame
        ``family`` String, ``share`` Float64 (of all movement, they add up to 1), ``mean_factor`` Float64 (>= 1: by
        what factor the family typically moves the prediction up or down), the largest share first. Computed on at most
        some 20,000 customers: every so many-th by id.

    Raises
    ------
    WindowError
        If `as_of` lies after a given ``observed_until``.
    """
    known = known_at(
        data, as_cutoff(as_of), with_features=False, keep_history=bundle.reads_features, statistics=bundle.statistics
    )
    step = max(-(-known.summary.height // _SEEN), 1)
    known = known.described(np.arange(known.summary.height) % step == 0)
    parts = prediction_parts(known, bundle)
    sizes = {kind: float(np.mean(np.abs(parts.told[f"{kind}_share"].to_numpy()))) for kind in parts.kinds}
    total = sum(sizes.values()) or 1.0
    return (
        pl.DataFrame(
            {"family": list(sizes), "size": list(sizes.values())}, schema={"family": pl.String, "size": pl.Float64}
        )
        .select("family", share=pl.col("size") / total, mean_factor=pl.col("size").exp())
        .sort("share", "family", descending=[True, False])
    )
