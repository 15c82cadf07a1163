"""Judging rungs on the shop's own past, beside the naive rules and lifetimes' BG/NBD."""

import warnings
from collections.abc import Callable, Sequence
from datetime import date, datetime

import polars as pl

from foretell.bundles.record import RECORD_SCHEMAS
from foretell.errors import HorizonNotObserved, SmallSampleWarning
from foretell.evaluation.backtest import Backtest
from foretell.evaluation.backtest import backtest as judge
from foretell.models.optimise import one_algebra_thread
from foretell.tables.dataset import CustomerData, require_customer_data
from foretell.tables.moment import Moment
from foretell.training.past import as_periods
from foretell.training.recipes import NAIVE_REFERENCE, ScoringRecipe, scoring_recipes, with_baselines
from foretell.windows import Horizons, as_cutoff, rolling_cutoffs

BOOTSTRAP_RESAMPLES = 200

JUDGED_CUTOFFS = 2
"""Past cutoffs that a training is judged at unless told; each costs a training of its own."""

MOST_JUDGED = 100_000
"""Customers that rungs are fitted to and judged on at a past cutoff; of more, about so many are chosen by hash."""


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
    exclude_periods: Sequence[tuple[date | str, date | str]] = (),
    retail_year: bool = True,
) -> pl.DataFrame:
    """Predict from past cutoffs and compare with what then happened.

    Parameters
    ----------
    data : CustomerData
        The shop's rows.
    cutoffs : date, datetime or str, a sequence of them, or None
        Past cutoffs; None takes up to two whose label windows are fully observed.
    clv_days, churn_days, order_days : int
        Horizons in days: value and date; churn; short-term purchase.
    rungs : str, sequence of str or None
        Rungs to judge, out of ``boosted``, ``purchase`` and ``pareto``; None is all. The naive rules and lifetimes'
        BG/NBD are always rows too.
    seed : int
        Seed of the bootstrap.
    bootstrap : int
        Resamples of customers behind each interval, >= 0.
    exclude_periods : sequence of (date or str, date or str)
        First and last day of stretches that say nothing about the future; nothing is learnt on them.
    retail_year : bool
        Whether the level of weeks that the shop has not shown yet leans on a published retail year
        (`training.retail_year`); off for a trade that follows another.

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
    first, end = data.first_order_at(), data.observed_until
    chosen = past_cutoffs(first, end, horizons) if cutoffs is None else [as_cutoff(cutoff) for cutoff in cutoffs]
    if not chosen and cutoffs is None:
        msg = (
            f"The history is too short to judge {churn_days} days of churn or {clv_days} days of value. "
            "Remedy: shorter horizons, or a longer history (foretell check says what is needed)."
        )
        raise HorizonNotObserved(msg)
    recipes = scoring_recipes(rungs, exclude_periods=as_periods(exclude_periods), retail_year=retail_year)
    return run_backtest(data, chosen, recipes, horizons=horizons, seed=seed, bootstrap=bootstrap)["backtest"]


def run_backtest(
    data: CustomerData,
    cutoffs: Sequence[datetime],
    recipes: Sequence[ScoringRecipe],
    *,
    horizons: Horizons,
    seed: int = 0,
    bootstrap: int = BOOTSTRAP_RESAMPLES,
    whole_at: Callable[[datetime], Moment] | None = None,
) -> dict[str, pl.DataFrame]:
    """Judge rungs and baselines, with deciles, calibration and paired comparisons to the naive rate and the first rung.

    Spend is judged undiscounted, whatever rate a bundle discounts at: that is what happens. Of more than `MOST_JUDGED`
    customers at a cutoff a sample stands for all, in the fits too.

    Parameters
    ----------
    data : CustomerData
        The shop's rows.
    cutoffs : sequence of datetime
        Past cutoffs.
    recipes : sequence of ScoringRecipe
        What is judged beside the baselines; at least one.
    horizons : Horizons
        Horizons to judge.
    seed : int
        Seed of the bootstrap, and of the recipes.
    bootstrap : int
        Resamples of customers behind each interval.
    whole_at : callable or None
        As for `evaluation.backtest.backtest`.

    Returns
    -------
    dict of str to polars.DataFrame
        Frames of `bundles.record.RECORD_SCHEMAS`.
    """
    judged = with_baselines([recipe.undiscounted() for recipe in recipes])
    with one_algebra_thread(), warnings.catch_warnings():
        # A past cutoff has less history than today: how thin it was is what the intervals say.
        warnings.simplefilter("ignore", SmallSampleWarning)  # noqa: TID251  # as above
        result = judge(
            data,
            cutoffs,
            judged,
            horizons=horizons,
            # The naive rate, as every report compares with; and the default rung, as the choice between rungs does.
            reference=(NAIVE_REFERENCE, recipes[0].name),
            seed=seed,
            bootstrap=bootstrap,
            most_customers=MOST_JUDGED,
            whole_at=whole_at,
        )
    return as_record(result)


def as_record(result: Backtest) -> dict[str, pl.DataFrame]:
    """Bring a backtest's frames into the form that bundles keep.

    Parameters
    ----------
    result : Backtest
        From `evaluation.backtest.backtest`.

    Returns
    -------
    dict of str to polars.DataFrame
        Frames of `bundles.record.RECORD_SCHEMAS`; numbers rounded to ten digits.
    """
    frames = {
        "backtest": result.table,
        "comparisons": result.comparisons,
        "deciles": result.deciles,
        "calibration": result.calibration,
        "skipped": result.skipped,
    }
    return {
        name: frames[name]
        .with_columns(pl.col("cutoff").dt.strftime("%Y-%m-%dT%H:%M:%S").str.strip_suffix("T00:00:00"))
        .with_columns(pl.selectors.float().round_sig_figs(10).fill_nan(None))
        .select(pl.col(column).cast(dtype) for column, dtype in schema.items())
        for name, schema in RECORD_SCHEMAS.items()
    }


def past_cutoffs(first: datetime | None, end: datetime, horizons: Horizons) -> tuple[datetime, ...]:
    """Choose past cutoffs to judge on: two for the longest horizon that fits, else for the churn horizon.

    They are a whole horizon apart, so that the older one may choose what the newer one reports on; half a horizon
    where the history is too short for that.

    Parameters
    ----------
    first : datetime or None
        Instant of the first order; None without one.
    end : datetime
        First instant that was not observed.
    horizons : Horizons
        Horizons to judge.

    Returns
    -------
    tuple of datetime
        Oldest first; empty if not even the churn horizon fits.
    """
    if first is None:
        return ()
    for days in (max(horizons.clv_days, horizons.churn_days), horizons.churn_days):
        for step in (days, max(days // 2, 1)):
            cutoffs = rolling_cutoffs(
                first_seen=first, end=end, horizon_days=days, count=JUDGED_CUTOFFS, step_days=step
            )
            if len(cutoffs) == JUDGED_CUTOFFS or (cutoffs and step < days):
                return cutoffs
    return ()
