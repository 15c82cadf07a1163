"""Size against precision: what a larger audience costs, seen on held-out seeds and on a control without any pattern."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from foretell.evaluation.vectors import FloatArray
from foretell.models.objectives import Matrix
from foretell.training.held_out_seeds import HeldOut, hold_out
from foretell.training.lookalike_candidates import Candidate, Settings

SIZES = (0.01, 0.02, 0.05, 0.10, 0.20)
"""Shares of the ranked customers that the table is made for."""

REACH_SCHEMA = {
    "top_share": pl.Float64,
    "held_out_seeds": pl.Int64,
    "recall": pl.Float64,
    "recall_low": pl.Float64,
    "recall_high": pl.Float64,
    "recall_ceiling": pl.Float64,
    "lift": pl.Float64,
    "lift_low": pl.Float64,
    "lift_high": pl.Float64,
    "lift_ceiling": pl.Float64,
    "control_lift": pl.Float64,
    "control_lift_low": pl.Float64,
    "control_lift_high": pl.Float64,
    "share_within_seed_rule": pl.Float64,
}
EVALUATION_SCHEMA = {
    "candidate": pl.String,
    "metric": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
}

_Z95, _Z998 = 1.959963984540054, 3.090232306167813
_RESAMPLES = 1_000


def reach_table(
    held: HeldOut, control: HeldOut, candidate: Candidate, within_rule: Sequence[float | None]
) -> pl.DataFrame:
    """Tell recall and lift of held-out seeds at each size.

    Parameters
    ----------
    held : HeldOut
        The seeds.
    control : HeldOut
        As many customers drawn by chance, taken for seeds.
    candidate : {'blend', 'similarity', 'logistic', 'pu_bagging'}
        What ranked the control.
    within_rule : sequence of float or None
        Share of the audience of each size that fulfils the seeds' own rule.

    Returns
    -------
    polars.DataFrame
        One row per size, columns of `REACH_SCHEMA`. ``recall``: share of the held-out seeds in the top; ``lift``: that
        over the size; ``_ceiling``: the most that the top has room for. Intervals are Wilson's, 95 %; those of the
        control 99.8 %, so that all five hold lift 1 together in 99 of 100 cases (Bonferroni).
    """
    places, random = held.judged(), control.places[candidate]
    rows = []
    for share, within in zip(SIZES, within_rule, strict=True):
        recall, low, high = wilson(places <= share, _Z95)
        chance, chance_low, chance_high = (value / share for value in wilson(random <= share, _Z998))
        ceiling = held.top_ceiling(share)
        lifts = (recall / share, low / share, high / share, ceiling / share)
        rows.append((share, places.size, recall, low, high, ceiling, *lifts, chance, chance_low, chance_high, within))
    return pl.DataFrame(rows, schema=REACH_SCHEMA, orient="row")


def control_of(
    matrix: Matrix, seeds: FloatArray, candidate: Candidate, settings: Settings, *, folds: int, most_clusters: int
) -> HeldOut:
    """Take as many customers, drawn by chance from the others, for seeds, and hold them out in the same way.

    Parameters
    ----------
    matrix : ndarray of float64, shape (rows, features)
        As from `Encoding.to_matrix`.
    seeds : ndarray of shape (rows,)
        1 for a seed, else 0.
    candidate : {'blend', 'similarity', 'logistic', 'pu_bagging'}
        What ranks.
    settings : Settings
        Levels, seed and threads.
    folds, most_clusters : int
        Folds, and clusters at most: each fold chooses its own, as for the seeds.

    Returns
    -------
    HeldOut
    """
    others = matrix[seeds == 0]
    count = min(int(seeds.sum()), len(others) // 2)
    drawn = np.zeros(len(others))
    drawn[np.random.default_rng(settings.seed + 15_485_863).choice(len(others), count, replace=False)] = 1.0
    ones = np.ones(len(others))
    return hold_out(others, drawn, ones, settings, folds=folds, candidates=(candidate,), most_clusters=most_clusters)


def evaluation_table(held: HeldOut, *, seed: int) -> pl.DataFrame:
    """Tell the area under the ROC curve of held-out seeds against everybody else, by candidate.

    Parameters
    ----------
    held : HeldOut
        The seeds.
    seed : int
        Seed of the resamples.

    Returns
    -------
    polars.DataFrame
        Columns of `EVALUATION_SCHEMA`: ``chosen`` (each fold by what the others chose) and each candidate;
        ``auc_held_out_seeds`` with a 95 % bootstrap interval over seeds. Those who resemble the seeds and are none
        count against it, so it lies nearer to .5 than the area for the quality behind the seeds.
    """
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, held.fold.size, (_RESAMPLES, held.fold.size))
    rows = []
    all_places: list[tuple[str, FloatArray]] = [("chosen", held.judged()), *held.places.items()]
    for name, places in all_places:
        low, high = np.quantile(1 - places[drawn].mean(1), [0.025, 0.975])
        rows.append((name, "auc_held_out_seeds", float(1 - places.mean()), float(low), float(high)))
    return pl.DataFrame(rows, schema=EVALUATION_SCHEMA, orient="row")


def wilson(hits: npt.NDArray[np.bool_], z: float) -> tuple[float, float, float]:
    """Return a share with its score interval.

    Parameters
    ----------
    hits : ndarray of bool, shape (rows,)
        What is counted.
    z : float
        Normal quantile of the interval.

    Returns
    -------
    tuple of float
        Share, low and high end.

    References
    ----------
    Wilson (1927), "Probable inference, the law of succession, and statistical inference", JASA 22.
    """
    count, share = hits.size, float(hits.mean())
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    # Rounded: at a share of 0 or 1 the end is exactly there.
    return share, max(round(float(middle - half), 12), 0.0), min(round(float(middle + half), 12), 1.0)
