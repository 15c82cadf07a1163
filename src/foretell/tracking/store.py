"""The tracking store on disk: opened under a lock, quietly, without telemetry, and nothing outside its folder."""

import logging
import os
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from foretell.errors import LockHeld, TrackingError
from foretell.storage.lock import folder_lock

DATABASE = "mlflow.db"
ARTIFACTS = "artifacts"
_WAIT_SECONDS = 60.0
_PAUSE_SECONDS = 0.2
_LOGGERS = ("mlflow", "alembic")
_TELEMETRY_OFF = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
_QUIET = {"MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false", "GIT_PYTHON_REFRESH": "quiet"}


@contextmanager
def opened_store(root: Path) -> Iterator[Any]:
    """Give a client of the store under a folder; the store is made if absent.

    One process at a time: two that meet a fresh store would both create its tables, and one of them fail.

    Parameters
    ----------
    root : Path
        Absolute folder that holds ``mlflow.db`` and ``artifacts/``.

    Yields
    ------
    mlflow.MlflowClient
        Bound to this store only; MLflow's global tracking address stays as it is.

    Raises
    ------
    TrackingError
        If the folder's name cannot stand in a database address.
    LockHeld
        If another process keeps the store for more than a minute.
    OutputError
        If the folder cannot be written to.
    ImportError
        If mlflow is not installed.
    """
    if set("%?#") & set(str(root)):
        msg = f"The folder {root} has a %, ? or # in its name, which MLflow cannot open."
        raise TrackingError(msg)
    artifacts = root / ARTIFACTS
    with ExitStack() as stack:
        _hold(stack, artifacts)
        stack.enter_context(_quietly(artifacts))
        from mlflow import MlflowClient

        # Importing mlflow sets up its loggers anew.
        stack.enter_context(_hushed())
        address = f"sqlite:///{root / DATABASE}"
        yield MlflowClient(tracking_uri=address, registry_uri=address)


def _hold(stack: ExitStack, folder: Path) -> None:
    for _ in range(int(_WAIT_SECONDS / _PAUSE_SECONDS)):
        try:
            stack.enter_context(folder_lock(folder))
        except LockHeld:
            time.sleep(_PAUSE_SECONDS)
        else:
            return
    stack.enter_context(folder_lock(folder))


@contextmanager
def _quietly(artifacts: Path) -> Iterator[None]:
    """Switch telemetry off for good, progress bars and third parties' own deprecations for a while."""
    os.environ.update(_TELEMETRY_OFF)
    # Without this the store's built-in experiment would point at the working folder.
    wanted = {**_QUIET, "_MLFLOW_SERVER_ARTIFACT_ROOT": artifacts.as_uri()}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        with warnings.catch_warnings():
            # mlflow and sqlalchemy warn of each other's coming versions, which no user of foretell can mend.
            warnings.simplefilter("ignore")  # noqa: TID251
            yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _hushed() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
