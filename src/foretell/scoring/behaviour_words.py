"""Facts of the families of the optional tables, in words that a marketer can repeat.

A shop need not have every column, and a customer need not have every fact: each sentence is the first of several
whose facts are all there. Nothing is told but names of categories, brands, campaigns, places and countries, and
counts, days and money.
"""

from collections.abc import Callable, Collection, Mapping

import polars as pl

Facts = Callable[[str], pl.Expr]


def behaviour_facts(family: str, columns: Collection[str]) -> pl.Expr:
    """Return what is told of a family of the optional tables.

    Parameters
    ----------
    family : str
        Name of the family in the catalogue.
    columns : collection of str
        Columns of the features at hand; facts of others are passed over.

    Returns
    -------
    polars.Expr
        Text, never null.
    """

    def fact(name: str) -> pl.Expr:
        return pl.col(name) if name in columns else pl.lit(None)

    return pl.coalesce(*BEHAVIOUR_FACTS[family](fact))


def _assortment(fact: Facts) -> list[pl.Expr]:
    mixed = pl.format("{} bought", _number(fact("categories_bought"), "category", "categories"))
    return [
        pl.format(
            "Buys {} most ({} % of lines); {}", fact("top_category"), _percent(fact("top_category_lines_share")), mixed
        ),
        pl.format("Buys {} most ({} % of lines)", fact("top_brand"), _percent(fact("top_brand_lines_share"))),
        _capital(mixed),
        _capital(pl.format("{} bought", _number(fact("brands_bought"), "brand", "brands"))),
        pl.lit("What the customer buys is not known by category or brand"),
    ]  # fmt: skip


def _baskets(fact: Facts) -> list[pl.Expr]:
    lines = _number(fact("basket_lines_mean"), "line", "lines")
    return [
        pl.format("{} a basket, {} % of them discounted", _capital(lines), _percent(fact("discounted_lines_share"))),
        pl.format("{} a basket, worth {} a line", _capital(lines), _whole(fact("line_value_mean"))),
        pl.format("{} a basket", _capital(lines)),
        pl.lit("No line of an order to go by"),
    ]


def _reorder(fact: Facts) -> list[pl.Expr]:
    return [
        pl.format(
            "{} is due again; {} bought last {} ago",
            fact("due_category"),
            fact("top_category"),
            _days(fact("top_category_days_since_last")),
        ),
        pl.format(
            "{} bought last {} ago, usually every {}",
            fact("top_category"),
            _days(fact("top_category_days_since_last")),
            _days(fact("top_category_gap_mean_days")),
        ),
        pl.format("{} bought last {} ago", fact("top_category"), _days(fact("top_category_days_since_last"))),
        pl.lit("No category bought often enough to be due"),
    ]


def _cross_sell(fact: Facts) -> list[pl.Expr]:
    return [
        pl.format(
            "Bought {}, never {}, which {} % of its buyers buy",
            fact("cross_sell_from_category"),
            fact("cross_sell_category"),
            _percent(fact("cross_sell_buyers_share")),
        ),
        pl.lit("Nothing missing of what goes together"),
    ]


def _browsing(fact: Facts) -> list[pl.Expr]:
    visits = _number(fact("sessions_last_30d"), "visit", "visits")
    views = _number(fact("view_events_last_30d"), "view", "views")
    return [
        pl.format("{} with {} in the last 30 days", _capital(visits), _filled(views, "sessions_last_30d", fact)),
        pl.format("Last visit {} ago", _days(fact("days_since_last_visit"))),
        pl.lit("No visit seen"),
    ]


def _filled(text: pl.Expr, name: str, fact: Facts) -> pl.Expr:
    """Keep a text where a count is above 0, so that another fact is told of who has none."""
    return pl.when(fact(name) > 0).then(text)


def _carts(fact: Facts) -> list[pl.Expr]:
    ago = _days(fact("days_since_open_cart"))
    return [
        pl.format("Put {} into the cart {} ago and did not order", fact("open_cart_category"), ago),
        pl.format("Filled a cart {} ago and did not order", ago),
        _filled(
            pl.format("Filled a cart {} in the last 90 days, none is open", _times(fact("cart_events_last_90d"))),
            "cart_events_last_90d",
            fact,
        ),
        pl.format("No open cart; {} % of the carts before were not ordered", _percent(fact("carts_abandoned_share"))),
        pl.lit("No open cart"),
    ]


def _intent(fact: Facts) -> list[pl.Expr]:
    return [
        pl.format("Lately looks at {} most, of the brand {}", fact("intent_category"), fact("intent_brand")),
        pl.format("Lately looks at {} most", fact("intent_category")),
        pl.format("Lately looks at the brand {} most", fact("intent_brand")),
        pl.when(fact("intent_points") > 0).then(pl.lit("Was active in the shop in the last 90 days")),
        pl.lit("Looked at nothing in the last 90 days"),
    ]


def _messages(fact: Facts) -> list[pl.Expr]:
    sent = _number(fact("messages_sent_last_90d"), "message", "messages")
    return [
        pl.format("Last clicked in a message {} ago", _days(fact("days_since_last_message_clicked"))),
        pl.format("Last opened a message {} ago, no click", _days(fact("days_since_last_message_opened"))),
        pl.when(fact("chronic_soft_bounce_flag") > 0).then(pl.lit("Messages keep bouncing")),
        pl.when(fact("messages_sent_last_90d") > 0).then(
            pl.format("{} in the last 90 days, none opened or clicked", _capital(sent))
        ),
        pl.lit("No message opened or clicked"),
    ]


def _profile(fact: Facts) -> list[pl.Expr]:
    signed_up = pl.format("signed up {} ago", _days(fact("days_since_signup")))
    near = pl.format("{} km from {}", _whole(fact("nearest_place_km")), fact("nearest_place"))
    country = pl.format("from {}", fact("profile_country").cast(pl.String))
    return [
        _capital(pl.format("{}, {}", signed_up, near)),
        _capital(pl.format("{}, {}", signed_up, country)),
        _capital(signed_up),
        _capital(near),
        _capital(country),
        pl.lit("What the customers table says of the customer"),
    ]


def _occasions(fact: Facts) -> list[pl.Expr]:
    return [
        pl.when(fact("occasion_only_flag") > 0).then(pl.lit("Bought only during events of the calendar")),
        pl.format("{} % of orders during events of the calendar", _percent(fact("occasion_orders_share"))),
        pl.lit("No order during an event of the calendar"),
    ]


def _touches(fact: Facts) -> list[pl.Expr]:
    return [
        pl.format(
            "Came last from {} by {}; {} % of touches paid",
            fact("last_touch_source"),
            fact("last_touch_medium"),
            _percent(fact("paid_touches_share")),
        ),
        pl.format("Came last from {}", fact("last_touch_source")),
        pl.format("Came last by {}", fact("last_touch_medium")),
        pl.format("Came last from the campaign {}", fact("last_touch_campaign")),
        pl.lit("No known source, medium or campaign"),
    ]


BEHAVIOUR_FACTS: Mapping[str, Callable[[Facts], list[pl.Expr]]] = {
    "assortment": _assortment,
    "baskets": _baskets,
    "reorder": _reorder,
    "cross_sell": _cross_sell,
    "browsing": _browsing,
    "carts": _carts,
    "intent": _intent,
    "messages": _messages,
    "profile": _profile,
    "occasions": _occasions,
    "touches": _touches,
}
"""Sentences of each family, the first that has all its facts is told; the last needs none."""


def _number(count: pl.Expr, one: str, many: str) -> pl.Expr:
    value = count.cast(pl.Float64).round(1)
    whole = value.cast(pl.Int64, strict=False)
    text = pl.when(value == whole).then(whole.cast(pl.String)).otherwise(value.cast(pl.String))
    return pl.when(value == 1).then(pl.lit(f"1 {one}")).otherwise(pl.format(f"{{}} {many}", text))


def _times(count: pl.Expr) -> pl.Expr:
    return pl.when(count == 1).then(pl.lit("once")).otherwise(pl.format("{} times", _whole(count)))


def _days(value: pl.Expr) -> pl.Expr:
    whole = value.cast(pl.Float64).round(0).clip(1).cast(pl.Int64)
    return pl.when(whole == 1).then(pl.lit("1 day")).otherwise(pl.format("{} days", whole))


def _whole(value: pl.Expr) -> pl.Expr:
    return value.cast(pl.Float64).round(0).cast(pl.Int64)


def _percent(share: pl.Expr) -> pl.Expr:
    return (share.cast(pl.Float64) * 100).round(0).cast(pl.Int64)


def _capital(text: pl.Expr) -> pl.Expr:
    return pl.concat_str(text.str.head(1).str.to_uppercase(), text.str.slice(1))
