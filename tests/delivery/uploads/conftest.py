"""Invented people, one of every kind that a rule exists for, and an audience of them."""

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from foretell.delivery.uploads.template import UploadOptions
from foretell.delivery.uploads.write import Uploads, write_uploads

GOLDEN = Path(__file__).parent / "golden"
OPTIONS = UploadOptions(
    currency="EUR", time_zone="Europe/Amsterdam", adjusted_at=datetime(2026, 11, 1), value_cap=500.0
)


@pytest.fixture(scope="session")
def people() -> pl.DataFrame:
    return pl.read_csv(GOLDEN / "people.csv", infer_schema=False)


@pytest.fixture(scope="session")
def audience() -> pl.DataFrame:
    members = [f"c{i:02d}" for i in (*range(1, 11), 12, 13, 14, 15, 99)]
    values = [100.0, 20.5, 3.333, 0.0, 5.0, 6.0, 7.0, 900.0, 9.0, 10.0, 12.0, 13.0, 14.0, -1.0, 99.0]
    return pl.DataFrame(
        {
            "customer_id": members,
            "value": values,
            "predicted_clv_365d": values,
            "churn_risk_90d": [i / 20 for i in range(len(members))],
            "churn_band": ["low", "medium", "high"] * 5,
            "expected_next_order_date": [date(2026, 11, 5)] * len(members),
            "overdue": [i % 2 == 0 for i in range(len(members))],
            "reason_1": ["ordered by jane@example.com"] * len(members),
        }
    )


@pytest.fixture(scope="session")
def options() -> UploadOptions:
    return OPTIONS


@pytest.fixture
def write(people, audience, options, tmp_path) -> Callable[..., tuple[Uploads, Path]]:
    """Write upload files of the invented people; give what was said of them and their folder."""

    def writing(*platforms: str, **changes) -> tuple[Uploads, Path]:
        given = {
            "audiences": {"vip": audience},
            "contacts": people,
            "platforms": platforms,
            "folder": tmp_path / "upload",
            "suppression": pl.DataFrame({"email": ["Suppressed@example.com "]}),
            "previous": pl.DataFrame(
                [(platform, "vip", "added", name) for platform in platforms for name in ("c01", "c10", "c11", "c12")],
                schema=["platform", "audience", "state", "customer_id"],
                orient="row",
            ),
            "forget": ["c10"],
            "options": options,
        } | changes
        return write_uploads(**given), given["folder"]

    return writing
