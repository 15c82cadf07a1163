"""The record of a model of first orders: how it did on a window that took no part, beside the base rate and a rule."""

from datetime import datetime

import numpy as np
import polars as pl

from foretell.bundles.prospects import RECORD_SCHEMA
from foretell.evaluation.bootstrap import percentile_interval, replicates
from foretell.evaluation.panels import EventPanel, Panel
from foretell.evaluation.vectors import FloatArray
from foretell.training.churn_evaluation import LiftPanel

MODELS = ("prospects", "base_rate", "cart_then_visit")
"""The model; the share of those who ordered for everybody; open carts first, then the latest visit."""

_NO_PROBABILITY = ("log_loss", "brier", "ece", "bias")
_RESAMPLES = 200
_TOP = 0.05
_DIGITS = 10


def prospect_record(
    frame: pl.DataFrame, actual: FloatArray, chance: FloatArray, base_rate: float, *, cutoff: datetime, seed: int
) -> pl.DataFrame:
    """Judge chances of a first order, with 95 % bootstrap intervals over people.

    Parameters
    ----------
    frame : polars.DataFrame
        People at the cutoff, as from `features.prospects.known_prospects`.
    actual : ndarray of shape (people,)
        1 for a first order in the window, else 0.
    chance : ndarray of shape (people,)
        Probabilities from a fit that knew nothing of the window.
    base_rate : float
        Share of those who ordered in the windows of that fit.
    cutoff : datetime
        Where the window starts.
    seed : int
        Seed of the resamples.

    Returns
    -------
    polars.DataFrame
        Columns of `bundles.prospects.RECORD_SCHEMA`: for each of `MODELS` auc, average_precision, log_loss, brier,
        ece, bias and top_5_percent_lift. The rule gives an order and no probabilities, so it has only three of them.
    """
    predictions = [chance, np.full(actual.size, base_rate), rule_order(frame)]
    panels: list[Panel] = [EventPanel(actual, predictions), LiftPanel(actual, predictions, top_share=_TOP)]
    drawn = replicates(panels, actual.size, times=_RESAMPLES, seed=seed)
    rows = []
    for panel, replicate in zip(panels, drawn, strict=True):
        values = panel(np.ones((1, actual.size)))[0]
        for number, model in enumerate(MODELS):
            for place, metric in enumerate(panel.names):
                if model == MODELS[-1] and metric in _NO_PROBABILITY:
                    continue
                interval = percentile_interval(replicate[:, number, place])
                rows.append((cutoff.isoformat(), model, metric, float(values[number, place]), *interval))
    record = pl.DataFrame(rows, schema=dict(RECORD_SCHEMA), orient="row")
    # A little less than every digit: the last bits of sums are nobody's figures.
    return record.with_columns(pl.selectors.float().round_sig_figs(_DIGITS).fill_nan(None))


def rule_order(frame: pl.DataFrame) -> FloatArray:
    """Rank people as a marketer without a model does: open carts first, then the latest visit.

    Parameters
    ----------
    frame : polars.DataFrame
        As from `features.prospects.known_prospects`.

    Returns
    -------
    ndarray of shape (people,)
        Within (0, 1): the higher the sooner.
    """
    cart = (frame["funnel_state"] == "cart").to_numpy().astype(np.float64)
    days = frame["days_since_last_event"].fill_null(float("inf")).to_numpy()
    return np.asarray(0.5 * cart + 0.5 / (2.0 + days), dtype=np.float64)
