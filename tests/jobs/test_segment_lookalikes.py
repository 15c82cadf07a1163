"""Segments read the newest lookalike run of the shop: which one, how old it may be, and that it is an input."""

import json
import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from foretell.config.settings import Settings
from foretell.delivery.availability import NO_LOOKALIKE
from foretell.delivery.lookalike_publish import publish_lookalikes
from foretell.delivery.lookalike_run import FOLDER, LookalikeRun
from foretell.engines import sizes
from foretell.jobs.lookalike import lookalike
from foretell.jobs.score import score
from foretell.jobs.segment_check import lint_segments
from foretell.jobs.segment_preview import preview_segment
from foretell.jobs.segments import list_segments

AS_OF = "2025-09-01"
OWN = """
[[segments]]
name = "nearly_alike"
title = "Nearly alike"
where = "lookalike_score BETWEEN 0.5 AND 0.9 AND lookalike_band_percent IS NULL"
action = "Write."
owner = "Anna"
"""
pytestmark = pytest.mark.filterwarnings("ignore::foretell.errors.ForetellWarning")


@pytest.fixture(scope="module")
def seeds(orders: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    often = orders.filter(pl.col("when") < pl.datetime(2025, 7, 1)).group_by("who").len()
    path: Path = tmp_path_factory.mktemp("seeds") / "seeds.csv"
    often.sort(["len", "who"], descending=[True, False]).select(customer_id="who").head(40).write_csv(path)
    return path


@pytest.fixture(scope="module")
def ranked(shop_settings: Settings, seeds: Path) -> LookalikeRun:
    values = shop_settings.model_dump(exclude_unset=True) | {"lookalike": {"seeds": seeds}}
    return lookalike(Settings.model_validate(values), as_of="2025-08-01", dry_run=True).run


@pytest.fixture
def make(shop_settings: Settings, seeds: Path, tmp_path: Path):
    (tmp_path / "segments").mkdir()
    (tmp_path / "segments" / "own.toml").write_text(OWN, encoding="utf-8")

    def settings(output: str = "out", **scoring: object) -> Settings:
        values = shop_settings.model_dump(exclude_unset=True)
        values["folders"]["output"] = tmp_path / output
        values["segments"] = {"folder": tmp_path / "segments", "ready": ("vip", "lookalike_top")}
        values["lookalike"] = {"seeds": seeds}
        values["scoring"] = scoring
        return Settings.model_validate(values)

    return settings


def listed(settings: Settings, name: str = "lookalike_top") -> dict[str, object]:
    return next(row for row in list_segments(settings).rows if row["name"] == name)


def in_file(folder: Path, name: str = "lookalike_top") -> set[str]:
    return set(pl.read_csv(folder / "segments" / f"{name}.csv")["customer_id"])


def test_a_new_lookalike_turns_its_segments_on_and_publishes_anew(make, seeds: Path, ranked: LookalikeRun) -> None:
    settings = make()
    first = score(settings, as_of=AS_OF)
    assert listed(settings)["off"] == NO_LOOKALIKE
    assert "lookalike_top" in (first.folder / "README.txt").read_text(encoding="utf-8")
    assert not score(settings, as_of=AS_OF).changed

    ranking = lookalike(settings, as_of=AS_OF).run.ranking
    top = set(ranking.filter(pl.col("lookalike_percentile") > 90)["customer_id"])
    scored = set(pl.read_parquet(first.folder / "scores.parquet")["customer_id"])
    assert top <= scored
    # before anything is published anew: the last scores as the segments of today see them
    assert listed(settings)["customers"] == len(top)
    assert preview_segment(settings, "lookalike_top").as_dict()["customers"] == len(top)
    assert [one for one in lint_segments(settings).findings if one.level == "error"] == []

    again = score(settings, as_of=AS_OF)
    assert again.changed
    assert in_file(again.folder) == top
    nearly = pl.col("lookalike_score").is_between(0.5, 0.9) & pl.col("lookalike_band_percent").is_null()
    assert in_file(again.folder, "nearly_alike") == set(ranking.filter(nearly)["customer_id"])
    members = pl.read_parquet(again.folder / "segment_members.parquet")
    theirs = members.filter(pl.col("customer_id").is_in(pl.read_csv(seeds)["customer_id"].implode()))
    assert theirs.height > 0
    assert theirs["lookalike_score"].null_count() == theirs.height
    assert not score(settings, as_of=AS_OF).changed

    # what was published of the ranking before does not outlive it
    publish(ranked, settings, AS_OF, ranking=ranked.ranking.head(10))
    assert listed(settings)["customers"] == 10
    shutil.rmtree(settings.folders.output / FOLDER)
    assert listed(settings)["off"] == NO_LOOKALIKE


def publish(ranked: LookalikeRun, settings: Settings, day: str, **changed: object) -> None:
    publish_lookalikes(replace(ranked, as_of=datetime.fromisoformat(day), **changed), settings.folders.output)


def test_a_lookalike_of_a_later_day_or_of_another_shop_is_not_read(make, ranked: LookalikeRun) -> None:
    settings = make()
    score(settings, as_of=AS_OF)
    publish(ranked, settings, "2025-09-02")
    publish(ranked, settings, "2025-08-31", shop="Another")
    assert listed(settings)["off"] == NO_LOOKALIKE
    publish(ranked, settings, "2025-08-30")
    assert listed(settings)["off"] == ""


def test_a_lookalike_is_read_for_a_month(make, ranked: LookalikeRun) -> None:
    settings = make()
    score(settings, as_of=AS_OF)
    publish(ranked, settings, "2025-07-31")
    assert listed(settings)["off"] == (
        "The newest ranking by likeness is as of 2025-07-31, 32 days before the scores, and no more than 31 are read: "
        "run foretell lookalike again."
    )
    publish(ranked, settings, "2025-08-01")
    assert listed(settings)["off"] == ""


def test_a_changed_file_and_a_pool_of_strangers_are_passed_over(make, ranked: LookalikeRun) -> None:
    settings = make()
    score(settings, as_of=AS_OF)
    publish(ranked, settings, "2025-08-30")
    known = listed(settings)["customers"]
    strangers = ranked.ranking.with_columns(customer_id=pl.lit("stranger of ") + pl.col("customer_id"))
    publish(ranked, settings, "2025-08-31", ranking=strangers)
    assert listed(settings)["customers"] == known
    file = settings.folders.output / FOLDER / "2025-08-30" / "lookalikes.parquet"
    pl.read_parquet(file).with_columns(lookalike_percentile=pl.lit(100, pl.Int64)).write_parquet(file)
    assert listed(settings)["off"] == NO_LOOKALIKE


def test_both_engines_publish_the_same_bytes(make, ranked: LookalikeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "_SCORED_PER_ROW", 10_000.0)
    found = []
    for engine in ("frame", "buckets"):
        settings = make(engine, engine=engine, memory="450MB")
        publish(ranked, settings, "2025-08-30")
        folder = score(settings, as_of=AS_OF).folder
        files = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
        files["run.json"] = json.dumps(json.loads(files["run.json"]) | {"circumstances": None}).encode()
        found.append(files)
    assert len(found[0]["segments/lookalike_top.csv"].splitlines()) > 10
    assert found[0] == found[1]
