"""One writer at a time."""

import subprocess
import sys
from pathlib import Path

import pytest

from foretell.errors import LockHeld, OutputError
from foretell.storage.lock import folder_lock


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
