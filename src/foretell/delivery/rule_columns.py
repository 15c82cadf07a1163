"""The columns a rule may name: scores, the same without a horizon, features that were computed, and ranks of these."""

import re
from collections.abc import Collection
from dataclasses import asdict
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
HAS_ORDERED = "foretell: has ordered"
"""Column of a rule frame that no rule can name: whether the row is a customer, not a prospect."""
PERCENTILE = "_percentile"
"""Ending of the name of a rank among all customers: of any column that holds numbers."""


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


def rule_columns(columns: tuple[Column, ...], features: tuple[Column, ...] = ()) -> dict[str, Column]:
    """Return every column that a rule may name, ranks of other columns aside.

    Parameters
    ----------
    columns : tuple of Column
        Schema of the scores.
    features : tuple of Column
        Features that were computed.

    Returns
    -------
    dict of str to Column
        By the name that a rule uses, aliases and horizons among them.
    """
    found = {column.name: column for column in (*features, *columns, *DERIVED)}
    found |= {alias: found[name] for alias, name in aliases(columns).items()}
    whole = pl.Int32()
    return found | {name: Column(name, whole, "days", False, "A horizon.") for name in asdict(Horizons())}


def column_named(name: str, known: dict[str, Column]) -> Column | None:
    """Return the column that a rule means by a name.

    Parameters
    ----------
    name : str
        As in ``churn_risk`` or ``avg_order_value_percentile``.
    known : dict of str to Column
        From `rule_columns`.

    Returns
    -------
    Column or None
        A rank of a column that holds numbers among them; None if there is no such column.
    """
    if name in known:
        return known[name]
    ranked = known.get(name.removesuffix(PERCENTILE)) if name.endswith(PERCENTILE) else None
    if ranked is None or not ranked.dtype.is_numeric():
        return None
    meaning = f"Rank of {ranked.name} among all customers who have one; 100 is the highest."
    return Column(name, pl.Float64(), "percentile, 0 to 100", True, meaning)


def rule_frame(
    scores: pl.DataFrame,
    columns: tuple[Column, ...],
    *,
    as_of: datetime,
    horizons: Horizons,
    features: pl.DataFrame | None = None,
    ranked: Collection[str] = (),
    prospects: pl.DataFrame | None = None,
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
    features : pl.DataFrame or None
        Column ``customer_id`` and features of the same customers.
    ranked : collection of str
        Names such as ``avg_order_value_percentile`` whose ranks are wanted too.
    prospects : pl.DataFrame or None
        Column ``customer_id``, features of people without an order and what is foretold of them.

    Returns
    -------
    pl.DataFrame
        The same rows in the same order, with aliases, features, the columns of `DERIVED`, ranks, horizons and
        `HAS_ORDERED` added; below them those without an order, who have 0 orders, no scores and no ranks.
    """
    has_money = bool(scores.get_column(aliases(columns)["predicted_clv"]).is_not_null().any())
    named = rule_rows_of(scores, columns, as_of=as_of, horizons=horizons, features=features, has_money=has_money)
    past, predicted = value_columns(has_money=has_money)
    for column, of in ((PAST_VALUE_PERCENTILE, past), (PREDICTED_VALUE_PERCENTILE, predicted)):
        named = named.with_columns(rank_in_percent(of).alias(column.name))
    wanted = {name: name.removesuffix(PERCENTILE) for name in ranked if name not in named.columns}
    named = named.with_columns(
        pl.lit(value=True).alias(HAS_ORDERED),
        *(rank_in_percent(of).alias(name) for name, of in wanted.items() if of in named.columns),
    )
    return named if prospects is None else _with_prospects(named, prospects, horizons)


def value_columns(*, has_money: bool) -> tuple[str, str]:
    """Return what stands for past and predicted value.

    Parameters
    ----------
    has_money : bool
        Whether orders carry amounts.

    Returns
    -------
    past, predicted : str
        Names without a horizon.
    """
    return ("historic_clv", "predicted_clv") if has_money else ("orders", "predicted_orders")


def rule_rows_of(
    scores: pl.DataFrame,
    columns: tuple[Column, ...],
    *,
    as_of: datetime,
    horizons: Horizons,
    features: pl.DataFrame | None = None,
    has_money: bool,
) -> pl.DataFrame:
    """Return scores with every further column that a rule may name and that needs no other customer's row.

    Parameters
    ----------
    scores, columns, as_of, horizons, features
        As for `rule_frame`; the rows may be those of some customers.
    has_money : bool
        Whether orders carry amounts.

    Returns
    -------
    pl.DataFrame
        The same rows in the same order: all that `rule_frame` adds but ranks and `HAS_ORDERED`.
    """
    named = scores.with_columns(pl.col(name).alias(alias) for alias, name in aliases(columns).items())
    if features is not None:
        extra = [name for name in features.columns if name == "customer_id" or name not in named.columns]
        named = named.join(features.select(extra), on="customer_id", how="left", maintain_order="left")
    past, predicted = value_columns(has_money=has_money)
    return named.with_columns(
        pl.col(past).cast(pl.Float64).alias(PAST_VALUE.name),
        pl.col(predicted).cast(pl.Float64).alias(PREDICTED_VALUE.name),
        (pl.col("expected_next_order_date") - pl.lit(first_unseen_day(as_of)))
        .dt.total_days()
        .alias(DAYS_TO_NEXT_ORDER.name),
        *(pl.lit(days, dtype=pl.Int32).alias(name) for name, days in asdict(horizons).items()),
    )


def _with_prospects(named: pl.DataFrame, prospects: pl.DataFrame, horizons: Horizons) -> pl.DataFrame:
    # What is foretold of people without an order is empty for customers, who have no such columns.
    known = [
        pl.col(name).cast(named.schema[name]) if name in named.columns else pl.col(name) for name in prospects.columns
    ]
    constant = {name: named.get_column(name).first() for name in ("as_of", "model_version") if named.height}
    without_order = prospects.select(known).with_columns(
        pl.lit(value=False).alias(HAS_ORDERED),
        *(pl.lit(0).cast(named.schema[name]).alias(name) for name in ("orders", "order_rows")),
        *(pl.lit(days, dtype=pl.Int32).alias(name) for name, days in asdict(horizons).items()),
        *(pl.lit(value).cast(named.schema[name]).alias(name) for name, value in constant.items()),
    )
    return pl.concat([named, without_order], how="diagonal")


def rank_in_percent(name: str) -> pl.Expr:
    """Return the rank of a column's values among all rows that have one.

    Parameters
    ----------
    name : str
        The column.

    Returns
    -------
    polars.Expr
        Above 0 to below 100, the highest last, ties by mean rank.
    """
    value = pl.col(name)
    return percent_of_rank(value.rank("average"), value.count())


def percent_of_rank(mean_rank: pl.Expr, count: pl.Expr) -> pl.Expr:
    """Return a rank in percent.

    Parameters
    ----------
    mean_rank : polars.Expr
        From 1 on.
    count : polars.Expr
        Among how many; one value, by whose inverse polars multiplies, which decides over last digits.

    Returns
    -------
    polars.Expr
        Above 0 to below 100.
    """
    return (mean_rank - 0.5) / count * 100
