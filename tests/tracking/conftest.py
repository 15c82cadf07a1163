"""A judged model, and one migrated tracking store that every worker copies."""

import shutil
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from foretell.bundles.bundle import Bundle
from foretell.bundles.record import RECORD_SCHEMAS
from foretell.engines.trained_model import TrainedModel
from foretell.tracking.store import DATABASE, opened_store

OLD, NEW = "2025-01-01T00:00:00", "2025-04-01T00:00:00"


@pytest.fixture(scope="session")
def record() -> dict[str, pl.DataFrame]:
    """A record small enough to check by hand: two cutoffs, the rung and the naive rate."""
    rows = {
        "backtest": [
            (OLD, "purchase", "clv", "gini", 0.1, None, None),
            (NEW, "purchase", "clv", "gini", 0.75, 0.7, 0.8),
            (NEW, "purchase", "churn", "auc", 0.5, None, None),
            (NEW, "purchase", "churn", "ece", None, None, None),
            (NEW, "naive_rate", "clv", "gini", 0.25, None, None),
        ],
        "comparisons": [(NEW, "purchase", "naive_rate", "clv", "gini", 0.5, 0.4, 0.6)],
        "deciles": [
            (NEW, rung, "clv", decile, 30, 1.0 * decile, 1.1 * decile)
            for rung in ("purchase", "naive_rate")
            for decile in range(1, 11)
        ],
        "calibration": [(NEW, "purchase", "churn", i, 30, i / 10, i / 11) for i in range(1, 10)],
        "skipped": [],
    }
    return {
        name: pl.DataFrame(rows[name], schema=dict(schema), orient="row") for name, schema in RECORD_SCHEMAS.items()
    }


@pytest.fixture(scope="session")
def model(bundle: Bundle, record: dict[str, pl.DataFrame]) -> TrainedModel:
    """The purchase rung with that record."""
    facts = {"foretell": {"version": "0.1.0", "seed": 7}, "training": {"fingerprint": "f" * 64, "judged_at": [NEW]}}
    return TrainedModel(replace(bundle, card={**facts, **bundle.card}, record=record))


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of a fresh store; making its tables costs seconds, so all workers share one."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if base.name.startswith("popen-") else base
    # The lock of the store itself waits for the other worker, which holds it while it makes the tables.
    with opened_store(shared / "store") as client:
        client.search_experiments()
        return Path(shutil.copy(shared / "store" / DATABASE, base / DATABASE))


@pytest.fixture
def root(migrated: Path, tmp_path: Path) -> Path:
    """A models folder with a store of its own that needs no migration."""
    folder = tmp_path / "my models"
    folder.mkdir()
    shutil.copy(migrated, folder / DATABASE)
    return folder
