"""The frames of a backtest, written up cutoff by cutoff."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from foretell.bundles.record import RECORD_SCHEMAS
from foretell.evaluation.amounts import decile_table
from foretell.evaluation.bootstrap import percentile_interval, replicates
from foretell.evaluation.predictions import Predictions
from foretell.evaluation.probabilities import calibration_table
from foretell.evaluation.targets import Judged, Truth, judges
from foretell.evaluation.vectors import FloatArray

# A cutoff is an instant here, and text in the record that bundles keep.
_SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    name: {**schema, "cutoff": pl.Datetime("us")} for name, schema in RECORD_SCHEMAS.items()
}
TABLE_SCHEMA = _SCHEMAS["backtest"]
COMPARISON_SCHEMA = _SCHEMAS["comparisons"]
DECILE_SCHEMA = _SCHEMAS["deciles"]
CALIBRATION_SCHEMA = _SCHEMAS["calibration"]
SKIPPED_SCHEMA = _SCHEMAS["skipped"]


@dataclass(frozen=True, eq=False)
class Backtest:
    """What a backtest found, as frames sorted by cutoff, then in the order of targets and recipes.

    Attributes
    ----------
    table : pl.DataFrame
        ``cutoff`` Datetime[us], ``rung``, ``target``, ``metric`` String; ``value``, ``low``, ``high``
        Float64: the metric and its 95 % bootstrap interval over customers. Null where the metric is undefined
        (see the function of its name), or without resamples.
    comparisons : pl.DataFrame
        ``cutoff``, ``rung``, ``reference``, ``target``, ``metric``; ``difference``, ``low``, ``high``: metric
        of the rung less that of the reference, paired over customers. Rows only where both answer.
    deciles : pl.DataFrame
        ``cutoff``, ``rung``, ``target`` (``orders``, ``clv``), ``decile`` (1 lowest to 10 highest
        predictions), ``customers``, ``predicted`` and ``actual`` per customer (means).
    calibration : pl.DataFrame
        ``cutoff``, ``rung``, ``target`` (``churn``, ``order_…d``), ``bin`` (1 lowest to 10 highest
        probabilities), ``customers``, ``predicted`` (mean probability), ``observed`` (share of events).
    skipped : pl.DataFrame
        ``cutoff``, ``rung`` (null: all), ``target`` (null: all), ``reason``: what was not judged, and why.
    """

    table: pl.DataFrame
    comparisons: pl.DataFrame
    deciles: pl.DataFrame
    calibration: pl.DataFrame
    skipped: pl.DataFrame


class Ledger:
    """Rows of a backtest's frames, as cutoffs come in.

    Parameters
    ----------
    references : sequence of str
        Names of the recipes that the others are compared with; a pair of references is compared once.
    seed : int
        Seed of the resamples, not negative.
    bootstrap : int
        Resamples behind each interval; 0 for none.
    order : dict of str to int
        Place of each target and recipe in the frames, by ``target <name>`` and ``rung <name>``.
    """

    def __init__(self, *, references: Sequence[str], seed: int, bootstrap: int, order: dict[str, int]) -> None:
        self._references, self._seed, self._bootstrap, self._order = tuple(references), seed, bootstrap, order
        self._table: list[dict[str, Any]] = []
        self._comparisons: list[dict[str, Any]] = []
        self._deciles: list[dict[str, Any]] = []
        self._calibration: list[dict[str, Any]] = []
        self._skipped: list[dict[str, Any]] = []

    def skip(self, cutoff: datetime, rung: str | None, target: str | None, reason: str) -> None:
        """Note what was not judged, and why.

        Parameters
        ----------
        cutoff : datetime
        rung : str or None
            None stands for all recipes.
        target : str or None
            None stands for all targets.
        reason : str
            In words.
        """
        self._skipped.append({"cutoff": cutoff, "rung": rung, "target": target, "reason": reason})

    def enter(self, cutoff: datetime, truths: Sequence[Truth], predictions: Sequence[Predictions]) -> None:
        """Judge all predictions made at one cutoff.

        Parameters
        ----------
        cutoff : datetime
        truths : sequence of Truth
            At least one.
        predictions : sequence of Predictions
            Of the same customers in the same order as the truths.
        """
        rows = truths[0].actual.size
        judged = [entry for truth in truths for entry in judges(truth, predictions)]
        panels = [entry.panel for entry in judged]
        # The cutoff is part of the seed, so that further cutoffs change no number of this one.
        moment = int((cutoff - datetime.min).total_seconds())
        resampled = replicates(panels, rows, times=self._bootstrap, seed=(self._seed, moment))
        for entry, draws in zip(judged, resampled, strict=True):
            self._scores(cutoff, entry, entry.panel(np.ones((1, rows)))[0], draws)
        for truth in truths:
            for given in predictions:
                if truth.target.kind != "date" and given.answers(truth.target.column):
                    self._charts(cutoff, truth, given)

    def _scores(self, cutoff: datetime, entry: Judged, values: FloatArray, draws: FloatArray) -> None:
        bases = [entry.rungs.index(name) for name in self._references if name in entry.rungs]
        for place, rung in enumerate(entry.rungs):
            for column, metric in enumerate(entry.panel.names):
                key = {"cutoff": cutoff, "rung": rung, "target": entry.target, "metric": metric}
                low, high = percentile_interval(draws[:, place, column])
                self._table.append({**key, "value": values[place, column], "low": low, "high": high})
                # A reference is not compared with those named after it: they are compared with it.
                for base in bases[: bases.index(place)] if place in bases else bases:
                    low, high = percentile_interval(draws[:, place, column] - draws[:, base, column])
                    gap = values[place, column] - values[base, column]
                    self._comparisons.append(
                        {**key, "reference": entry.rungs[base], "difference": gap, "low": low, "high": high}
                    )

    def _charts(self, cutoff: datetime, truth: Truth, given: Predictions) -> None:
        key = {"cutoff": cutoff, "rung": given.rung, "target": truth.target.name}
        if truth.target.kind == "event":
            rows, part, second, table = self._calibration, "bin", "observed", calibration_table
        else:
            rows, part, second, table = self._deciles, "decile", "actual", decile_table
        counts, means, happened = table(truth.actual, given.columns[truth.target.column])
        # Equal parts hold a fraction of a customer; whole numbers that still sum to all of them are shown.
        whole = np.diff(np.rint(np.cumsum(np.concatenate(([0.0], counts)))))
        for place in range(whole.size):
            rows.append(
                {
                    **key,
                    part: place + 1,
                    "customers": int(whole[place]),
                    "predicted": means[place],
                    second: happened[place],
                }
            )

    def close(self) -> Backtest:
        """Return the frames.

        Returns
        -------
        Backtest
        """
        return Backtest(
            table=self._frame(self._table, TABLE_SCHEMA),
            comparisons=self._frame(self._comparisons, COMPARISON_SCHEMA),
            deciles=self._frame(self._deciles, DECILE_SCHEMA),
            calibration=self._frame(self._calibration, CALIBRATION_SCHEMA),
            skipped=pl.DataFrame(self._skipped, schema=dict(SKIPPED_SCHEMA), orient="row"),
        )

    def _frame(self, rows: list[dict[str, Any]], schema: Mapping[str, Any]) -> pl.DataFrame:
        rows = sorted(rows, key=self._place)
        return pl.DataFrame(rows, schema=dict(schema), orient="row").with_columns(pl.selectors.float().fill_nan(None))

    def _place(self, row: dict[str, Any]) -> tuple[datetime, int, int]:
        return row["cutoff"], self._order[f"target {row['target']}"], self._order[f"rung {row['rung']}"]
