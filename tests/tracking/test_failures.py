"""Tracking that fails says so in one warning, and nothing else of a job notices."""

import os
import sys

import pytest

from foretell.errors import ForetellWarning
from foretell.storage.lock import folder_lock
from foretell.tracking import store
from foretell.tracking.mlflow_tracker import MlflowTracker


def test_an_unwritable_folder_is_a_warning(model, tmp_path):
    (tmp_path / "models").write_text("a file where the folder should be", encoding="utf-8")
    with pytest.warns(ForetellWarning, match="not written down in MLflow: Cannot write") as caught:
        assert MlflowTracker(tmp_path / "models").log_training(model) is None
    assert len(caught) == 1


def test_a_missing_mlflow_is_a_warning(model, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.warns(ForetellWarning, match=r"mlflow cannot be imported .* Remedy: foretell doctor"):
        assert MlflowTracker(tmp_path).log_training(model) is None


def test_a_store_that_is_held_is_a_warning(model, tmp_path, monkeypatch):
    monkeypatch.setattr(store, "_WAIT_SECONDS", 0.02)
    monkeypatch.setattr(store, "_PAUSE_SECONDS", 0.01)
    held = folder_lock(tmp_path / "artifacts")
    with held, pytest.warns(ForetellWarning, match="is held by process"):
        assert MlflowTracker(tmp_path).log_training(model) is None


def test_a_name_that_no_address_can_hold_is_a_warning(model, tmp_path):
    with pytest.warns(ForetellWarning, match="has a %, \\? or # in its name"):
        assert MlflowTracker(tmp_path / "50% off").log_training(model) is None
    assert not (tmp_path / "50% off").exists()


def test_an_interrupt_passes_through(model, tmp_path, monkeypatch):
    def interrupted(_folder):
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "folder_lock", interrupted)
    with pytest.raises(KeyboardInterrupt):
        MlflowTracker(tmp_path).log_training(model)


def test_there_is_nothing_to_mirror_before_the_first_run(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    MlflowTracker(tmp_path / "models").mirror_roles({"champion": "abc"})
    assert not (tmp_path / "models").exists()


def test_the_environment_is_as_before_but_for_telemetry(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_DISABLE_TELEMETRY", raising=False)
    monkeypatch.setenv("GIT_PYTHON_REFRESH", "mine")
    before = dict(os.environ)
    with store._quietly(tmp_path):
        assert os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] == "false"
        assert os.environ["GIT_PYTHON_REFRESH"] == "quiet"
    assert dict(os.environ) == {**before, "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
