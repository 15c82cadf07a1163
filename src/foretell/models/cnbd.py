"""MBG/CNBD-k: expected orders, churn and next order dates of non-contractual customers, with regular gaps.

The default purchase model. Formulas are in `foretell.models.cnbd_kernel` (one customer) and
`foretell.models.cnbd_counts` (future orders); `foretell.models.cnbd_fit` finds the parameters.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Self

import numpy as np
import polars as pl

from foretell.models import cnbd_counts, cnbd_kernel
from foretell.models.cnbd_fit import fit_cnbd
from foretell.models.cnbd_kernel import CNBDParams, History, in_parts, next_order_quantiles
from foretell.models.cnbd_state import candidate_ks, read_state, state_of
from foretell.models.discounting import discounted_expected_orders
from foretell.models.estimator import Estimator, keyed
from foretell.models.history import Summary, frame_of, positive_horizon, read_history
from foretell.models.optimise import Vector, warn_unless_converged
from foretell.models.population import Population, histories_of, log_gaps_of

_NAME = "MBGCNBD"


class MBGCNBD(Estimator):
    """Modified beta-geometric / condensed NBD model with Erlang(k) gaps; BG/CNBD-k as a variant.

    Parameters
    ----------
    k : int, optional
        Regularity of the gaps: 1 is the MBG/NBD. None chooses by likelihood: 1, 2, 3, ... until it fell twice.
    max_k : int
        Largest k tried.
    dropout_at_first : bool
        False gives the BG/CNBD-k, in which nobody leaves before the second order.

    Attributes
    ----------
    params_ : CNBDParams
        Fitted parameters; alpha in the time unit of the summary (days).
    log_likelihood_ : float
        Sum over customers, as a density in that unit.
    fit_report_ : CNBDFitReport

    Notes
    -----
    Every method reads the columns ``repeat_orders``, ``days_first_to_last_order`` and ``days_observed`` by name.
    Time is in days here; any unit works as long as summary and horizons share it.

    Sources: Batislam, Denizel, Filiztekin (2007), IJRM 24(3), 201-209; Reutterer, Platzer, Schroeder (2021),
    IJRM 38(1), 194-215.
    """

    def __init__(self, *, k: int | None = None, max_k: int = 12, dropout_at_first: bool = True) -> None:
        self.k = k
        self.max_k = max_k
        self.dropout_at_first = dropout_at_first

    def fit(self, summary: Summary | Population, *, near: Self | None = None) -> Self:
        """Fit by maximum likelihood.

        Parameters
        ----------
        summary : polars.DataFrame, Histories or Population
            One row per customer: ``repeat_orders``, ``days_first_to_last_order``, ``days_observed`` and, unless
            k is fixed at 1, ``sum_log_gaps_days``; or the customers counted.
        near : MBGCNBD, optional
            Fitted to a history much like this one, such as the same shop's at another cutoff. The search begins at
            its parameters, and tries the usual starting points only if that does not end in an optimum. Where k is
            chosen, it is looked for from that model's k up and down, as long as the likelihood rises.

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
            If nobody came back, or a setting makes no sense.

        Warns
        -----
        ConvergenceWarning
            If the search ended where the gradient does not vanish.
        """
        candidates = candidate_ks(self.k, self.max_k)
        rows = histories_of(summary, reader=_NAME)
        log_gaps = 0.0 if self.k == 1 else log_gaps_of(summary, reader=_NAME)
        found = fit_cnbd(
            rows,
            log_gaps,
            candidates=candidates,
            dropout_at_first=self.dropout_at_first,
            near=None if near is None else near.params_,
        )
        self.params_: CNBDParams = found.params
        self.log_likelihood_ = found.log_likelihood
        self.fit_report_ = found.report(rows)
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

        Raises
        ------
        NotFitted, ColumnMismatch, DataError
        """
        return self._each(summary, "p_alive", cnbd_kernel.p_alive)

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

        Raises
        ------
        NotFitted, ColumnMismatch, DataError
        """
        return self._each(summary, "p_wait_longer", lambda p, h: np.exp(cnbd_kernel.log_wait_longer(p, h)))

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

        Raises
        ------
        NotFitted, ColumnMismatch, DataError
        ValueError
            If the horizon is not a positive number.
        """
        t = positive_horizon(horizon_days)
        return self._each(summary, "p_order", lambda p, h: cnbd_kernel.p_order(p, h, t))

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

        Raises
        ------
        NotFitted, ColumnMismatch, DataError, ValueError
        """
        t = positive_horizon(horizon_days)
        return self._each(summary, "expected_orders", lambda p, h: cnbd_counts.expected_orders(p, h, t), apart=False)

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

        Raises
        ------
        NotFitted, ColumnMismatch, DataError, ValueError
        """
        t = positive_horizon(horizon_days)
        self._require_fitted()
        rows = read_history(summary, reader=_NAME)
        h = History.of(rows)
        values = discounted_expected_orders(
            lambda days: cnbd_counts.expected_orders(self.params_, h, days), t, annual_discount_rate
        )
        return keyed(frame_of(summary), {"discounted_orders": values[rows.inverse]}, reader=_NAME)

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

        Raises
        ------
        NotFitted, ColumnMismatch, DataError, ValueError
        """
        t = positive_horizon(horizon_days)
        if max_orders < 1:
            message = "max_orders must be 1 or more"
            raise ValueError(message)
        return self._each(summary, "p_at_least", lambda p, h: cnbd_counts.p_at_least(p, h, t, max_orders))

    def next_order_days(
        self, summary: Summary, *, horizon_days: float, quantiles: Sequence[float] = (0.1, 0.5, 0.9)
    ) -> pl.DataFrame:
        """When the next order comes, given that it comes within a horizon.

        Parameters
        ----------
        summary, horizon_days
            As for `p_order`.
        quantiles : sequence of float
            Each in (0, 1).

        Returns
        -------
        polars.DataFrame
            ``customer_id`` and one column per quantile: ``days_q10``, ``days_q50``, ``days_q90``; days after the
            end of ``days_observed``, in [0, horizon]. Null where an order has no chance in floating point.

        Raises
        ------
        NotFitted, ColumnMismatch, DataError, ValueError
        """
        t = positive_horizon(horizon_days)
        if not all(0 < tau < 1 for tau in quantiles):
            message = "quantiles must lie between 0 and 1"
            raise ValueError(message)
        self._require_fitted()
        rows = read_history(summary, reader=_NAME)
        days = in_parts(partial(next_order_quantiles, self.params_, taus=quantiles, horizon=t), History.of(rows))
        columns = {
            f"days_q{100 * tau:g}": pl.Series(days[rows.inverse, place], nan_to_null=True)
            for place, tau in enumerate(quantiles)
        }
        return keyed(frame_of(summary), columns, reader=_NAME)

    def new_customer_orders(self, horizon_days: float) -> float:
        """Return the expected repeat orders of a new customer in the days after the first order.

        Parameters
        ----------
        horizon_days : float

        Returns
        -------
        float

        Raises
        ------
        NotFitted, ValueError
        """
        self._require_fitted()
        return cnbd_counts.new_customer_orders(self.params_, positive_horizon(horizon_days))

    def to_dict(self) -> dict[str, Any]:
        """Return settings and learned state as plain values that JSON carries without loss.

        Raises
        ------
        NotFitted
        """
        self._require_fitted()
        return state_of(self.get_params(), self.params_, self.log_likelihood_, self.fit_report_)

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Rebuild a fitted model from `to_dict`.

        Parameters
        ----------
        state : mapping

        Returns
        -------
        MBGCNBD

        Raises
        ------
        BundleError
            If the state is of another kind, incomplete, or holds numbers that no fit can produce.
        """
        settings, params, log_likelihood, report = read_state(state)
        model = cls(**settings)
        model.params_, model.log_likelihood_, model.fit_report_ = params, log_likelihood, report
        return model

    def _each(
        self, summary: Summary, name: str, kernel: Callable[[CNBDParams, History], Vector], *, apart: bool = True
    ) -> pl.DataFrame:
        """Evaluate on distinct rows, in parts where they share nothing, and hand the result back to every customer."""
        self._require_fitted()
        rows = read_history(summary, reader=_NAME)
        of_rows = partial(kernel, self.params_)
        values = in_parts(of_rows, History.of(rows)) if apart else of_rows(History.of(rows))
        return keyed(frame_of(summary), {name: values[rows.inverse]}, reader=_NAME)
