"""What a holdout of a given size can show: the smallest lift, for a rate and for spend.

Two groups are compared two-sidedly at 5 % with 80 % power. Rate: the normal approximation of two proportions (Fleiss,
Levin and Paik 2003, Statistical Methods for Rates and Proportions, section 4.3, for groups of unequal size, without
continuity correction). Spend: the two-sample z test (Cohen 1988, Statistical Power Analysis for the Behavioral
Sciences, section 2.4), with the spread of spend left over within strata of predicted value (post-stratification;
Miratrix, Sekhon and Yu 2013, JRSS B 75, equation 8).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import ndtri

from foretell.delivery.assignment import value_strata
from foretell.delivery.selection import Selection
from foretell.windows import Horizons

ALPHA = 0.05
POWER = 0.80
SHARES = (0.05, 0.10, 0.20, 0.50)
"""Holdouts that a table compares."""
_READ = ("customer_id", "p_order", "predicted_clv", "predicted_orders", "avg_order_value", "predicted_value")
_Z = float(-ndtri(ALPHA / 2)) + float(ndtri(POWER))

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Outcome:
    """What is known beforehand of the outcome of a campaign, from the predictions.

    Parameters
    ----------
    rate : float
        Expected share of customers who order within the short horizon.
    spend : float or None
        Expected spend per customer within the short horizon; None without money.
    spend_spread : float or None
        Standard deviation of that spend within strata of predicted value.
    """

    rate: float
    spend: float | None
    spend_spread: float | None


def smallest_rate_lift(rate: float, contacted: int, held_out: int) -> float | None:
    """Return the smallest rise of a rate that a test can show.

    Parameters
    ----------
    rate : float
        Rate among those held out, 0 to 1.
    contacted, held_out : int
        Sizes of the two groups.

    Returns
    -------
    float or None
        Difference of the rates; None where a group is empty or no rise up to 100 % would be seen.

    Notes
    -----
    The root of ``z_{α/2} √(p̄ q̄ (1/m + 1/n)) + z_β √(p₁ q₁ / m + p₂ q₂ / n) = p₁ − p₂``, by bisection; p̄ is the mean
    of both rates weighted by size.
    """
    if not contacted or not held_out:
        return None
    z_alpha, z_beta = float(-ndtri(ALPHA / 2)), float(ndtri(POWER))

    def short_by(lift: float) -> float:
        raised = rate + lift
        mean = (contacted * raised + held_out * rate) / (contacted + held_out)
        null = z_alpha * np.sqrt(mean * (1 - mean) * (1 / contacted + 1 / held_out))
        other = z_beta * np.sqrt(raised * (1 - raised) / contacted + rate * (1 - rate) / held_out)
        return float(null + other - lift)

    low, high = 0.0, 1.0 - rate
    if high <= 0 or short_by(high) > 0:
        return None
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if short_by(middle) > 0 else (low, middle)
    return high


def smallest_spend_lift(spread: float, contacted: int, held_out: int) -> float | None:
    """Return the smallest rise of mean spend that a test can show.

    Parameters
    ----------
    spread : float
        Standard deviation of spend per customer.
    contacted, held_out : int
        Sizes of the two groups.

    Returns
    -------
    float or None
        Money per customer, ``(z_{α/2} + z_β) σ √(1/m + 1/n)``; None where a group is empty.
    """
    if not contacted or not held_out:
        return None
    return _Z * spread * float(np.sqrt(1 / contacted + 1 / held_out))


def expected_outcome(selection: Selection, horizons: Horizons) -> Outcome | None:
    """Return what the predictions say of a segment's outcome within the short horizon.

    Parameters
    ----------
    selection : Selection
        A segment.
    horizons : Horizons
        The value horizon is cut down to the short one in proportion.

    Returns
    -------
    Outcome or None
        None for people of whom nothing is predicted.

    Notes
    -----
    Spend of one customer is taken as a sum of a Poisson number of orders, so its second moment is
    ``λ E[V²] + (λ E[V])²``; E[V²] / E[V]² is that of the average order values of the segment's customers.
    """
    members = selection.source.select(list(_READ))[selection.members].filter(pl.col("p_order").is_not_null())
    if members.is_empty():
        return None
    rate = float(np.mean(members.get_column("p_order").to_numpy()))
    spend = members.get_column("predicted_clv")
    if spend.null_count() == len(spend):
        return Outcome(rate, None, None)
    part = horizons.order_days / horizons.clv_days
    mean = spend.fill_null(0.0).to_numpy() * part
    orders = members.get_column("predicted_orders").to_numpy() * part
    values = members.get_column("avg_order_value").drop_nulls().to_numpy()
    relative = 1.0 + (
        float(np.var(values)) / float(np.mean(values)) ** 2 if values.size and np.mean(values) > 0 else 0.0
    )
    # λ E[V²] is (λ E[V])² (E[V²] / E[V]²) / λ.
    within = np.divide(mean**2 * relative, orders, out=np.zeros_like(mean), where=orders > 0)
    strata = value_strata(members.get_column("customer_id"), members.get_column("predicted_value"))
    between = mean - _means(mean, strata)[strata]
    return Outcome(rate, float(np.mean(mean)), float(np.sqrt(np.mean(within) + np.mean(between**2))))


def _means(values: Vector, groups: NDArray[np.int64]) -> Vector:
    sizes = np.bincount(groups)
    return np.bincount(groups, weights=values) / np.maximum(sizes, 1)


def power_rows(selection: Selection, horizons: Horizons, shares: Sequence[float] = SHARES) -> list[dict[str, object]]:
    """Return what holdouts of several sizes can show of one segment.

    Parameters
    ----------
    selection : Selection
        A segment.
    horizons : Horizons
        The short one is the time in which orders and spend are compared.
    shares : sequence of float
        Holdouts that are asked about; the segment's own one comes first.

    Returns
    -------
    list of dict
        ``segment``, ``holdout_share``, ``is_set``, ``contacted``, ``held_out``, ``measure``, ``days``, ``baseline``,
        ``smallest_lift``, ``smallest_lift_percent``: lift in the measure's unit and of the baseline.
    """
    outcome = expected_outcome(selection, horizons)
    total = selection.size + selection.held_out
    if outcome is None or not total:
        return []
    rows: list[dict[str, object]] = []
    own = [(selection.segment.holdout, selection.held_out)] if selection.segment.holdout else []
    asked = [(share, round(total * share)) for share in shares if share != selection.segment.holdout]
    for share, held_out in [*own, *asked]:
        contacted = total - held_out
        measures = [("order_rate", outcome.rate, smallest_rate_lift(outcome.rate, contacted, held_out))]
        if outcome.spend is not None and outcome.spend_spread is not None:
            measures.append(("spend", outcome.spend, smallest_spend_lift(outcome.spend_spread, contacted, held_out)))
        rows += [
            {
                "segment": selection.segment.name,
                "holdout_share": share,
                "is_set": share == selection.segment.holdout,
                "contacted": contacted,
                "held_out": held_out,
                "measure": measure,
                "days": horizons.order_days,
                "baseline": baseline,
                "smallest_lift": lift,
                "smallest_lift_percent": None if lift is None or not baseline else 100 * lift / baseline,
            }
            for measure, baseline, lift in measures
        ]
    return rows
