"""The backtest as tables in plain words: the model beside the simple rules."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from foretell.delivery.run import Record
from foretell.delivery.trust import Verdict
from foretell.delivery.wording import METRICS, MetricWords, day_words, figure, rung_words


@dataclass(frozen=True)
class Cell:
    """One figure.

    Parameters
    ----------
    text : str
        The figure.
    interval : str
        Its 95 % interval; empty if there is none.
    """

    text: str
    interval: str


@dataclass(frozen=True)
class Row:
    """One recipe.

    Parameters
    ----------
    title : str
        The recipe in words.
    ours : bool
        Whether this run's scores come from it.
    cells : tuple of Cell
        One a metric.
    """

    title: str
    ours: bool
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Table:
    """One question at one cutoff.

    Parameters
    ----------
    cutoff : str
        As of when it was predicted, in words.
    metrics : tuple of MetricWords
        The columns.
    rows : tuple of Row
        This run's model first.
    """

    cutoff: str
    metrics: tuple[MetricWords, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Question:
    """One question with its verdict and its tables.

    Parameters
    ----------
    verdict : Verdict
        The light.
    newest : Table or None
        The newest cutoff; None where nothing was tested.
    older : tuple of Table
        The cutoffs before it, newest first.
    """

    verdict: Verdict
    newest: Table | None
    older: tuple[Table, ...]


def questions(record: Record, verdicts: tuple[Verdict, ...]) -> tuple[Question, ...]:
    """Return one block a verdict.

    Parameters
    ----------
    record : Record
        What the backtest found.
    verdicts : tuple of Verdict
        From `foretell.delivery.trust.verdicts`.

    Returns
    -------
    tuple of Question
        In the order of `verdicts`.
    """
    blocks = []
    for verdict in verdicts:
        if verdict.target not in record.rungs:
            blocks.append(Question(verdict, None, ()))
            continue
        rows = record.table.filter(pl.col("target") == verdict.target)
        cutoffs = rows.get_column("cutoff").unique().sort(descending=True).to_list()
        tables = [_table(rows.filter(pl.col("cutoff") == cutoff), cutoff, record, verdict.target) for cutoff in cutoffs]
        blocks.append(Question(verdict, tables[0], tuple(tables[1:])))
    return tuple(blocks)


def _table(rows: pl.DataFrame, cutoff: str, record: Record, target: str) -> Table:
    present = set(rows.get_column("metric").to_list())
    shown = [name for name in METRICS if name in present]
    ours = record.rungs[target]
    rungs = rows.get_column("rung").unique(maintain_order=True).to_list()
    rungs.sort(key=lambda rung: (rung != ours, rung in record.naive_rungs))
    values = {(row["rung"], row["metric"]): row for row in rows.to_dicts()}
    return Table(
        cutoff=day_words(date.fromisoformat(cutoff[:10])),
        metrics=tuple(METRICS[name] for name in shown),
        rows=tuple(
            Row(rung_words(rung), rung == ours, tuple(_cell(values.get((rung, name)), METRICS[name]) for name in shown))
            for rung in rungs
        ),
    )


def _cell(row: dict[str, float | None] | None, words: MetricWords) -> Cell:
    if row is None:
        return Cell("–", "")
    low, high = figure(row["low"], words.style), figure(row["high"], words.style)
    return Cell(figure(row["value"], words.style), "" if "–" in (low, high) else f"{low} to {high}")
