"""What attributes of orders say of a customer: those of the first and last order, how many, and what share of days."""

from collections.abc import Collection, Sequence
from datetime import date, datetime

import polars as pl

from foretell.tables.dataset import CustomerData
from foretell.tables.schema import Column

ATTRIBUTES = ("channel", "source", "medium", "campaign", "device", "country", "store", "fulfilment", "gift")
"""Columns of orders that are told of customers."""
PICKED_UP = (
    "pickup",
    "collect",
    "collection",
    "click and collect",
    "store pickup",
    "in store pickup",
    "curbside",
    "bopis",
)
"""Words of ``fulfilment`` that mean that the customer came for it; case, hyphens and underscores do not matter."""
_SHARES = {"pickup_orders_share": "fulfilment", "gift_orders_share": "gift"}


def columns_of_attributes(attributes: Sequence[str]) -> tuple[Column, ...]:
    """Return what can be told of customers from attributes of their orders.

    Parameters
    ----------
    attributes : sequence of str
        Of `ATTRIBUTES`.

    Returns
    -------
    tuple of Column
        For each attribute but ``gift`` ``first_order_<attribute>``, ``last_order_<attribute>`` and
        ``<attribute>_count``; of ``fulfilment`` and ``gift`` the share of purchase days picked up, and with a gift.
    """
    columns = []
    for name in attributes:
        for share, of in _SHARES.items():
            if of == name:
                what = "with an order that was picked up" if name == "fulfilment" else "with an order sent as a gift"
                among = " of which it is known how the order came" if name == "fulfilment" else ""
                meaning = f"Part of the purchase days{among} {what}."
                columns.append(Column(share, pl.Float64(), "share", True, meaning))
        if name == "gift":
            continue
        columns += [
            Column(f"first_order_{name}", pl.String(), "text", True, f"The {name} of the first order that has one."),
            Column(f"last_order_{name}", pl.String(), "text", True, f"The {name} of the last order that has one."),
            Column(
                f"{name}_count", pl.Int64(), "values", False, f"Number of different values of {name} in all orders."
            ),
        ]
    return tuple(columns)


def attribute_columns(data: CustomerData) -> tuple[Column, ...]:
    """Return what can be told of customers from the attributes that the orders carry.

    Parameters
    ----------
    data : CustomerData
        Orders of a shop.

    Returns
    -------
    tuple of Column
        As from `columns_of_attributes`, of the attributes that are there.
    """
    return columns_of_attributes([name for name in ATTRIBUTES if data.has_column(name)])


def order_attributes(data: CustomerData, as_of: date | datetime | str, names: Collection[str]) -> pl.DataFrame:
    """Return what the attributes of orders before a cutoff say of each customer.

    Parameters
    ----------
    data : CustomerData
        Orders of a shop. Not modified.
    as_of : date, datetime or str
        First instant that is not seen.
    names : collection of str
        Columns wanted, of `attribute_columns`.

    Returns
    -------
    pl.DataFrame
        ``customer_id`` and the columns wanted, sorted by ``customer_id``. Refunds and cancelled rows tell nothing; of
        rows at the same instant the smallest value counts as the earlier one, so that their order does not matter.

    Raises
    ------
    WindowError
        If ``as_of`` cannot be read, or lies after a given ``observed_until``.
    """
    seen = data.before(as_of)
    rows = seen.orders
    if seen.has_column("cancelled"):
        rows = rows.filter(~pl.col("cancelled"))
    if seen.has_amount:
        rows = rows.filter(pl.col("amount_minor") >= 0)
    wanted = [column for column in attribute_columns(data) if column.name in names and column.name not in _SHARES]
    expressions = []
    for column in wanted:
        attribute = column.name.removeprefix("first_order_").removeprefix("last_order_").removesuffix("_count")
        value = pl.col(attribute).cast(pl.String)
        ordered = value.sort_by("ordered_at", attribute).drop_nulls()
        if column.name.startswith("first_order_"):
            expressions.append(ordered.first().alias(column.name))
        elif column.name.startswith("last_order_"):
            expressions.append(ordered.last().alias(column.name))
        else:
            expressions.append(value.drop_nulls().n_unique().cast(pl.Int64).alias(column.name))
    told = rows.group_by("customer_id").agg(expressions)
    for share, of in _SHARES.items():
        if share in names and data.has_column(of):
            told = told.join(_share(rows, share, of), on="customer_id", how="left")
    return told.sort("customer_id").collect()


def _share(rows: pl.LazyFrame, name: str, of: str) -> pl.LazyFrame:
    value = pl.col(of)
    if of == "fulfilment":
        words = value.str.strip_chars().str.to_lowercase().str.replace_all(r"[\s_-]+", " ")
        value = words.str.replace("^pick up$", "pickup").is_in(PICKED_UP)
    # Days, as everywhere: an order of ten lines is no ten orders.
    by_day = rows.group_by("customer_id", pl.col("ordered_at").dt.date().alias("day")).agg(value.max().alias("is"))
    return by_day.group_by("customer_id").agg(pl.col("is").mean().alias(name))
