"""lifetimes' BG/NBD and gamma-gamma as a row of every backtest; never what a shop is scored with."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from foretell.errors import FitError
from foretell.features.summary import purchase_summary
from foretell.models.compress import compress
from foretell.tables.dataset import MINOR_PER_UNIT, CustomerData
from foretell.tables.purchases import purchase_days
from foretell.windows import Horizons

_DAYS_PER_WEEK = 7.0
_PENALTIES = (0.0, 0.001, 0.01, 0.1)


@dataclass(frozen=True)
class LifetimesPeer:
    """What a user of lifetimes gets: BG/NBD, and gamma-gamma on repeat orders.

    lifetimes has no probability of a purchase within a horizon and no next-order date. Its P(alive) is 1 for
    every one-time buyer, so 1 - P(alive) is no churn risk; the kindest reading of what it does offer is the
    Poisson chance of nothing at its expected number of purchases, exp(-E[X]). Dates are missing. Where it
    overflows to no number at all, the customer's own rate times P(alive) stands in.

    Parameters
    ----------
    name : str
        Name of the row in tables.
    """

    name: str = "lifetimes_bgnbd"

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
            Not used.

        Returns
        -------
        polars.DataFrame
            ``customer_id``, ``predicted_orders``, ``predicted_clv`` (with money), ``churn_risk``, ``p_order``.

        Raises
        ------
        FitError
            If lifetimes does not converge or returns no number for some customer.
        """
        summary = purchase_summary(data, as_of)
        x, t_x, age = (
            summary[name].to_numpy().astype(float)
            for name in ("repeat_orders", "days_first_to_last_order", "days_observed")
        )
        t_x, age = t_x / _DAYS_PER_WEEK, age / _DAYS_PER_WEEK
        with _quiet_lifetimes() as lifetimes, np.errstate(all="ignore"):
            rows = compress({"x": x, "t_x": t_x, "T": age})
            model = _fit(
                lifetimes.BetaGeoFitter, rows.columns["x"], rows.columns["t_x"], rows.columns["T"], weights=rows.weights
            )
            alive = np.asarray(_run(model.conditional_probability_alive, x, t_x, age))
            orders, churn_orders, soon_orders = (
                _expected(model, days / _DAYS_PER_WEEK, (x, t_x, age), alive)
                for days in (horizons.clv_days, horizons.churn_days, horizons.order_days)
            )
            columns = {
                "predicted_orders": orders,
                "churn_risk": np.exp(-churn_orders),
                "p_order": -np.expm1(-soon_orders),
            }
            if data.has_amount:
                columns["predicted_clv"] = orders * self._order_value(lifetimes, data, as_of, summary)
        for name, values in columns.items():
            # Its expected orders can be negative, and its chances, which follow from them, no chances.
            most = 1.0 if name in {"churn_risk", "p_order"} else np.inf
            broken = int(np.sum(~np.isfinite(values) | (values < 0) | (values > most)))
            if broken:
                msg = f"lifetimes returned no {name} that could be one for {broken:,} customers."
                raise FitError(msg)
        return summary.select("customer_id").with_columns(
            pl.Series(name, np.asarray(values, dtype=float)) for name, values in columns.items()
        )

    def _order_value(self, lifetimes: Any, data: CustomerData, as_of: datetime, summary: pl.DataFrame) -> Any:
        days = purchase_days(data.before(as_of))
        repeats = (
            days.filter(pl.col("purchase_date") > pl.col("purchase_date").min().over("customer_id"))
            .group_by("customer_id")
            .agg(count=pl.len(), minor=pl.col("amount_minor").sum())
        )
        money = summary.lazy().select("customer_id").join(
            repeats, on="customer_id", how="left", maintain_order="left"
        ).collect().fill_null(0)  # fmt: skip
        count = money["count"].to_numpy().astype(float)
        mean = money["minor"].to_numpy() / MINOR_PER_UNIT / np.maximum(count, 1)
        usable = (count > 0) & (mean > 0)
        if not usable.any():
            msg = "lifetimes needs repeat orders with a positive amount."
            raise FitError(msg)
        model = _fit(lifetimes.GammaGammaFitter, count[usable], mean[usable])
        return np.asarray(_run(model.conditional_expected_average_profit, np.where(usable, count, 0), mean))


@contextmanager
def _quiet_lifetimes() -> Iterator[Any]:
    """Import lifetimes without its side effects: its warnings, its prints, and the pandas option that it sets."""
    import pandas as pd  # noqa: TID251  # lifetimes changes a pandas option, which is put back

    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # noqa: TID251  # a dead library's deprecations are not the user's
        option = pd.get_option("mode.chained_assignment")
        import lifetimes

        pd.set_option("mode.chained_assignment", option)
        yield lifetimes


def _expected(model: Any, weeks: float, history: tuple[Any, Any, Any], alive: Any) -> Any:
    """Expected purchases; where lifetimes overflows to no number, the kindest stand-in: own rate x P(alive)."""
    x, _, age = history
    found = np.asarray(_run(model.conditional_expected_number_of_purchases_up_to_time, weeks, *history))
    own_rate = alive * weeks * x / np.maximum(age, 1 / _DAYS_PER_WEEK)
    return np.where(np.isfinite(found), found, own_rate)


def _fit(fitter: Any, *arguments: Any, **options: Any) -> Any:
    """Fit, with the smallest of its own penalties at which lifetimes converges: what its documentation advises."""
    for penalty in _PENALTIES:
        model = fitter(penalizer_coef=penalty)
        try:
            _run(model.fit, *arguments, **options)
        except FitError:
            if penalty == _PENALTIES[-1]:
                raise
        else:
            break
    return model


def _run(call: Any, *arguments: Any, **options: Any) -> Any:
    from lifetimes.utils import ConvergenceError

    try:
        return call(*arguments, **options)
    except (ConvergenceError, ValueError, ZeroDivisionError, FloatingPointError) as error:
        msg = f"lifetimes failed: {type(error).__name__}."
        raise FitError(msg) from error
