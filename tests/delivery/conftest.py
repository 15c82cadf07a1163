"""A small finished run, made by hand: what delivery gets from scoring."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from foretell.delivery.run import Counts, ModelFacts, Record, Run
from foretell.scoring.schema import score_columns
from foretell.windows import Horizons

AS_OF = datetime(2026, 11, 1)


def scores_frame(customers: int, horizons: Horizons, *, money: bool = True, as_of: datetime = AS_OF) -> pl.DataFrame:
    draw = np.random.default_rng(7)
    orders = draw.geometric(0.5, customers)
    since = draw.integers(1, 400, customers)
    value = np.round(draw.gamma(2.0, 20.0, customers), 2)
    alive = np.exp(-since / 200) * (1 - 0.3 / orders)
    expected = alive * orders * horizons.clv_days / 300
    p_order = alive * (1 - np.exp(-orders * horizons.order_days / 60))
    churn = 1 - alive * (1 - np.exp(-orders * horizons.churn_days / 60))
    last = [as_of.date() - timedelta(days=int(days)) for days in since]
    wait = np.maximum(1, 30 / orders).astype(int)
    expected_on = [as_of.date() + timedelta(days=int(days)) for days in wait]
    historic, predicted = np.round(orders * value, 2), expected * value
    frame = {
        "customer_id": [f"shopper-{i:05d}@mail.test" for i in range(customers)],
        "as_of": [as_of] * customers,
        "orders": orders,
        "order_rows": orders + 1,
        "first_order_date": [day - timedelta(days=30 * int(n - 1)) for day, n in zip(last, orders, strict=True)],
        "last_order_date": last,
        "days_since_last_order": since,
        "avg_days_between_orders": [30.0 if n > 1 else None for n in orders],
        "avg_order_value": value,
        "historic_clv": historic,
        f"predicted_orders_{horizons.clv_days}d": expected,
        f"predicted_clv_{horizons.clv_days}d": predicted,
        f"predicted_clv_{horizons.clv_days}d_low": predicted * 0.2,
        f"predicted_clv_{horizons.clv_days}d_high": predicted * 2.5,
        "total_clv": historic + predicted,
        "p_alive": alive,
        f"churn_risk_{horizons.churn_days}d": churn,
        "churn_band": ["low" if p < 0.33 else "medium" if p < 0.66 else "high" for p in churn],
        f"p_order_{horizons.order_days}d": p_order,
        "expected_next_order_date": expected_on,
        "next_order_date_early": [day - timedelta(days=1) for day in expected_on],
        "next_order_date_late": [day + timedelta(days=60) for day in expected_on],
        "overdue": since > 120,
        "clv_percentile": np.ceil((np.argsort(np.argsort(predicted)) + 0.5) / customers * 100).astype(int),
        "churn_percentile": np.ceil((np.argsort(np.argsort(churn)) + 0.5) / customers * 100).astype(int),
        "reason_1": [f"last order {days} days ago" for days in since],
        "reason_2": [f"ordered {n} times" for n in orders],
        "reason_3": [None] * customers,
        "prediction_status": ["ok"] * customers,
        "model_version": ["3f2a9c11d0e4"] * customers,
    }
    scores = pl.DataFrame(frame, schema={column.name: column.dtype for column in score_columns(horizons)}, strict=False)
    if not money:
        without = [column.name for column in score_columns(horizons) if column.unit == "money"]
        scores = scores.with_columns(
            pl.lit(None, dtype=pl.Float64).alias(name) for name in (*without, "clv_percentile")
        )
        scores = scores.with_columns(pl.col("clv_percentile").cast(pl.Int64), prediction_status=pl.lit("no_money"))
    return scores


def record() -> Record:
    """A record of two cutoffs in which the model beats the naive rules on value, and on churn."""
    amounts, chances = ("gini", "bias", "mae", "top10_capture"), ("log_loss", "auc", "ece", "bias")
    figures = {
        ("purchase", "clv"): dict(zip(amounts, (0.71, -0.06, 31.0, 0.48), strict=True)),
        ("lifetimes_bgnbd", "clv"): dict(zip(amounts, (0.70, -0.14, 32.0, 0.47), strict=True)),
        ("naive_rate", "clv"): dict(zip(amounts, (0.58, 0.62, 55.0, 0.40), strict=True)),
        ("purchase", "orders"): dict(zip(amounts, (0.69, -0.05, 1.0, 0.45), strict=True)),
        ("naive_rate", "orders"): dict(zip(amounts, (0.55, 0.40, 2.0, 0.38), strict=True)),
        ("purchase", "order_30d"): dict(zip(chances, (0.30, 0.80, 0.02, 0.03), strict=True)),
        ("naive_gap", "order_30d"): dict(zip(chances, (0.50, 0.70, 0.12, 0.20), strict=True)),
        ("purchase", "next_order"): {"concordance": 0.70, "coverage": 0.82},
        ("naive_gap", "next_order"): {"concordance": 0.60},
        ("purchase", "churn"): dict(zip(chances, (0.41, 0.83, 0.02, 0.01), strict=True)),
        ("lifetimes_bgnbd", "churn"): dict(zip(chances, (0.44, 0.82, 0.05, 0.04), strict=True)),
        ("naive_gap", "churn"): dict(zip(chances, (0.62, 0.70, 0.12, 0.10), strict=True)),
    }
    rows: list[dict[str, Any]] = [
        {"cutoff": cutoff, "rung": rung, "target": target, "metric": metric, "value": value}
        | {"low": value - 0.01, "high": value + 0.01}
        for cutoff in ("2025-07-01", "2025-11-01")
        for (rung, target), metrics in figures.items()
        for metric, value in metrics.items()
    ]
    places = [(cutoff, i) for cutoff in ("2025-07-01", "2025-11-01") for i in range(1, 11)]
    deciles = [
        {"cutoff": cutoff, "rung": rung, "target": "clv", "decile": i, "customers": 40}
        | {"predicted": i**2 * 1.1, "actual": i**2 * 1.2 + i % 3}
        for rung in ("purchase", "naive_rate")
        for cutoff, i in places
    ]
    calibration = [
        {"cutoff": cutoff, "rung": rung, "target": "churn", "bin": i, "customers": 40}
        | {"predicted": i / 10 - 0.05, "observed": i / 10 - 0.07}
        for rung in ("purchase", "naive_gap")
        for cutoff, i in places
    ]
    return Record(
        table=pl.DataFrame(rows, schema=Record().table.schema),
        deciles=pl.DataFrame(deciles, schema=Record().deciles.schema),
        calibration=pl.DataFrame(calibration, schema=Record().calibration.schema),
        rungs=dict.fromkeys(("clv", "orders", "churn", "order_30d", "next_order"), "purchase"),
        naive_rungs=("naive_rate", "naive_gap"),
    )


def forecast_frame(horizons: Horizons, *, as_of: datetime = AS_OF) -> pl.DataFrame:
    weeks = range(-(-horizons.clv_days // 7))
    first: date = as_of.date()
    return pl.DataFrame(
        {
            "week_starts_on": [first + timedelta(days=7 * i) for i in weeks],
            "days": [min(7, horizons.clv_days - 7 * i) for i in weeks],
            "expected_orders": [40.0 * 0.99**i for i in weeks],
        }
    )


def make_run(
    *,
    customers: int = 400,
    horizons: Horizons | None = None,
    money: bool = True,
    as_of: datetime = AS_OF,
    **changes: Any,
) -> Run:
    horizons = horizons or Horizons()
    values: dict[str, Any] = {
        "shop": "Corner & Sons",
        "as_of": as_of,
        "horizons": horizons,
        "currency": "EUR" if money else None,
        "scores": scores_frame(customers, horizons, money=money, as_of=as_of),
        "columns": score_columns(horizons),
        "forecast": forecast_frame(horizons, as_of=as_of),
        "model": ModelFacts(
            version="3f2a9c11d0e4",
            trained_as_of=datetime(2026, 10, 1),
            facts={"Purchase model": "MBG/CNBD-k, k = 2", "Customers it learnt from": "380"},
            limits=("It knows no season: expect too little before holidays and too much after them.",),
        ),
        "counts": Counts(rows_in=1250, used=1200, at_or_after_as_of=47, quarantined=3),
        "record": record(),
        "quarantine": pl.DataFrame(
            {
                "row_number": [17, 90, 911],
                "table": ["orders"] * 3,
                "column": ["ordered_at", "ordered_at", "customer_id"],
                "reason": ["unparseable_date", "unparseable_date", "missing_customer_id"],
            },
            schema_overrides={"row_number": pl.UInt32},
        ),
        "notes": ("12 exact duplicate rows were kept.",),
        "inputs": {"orders": "9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d"},
        "options": {"refunds": "netted"},
        "circumstances": {"started": "2026-11-01T05:00:00", "host": "nightly"},
    }
    return Run(**(values | changes))


@pytest.fixture(name="make_run", scope="session")
def _make_run() -> Callable[..., Run]:
    return make_run


@pytest.fixture(scope="session")
def run() -> Run:
    return make_run()


@pytest.fixture
def quick(monkeypatch):
    """Leave the page out: its figures are most of the time of a publication."""
    monkeypatch.setattr("foretell.delivery.publish.render_page", lambda run, *_: f"<p>{run.scores.height}</p>")


@pytest.fixture(scope="session")
def content_of() -> Callable[[Path], dict[str, bytes]]:
    """Every file below a folder with its bytes; nothing where there is no folder."""

    def read(folder: Path) -> dict[str, bytes]:
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    return read
