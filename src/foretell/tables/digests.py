"""Digests of 64 bits that stand for texts and rows: enough to count with, quicker than what they stand for."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from foretell.tables.whole_numbers import all_apart

_AT_ONCE = 2**17


def all_differ(digests: pl.Series) -> bool:
    """Say whether no digest is there twice.

    Parameters
    ----------
    digests : polars.Series
        UInt64 without nulls.

    Returns
    -------
    bool
    """
    return _differ(digests.to_numpy(writable=True))


def ids_differ(ids: pl.Series) -> bool:
    """Say whether every row has an id of its own.

    Parameters
    ----------
    ids : polars.Series
        String.

    Returns
    -------
    bool
        Where digests of two ids coincide, that they differ is not seen.
    """
    return not ids.null_count() and (all_apart(ids) or _differ(_digests(ids, seed=2)))


def order_digests(order_id: pl.Series) -> pl.Series:
    """Return a 64-bit digest for each order id: enough to count with, quicker than the text.

    Parameters
    ----------
    order_id : polars.Series
        String; null where a row is an order of its own.

    Returns
    -------
    polars.Series
        UInt64; null where the order id is.
    """
    digest = pl.Series(order_id.name, _digests(order_id, seed=2))
    if not order_id.null_count():
        return digest
    return pl.select(pl.when(order_id.is_not_null()).then(digest)).to_series()


def customer_digests(customer_id: pl.Series) -> pl.Series:
    """Return a 64-bit digest for each customer.

    Parameters
    ----------
    customer_id : polars.Series
        String.

    Returns
    -------
    polars.Series
        UInt64, called ``customer``.
    """
    return pl.Series("customer", _digests(customer_id, seed=1))


def _differ(digests: NDArray[np.uint64]) -> bool:
    digests.sort()
    return not bool((digests[1:] == digests[:-1]).any())


def _digests(values: pl.Series, *, seed: int) -> NDArray[np.uint64]:
    digests = np.empty(values.len(), np.uint64)
    for start in range(0, values.len(), _AT_ONCE):
        digests[start : start + _AT_ONCE] = values.slice(start, _AT_ONCE).hash(seed=seed).to_numpy()
    return digests
