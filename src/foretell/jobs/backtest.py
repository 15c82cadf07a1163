"""Backtest: every rung and naive row on the shop's own past, nothing written."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from foretell.config.settings import Settings
from foretell.errors import HorizonNotObserved
from foretell.jobs.backtest_text import backtest_lines
from foretell.jobs.inputs import cutoff_of, read_shop
from foretell.training.backtest import past_cutoffs, run_backtest
from foretell.training.recipes import scoring_recipes


@dataclass(frozen=True)
class BacktestResult:
    """How rungs did on past windows.

    Parameters
    ----------
    record : dict of str to polars.DataFrame
        Frames of `bundles.record.RECORD_SCHEMAS`.
    rung : str
        The rung shown first.
    """

    record: dict[str, pl.DataFrame]
    rung: str

    def lines(self) -> list[str]:
        """Return one table per cutoff, oldest first, line by line."""
        lines: list[str] = []
        for cutoff in self.record["backtest"]["cutoff"].unique().sort():
            at = {name: frame.filter(pl.col("cutoff") == cutoff) for name, frame in self.record.items()}
            lines += [*backtest_lines(at, self.rung), ""]
        return lines[:-1]

    def as_dict(self) -> dict[str, Any]:
        """Return the frames as plain values for JSON."""
        return {name: frame.to_dicts() for name, frame in self.record.items()}


def backtest(settings: Settings, *, as_of: date | datetime | str | None = None) -> BacktestResult:
    """Judge the settings' rungs beside the naive rules and lifetimes' BG/NBD.

    Parameters
    ----------
    settings : Settings
        Where the data are, horizons, rungs.
    as_of : date, datetime, str or None
        Only rows before it are read; None is the end of what the data observed.

    Returns
    -------
    BacktestResult
        Every frame of the backtest.

    Raises
    ------
    HorizonNotObserved
        If the history is too short for any window.
    """
    data = read_shop(settings)
    past = data.before(cutoff_of(data, as_of))
    horizons = settings.horizons.as_horizons()
    cutoffs = past_cutoffs(past.first_order_at(), past.observed_until, horizons)
    if not cutoffs:
        msg = (
            "The history is too short to judge any horizon. Remedy: shorter horizons or a longer history; "
            "foretell check says what is needed."
        )
        raise HorizonNotObserved(msg)
    options = settings.training
    recipes = scoring_recipes(
        options.rungs, exclude_periods=options.exclude_periods or (), retail_year=options.retail_year
    )
    record = run_backtest(past, cutoffs, recipes, horizons=horizons, seed=options.seed)
    return BacktestResult(record, recipes[0].name)
