"""Modules are imported beside other work, whole, and what cannot be imported fails where it is needed."""

import sys
import threading

import polars as pl
import pytest

from foretell.storage.ahead import imported_meanwhile


@pytest.fixture
def modules(monkeypatch, tmp_path):
    """Two modules, of which the second cannot be imported; both are forgotten afterwards."""
    (tmp_path / "some_library.py").write_text("import threading\nBY = threading.current_thread().name\n")
    (tmp_path / "some_broken_library.py").write_text("raise OSError('no such file of mine')\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "some_broken_library", "some_library"
    sys.modules.pop("some_library", None)


def test_modules_are_there_when_the_block_ends(monkeypatch, modules):
    monkeypatch.setattr(pl, "thread_pool_size", lambda: 2)
    with imported_meanwhile(*modules):
        pass
    assert sys.modules["some_library"].BY == "imported_meanwhile"
    assert "some_broken_library" not in sys.modules
    with pytest.raises(OSError, match="no such file of mine"):
        __import__("some_broken_library")


def test_the_block_is_run_meanwhile_and_its_error_is_heard_after_the_import(monkeypatch, modules):
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
