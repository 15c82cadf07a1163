"""Second pass over scores: what drove a customer's prediction, in words.

The purchase model's prediction is a product: probability of being a customer x purchases expected of one who
is x money per purchase. On a log scale the distance from the shop's typical customer is the sum of the three
factors' distances, exactly; the reasons are the factors, the largest distance first, each told by the facts of
the customer's own history that the factor rests on.
"""

from collections.abc import Collection
from datetime import date, datetime

import polars as pl

from foretell.bundles.bundle import Bundle, Typical
from foretell.features.summary import purchase_summary
from foretell.scoring.schema import REASONS
from foretell.tables.dataset import CustomerData
from foretell.windows import as_cutoff

_FLOOR = 1e-12
_ALIKE = 0.05
"""A factor within 5 % of the typical customer's is told as typical."""


def explain_bucket(
    data: CustomerData, bundle: Bundle, ids: Collection[str] | pl.Series, as_of: date | datetime | str
) -> pl.DataFrame:
    """Say what drove the predictions of some customers.

    Parameters
    ----------
    data : CustomerData
        Rows of all customers, or of one bucket of them.
    bundle : Bundle
        The fitted values.
    ids : collection of str
        Customers to explain; those without a purchase before `as_of` are left out.
    as_of : date, datetime or str
        First instant that is not seen.

    Returns
    -------
    polars.DataFrame
        ``customer_id``, ``reason_1`` … ``reason_3`` (null beyond what the data can tell), sorted by
        ``customer_id``.
    """
    wanted = pl.Series("customer_id", ids, dtype=pl.String)
    summary = purchase_summary(data, as_cutoff(as_of)).filter(pl.col("customer_id").is_in(wanted.implode()))
    if summary.is_empty():
        return pl.DataFrame(schema={"customer_id": pl.String, **dict.fromkeys(REASONS, pl.String)})
    told = factors(summary, bundle).with_columns(
        alive_text=_alive_words(bundle.typical), orders_text=_order_words(), value_text=_value_words(bundle.typical)
    )
    kinds = [kind for kind in ("alive", "orders", "value") if kind != "value" or told["value"].null_count() == 0]
    ranked = pl.concat_list(
        pl.struct(size=-pl.col(f"{kind}_distance").abs().round(6), place=pl.lit(place), text=pl.col(f"{kind}_text"))
        for place, kind in enumerate(kinds)
    ).list.sort()
    return told.select(
        "customer_id",
        *(
            ranked.list.get(place, null_on_oob=True).struct.field("text").alias(name)
            for place, name in enumerate(REASONS)
        ),
    ).sort("customer_id")


def factors(summary: pl.DataFrame, bundle: Bundle) -> pl.DataFrame:
    """Split each customer's prediction into its three factors.

    Parameters
    ----------
    summary : polars.DataFrame
        One row per customer, as from `features.summary.purchase_summary`.
    bundle : Bundle
        The fitted values.

    Returns
    -------
    polars.DataFrame
        `summary` with ``alive`` (probability), ``orders_if_alive`` (purchases in the value horizon), ``value``
        (money per purchase, null without money), and the log distance of each from the typical customer:
        ``alive_distance``, ``orders_distance``, ``value_distance``.
    """
    model, typical = bundle.purchase_model, bundle.typical
    alive = model.p_alive(summary)["p_alive"].clip(_FLOOR, 1)
    expected = model.expected_orders(summary, bundle.horizons.clv_days)["expected_orders"]
    value = pl.Series([None] * summary.height, dtype=pl.Float64)
    if bundle.spend_model is not None and summary["historic_spend"].null_count() < summary.height:
        value = bundle.spend_model.expected_order_value(summary)["expected_order_value"]
    return summary.with_columns(
        alive=alive, orders_if_alive=(expected / alive).clip(_FLOOR), value=value.clip(_FLOOR)
    ).with_columns(
        alive_distance=_distance("alive", typical.p_alive),
        orders_distance=_distance("orders_if_alive", typical.orders_if_alive),
        value_distance=_distance("value", typical.order_value),
    )


def _distance(name: str, typical: float | None) -> pl.Expr:
    return pl.col(name).log() - pl.lit(typical or _FLOOR, pl.Float64).clip(_FLOOR).log()


def _alive_words(typical: Typical) -> pl.Expr:
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


def _order_words() -> pl.Expr:
    since = pl.col("first_purchase_date").dt.strftime("%Y-%m-%d")
    often = (
        pl.when(pl.col("orders_distance") > _ALIKE).then(pl.lit("more often than most"))
        .when(pl.col("orders_distance") < -_ALIKE).then(pl.lit("less often than most"))
        .otherwise(pl.lit("about as often as most"))
    )  # fmt: skip
    return (
        pl.when(pl.col("orders") == 1)
        .then(pl.format("One order so far, on {}", since))
        .otherwise(pl.format("{} orders since {}: {} of those who stay", "orders", since, often))
    )


def _value_words(typical: Typical) -> pl.Expr:
    facts = pl.format("Average order {}", _money(pl.col("mean_order_value")))
    if typical.order_value is not None:
        level = (
            pl.when(pl.col("value_distance") > _ALIKE).then(pl.lit("above what is typical here"))
            .when(pl.col("value_distance") < -_ALIKE).then(pl.lit("below what is typical here"))
            .otherwise(pl.lit("about what is typical here"))
        )  # fmt: skip
        facts = pl.format("{}: {} ({})", facts, level, pl.lit(f"{typical.order_value:.0f}"))
    return pl.when(pl.col("mean_order_value").is_null()).then(pl.lit("No paid order to go by")).otherwise(facts)


def _days(value: str | pl.Expr) -> pl.Expr:
    whole = (pl.col(value) if isinstance(value, str) else value).round(0).clip(1).cast(pl.Int64)
    return pl.when(whole == 1).then(pl.lit("1 day")).otherwise(pl.format("{} days", whole))


def _money(value: pl.Expr) -> pl.Expr:
    return value.round(0).cast(pl.Int64).cast(pl.String)
