"""Settings of the trees, tuned on past windows for customers that the trees were not fitted to."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from foretell import __version__
from foretell.errors import ConfigError
from foretell.models.boosting_params import BoostingParams
from foretell.storage.hashing import sha256_json
from foretell.tables.dataset import CustomerData
from foretell.training.boosted_recipe import TREES
from foretell.training.past import Periods
from foretell.training.study import DEFAULT, SPACE, WHOLE, completed, finished, opened_study, run_trials, suggested
from foretell.training.tuning_loss import TuningLoss
from foretell.windows import Horizons, as_cutoff

if TYPE_CHECKING:
    from optuna import Study, Trial

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Tuned:
    """Settings that were chosen, and the study that chose them.

    Parameters
    ----------
    params : BoostingParams
        The best trial's, or `TREES` where none was better by more than one standard error.
    as_of : datetime
        First instant that the study did not see.
    trials : polars.DataFrame
        One row per finished trial: ``trial`` (0 is `TREES`), ``state`` (complete or pruned), ``loss`` (deviance of
        trees as a share of the offset's, mean over answers; of a pruned trial, over the answers it got to),
        ``better_by`` and ``error`` (than `TREES`, with its standard error over customers), and the settings.
    facts : mapping of str to object
        What the model card says.
    """

    params: BoostingParams
    as_of: datetime
    trials: pl.DataFrame
    facts: Mapping[str, Any]


def tune(
    data: CustomerData,
    as_of: datetime,
    horizons: Horizons,
    *,
    trials: int,
    timeout_seconds: float = 0,
    seed: int = 0,
    threads: int = 1,
    folder: Path | None = None,
    resume: bool = False,
    exclude_periods: Periods = (),
) -> Tuned:
    """Look for settings of the trees that do better on customers that they were not fitted to.

    The loss is `TuningLoss`: every answer's trees are cross-fitted on the shop's past windows, as in training. The
    defaults `TREES` are the first trial, so that what is chosen is never worse on these rows; they stay unless
    another trial is better by more than one standard error. A trial is pruned when, after some of the answers, it
    is behind the median of the trials before it.

    The same data, seed and number of trials give the same study, interrupted and resumed or not. A time limit
    makes the number of trials depend on the machine.

    Parameters
    ----------
    data : CustomerData
        Rows of the customers that corrections are learnt on; those at or after `as_of` are not read.
    as_of : datetime
        First instant that is not seen.
    horizons : Horizons
        Horizons of the answers.
    trials : int
        Trials of the whole study, the defaults among them, >= 1; a resumed study does those that are missing.
    timeout_seconds : float
        No trial begins after so many seconds of trials in this run; the one that runs is finished, and the first
        always is. 0 is no limit.
    seed : int
        Seed of the settings that are tried, and of the trees' draws.
    threads : int
        Threads of LightGBM.
    folder : Path or None
        Where the study is kept while it runs, in a file named by a hash of everything that its losses depend on,
        so that no study of another shop, cutoff or seed is ever continued. None keeps it in memory.
    resume : bool
        Continue the study of the same data that `folder` holds; without one it starts afresh.
    exclude_periods : sequence of (date, date)
        Days that no window may touch, as in training.

    Returns
    -------
    Tuned

    Raises
    ------
    FitError
        If the history is too thin for a purchase model, or no past window has enough buyers.
    ConfigError
        If a number is out of its range, or a study is to be resumed without a folder.
    BundleError
        If the study that is to be resumed is damaged.
    OutputError
        If the folder cannot be written to.
    LockHeld
        If another process tunes in the same folder.

    References
    ----------
    Akiba et al. (2019), "Optuna", arXiv:1907.10902; Watanabe (2023), "Tree-structured Parzen estimator",
    arXiv:2304.11127; Breiman et al. (1984), "Classification and Regression Trees" (one-standard-error rule).
    """
    _require(trials, timeout_seconds, folder, resume=resume)
    loss = TuningLoss.of(data, as_of, horizons, seed=seed, threads=threads, exclude_periods=exclude_periods)
    name = _name(data, as_of, horizons, seed, exclude_periods)
    with opened_study(name, folder, resume=resume) as study:
        run_trials(study, _Objective(loss), trials=trials, timeout_seconds=timeout_seconds, seed=seed)
        return _chosen(study, as_of, asked=trials, answers=[question.name for question in loss.questions])


def settings_of(card: Mapping[str, Any]) -> Tuned | None:
    """Read the settings back that a model card states.

    Parameters
    ----------
    card : mapping of str to object
        Of a bundle.

    Returns
    -------
    Tuned or None
        Without the trials; None if the bundle's trees have the usual settings.
    """
    facts = card.get("tuning", {})
    if not facts.get("in_use"):
        return None
    return Tuned(completed(facts["settings"]), as_cutoff(facts["as_of"]), pl.DataFrame(), facts)


class _Objective:
    """Loss of one trial's settings; remembers what the defaults reached, customer by customer."""

    def __init__(self, loss: TuningLoss) -> None:
        self._loss = loss
        self._default: Vector | None = None

    def __call__(self, trial: "Trial") -> float:
        from optuna import TrialPruned

        default = bool(trial.user_attrs.get(DEFAULT))
        params = suggested(trial)
        total = np.zeros(self._loss.customers)
        for place, share in enumerate(self._loss.shares(params), start=1):
            total += share
            trial.report(float(total.sum()) / place, place)
            if not default and trial.should_prune():
                raise TrialPruned
        mean = total / len(self._loss.questions)
        if default:
            self._default = mean
        gain = self._of_default() - mean
        trial.set_user_attr("better_by", float(gain.sum()))
        trial.set_user_attr("error", float(gain.std(ddof=1)) * len(gain) ** 0.5)
        return float(mean.sum())

    def _of_default(self) -> Vector:
        if self._default is None:
            # A resumed study: what the first run remembered is gone.
            self._default = sum(self._loss.shares(TREES), np.zeros(self._loss.customers)) / len(self._loss.questions)
        return self._default


def _require(trials: Any, timeout_seconds: Any, folder: Path | None, *, resume: bool) -> None:
    problems = []
    if not isinstance(trials, int) or isinstance(trials, bool) or trials < 1:
        problems.append(f"The number of trials must be a whole number, 1 or more, got {trials!r}.")
    if not 0 <= timeout_seconds < float("inf"):
        problems.append(f"The time limit must be a number of seconds, 0 (none) or more, got {timeout_seconds!r}.")
    if resume and folder is None:
        problems.append("A study can be resumed only from a folder that it was kept in.")
    if problems:
        raise ConfigError(problems)


def _name(data: CustomerData, as_of: datetime, horizons: Horizons, seed: int, exclude_periods: Periods = ()) -> str:
    """Name a study by everything that its losses depend on."""
    facts = {
        "rows": data.before(as_of).fingerprint(),
        "horizons": vars(horizons),
        "excluded": [[str(first), str(last)] for first, last in exclude_periods],
        "seed": seed,
        "space": SPACE,
        "defaults": asdict(TREES),
        "foretell": __version__,
    }
    return f"trees-{as_of:%Y-%m-%d}-{sha256_json({**facts, 'as_of': as_of.isoformat()})[:16]}"


def _chosen(study: "Study", as_of: datetime, *, asked: int, answers: Sequence[str]) -> Tuned:
    table = _table(study)
    complete = table.filter(pl.col("state") == "complete")
    default, best = table.row(0, named=True), complete.sort("loss", maintain_order=True).row(0, named=True)
    better = best["better_by"] > best["error"]
    kept = best if better else default
    figures = (
        f"the best, trial {best['trial']}, left {best['loss']:.4f} of the deviance that the purchase model leaves, "
        f"the defaults {default['loss']:.4f}"
    )
    word = "more" if better else "not more"
    facts = {
        "as_of": str(as_of).removesuffix(" 00:00:00"),
        "answers": list(answers),
        "trials": table.height,
        "trials_asked_for": asked,
        "trials_pruned": int((table["state"] == "pruned").sum()),
        "loss": kept["loss"],
        "default_loss": default["loss"],
        "chosen": f"trial {kept['trial']}" if better else "the defaults",
        "chosen_because": f"{figures}: better by {best['better_by']:.4f}, {word} than one standard error, "
        f"{best['error']:.4f}",
        "settings": {name: kept[name] for name in SPACE},
    }
    return Tuned(completed({name: kept[name] for name in SPACE}), as_of, table, facts)


def _table(study: "Study") -> pl.DataFrame:
    rows = []
    for number, trial in enumerate(finished(study)):
        reached = trial.intermediate_values
        rows.append(
            {
                "trial": number,
                "state": trial.state.name.lower(),
                "loss": reached[max(reached)],
                "better_by": trial.user_attrs.get("better_by"),
                "error": trial.user_attrs.get("error"),
                **{name: trial.params[name] for name in SPACE},
            }
        )
    figures = {"trial": pl.Int64, "state": pl.String, "loss": pl.Float64, "better_by": pl.Float64, "error": pl.Float64}
    settings = {name: pl.Int64 if name in WHOLE else pl.Float64 for name in SPACE}
    return pl.DataFrame(rows, schema={**figures, **settings})
