"""The purchase-model rung: fit when customers buy and what an order is worth; past windows say how regular gaps are."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal, Self

import numpy as np
import polars as pl

from foretell.bundles.bundle import Bundle, Typical
from foretell.errors import FitError
from foretell.models.cnbd import MBGCNBD
from foretell.models.gamma_gamma import GammaGamma
from foretell.models.history import LAST, ORDERS
from foretell.models.optimise import one_algebra_thread, warn_unless_converged
from foretell.models.pareto_nbd import ParetoNBD
from foretell.models.population import Population
from foretell.models.weighted import median
from foretell.scoring.base import PurchaseModel
from foretell.scoring.known import known_at
from foretell.scoring.predict import answers
from foretell.storage.memory import give_back
from foretell.storage.threads import side_by_side
from foretell.tables.dataset import CustomerData
from foretell.training.families import choose_family, fitted_quietly
from foretell.training.past import Past, Periods
from foretell.training.profile import training_profile
from foretell.training.requirements import require_trainable
from foretell.training.shop import Shop, ShopInMemory, learnt_from
from foretell.windows import Horizons, first_unseen_day

Family = Literal["mbg_cnbd", "pareto_nbd"]

_NAME = "MBG/CNBD-{}"
_SMALLER = (5, 3, 2, 1)
"""Less regular gaps that are tried, the most regular first: between neighbours chances hardly differ."""


@dataclass(frozen=True)
class PurchaseRecipe:
    """Fit a purchase model and a spend model to what was seen before a cutoff.

    Parameters
    ----------
    name : str
        Name of the rung in tables and bundles.
    family : {"mbg_cnbd", "pareto_nbd"}
        MBG/CNBD-k, or Pareto/NBD. k is the likeliest, or a smaller one where chances of a purchase did better with it.
    annual_discount_rate : float
        Rate at which future spend is discounted, >= 0.
    exclude_periods : sequence of (date, date)
        First and last day of stretches that say nothing about the future: no window that tells of k touches one.
    """

    name: str = "purchase"
    family: Family = "mbg_cnbd"
    annual_discount_rate: float = 0.0
    exclude_periods: Periods = ()

    def undiscounted(self) -> Self:
        """Return the recipe without a discount: what happens is not discounted, so neither is what is judged.

        Returns
        -------
        Self
        """
        return replace(self, annual_discount_rate=0.0)

    def fit(self, data: CustomerData, as_of: datetime, horizons: Horizons, seed: int = 0) -> Bundle:
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
        return self.fit_shop(ShopInMemory.of(data, as_of), horizons, seed)

    def fit_shop(self, shop: Shop, horizons: Horizons, seed: int = 0) -> Bundle:  # noqa: ARG002  # recipes are called alike
        """Fit both models to a shop wherever its rows are.

        Parameters
        ----------
        shop : Shop
            As of the cutoff.
        horizons : Horizons
            Horizons the bundle answers for.
        seed : int
            Not used: the fit is deterministic.

        Returns
        -------
        Bundle
            Without a record.

        Raises
        ------
        FitError
            If the history is too thin.
        """
        return self._fit(shop, horizons, profile=lambda: training_profile(shop))

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
        return answers(known, self._fit(ShopInMemory.of(data, as_of), horizons))

    def _fit(self, shop: Shop, horizons: Horizons, *, profile: Callable[[], Mapping[str, Any]] = dict) -> Bundle:
        customers, as_of = shop.population, shop.as_of
        limits = require_trainable(customers, as_of)
        give_back()
        # How many threads an algebra library has is said for the whole process: nobody may say it meanwhile.
        with one_algebra_thread():
            likeliest, spend_model = side_by_side(
                lambda: (MBGCNBD() if self.family == "mbg_cnbd" else ParetoNBD()).fit(customers),
                lambda: None if customers.values is None else GammaGamma(credibility="orders").fit(customers),
            )
            purchase_model, chosen = self._told_by_chances(likeliest, shop, horizons)
            give_back()
            (order_value, described), typical = side_by_side(
                lambda: (_typical_order_value(customers, spend_model), profile()),
                lambda: _typical_buyer(customers, purchase_model, horizons),
            )
        card = bundle_card(
            customers, as_of, purchase_model, spend_model, limits=limits, exclude_periods=self.exclude_periods
        )
        return Bundle(
            rung=self.name,
            as_of=as_of,
            horizons=horizons,
            purchase_model=purchase_model,
            spend_model=spend_model,
            typical=replace(typical, order_value=order_value),
            annual_discount_rate=self.annual_discount_rate,
            # Waits of who does come are as regular as the likelihood has it.
            dates_model=None if purchase_model is likeliest else likeliest,
            card={
                **card,
                "purchase_model": {**card["purchase_model"], **chosen},
                **_dates_facts(likeliest, purchase_model),
            },
            profile=described,
        )

    def _told_by_chances(
        self, likeliest: PurchaseModel, shop: Shop, horizons: Horizons
    ) -> tuple[PurchaseModel, dict[str, str]]:
        """Return MBG/CNBD with the likeliest k or a smaller one, and what the card says of the choice.

        The likelihood is that of all gaps, which are mostly regular where k is large; chances hang on the few longest,
        and an Erlang law that fits the rest may be sure that somebody on holiday has left. Each is judged at the level
        of the window, which says nothing of k.
        """
        if not isinstance(likeliest, MBGCNBD) or likeliest.params_.k == 1:
            return likeliest, {}
        models: dict[str, PurchaseModel] = {_NAME.format(likeliest.params_.k): likeliest}
        for k in _SMALLER:
            if k < likeliest.params_.k:
                with suppress(FitError):
                    models[_NAME.format(k)] = fitted_quietly(MBGCNBD(k=k), shop.population, likeliest)
        # All as they are today, and with as many parameters: what a young shop's model knew then is no rhythm yet.
        asked = replace(learnt_from(shop), observed_until_given=True)
        past = Past(asked, lambda _: (models, None), self.exclude_periods)
        days = past.longest_window_days(horizons.churn_days)
        windows = past.windows(days, most=1) if days else ()
        if not windows:
            return likeliest, {"chosen_because": "k by likelihood: no past window to judge it on"}
        found = choose_family(windows, models)
        model = models[found.name]
        if model is not likeliest:
            warn_unless_converged(model.fit_report_, model=type(model).__name__)
        return model, {"chosen_because": found.why}


def bundle_card(
    customers: Population,
    as_of: datetime,
    purchase_model: MBGCNBD | ParetoNBD,
    spend_model: GammaGamma | None,
    *,
    limits: Sequence[str],
    exclude_periods: Periods,
) -> dict[str, Any]:
    """Return the facts that every bundle's card begins with.

    Parameters
    ----------
    customers : Population
        Those that were trained on.
    as_of : datetime
        First instant that was not seen.
    purchase_model : MBGCNBD or ParetoNBD
        Fitted.
    spend_model : GammaGamma or None
        Fitted; None without money.
    limits : sequence of str
        What the history is thin in.
    exclude_periods : sequence of (date, date)
        First and last day of stretches that nothing was learnt on.

    Returns
    -------
    dict of str to object
        ``data``, ``purchase_model``, ``spend_model``, ``limits``, and ``excluded_periods`` if there are any.
    """
    repeats, weights = customers.histories.columns[ORDERS], customers.histories.weights
    end = first_unseen_day(as_of)
    excluded = [f"{first} to {last}" for first, last in exclude_periods]
    return {
        **({"excluded_periods": excluded} if excluded else {}),
        "data": {
            "customers": customers.customers,
            "purchase_days": int((weights * (repeats + 1)).sum()),
            "one_time_buyers": int(weights[repeats == 0].sum()),
            "first_purchase": str(end - timedelta(days=customers.days_observed + 1)),
            "last_purchase": str(end - timedelta(days=customers.newest_wait_days)),
        },
        "purchase_model": _fit_facts(purchase_model),
        "spend_model": _spend_facts(spend_model) if spend_model else {"fitted": "no: orders carry no money"},
        "limits": list(limits) or ["none found"],
    }


def typical_customer(
    customers: Population, purchase_model: MBGCNBD | ParetoNBD, spend_model: GammaGamma | None, horizons: Horizons
) -> Typical:
    """Return the shop's typical customer, against whom reasons are told.

    Parameters
    ----------
    customers : Population
        Those that were trained on.
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
    return replace(
        _typical_buyer(customers, purchase_model, horizons), order_value=_typical_order_value(customers, spend_model)
    )


def _typical_buyer(customers: Population, purchase_model: MBGCNBD | ParetoNBD, horizons: Horizons) -> Typical:
    """The typical customer, but for the value of an order."""
    rows, weights = customers.history_rows(), customers.histories.weights
    alive = purchase_model.p_alive(rows)["p_alive"].to_numpy()
    expected = purchase_model.expected_orders(rows, horizons.clv_days)["expected_orders"].to_numpy()
    if_alive = np.divide(expected, alive, out=np.zeros_like(expected), where=alive > 0)
    repeats = rows.rows.columns[ORDERS]
    again = repeats > 0
    gaps = rows.rows.columns[LAST][again] / repeats[again]
    return Typical(
        p_alive=median(alive, weights),
        orders_if_alive=median(if_alive, weights),
        order_value=None,
        days_between_orders=median(gaps, weights[again]) if again.any() else None,
    )


def _typical_order_value(customers: Population, spend_model: GammaGamma | None) -> float | None:
    if spend_model is None or customers.values is None:
        return None
    worth = spend_model.expected_order_value(customers.value_rows())["expected_order_value"].to_numpy()
    return median(worth, customers.values.customers)


def _spend_facts(model: GammaGamma) -> dict[str, Any]:
    return {**_fit_facts(model), "orders_that_the_population_mean_counts_for": model.prior_orders_}


def _dates_facts(likeliest: PurchaseModel, chosen: PurchaseModel) -> dict[str, Any]:
    if likeliest is chosen or not isinstance(likeliest, MBGCNBD):
        return {}
    return {"dates": {"regularity_k": likeliest.params_.k, "chosen_because": "the likeliest of all gaps"}}


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
