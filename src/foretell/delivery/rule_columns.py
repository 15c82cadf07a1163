"""The columns a segment rule may name: those of the scores, names without a horizon, and a few that follow from them."""

import re
from datetime import datetime

import polars as pl

from foretell.tables.schema import Column
from foretell.windows import Horizons, first_unseen_day

_HORIZON = re.compile(r"_\d+d(?=_|$)")

PAST_VALUE = Column(
    "past_value",
    pl.Float64(),
    "money, or orders in a shop without amounts",
    True,
    "What the customer brought so far",
)
PREDICTED_VALUE = Column(
    "predicted_value",
    pl.Float64(),
    "money, or orders in a shop without amounts",
    True,
    "What the customer is expected to bring within the value horizon",
)
PAST_VALUE_PERCENTILE = Column(
    "past_value_percentile", pl.Float64(), "percentile, 0 to 100", True, "Rank of past_value among all customers"
)
PREDICTED_VALUE_PERCENTILE = Column(
    "predicted_value_percentile",
    pl.Float64(),
    "percentile, 0 to 100",
    True,
    "Rank of predicted_value among all customers",
)
DAYS_TO_NEXT_ORDER = Column(
    "days_to_next_order",
    pl.Int64(),
    "days",
    True,
    "Days from the first day not seen to the expected next order; 0 is that day",
)
DERIVED = (PAST_VALUE, PREDICTED_VALUE, PAST_VALUE_PERCENTILE, PREDICTED_VALUE_PERCENTILE, DAYS_TO_NEXT_ORDER)


def without_horizon(name: str) -> str:
    """Return a column's name without the horizon in it.

    Parameters
    ----------
    name : str
        As in ``predicted_clv_365d_low``.

    Returns
    -------
    str
        As in ``predicted_clv_low``; the name itself where it holds no horizon.
    """
    return _HORIZON.sub("", name)


def aliases(columns: tuple[Column, ...]) -> dict[str, str]:
    """Return every name without a horizon, and the column that it stands for.

    Parameters
    ----------
    columns : tuple of Column
        Schema of the scores.

    Returns
    -------
    dict of str to str
        As in ``{"churn_risk": "churn_risk_90d"}``; names that hold no horizon are not in it.
    """
    return {
        without_horizon(column.name): column.name for column in columns if without_horizon(column.name) != column.name
    }


def rule_frame(
    scores: pl.DataFrame, columns: tuple[Column, ...], *, as_of: datetime, horizons: Horizons
) -> pl.DataFrame:
    """Return the scores with every further column that a rule may name.

    Parameters
    ----------
    scores : pl.DataFrame
        One row per customer, columns of `columns`.
    columns : tuple of Column
        Schema of the scores.
    as_of : datetime
        First instant that scoring did not see.
    horizons : Horizons
        Also given to rules, as the constant columns clv_days, churn_days, order_days.

    Returns
    -------
    pl.DataFrame
        The same rows in the same order, with aliases, the columns of `DERIVED` and the horizons added.
    """
    named = scores.with_columns(pl.col(name).alias(alias) for alias, name in aliases(columns).items())
    has_money = named.get_column("predicted_clv").is_not_null().any()
    past, predicted = ("historic_clv", "predicted_clv") if has_money else ("orders", "predicted_orders")
    first_day = first_unseen_day(as_of)
    return named.with_columns(
        pl.col(past).cast(pl.Float64).alias(PAST_VALUE.name),
        pl.col(predicted).cast(pl.Float64).alias(PREDICTED_VALUE.name),
        _percentile(past).alias(PAST_VALUE_PERCENTILE.name),
        _percentile(predicted).alias(PREDICTED_VALUE_PERCENTILE.name),
        (pl.col("expected_next_order_date") - pl.lit(first_day)).dt.total_days().alias(DAYS_TO_NEXT_ORDER.name),
        pl.lit(horizons.clv_days).alias("clv_days"),
        pl.lit(horizons.churn_days).alias("churn_days"),
        pl.lit(horizons.order_days).alias("order_days"),
    )


def _percentile(name: str) -> pl.Expr:
    value = pl.col(name)
    return (value.rank("average") - 0.5) / value.count() * 100
