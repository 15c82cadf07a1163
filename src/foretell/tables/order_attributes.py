"""What attributes of orders say of a customer: those of the first and of the last order, and how many there were."""

from collections.abc import Collection, Sequence
from datetime import date, datetime

import polars as pl

from foretell.tables.dataset import CustomerData
from foretell.tables.schema import Column

ATTRIBUTES = ("channel", "source", "medium", "campaign", "device", "country", "store")
"""Columns of orders that are told of customers."""


def columns_of_attributes(attributes: Sequence[str]) -> tuple[Column, ...]:
    """Return what can be told of customers from attributes of their orders.

    Parameters
    ----------
    attributes : sequence of str
        Of `ATTRIBUTES`.

    Returns
    -------
    tuple of Column
        For each attribute ``first_order_<attribute>``, ``last_order_<attribute>`` and ``<attribute>_count``.
    """
    columns = []
    for name in attributes:
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
    wanted = [column for column in attribute_columns(data) if column.name in names]
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
    return rows.group_by("customer_id").agg(expressions).sort("customer_id").collect()
