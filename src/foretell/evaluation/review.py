"""What published runs said, against what then happened: the record of predictions that people acted on."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import timedelta

import numpy as np
import polars as pl

from foretell.evaluation.ledger import CALIBRATION_SCHEMA, DECILE_SCHEMA, SKIPPED_SCHEMA, TABLE_SCHEMA, Ledger
from foretell.evaluation.predictions import Predictions, check_predictions
from foretell.evaluation.said import Said
from foretell.evaluation.targets import Truth, observe, targets
from foretell.labels.discounted import discounted_share
from foretell.models.discounting import daily_discount_rate
from foretell.tables.dataset import CustomerData
from foretell.windows import first_unseen_day

_BANDS = ("low", "medium", "high")
_DAYS_PER_SLOPE = 30
_SCHEMAS = {
    "totals": {
        "cutoff": pl.Datetime("us"), "rung": pl.String, "target": pl.String, "days": pl.Int64, "customers": pl.Int64,
        "predicted": pl.Float64, "actual": pl.Float64,
    },
    "table": TABLE_SCHEMA,
    "deciles": DECILE_SCHEMA,
    "calibration": CALIBRATION_SCHEMA,
    "bands": {
        "cutoff": pl.Datetime("us"), "rung": pl.String, "band": pl.String, "customers": pl.Int64,
        "predicted": pl.Float64, "observed": pl.Float64,
    },
    "trend": {
        "target": pl.String, "metric": pl.String, "runs": pl.Int64, "first": pl.Float64, "last": pl.Float64,
        "change_per_30_days": pl.Float64,
    },
    "skipped": SKIPPED_SCHEMA,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Review:
    """Frames by run, oldest first; ``rung`` is the version of the bundle that scored.

    Attributes
    ----------
    totals : pl.DataFrame
        ``cutoff``, ``rung``, ``target``, ``days``, ``customers``, ``predicted``, ``actual``: sums over all customers;
        of events, how many were expected and came.
    table : pl.DataFrame
        ``cutoff``, ``rung``, ``target``, ``metric``, ``value``, ``low``, ``high``: as in a backtest.
    deciles : pl.DataFrame
        ``cutoff``, ``rung``, ``target``, ``decile``, ``customers``, ``predicted``, ``actual``: means per customer.
    calibration : pl.DataFrame
        ``cutoff``, ``rung``, ``target``, ``bin``, ``customers``, ``predicted``, ``observed``.
    bands : pl.DataFrame
        ``cutoff``, ``rung``, ``band``, ``customers``, ``predicted``, ``observed``: mean churn risk and the share that
        churned.
    trend : pl.DataFrame
        ``target``, ``metric``, ``runs``, ``first``, ``last``, ``change_per_30_days`` (least squares): where two runs or
        more were judged.
    skipped : pl.DataFrame
        ``cutoff``, ``rung``, ``target``, ``reason``: windows that have not ended.
    """

    totals: pl.DataFrame
    table: pl.DataFrame
    deciles: pl.DataFrame
    calibration: pl.DataFrame
    bands: pl.DataFrame
    trend: pl.DataFrame
    skipped: pl.DataFrame

    def frames(self) -> dict[str, pl.DataFrame]:
        """Return every frame by its name."""
        return {item.name: getattr(self, item.name) for item in fields(self)}


def review(data: CustomerData, runs: Sequence[Said], *, seed: int = 0, bootstrap: int = 200) -> Review:
    """Hold what runs said against what the shop's customers then did.

    A target of a run is judged once its window was observed to the end; a customer who is not in the window did
    nothing. Metrics are those of `evaluation.backtest.backtest`. Where predicted value was discounted, what was spent
    is discounted to `as_of` alike; intervals are of spend as it was paid.

    Parameters
    ----------
    data : CustomerData
        All of the shop's rows. Not modified.
    runs : sequence of Said
        Published runs, in any order.
    seed : int
        Seed of the resamples, not negative.
    bootstrap : int
        Resamples of customers behind each interval; 0 for none.

    Returns
    -------
    Review
        Empty frames where no window has ended.

    Raises
    ------
    DataError
        If a run's scores are not one sound row for each customer.
    """
    found = [_judged(data, run, seed=seed, bootstrap=bootstrap) for run in sorted(runs, key=lambda run: run.as_of)]
    frames = {
        name: pl.concat([pl.DataFrame(schema=dict(schema)), *(part[name] for part in found if name in part)])
        for name, schema in _SCHEMAS.items()
    }
    return Review(**frames | {"trend": _trend(frames["table"])})


def _judged(data: CustomerData, run: Said, *, seed: int, bootstrap: int) -> dict[str, pl.DataFrame]:
    customers, rung = run.scores["customer_id"], run.model_version
    asked = targets(run.horizons)
    order = {f"target {target.name}": place for place, target in enumerate(asked)} | {f"rung {rung}": 0}
    ledger = Ledger(references=(rung,), seed=seed, bootstrap=bootstrap, order=order)
    truths, left_out = observe(data, run.as_of, run.horizons, customers)
    if run.annual_discount_rate:
        truths = [_discounted(truth, data, run) if truth.target.kind == "money" else truth for truth in truths]
    for target, reason in left_out.items():
        ledger.skip(run.as_of, rung, target, reason)
    given = check_predictions(_answers(run), customers, rung=rung)
    if truths and not customers.is_empty():
        ledger.enter(run.as_of, truths, [given])
    closed = ledger.close()
    return {
        "totals": _totals(run, truths, given),
        "table": closed.table,
        "deciles": closed.deciles,
        "calibration": closed.calibration,
        "bands": _bands(run, truths),
        "skipped": closed.skipped,
    }


def _discounted(truth: Truth, data: CustomerData, run: Said) -> Truth:
    """Discount what was spent as the prediction was; what cannot be dated, refunds alone, as of the window's middle."""
    daily = daily_discount_rate(run.annual_discount_rate)
    days = truth.target.days
    shares = discounted_share(data, run.as_of, days, daily).collect()
    share = run.scores.select("customer_id").join(shares, on="customer_id", how="left", maintain_order="left")["share"]
    left = share.fill_null(math.exp(-daily * days / 2)).to_numpy()
    return replace(truth, actual=truth.actual * left, paid=truth.actual)


def _answers(run: Said) -> pl.DataFrame:
    """Read the answers of a recipe off the columns of scores."""
    clv, churn, order = run.horizons.clv_days, run.horizons.churn_days, run.horizons.order_days
    day_zero = pl.lit(first_unseen_day(run.as_of) - timedelta(days=1))
    frame = run.scores.select(
        "customer_id",
        predicted_orders=f"predicted_orders_{clv}d",
        predicted_clv=f"predicted_clv_{clv}d",
        churn_risk=f"churn_risk_{churn}d",
        p_order=f"p_order_{order}d",
        next_order_days=(pl.col("expected_next_order_date") - day_zero).dt.total_days(),
        next_order_days_early=(pl.col("next_order_date_early") - day_zero).dt.total_days(),
        next_order_days_late=(pl.col("next_order_date_late") - day_zero).dt.total_days(),
        spend_low=f"predicted_clv_{clv}d_low",
        spend_high=f"predicted_clv_{clv}d_high",
    )
    # A shop without money was told none.
    return frame if frame["predicted_clv"].null_count() == 0 else frame.drop("predicted_clv", "spend_low", "spend_high")


def _totals(run: Said, truths: Sequence[Truth], given: Predictions) -> pl.DataFrame:
    rows = [
        {
            "cutoff": run.as_of,
            "rung": run.model_version,
            "target": truth.target.name,
            "days": truth.target.days,
            "customers": truth.actual.size,
            "predicted": float(given.columns[truth.target.column].sum()),
            "actual": float(truth.actual.sum()),
        }
        for truth in truths
        if truth.target.kind != "date" and given.answers(truth.target.column)
    ]
    return pl.DataFrame(rows, schema=dict(_SCHEMAS["totals"]), orient="row")


def _bands(run: Said, truths: Sequence[Truth]) -> pl.DataFrame:
    churned = next((truth.actual for truth in truths if truth.target.name == "churn"), None)
    if churned is None:
        return pl.DataFrame(schema=dict(_SCHEMAS["bands"]))
    risk = f"churn_risk_{run.horizons.churn_days}d"
    return (
        run.scores.select(band="churn_band", risk=risk, churned=pl.Series(churned))
        .group_by("band")
        .agg(customers=pl.len().cast(pl.Int64), predicted=pl.col("risk").mean(), observed=pl.col("churned").mean())
        .with_columns(cutoff=pl.lit(run.as_of).cast(pl.Datetime("us")), rung=pl.lit(run.model_version))
        .sort(pl.col("band").replace_strict(dict(zip(_BANDS, range(3), strict=True)), default=3))
        .select(list(_SCHEMAS["bands"]))
    )


def _trend(table: pl.DataFrame) -> pl.DataFrame:
    rows = []
    for (target, metric), part in table.drop_nulls("value").group_by("target", "metric", maintain_order=True):
        if part.height > 1:
            days = (part["cutoff"] - part["cutoff"].min()).dt.total_seconds().to_numpy() / 86_400
            values = part["value"].to_numpy()
            slope = float(np.polynomial.polynomial.polyfit(days, values, 1)[1]) * _DAYS_PER_SLOPE
            rows.append((target, metric, part.height, values[0], values[-1], slope))
    return pl.DataFrame(rows, schema=dict(_SCHEMAS["trend"]), orient="row")
