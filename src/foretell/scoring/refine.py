"""The purchase model's answers, corrected by what the shop's past windows taught."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.special import expit, logit

from foretell.bundles.bundle import Bundle
from foretell.bundles.refinement import Refinement, Trees
from foretell.scoring.base import Horizon, Vector, column, horizon, order_values, tree_matrix
from foretell.scoring.known import Known

_EDGE = 1e-9
_NO_MARGIN = 0.0


@dataclass(frozen=True, eq=False)
class Refined:
    """Corrected answers, one entry per customer.

    Parameters
    ----------
    orders : ndarray
        Expected purchase days within the value horizon.
    spend : ndarray or None
        Expected money within the value horizon, undiscounted; None without money.
    p_return, p_stay, p_order : ndarray
        Probability of a purchase within the value, the churn and the short-term horizon; ``p_return`` is None where the
        models answer alone, whose quantiles of spend rest on more than that.
    """

    orders: Vector
    spend: Vector | None
    p_return: Vector | None
    p_stay: Vector
    p_order: Vector


def event_offset(answer: Horizon, log_hazard_factor: float) -> Vector:
    """Return the purchase model's probability of a purchase at the shop's level, as log-odds.

    Parameters
    ----------
    answer : Horizon
        The purchase model's answer.
    log_hazard_factor : float
        Log of the factor on the hazard −ln(1 − p).

    Returns
    -------
    ndarray of shape (customers,)
    """
    p = -np.expm1(-np.exp(answer.log_hazard() + log_hazard_factor))
    return np.asarray(logit(np.clip(p, _EDGE, 1 - _EDGE)), dtype=np.float64)


def naive_log_odds(summary: pl.DataFrame, days: int) -> Vector:
    """Return the rule of thumb: who waited as long as the horizon buys within it at even odds, who waited less sooner.

    Parameters
    ----------
    summary : polars.DataFrame
        One row per customer, as from `features.summary.purchase_summary`.
    days : int
        Length of the horizon, > 0.

    Returns
    -------
    ndarray of shape (customers,)
        ln(horizon / days since the last purchase): the log-odds of an end within the horizon when nothing but the
        time waited so far is known (Gott 1993, "Implications of the Copernican principle for our future prospects").
    """
    return np.log(days / column(summary, "days_since_last_order"))


def probability(offset: Vector, trees: Trees, margin: Vector | float, naive: Vector | float) -> Vector:
    """Return the corrected probability of an event.

    Parameters
    ----------
    offset : ndarray of shape (customers,)
        As from `event_offset`.
    trees : Trees
        The correction.
    margin : ndarray of shape (customers,) or 0
        Mean margin of its trees.
    naive : ndarray of shape (customers,)
        As from `naive_log_odds`.

    Returns
    -------
    ndarray of shape (customers,)
        Strictly between 0 and 1.
    """
    linear = trees.shift + trees.slope * offset + trees.weight * margin + trees.naive * (naive - offset)
    return np.clip(np.asarray(expit(linear), dtype=np.float64), _EDGE, 1 - _EDGE)


def margins(known: Known, bundle: Bundle) -> Mapping[str, Vector]:
    """Return what the trees add to each answer that has any.

    Parameters
    ----------
    known : Known
        With features, if there are trees.
    bundle : Bundle
        With a refinement.

    Returns
    -------
    mapping of str to ndarray of shape (customers,)
        Mean margin of the trees of each answer with trees.
    """
    refinement = bundle.refinement
    if refinement is None or refinement.encoding is None or known.features is None:
        return {}
    matrix = tree_matrix(known, bundle, refinement, refinement.encoding)
    return {
        # One after another: how numpy sums an axis depends on the other's length, and a customer may be alone.
        name: sum((booster.margin(matrix) for booster in trees.boosters), np.zeros(len(matrix))) / len(trees.boosters)
        for name, trees in refinement.trees.items()
        if trees.boosters
    }


def refine(known: Known, bundle: Bundle, refinement: Refinement) -> Refined:
    """Return the corrected answers of a bundle.

    Parameters
    ----------
    known : Known
        Customers at the cutoff, with features if the refinement has trees.
    bundle : Bundle
        The fitted values.
    refinement : Refinement
        Its corrections.

    Returns
    -------
    Refined
        In the customers' order, coherent: a shorter horizon is never likelier than a longer one, and the expected
        purchases are at least the probability of one.
    """
    horizons, as_of, level = bundle.horizons, known.as_of, refinement.level
    added = margins(known, bundle)
    answers = {
        days: horizon(bundle.purchase_model, known.histories, days)
        for days in {horizons.clv_days, horizons.churn_days, horizons.order_days}
    }
    events = {"return": horizons.clv_days, "churn": horizons.churn_days, "order": horizons.order_days}
    p = {
        name: probability(
            event_offset(answers[days], level.log_orders(as_of, days) + refinement.hazard_shift[name]),
            refinement.trees[name],
            added.get(name, _NO_MARGIN),
            naive_log_odds(known.summary, days),
        )
        for name, days in events.items()
    }
    p_return, p_stay, p_order = _nested(p, events)
    trees = refinement.trees["orders"]
    log_level = level.log_orders(as_of, horizons.clv_days)
    expected = answers[horizons.clv_days]
    orders = np.exp(expected.log_orders() + log_level + trees.shift + trees.weight * added.get("orders", _NO_MARGIN))
    return Refined(
        orders=np.maximum(orders, p_return),
        spend=_spend(known, bundle, refinement, expected.log_orders() + log_level, added),
        p_return=p_return,
        p_stay=p_stay,
        p_order=p_order,
    )


def _spend(
    known: Known, bundle: Bundle, refinement: Refinement, log_orders: Vector, added: Mapping[str, Vector]
) -> Vector | None:
    if bundle.spend_model is None or not known.has_money:
        return None
    trees = refinement.trees["spend"]
    log_value = np.log(np.maximum(order_values(bundle.spend_model, known.summary), _EDGE))
    extra = trees.weight * added.get("spend", _NO_MARGIN) + refinement.spend_orders_weight * added.get(
        "orders", _NO_MARGIN
    )
    spend = np.exp(log_orders + log_value + refinement.level.log_value() + trees.shift + extra)
    pooled = refinement.tail.pooled(spend)
    return pooled if refinement.ceiling is None else refinement.ceiling.limited(pooled)


def _nested(p: Mapping[str, Vector], days: Mapping[str, int]) -> tuple[Vector, Vector, Vector]:
    """Make a purchase within a shorter horizon no likelier than within a longer one; the churn answer stands."""
    stay = p["churn"]
    back, order = (_ordered(p[name], days[name], stay, days["churn"]) for name in ("return", "order"))
    return back, stay, _ordered(order, days["order"], back, days["return"])


def _ordered(mine: Vector, days: int, theirs: Vector, their_days: int) -> Vector:
    if days == their_days:
        return theirs
    return np.minimum(mine, theirs) if days < their_days else np.maximum(mine, theirs)
