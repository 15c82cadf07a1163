"""What the purchase model and the spend model say on their own, as vectors: where every refinement starts."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from foretell.bundles.bundle import Bundle
from foretell.bundles.refinement import Refinement
from foretell.features.catalogue import OPTIONAL_FAMILIES, family_of
from foretell.models.cnbd import MBGCNBD
from foretell.models.encoding import Encoding, Matrix
from foretell.models.gamma_gamma import GammaGamma
from foretell.models.history import Histories, Summary
from foretell.models.pareto_nbd import ParetoNBD
from foretell.scoring.known import Known

Vector = NDArray[np.float64]
PurchaseModel = MBGCNBD | ParetoNBD

_LEAST = 1e-6


@dataclass(frozen=True, eq=False)
class Horizon:
    """A purchase model's answers for one horizon.

    Parameters
    ----------
    days : int
        Length of the horizon.
    orders : ndarray of shape (customers,)
        Expected purchase days.
    p_order : ndarray of shape (customers,)
        Probability of at least one.
    """

    days: int
    orders: Vector
    p_order: Vector

    def log_orders(self) -> Vector:
        """Return the log of the expected purchases, bounded away from minus infinity."""
        return np.log(np.maximum(self.orders, _LEAST))

    def log_hazard(self) -> Vector:
        """Return ln(−ln(1 − p)), the scale on which a level multiplies; bounded."""
        return np.log(np.maximum(-np.log1p(-np.minimum(self.p_order, 1 - 1e-9)), _LEAST))


def horizon(model: PurchaseModel, summary: Summary, days: int) -> Horizon:
    """Ask a purchase model about one horizon.

    Parameters
    ----------
    model : MBGCNBD or ParetoNBD
        Fitted.
    summary : polars.DataFrame or Histories
        One row per customer, as from `features.summary.purchase_summary`.
    days : int
        Length of the horizon, > 0.

    Returns
    -------
    Horizon
        In the rows' order.
    """
    return Horizon(
        days,
        column(model.expected_orders(summary, days), "expected_orders"),
        column(model.p_order(summary, days), "p_order"),
    )


def order_values(spend_model: GammaGamma, summary: pl.DataFrame) -> Vector:
    """Return the money expected of each customer's next purchase.

    Parameters
    ----------
    spend_model : GammaGamma
        Fitted.
    summary : polars.DataFrame
        One row per customer.

    Returns
    -------
    ndarray of shape (customers,)
        Currency units.
    """
    return column(spend_model.expected_order_value(summary), "expected_order_value")


def tree_inputs(
    summary: pl.DataFrame, features: pl.DataFrame, model: PurchaseModel, spend_model: GammaGamma | None, days: int
) -> pl.DataFrame:
    """Return what trees read of each customer: features, and what the models make of them.

    Parameters
    ----------
    summary, features : polars.DataFrame
        One row per customer in the same order.
    model : MBGCNBD or ParetoNBD
        Fitted.
    spend_model : GammaGamma or None
        Fitted.
    days : int
        Horizon of the models' answers; the same at fit and at scoring.

    Returns
    -------
    polars.DataFrame
        The features, then ``model_log_orders``, ``model_log_hazard``, ``model_p_alive``, ``model_p_wait_longer`` and,
        with money, ``model_order_value``.
    """
    histories = Histories.of(summary, reader="tree_inputs")
    answer = horizon(model, histories, days)
    told = {
        "model_log_orders": answer.log_orders(),
        "model_log_hazard": answer.log_hazard(),
        "model_p_alive": column(model.p_alive(histories), "p_alive"),
        "model_p_wait_longer": column(model.p_wait_longer(histories), "p_wait_longer"),
    }
    if spend_model is not None:
        told["model_order_value"] = order_values(spend_model, summary)
    return features.with_columns(pl.Series(name, values) for name, values in told.items())


def tree_matrix(known: Known, bundle: Bundle, refinement: Refinement, encoding: Encoding) -> Matrix:
    """Return what a bundle's trees read of each customer, as the matrix that they were fitted on.

    Parameters
    ----------
    known : Known
        The customers, with features.
    bundle : Bundle
        The fitted values.
    refinement : Refinement
        The bundle's corrections.
    encoding : Encoding
        Of its inputs.

    Returns
    -------
    ndarray of float64, shape (customers, features)
        A shop may score without money, tables or columns what it trained with: what trees knew of them is missing.

    Raises
    ------
    ColumnMismatch
        If any other input is absent.
    """
    features = known.summary.select("customer_id") if known.features is None else known.features
    inputs = tree_inputs(known.summary, features, bundle.purchase_model, bundle.spend_model, refinement.inputs_days)
    absent = [
        name
        for name in encoding.features
        if name not in inputs.columns and (not known.has_money or family_of(name) in OPTIONAL_FAMILIES)
    ]
    return encoding.to_matrix(inputs.with_columns(pl.lit(None, dtype=pl.Float64).alias(name) for name in absent))


def column(frame: pl.DataFrame, name: str) -> Vector:
    """Return a column of an answer as a vector, which may be the column itself.

    Parameters
    ----------
    frame : polars.DataFrame
        As models return them.
    name : str
        The column.

    Returns
    -------
    ndarray of float64
    """
    values: Vector = frame[name].to_numpy().astype(np.float64, copy=False)
    return values
