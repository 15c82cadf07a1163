"""What a bundle's models say of each customer, in the names that backtests judge and scores are made of."""

from datetime import datetime

import numpy as np
import polars as pl

from foretell.bundles.bundle import Bundle
from foretell.models.date_spread import DateSpread
from foretell.models.next_order import next_order_at_levels
from foretell.models.operational_time import OperationalTime
from foretell.scoring.base import Vector, column, order_values
from foretell.scoring.known import Known
from foretell.scoring.refine import Refined, refine
from foretell.storage.memory import give_back

_MONEY = ("predicted_clv", "spend_low", "spend_high")
_LEAST = 1e-12


def predict(known: Known, bundle: Bundle) -> pl.DataFrame:
    """Return the predictions of a bundle for each customer.

    Parameters
    ----------
    known : Known
        Customers at the cutoff, with features where the bundle's trees need them.
    bundle : Bundle
        The fitted values.

    Returns
    -------
    polars.DataFrame
        In the rows' order: ``customer_id``; ``predicted_orders`` (purchase days) and ``predicted_clv``,
        ``spend_low``, ``spend_high`` (money; null without money) over ``clv_days``; ``p_alive``; ``churn_risk``
        (probability of no purchase in ``churn_days``); ``p_order`` (of one in ``order_days``); ``p_wait_longer``
        (of so long a wait while alive); ``next_order_days``, ``next_order_days_early``, ``next_order_days_late``
        (whole days after the last day seen, 1 is the first unseen day, given a purchase within ``clv_days``, by the
        shop's season; null where there is no chance of one).
    """
    histories, model = known.histories, bundle.purchase_model
    refinement = bundle.refinement
    refined = _plain(known, bundle) if refinement is None else refine(known, bundle, refinement)
    told = known.summary.select("customer_id").hstack(_spend(known, bundle, refined))
    values = {
        "predicted_orders": refined.orders,
        "p_alive": column(model.p_alive(histories), "p_alive"),
        "churn_risk": np.clip(1 - refined.p_stay, 0, 1),
        "p_order": refined.p_order,
        "p_wait_longer": column(bundle.timing_model.p_wait_longer(histories), "p_wait_longer"),
    }
    told = told.with_columns(pl.Series(name, vector) for name, vector in values.items())
    # What is not told is as large as what is.
    del refined, values
    give_back()
    return told.hstack(_dates(known, bundle)).select(
        "customer_id",
        "predicted_orders",
        *_MONEY,
        "p_alive",
        "churn_risk",
        "p_order",
        "p_wait_longer",
        "next_order_days",
        "next_order_days_early",
        "next_order_days_late",
    )


def answers(known: Known, bundle: Bundle) -> pl.DataFrame:
    """Return the predictions of a bundle as a backtest reads them: a question without an answer has no column.

    Parameters
    ----------
    known : Known
        Customers at the cutoff.
    bundle : Bundle
        The fitted values.

    Returns
    -------
    polars.DataFrame
        As from `predict`; without the columns of money where the bundle or the orders know none.
    """
    predicted = predict(known, bundle)
    return predicted if knows_money(known, bundle) else predicted.drop(_MONEY)


def knows_money(known: Known, bundle: Bundle) -> bool:
    """Say whether the bundle and the orders carry money.

    Parameters
    ----------
    known : Known
        Customers at the cutoff.
    bundle : Bundle
        The fitted values.

    Returns
    -------
    bool
    """
    return bundle.spend_model is not None and known.has_money


def _plain(known: Known, bundle: Bundle) -> Refined:
    model, histories, horizons = bundle.purchase_model, known.histories, bundle.horizons
    orders = column(model.expected_orders(histories, horizons.clv_days), "expected_orders")
    spend = None
    if bundle.spend_model is not None and knows_money(known, bundle):
        spend = orders * order_values(bundle.spend_model, known.summary)
    return Refined(
        orders=orders,
        spend=spend,
        p_return=None,
        p_stay=column(model.p_order(histories, horizons.churn_days), "p_order"),
        p_order=column(model.p_order(histories, horizons.order_days), "p_order"),
    )


def _spend(known: Known, bundle: Bundle, refined: Refined) -> pl.DataFrame:
    if refined.spend is None or bundle.spend_model is None or not knows_money(known, bundle):
        return pl.DataFrame(
            {name: pl.repeat(None, known.summary.height, dtype=pl.Float64, eager=True) for name in _MONEY}
        )
    low, high = _spread(known, bundle, refined)
    return pl.DataFrame(
        {
            "predicted_clv": refined.spend * _discount(known, bundle) if bundle.annual_discount_rate else refined.spend,
            "spend_low": low,
            "spend_high": high,
        }
    )


def operational_time(bundle: Bundle, as_of: datetime) -> OperationalTime | None:
    """Return how the time of a bundle's models passes over the value horizon.

    Parameters
    ----------
    bundle : Bundle
        The fitted values.
    as_of : datetime
        First instant that is not seen.

    Returns
    -------
    OperationalTime or None
        By the season and the events that its level knows; None without any.
    """
    if bundle.refinement is None:
        return None
    return bundle.refinement.level.operational_time(as_of, bundle.horizons.clv_days)


def _dates(known: Known, bundle: Bundle) -> pl.DataFrame:
    model, days = bundle.timing_model, bundle.horizons.clv_days
    spread = None if bundle.refinement is None else bundle.refinement.dates
    time = operational_time(bundle, known.as_of)
    if spread is None and time is None:
        found = model.next_order_days(known.histories, horizon_days=days)
        values = [column(found, f"days_q{tenth}0") for tenth in (1, 5, 9)]
    else:
        levels = (spread or DateSpread()).levels(known.summary["orders"].to_numpy())
        values = list(next_order_at_levels(model, known.histories, levels, horizon_days=days, time=time).T)
    # A purchase t days into the horizon falls on the day that is t rounded up after the last day seen.
    names = ("next_order_days_early", "next_order_days", "next_order_days_late")
    return pl.DataFrame([_whole_days(name, each) for name, each in zip(names, values, strict=True)])


def _whole_days(name: str, values: Vector) -> pl.Series:
    days = np.ceil(values)
    np.maximum(days, 1.0, out=days)
    return pl.Series(name, days, nan_to_null=bool(np.isnan(days).any()))


def _discount(known: Known, bundle: Bundle) -> Vector:
    """Return the share of expected purchases that is left after discounting, per customer."""
    model, days = bundle.purchase_model, bundle.horizons.clv_days
    whole = column(model.expected_orders(known.histories, days), "expected_orders")
    left = column(model.discounted_orders(known.histories, days, bundle.annual_discount_rate), "discounted_orders")
    return np.where(whole > _LEAST, left / np.maximum(whole, _LEAST), 1.0)


def _spread(known: Known, bundle: Bundle, refined: Refined) -> tuple[Vector, Vector]:
    from foretell.models.spend import spend_quantiles

    refinement = bundle.refinement
    p_return, spend = refined.p_return, refined.spend
    if refinement is not None and refinement.spread is not None and spend is not None and p_return is not None:
        orders = known.summary["orders"].to_numpy()
        found = refinement.spread.quantiles(1 - p_return, spend, orders, expected_orders=refined.orders)
        return found[:, 0], found[:, 1]
    if bundle.spend_model is None:
        return np.full(known.summary.height, np.nan), np.full(known.summary.height, np.nan)
    quantiles = spend_quantiles(
        bundle.purchase_model, bundle.spend_model, known.histories, horizon_days=bundle.horizons.clv_days
    )
    return column(quantiles, "spend_q10"), column(quantiles, "spend_q90")
