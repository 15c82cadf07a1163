"""How far each answer can be trusted, told from the backtest: a light with words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import polars as pl

from foretell.delivery.rule_columns import without_horizon
from foretell.delivery.run import Record, Run
from foretell.delivery.wording import METRICS, TARGETS, change, figure, percent, target_words

Level = Literal["good", "caution", "bad", "untested"]
Figures = Mapping[tuple[str, str, str], float]
"""What the backtest found of one answer, by cutoff, rung and metric."""
JUDGED_BY = ("gini", "log_loss", "concordance", "median_abs_error_days")
"""The metric that decides against the naive rules: the first of these that the target has."""
BETTER_THAN: Mapping[str, str] = {
    "gini": "Ranks better than",
    "log_loss": "Gives better probabilities than",
    "concordance": "Ranks better than",
    "median_abs_error_days": "Misses by fewer days than",
}
"""What a win by each metric of `JUDGED_BY` shows."""
BIAS_FINE = 0.10
BIAS_FINE_ANYWHERE = 0.20
"""A total further off than this in any past window is not about right."""
BIAS_BAD = 0.30
RANGE_HOLDS = 0.80
"""Share of customers that the range from 10 % to 90 % promises to hold; more where many spend nothing at all."""
_ORDER: Mapping[Level, int] = {"good": 0, "caution": 1, "bad": 2, "untested": 3}
_TITLES: Mapping[Level, str] = {
    "good": "Good to use",
    "caution": "Use with care",
    "bad": "No better than a simple rule",
    "untested": "Not tested",
}


@dataclass(frozen=True)
class Verdict:
    """What the shop's own past says about one answer.

    Parameters
    ----------
    target : str
        Name of the answer in the backtest; empty for all together.
    question : str
        The same in words.
    level : "good", "caution", "bad" or "untested"
        The light.
    title : str
        The light in words.
    sentences : tuple of str
        Why.
    """

    target: str
    question: str
    level: Level
    title: str
    sentences: tuple[str, ...]


def answers(run: Run) -> dict[str, int]:
    """Return every question that the scores of a run answer.

    Parameters
    ----------
    run : Run
        A finished run.

    Returns
    -------
    dict of str to int
        Target, as in `TARGETS`, to the days that its answer looks ahead; no clv in a shop without amounts.
    """
    days = run.horizons
    ahead = {
        "clv": days.clv_days,
        "orders": days.clv_days,
        "churn": days.churn_days,
        "order": days.order_days,
        "next_order": days.clv_days,
    }
    return {target: ahead[target] for target in TARGETS if run.has_money or target != "clv"}


def untested(run: Run) -> frozenset[str]:
    """Return the answers of a run that its past could not test.

    Parameters
    ----------
    run : Run
        A finished run.

    Returns
    -------
    frozenset of str
        Names as in `TARGETS`.
    """
    asked = answers(run)
    tested = {without_horizon(verdict.target) for verdict in verdicts(run.record, asked) if verdict.level != "untested"}
    return frozenset(asked) - tested


def verdicts(record: Record, asked: Mapping[str, int] | None = None) -> tuple[Verdict, ...]:
    """Judge every answer that the backtest covers, at its newest cutoff, with the older ones as a check.

    Parameters
    ----------
    record : Record
        What the backtest found.
    asked : mapping of str to int, optional
        From `answers`: these also get a light where the newest backtest does not cover them.

    Returns
    -------
    tuple of Verdict
        One a target that this run's model answers, value first; empty without a backtest.
    """
    if record.table.is_empty():
        return ()
    known = list(TARGETS)
    covered = set(record.table.get_column("target").to_list()) & set(record.rungs)
    judged = {target: _verdict(record, target) for target in covered}
    newest = record.table.filter(pl.col("cutoff") == pl.col("cutoff").max())
    answered = {
        without_horizon(target)
        for target, rung in zip(newest.get_column("target"), newest.get_column("rung"), strict=True)
        if record.rungs.get(target) == rung
    }
    for name, days in (asked or {}).items():
        if name not in answered:
            older = next((target for target in covered if without_horizon(target) == name), name)
            judged[older] = _not_tested(newest, older, days)
    order = sorted(
        judged,
        key=lambda target: (known.index(name) if (name := without_horizon(target)) in known else len(known), target),
    )
    return tuple(judged[target] for target in order)


def overall(record: Record, asked: Mapping[str, int] | None = None) -> Verdict:
    """Sum the verdicts up: as good as the weakest of those tested, and with care where one is not tested.

    Parameters
    ----------
    record : Record
        What the backtest found.
    asked : mapping of str to int, optional
        As for `verdicts`.

    Returns
    -------
    Verdict
        With an empty target.
    """
    single = verdicts(record, asked)
    if not single:
        why = record.reason_if_empty or "The history was too short to test the predictions on this shop's own past."
        return Verdict("", "All together", "untested", _TITLES["untested"], (why,))
    tested = [verdict for verdict in single if verdict.level != "untested"]
    level: Level = max((verdict.level for verdict in tested), key=_ORDER.__getitem__) if tested else "untested"
    if level == "good" and len(tested) < len(single):
        level = "caution"
    weak = [
        f"{verdict.question} (not tested)" if verdict.level == "untested" else verdict.question
        for verdict in single
        if verdict.level != "good"
    ]
    if not weak:
        sentence = "On this shop's own past every tested answer beat the simple rules, at about the right level."
    else:
        sentence = "Read the lights below before you rely on: " + " · ".join(weak)
    return Verdict("", "All together", level, _TITLES[level], (sentence,))


def _not_tested(newest: pl.DataFrame, target: str, days: int) -> Verdict:
    if newest.get_column("target").is_in([target]).any():
        why = "The model that made these scores gave no answer to this in the newest past window."
    else:
        why = f"The history is too short to check what happens over {days} days."
    return Verdict(target, target_words(target), "untested", _TITLES["untested"], (why,))


def _verdict(record: Record, target: str) -> Verdict:
    ours = record.rungs[target]
    rows = record.table.filter(pl.col("target") == target)
    cutoffs = rows.get_column("cutoff").unique().sort().to_list()
    newest, figures = cutoffs[-1], _figures(rows)
    found = [_against_naive(record, figures, target, cutoffs), _range(rows, target, newest, ours)]
    judged = [part for part in found if part is not None]
    if not judged:
        return Verdict(target, target_words(target), "untested", _TITLES["untested"], ("The backtest has no figure.",))
    bias = figures.get((newest, ours, "bias"))
    if bias is not None:
        every = [value for cutoff in cutoffs if (value := figures.get((cutoff, ours, "bias"))) is not None]
        judged.append(_level_of(bias, every))
    level = max((level for level, _ in judged), key=lambda name: _ORDER[name])
    return Verdict(target, target_words(target), level, _TITLES[level], tuple(text for _, text in judged))


def _figures(rows: pl.DataFrame) -> Figures:
    known = rows.filter(pl.col("value").is_not_null() & pl.col("value").is_not_nan())
    keys = zip(*(known.get_column(name) for name in ("cutoff", "rung", "metric")), strict=True)
    return dict(zip(keys, known.get_column("value"), strict=True))


def _against_naive(record: Record, found: Figures, target: str, cutoffs: list[str]) -> tuple[Level, str] | None:
    newest, ours = cutoffs[-1], record.rungs[target]
    metric = next((name for name in JUDGED_BY if (newest, ours, name) in found), None)
    if metric is None:
        return None
    words = METRICS[metric]
    mine = figure(found[newest, ours, metric], words.style)
    naive = _best_naive(found, newest, record.naive_rungs, metric)
    if naive is None:
        return "caution", f"No simple rule answers this, so there is nothing to compare with. {words.title}: {mine}."
    figures = f"{words.title}: {mine}, the best simple rule {figure(naive, words.style)}."
    better = f"{BETTER_THAN[metric]} every simple rule"
    wins = [_beats(found, cutoff, ours, record.naive_rungs, metric) for cutoff in cutoffs]
    if not wins[-1]:
        return "bad", f"In the newest past window a simple rule did as well or better. {figures}"
    if False in wins:
        return "caution", f"{better} in the newest past window, but not in an older one. {figures}"
    if not _beyond_chance(record, newest, ours, target, metric):
        return "caution", f"{better}, but not by more than chance alone may give. {figures}"
    windows = {1: "the one past window", 2: "both past windows"}.get(len(wins), f"all {len(wins)} past windows")
    return "good", f"{better} in {windows} tested. {figures}"


def _beyond_chance(record: Record, cutoff: str, ours: str, target: str, metric: str) -> bool:
    """Tell whether no paired interval of a difference to a simple rule holds zero."""
    rows = record.comparisons.filter(
        (pl.col("cutoff") == cutoff)
        & (pl.col("rung") == ours)
        & (pl.col("target") == target)
        & (pl.col("metric") == metric)
        & pl.col("reference").is_in(list(record.naive_rungs))
    )
    return not bool(((rows.get_column("low") <= 0) & (rows.get_column("high") >= 0)).any())


def _range(rows: pl.DataFrame, target: str, cutoff: str, ours: str) -> tuple[Level, str] | None:
    """Hold the range to its promise: it may miss by no more than the 95 % interval of its share."""
    asked = (pl.col("cutoff") == cutoff) & (pl.col("rung") == ours) & (pl.col("metric") == "coverage")
    found = rows.filter(asked, pl.col("value").is_not_null(), pl.col("value").is_not_nan()).to_dicts()
    if not found:
        return None
    share, at_most = found[0]["value"], found[0]["high"]
    what = "next orders came" if target == "next_order" else "customers ended"
    inside = f"{percent(share)} of the {what} inside their range; at least {percent(RANGE_HOLDS)} was promised"
    if share >= RANGE_HOLDS:
        return "good", f"{inside}."
    if at_most is not None and at_most >= RANGE_HOLDS:
        return "good", f"{inside}, which is no further off than chance alone may be."
    return "caution", f"{inside}: take the range for narrower than it should be."


def _level_of(bias: float, every: list[float]) -> tuple[Level, str]:
    figures = f"total: {change(bias)} in the newest window"
    if len(every) > 1:
        figures += f", {change(min(every))} to {change(max(every))} over all"
    worst = max(abs(value) for value in every)
    if abs(bias) <= BIAS_FINE and worst <= BIAS_FINE_ANYWHERE:
        return "good", f"It was at about the right level ({figures})."
    tail = "" if worst <= BIAS_BAD else ": use the ranking, not the sums"
    if abs(bias) <= BIAS_FINE:
        return "caution", f"The level was right in the newest window only ({figures}){tail}."
    direction = "too much" if bias > 0 else "too little"
    return "caution", f"In the newest window it predicted {direction} ({figures}){tail}."


def _best_naive(found: Figures, cutoff: str, naive: tuple[str, ...], metric: str) -> float | None:
    values = [value for rung in naive if (value := found.get((cutoff, rung, metric))) is not None]
    if not values:
        return None
    return max(values) if METRICS[metric].better == "higher" else min(values)


def _beats(found: Figures, cutoff: str, ours: str, naive: tuple[str, ...], metric: str) -> bool | None:
    mine, best = found.get((cutoff, ours, metric)), _best_naive(found, cutoff, naive, metric)
    if mine is None or best is None:
        return None
    return mine > best if METRICS[metric].better == "higher" else mine < best
