"""The columns that scoring returns, as data: checks, the data dictionary and the docs derive from them."""

from typing import Final

import polars as pl

from foretell.tables.schema import Column
from foretell.windows import Horizons

PREDICTION_STATUSES: Final = {
    "ok": "every prediction that the data allow is there",
    "no_money": "orders carry no money: purchases and dates are predicted, values are not",
    "no_chance_of_return": "the customer is certain to be gone under the model: no next-order date",
}
"""Values of ``prediction_status`` and what they mean."""

REASONS = ("reason_1", "reason_2", "reason_3")


def score_columns(horizons: Horizons) -> tuple[Column, ...]:
    """Return the columns of a scores frame, in order.

    Parameters
    ----------
    horizons : Horizons
        The numbers in the names.

    Returns
    -------
    tuple of Column
        Name, dtype, unit, whether it may be null, and meaning.
    """
    clv, churn, order = horizons.clv_days, horizons.churn_days, horizons.order_days
    text, count, real, day = pl.String(), pl.Int64(), pl.Float64(), pl.Date()
    statuses = "; ".join(f"{name}: {meaning}" for name, meaning in PREDICTION_STATUSES.items())
    return (
        Column("customer_id", text, "text", False, "Customer, as in the orders."),
        Column("as_of", pl.Datetime("us"), "instant", False, "First instant that scoring did not see."),
        Column("orders", count, "purchase days", False, "Days on which the customer bought."),
        Column("order_rows", count, "rows", False, "Order rows behind them."),
        Column("first_order_date", day, "date", False, "Day of the first purchase."),
        Column("last_order_date", day, "date", False, "Day of the last purchase."),
        Column("days_since_last_order", count, "days", False, "Days from the last purchase day to as_of, at least 1."),
        Column("avg_days_between_orders", real, "days", True, "Mean gap between purchase days; empty with one order."),
        Column("avg_order_value", real, "money", True, "Mean value of purchase days with money; empty with none."),
        Column("historic_clv", real, "money", True, "Money spent so far, refunds taken off."),
        Column(f"predicted_orders_{clv}d", real, "purchase days", False, f"Purchases expected in {clv} days (mean)."),
        Column(f"predicted_clv_{clv}d", real, "money", True, f"Spend expected in {clv} days (mean)."),
        Column(f"predicted_clv_{clv}d_low", real, "money", True, f"At most 1 in 10 such customers will spend less in {clv} days."),
        Column(f"predicted_clv_{clv}d_high", real, "money", True, f"At most 1 in 10 such customers will spend more in {clv} days; 0.00 means most likely nothing."),
        Column("total_clv", real, "money", True, "historic_clv + predicted_clv."),
        Column("p_alive", real, "probability", False, "Probability of still being a customer."),
        Column(f"churn_risk_{churn}d", real, "probability", False, f"Probability of no purchase in the next {churn} days."),
        Column("churn_band", text, "category", False, "low, medium or high churn risk."),
        Column(f"p_order_{order}d", real, "probability", False, f"Probability of a purchase within {order} days."),
        Column("expected_next_order_date", day, "date", True, f"Median date of the next purchase, given one within {clv} days; follows the shop's season where the model knows one."),
        Column("next_order_date_early", day, "date", True, "1 in 10 such purchases comes earlier."),
        Column("next_order_date_late", day, "date", True, "1 in 10 such purchases comes later."),
        Column("overdue", pl.Boolean(), "yes/no", False, "The wait is longer than 90 % of the waits expected of the customer."),
        Column("clv_percentile", count, "rank 1-100", True, "Rank by predicted_clv among all scored, by predicted_orders without money; 100 is the highest."),
        Column("churn_percentile", count, "rank 1-100", False, "Rank by churn risk among all scored; 100 is the highest."),
        *(
            Column(name, text, "text", True, f"What sets the predicted value apart, number {i}; empty if not explained.")
            for i, name in enumerate(REASONS, 1)
        ),
        Column("prediction_status", text, "category", False, statuses + "."),
        Column("model_version", text, "text", False, "Bundle that produced the row."),
    )  # fmt: skip


def score_schema(horizons: Horizons) -> dict[str, pl.DataType]:
    """Return the polars schema of a scores frame.

    Parameters
    ----------
    horizons : Horizons
        The numbers in the names.

    Returns
    -------
    dict of str to polars.DataType
        Name to dtype, in column order.
    """
    return {column.name: column.dtype for column in score_columns(horizons)}
