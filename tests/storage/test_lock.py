"""One writer at a time."""

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from foretell.errors import LockHeld, OutputError
from foretell.storage.lock import LOCK_NAME, folder_lock


def test_a_second_process_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom foretell.errors import LockHeld\n"
        "from foretell.storage.lock import folder_lock\n"
        "try:\n    with folder_lock(Path(sys.argv[1])): pass\n"
        "except LockHeld as held: sys.exit(str(held))\n"
    )
    with folder_lock(tmp_path):
        held = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False
        )
    free = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False)
    assert held.returncode == 1
    assert "is held by process" in held.stderr
    assert free.returncode == 0


def test_the_lock_is_let_go_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), folder_lock(tmp_path):
        raise RuntimeError
    with folder_lock(tmp_path):
        pass


def test_the_same_process_cannot_hold_it_twice(tmp_path: Path) -> None:
    with folder_lock(tmp_path), pytest.raises(LockHeld), folder_lock(tmp_path):
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="Remedy"), folder_lock(tmp_path / "file" / "folder"):
        pass


def test_the_lock_and_the_folder_made_for_it_are_gone_afterwards(tmp_path: Path) -> None:
    with folder_lock(tmp_path / "shop" / "out") as dead:
        assert dead is None
        assert (tmp_path / "shop" / "out" / LOCK_NAME).is_file()
    assert list(tmp_path.iterdir()) == []
    with folder_lock(tmp_path / "out"):
        (tmp_path / "out" / "result").touch()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["result"]


def test_a_holder_that_died_is_told_apart_from_one_that_works(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path\n"
        "from foretell.storage.lock import folder_lock\n"
        "with folder_lock(Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)])
    assert killed.wait(timeout=30) == -signal.SIGKILL
    # The clock may have been set back since: what the file says of time decides nothing.
    for seconds in (4_000_000_000, 0):
        os.utime(tmp_path / LOCK_NAME, (seconds, seconds))
        with folder_lock(tmp_path) as dead:
            assert dead is not None
            assert dead.process == killed.pid
            held = str(dead)
            (tmp_path / LOCK_NAME).write_text(f'{{"process": {killed.pid}, "host": "{dead.host}"}}')
            with (
                pytest.raises(LockHeld, match="That process has ended, but one that it started"),
                folder_lock(tmp_path),
            ):
                pass
        assert f"process {killed.pid} on {dead.host} since " in held
        (tmp_path / LOCK_NAME).write_text(f'{{"process": {killed.pid}, "host": "{dead.host}"}}')
    (tmp_path / LOCK_NAME).write_text("[")
    with folder_lock(tmp_path) as dead:
        assert dead is None


def test_a_lock_that_was_removed_meanwhile_is_taken_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, removed = fcntl.flock, []

    def flock(handle: int, how: int) -> None:
        if not removed:
            # The holder lets go between our opening of the file and our locking of it.
            removed.append((tmp_path / LOCK_NAME).unlink())
        real(handle, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    with folder_lock(tmp_path):
        assert (tmp_path / LOCK_NAME).is_file()
        with pytest.raises(LockHeld), folder_lock(tmp_path):
            pass
