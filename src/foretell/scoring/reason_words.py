"""One sentence for each kind of reason, made of facts of the customer's own history.

The sentence of a factor tells the facts that its model rests on, and what the model makes of them. The sentence of
a family of features tells what is plainest of the family, and whether the family as a whole raised the prediction.
"""

from collections.abc import Callable, Collection, Mapping

import polars as pl

from foretell.bundles.bundle import Typical
from foretell.scoring.behaviour_words import BEHAVIOUR_FACTS, behaviour_facts

ALIKE = 0.05
"""A log distance up to which a customer counts as typical: 5 %."""

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def alive_words(typical: Typical) -> pl.Expr:
    """Tell the wait since the last order, and the purchase model's chance that the customer still is one.

    Parameters
    ----------
    typical : Typical
        The shop's typical customer.

    Returns
    -------
    polars.Expr
        Text, of the columns of `scoring.reasons.factors`.
    """
    waited = pl.format("Last order {} ago", _days("days_since_last_order"))
    own_gap = _days("avg_days_between_orders")
    others = (
        waited
        if typical.days_between_orders is None
        else pl.format(
            "{}; repeat customers here order every {} days", waited, pl.lit(round(typical.days_between_orders))
        )
    )
    against = (
        pl.when(pl.col("orders") == 1).then(others)
        .when(pl.col("orders") == 2).then(pl.format("{}; the only two were {} apart", waited, own_gap))
        .otherwise(pl.format("{}; usually every {}", waited, own_gap))
    )  # fmt: skip
    percent = (pl.col("alive") * 100).round(0).cast(pl.Int64)
    chance = pl.when(percent < 1).then(pl.lit("under 1 %")).otherwise(pl.format("{} %", percent))
    return pl.format("{}: {} likely to be a customer still", against, chance)


def order_words() -> pl.Expr:
    """Tell how many orders there were, and whether those who stay usually order more or less often.

    Returns
    -------
    polars.Expr
        Text, of the columns of `scoring.reasons.factors`.
    """
    since = pl.col("first_purchase_date").dt.strftime("%Y-%m-%d")
    often = (
        pl.when(pl.col("orders_distance") > ALIKE).then(pl.lit("more often than most"))
        .when(pl.col("orders_distance") < -ALIKE).then(pl.lit("less often than most"))
        .otherwise(pl.lit("about as often as most"))
    )  # fmt: skip
    return (
        pl.when(pl.col("orders") == 1)
        .then(pl.format("One order so far, on {}", since))
        .otherwise(pl.format("{} orders since {}: {} of those who stay", "orders", since, often))
    )


def value_words(typical: Typical) -> pl.Expr:
    """Tell the average order, and whether the value expected of an order is above the typical.

    Parameters
    ----------
    typical : Typical
        The shop's typical customer.

    Returns
    -------
    polars.Expr
        Text, of the columns of `scoring.reasons.factors`.
    """
    facts = pl.format("Average order {}", _money("mean_order_value"))
    if typical.order_value is not None:
        level = (
            pl.when(pl.col("value_distance") > ALIKE).then(pl.lit("above what is typical here"))
            .when(pl.col("value_distance") < -ALIKE).then(pl.lit("below what is typical here"))
            .otherwise(pl.lit("about what is typical here"))
        )  # fmt: skip
        facts = pl.format("{}: {} ({})", facts, level, pl.lit(f"{typical.order_value:.0f}"))
    return pl.when(pl.col("mean_order_value").is_null()).then(pl.lit("No paid order to go by")).otherwise(facts)


def family_words(family: str, share: str, *, money: bool, columns: Collection[str] = ()) -> pl.Expr:
    """Tell a family of features by its plainest facts, and which way it moved the prediction.

    Parameters
    ----------
    family : str
        Name of the family in the catalogue.
    share : str
        Column of the family's share in the log of the prediction.
    money : bool
        Whether there are features of money.
    columns : collection of str
        Columns at hand; families of the optional tables tell facts of these only.

    Returns
    -------
    polars.Expr
        Text, of the columns of the catalogue and of `share`.
    """
    effect = pl.when(pl.col(share) > 0).then(pl.lit("raises")).otherwise(pl.lit("lowers"))
    facts = behaviour_facts(family, columns) if family in BEHAVIOUR_FACTS else FAMILY_FACTS[family](money)
    return pl.format("{}: {} the prediction", facts, effect)


def _rfm_facts(money: bool) -> pl.Expr:  # noqa: FBT001  # all families are asked alike
    one = pl.col("orders") == 1
    orders = pl.format("{} in {}", _orders("orders"), _days("days_since_first_order"))
    if not money:
        return orders
    refunded = pl.when(pl.col("loose_refund_share") > 0).then(pl.lit(" after refunds")).otherwise(pl.lit(""))
    in_all = pl.format(", {} in all{}", _money("spend_total"), refunded)
    worth = (
        pl.when(pl.col("order_value_max").is_null()).then(pl.lit(", nothing paid"))
        .when(one & (refunded == "")).then(pl.format(", worth {}", _money("order_value_max")))
        .when(one).then(pl.format(", worth {}{}", _money("order_value_max"), in_all))
        .otherwise(pl.format(", worth up to {} each{}", _money("order_value_max"), in_all))
    )  # fmt: skip
    return pl.concat_str(orders, worth)


def _rhythm_facts(money: bool) -> pl.Expr:  # noqa: ARG001, FBT001  # all families are asked alike
    last = pl.format("last order {} ago", _days("days_since_last_order"))
    usual = pl.format("Usually orders every {}, at most {} apart", _days("gap_mean_days"), _days("gap_max_days"))
    two = pl.format("The only two orders were {} apart", _days("gap_last_days"))
    return (
        pl.when(pl.col("orders") == 1)
        .then(pl.format("No second order in the {} since the first", _days("days_since_first_order")))
        .otherwise(pl.format("{}; {}", pl.when(pl.col("orders") == 2).then(two).otherwise(usual), last))
    )


def _windowed_facts(money: bool) -> pl.Expr:  # noqa: FBT001  # all families are asked alike
    def within(days: int) -> pl.Expr:
        orders = pl.col(f"orders_last_{days}d")
        if not money:
            return _orders(orders)
        worth = pl.format("{} worth {}", _orders(orders), _money(f"spend_last_{days}d"))
        return pl.when(orders > 0).then(worth).otherwise(pl.lit("no order"))

    return (
        pl.when(pl.col("orders_last_365d") == 0)
        .then(pl.lit("No order in the last 365 days"))
        .otherwise(_capital(pl.format("{} in the last 365 days, {} in the last 90", within(365), within(90))))
    )


def _trend_facts(money: bool) -> pl.Expr:  # noqa: FBT001  # all families are asked alike
    recent, change, before = pl.col("orders_last_90d"), pl.col("orders_change_90d"), pl.col("orders_previous_90d")
    told = pl.format("{} in the last 90 days, {} in the 90 before", _orders(recent), _orders(before))
    if money:
        spent, spent_before = _money("spend_last_90d"), _money(pl.col("spend_last_90d") - pl.col("spend_change_90d"))
        told = pl.format("Spent {} in the last 90 days, {} in the 90 before", spent, spent_before)
    nothing = (before == 0) & (change == 0)
    return pl.when(nothing).then(pl.lit("No order in the last 180 days")).otherwise(_capital(told))


def _calendar_facts(money: bool) -> pl.Expr:  # noqa: ARG001, FBT001  # all families are asked alike
    last_year = pl.col("orders_next_90d_last_year")
    weekday = pl.col("last_order_weekday").replace_strict(
        dict(enumerate(_WEEKDAYS, 1)), default=None, return_dtype=pl.String
    )
    then = pl.when(last_year > 0).then(pl.lit(", in the 90 days after this date last year")).otherwise(pl.lit(""))
    return (
        pl.when(pl.col("orders") == 1)
        .then(pl.format("The only order was on a {}{}", weekday, then))
        .otherwise(
            pl.format(
                "{} in the 90 days after this date last year; {} % of all on weekends, {} % in October to December",
                _capital(_orders(last_year)),
                _percent("weekend_orders_share"),
                _percent("quarter_4_orders_share"),
            )
        )
    )


FAMILY_FACTS: Mapping[str, Callable[[bool], pl.Expr]] = {
    "rfm": _rfm_facts,
    "rhythm": _rhythm_facts,
    "windowed": _windowed_facts,
    "trend": _trend_facts,
    "calendar": _calendar_facts,
}
"""What is told of each family of the catalogue; a family without words could not be a reason."""


def _orders(count: str | pl.Expr) -> pl.Expr:
    number = pl.col(count) if isinstance(count, str) else count
    return (
        pl.when(number == 0).then(pl.lit("no order"))
        .when(number == 1).then(pl.lit("1 order"))
        .otherwise(pl.format("{} orders", number))
    )  # fmt: skip


def _days(name: str) -> pl.Expr:
    whole = pl.col(name).round(0).clip(1).cast(pl.Int64)
    return pl.when(whole == 1).then(pl.lit("1 day")).otherwise(pl.format("{} days", whole))


def _money(value: str | pl.Expr) -> pl.Expr:
    amount = pl.col(value) if isinstance(value, str) else value
    return amount.round(0).cast(pl.Int64).cast(pl.String)


def _percent(name: str) -> pl.Expr:
    return (pl.col(name) * 100).round(0).cast(pl.Int64)


def _capital(text: pl.Expr) -> pl.Expr:
    return pl.concat_str(text.str.head(1).str.to_uppercase(), text.str.slice(1))
