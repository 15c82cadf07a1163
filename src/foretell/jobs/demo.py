"""Demo: the whole job on the real CDNOW history, from orders to a published folder."""

from dataclasses import dataclass
from typing import Any

import polars as pl

from foretell.bundles.registry import Registry
from foretell.config.settings import Settings
from foretell.jobs.check import CheckResult, check_data
from foretell.jobs.output import held_output
from foretell.jobs.run_log import RunLog
from foretell.jobs.score import ScoreResult, score_data
from foretell.jobs.train import TrainResult, train_data
from foretell.tables.cdnow import load_cdnow

DEMO_AS_OF = "1998-07-01"


@dataclass(frozen=True)
class DemoResult:
    """What the demo did, step by step.

    Parameters
    ----------
    checked : CheckResult
        The data.
    trained : TrainResult
        The model, its backtest and the gate.
    scored : ScoreResult
        The published folder.
    """

    checked: CheckResult
    trained: TrainResult
    scored: ScoreResult

    def lines(self) -> list[str]:
        """Return the result in words, line by line."""
        return [
            "== Check: CDNOW, first-time buyers of early 1997, orders to mid-1998",
            *self.checked.lines(),
            "",
            "== Train and backtest",
            *self.trained.lines(),
            "",
            "== Score",
            *self.scored.lines(),
            "",
            "Highest predicted value:",
            *_table(self.scored.head),
        ]

    def as_dict(self) -> dict[str, Any]:
        """Return the result as plain values for JSON."""
        return {
            "check": self.checked.as_dict(), "train": self.trained.as_dict(), "score": self.scored.as_dict(),
        }  # fmt: skip


def _table(frame: pl.DataFrame) -> list[str]:
    with pl.Config(tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True, tbl_width_chars=140):
        return str(frame).splitlines()


def demo(settings: Settings) -> DemoResult:
    """Check, train, judge, promote, score and publish on the CDNOW history.

    Parameters
    ----------
    settings : Settings
        Horizons and folders; the data section is not read.

    Returns
    -------
    DemoResult
        Each step's result.
    """
    log = RunLog()
    data = load_cdnow()
    checked = check_data(data, settings, as_of=DEMO_AS_OF)
    trained = log.timed("train", lambda: train_data(data, settings, as_of=DEMO_AS_OF))
    stored = Registry(settings.folders.models).load("champion")
    with held_output(settings.folders.output):
        scored = score_data(data, stored, settings, as_of=DEMO_AS_OF, log=log)
    return DemoResult(checked, trained, scored)
