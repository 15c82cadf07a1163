"""What order rows must hold before they are taken for the data set's."""

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
