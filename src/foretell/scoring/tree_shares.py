"""What the trees add to a customer's predicted value, split by the kind of fact that they read."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from foretell.bundles.bundle import Bundle
from foretell.features.catalogue import FAMILY_NAMES, OPTIONAL_FAMILIES, family_of
from foretell.models.shapley_tables import grouped_contributions
from foretell.scoring.base import Vector, tree_matrix
from foretell.scoring.known import Known

FACTORS = ("alive", "orders", "value")
"""Factors of the purchase model's prediction: chance of being a customer, purchases of one who is, money for each."""

_MODEL_INPUTS = {
    "model_log_orders": "orders",
    "model_log_hazard": "orders",
    "model_p_alive": "alive",
    "model_p_wait_longer": "alive",
    "model_order_value": "value",
}


@dataclass(frozen=True, eq=False)
class TreeShares:
    """Shares of the trees' margin in the log of the predicted value.

    Parameters
    ----------
    of : mapping of str to ndarray of shape (customers,)
        By kind: the families of features, and the `FACTORS`.
    constant : float
        The mean margin, the same for all; with the shares of a customer it adds up to the customer's margin.
    """

    of: Mapping[str, Vector]
    constant: float


def kind_of_input(name: str) -> str:
    """Say which kind of fact an input of the trees is.

    Parameters
    ----------
    name : str
        A column of `scoring.base.tree_inputs`.

    Returns
    -------
    str
        The factor whose model the input is an answer of, else the feature's family.

    Raises
    ------
    KeyError
        If there is no such input.
    """
    if name in _MODEL_INPUTS:
        return _MODEL_INPUTS[name]
    family = family_of(name)
    if family is None:
        raise KeyError(name)
    return family


def trees_of_value(bundle: Bundle, *, money: bool) -> dict[str, float]:
    """Return the answers whose trees take part in the predicted value, and with what weight.

    Parameters
    ----------
    bundle : Bundle
        The fitted values.
    money : bool
        Whether the value is money: expected spend; else it is expected purchases.

    Returns
    -------
    dict of str to float
        Weight of the mean margin in the log of the value; empty where the purchase model answers alone.
    """
    refinement = bundle.refinement
    if refinement is None or refinement.encoding is None:
        return {}
    trees = refinement.trees
    weights = {"orders": trees["orders"].weight}
    if money:
        weights = {"spend": trees["spend"].weight, "orders": refinement.spend_orders_weight}
    return {
        name: weight
        for name, weight in weights.items()
        if weight and any(booster.rounds for booster in trees[name].boosters)
    }


def tree_shares(known: Known, bundle: Bundle, *, money: bool) -> TreeShares:
    """Split what the trees add to the log of each customer's predicted value.

    Parameters
    ----------
    known : Known
        The customers, with features if the value has trees.
    bundle : Bundle
        The fitted values.
    money : bool
        As for `trees_of_value`.

    Returns
    -------
    TreeShares
        Without any share where the value has no trees.

    References
    ----------
    Lundberg, Erion, Lee (2018), "Consistent individualized feature attribution for tree ensembles",
    arXiv:1802.03888: shares of several inputs add up to that of their kind.
    """
    weights, refinement = trees_of_value(bundle, money=money), bundle.refinement
    if not weights or refinement is None or refinement.encoding is None:
        return TreeShares({}, 0.0)
    if known.features is None or known.summary.is_empty():
        return TreeShares({}, 0.0)
    encoding = refinement.encoding
    # Splits read single columns.
    matrix = np.asfortranarray(tree_matrix(known, bundle, refinement, encoding))
    read = {kind_of_input(name) for name in encoding.features}
    told = [kind for kind in _KINDS if kind in read or kind in FACTORS or kind not in OPTIONAL_FAMILIES]
    kinds = [told.index(kind_of_input(name)) for name in encoding.features]
    shares = np.zeros((len(matrix), len(told) + 1))
    for name, weight in weights.items():
        boosters = refinement.trees[name].boosters
        for booster in boosters:
            shares += weight / len(boosters) * grouped_contributions(booster, matrix, kinds, len(told))
    return TreeShares(dict(zip(told, shares[:, :-1].T, strict=True)), float(shares[0, -1]))


_KINDS = (*FACTORS, *FAMILY_NAMES)
