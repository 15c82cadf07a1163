"""What a training is asked to tune, and the study that answers it, wherever the rows of the shop are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from foretell.errors import ConfigError, FitError, WindowError
from foretell.training import tuning
from foretell.training.past import Periods
from foretell.training.recipes import BOOSTED
from foretell.training.shop import Shop, learnt_at
from foretell.windows import Horizons


@dataclass(frozen=True)
class TuningAsked:
    """How far the settings of the trees are to be tuned.

    Parameters
    ----------
    trials : int
        Settings to try; 0 tunes nothing.
    timeout_seconds : float or None
        No trial begins after so many seconds of trials; 0 or None is no limit.
    folder : Path or None
        Where the trials are kept meanwhile; None is memory.
    resume : bool
        Go on with the trials that `folder` holds.
    """

    trials: int = 0
    timeout_seconds: float | None = None
    folder: Path | None = None
    resume: bool = False

    def require_possible(self, rungs: Sequence[str]) -> None:
        """Refuse what cannot be tuned, before anything is read.

        Parameters
        ----------
        rungs : sequence of str
            Those that are fitted.

        Raises
        ------
        ConfigError
            If nothing can be tuned or resumed.
        """
        trials: Any = self.trials
        problems = []
        if not isinstance(trials, int) or isinstance(trials, bool) or trials < 0:
            problems.append(f"tune must be a whole number of trials, 0 (none) or more, got {trials!r}.")
        elif trials and BOOSTED not in rungs:
            problems.append(f"Only the rung {BOOSTED!r} has settings to tune. Remedy: add it to rungs, or do not tune.")
        elif self.resume and not trials:
            problems.append("Nothing is tuned, so there is nothing to resume. Remedy: say how many trials (--tune N).")
        if problems:
            raise ConfigError(problems)

    def cutoffs(self, judged_at: Sequence[datetime], as_of: datetime) -> tuple[datetime, ...]:
        """Return the cutoff of the study.

        Parameters
        ----------
        judged_at : sequence of datetime
            Past cutoffs that the training is judged at.
        as_of : datetime
            First instant that training does not see.

        Returns
        -------
        tuple of datetime
            One, or none where nothing is tuned.
        """
        # The window that reports is not one of those that choose.
        return (min(max(judged_at, default=as_of), as_of),) if self.trials else ()

    def study(
        self,
        shop: Shop,
        judged_at: Sequence[datetime],
        horizons: Horizons,
        *,
        seed: int,
        threads: int,
        exclude_periods: Periods = (),
    ) -> tuple[tuning.Tuned | None, Mapping[str, Any]]:
        """Tune.

        Parameters
        ----------
        shop : Shop
            As of the cutoff to train at.
        judged_at : sequence of datetime
            As for `cutoffs`.
        horizons : Horizons
            Horizons of the answers.
        seed, threads, exclude_periods
            As for `training.tuning.tune`.

        Returns
        -------
        tuned : Tuned or None
            None where nothing is tuned, or the history before the study's cutoff is too thin: the usual settings stay.
        facts : mapping of str to object
            What the card says of it; nothing where nothing is tuned.

        Raises
        ------
        ConfigError, BundleError, OutputError, LockHeld
            As from `training.tuning.tune`.
        """
        for cutoff in self.cutoffs(judged_at, shop.as_of):
            try:
                tuned = tuning.tune(
                    learnt_at(shop, cutoff),
                    cutoff,
                    horizons,
                    trials=self.trials,
                    timeout_seconds=self.timeout_seconds or 0,
                    seed=seed,
                    threads=threads,
                    folder=self.folder,
                    resume=self.resume,
                    exclude_periods=exclude_periods,
                )
            except (FitError, WindowError) as error:
                return None, {"chosen": "the defaults", "chosen_because": str(error)}
            return tuned, tuned.facts
        return None, {}
