"""Gamma-gamma: the expected value of a customer's future orders.

Formulas are in `foretell.models.gamma_gamma_kernel`. The mean of the population, p v / (q - 1), exists for q > 1 only;
existing libraries return negative values below. Here q = 1 + exp(.), and where the values are too heavy-tailed for
that mean to be believed, or too few for a fit, a plain mean takes its place and the report says so.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self

import numpy as np
import polars as pl

from foretell.errors import FitError
from foretell.models.compress import Compressed, compress
from foretell.models.estimator import Estimator, keyed
from foretell.models.gamma_gamma_kernel import (
    GammaGammaParameters,
    expected_value,
    log_likelihood,
    mean_negative_likelihood,
)
from foretell.models.gamma_gamma_state import GammaGammaFitReport, PooledMean, read_state, state_of
from foretell.models.optimise import FitOutcome, Vector, maximise_likelihood, warn_unless_converged
from foretell.models.order_values import read_values
from foretell.models.population import Population, values_of
from foretell.models.robust_value import cap_of, softly_capped
from foretell.models.weighted import exact_sum, median

_NAME = "GammaGamma"
_NAMES = ("p", "q - 1", "v")
_LOWEST, _HIGHEST = 1e-6, 1e4
_TOLERANCE = 1e-7
_SAMPLE = 20_000
_STARTS = ((1.0, 1.0, 1.0), (5.0, 2.0, 0.5), (0.5, 5.0, 10.0))
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

    Attributes
    ----------
    cap_ : float or None
        Mean order value up to which a single order is believed; None without `cap_quantile`.
    params_ : GammaGammaParameters or PooledMean
    population_mean_ : float
        Expected order value of a customer without one, in the currency unit.
    log_likelihood_ : float or None
        Sum over customers, in the currency unit; None with `PooledMean`.
    fit_report_ : GammaGammaFitReport
        Its ``fallback`` is empty, or says which mean replaced the model's and why.

    Notes
    -----
    Fitted on all orders with a positive value, the first one included, so that one-time buyers are not given the mean
    of those who came back. The model takes order values and their number to be independent; the report has their
    correlation. Sources: `foretell.models.gamma_gamma_kernel`.
    """

    def __init__(self, *, min_customers: int = 30, cap_quantile: float | None = None) -> None:
        self.min_customers = min_customers
        self.cap_quantile = cap_quantile

    def fit(self, summary: pl.DataFrame | Population, *, near: Self | None = None) -> Self:
        """Fit by maximum likelihood, or fall back to a plain mean and say so.

        Parameters
        ----------
        summary : polars.DataFrame or Population
            One row per customer: ``orders_with_value`` (orders of positive value) and ``mean_order_value`` (their mean
            in the currency unit; null or 0 where there is none); or the customers counted.
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
            If the optimiser ended with a gradient that does not vanish.
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
        found = _search(rows, unit, None if near is None else near.params_)
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
            value = expected_value(self.params_, self.population_mean_, x, z)
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

    def _believed(self, x: Vector, z: Vector) -> Vector:
        return z if self.cap_ is None else softly_capped(x, z, self.cap_)

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
        settings, params, population_mean, cap, log_likelihood_, report = read_state(state)
        model = cls(**settings)
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


def _search(rows: Compressed, unit: float, near: GammaGammaParameters | PooledMean | None) -> FitOutcome:
    """Search with money divided by its median; on many rows, all starts on every n-th row of the sorted ones first."""
    x, z, weights = rows.columns["x"], rows.columns["z"] / unit, rows.weights.astype(np.float64)
    starts = [np.asarray(np.log(start)) for start in _STARTS]
    bounds: dict[str, Any] = {"names": _NAMES, "lowest": _LOWEST, "highest": _HIGHEST, "tolerance": _TOLERANCE}
    begin = np.log([near.p, near.q - 1.0, near.v / unit]) if isinstance(near, GammaGammaParameters) else None
    step = rows.distinct // _SAMPLE
    if step < 2:
        return maximise_likelihood(mean_negative_likelihood(x, z, weights), starts, near=begin, **bounds)
    some = slice(step // 2, None, step)
    rough = maximise_likelihood(mean_negative_likelihood(x[some], z[some], weights[some]), starts, near=begin, **bounds)
    found = maximise_likelihood(mean_negative_likelihood(x, z, weights), [rough.log_parameters], **bounds)
    evaluations = rough.evaluations + found.evaluations
    return replace(found, starts=rough.starts, agreeing=rough.agreeing, evaluations=evaluations)


def _correlation(rows: Compressed) -> float | None:
    x, z, weights = rows.columns["x"], rows.columns["z"], rows.weights
    if rows.rows < 2 or np.ptp(x) == 0 or np.ptp(z) <= _SAME_VALUE * z.max():
        return None
    x, z = (values - (weights * values).sum() / rows.rows for values in (x, z))
    xz, xx, zz = (float((weights * product).sum()) for product in (x * z, x * x, z * z))
    return xz / math.sqrt(xx * zz)
