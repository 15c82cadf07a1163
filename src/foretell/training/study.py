"""Studies of the trees' settings: what is tried, in which order, and where it is kept meanwhile."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foretell.errors import BundleError, OutputError
from foretell.models.boosting_params import BoostingParams
from foretell.storage.lock import folder_lock
from foretell.training.boosted_recipe import TREES

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

SPACE: Mapping[str, tuple[float, float]] = {
    "num_leaves": (3, 31),
    "learning_rate": (0.03, 0.3),
    "min_child_samples": (10, 300),
    "lambda_l2": (0.1, 300.0),
    "feature_fraction": (0.1, 1.0),
    "bagging_fraction": (0.4, 1.0),
}
"""Lowest and highest value of each setting; whole numbers stay whole."""

WHOLE = frozenset({"num_leaves", "min_child_samples"})
"""Settings that are whole numbers."""

DEFAULT = "default"
"""Attribute of the trial that tries `TREES`."""

_ON_A_LOG_SCALE = frozenset({"num_leaves", "learning_rate", "min_child_samples", "lambda_l2"})
_TRIALS_BEFORE_PRUNING = 5
_SEEDS_APART = 7919
_logger = logging.getLogger("foretell")


def suggested(trial: "Trial") -> BoostingParams:
    """Return the settings that a trial is to try.

    Parameters
    ----------
    trial : optuna.Trial
        A running one.

    Returns
    -------
    BoostingParams
    """
    values: dict[str, Any] = {}
    for name, (low, high) in SPACE.items():
        log = name in _ON_A_LOG_SCALE
        if name in WHOLE:
            values[name] = trial.suggest_int(name, int(low), int(high), log=log)
        else:
            values[name] = trial.suggest_float(name, low, high, log=log)
    return completed(values)


def completed(values: Mapping[str, Any]) -> BoostingParams:
    """Return whole settings: a smaller step gets as many more trees, and as much more patience.

    Parameters
    ----------
    values : mapping of str to number
        One of each of `SPACE`.

    Returns
    -------
    BoostingParams
        `TREES` where `values` are those of `TREES`.
    """
    more = TREES.learning_rate / values["learning_rate"]
    return replace(
        TREES, **values, max_rounds=round(TREES.max_rounds * more), patience=max(round(TREES.patience * more), 5)
    )


def finished(study: "Study") -> list["FrozenTrial"]:
    """Return the trials that came to an end, the default's first.

    Parameters
    ----------
    study : optuna.Study
        Any study of `opened_study`.

    Returns
    -------
    list of optuna.trial.FrozenTrial
        Completed and pruned ones; not those that a killed run left.
    """
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))


@contextmanager
def opened_study(name: str, folder: Path | None, *, resume: bool) -> Iterator["Study"]:
    """Give a study, new or as it was left.

    Parameters
    ----------
    name : str
        Name of the study and of its file.
    folder : Path or None
        Where its file lies; made if absent. None is memory.
    resume : bool
        Go on with the study of that name if there is one; otherwise it is replaced.

    Yields
    ------
    optuna.Study
        Optuna says errors only meanwhile.

    Raises
    ------
    BundleError
        If the file is damaged.
    OutputError
        If the folder cannot be written to, before or meanwhile.
    LockHeld
        If another process holds the folder.
    """
    if folder is None:
        with _quiet():
            yield _study(name, None)
        return
    with folder_lock(folder), _quiet():
        try:
            yield _kept(folder / f"{name}.log", name, resume=resume)
        except OSError as error:
            if isinstance(error, OutputError):
                raise
            msg = (
                f"The study cannot be kept in {folder}: {error.strerror or type(error).__name__}. "
                "Remedy: give a folder that this user may write to, with room on its disk."
            )
            raise OutputError(msg) from error


def run_trials(
    study: "Study", objective: "Callable[[Trial], float]", *, trials: int, timeout_seconds: float, seed: int
) -> None:
    """Run the trials that a study lacks; its first, which tries `TREES`, whatever the time.

    Parameters
    ----------
    study : optuna.Study
        From `opened_study`.
    objective : callable
        Loss of a trial.
    trials : int
        Finished trials that the study shall have, >= 1.
    timeout_seconds : float
        No trial begins later; 0 is no limit.
    seed : int
        Seed of the settings that are tried.
    """
    from optuna.trial import TrialState

    before = len(finished(study))
    if before:
        _logger.info("goes on with a study of %d trials", before)

    def after(study: "Study", trial: "FrozenTrial") -> None:
        done = len(finished(study))
        study.sampler = _sampler(seed, done)
        _logger.info("trial %d of %d: %s, best loss %.4f", done, trials, trial.state.name.lower(), study.best_value)

    left = timeout_seconds
    study.sampler = _sampler(seed, before)
    if not before:
        if not study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            study.enqueue_trial({name: getattr(TREES, name) for name in SPACE}, user_attrs={DEFAULT: True})
        study.optimize(objective, n_trials=1, callbacks=[after])
        took = study.get_trials(deepcopy=False)[-1].duration
        left -= took.total_seconds() if took else 0.0
    missing = trials - len(finished(study))
    if missing > 0:
        study.optimize(objective, n_trials=missing, timeout=left if timeout_seconds else None, callbacks=[after])


def _sampler(seed: int, done: int) -> "BaseSampler":
    from optuna.samplers import TPESampler

    # A seed for each trial: what is tried then depends on the trials before, not on the run that they were made in.
    # Without constant_liar, not on a trial either that a killed run left running.
    return TPESampler(seed=(seed + done * _SEEDS_APART) % 2**32, constant_liar=False)


def _study(name: str, storage: Any) -> "Study":
    import optuna

    pruner = optuna.pruners.MedianPruner(n_startup_trials=_TRIALS_BEFORE_PRUNING)
    return optuna.create_study(
        study_name=name, storage=storage, direction="minimize", pruner=pruner, load_if_exists=True
    )


def _kept(file: Path, name: str, *, resume: bool) -> "Study":
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    # The folder is held: a lock of Optuna's own was left by a run that was killed, and so was half a line.
    file.with_name(f"{file.name}.lock").unlink(missing_ok=True)
    if not resume:
        file.unlink(missing_ok=True)
    elif file.exists():
        content = file.read_bytes()
        if not content.endswith(b"\n"):
            file.write_bytes(content[: content.rfind(b"\n") + 1])
    try:
        return _study(name, JournalStorage(JournalFileBackend(str(file))))
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError) as error:
        msg = f"The study {file.name} is damaged. Remedy: train without --resume, which starts it afresh."
        raise BundleError(msg) from error


@contextmanager
def _quiet() -> Iterator[None]:
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
