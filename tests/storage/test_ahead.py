"""Modules are imported beside other work, whole, and what cannot be imported fails where it is needed."""

import sys
import threading
from types import SimpleNamespace

import polars as pl
import pytest

from foretell.storage.ahead import imported_meanwhile


@pytest.fixture
def modules(monkeypatch, tmp_path):
    """Two modules, of which the second cannot be imported; both are forgotten afterwards."""
    (tmp_path / "some_library.py").write_text("import threading\nBY = threading.current_thread().name\n")
    (tmp_path / "some_waiting_library.py").write_text(
        "import some_signals\nsome_signals.begun.set()\nMET = some_signals.go_on.wait(timeout=20)\n"
    )
    (tmp_path / "some_broken_library.py").write_text("raise OSError('no such file of mine')\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "some_broken_library", "some_library"
    for name in ("some_library", "some_waiting_library"):
        sys.modules.pop(name, None)


def test_modules_are_there_when_the_block_ends(monkeypatch, modules):
    monkeypatch.setattr(pl, "thread_pool_size", lambda: 2)
    with imported_meanwhile(*modules):
        pass
    assert sys.modules["some_library"].BY == "imported_meanwhile"
    assert "some_broken_library" not in sys.modules
    with pytest.raises(OSError, match="no such file of mine"):
        __import__("some_broken_library")


@pytest.mark.usefixtures("modules")
def test_the_block_is_run_while_modules_are_imported(monkeypatch):
    monkeypatch.setattr(pl, "thread_pool_size", lambda: 2)
    signals = SimpleNamespace(begun=threading.Event(), go_on=threading.Event())
    monkeypatch.setitem(sys.modules, "some_signals", signals)
    with imported_meanwhile("some_waiting_library"):
        assert signals.begun.wait(timeout=20)
        signals.go_on.set()
    assert sys.modules["some_waiting_library"].MET


def test_the_error_of_the_block_is_heard_after_the_import(monkeypatch, modules):
    monkeypatch.setattr(pl, "thread_pool_size", lambda: 2)
    with pytest.raises(ZeroDivisionError), imported_meanwhile(*modules):
        _ = 1 / 0
    assert "some_library" in sys.modules
    assert not any(thread.name == "imported_meanwhile" for thread in threading.enumerate())


def test_one_thread_imports_nothing_ahead(monkeypatch, modules):
    monkeypatch.setattr(pl, "thread_pool_size", lambda: 1)
    with imported_meanwhile(*modules):
        pass
    assert "some_library" not in sys.modules


def test_what_is_there_already_begins_no_thread(monkeypatch):
    monkeypatch.setattr(pl, "thread_pool_size", lambda: 2)
    with imported_meanwhile("json", "sys"):
        assert not any(thread.name == "imported_meanwhile" for thread in threading.enumerate())
