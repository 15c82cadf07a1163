"""One MLflow run per training, and aliases that follow the registry; a store that refuses never stops a job."""

import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import polars as pl

from foretell.engines.trained_model import TrainedModel
from foretell.errors import ForetellError, ForetellWarning
from foretell.evaluation.review import Review
from foretell.tracking.content import (
    BUNDLE_FOLDER,
    VERSION_TAG,
    run_metrics,
    run_name,
    run_parameters,
    run_tags,
    write_files,
)
from foretell.tracking.store import ARTIFACTS, DATABASE, opened_store

MODEL_NAME = "foretell"
_PARAMETERS_PER_CALL = 100
_METRICS_PER_CALL = 500
_SHOWN_CHARACTERS = 200


class MlflowTracker:
    """Writes training runs into an SQLite store under a folder.

    The rule for failures: whatever the store, the disk or mlflow itself does, both methods return, and say in one
    `ForetellWarning` what was not written. Interrupts pass through. No run holds a user name, host, script path or
    customer.

    Parameters
    ----------
    root : str or Path
        Folder for ``mlflow.db`` and ``artifacts/``; made if absent. MLflow keeps absolute paths: after the folder
        was moved, new runs go to a new experiment.
    experiment : str
        Name that runs are filed under.
    """

    def __init__(self, root: str | Path, *, experiment: str = "foretell") -> None:
        self.root = Path(root).absolute()
        self.experiment = experiment

    def log_training(self, model: TrainedModel) -> str | None:
        """Write down one trained model: parameters, metrics, tables, figures, bundle, and a model version.

        Parameters
        ----------
        model : TrainedModel
            What was trained, with its record.

        Returns
        -------
        str or None
            Identifier of the run; None if it could not be written down.
        """
        run_id: str | None = None
        with _warned("This training was not written down in MLflow"), opened_store(self.root) as client:
            run_id = self._log(client, model)
        return run_id

    def log_review(self, review: Review, folder: Path) -> str | None:
        """Write down what published runs said against what happened; each run is a step of every metric.

        Parameters
        ----------
        review : Review
            Figures by run.
        folder : Path
            Files to keep with them.

        Returns
        -------
        str or None
            Identifier of the run; None if it could not be written down.
        """
        run_id: str | None = None
        with _warned("This review was not written down in MLflow"), opened_store(self.root) as client:
            from mlflow.entities import Metric

            steps = review.totals["cutoff"].unique().sort()
            tags = {"kind": "review", "last_judged_as_of": str(steps.max())}
            run = client.create_run(self._experiment_id(client), run_name="review", tags=tags)
            metrics = [
                Metric(f"{row['target']}.{row['metric']}", row["value"], run.info.start_time, step)
                for step, cutoff in enumerate(steps)
                for row in review.table.filter(pl.col("cutoff") == cutoff).drop_nulls("value").to_dicts()
            ]
            for start in range(0, len(metrics), _METRICS_PER_CALL):
                client.log_batch(run.info.run_id, metrics=metrics[start : start + _METRICS_PER_CALL])
            client.log_artifacts(run.info.run_id, str(folder))
            client.set_terminated(run.info.run_id, status="FINISHED")
            run_id = str(run.info.run_id)
        return run_id

    def mirror_roles(self, roles: Mapping[str, str | None]) -> None:
        """Make the registered model's aliases point where the registry does.

        Parameters
        ----------
        roles : mapping of str to (str or None)
            Bundle version by role, as in `bundles.registry.RegistryState`; a role without a bundle, or with one
            that was never tracked, loses its alias.
        """
        if not (self.root / DATABASE).exists():
            return
        with _warned("MLflow's aliases were not brought up to date"), opened_store(self.root) as client:
            versions = _versions(client)
            aliases = dict(client.get_registered_model(MODEL_NAME).aliases) if versions else {}
            for role, bundle_version in roles.items():
                number = versions.get(str(bundle_version))
                if number is not None:
                    client.set_registered_model_alias(MODEL_NAME, role, number)
                elif role in aliases:
                    client.delete_registered_model_alias(MODEL_NAME, role)

    def _log(self, client: Any, model: TrainedModel) -> str:
        run = client.create_run(self._experiment_id(client), run_name=run_name(model), tags=run_tags(model))
        run_id = str(run.info.run_id)
        try:
            _log_numbers(client, run, model)
            with tempfile.TemporaryDirectory() as folder:
                write_files(model, Path(folder))
                client.log_artifacts(run_id, folder)
            if model.version not in _versions(client):
                _register(client, run, model)
            client.set_terminated(run_id, status="FINISHED")
        except BaseException:
            # The error itself is what matters; a run that cannot even be closed is one more symptom of it.
            with suppress(Exception):
                client.set_terminated(run_id, status="FAILED")
            raise
        return run_id

    def _experiment_id(self, client: Any) -> str:
        """Find the experiment whose artifacts lie here, or make it; a deleted or moved one is passed over."""
        location = (self.root / ARTIFACTS).as_uri()
        number = 1
        while True:
            name = self.experiment if number == 1 else f"{self.experiment} {number}"
            found = client.get_experiment_by_name(name)
            if found is None:
                return str(client.create_experiment(name, artifact_location=location))
            if found.artifact_location == location and found.lifecycle_stage == "active":
                return str(found.experiment_id)
            number += 1


def _log_numbers(client: Any, run: Any, model: TrainedModel) -> None:
    from mlflow.entities import Metric, Param

    run_id, moment = run.info.run_id, run.info.start_time
    metrics = [Metric(name, value, moment, 0) for name, value in run_metrics(model.bundle).items()]
    client.log_batch(run_id, metrics=metrics)
    parameters = [Param(name, value) for name, value in run_parameters(model.bundle).items()]
    for start in range(0, len(parameters), _PARAMETERS_PER_CALL):
        client.log_batch(run_id, params=parameters[start : start + _PARAMETERS_PER_CALL])


def _register(client: Any, run: Any, model: TrainedModel) -> None:
    if not client.search_registered_models(f"name = '{MODEL_NAME}'"):
        client.create_registered_model(MODEL_NAME, description="Bundles of foretell; models/registry.json leads.")
    client.create_model_version(
        MODEL_NAME,
        source=f"{run.info.artifact_uri}/{BUNDLE_FOLDER}",
        run_id=run.info.run_id,
        tags={VERSION_TAG: model.version, "rung": model.bundle.rung, "as_of": model.bundle.as_of.isoformat()},
    )


def _versions(client: Any) -> dict[str, str]:
    """Return MLflow's number of each bundle version that was registered there."""
    versions: dict[str, str] = {}
    token = None
    while True:
        page = client.search_model_versions(f"name = '{MODEL_NAME}'", page_token=token)
        versions.update({item.tags[VERSION_TAG]: str(item.version) for item in page if VERSION_TAG in item.tags})
        token = page.token
        if not token:
            return versions


@contextmanager
def _warned(what: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001  tracking is a record of the job, never a reason for it to fail
        text = (
            f"{what}: {_reason(error)} The models and their registry are complete without it. "
            "Remedy: foretell doctor looks at the store; --no-tracking does without it."
        )
        warnings.warn(text, ForetellWarning, stacklevel=4)


def _reason(error: Exception) -> str:
    if isinstance(error, ImportError):
        return f"mlflow cannot be imported ({error.name or type(error).__name__})."
    if isinstance(error, ForetellError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.strerror or type(error).__name__}."
    first = (str(error).splitlines() or [""])[0][:_SHOWN_CHARACTERS]
    return f"{type(error).__name__}: {first}"
