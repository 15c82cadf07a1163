"""Which rung a shop is scored with: chosen by rolling backtest, never by taste."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

JUDGED = (("orders", "rmse"), ("clv", "rmse"), ("churn", "log_loss"))
"""Target and metric pairs that decide between rungs and at the gate, all the smaller the better."""

MARGIN = 0.02
"""A challenger must be better than the default by this share: less is noise between models that are alike."""


@dataclass(frozen=True)
class Choice:
    """The rung chosen, and why.

    Parameters
    ----------
    rung : str
        Name of the rung.
    why : str
        The figures that decided, as a sentence.
    """

    rung: str
    why: str


def choose_rung(record: Mapping[str, pl.DataFrame], rungs: Sequence[str], *, label_days: int) -> Choice:
    """Choose between rungs on windows that end before the newest one begins; that one reports on what was chosen.

    The first rung is the default. A challenger takes its place if its errors, as the geometric mean over `JUDGED`
    and cutoffs of its error over the default's, are smaller by more than `MARGIN`; the best such challenger wins.

    Parameters
    ----------
    record : mapping of str to polars.DataFrame
        Frames of `bundles.record.RECORD_SCHEMAS`.
    rungs : sequence of str
        Names, the default first; at least one.
    label_days : int
        Length of the longest label window, in days.

    Returns
    -------
    Choice
        The default, or the best challenger.
    """
    default = rungs[0]
    if len(rungs) == 1:
        return Choice(default, "it was asked for")
    begins = (
        pl.col("cutoff")
        .str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False)
        .fill_null(pl.col("cutoff").str.to_datetime("%Y-%m-%d", strict=False))
    )
    table = record["backtest"].with_columns(begins=begins)
    older = table.filter(pl.col("begins") + pl.duration(days=label_days) <= pl.col("begins").max())
    ratios = {rung: _mean_ratio(older, rung, default) for rung in rungs[1:]}
    known = {rung: ratio for rung, ratio in ratios.items() if ratio is not None}
    if not known:
        return Choice(default, "too few past windows to choose on: the default")
    best = min(known, key=lambda rung: known[rung])
    words = ", ".join(f"errors of {rung} are {ratio:.3f} times those of {default}" for rung, ratio in known.items())
    chosen = best if known[best] < 1 - MARGIN else default
    windows = older["cutoff"].n_unique()
    return Choice(chosen, f"{words} on {windows} older window{'s' if windows != 1 else ''}")


def _mean_ratio(table: pl.DataFrame, rung: str, default: str) -> float | None:
    judged = pl.DataFrame(JUDGED, schema=["target", "metric"], orient="row")
    keys = ["cutoff", "target", "metric"]
    mine, theirs = (
        table.filter(pl.col("rung") == name).join(judged, on=["target", "metric"], how="semi").select(*keys, "value")
        for name in (rung, default)
    )
    pairs = mine.join(theirs, on=keys, suffix="_default").filter(pl.all_horizontal(pl.selectors.float() > 0))
    if pairs.is_empty():
        return None
    pairs = pairs.sort(keys)
    return math.exp(math.fsum((pairs["value"] / pairs["value_default"]).log()) / pairs.height)
