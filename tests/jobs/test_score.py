"""The scoring job: the same inputs give the same bytes; nothing personal is said; nothing half-written is left."""

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from foretell.config.settings import Settings
from foretell.errors import InputTooOld, ModelNotFound, OutputError, WindowError
from foretell.jobs.score import score
from foretell.storage.atomic import STAGE_PREFIX
from foretell.storage.hashing import sha256_file
from foretell.storage.lock import LOCK_NAME


@pytest.fixture
def folder(trained_shop: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained_shop, tmp_path / "shop"))


@pytest.fixture
def settings(folder: Path, trained_shop: Path, shop_settings: Settings) -> Settings:
    text = shop_settings.model_dump_json().replace(str(trained_shop), str(folder))
    return Settings.model_validate_json(text)


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): sha256_file(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "run.json"
    }


def test_a_second_run_changes_nothing_and_says_so(settings: Settings) -> None:
    first = score(settings, as_of="2025-08-01")
    assert first.changed
    assert first.folder is not None
    before = hashes(settings.folders.output)
    second = score(settings, as_of="2025-08-01")
    assert not second.changed
    assert any("Nothing changed" in line for line in second.lines())
    assert hashes(settings.folders.output) == before


def test_the_same_inputs_give_the_same_bytes_elsewhere(settings: Settings, tmp_path: Path) -> None:
    other = settings.model_copy(
        update={"folders": settings.folders.model_copy(update={"output": tmp_path / "elsewhere"})}
    )
    score(settings, as_of="2025-08-01")
    score(other, as_of="2025-08-01")
    assert hashes(settings.folders.output) == hashes(tmp_path / "elsewhere")


def test_another_as_of_makes_a_second_folder(settings: Settings) -> None:
    score(settings, as_of="2025-08-01")
    score(settings, as_of="2025-08-02")
    assert sorted(path.name for path in settings.folders.output.iterdir() if path.is_dir()) == [
        "2025-08-01",
        "2025-08-02",
    ]


def test_the_scores_are_the_models(settings: Settings) -> None:
    result = score(settings, as_of="2025-08-01")
    assert result.folder is not None
    scores = pl.read_parquet(result.folder / "scores.parquet")
    assert scores.height == result.customers
    manifest = json.loads((result.folder / "manifest.json").read_text())
    assert {file["name"] for file in manifest["files"]} >= {"scores.csv", "scores.parquet", "report.html", "README.txt"}
    assert result.account.rows_in == (
        result.account.used + result.account.at_or_after_as_of + result.account.quarantine.height
    )


def test_band_edges_are_taken_from_the_settings(settings: Settings) -> None:
    wide = settings.model_copy(
        update={"scoring": settings.scoring.model_copy(update={"churn_band_edges": (0.001, 0.002)})}
    )
    result = score(wide, as_of="2025-08-01")
    assert result.folder is not None
    assert pl.read_parquet(result.folder / "scores.parquet")["churn_band"].eq("high").mean() > 0.9


def test_identifiers_are_in_score_files_only(settings: Settings) -> None:
    result = score(settings, as_of="2025-08-01")
    assert result.folder is not None
    named = {path.name for path in result.folder.rglob("*.*") if b"private.example" in path.read_bytes()}
    segments = {path.name for path in (result.folder / "segments").iterdir()}
    assert named <= {"scores.csv", "scores.parquet", "segments_diff.csv", "segment_members.parquet"} | segments
    assert "private.example" not in "\n".join(result.lines()) + json.dumps(result.as_dict())
    models = b"".join(path.read_bytes() for path in settings.folders.models.rglob("*") if path.is_file())
    assert b"private.example" not in models


def test_a_dry_run_writes_nothing(settings: Settings) -> None:
    result = score(settings, as_of="2025-08-01", dry_run=True)
    assert result.customers > 500
    assert not settings.folders.output.exists()


def test_output_that_cannot_be_written_is_named_and_left_alone(settings: Settings) -> None:
    settings.folders.output.write_text("a file where the folder should be")
    with pytest.raises(OutputError, match="Remedy"):
        score(settings, as_of="2025-08-01")
    assert settings.folders.output.read_text() == "a file where the folder should be"


def test_input_that_is_too_old_is_refused_before_anything_is_written(settings: Settings) -> None:
    strict = settings.model_copy(update={"scoring": settings.scoring.model_copy(update={"max_input_age_days": 3})})
    with pytest.raises(InputTooOld, match=r"allows 3\. Nothing was published") as refused:
        score(strict, as_of="2026-01-20")
    assert refused.value.exit_code == 5
    assert not settings.folders.output.exists()
    assert score(strict, as_of="2025-08-01").changed


def test_no_champion_and_no_past_are_named(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(WindowError, match="seen the future"):
        score(settings, as_of="2025-06-30")
    empty = settings.model_copy(update={"folders": settings.folders.model_copy(update={"models": tmp_path / "none"})})
    with pytest.raises(ModelNotFound, match="train"):
        score(empty)


def test_what_a_killed_run_of_another_day_left_is_cleared_and_told(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    left = settings.folders.output / f"{STAGE_PREFIX}2025-07-31"
    left.mkdir(parents=True)
    (left / "scores.csv").write_text("half")
    (settings.folders.output / LOCK_NAME).write_text('{"process": 999999999, "host": "elsewhere"}')
    caplog.set_level("WARNING", logger="foretell")
    score(settings, as_of="2025-08-01")
    assert sorted(path.name for path in settings.folders.output.iterdir()) == ["2025-08-01", "latest.json"]
    assert "A run did not end: process 999999999 on elsewhere since " in caplog.text
