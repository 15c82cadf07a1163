"""From order rows to purchase days: refunds netted into their orders, a customer's orders of one day made one.

Everything is a function of the rows handed in, so cutting the data first makes the netting as-of too.

An order is the rows of one customer that share an ``order_id`` (a row without one is an order of its own), on the
day of its first purchase row. A purchase row is neither cancelled nor negative. A negative row is a refund. A
cancelled row with a positive amount says that so much of its order did not happen. An order that has refunds and
no money left is no purchase; what a refund exceeds its order by, or finds no order for, is a loose refund of the
customer. A zero order without refunds is a purchase.
"""

import polars as pl

from foretell.tables.dataset import CustomerData

_PURCHASE_DAYS = ("customer_id", "purchase_date", "amount_minor", "order_rows")


def purchase_days(data: CustomerData) -> pl.LazyFrame:
    """Return one row per customer and calendar day with a purchase, net of the refunds in `data`.

    Parameters
    ----------
    data : CustomerData
        Rows that may be seen; cut them with `before` or `between` first.

    Returns
    -------
    polars.LazyFrame
        ``customer_id`` String, ``purchase_date`` Date, ``amount_minor`` Int64 (>= 0, in 1/10,000 of the currency
        unit; null where orders carry no money), ``order_rows`` UInt32 (source rows behind it); in no promised order.
    """
    days = (
        purchases(data)
        .group_by("customer_id", "purchase_date")
        .agg(pl.col("amount_minor").sum(), pl.col("order_rows").sum().cast(pl.UInt32))
    )
    if not data.has_amount:
        days = days.with_columns(amount_minor=pl.lit(None, pl.Int64))
    return days.select(_PURCHASE_DAYS)


def purchases(data: CustomerData) -> pl.LazyFrame:
    """Return one row per purchase, net of the refunds in `data`; a customer may have several a day.

    Parameters
    ----------
    data : CustomerData
        Rows that may be seen; cut them with `before` or `between` first.

    Returns
    -------
    polars.LazyFrame
        ``customer_id``, ``purchase_date``, ``amount_minor`` (0 where orders carry no money), ``order_rows``, as in
        `purchase_days`; in no promised order.
    """
    if data.has_refunds or data.order_ids_repeat:
        return _netted_orders(data).filter("is_purchase").select(_PURCHASE_DAYS)
    return data.orders.select(
        "customer_id",
        pl.col("ordered_at").dt.date().alias("purchase_date"),
        _amount(data).alias("amount_minor"),
        pl.lit(1, pl.UInt32).alias("order_rows"),
    )


def loose_refunds(data: CustomerData) -> pl.LazyFrame:
    """Return money handed back to customers that could be netted into no order.

    Parameters
    ----------
    data : CustomerData
        Rows that may be seen.

    Returns
    -------
    polars.LazyFrame
        One row per customer who has any: ``customer_id`` String, ``refund_minor`` Int64 (< 0).
    """
    if not data.has_refunds or not data.has_amount:
        return pl.LazyFrame(schema={"customer_id": pl.String, "refund_minor": pl.Int64})
    return (
        _netted_orders(data)
        .filter(~pl.col("is_purchase") & (pl.col("amount_minor") < 0))
        .group_by("customer_id")
        .agg(refund_minor=pl.col("amount_minor").sum())
    )


def _netted_orders(data: CustomerData) -> pl.LazyFrame:
    """One row per order: customer_id, purchase_date, amount_minor (net), order_rows, is_purchase."""
    cancelled = pl.col("cancelled").fill_null(value=False) if data.has_column("cancelled") else pl.lit(value=False)
    amount = _amount(data)
    rows = data.orders.select(
        "customer_id",
        "row_number",
        (pl.col("order_id") if data.has_column("order_id") else pl.lit(None, pl.String)).alias("order_id"),
        pl.col("ordered_at").dt.date().alias("day"),
        amount.alias("amount"),
        cancelled.alias("cancelled"),
    ).with_columns(
        is_row_of_purchase=~pl.col("cancelled") & (pl.col("amount") >= 0),
        own_row=pl.when(pl.col("order_id").is_null()).then("row_number").otherwise(0),
    )
    bought = pl.col("is_row_of_purchase")
    orders = rows.group_by("customer_id", "order_id", "own_row").agg(
        purchase_date=pl.col("day").filter(bought).min(),
        order_rows=bought.sum().cast(pl.UInt32),
        cancelled_rows=(pl.col("cancelled") & (pl.col("amount") >= 0)).sum().cast(pl.UInt32),
        gross=pl.col("amount").filter(bought).sum(),
        withdrawn=pl.col("amount").filter(pl.col("cancelled") & (pl.col("amount") > 0)).sum(),
        refunded=pl.col("amount").filter(pl.col("amount") < 0).sum(),
    )
    net = pl.max_horizontal(pl.col("gross") - pl.col("withdrawn"), 0) + pl.col("refunded")
    taken_back = (pl.col("withdrawn") > 0) | (pl.col("refunded") < 0)
    # Without money a cancelled row can only stand for one row of its order.
    outnumbered = pl.col("cancelled_rows") >= pl.col("order_rows")
    emptied = taken_back & (net <= 0) if data.has_amount else outnumbered
    return orders.select(
        "customer_id",
        "purchase_date",
        net.alias("amount_minor"),
        "order_rows",
        ((pl.col("order_rows") > 0) & ~emptied).alias("is_purchase"),
    )


def _amount(data: CustomerData) -> pl.Expr:
    return pl.col("amount_minor") if data.has_amount else pl.lit(0, pl.Int64)
