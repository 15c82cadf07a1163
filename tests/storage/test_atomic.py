"""Files and folders are old or new, never a part."""

import os
from pathlib import Path

import pytest

from foretell.errors import OutputError
from foretell.storage import atomic
from foretell.storage.atomic import RETIRED_PREFIX, STAGE_PREFIX, sweep


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_file_is_written_whole_and_leaves_nothing_beside(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "file.json"
    atomic.write_bytes(target, b"one")
    atomic.write_bytes(target, b"two")
    assert target.read_bytes() == b"two"
    assert names(target.parent) == {"file.json"}


def test_a_file_keeps_its_old_content_when_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "file.json"
    atomic.write_bytes(target, b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        atomic.write_bytes(target, b"new")
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == {"file.json"}


@pytest.mark.parametrize("can_exchange", [True, False])
def test_a_folder_replaces_the_old_one_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, can_exchange: bool
) -> None:
    if not can_exchange:
        monkeypatch.setattr(atomic, "_exchange", lambda *_: False)
    target = tmp_path / "run"
    for content in ("old", "new"):
        with atomic.staged_folder(target) as stage:
            (stage / f"{content}.txt").write_text(content)
    assert names(target) == {"new.txt"}
    assert names(tmp_path) == {"run"}


def test_a_failed_folder_leaves_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "run"
    with atomic.staged_folder(target) as stage:
        (stage / "old.txt").write_text("old")

    def fill_and_fail() -> None:
        with atomic.staged_folder(target) as stage:
            (stage / "new.txt").write_text("new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fill_and_fail()
    assert names(target) == {"old.txt"}
    assert names(tmp_path) == {"run"}


def test_a_kill_between_the_two_renames_is_mended(tmp_path: Path) -> None:
    target = tmp_path / "run"
    retired = tmp_path / f"{atomic.RETIRED_PREFIX}run"
    stage = tmp_path / f"{atomic.STAGE_PREFIX}run"
    retired.mkdir()
    (retired / "old.txt").write_text("old")
    stage.mkdir()
    atomic.recover(target)
    assert names(target) == {"old.txt"}
    assert names(tmp_path) == {"run"}


def test_a_second_rename_that_fails_puts_the_old_folder_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "run"
    with atomic.staged_folder(target) as stage:
        (stage / "old.txt").write_text("old")
    monkeypatch.setattr(atomic, "_exchange", lambda *_: False)
    rename = Path.rename

    def refuse_stage(self: Path, goal: Path) -> Path:
        if self.name.startswith(atomic.STAGE_PREFIX):
            raise PermissionError(13, "Permission denied")
        return rename(self, goal)

    monkeypatch.setattr(Path, "rename", refuse_stage)
    with pytest.raises(OutputError, match="Permission denied"), atomic.staged_folder(target) as stage:
        (stage / "new.txt").write_text("new")
    assert names(target) == {"old.txt"}
    assert names(tmp_path) == {"run"}


def test_a_sweep_mends_what_killed_runs_of_any_day_left(tmp_path: Path) -> None:
    (tmp_path / f"{STAGE_PREFIX}2026-01-01").mkdir()
    (tmp_path / f"{STAGE_PREFIX}2026-01-01" / "half").write_text("half")
    (tmp_path / f"{STAGE_PREFIX}latest.json").write_text("half")
    (tmp_path / f"{RETIRED_PREFIX}2026-01-02").mkdir()
    (tmp_path / f"{RETIRED_PREFIX}2026-01-02" / "old").write_text("old")
    (tmp_path / f"{STAGE_PREFIX}2026-01-02").mkdir()
    (tmp_path / "2026-01-03").mkdir()
    assert sweep(tmp_path) == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2026-01-02", "2026-01-03"]
    assert (tmp_path / "2026-01-02" / "old").read_text() == "old"
    assert sweep(tmp_path) == sweep(tmp_path / "none") == 0
