"""The purchase-model rung: fit when customers buy and what an order is worth, with no labels at all."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, Self

import numpy as np
import polars as pl

from foretell.bundles.bundle import Bundle, Typical
from foretell.features.summary import purchase_summary
from foretell.models.cnbd import MBGCNBD
from foretell.models.gamma_gamma import GammaGamma
from foretell.models.history import Histories
from foretell.models.pareto_nbd import ParetoNBD
from foretell.scoring.known import known_at
from foretell.scoring.predict import answers
from foretell.tables.dataset import CustomerData
from foretell.training.profile import training_profile
from foretell.training.requirements import require_trainable
from foretell.windows import Horizons

Family = Literal["mbg_cnbd", "pareto_nbd"]


@dataclass(frozen=True)
class PurchaseRecipe:
    """Fit a purchase model and a spend model to what was seen before a cutoff.

    Parameters
    ----------
    name : str
        Name of the rung in tables and bundles.
    family : {"mbg_cnbd", "pareto_nbd"}
        MBG/CNBD-k with k by likelihood, or Pareto/NBD.
    annual_discount_rate : float
        Rate at which future spend is discounted, >= 0.
    """

    name: str = "purchase"
    family: Family = "mbg_cnbd"
    annual_discount_rate: float = 0.0

    def undiscounted(self) -> Self:
        """Return the recipe without a discount: what happens is not discounted, so neither is what is judged.

        Returns
        -------
        Self
        """
        return replace(self, annual_discount_rate=0.0)

    def fit(self, data: CustomerData, as_of: datetime, horizons: Horizons, seed: int = 0) -> Bundle:  # noqa: ARG002  # recipes are called alike
        """Fit both models.

        Parameters
        ----------
        data : CustomerData
            The shop's rows; those at or after `as_of` are not read.
        as_of : datetime
            First instant that is not seen.
        horizons : Horizons
            Horizons the bundle answers for.
        seed : int
            Not used: the fit is deterministic.

        Returns
        -------
        Bundle
            Without a record: nobody has judged it yet.

        Raises
        ------
        FitError
            If the history is too thin.
        """
        summary = purchase_summary(data, as_of)
        bundle = self._fit(summary, as_of, horizons)
        return replace(bundle, profile=training_profile(data, as_of, summary))

    def fit_predict(self, data: CustomerData, as_of: datetime, horizons: Horizons, seed: int) -> pl.DataFrame:  # noqa: ARG002  # recipes are called alike
        """Fit at a cutoff and predict every customer seen before it, as backtests ask.

        Parameters
        ----------
        data : CustomerData
            Rows before `as_of`.
        as_of : datetime
            First instant that is not seen.
        horizons : Horizons
            Horizons to answer for.
        seed : int
            Not used: the fit is deterministic.

        Returns
        -------
        polars.DataFrame
            As from `scoring.predict.answers`.
        """
        known = known_at(data, as_of, with_features=False)
        return answers(known, self._fit(known.summary, as_of, horizons))

    def _fit(self, summary: pl.DataFrame, as_of: datetime, horizons: Horizons) -> Bundle:
        limits = require_trainable(summary, as_of)
        histories = Histories.of(summary, reader="PurchaseRecipe")
        purchase_model = (MBGCNBD() if self.family == "mbg_cnbd" else ParetoNBD()).fit(histories)
        has_money = summary["historic_spend"].null_count() < summary.height
        spend_model = GammaGamma().fit(summary) if has_money else None
        return Bundle(
            rung=self.name,
            as_of=as_of,
            horizons=horizons,
            purchase_model=purchase_model,
            spend_model=spend_model,
            typical=typical_customer(histories, purchase_model, spend_model, horizons),
            annual_discount_rate=self.annual_discount_rate,
            card=bundle_card(summary, purchase_model, spend_model, limits),
        )


def bundle_card(
    summary: pl.DataFrame,
    purchase_model: MBGCNBD | ParetoNBD,
    spend_model: GammaGamma | None,
    limits: Sequence[str],
) -> dict[str, Any]:
    """Return the facts that every bundle's card begins with.

    Parameters
    ----------
    summary : polars.DataFrame
        One row per training customer.
    purchase_model : MBGCNBD or ParetoNBD
        Fitted.
    spend_model : GammaGamma or None
        Fitted; None without money.
    limits : sequence of str
        What the history is thin in.

    Returns
    -------
    dict of str to object
        ``data``, ``purchase_model``, ``spend_model``, ``limits``.
    """
    return {
        "data": {
            "customers": summary.height,
            "purchase_days": int(summary["orders"].sum()),
            "one_time_buyers": int((summary["repeat_orders"] == 0).sum()),
            "first_purchase": str(summary["first_purchase_date"].min()),
            "last_purchase": str(summary["last_purchase_date"].max()),
        },
        "purchase_model": _fit_facts(purchase_model),
        "spend_model": _fit_facts(spend_model) if spend_model else {"fitted": "no: orders carry no money"},
        "limits": list(limits) or ["none found"],
    }


def typical_customer(
    histories: Histories, purchase_model: MBGCNBD | ParetoNBD, spend_model: GammaGamma | None, horizons: Horizons
) -> Typical:
    """Return the shop's typical customer, against whom reasons are told.

    Parameters
    ----------
    histories : Histories
        One row per training customer.
    purchase_model : MBGCNBD or ParetoNBD
        Fitted.
    spend_model : GammaGamma or None
        Fitted; None without money.
    horizons : Horizons
        Horizons the bundle answers for.

    Returns
    -------
    Typical
        Medians over the customers.
    """
    summary = histories.summary
    alive = purchase_model.p_alive(histories)["p_alive"].to_numpy()
    expected = purchase_model.expected_orders(histories, horizons.clv_days)["expected_orders"].to_numpy()
    if_alive = np.divide(expected, alive, out=np.zeros_like(expected), where=alive > 0)
    gaps = summary["avg_days_between_orders"].drop_nulls()
    return Typical(
        p_alive=float(np.median(alive)),
        orders_if_alive=float(np.median(if_alive)),
        order_value=None
        if spend_model is None
        else float(np.median(spend_model.expected_order_value(summary)["expected_order_value"].to_numpy())),
        days_between_orders=None if gaps.is_empty() else float(np.median(gaps.to_numpy())),
    )


def _fit_facts(model: MBGCNBD | ParetoNBD | GammaGamma) -> dict[str, Any]:
    report = model.fit_report_
    return {
        "model": type(model).__name__,
        "parameters": {name: float(value) for name, value in vars(model.params_).items()},
        "log_likelihood": None if model.log_likelihood_ is None else float(model.log_likelihood_),
        "converged": bool(report.converged),
        "drop_out_not_identified": bool(getattr(report, "at_boundary", False)),
        "optimiser": str(report.message),
    }
