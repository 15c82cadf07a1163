"""Second pass over scores: what drove a customer's prediction, in words.

Told is the predicted value: expected spend, or expected purchases where orders carry no money. The purchase model's
value is a product: probability of being a customer x purchases expected of one who is x money per purchase; trees,
where they won, multiply it by what each family of features is to them. On a log scale the distance from the shop's
typical customer is the sum of the factors' and the families' distances, exactly; the reasons are the largest of
them, each told by the facts of the customer's own history that it rests on.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np
import polars as pl

from foretell.bundles.bundle import Bundle
from foretell.scoring.base import Vector, horizon, order_values
from foretell.scoring.known import MOST_AT_ONCE, Known, known_at
from foretell.scoring.predict import knows_money
from foretell.scoring.reason_words import ALIKE, alive_words, family_words, order_words, value_words
from foretell.scoring.schema import REASONS
from foretell.scoring.tree_shares import FACTORS, tree_shares, trees_of_value
from foretell.tables.dataset import CustomerData
from foretell.windows import as_cutoff

TOLD_SHARE = 0.1
"""A family is told where it is at least this share of all distances of the customer, added up by size."""

_FLOOR = 1e-12
_UNTOLD = 1.0


@dataclass(frozen=True, eq=False)
class Parts:
    """What the predicted value of each customer is made of, on the log scale.

    Parameters
    ----------
    told : polars.DataFrame
        As from `factors`, with features where there are trees, and for each kind ``<kind>_share``: its log distance
        from the typical customer.
    kinds : tuple of str
        Factors, then families of features.
    constant : float
        What is the same for all: log of the value where every share is 0. Shares and constant add up to the log of
        the predicted value before discounting, and before its low end is pooled and its high end limited.
    """

    told: pl.DataFrame
    kinds: tuple[str, ...]
    constant: float


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

    Raises
    ------
    WindowError
        If `as_of` lies after a given ``observed_until``.
    """
    wanted = pl.Series("customer_id", ids, dtype=pl.String)
    # The end of observation stays that of the shop: it may lie before as_of, and was not stated by anybody.
    asked = replace(data.of_customers(wanted), observed_until_given=data.observed_until_given)
    read = bool(trees_of_value(bundle, money=data.has_amount and bundle.spend_model is not None))
    known = known_at(asked, as_cutoff(as_of), with_features=False, keep_history=read, statistics=bundle.statistics)
    if known.summary.is_empty():
        return pl.DataFrame(schema={"customer_id": pl.String, **dict.fromkeys(REASONS, pl.String)})
    parts = known.parts(MOST_AT_ONCE) if read else (known,)
    money = knows_money(known, bundle)
    return pl.concat([_ranked(prediction_parts(part, bundle), bundle, money=money) for part in parts])


def prediction_parts(known: Known, bundle: Bundle) -> Parts:
    """Split each customer's predicted value into factors and families of features.

    Parameters
    ----------
    known : Known
        The customers, with features if the value has trees.
    bundle : Bundle
        The fitted values.

    Returns
    -------
    Parts
        Inputs of the trees that are the purchase model's own answers are counted among its factors.
    """
    money = knows_money(known, bundle)
    told = factors(known.summary, bundle)
    trees = tree_shares(known, bundle, money=money)
    factored = FACTORS if money else FACTORS[:-1]
    shares = {kind: told[f"{kind}_distance"].to_numpy() + trees.of.get(kind, 0.0) for kind in factored}
    if bundle.refinement is not None:
        shares["alive"] += _bounded(told, bundle)
    shares |= {kind: share for kind, share in trees.of.items() if kind not in FACTORS}
    if known.features is not None:
        told = told.hstack(known.features.select(pl.exclude(told.columns)))
    told = told.with_columns(pl.Series(_share(kind), share) for kind, share in shares.items())
    return Parts(told, tuple(shares), _constant(known, bundle, money=money) + trees.constant)


def factors(summary: pl.DataFrame, bundle: Bundle) -> pl.DataFrame:
    """Split the purchase model's prediction for each customer into its three factors.

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
        value = pl.Series(order_values(bundle.spend_model, summary))
    return summary.with_columns(
        alive=alive, orders_if_alive=(expected / alive).clip(_FLOOR), value=value.clip(_FLOOR)
    ).with_columns(
        alive_distance=_distance("alive", typical.p_alive),
        orders_distance=_distance("orders_if_alive", typical.orders_if_alive),
        value_distance=_distance("value", typical.order_value),
    )


def _distance(name: str, typical: float | None) -> pl.Expr:
    return pl.col(name).log() - float(np.log(_typical(typical)))


def _typical(value: float | None) -> float:
    return max(value or _FLOOR, _FLOOR)


def _share(kind: str) -> str:
    return f"{kind}_share"


def _bounded(factored: pl.DataFrame, bundle: Bundle) -> Vector:
    """Return what the least number of purchases, below which nothing is refined, adds to the purchase model's."""
    told = horizon(bundle.purchase_model, factored, bundle.horizons.clv_days).log_orders()
    plain: Vector = np.log((factored["alive"] * factored["orders_if_alive"]).to_numpy())
    return told - plain


def _constant(known: Known, bundle: Bundle, *, money: bool) -> float:
    typical, refinement = bundle.typical, bundle.refinement
    values = [typical.p_alive, typical.orders_if_alive, *([typical.order_value] if money else [])]
    constant = float(np.log([_typical(value) for value in values]).sum())
    if refinement is None:
        return constant
    constant += refinement.level.log_orders(known.as_of, bundle.horizons.clv_days)
    if money:
        constant += refinement.level.log_value()
    return constant + refinement.trees["spend" if money else "orders"].shift


def _ranked(parts: Parts, bundle: Bundle, *, money: bool) -> pl.DataFrame:
    """Put the sentences of the largest shares first; only those that are told are written."""
    words = {"alive": alive_words(bundle.typical), "orders": order_words(), "value": value_words(bundle.typical)}
    # Rounded, so that equal sizes stay in the order of the kinds whatever the last bits are.
    sizes = np.column_stack([parts.told[_share(kind)].abs().round(6).to_numpy() for kind in parts.kinds])
    least = np.maximum(TOLD_SHARE * sizes.sum(axis=1), ALIKE)
    told = np.column_stack([(kind in FACTORS) | (sizes[:, place] >= least) for place, kind in enumerate(parts.kinds)])
    order = np.argsort(np.where(told, -sizes, _UNTOLD), axis=1, kind="stable")[:, : len(REASONS)]
    texts = np.full((len(sizes), len(REASONS)), None, dtype=object)
    for number, kind in enumerate(parts.kinds):
        row, rank = np.nonzero((order == number) & told[:, [number]])
        text = words.get(kind)
        if text is None:
            text = family_words(kind, _share(kind), money=money, columns=parts.told.columns)
        texts[row, rank] = parts.told[row].select(text=text)["text"].to_numpy()
    return pl.DataFrame(
        {"customer_id": parts.told["customer_id"]}
        | {name: pl.Series(texts[:, place].tolist(), dtype=pl.String) for place, name in enumerate(REASONS)}
    ).sort("customer_id")
