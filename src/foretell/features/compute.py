"""All features of every customer at a cutoff, as one table."""

from datetime import date, datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from foretell.features.catalogue import FAMILIES, catalogue
from foretell.features.feature import NUMBER, Feature, Values
from foretell.features.history import PurchaseHistory, purchase_history
from foretell.tables.dataset import CustomerData

_DECIMALS = 9


def compute(data: CustomerData, as_of: date | datetime | str) -> pl.LazyFrame:
    """Return every feature of every customer with a purchase before a cutoff.

    Parameters
    ----------
    data : CustomerData
        Orders of a shop, or of any subset of its customers: a customer's values depend on the customer's rows
        only. Not modified.
    as_of : date, datetime or str
        First instant that is not seen. Only rows before it are read, for the netting of refunds too.

    Returns
    -------
    pl.LazyFrame
        One row per customer, sorted by ``customer_id``, with the columns of
        `foretell.features.catalogue.catalogue`, in that order and with the types and nulls declared there.
        Features of money are absent where orders carry no amounts.

    Raises
    ------
    WindowError
        If ``as_of`` cannot be read, or lies after a given ``observed_until``.

    Notes
    -----
    Sums are sums of whole numbers, and floats are rounded to nine decimals, so the values are the same to the last
    bit for any order of rows, number of threads and split of the customers.
    """
    return describe(purchase_history(data, as_of)).lazy()


def describe(history: PurchaseHistory) -> pl.DataFrame:
    """Return the features of a history that was collected already.

    Parameters
    ----------
    history : PurchaseHistory
        Purchase days before a cutoff.

    Returns
    -------
    polars.DataFrame
        As from `compute`, collected.
    """
    values: Values = {}
    for family in FAMILIES:
        values.update(family.compute(history))
    columns = [_column(feature, values[feature.name]) for feature in catalogue(has_amount=history.amount is not None)]
    return pl.DataFrame([history.customer_id, *columns])


def _column(feature: Feature, values: NDArray[np.int64 | np.float64]) -> pl.Series:
    if feature.dtype != NUMBER:
        return pl.Series(feature.name, values).cast(feature.dtype)
    # Adding 0.0 turns a rounded -0.0 into 0.0.
    return pl.Series(feature.name, np.round(values, _DECIMALS) + 0.0, nan_to_null=True)
