"""All features of every customer at a cutoff, as one table."""

from collections.abc import Collection
from dataclasses import replace
from datetime import date, datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from foretell.features.behaviour.available import Available
from foretell.features.behaviour.seen import Seen
from foretell.features.catalogue import FAMILIES, TABLE_FAMILIES, catalogue
from foretell.features.feature import NUMBER, TEXT, Feature, Values
from foretell.features.history import PurchaseHistory, purchase_history
from foretell.features.statistics import Statistics
from foretell.tables.dataset import CustomerData
from foretell.windows import as_cutoff

_DECIMALS = 9


def compute(
    data: CustomerData,
    as_of: date | datetime | str,
    statistics: Statistics | None = None,
    *,
    families: Collection[str] | None = None,
) -> pl.LazyFrame:
    """Return every feature of every customer with a purchase before a cutoff.

    Parameters
    ----------
    data : CustomerData
        Orders of a shop, or of any subset of its customers: a customer's values depend on the customer's rows
        only. Not modified.
    as_of : date, datetime or str
        First instant that is not seen. Only rows before it are read, for the netting of refunds too.
    statistics : Statistics or None
        Figures of the whole shop, as from `foretell.features.fit_statistics.fit_statistics` at this cutoff or as a
        bundle holds them; None leaves out what is made of other tables than orders' own columns.
    families : collection of str or None
        Names of the families of optional tables that are wanted; None is all. Those of orders are always there.

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
    cutoff = as_cutoff(as_of)
    history = purchase_history(data, cutoff)
    tables = describe_tables(data, cutoff, history, statistics, families=families)
    return describe(history).hstack(tables).lazy()


def describe_tables(
    data: CustomerData,
    cutoff: datetime,
    history: PurchaseHistory,
    statistics: Statistics | None,
    *,
    families: Collection[str] | None = None,
) -> list[pl.Series]:
    """Return the features of the optional tables, of customers whose history was collected already.

    Parameters
    ----------
    data : CustomerData
        The same rows that the history was collected from.
    cutoff : datetime
        First instant that is not seen.
    history : PurchaseHistory
        Purchase days before it.
    statistics : Statistics or None
        Figures of the whole shop; None gives no feature.
    families : collection of str or None
        As in `compute`.

    Returns
    -------
    list of polars.Series
        One per feature, in the order of the catalogue, each as long as the history has customers.
    """
    if statistics is None or (families is not None and not families):
        return []
    return _of_tables(data.before(cutoff), cutoff, history.customer_id, history, statistics, families=families)


def compute_prospects(
    data: CustomerData, as_of: date | datetime | str, statistics: Statistics | None = None
) -> pl.DataFrame:
    """Return what is known of people who never bought: visitors, and members of the customers table.

    Parameters
    ----------
    data : CustomerData
        Rows of a shop, or of any subset of its customers and visitors. Not modified.
    as_of : date, datetime or str
        First instant that is not seen.
    statistics : Statistics or None
        As for `compute`.

    Returns
    -------
    polars.DataFrame
        One row per id of events or customers without a purchase before `as_of`, sorted by ``customer_id``:
        ``customer_id``, ``funnel_state`` (``cart`` with an open cart or checkout, else ``member`` in the customers
        table, else ``visitor``), then the features of the optional tables, those of purchases null or 0.

    Raises
    ------
    WindowError
        If ``as_of`` cannot be read, or lies after a given ``observed_until``.
    """
    cutoff = as_cutoff(as_of)
    seen = data.before(cutoff)
    bought = purchase_history(data, cutoff).customer_id
    tables = {name: getattr(seen.optional, name) for name in ("customers", "events")}
    parts = [
        table.select("customer_id", pl.lit(name == "customers").alias("is_member"))
        for name, table in tables.items()
        if table is not None
    ]
    if not parts:
        return pl.DataFrame(schema={"customer_id": pl.String, "funnel_state": pl.String})
    people: pl.DataFrame = (
        pl.concat(parts)
        .group_by("customer_id")
        .agg(pl.col("is_member").any())
        .join(bought.alias("customer_id").to_frame().lazy(), on="customer_id", how="anti")
        .sort("customer_id")
        .collect()
    )
    found = [] if statistics is None else _of_tables(seen, cutoff, people["customer_id"], None, statistics)
    frame = people.hstack(found)
    waiting = [name for name in frame.columns if name.startswith(("open_cart_events", "open_checkout_events"))]
    has_cart = pl.any_horizontal(*(pl.col(name) > 0 for name in waiting)) if waiting else pl.lit(value=False)
    state = pl.when(has_cart).then(pl.lit("cart")).when("is_member").then(pl.lit("member")).otherwise(pl.lit("visitor"))
    return frame.select("customer_id", state.alias("funnel_state"), pl.exclude("customer_id", "is_member"))


def _of_tables(
    seen: CustomerData,
    cutoff: datetime,
    ids: pl.Series,
    history: PurchaseHistory | None,
    statistics: Statistics,
    *,
    families: Collection[str] | None = None,
) -> list[pl.Series]:
    available = Available.of(seen)
    known = Seen(ids, cutoff, seen.optional, seen.orders, available, statistics, history)
    found = []
    source = ""
    for family in TABLE_FAMILIES:
        features = family.features(available) if families is None or family.name in families else ()
        if features:
            if features[0].source != source:
                # What was sorted of the table before is let go.
                known, source = replace(known), features[0].source
            values = family.compute(known)
            found += [_column(feature, values[feature.name]) for feature in features]
    return found


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


def _column(feature: Feature, values: NDArray[np.int64 | np.float64] | pl.Series) -> pl.Series:
    if isinstance(values, pl.Series):
        return values.cast(TEXT).alias(feature.name)
    if feature.dtype != NUMBER:
        return pl.Series(feature.name, values).cast(feature.dtype)
    # Adding 0.0 turns a rounded -0.0 into 0.0.
    return pl.Series(feature.name, np.round(values, _DECIMALS) + 0.0, nan_to_null=True)
