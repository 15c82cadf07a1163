"""Segments as data: whom they hold, why, and what to do about it."""

from dataclasses import dataclass

from foretell.errors import ConfigError
from foretell.scoring.schema import REASONS


@dataclass(frozen=True)
class Segment:
    """One audience, defined in words and by a rule over the scores; nothing in it is code.

    Parameters
    ----------
    name : str
        Name of its file, lower case letters, digits and underscores.
    title : str
        Its name in words.
    where : str
        A polars SQL condition over the columns of `foretell.delivery.rule_columns`.
    description : str
        Whom it holds, one sentence.
    action : str
        What to do with it, one sentence.
    order_by : tuple of str
        Columns, first first, each followed by ``DESC`` for the highest first; ties by customer_id.
    columns : tuple of str
        Columns of its file, after customer_id and why_here; names without a horizon are allowed.
    why : tuple of str
        Parts of the sentence that says why a row is in it, with column names in braces; a part whose column
        is empty for a row is left out.
    description_without_money : str
        The description in a shop without amounts; empty for the same one.
    """

    name: str
    title: str
    where: str
    description: str
    action: str
    order_by: tuple[str, ...]
    columns: tuple[str, ...]
    why: tuple[str, ...]
    description_without_money: str = ""

    def __post_init__(self) -> None:
        """Refuse a name that is no safe file name."""
        allowed = set("abcdefghijklmnopqrstuvwxyz0123456789_")
        if not self.name or not set(self.name) <= allowed:
            raise ConfigError(
                [f"The segment name {self.name!r} may hold only lower case letters, digits and underscores."]
            )


WIN_BACK = Segment(
    name="win_back",
    title="Win back: good customers slipping away",
    where=(
        "orders >= 2 AND churn_band = 'high' AND past_value_percentile > 50 "
        "AND days_since_last_order > avg_days_between_orders"
    ),
    description=(
        "Bought at least twice, were worth more than half of all customers so far, have waited longer than their own "
        "average gap between orders, and will now probably not buy within {churn_days} days."
    ),
    description_without_money=(
        "Bought at least twice and more often than half of all customers, have waited longer than their own average "
        "gap between orders, and will now probably not buy within {churn_days} days."
    ),
    action=(
        "Write in person, with a real reason to come back; start at the top of the file, where most is still to be won."
    ),
    order_by=("predicted_value DESC", "past_value DESC"),
    columns=(
        "orders",
        "last_order_date",
        "days_since_last_order",
        "avg_days_between_orders",
        "historic_clv",
        "predicted_clv",
        "churn_risk",
        "p_alive",
        *REASONS,
    ),
    why=(
        "Ordered {orders} times",
        "spent {historic_clv} so far",
        "last order {days_since_last_order} days ago",
        "usually {avg_days_between_orders} days between orders",
        "{churn_risk} risk of no order in the next {churn_days} days",
    ),
)

DUE_SOON = Segment(
    name="due_soon",
    title="Due soon: about to order again",
    where="days_to_next_order < 14 AND p_order >= 0.5",
    description=(
        "Expected to order within the next 14 days, and more likely than not to order within {order_days} days."
    ),
    action="Remind them now with what is new or what they may need again; they need no discount.",
    order_by=("p_order DESC", "predicted_value DESC"),
    columns=(
        "orders",
        "last_order_date",
        "avg_days_between_orders",
        "expected_next_order_date",
        "next_order_date_early",
        "next_order_date_late",
        "p_order",
        "avg_order_value",
        *REASONS,
    ),
    why=(
        "Next order expected around {expected_next_order_date}",
        "{p_order} chance of an order within {order_days} days",
        "usually {avg_days_between_orders} days between orders",
        "last order {days_since_last_order} days ago",
    ),
)

VIP = Segment(
    name="vip",
    title="VIP: the most valuable customers to come",
    where="predicted_value_percentile > 95 AND churn_band <> 'high'",
    description=(
        "The top 5 % by what they are expected to bring in the next {clv_days} days, without those at high risk "
        "of leaving."
    ),
    description_without_money=(
        "The top 5 % by the orders expected of them in the next {clv_days} days, without those at high risk of leaving."
    ),
    action="Keep them: early access, service, thanks. Leave them out of discount campaigns.",
    order_by=("predicted_value DESC",),
    columns=(
        "orders",
        "last_order_date",
        "historic_clv",
        "predicted_orders",
        "predicted_clv",
        "predicted_clv_low",
        "predicted_clv_high",
        "clv_percentile",
        "churn_risk",
        *REASONS,
    ),
    why=(
        "Among the top 5 % by what they are expected to bring",
        "{predicted_orders} orders expected in {clv_days} days",
        "{predicted_clv} expected spend",
        "{churn_risk} risk of no order in the next {churn_days} days",
    ),
)

ONE_TIME_AT_RISK = Segment(
    name="one_time_at_risk",
    title="One-time buyers at risk of never returning",
    where="orders = 1 AND churn_band IN ('medium', 'high')",
    description="Bought once, and may well not buy a second time within {churn_days} days.",
    action=(
        "Ask for the second order: a guide to what they bought, a matching product, a modest welcome-back offer. "
        "Those most likely to answer are at the top."
    ),
    order_by=("p_order DESC", "predicted_value DESC"),
    columns=(
        "first_order_date",
        "days_since_last_order",
        "historic_clv",
        "p_order",
        "churn_risk",
        "predicted_clv",
        *REASONS,
    ),
    why=(
        "Ordered once, {days_since_last_order} days ago",
        "spent {historic_clv}",
        "{churn_risk} risk of no order in the next {churn_days} days",
        "{p_order} chance of an order within {order_days} days",
    ),
)

READY_SEGMENTS = (WIN_BACK, DUE_SOON, VIP, ONE_TIME_AT_RISK)
