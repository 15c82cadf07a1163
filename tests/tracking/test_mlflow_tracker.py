"""One run per training in a real store, a model version behind it, and aliases that follow the registry."""

import logging
import os
import platform
import subprocess
import sys
import threading
import warnings
from dataclasses import replace

import pytest

from foretell.bundles.files import load_bundle
from foretell.engines.trained_model import TrainedModel
from foretell.errors import ForetellWarning
from foretell.tracking import content
from foretell.tracking.mlflow_tracker import MODEL_NAME, MlflowTracker
from foretell.tracking.store import opened_store

pytestmark = pytest.mark.slow  # importing mlflow and making its tables cost seconds


def other(model):
    return TrainedModel(replace(model.bundle, annual_discount_rate=0.1))


def local(uri):
    from mlflow.utils.file_utils import local_file_uri_to_path

    return local_file_uri_to_path(uri)


def test_a_training_is_one_finished_run_with_everything(model, root):
    run_id = MlflowTracker(root).log_training(model)
    with opened_store(root) as client:
        experiment = client.get_experiment_by_name("foretell")
        (run,) = client.search_runs([experiment.experiment_id])
        version = client.get_model_version(MODEL_NAME, "1")
        names = {item.path for item in client.list_artifacts(run_id)}
    assert run.info.run_id == run_id
    assert run.info.status == "FINISHED"
    assert run.data.params == content.run_parameters(model.bundle)
    assert run.data.metrics == content.run_metrics(model.bundle)
    assert names == {"bundle", "figures", "tables"}
    assert (root / "artifacts" / run_id / "artifacts/tables/backtest.csv").is_file()
    assert (version.run_id, version.tags["bundle_version"]) == (run_id, model.version)
    assert load_bundle(type(root)(local(version.source))).version == model.version


def test_the_same_bundle_is_one_model_version_of_two_runs(model, root):
    tracker = MlflowTracker(root)
    first, second = tracker.log_training(model), tracker.log_training(model)
    assert first != second
    with opened_store(root) as client:
        assert len(client.search_model_versions(f"name = '{MODEL_NAME}'")) == 1


def test_aliases_follow_the_registry(model, root):
    tracker = MlflowTracker(root)
    tracker.log_training(model)
    tracker.log_training(other(model))

    def aliases():
        with opened_store(root) as client:
            return {role: str(number) for role, number in client.get_registered_model(MODEL_NAME).aliases.items()}

    tracker.mirror_roles({"champion": model.version, "challenger": other(model).version, "previous": None})
    assert aliases() == {"champion": "1", "challenger": "2"}
    tracker.mirror_roles({"champion": other(model).version, "challenger": None, "previous": model.version})
    assert aliases() == {"champion": "2", "previous": "1"}
    tracker.mirror_roles({"champion": "never tracked", "challenger": None, "previous": None})
    assert aliases() == {}


def test_nobody_is_named(model, root, monkeypatch):
    monkeypatch.setenv("LOGNAME", "marker-of-a-user")
    monkeypatch.setenv("USER", "marker-of-a-user")
    monkeypatch.setattr(sys, "argv", ["marker-of-a-script.py"])
    run_id = MlflowTracker(root).log_training(model)
    with opened_store(root) as client:
        tags = client.get_run(run_id).data.tags
    assert set(tags) == {"as_of", "bundle_version", "mlflow.note.content", "mlflow.runName", "rung"}
    stored = (root / "mlflow.db").read_bytes()
    assert b"marker-of-a" not in stored
    assert platform.node().encode() not in stored or len(platform.node()) < 4


def test_a_moved_folder_gets_a_new_experiment(model, root, tmp_path):
    MlflowTracker(root).log_training(model)
    moved = tmp_path / "moved"
    root.rename(moved)
    run_id = MlflowTracker(moved).log_training(model)
    assert (moved / "artifacts" / run_id).is_dir()
    assert not root.exists()


def test_a_run_that_breaks_off_is_closed_as_failed(model, root, monkeypatch):
    def full(_model, _folder):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("foretell.tracking.mlflow_tracker.write_files", full)
    with pytest.warns(ForetellWarning, match="not written down in MLflow: No space left on device"):
        assert MlflowTracker(root).log_training(model) is None
    with opened_store(root) as client:
        (run,) = client.search_runs([client.get_experiment_by_name("foretell").experiment_id])
    assert run.info.status == "FAILED"


def test_a_database_that_is_none_is_a_warning(model, root):
    (root / "mlflow.db").write_bytes(b"not a database" * 1000)
    with pytest.warns(ForetellWarning, match="file is not a database"):
        assert MlflowTracker(root).log_training(model) is None
    with pytest.warns(ForetellWarning, match="aliases were not brought up to date"):
        MlflowTracker(root).mirror_roles({"champion": model.version})


def test_loggers_and_global_address_stay_as_they_are(model, root):
    import mlflow

    before = (mlflow.get_tracking_uri(), logging.getLogger().level, logging.getLogger("mlflow").level)
    MlflowTracker(root).log_training(model)
    assert before == (mlflow.get_tracking_uri(), logging.getLogger().level, logging.getLogger("mlflow").level)


def test_two_trainings_at_once_are_both_written_down(model, root):
    runs, tracker = [], MlflowTracker(root)
    # Threads would share Python's warning filters, which the test run turns into errors.
    with warnings.catch_warnings():
        threads = [
            threading.Thread(target=lambda item=item: runs.append(tracker.log_training(item)))
            for item in (model, other(model))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert None not in runs
    assert len(set(runs)) == 2


def test_a_fresh_store_is_made_without_a_word_and_inside_its_folder(tmp_path):
    """In a process of its own: nothing on either stream, nothing in the working folder or the home."""
    (tmp_path / "work").mkdir()
    program = (
        "import sys; from pathlib import Path; from foretell.tracking.store import opened_store\n"
        "with opened_store(Path(sys.argv[1])) as client: client.create_experiment('x', artifact_location='file:///x')\n"
        "assert not [name for name in ('matplotlib', 'lightgbm', 'sklearn') if name in sys.modules]"
    )
    environment = {**os.environ, "HOME": str(tmp_path / "work"), "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "fresh")],
        cwd=tmp_path / "work",
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list((tmp_path / "work").iterdir()) == []
    # The folder of artifacts was held while the store was made; empty, it is taken away again.
    assert {path.name for path in (tmp_path / "fresh").iterdir()} == {"mlflow.db"}
    assert b"/work" not in (tmp_path / "fresh/mlflow.db").read_bytes().replace(str(tmp_path / "fresh").encode(), b"")
