"""How far each answer can be trusted, told from the backtest: a light with words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import polars as pl

from foretell.delivery.run import Record
from foretell.delivery.wording import METRICS, MetricWords, change, figure, target_words

Level = Literal["good", "caution", "bad", "untested"]
JUDGED_BY = ("gini", "log_loss", "concordance", "median_abs_error_days")
"""The metric that decides against the naive rules: the first of these that the target has."""
BIAS_FINE = 0.10
BIAS_BAD = 0.30
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


def verdicts(record: Record) -> tuple[Verdict, ...]:
    """Judge every answer that the backtest covers, at its newest cutoff, with the older ones as a check.

    Parameters
    ----------
    record : Record
        What the backtest found.

    Returns
    -------
    tuple of Verdict
        One a target that this run's model answers, in the order of the table; empty without a backtest.
    """
    targets = record.table.get_column("target").unique(maintain_order=True).to_list()
    return tuple(_verdict(record, target) for target in targets if target in record.rungs)


def overall(record: Record) -> Verdict:
    """Sum the verdicts up: as good as the weakest of them.

    Parameters
    ----------
    record : Record
        What the backtest found.

    Returns
    -------
    Verdict
        With an empty target.
    """
    single = verdicts(record)
    if not single:
        why = record.reason_if_empty or "The history was too short to test the predictions on this shop's own past."
        return Verdict("", "All together", "untested", _TITLES["untested"], (why,))
    worst = max(single, key=lambda verdict: _ORDER[verdict.level])
    weak = [verdict.question for verdict in single if verdict.level != "good"]
    if not weak:
        sentence = "On this shop's own past every answer that was tested beat the simple rules, at about the right level."
    else:
        sentence = "Read the lights below before you rely on: " + " · ".join(weak)
    return Verdict("", "All together", worst.level, _TITLES[worst.level], (sentence,))


def _verdict(record: Record, target: str) -> Verdict:
    ours = record.rungs[target]
    rows = record.table.filter(pl.col("target") == target)
    cutoffs = rows.get_column("cutoff").unique().sort().to_list()
    newest = cutoffs[-1]
    metric = next((name for name in JUDGED_BY if _value(rows, newest, ours, name) is not None), None)
    if metric is None:
        return Verdict(target, target_words(target), "untested", _TITLES["untested"], ("The backtest has no figure.",))
    words = METRICS[metric]
    wins = [_beats(rows, cutoff, ours, record.naive_rungs, metric, words) for cutoff in cutoffs]
    level, sentences = _against_naive(wins, words)
    figures = [f"{words.title}: {figure(_value(rows, newest, ours, metric), words.style)}"]
    naive = _best_naive(rows, newest, record.naive_rungs, metric, words)
    if naive is not None:
        figures.append(f"the best simple rule {figure(naive, words.style)}")
    sentences.append("; ".join(figures) + ".")
    bias = _value(rows, newest, ours, "bias")
    if bias is not None:
        bias_level, sentence = _level_of(bias)
        level = max(level, bias_level, key=lambda name: _ORDER[name])
        sentences.append(sentence)
    return Verdict(target, target_words(target), level, _TITLES[level], tuple(sentences))


def _against_naive(wins: list[bool | None], words: MetricWords) -> tuple[Level, list[str]]:
    tested = [win for win in wins if win is not None]
    how = f"({words.title.lower()})"
    if not tested:
        return "caution", ["No simple rule answers this question, so there is nothing to compare with."]
    if all(tested):
        times = "in the one past window tested" if len(tested) == 1 else f"in all {len(tested)} past windows tested"
        return "good", [f"Better than every simple rule {times} {how}."]
    if wins[-1]:
        return "caution", [f"Better than every simple rule in the newest window, not in an older one {how}."]
    return "bad", [f"In the newest window a simple rule did as well or better {how}."]


def _level_of(bias: float) -> tuple[Level, str]:
    if abs(bias) <= BIAS_FINE:
        return "good", f"The total was about right ({change(bias)})."
    direction = "too much" if bias > 0 else "too little"
    tail = "" if abs(bias) <= BIAS_BAD else ": use the ranking, not the sums"
    return "caution", f"In total it predicted {direction} ({change(bias)}){tail}."


def _value(rows: pl.DataFrame, cutoff: str, rung: str, metric: str) -> float | None:
    found = rows.filter(
        (pl.col("cutoff") == cutoff) & (pl.col("rung") == rung) & (pl.col("metric") == metric)
    ).get_column("value")
    found = found.drop_nulls().drop_nans()
    return float(found[0]) if found.len() else None


def _best_naive(
    rows: pl.DataFrame, cutoff: str, naive: tuple[str, ...], metric: str, words: MetricWords
) -> float | None:
    values = [value for rung in naive if (value := _value(rows, cutoff, rung, metric)) is not None]
    if not values:
        return None
    return max(values) if words.better == "higher" else min(values)


def _beats(
    rows: pl.DataFrame, cutoff: str, ours: str, naive: tuple[str, ...], metric: str, words: MetricWords
) -> bool | None:
    mine, best = _value(rows, cutoff, ours, metric), _best_naive(rows, cutoff, naive, metric, words)
    if mine is None or best is None:
        return None
    return mine > best if words.better == "higher" else mine < best
