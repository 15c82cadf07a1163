"""A backtest as text for a terminal: a block per target, a row per rung, a column per metric."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from foretell.bundles.record import newest_cutoff

_SHOWN: Mapping[str, tuple[str, ...]] = {
    "orders": ("rmse", "mae", "bias"),
    "clv": ("gini", "spearman", "rmse", "bias"),
    "churn": ("auc", "log_loss", "ece", "bias"),
    "next_order": ("median_abs_error_days", "concordance", "coverage"),
}
"""Targets and metrics that a terminal shows; the record holds more."""


def backtest_lines(record: Mapping[str, pl.DataFrame], rung: str) -> list[str]:
    """Return the newest backtest as text: a block per target, a row per rung, a column per metric.

    Parameters
    ----------
    record : mapping of str to polars.DataFrame
        Frames of `bundles.record.RECORD_SCHEMAS`.
    rung : str
        The rung that scores, shown first.

    Returns
    -------
    list of str
        Lines of text; one sentence if nothing was judged.
    """
    newest = newest_cutoff(record)
    if newest is None:
        return ["Not judged: no past window was long enough."]
    rows = record["backtest"].filter(pl.col("cutoff") == newest)
    rungs = [rung, *(name for name in rows["rung"].unique(maintain_order=True) if name != rung)]
    cells = {(row["target"], row["metric"], row["rung"]): _cell(row) for row in rows.to_dicts()}
    lines = [f"Backtest at {newest} [95 % interval over customers]"]
    for target, metrics in _SHOWN.items():
        if not any((target, metric, name) in cells for metric in metrics for name in rungs):
            continue
        lines.append(f"{target:<19}" + "".join(f"{metric:<25}" for metric in metrics).rstrip())
        for name in rungs:
            figures = [cells.get((target, metric, name), "-") for metric in metrics]
            if any(figure != "-" for figure in figures):
                lines.append(f"  {name:<17}" + "".join(f"{figure + ' ':<25}" for figure in figures).rstrip())
    skipped = record["skipped"].filter(pl.col("cutoff") == newest)
    lines += [
        f"not judged: {row['rung'] or 'all'} {row['target'] or ''}: {row['reason']}" for row in skipped.to_dicts()
    ]
    return lines


def _cell(row: Mapping[str, Any]) -> str:
    if row["value"] is None:
        return "-"
    interval = "" if row["low"] is None else f" [{_figure(row['low'])}, {_figure(row['high'])}]"
    return f"{_figure(row['value'])}{interval}"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"
