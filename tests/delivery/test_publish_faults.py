"""Faults while publishing: a kill, a full disk or a locked folder leaves the old result or the new one."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from foretell.delivery.publish import publish
from foretell.delivery.ready_segments import ready_segments
from foretell.errors import OutputError
from foretell.storage import atomic

DATA_FILES = {
    "scores.parquet",
    "scores.csv",
    "data_dictionary.csv",
    "quarantine.csv",
    "report.html",
    "README.txt",
    "segments.csv",
    "segments_diff.csv",
    "segments_power.csv",
    "segment_members.parquet",
    "segments/test_sample_holdout.csv",
    *(f"segments/{segment.name}.csv" for segment in ready_segments() if not segment.needs and not segment.off),
}


class Killed(BaseException):
    """Stands for the end of the process: nothing may catch it and carry on."""


def state(output: Path, content_of) -> dict[str, bytes]:
    atomic.recover(output / "2026-11-01")
    folder = output / "2026-11-01"
    return content_of(folder) if folder.exists() else {}


def fail_at(monkeypatch, nth, error):
    """Raise at the nth step that a run takes on disk; a killed run takes none after it, not even to clean up."""
    left = {"calls": nth}

    def watch(module, name, *, counted):
        real = getattr(module, name)

        def call(*args, **kwargs):
            left["calls"] -= counted
            if left["calls"] == 0 and counted:
                raise error
            if left["calls"] <= 0 and isinstance(error, Killed):
                raise error
            return real(*args, **kwargs)

        monkeypatch.setattr(module, name, call)

    for name in ("rename", "replace", "fsync", "mkdir"):
        watch(os, name, counted=True)
    watch(os, "unlink", counted=False)
    watch(shutil, "rmtree", counted=False)
    return left


@pytest.mark.parametrize("error", [Killed(), OSError(28, "No space left on device")], ids=["kill", "full disk"])
@pytest.mark.parametrize(
    "standing",
    [
        pytest.param("swapped in one step", id="old folder"),
        pytest.param("renamed twice", id="old folder, other file system"),
        pytest.param("", id="no folder", marks=pytest.mark.slow),
    ],
)
@pytest.mark.usefixtures("quick")
def test_a_failure_at_any_step_leaves_the_old_or_the_new(make_run, tmp_path, monkeypatch, standing, error, content_of):
    if standing == "renamed twice":
        monkeypatch.setattr(atomic, "_exchange", lambda *_: False)
    new_run = make_run(customers=6)
    new = content_of(publish(new_run, tmp_path / "new", segments=[]).path)
    publish(make_run(customers=4), tmp_path / "old", segments=[])
    nth, survived = 0, set()
    while True:
        nth += 1
        output = tmp_path / f"out{nth}"
        if standing:
            shutil.copytree(tmp_path / "old", output)
        else:
            output.mkdir()
        old = content_of(output / "2026-11-01")
        with monkeypatch.context() as patch:
            left = fail_at(patch, nth, error)
            try:
                publish(new_run, output, segments=[])
            except (Killed, OutputError):
                pass
            else:
                if left["calls"] > 0:
                    break  # a run takes fewer steps than this
        if standing == "swapped in one step" or isinstance(error, OSError):
            assert content_of(output / "2026-11-01") in (old, new)  # for a reader, at any instant
        shutil.copytree(output, tmp_path / f"look{nth}")
        found = state(tmp_path / f"look{nth}", content_of)
        assert found in (old, new)
        survived.add(found == new)
        pointer = output / "latest.json"
        assert not pointer.exists() or json.loads(pointer.read_bytes())["folder"] == "2026-11-01"
        publish(new_run, output, segments=[])
        assert content_of(output / "2026-11-01") == new
        assert {path.name for path in output.iterdir()} == {"2026-11-01", "latest.json"}
    assert nth > 10
    assert survived == {True, False}


@pytest.mark.parametrize("file", sorted(DATA_FILES))
@pytest.mark.usefixtures("quick")
def test_a_failure_while_any_file_is_written_leaves_the_old(make_run, tmp_path, monkeypatch, file, content_of):
    old = content_of(publish(make_run(customers=4), tmp_path).path)
    real = Path.stat

    def stat(path, **kwargs):
        if path.as_posix().endswith(file) and "stage" in path.as_posix():
            raise OSError(28, "No space left on device")
        return real(path, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "stat", stat)
        with pytest.raises(OutputError, match="Remedy"):
            publish(make_run(customers=6), tmp_path)
    assert content_of(tmp_path / "2026-11-01") == old
    assert {path.name for path in tmp_path.iterdir()} == {"2026-11-01", "latest.json"}


@pytest.mark.usefixtures("quick")
def test_an_output_that_cannot_be_written_is_told_with_its_remedy(make_run, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(OutputError, match="Remedy") as caught:
        publish(make_run(customers=4), blocked / "exports")
    assert caught.value.exit_code == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@contextmanager
def as_ordinary_user() -> Iterator[None]:
    """The administrator may write everywhere: be nobody for a while."""
    administrator = os.geteuid() == 0
    if administrator:
        os.seteuid(65534)
    try:
        yield
    finally:
        if administrator:
            os.seteuid(0)


@pytest.mark.usefixtures("quick")
def test_a_read_only_output_is_told_and_untouched(make_run, content_of):
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        output = Path(name) / "exports"
        before = content_of(publish(make_run(customers=4), output).path)
        output.chmod(0o555)
        with as_ordinary_user(), pytest.raises(OutputError, match="Remedy"):
            publish(make_run(customers=6), output)
        output.chmod(0o755)
        assert content_of(output / "2026-11-01") == before
        assert {path.name for path in output.iterdir()} == {"2026-11-01", "latest.json"}
