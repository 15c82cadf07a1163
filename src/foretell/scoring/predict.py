"""What a bundle's models say of each customer, in the names that backtests judge and scores are made of."""

import polars as pl

from foretell.bundles.bundle import Bundle

_MONEY = ("predicted_clv", "spend_low", "spend_high")


def predict(summary: pl.DataFrame, bundle: Bundle) -> pl.DataFrame:
    """Return the predictions of a bundle for each customer.

    Parameters
    ----------
    summary : polars.DataFrame
        One row per customer, as from `features.summary.purchase_summary`.
    bundle : Bundle
        The fitted values.

    Returns
    -------
    polars.DataFrame
        In the rows' order: ``customer_id``; ``predicted_orders`` (purchase days) and ``predicted_clv``,
        ``spend_low``, ``spend_high`` (money; null without money) over ``clv_days``; ``p_alive``; ``churn_risk``
        (probability of no purchase in ``churn_days``); ``p_order`` (of one in ``order_days``); ``p_wait_longer``
        (of so long a wait while alive); ``next_order_days``, ``next_order_days_early``, ``next_order_days_late``
        (whole days after the last day seen, 1 is the first unseen day, given a purchase within ``clv_days``; null
        where there is no chance of one).
    """
    model, horizons = bundle.purchase_model, bundle.horizons
    parts = [
        model.p_alive(summary),
        model.expected_orders(summary, horizons.clv_days),
        model.p_order(summary, horizons.churn_days).rename({"p_order": "p_order_churn"}),
        model.p_order(summary, horizons.order_days),
        model.p_wait_longer(summary),
        model.next_order_days(summary, horizon_days=horizons.clv_days),
        _spend(summary, bundle),
    ]
    return _side_by_side(summary.select("customer_id"), parts).select(
        "customer_id",
        pl.col("expected_orders").alias("predicted_orders"),
        "predicted_clv",
        "spend_low",
        "spend_high",
        "p_alive",
        (1 - pl.col("p_order_churn")).clip(0, 1).alias("churn_risk"),
        "p_order",
        "p_wait_longer",
        _whole_days("days_q50").alias("next_order_days"),
        _whole_days("days_q10").alias("next_order_days_early"),
        _whole_days("days_q90").alias("next_order_days_late"),
    )


def answers(summary: pl.DataFrame, bundle: Bundle) -> pl.DataFrame:
    """Return the predictions of a bundle as a backtest reads them: a question without an answer has no column.

    Parameters
    ----------
    summary : polars.DataFrame
        One row per customer, as from `features.summary.purchase_summary`.
    bundle : Bundle
        The fitted values.

    Returns
    -------
    polars.DataFrame
        As from `predict`; without the columns of money where the bundle or the orders know none.
    """
    predicted = predict(summary, bundle)
    return predicted if _knows_money(summary, bundle) else predicted.drop(_MONEY)


def _knows_money(summary: pl.DataFrame, bundle: Bundle) -> bool:
    return bundle.spend_model is not None and summary["historic_spend"].null_count() < summary.height


def _spend(summary: pl.DataFrame, bundle: Bundle) -> pl.DataFrame:
    if bundle.spend_model is None or not _knows_money(summary, bundle):
        return summary.select("customer_id", *(pl.lit(None, pl.Float64).alias(name) for name in _MONEY))
    from foretell.models.spend import spend_quantiles

    model, days = bundle.purchase_model, bundle.horizons.clv_days
    parts = [
        model.discounted_orders(summary, days, bundle.annual_discount_rate),
        bundle.spend_model.expected_order_value(summary),
        spend_quantiles(model, bundle.spend_model, summary, horizon_days=days),
    ]
    return _side_by_side(summary.select("customer_id"), parts).select(
        "customer_id",
        (pl.col("discounted_orders") * pl.col("expected_order_value")).alias("predicted_clv"),
        pl.col("spend_q10").alias("spend_low"),
        pl.col("spend_q90").alias("spend_high"),
    )


def _side_by_side(keys: pl.DataFrame, parts: list[pl.DataFrame]) -> pl.DataFrame:
    """Put keyed frames beside one another; models keep the order of rows, and this makes sure of it."""
    for part in parts:
        if not part["customer_id"].equals(keys["customer_id"]):
            msg = "a model returned other rows than it was given"
            raise AssertionError(msg)
    return pl.concat([keys, *(part.drop("customer_id") for part in parts)], how="horizontal")


def _whole_days(name: str) -> pl.Expr:
    # A purchase t days into the horizon falls on the day that is t rounded up after the last day seen.
    return pl.col(name).ceil().clip(lower_bound=1)
