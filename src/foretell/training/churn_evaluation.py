"""The record of a churn classifier: how its held-out risks did, beside the base rate."""

import numpy as np
import polars as pl

from foretell.evaluation.bootstrap import percentile_interval, replicates
from foretell.evaluation.panels import EventPanel, Panel
from foretell.evaluation.ranking import top_capture
from foretell.evaluation.vectors import FloatArray

SCHEMA = {
    "model": pl.String,
    "metric": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
}
_RESAMPLES = 200
_TOP = 0.1


class LiftPanel:
    """Share of events among those of highest risk, over the share among all.

    Parameters
    ----------
    actual : ndarray of shape (rows,)
        Events, 0 and 1.
    predictions : list of ndarray of shape (rows,)
        Risks.
    top_share : float
        How many are looked at, as a share of all, within (0, 1).
    """

    def __init__(self, actual: FloatArray, predictions: list[FloatArray], *, top_share: float = _TOP) -> None:
        self._actual, self._predictions, self._top = actual, predictions, top_share
        name = "top_decile_lift" if top_share == _TOP else f"top_{100 * top_share:g}_percent_lift"
        self.names: tuple[str, ...] = (name,)

    def __call__(self, weights: FloatArray) -> FloatArray:
        """Return the lifts, shape (times, predictions, 1), for weights of shape (times, rows)."""
        return np.array([[[self._lift(p, drawn)] for p in self._predictions] for drawn in weights]).reshape(
            len(weights), len(self._predictions), 1
        )

    def _lift(self, predicted: FloatArray, weights: FloatArray) -> float:
        return top_capture(self._actual, predicted, top_share=self._top, weights=weights) / self._top


def evaluation_table(actual: FloatArray, risk: FloatArray, *, seed: int) -> pl.DataFrame:
    """Judge held-out risks, with 95 % bootstrap intervals over customers.

    Parameters
    ----------
    actual : ndarray of shape (rows,)
        Events, 0 and 1.
    risk : ndarray of shape (rows,)
        Probabilities from fits that never saw the row.
    seed : int
        Seed of the resamples.

    Returns
    -------
    polars.DataFrame
        ``model`` (``churn_classifier``, and ``base_rate``: the share of events for everybody), ``metric`` (auc,
        average_precision, log_loss, brier, ece, bias, top_decile_lift), ``value``, ``low``, ``high``. Those of the
        ECE lie above its value by what resampling adds.
    """
    predictions = [risk, np.full(actual.size, actual.mean())]
    panels: list[Panel] = [EventPanel(actual, predictions), LiftPanel(actual, predictions)]
    drawn = replicates(panels, actual.size, times=_RESAMPLES, seed=seed)
    rows = []
    for panel, replicate in zip(panels, drawn, strict=True):
        values = panel(np.ones((1, actual.size)))[0]
        for number, model in enumerate(("churn_classifier", "base_rate")):
            for place, metric in enumerate(panel.names):
                interval = percentile_interval(replicate[:, number, place])
                rows.append((model, metric, float(values[number, place]), *interval))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row").sort("model", descending=True, maintain_order=True)
