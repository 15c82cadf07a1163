"""What was freed goes back to the system, where the C library can be asked for it."""

import resource
from pathlib import Path
from types import SimpleNamespace

import pytest

from foretell.storage import memory
from foretell.storage.memory import give_back

_STATUS = Path("/proc/self/statm")


def resident() -> int:
    return int(_STATUS.read_text(encoding="ascii").split()[1]) * resource.getpagesize()


@pytest.mark.skipif(memory._trim() is None or not _STATUS.exists(), reason="another C library, or no /proc")
def test_memory_between_what_is_still_there_is_given_back() -> None:
    # Small enough to lie on the heap one behind the other; the last holds its end up.
    blocks = [bytes(100_000) for _ in range(1_000)]
    last = blocks[-1]
    del blocks
    before = resident()
    give_back()
    assert before - resident() > 50_000_000
    assert len(last) == 100_000


@pytest.mark.parametrize("error", [OSError, TypeError, None])
def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch, error: type[Exception] | None) -> None:
    def library(_name: None) -> object:
        if error is not None:
            raise error
        return SimpleNamespace()

    monkeypatch.setattr("ctypes.CDLL", library)
    monkeypatch.setattr(memory, "_trim", memory._trim.__wrapped__)
    assert memory._trim() is None
    give_back()
