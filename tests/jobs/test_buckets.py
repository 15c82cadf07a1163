"""Jobs that score in buckets publish, byte for byte, what jobs in one piece publish, and leave no work behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from foretell.config.settings import Settings
from foretell.engines import buckets as engine
from foretell.engines import sizes
from foretell.jobs import score as job
from foretell.jobs import segment_inputs
from foretell.jobs.run_log import RunLog
from foretell.jobs.score_engine import WORK_FOLDER, opened_shop
from foretell.tables import read_buckets, sources
from foretell.tables.bucketed import BucketedData

AS_OF = "2025-08-01"


def changed(settings: Settings, output: Path, **scoring: object) -> Settings:
    values = settings.model_dump(exclude_unset=True)
    values["scoring"] = {**values.get("scoring", {}), **scoring}
    values["folders"]["output"] = output
    return Settings.model_validate(values)


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def test_both_engines_publish_the_same_bytes_night_after_night(
    shop_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    described: list[int] = []
    compute = segment_inputs.compute
    monkeypatch.setattr(segment_inputs, "compute", lambda *a, **k: described.append(1) or compute(*a, **k))
    monkeypatch.setattr(sizes, "_SCORED_PER_ROW", 10_000.0)
    nights = ("2025-07-20", AS_OF)
    results = {
        name: [
            job.score(changed(shop_settings, tmp_path / name, engine=name, memory="450MB"), as_of=day) for day in nights
        ]
        for name in ("frame", "buckets")
    }
    for whole, split in zip(results["frame"], results["buckets"], strict=True):
        one, other = files(whole.folder), files(split.folder)
        for ours in (one, other):
            ours["run.json"] = json.dumps(json.loads(ours["run.json"]) | {"circumstances": None}).encode()
        assert other == one
        assert split.account.words() == whole.account.words()
        assert split.head.equals(whole.head)
        assert split.outcomes == whole.outcomes
    # Some rule names a feature: of each bucket apart.
    assert len(described) > 2 * len(nights)
    assert not (tmp_path / "buckets" / WORK_FOLDER).exists()


def test_tables_beside_the_orders_go_through_buckets(
    shop_settings: Settings, orders: pl.DataFrame, tmp_path: Path
) -> None:
    who = orders["who"].unique().sort().head(300)
    events = {"who": who, "at": ["2025-06-01", "2025-07-02 08:00"] * 150, "what": ["view", "cart", "cart"] * 100}
    pl.DataFrame(events).write_csv(tmp_path / "events.csv")
    values = shop_settings.model_dump(exclude_unset=True)
    keys = {"customer_id": "who", "occurred_at": "at", "event": "what"}
    values["data"]["events"] = {"path": str(tmp_path / "events.csv"), **keys}
    settings = Settings.model_validate(values)
    found = [
        files(job.score(changed(settings, tmp_path / name, engine=name, memory="401MB"), as_of=AS_OF).folder)
        for name in ("frame", "buckets")
    ]
    one, other = ({name: content for name, content in every.items() if name != "run.json"} for every in found)
    assert other == one


def test_a_database_is_asked_once_whatever_the_engine(
    shop_settings: Settings, orders: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import duckdb

    given = orders.to_arrow()
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as connection:
        connection.register("given", given)
        connection.execute("CREATE TABLE orders AS SELECT * FROM given")
    values = shop_settings.model_dump(exclude_unset=True)
    values["data"]["orders"] |= {"path": f"duckdb:///{tmp_path / 'shop.duckdb'}", "table": "orders"}
    settings, asked = Settings.model_validate(values), []
    read_database = sources.read_database
    monkeypatch.setattr(sources, "read_database", lambda *a, **k: asked.append(1) or read_database(*a, **k))
    found = [
        job.score(changed(settings, tmp_path / name, engine=name, memory="450MB"), as_of=AS_OF)
        for name in ("frame", "auto", "buckets")
    ]
    assert len(asked) == len(found)
    one, *others = ((result.folder / "scores.csv").read_bytes() for result in found)
    assert others == [one, one]


KILLED = """
import os, sys
from pathlib import Path
from foretell.config.settings import Settings
from foretell.engines import buckets as engine
from foretell.engines import sizes
from foretell.jobs import score as job
sizes._SCORED_PER_ROW = float(sys.argv[3])
rest, score_bucket = [1, 2], engine.score_bucket
def dies(*given, **options):
    if not rest:
        os._exit(9)
    rest.pop()
    return score_bucket(*given, **options)
engine.score_bucket = dies
job.score(Settings.model_validate_json(Path(sys.argv[1]).read_text()), as_of=sys.argv[2])
"""


@pytest.mark.slow
def test_a_killed_run_is_taken_up_by_the_next_with_other_threads(
    shop_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = changed(shop_settings, tmp_path / "out", engine="buckets", memory="401MB")
    (tmp_path / "settings.json").write_text(settings.model_dump_json())
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "settings.json"), AS_OF, "40000"],
        env={**os.environ, "POLARS_MAX_THREADS": "1"}, check=False,
    )  # fmt: skip
    assert killed.returncode == 9
    assert len(list((tmp_path / "out" / WORK_FOLDER).glob("rows/scores/scored/*.parquet"))) == 2
    counted, read = [], []
    monkeypatch.setattr(sizes, "_SCORED_PER_ROW", 40_000.0)
    score_bucket = engine.score_bucket
    monkeypatch.setattr(engine, "score_bucket", lambda *a, **k: counted.append(1) or score_bucket(*a, **k))
    monkeypatch.setattr(read_buckets, "parse_columns", lambda *_: read.append(1))
    result = job.score(settings, as_of=AS_OF)
    assert (len(counted) > 1, read) == (True, [])
    whole = job.score(changed(shop_settings, tmp_path / "whole", engine="frame"), as_of=AS_OF)
    one, other = files(whole.folder), files(result.folder)
    assert {name: one[name] for name in one if name != "run.json"} == {
        name: other[name] for name in other if name != "run.json"
    }
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [AS_OF, "latest.json"]


def test_work_of_other_data_is_removed_by_a_run_in_one_piece(shop_settings: Settings, tmp_path: Path) -> None:
    left = tmp_path / WORK_FOLDER / "rows"
    left.mkdir(parents=True)
    job.score(changed(shop_settings, tmp_path, engine="frame"), as_of=AS_OF)
    assert not left.exists()


@pytest.mark.parametrize(
    ("chosen", "most", "in_buckets"),
    [("auto", 10**6, False), ("auto", 10, True), ("buckets", 10**6, True), ("frame", 10, False)],
)
def test_auto_takes_buckets_for_many_rows(
    shop_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: str, most: int, in_buckets: bool
) -> None:
    monkeypatch.setattr(sizes, "FRAME_ROWS", most)
    settings = changed(shop_settings, tmp_path, engine=chosen)
    with opened_shop(settings, RunLog(), dry_run=True) as shop:
        assert isinstance(shop, BucketedData) is in_buckets
    assert list(tmp_path.iterdir()) == []


def test_a_small_memory_makes_many_small_buckets() -> None:
    small, large = (sizes.sizes_for(memory, rows=50_000_000, columns=4) for memory in (10**9, 8 * 10**9))
    assert small.buckets > large.buckets > 1
    assert small.rows_at_once < large.rows_at_once
    assert not sizes.sizes_for(10**9, rows=1_000_000, columns=4).fits_in_memory
    assert sizes.sizes_for(8 * 10**9, rows=1_000_000, columns=4).fits_in_memory


def test_who_is_to_be_forgotten_reaches_no_bucket_and_the_bytes_are_those_of_one_piece(
    shop_settings: Settings, orders: pl.DataFrame, tmp_path: Path
) -> None:
    who = orders["who"].unique().sort().head(300)
    events = {"who": who, "at": ["2025-06-01", "2025-07-02 08:00"] * 150, "what": ["view", "cart", "cart"] * 100}
    pl.DataFrame(events).write_csv(tmp_path / "events.csv")
    newest = orders.sort("when")["who"].last()
    (tmp_path / "forget.csv").write_text("customer_id\n" + "\n".join([*who.head(40), newest]), encoding="utf-8")
    values = shop_settings.model_dump(exclude_unset=True)
    keys = {"customer_id": "who", "occurred_at": "at", "event": "what"}
    values["data"]["events"] = {"path": str(tmp_path / "events.csv"), **keys}
    known = Settings.model_validate(values)
    settings = Settings.model_validate(values | {"privacy": {"forget": tmp_path / "forget.csv"}})
    results = [
        job.score(changed(one, tmp_path / name, engine=engine, memory="401MB"), as_of=AS_OF)
        for one, name, engine in (
            (known, "known", "buckets"),
            (settings, "frame", "frame"),
            (settings, "buckets", "buckets"),
        )
    ]
    before, one, other = (
        {name: content for name, content in files(found.folder).items() if name != "run.json"} for found in results
    )
    assert other == one
    assert before["scores.csv"] != one["scores.csv"]
    assert results[2].account.words() == results[1].account.words()
    assert results[2].notes == results[1].notes
    with opened_shop(changed(settings, tmp_path / "out", engine="buckets"), RunLog(), dry_run=True) as shop:
        assert isinstance(shop, BucketedData)
        held = {name for path in shop.folder.rglob("*.parquet") for name in ids_in(path)}
    assert len(held) > 200
    assert not held & {*who.head(40), newest}


def ids_in(path: Path) -> list[str]:
    frame = pl.read_parquet(path)
    return frame["customer_id"].to_list() if "customer_id" in frame.columns else []
