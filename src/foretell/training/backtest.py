"""Judging rungs on the shop's own past, beside the naive rules and lifetimes' BG/NBD."""

import warnings
from collections.abc import Sequence
from datetime import date, datetime

import polars as pl

from foretell.errors import HorizonNotObserved, SmallSampleWarning
from foretell.evaluation.backtest import Backtest
from foretell.evaluation.backtest import backtest as judge
from foretell.tables.dataset import CustomerData, require_customer_data
from foretell.training.recipes import NAIVE_REFERENCE, scoring_recipes, with_baselines
from foretell.windows import Horizons, as_cutoff, rolling_cutoffs

BOOTSTRAP_RESAMPLES = 200


def backtest(
    data: CustomerData,
    cutoffs: date | datetime | str | Sequence[date | datetime | str] | None = None,
    *,
    clv_days: int = 365,
    churn_days: int = 90,
    order_days: int = 30,
    rungs: str | Sequence[str] | None = None,
    seed: int = 0,
    bootstrap: int = BOOTSTRAP_RESAMPLES,
) -> pl.DataFrame:
    """Predict from past cutoffs and compare with what then happened.

    Parameters
    ----------
    data : CustomerData
        The shop's rows.
    cutoffs : date, datetime or str, a sequence of them, or None
        Past cutoffs; None takes up to three whose label windows are fully observed.
    clv_days, churn_days, order_days : int
        Horizons in days: value and date; churn; short-term purchase.
    rungs : str, sequence of str or None
        Rungs to judge, out of ``purchase`` and ``pareto``; None is both. The naive rules and lifetimes'
        BG/NBD are always rows too.
    seed : int
        Seed of the bootstrap.
    bootstrap : int
        Resamples of customers behind each interval, >= 0.

    Returns
    -------
    polars.DataFrame
        Long frame: ``cutoff``, ``rung``, ``target``, ``metric``, ``value``, ``low``, ``high`` (95 % interval by
        bootstrap over customers).

    Raises
    ------
    HorizonNotObserved
        If no cutoff has a fully observed label window.
    WindowError
        If a cutoff is no date, or lies after an explicit ``observed_until``.
    ConfigError
        If a rung is unknown.
    ValueError
        If `cutoffs` is an empty sequence.
    TypeError
        If `data` is a plain frame.
    """
    require_customer_data(data)
    horizons = Horizons(clv_days, churn_days, order_days)
    if isinstance(cutoffs, date | str):
        cutoffs = (cutoffs,)
    chosen = past_cutoffs(data, horizons) if cutoffs is None else [as_cutoff(cutoff) for cutoff in cutoffs]
    if not chosen and cutoffs is None:
        msg = (
            f"The history is too short to judge {churn_days} days of churn or {clv_days} days of value. "
            "Remedy: shorter horizons, or a longer history (foretell check says what is needed)."
        )
        raise HorizonNotObserved(msg)
    return run_backtest(data, chosen, horizons=horizons, rungs=rungs, seed=seed, bootstrap=bootstrap).table


def run_backtest(
    data: CustomerData,
    cutoffs: Sequence[datetime],
    *,
    horizons: Horizons,
    rungs: str | Sequence[str] | None = None,
    annual_discount_rate: float = 0.0,
    seed: int = 0,
    bootstrap: int = BOOTSTRAP_RESAMPLES,
) -> Backtest:
    """Judge rungs and baselines, with deciles, calibration and paired comparisons to the naive rate.

    Parameters
    ----------
    data : CustomerData
        The shop's rows.
    cutoffs : sequence of datetime
        Past cutoffs.
    horizons : Horizons
        Horizons to judge.
    rungs : str, sequence of str or None
        Rungs to judge; None is all.
    annual_discount_rate : float
        Only names the recipe's rate; judged spend is undiscounted.
    seed : int
        Seed of the bootstrap.
    bootstrap : int
        Resamples of customers behind each interval.

    Returns
    -------
    Backtest
        All its frames.
    """
    recipes = with_baselines(scoring_recipes(rungs, annual_discount_rate=annual_discount_rate))
    with warnings.catch_warnings():
        # A past cutoff has less history than today: how thin it was is what the intervals say.
        warnings.simplefilter("ignore", SmallSampleWarning)  # noqa: TID251  # as above
        return judge(
            data, cutoffs, recipes, horizons=horizons, reference=NAIVE_REFERENCE, seed=seed, bootstrap=bootstrap
        )


def past_cutoffs(data: CustomerData, horizons: Horizons) -> tuple[datetime, ...]:
    """Choose past cutoffs to judge on: up to three for the longest horizon that fits, else for the churn horizon.

    Parameters
    ----------
    data : CustomerData
        The shop's rows.
    horizons : Horizons
        Horizons to judge.

    Returns
    -------
    tuple of datetime
        Oldest first; empty if not even the churn horizon fits.
    """
    first = data.first_order_at()
    if first is None:
        return ()
    for days in (max(horizons.clv_days, horizons.churn_days), horizons.churn_days):
        cutoffs = rolling_cutoffs(first_seen=first, end=data.observed_until, horizon_days=days)
        if cutoffs:
            return cutoffs
    return ()
