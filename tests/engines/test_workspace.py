"""Unfinished work is gone on every way out, and only the same work takes up what a killed process left."""

from pathlib import Path

import pytest

from foretell.engines.workspace import is_left_over, stage, workspace
from foretell.errors import LockHeld, OutputError


def test_it_is_gone_in_the_end_and_after_an_interruption(tmp_path: Path):
    with workspace(tmp_path / "work") as folder:
        (folder / "some").touch()
    assert not folder.exists()
    with pytest.raises(KeyboardInterrupt), workspace(tmp_path / "work"):
        raise KeyboardInterrupt
    assert not folder.exists()


def test_two_cannot_work_there_at_once(tmp_path: Path):
    with workspace(tmp_path / "work"), pytest.raises(LockHeld), workspace(tmp_path / "work"):
        pass


def test_a_full_disk_is_said_in_words(tmp_path: Path):
    with (
        pytest.raises(OutputError, match=r"No space left.*Nothing was published.*free some room"),
        workspace(tmp_path / "w"),
    ):
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize(("first", "second", "kept"), [("a", "a", True), ("a", "b", False), (None, None, False)])
def test_only_the_same_work_is_taken_up(tmp_path: Path, first: str | None, second: str | None, kept: bool):
    (stage(tmp_path / "rows", first) / "part").touch()
    assert (stage(tmp_path / "rows", second) / "part").exists() is kept


def test_what_is_left_over_is_seen(tmp_path: Path):
    assert not is_left_over(tmp_path / "nothing")
    with workspace(tmp_path / "work") as folder:
        assert not is_left_over(folder)
        stage(folder / "rows", "a")
        assert is_left_over(folder)
