"""Pareto/NBD: expected orders, churn and next order dates, with a lifetime that ends at any moment.

The challenger of `foretell.models.cnbd`. Formulas are in `foretell.models.pareto_kernel` (the past) and
`foretell.models.pareto_future` (the orders to come), the fit in `foretell.models.pareto_fit`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Self

import numpy as np
import polars as pl

from foretell.models import pareto_future, pareto_kernel
from foretell.models.discounting import daily_discount_rate, discounted_expected_orders
from foretell.models.estimator import Estimator, keyed
from foretell.models.history import HISTORY, Summary, frame_of, positive_horizon, read_history, require_repeats
from foretell.models.optimise import warn_unless_converged
from foretell.models.pareto_fit import ParetoNBDFitReport, fit_pareto_nbd
from foretell.models.pareto_kernel import ParetoNBDParameters, Vector
from foretell.models.population import Population, histories_of
from foretell.models.state import damaged, is_finite, read_section

_KIND = "pareto_nbd"
_NAME = "ParetoNBD"


class ParetoNBD(Estimator):
    """Pareto/NBD model of repeat orders; it has no settings.

    Attributes
    ----------
    params_ : ParetoNBDParameters
        Fitted parameters; alpha and beta in the time unit of the summary (days).
    log_likelihood_ : float
        Sum over customers, as a density of the order times in that unit.
    fit_report_ : ParetoNBDFitReport

    Notes
    -----
    Source: Schmittlein, Morrison, Colombo (1987), "Counting your customers: who are they and what will they do next?",
    Management Science 33(1), 1-24. Time is in days here, but any unit works as long as summary and horizons share it
    (discount rates apart: they count in days).

    Before `fit`, every prediction raises NotFitted; a summary that `fit` would refuse is refused by ColumnMismatch or
    DataError in the same words, a horizon that is not a positive number by ValueError.
    """

    def __init__(self) -> None:
        pass

    def fit(self, summary: Summary | Population, *, near: Self | None = None) -> Self:
        """Fit by maximum likelihood.

        Parameters
        ----------
        summary : polars.DataFrame, Histories or Population
            One row per customer: ``repeat_orders``, ``days_first_to_last_order``, ``days_observed``; or the customers
            counted.
        near : ParetoNBD, optional
            Fitted to a history much like this one, such as the same shop's at another cutoff. The search begins at
            its parameters, and tries the usual starting points only if that does not end in an optimum.

        Returns
        -------
        Self

        Raises
        ------
        ColumnMismatch
            If a column is absent or does not hold numbers.
        DataError
            If values are missing, negative or contradict one another.
        FitError
            If nobody came back.

        Warns
        -----
        ConvergenceWarning
            If the optimiser ended with a gradient that does not vanish.
        """
        rows = histories_of(summary, reader=_NAME)
        require_repeats(rows)
        found = fit_pareto_nbd(rows, near=None if near is None else near.params_)
        self.params_: ParetoNBDParameters = found[0]
        self.log_likelihood_, self.fit_report_ = found[1:]
        warn_unless_converged(self.fit_report_, model=_NAME)
        return self

    def p_alive(self, summary: Summary) -> pl.DataFrame:
        """Probability of still being a customer at the end of ``days_observed``.

        Parameters
        ----------
        summary : polars.DataFrame or Histories
            As for `fit`, with ``customer_id``.

        Returns
        -------
        polars.DataFrame
            ``customer_id``, ``p_alive``, in the row order given.
        """
        return self._each(summary, "p_alive", lambda _x, _T, alive: alive)

    def p_wait_longer(self, summary: Summary) -> pl.DataFrame:
        """Probability that a customer who has not dropped out waits longer than the present silence.

        Parameters
        ----------
        summary : polars.DataFrame or Histories
            As for `p_alive`.

        Returns
        -------
        polars.DataFrame
            ``customer_id``, ``p_wait_longer``; below 0.1, the customer is overdue.
        """
        self._require_fitted()
        rows = read_history(summary, reader=_NAME)
        wait = pareto_kernel.p_wait_longer(self.params_, *(rows.columns[name] for name in HISTORY))
        return keyed(frame_of(summary), {"p_wait_longer": wait[rows.inverse]}, reader=_NAME)

    def p_order(self, summary: Summary, horizon_days: float) -> pl.DataFrame:
        """Probability of at least one order within a horizon.

        Parameters
        ----------
        summary : polars.DataFrame or Histories
            As for `p_alive`.
        horizon_days : float
            > 0, counted from the end of ``days_observed``.

        Returns
        -------
        polars.DataFrame
            ``customer_id``, ``p_order``.
        """
        t = np.asarray([positive_horizon(horizon_days)])
        return self._each(
            summary, "p_order", lambda x, T, alive: alive * pareto_future.p_order_alive(self.params_, x, T, t)
        )

    def expected_orders(self, summary: Summary, horizon_days: float) -> pl.DataFrame:
        """Expected number of orders within a horizon.

        Parameters
        ----------
        summary, horizon_days
            As for `p_order`.

        Returns
        -------
        polars.DataFrame
            ``customer_id``, ``expected_orders``.
        """
        t = positive_horizon(horizon_days)
        return self._each(
            summary,
            "expected_orders",
            lambda x, T, alive: alive * pareto_future.expected_orders_alive(self.params_, x, T, t),
        )

    def discounted_orders(self, summary: Summary, horizon_days: float, annual_discount_rate: float) -> pl.DataFrame:
        """Expected orders within a horizon, each discounted by exact days.

        Parameters
        ----------
        summary, horizon_days
            As for `p_order`.
        annual_discount_rate : float
            d >= 0; an order after t days counts (1+d)^(-t/365.25). At 0 this is `expected_orders`.

        Returns
        -------
        polars.DataFrame
            ``customer_id``, ``discounted_orders``.
        """
        t = positive_horizon(horizon_days)
        daily_discount_rate(annual_discount_rate)

        def discounted(x: Vector, T: Vector, alive: Vector) -> Vector:
            def expected(days: float) -> Vector:
                return alive * pareto_future.expected_orders_alive(self.params_, x, T, days)

            return discounted_expected_orders(expected, t, annual_discount_rate)

        return self._each(summary, "discounted_orders", discounted)

    def order_count_law(self, summary: Summary, horizon_days: float, max_orders: int) -> pl.DataFrame:
        """Law of the number of orders within a horizon.

        Parameters
        ----------
        summary, horizon_days
            As for `p_order`.
        max_orders : int
            Largest count asked for, >= 1.

        Returns
        -------
        polars.DataFrame
            ``customer_id``, ``p_at_least``: arrays of length ``max_orders``, P(X >= 1), P(X >= 2), ...
        """
        t = positive_horizon(horizon_days)
        if max_orders < 1:
            message = "max_orders must be 1 or more"
            raise ValueError(message)
        return self._each(
            summary,
            "p_at_least",
            lambda x, T, alive: (
                alive[:, None] * pareto_future.count_law_alive(self.params_, x, T, horizon=t, max_orders=max_orders)
            ),
        )

    def next_order_days(
        self, summary: Summary, *, horizon_days: float, quantiles: Sequence[float] = (0.1, 0.5, 0.9)
    ) -> pl.DataFrame:
        """When the next order comes, given that it comes within a horizon.

        Parameters
        ----------
        summary : polars.DataFrame or Histories
            As for `p_alive`.
        horizon_days : float
            As for `p_order`.
        quantiles : sequence of float
            Each in (0, 1).

        Returns
        -------
        polars.DataFrame
            ``customer_id`` and one column per quantile: ``days_q10``, ``days_q50``, ``days_q90``; days after the
            end of ``days_observed``, in [0, horizon]. Null where an order has no chance in floating point.
        """
        t = positive_horizon(horizon_days)
        if not all(0 < tau < 1 for tau in quantiles):
            message = "quantiles must lie between 0 and 1"
            raise ValueError(message)
        self._require_fitted()
        rows = read_history(summary, reader=_NAME)
        x, t_x, T = (rows.columns[name] for name in HISTORY)
        no_chance = pareto_kernel.p_alive(self.params_, x, t_x, T) == 0.0
        columns = {}
        for tau in quantiles:
            days = pareto_future.next_order_time(self.params_, x, T, horizon=t, quantile=tau)
            days[no_chance] = np.nan
            columns[f"days_q{100 * tau:g}"] = pl.Series(days[rows.inverse], nan_to_null=True)
        return keyed(frame_of(summary), columns, reader=_NAME)

    def new_customer_orders(self, horizon_days: float) -> float:
        """Return the expected repeat orders of a new customer in the days after the first order.

        Parameters
        ----------
        horizon_days : float
            > 0.

        Returns
        -------
        float
        """
        self._require_fitted()
        return float(pareto_future.expected_orders_new(self.params_, np.asarray([positive_horizon(horizon_days)]))[0])

    def to_dict(self) -> dict[str, Any]:
        """Return the learned state as plain values that JSON carries without loss.

        Returns
        -------
        dict
        """
        self._require_fitted()
        return {
            "kind": _KIND,
            "params": asdict(self.params_),
            "log_likelihood": self.log_likelihood_,
            "fit_report": asdict(self.fit_report_),
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Rebuild a fitted model from `to_dict`.

        Parameters
        ----------
        state : mapping
            As from `to_dict`, possibly through JSON.

        Returns
        -------
        Self

        Raises
        ------
        BundleError
            If the state is of another kind, incomplete, or holds numbers that no fit can produce.
        """
        if state.get("kind") != _KIND:
            raise damaged(_NAME, "kind")
        model = cls()
        model.params_ = read_section(ParetoNBDParameters, state, "params", model=_NAME)
        if not all(value > 0 for value in asdict(model.params_).values()):
            raise damaged(_NAME, "params")
        if not is_finite(state.get("log_likelihood")):
            raise damaged(_NAME, "log_likelihood")
        model.log_likelihood_ = float(state["log_likelihood"])
        model.fit_report_ = read_section(ParetoNBDFitReport, state, "fit_report", model=_NAME)
        return model

    def _each(self, summary: Summary, name: str, function: Callable[[Vector, Vector, Vector], Vector]) -> pl.DataFrame:
        """Evaluate a function of x, T and P(alive) on distinct rows; hand the result back to every customer."""
        self._require_fitted()
        rows = read_history(summary, reader=_NAME)
        x, t_x, T = (rows.columns[column] for column in HISTORY)
        alive = pareto_kernel.p_alive(self.params_, x, t_x, T)
        return keyed(frame_of(summary), {name: function(x, T, alive)[rows.inverse]}, reader=_NAME)
