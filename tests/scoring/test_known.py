"""Customers described a part at a time are those described at once, with the features of every table."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl

from behaviour_histories import as_data, dense_shop
from foretell.features.fit_statistics import fit_statistics
from foretell.scoring.known import known_at


def described(as_of: datetime, most: int) -> pl.DataFrame:
    data = as_data(dense_shop(3))
    kept = known_at(data, as_of, with_features=False, keep_history=True, statistics=fit_statistics(data, as_of))
    return pl.concat([part.features for part in kept.parts(most)])


def test_parts_have_the_features_of_the_whole():
    data = as_data(dense_shop(3))
    # Later than the last row: the end of observation was not stated, and must not be by the cut into parts.
    as_of = data.observed_until + timedelta(days=9)
    whole = known_at(data, as_of, with_features=True, statistics=fit_statistics(data, as_of))
    assert whole.features is not None
    assert whole.features.width > 120
    assert described(as_of, 1).equals(whole.features)
    assert described(as_of, 10_000).equals(whole.features)
    chosen = np.arange(whole.summary.height) % 2 == 0
    assert whole.described(chosen).features.equals(whole.features.filter(pl.Series(chosen)))
