"""What every test runs under: one time zone, few threads, no telemetry, no clock in hypothesis; small shared data."""

import os
import time

# before polars, numpy and mlflow are imported: all three read these once
os.environ["TZ"] = "UTC"
time.tzset()
for _name in ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "2" if _name == "POLARS_MAX_THREADS" else "1"
# on a busy machine, threads that wait for work by spinning take it from those that have some
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
os.environ["MPLBACKEND"] = "Agg"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["DO_NOT_TRACK"] = "true"
for _name in [name for name in os.environ if name.startswith("FORETELL__")]:
    del os.environ[_name]

from datetime import datetime
from pathlib import Path

import hypothesis
import polars as pl
import pytest

from boosted_shops import AS_OF, HORIZONS, quick_recipe, rhythmic
from engines.spark_local import spark
from foretell.bundles.bundle import Bundle
from foretell.tables.cdnow import load_cdnow
from foretell.tables.dataset import CustomerData
from foretell.tables.simulate import simulate
from foretell.training.purchase_recipe import PurchaseRecipe
from foretell.windows import Horizons

__all__ = ["spark"]  # a fixture of every test

# derandomised: a run finds what the last one found; no deadline: the machine may be busy; no example database on disk
hypothesis.settings.register_profile("house", derandomize=True, deadline=None, database=None, print_blob=True)
hypothesis.settings.load_profile("house")


@pytest.fixture(scope="session")
def cdnow() -> CustomerData:
    """The whole CDNOW history: 69,659 orders of 23,570 customers."""
    return load_cdnow()


@pytest.fixture(scope="session")
def cdnow_sample() -> CustomerData:
    """The published 1/10 sample of CDNOW: every tenth customer, 2,357 of them."""
    return load_cdnow(sample=True)


@pytest.fixture(scope="session")
def shop() -> tuple[CustomerData, pl.DataFrame]:
    """A simulated shop of 400 customers over two years, with refunds, and what was true of each."""
    return simulate(customers=400, seed=11, start="2024-01-01", end="2026-01-01")


@pytest.fixture
def few_orders() -> CustomerData:
    """Three customers a reader can check by hand: a regular, a one-time buyer, one with two orders on a day."""
    rows = [
        ("anna", datetime(2025, 1, 1, 9), 100_000),
        ("anna", datetime(2025, 2, 1, 9), 200_000),
        ("anna", datetime(2025, 3, 1, 9), 300_000),
        ("bert", datetime(2025, 1, 15), 0),
        ("cleo", datetime(2025, 1, 10, 8), 50_000),
        ("cleo", datetime(2025, 1, 10, 20), 70_000),
        ("cleo", datetime(2025, 3, 10, 12), 40_000),
    ]
    frame = pl.DataFrame(rows, schema=["customer_id", "ordered_at", "amount_minor"], orient="row")
    return CustomerData.from_orders(frame, observed_until="2025-04-01")


@pytest.fixture(scope="session")
def big_shop() -> CustomerData:
    """A simulated shop large enough that nothing warns of thin data; 900 customers over two years."""
    return simulate(customers=900, seed=5, start="2024-01-01", end="2026-01-01")[0]


@pytest.fixture(scope="session")
def bundle(big_shop: CustomerData) -> Bundle:
    """The purchase rung fitted to the large shop as of mid-2025, unjudged."""
    return PurchaseRecipe().fit(big_shop, datetime(2025, 7, 1), Horizons(180, 90, 30))


@pytest.fixture(scope="session")
def boosted_shop() -> CustomerData:
    """A small shop in which trees win every answer, with rows after the cutoff of `boosted`."""
    return rhythmic()


@pytest.fixture(scope="session")
def boosted(boosted_shop: CustomerData) -> Bundle:
    """The boosted rung fitted to that shop, unjudged."""
    return quick_recipe().fit(boosted_shop, AS_OF, HORIZONS)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The folder of the repository."""
    return Path(__file__).resolve().parents[1]
