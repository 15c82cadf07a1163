"""Which rung a shop is scored with: chosen by rolling backtest, never by taste."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from foretell.bundles.record import newest_cutoff

JUDGED = (("orders", "rmse"), ("clv", "rmse"), ("churn", "log_loss"))
"""Target and metric pairs that decide between rungs and at the gate, all the smaller the better."""

BETWEEN_WINDOWS = 0.03
"""Standard deviation of the log of two rungs' errors from window to window, beyond what its customers explain: the
median of real, partial and simulated histories (decision 54); on some it is several times that."""

SMALLEST = {"log_loss": 0.01}
"""Added to errors before their ratio is taken: where nearly all is certain, a hundredth of a nat is no difference."""

_HALF_OF_95_PERCENT = 1.96


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


@dataclass(frozen=True)
class _Duel:
    """Errors of a rung over the default's on past windows: geometric mean, and a standard error of its log."""

    log_ratio: float
    error: float

    def beyond(self) -> bool:
        return self.log_ratio < -self.error

    def words(self, rung: str, default: str) -> str:
        return f"errors of {rung} are {math.exp(self.log_ratio):.3f} times those of {default} (± {self.error:.3f})"


def choose_rung(
    record: Mapping[str, pl.DataFrame], rungs: Sequence[str], *, label_days: int, naive: str | None = None
) -> Choice:
    """Choose between rungs on windows that end before the newest one begins; that one reports on what was chosen.

    The first rung is the default. A challenger takes its place if its errors, as the geometric mean over `JUDGED`
    and cutoffs of its error over the default's, are smaller by more than one standard error of their logarithm; the
    best such challenger wins.

    Parameters
    ----------
    record : mapping of str to polars.DataFrame
        Frames of `bundles.record.RECORD_SCHEMAS`, compared with the default.
    rungs : sequence of str
        Names, the default first; at least one.
    label_days : int
        Length of the longest label window, in days.
    naive : str, optional
        A rule of thumb that was judged, too. It is no rung: where it does better than the chosen one, that is said.

    Returns
    -------
    Choice
        The default, or the best challenger.

    Notes
    -----
    The standard error has two parts. Customers: half the 95 % interval of the paired difference over 1.96, relative to
    the errors; metrics and windows share their customers, so it is not taken to shrink with their number. Windows: the
    variance between them, at least `BETWEEN_WINDOWS` squared, over their number. Totals are not judged beside the
    errors: choosing by them as well made the totals of later windows no better.
    """
    default = rungs[0]
    older = _older(record["backtest"], label_days)
    duels = {rung: _duel(older, record["comparisons"], rung, default) for rung in rungs[1:]}
    known = {rung: duel for rung, duel in duels.items() if duel is not None}
    winners = {rung: duel for rung, duel in known.items() if duel.beyond()}
    chosen = min(winners, key=lambda rung: winners[rung].log_ratio, default=default)
    windows = older["cutoff"].n_unique()
    where = f"on {windows} older window{'s' if windows != 1 else ''}"
    if len(rungs) == 1:
        why = "it was asked for"
    elif not known:
        why = "too few past windows to choose on: the default"
    else:
        why = ", ".join(duel.words(rung, default) for rung, duel in known.items()) + f" {where}"
    thumb = None if naive is None else _duel(older, record["comparisons"], naive, chosen)
    if thumb is not None and thumb.beyond():
        why += f"; the rule of thumb did better still: {thumb.words(naive or '', chosen)} {where}"
    better = beaten_by(record, chosen, rungs)
    if better:
        why += f"; the newest window, which does not choose, says otherwise: {better}"
    return Choice(chosen, why)


def beaten_by(record: Mapping[str, pl.DataFrame], chosen: str, rungs: Sequence[str]) -> str:
    """Say which rungs beat the chosen one on the newest window, beyond chance.

    Parameters
    ----------
    record : mapping of str to polars.DataFrame
        Frames of `bundles.record.RECORD_SCHEMAS`.
    chosen : str
        The rung in use.
    rungs : sequence of str
        Names of the rungs that were judged.

    Returns
    -------
    str
        Rung, and those of `JUDGED` whose 95 % interval of the paired difference lies wholly on its side; empty where
        there is none.
    """
    newest = newest_cutoff(record) or ""
    found = []
    for rung in rungs:
        rows = _compared(record["comparisons"], rung, chosen).filter(pl.col("cutoff") == newest)
        won = rows.filter(pl.col("high") < 0).sort("place")
        if not won.is_empty():
            what = ", ".join(won.select(pl.concat_str("target", "metric", separator=" ")).to_series())
            found.append(f"{rung} was better than {chosen} in {what}")
    return "; ".join(found)


def _older(table: pl.DataFrame, label_days: int) -> pl.DataFrame:
    """Return what was judged on windows that end before the newest begins."""
    begins = (
        pl.col("cutoff")
        .str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False)
        .fill_null(pl.col("cutoff").str.to_datetime("%Y-%m-%d", strict=False))
    )
    dated = table.with_columns(begins=begins)
    return dated.filter(pl.col("begins") + pl.duration(days=label_days) <= pl.col("begins").max())


def _judged() -> pl.DataFrame:
    return pl.DataFrame(JUDGED, schema=["target", "metric"], orient="row").with_row_index("place")


def _compared(comparisons: pl.DataFrame, rung: str, other: str) -> pl.DataFrame:
    """Return the judged differences rung less other, whichever of the two was the reference."""
    ends = ("difference", "low", "high")
    ahead = comparisons.filter((pl.col("rung") == rung) & (pl.col("reference") == other))
    behind = comparisons.filter((pl.col("rung") == other) & (pl.col("reference") == rung))
    turned = behind.with_columns(difference=-pl.col("difference"), low=-pl.col("high"), high=-pl.col("low"))
    both = pl.concat([ahead, turned]).select("cutoff", "target", "metric", *ends)
    return both.join(_judged(), on=["target", "metric"], how="inner")


def _duel(table: pl.DataFrame, comparisons: pl.DataFrame, rung: str, default: str) -> _Duel | None:
    keys = ["cutoff", "target", "metric"]
    mine, theirs = (
        table.filter(pl.col("rung") == name).join(_judged(), on=["target", "metric"]).select(*keys, "value")
        for name in (rung, default)
    )
    pairs = mine.join(theirs, on=keys, suffix="_default").filter(pl.all_horizontal(pl.selectors.float() > 0))
    if pairs.is_empty() or rung == default:
        return None
    width = (pl.col("high") - pl.col("low")) / (2 * _HALF_OF_95_PERCENT)
    windows = (
        pairs.join(_compared(comparisons, rung, default), on=keys, how="left")
        .with_columns(pl.col("value", "value_default") + pl.col("metric").replace_strict(SMALLEST, default=0.0))
        .with_columns(
            log=(pl.col("value") / pl.col("value_default")).log(),
            error=(width / (pl.col("value") * pl.col("value_default")).sqrt()).fill_null(0.0),
        )
        .sort("cutoff", "place")
        .group_by("cutoff", maintain_order=True)
        .agg(pl.col("log").mean(), pl.col("error").mean())
    )
    logs, errors = windows["log"].to_list(), windows["error"].to_list()
    mean = math.fsum(logs) / len(logs)
    spread = math.fsum((log - mean) ** 2 for log in logs) / max(len(logs) - 1, 1)
    customers = math.fsum(error**2 for error in errors) / len(errors)
    return _Duel(mean, math.sqrt(customers + max(spread, BETWEEN_WINDOWS**2) / len(logs)))
