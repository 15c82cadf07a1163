"""Gamma-gamma: the expected value of a customer's future orders.

Formulas are in `foretell.models.gamma_gamma_kernel`. The mean of the population, p v / (q - 1), exists for q > 1 only;
existing libraries return negative values below. Here q = 1 + exp(.), and where the values are too heavy-tailed for
that mean to be believed, or too few for a fit, a plain mean takes its place and the report says so.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from foretell.errors import ColumnMismatch, FitError
from foretell.models.compress import Compressed, compress
from foretell.models.estimator import Estimator, keyed
from foretell.models.gamma_gamma_fit import search_means, search_prior_orders
from foretell.models.gamma_gamma_kernel import GammaGammaParameters, credible_value, expected_value, log_likelihood
from foretell.models.gamma_gamma_state import GammaGammaFitReport, PooledMean, read_state, state_of
from foretell.models.optimise import FitOutcome, Vector, warn_unless_converged
from foretell.models.order_values import SPREAD, read_values
from foretell.models.population import Population, Values, values_of
from foretell.models.robust_value import cap_of, softly_capped
from foretell.models.weighted import exact_sum, median

_NAME = "GammaGamma"
_SAME_VALUE = 1e-9
# Below, the mean is that of a tail beyond all orders seen, not of the data.
_SMALLEST_Q = 1.05
_LARGEST_RATIO = 2.0


class GammaGamma(Estimator):
    """Gamma-gamma model of order value, for customers with any number of orders.

    Parameters
    ----------
    min_customers : int
        With fewer customers that have an order of positive value, the pooled mean answers for all.
    cap_quantile : float or None
        Mean order values above this quantile of the customers' are drawn in (`foretell.models.robust_value`), in fits
        and answers alike, so that no giant order decides; None, the model as published, takes them as they are.
    credibility : {"means", "orders"}
        What tells how far a customer's own mean is believed: the shape of all customers' means, as published, or how
        far the orders of those who bought more than once lie apart (`foretell.models.gamma_gamma_fit`).

    Attributes
    ----------
    cap_ : float or None
        Mean order value up to which a single order is believed; None without `cap_quantile`.
    params_ : GammaGammaParameters or PooledMean
    prior_orders_ : float or None
        Number of orders that the population mean counts for beside a customer's own, where orders tell it; None where
        it is (q - 1) / p of `params_`, and with `PooledMean`.
    population_mean_ : float
        Expected order value of a customer without one, in the currency unit.
    log_likelihood_ : float or None
        Of the means, summed over customers, in the currency unit; None with `PooledMean`.
    fit_report_ : GammaGammaFitReport
        Its ``fallback`` is empty, or says which mean replaced the model's and why.

    Notes
    -----
    Fitted on all orders with a positive value, the first one included, so that one-time buyers are not given the mean
    of those who came back. The model takes order values and their number to be independent; the report has their
    correlation. Sources: `foretell.models.gamma_gamma_kernel`.
    """

    def __init__(
        self,
        *,
        min_customers: int = 30,
        cap_quantile: float | None = None,
        credibility: Literal["means", "orders"] = "means",
    ) -> None:
        self.min_customers = min_customers
        self.cap_quantile = cap_quantile
        self.credibility = credibility

    def fit(self, summary: pl.DataFrame | Population, *, near: Self | None = None) -> Self:
        """Fit by maximum likelihood, or fall back to a plain mean and say so.

        Parameters
        ----------
        summary : polars.DataFrame or Population
            One row per customer: ``orders_with_value`` (orders of positive value) and ``mean_order_value`` (their mean
            in the currency unit; null or 0 where there is none), with credibility from orders
            ``sum_log_value_ratios`` (sum of the logs of order values over their mean); or the customers counted.
        near : GammaGamma, optional
            Fitted to order values much like these. The search begins at its parameters, and tries the usual starting
            points only if that does not end in an optimum.

        Returns
        -------
        Self

        Raises
        ------
        ColumnMismatch
            If a column is absent or does not hold numbers.
        DataError
            If counts are not whole numbers of at least 0, or values are not finite.
        FitError
            If no customer has an order of positive value.

        Warns
        -----
        ConvergenceWarning
            If the optimiser ended with a gradient that does not vanish, and something was left to gain.
        """
        read = values_of(summary, reader=_NAME)
        used = read.x > 0
        if not used.any():
            count = int(read.customers.sum())
            message = (
                f"None of {count:,} customers has an order of positive value, so order values cannot be predicted. "
                "Check the amount column, or predict counts only."
            )
            raise FitError(message)
        x, z, customers = read.x[used], read.z[used], read.customers[used]
        self.cap_: float | None = None if self.cap_quantile is None else cap_of(z, self.cap_quantile, customers)
        z = self._believed(x, z)
        rows = compress({"x": x, "z": z}, customers)
        correlation = _correlation(rows)
        left_out = int(read.customers.sum()) - rows.rows
        self.population_mean_ = exact_sum(z, customers) / rows.rows
        self.prior_orders_: float | None = None
        reason = self._why_not_fitted(rows)
        if reason:
            self.params_: GammaGammaParameters | PooledMean = PooledMean(self.population_mean_)
            self.log_likelihood_: float | None = None
            self.fit_report_ = GammaGammaFitReport(
                converged=True,
                starts=0,
                agreeing=0,
                evaluations=0,
                gradient_norm=0.0,
                at_boundary=False,
                rows=rows.distinct,
                customers=rows.rows,
                customers_without_value=left_out,
                value_count_correlation=correlation,
                fallback=reason,
                message="not fitted",
            )
            return self
        unit = median(z, customers)
        begin = None if near is None or isinstance(near.params_, PooledMean) else near.params_
        found = search_means(rows, unit, begin)
        if self.credibility == "orders":
            self.prior_orders_, told = search_prior_orders(
                rows, self._spread(read, used), unit, begin, shape=found.parameters[0]
            )
            found = _with_effort(found, told)
        self._learn(found, rows, unit, left_out, correlation)
        warn_unless_converged(self.fit_report_, model=_NAME)
        return self

    def expected_order_value(self, summary: pl.DataFrame) -> pl.DataFrame:
        """Expected value of each customer's next orders.

        Parameters
        ----------
        summary : polars.DataFrame
            As for `fit`, with ``customer_id``.

        Returns
        -------
        polars.DataFrame
            ``customer_id``, ``expected_order_value`` in the currency unit, > 0, in the row order given. Customers
            without an order of positive value get ``population_mean_``.

        Raises
        ------
        NotFitted, ColumnMismatch, DataError
        """
        x, z = self.values(summary)
        if isinstance(self.params_, PooledMean):
            value = np.full_like(x, self.params_.mean)
        else:
            value = expected_value(self.params_, self.population_mean_, x, z) * self.over_law(x, z)
        return keyed(summary, {"expected_order_value": value}, reader=_NAME)

    def values(self, summary: pl.DataFrame) -> tuple[Vector, Vector]:
        """Return what the model reads of each customer.

        Parameters
        ----------
        summary : polars.DataFrame
            As for `fit`.

        Returns
        -------
        x, z : ndarray of shape (customers,)
            Orders of positive value and their mean as far as it is believed; both 0 where there is none.

        Raises
        ------
        NotFitted, ColumnMismatch, DataError
        """
        self._require_fitted()
        x, z = read_values(summary, reader=_NAME)
        return x, self._believed(x, z)

    def over_law(self, x: Vector, z: Vector) -> Vector:
        """Return what is expected of customers over what the law with `params_` expects.

        Parameters
        ----------
        x, z : ndarray of shape (customers,)
            As from `values`.

        Returns
        -------
        ndarray of shape (customers,)
            1 everywhere where it is the law that tells how far a customer's own mean is believed.
        """
        if self.prior_orders_ is None or isinstance(self.params_, PooledMean):
            return np.ones_like(x)
        mean = self.population_mean_
        return credible_value(self.prior_orders_, mean, x, z) / expected_value(self.params_, mean, x, z)

    def _believed(self, x: Vector, z: Vector) -> Vector:
        return z if self.cap_ is None else softly_capped(x, z, self.cap_)

    def _spread(self, read: Values, used: NDArray[np.bool_]) -> float:
        """Return the sum of the logs of all order values over their customer's mean."""
        if read.spread is None:
            message = f"{_NAME} cannot read this frame: column {SPREAD!r} is missing."
            raise ColumnMismatch(message)
        return exact_sum(read.spread[used], read.customers[used])

    def to_dict(self) -> dict[str, Any]:
        """Return settings and learned state as plain values that JSON carries without loss.

        Returns
        -------
        dict

        Raises
        ------
        NotFitted
        """
        self._require_fitted()
        return state_of(
            self.get_params(),
            self.params_,
            self.population_mean_,
            self.log_likelihood_,
            self.fit_report_,
            cap=self.cap_,
            prior_orders=self.prior_orders_,
        )

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
        settings, params, prior_orders, population_mean, cap, log_likelihood_, report = read_state(state)
        model = cls(**settings)
        model.prior_orders_ = prior_orders
        model.params_, model.population_mean_, model.cap_ = params, population_mean, cap
        model.log_likelihood_, model.fit_report_ = log_likelihood_, report
        return model

    def _why_not_fitted(self, rows: Compressed) -> str:
        """Return why the pooled mean answers for everyone, or an empty text."""
        x, z = rows.columns["x"], rows.columns["z"]
        pooled = "the pooled mean answers for every customer: "
        if rows.rows < self.min_customers:
            return f"{pooled}{rows.rows} customers have an order of positive value, {self.min_customers} are needed"
        if float(z.max() - z.min()) <= _SAME_VALUE * float(z.max()):
            return f"{pooled}all customers have the same mean order value"
        if float(x.max()) < 2:
            return f"{pooled}nobody has two orders of positive value, so nothing tells customers from orders"
        return ""

    def _learn(
        self, found: FitOutcome, rows: Compressed, unit: float, left_out: int, correlation: float | None
    ) -> None:
        p, excess, v = found.parameters
        self.params_ = GammaGammaParameters(p, 1.0 + excess, v * unit)
        # The rows are sorted, so that plain sums over them do not depend on who read them.
        of_rows = rows.weights * log_likelihood(self.params_, rows.columns["x"], rows.columns["z"])
        self.log_likelihood_ = float(of_rows.sum())
        pooled, mean = self.population_mean_, p * v * unit / excess
        fallback = ""
        if 1.0 + excess < _SMALLEST_Q or mean > _LARGEST_RATIO * pooled:
            fallback = (
                "the pooled mean replaces the population's: order values are too heavy-tailed "
                f"(q = {1.0 + excess:.3f}, whose mean would be {mean / pooled:.1f} times the pooled one); "
                "check the largest orders"
            )
        else:
            self.population_mean_ = mean
        self.fit_report_ = GammaGammaFitReport(
            converged=found.converged,
            starts=found.starts,
            agreeing=found.agreeing,
            evaluations=found.evaluations,
            gradient_norm=found.gradient_norm,
            at_boundary=bool(found.at_boundary),
            rows=rows.distinct,
            customers=rows.rows,
            customers_without_value=left_out,
            value_count_correlation=correlation,
            fallback=fallback,
            message=found.message,
        )


def _with_effort(found: FitOutcome, told: FitOutcome) -> FitOutcome:
    """Return a search with what another one took, and that it did not converge if the other did not."""
    worst = max(found, told, key=lambda each: (not each.converged, each.gradient_norm))
    return replace(
        found,
        converged=worst.converged,
        gradient_norm=worst.gradient_norm,
        message=worst.message,
        evaluations=found.evaluations + told.evaluations,
    )


def _correlation(rows: Compressed) -> float | None:
    x, z, weights = rows.columns["x"], rows.columns["z"], rows.weights
    if rows.rows < 2 or np.ptp(x) == 0 or np.ptp(z) <= _SAME_VALUE * z.max():
        return None
    x, z = (values - (weights * values).sum() / rows.rows for values in (x, z))
    xz, xx, zz = (float((weights * product).sum()) for product in (x * z, x * x, z * z))
    return xz / math.sqrt(xx * zz)
