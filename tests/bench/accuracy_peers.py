"""What the field does today: the recent rate, lifetimes' purchase models, and rules for the date of the next order."""

import io
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from foretell.errors import FitError
from foretell.tables.dataset import MINOR_PER_UNIT, CustomerData
from foretell.windows import Horizons

SURE = 1e-6
"""No row is surer than this: one certain customer who does otherwise would decide the log loss."""
EVEN_CHANCE = 0.25
"""Share of the horizon after which, without a purchase, a customer's chance to buy within it is even."""
WEEK = 7.0
PENALTIES = (0.0, 0.001, 0.01, 0.1)


def purchases(data: CustomerData) -> pl.DataFrame:
    """Return one row per customer and day with a purchase: ``customer_id``, ``day``, ``spend``."""
    return (
        data.orders.group_by("customer_id", pl.col("ordered_at").dt.date().alias("day"))
        .agg(spend=pl.col("amount_minor").sum() / MINOR_PER_UNIT)
        .sort("customer_id", "day")
        .collect()
    )


def probability_of_any(expected: Any) -> Any:
    """Poisson chance of at least one purchase where so many are expected."""
    return np.clip(-np.expm1(-np.asarray(expected, dtype=float)), SURE, 1.0 - SURE)


def as_answers(customers: pl.Series, orders: Any, spend: Any, p_buys: Any) -> pl.DataFrame:
    """Return a recipe's frame from its vectors."""
    return pl.DataFrame(
        {
            "customer_id": customers,
            "predicted_orders": np.asarray(orders, dtype=float),
            "predicted_clv": np.asarray(spend, dtype=float),
            "churn_risk": 1.0 - np.asarray(p_buys, dtype=float),
        }
    )


@dataclass(frozen=True)
class RecentRate:
    """The last H days repeat themselves, a shorter history scaled up; the longer the silence, the smaller the chance.

    P(buys) = 1 / (1 + 4 × days since the last purchase / H). (The recent rate itself, read as a Poisson buyer's, leaves
    no chance at all after H days of silence.)
    """

    name: str = "recent rate"

    def fit_predict(self, data: CustomerData, as_of: datetime, horizons: Horizons, seed: int) -> pl.DataFrame:  # noqa: ARG002  # recipes are called alike
        """Predict every customer."""
        days = purchases(data)
        first = days["day"].min()
        window = min(horizons.clv_days, (as_of.date() - first).days)
        scale = horizons.clv_days / window
        since = (pl.lit(as_of.date()) - pl.col("day")).dt.total_days()
        sums = days.group_by("customer_id", maintain_order=True).agg(
            orders=(since <= window).sum(), spend=pl.col("spend").filter(since <= window).sum(), silence=since.min()
        )
        orders, spend = (sums[column].to_numpy() * scale for column in ("orders", "spend"))
        p_buys = 1.0 / (1.0 + sums["silence"].to_numpy() / (EVEN_CHANCE * horizons.churn_days))
        return as_answers(sums["customer_id"], orders, spend, p_buys)


@dataclass(frozen=True)
class Lifetimes:
    """A purchase model of lifetimes with gamma-gamma, as its documentation uses them.

    Weeks; the smallest of the penalties that it proposes at which it converges; P(buys) = 1 − exp(−E[n]), for it has
    no probability of a purchase within a horizon. Gamma-gamma is fitted to repeat days; where every day is worth
    the same there is nothing to fit. Where the expectation overflows to no number, own rate × P(alive) stands in.

    Parameters
    ----------
    name : str
        Name of the row.
    fitter : str
        Class in lifetimes.
    drawn : int
        Number of parameters whose start lifetimes draws by chance: they start at 1, the mean of what it draws, so
        that a rerun finds the same.
    """

    name: str
    fitter: str
    drawn: int = 0

    def fit_predict(self, data: CustomerData, as_of: datetime, horizons: Horizons, seed: int) -> pl.DataFrame:  # noqa: ARG002  # recipes are called alike
        """Fit and predict every customer."""
        days = purchases(data)
        last_seen = as_of.date() - timedelta(days=1)
        repeat = pl.col("day") > pl.col("day").min()
        rows = days.group_by("customer_id", maintain_order=True).agg(
            x=pl.len() - 1,
            t_x=(pl.col("day").max() - pl.col("day").min()).dt.total_days() / WEEK,
            T=(pl.lit(last_seen) - pl.col("day").min()).dt.total_days() / WEEK,
            value=pl.col("spend").filter(repeat).mean(),
        )
        x, t_x, age = (rows[column].to_numpy().astype(float) for column in ("x", "t_x", "T"))
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            import lifetimes

            alike = rows.group_by("x", "t_x", "T", maintain_order=True).len()
            columns = [alike[column].to_pandas() for column in ("x", "t_x", "T")]
            start = np.ones(self.drawn) if self.drawn else None
            options = {"weights": alike["len"].to_pandas(), "initial_params": start}
            fitted = converged(getattr(lifetimes, self.fitter), *columns, **options)
            horizon = horizons.clv_days / WEEK
            orders = np.asarray(fitted.conditional_expected_number_of_purchases_up_to_time(horizon, x, t_x, age))
            alive = np.nan_to_num(np.asarray(fitted.conditional_probability_alive(x, t_x, age)), nan=1.0)
            orders = np.where(np.isfinite(orders), orders, alive * horizon * x / np.maximum(age, 1 / WEEK))
            value = order_values(lifetimes.GammaGammaFitter, x, rows["value"])
        return as_answers(rows["customer_id"], orders, orders * value, probability_of_any(orders))


def order_values(fitter: Callable[..., Any], repeats: Any, value: pl.Series) -> Any:
    """Expected value of an order by gamma-gamma; the one value itself where all are equal."""
    repeated = value.drop_nulls()
    if repeated.n_unique() == 1:
        return float(repeated[0])
    usable = (repeats > 0) & value.is_not_null().to_numpy()
    mean = value.fill_null(0.0).to_numpy()
    model = converged(fitter, repeats[usable], mean[usable])
    return np.asarray(model.conditional_expected_average_profit(np.where(usable, repeats, 0.0), mean))


def converged(fitter: Callable[..., Any], *columns: Any, **options: Any) -> Any:
    """Fit with the first penalty at which lifetimes converges."""
    from lifetimes.utils import ConvergenceError

    for penalty in PENALTIES:
        try:
            return fitter(penalizer_coef=penalty).fit(*columns, **options)
        except (ConvergenceError, ValueError, ZeroDivisionError):
            continue
    msg = f"{fitter.__name__} converges at no penalty"
    raise FitError(msg)


@dataclass(frozen=True)
class GapRule:
    """The industry's date: last purchase plus the customer's own usual gap; the shop's for one-time buyers.

    A date that has passed becomes the next day.

    Parameters
    ----------
    name : str
        Name of the row.
    median : bool
        Whether the usual gap is the median instead of the mean.
    """

    name: str
    median: bool = False

    def fit_predict(self, data: CustomerData, as_of: datetime, horizons: Horizons, seed: int) -> pl.DataFrame:  # noqa: ARG002  # recipes are called alike
        """Predict every customer."""
        gap = pl.col("day").diff().dt.total_days()
        rows = purchases(data).group_by("customer_id", maintain_order=True).agg(
            gap=gap.median() if self.median else gap.mean(),
            since=(pl.lit(as_of.date()) - pl.col("day").max()).dt.total_days(),
        )  # fmt: skip
        usual = pl.col("gap").fill_null(pl.col("gap").median())
        return rows.select("customer_id", next_order_days=(usual - pl.col("since") + 1).clip(lower_bound=1.0))


PURCHASE_PEERS = (
    RecentRate(),
    Lifetimes("BG/NBD + GG", "BetaGeoFitter"),
    Lifetimes("MBG/NBD + GG", "ModifiedBetaGeoFitter"),
    Lifetimes("Pareto/NBD + GG", "ParetoNBDFitter", drawn=4),
)
