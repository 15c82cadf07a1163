"""What is looked at in order rows before they become a data set's."""

import polars as pl

from foretell.errors import DataError, Violation


def require_keys(orders: pl.DataFrame) -> None:
    """Refuse order rows whose key columns are absent, of another type or null; all problems at once.

    Parameters
    ----------
    orders : polars.DataFrame
        Rows that are said to have foretell's columns and types.

    Raises
    ------
    DataError
        With the columns and the remedy.
    """
    wanted = {
        "customer_id": pl.String,
        "ordered_at": pl.Datetime("us"),
        "amount_minor": pl.Int64,
        "order_id": pl.String,
    }
    violations = []
    for name, dtype in wanted.items():
        if name not in orders.columns:
            if name in ("customer_id", "ordered_at"):
                violations.append(
                    Violation("orders", name, "the column is missing", 1, remedy="Use foretell.read_orders.")
                )
            continue
        if orders.schema[name] != dtype:
            rule = f"the column must be {dtype}, got {orders.schema[name]}"
            violations.append(Violation("orders", name, rule, 1, remedy="Use foretell.read_orders, which converts it."))
        elif name != "order_id" and orders[name].null_count():
            violations.append(
                Violation(
                    "orders",
                    name,
                    "the column has nulls",
                    orders[name].null_count(),
                    remedy="Use foretell.read_orders.",
                )
            )
    if violations:
        raise DataError(violations)


def order_ids_repeat(orders: pl.DataFrame) -> bool:
    """Say whether any order has several rows.

    Parameters
    ----------
    orders : polars.DataFrame
        Rows of orders.

    Returns
    -------
    bool
    """
    if "order_id" not in orders.columns:
        return False
    named = orders["order_id"].drop_nulls()
    # Digests are quicker than texts; two that coincide take the longer way to the same purchase days.
    return named.hash(seed=2).n_unique() < named.len()


def has_refunds(orders: pl.DataFrame) -> bool:
    """Say whether any row is a refund or cancelled.

    Parameters
    ----------
    orders : polars.DataFrame
        Rows of orders.

    Returns
    -------
    bool
    """
    negative = "amount_minor" in orders.columns and bool((orders["amount_minor"] < 0).any())
    return negative or ("cancelled" in orders.columns and bool(orders["cancelled"].any()))
