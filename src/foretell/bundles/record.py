"""The record of a bundle: how its recipe did on the shop's own past, as frames of fixed columns."""

from collections.abc import Mapping
from typing import Any

import polars as pl

RECORD_SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "backtest": {
        "cutoff": pl.String, "rung": pl.String, "target": pl.String, "metric": pl.String,
        "value": pl.Float64, "low": pl.Float64, "high": pl.Float64,
    },
    "comparisons": {
        "cutoff": pl.String, "rung": pl.String, "reference": pl.String, "target": pl.String, "metric": pl.String,
        "difference": pl.Float64, "low": pl.Float64, "high": pl.Float64,
    },
    "deciles": {
        "cutoff": pl.String, "rung": pl.String, "target": pl.String, "decile": pl.Int64, "customers": pl.Int64,
        "predicted": pl.Float64, "actual": pl.Float64,
    },
    "calibration": {
        "cutoff": pl.String, "rung": pl.String, "target": pl.String, "bin": pl.Int64, "customers": pl.Int64,
        "predicted": pl.Float64, "observed": pl.Float64,
    },
    "skipped": {"cutoff": pl.String, "rung": pl.String, "target": pl.String, "reason": pl.String},
}  # fmt: skip
"""The frames of a bundle's record, each with its columns. A cutoff is ISO text."""


def empty_record() -> dict[str, pl.DataFrame]:
    """Return the record of a bundle that was never judged: every frame, without rows.

    Returns
    -------
    dict of str to polars.DataFrame
        Keys and columns of `RECORD_SCHEMAS`.
    """
    return {name: pl.DataFrame(schema=dict(schema)) for name, schema in RECORD_SCHEMAS.items()}


def newest_cutoff(record: Mapping[str, pl.DataFrame]) -> str | None:
    """Return the latest cutoff that a record judged.

    Parameters
    ----------
    record : mapping of str to polars.DataFrame
        Frames of `RECORD_SCHEMAS`.

    Returns
    -------
    str or None
        ISO text; None if nothing was judged.
    """
    newest = record["backtest"]["cutoff"].max()
    return newest if isinstance(newest, str) else None
