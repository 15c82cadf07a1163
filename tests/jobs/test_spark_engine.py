"""Jobs whose buckets Spark scores publish, byte for byte, what jobs in one piece publish."""

import json
from pathlib import Path

import polars as pl
import pytest

from foretell.config.settings import Settings
from foretell.engines import buckets
from foretell.engines.spark import shared_folder
from foretell.jobs import score as job

pytestmark = pytest.mark.spark

AS_OF = "2025-08-01"


def published(settings: Settings, output: Path, **scoring: object) -> dict[str, bytes]:
    values = settings.model_dump(exclude_unset=True)
    values["scoring"] = {**values.get("scoring", {}), **scoring}
    values["folders"]["output"] = output
    folder = job.score(Settings.model_validate(values), as_of=AS_OF).folder
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }
    files["run.json"] = json.dumps(json.loads(files["run.json"]) | {"circumstances": None}).encode()
    return files


@pytest.mark.usefixtures("spark")
def test_spark_publishes_the_same_bytes_and_reads_the_tables_beside_orders(
    shop_settings: Settings, orders: pl.DataFrame, tmp_path: Path, monkeypatch
) -> None:
    who = orders["who"].unique().sort().head(300)
    events = {"who": who, "at": ["2025-06-01", "2025-07-02 08:00"] * 150, "what": ["view", "cart", "cart"] * 100}
    pl.DataFrame(events).write_csv(tmp_path / "events.csv")
    pl.DataFrame({"event": ["sale"], "starts_on": ["2025-06-01"]}).write_csv(tmp_path / "calendar.csv")
    values = shop_settings.model_dump(exclude_unset=True)
    keys = {"customer_id": "who", "occurred_at": "at", "event": "what"}
    values["data"]["events"] = {"path": str(tmp_path / "events.csv"), **keys}
    values["data"]["calendar"] = {"path": str(tmp_path / "calendar.csv")}
    settings = Settings.model_validate(values)
    counted: list[int] = []
    mine = shared_folder.score_part
    monkeypatch.setattr(buckets, "score_part", lambda *a, **k: counted.append(1) or mine(*a, **k))
    on_spark = published(settings, tmp_path / "spark", engine="spark")
    assert not counted, "the driver scored"
    assert on_spark == published(settings, tmp_path / "frame", engine="frame")
    assert sorted(path.name for path in (tmp_path / "spark").iterdir()) == sorted(
        path.name for path in (tmp_path / "frame").iterdir()
    )
