"""Training on a cluster: all customers are counted by the workers, those who are looked at come to the driver."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path

from foretell.engines.spark.counted_shop import CountedShop, Session, Tables, shop_in_buckets
from foretell.engines.spark.population import Draw
from foretell.engines.trained_model import TrainedModel
from foretell.evaluation.backtest import JUDGED
from foretell.training.backtest import MOST_JUDGED
from foretell.training.past import as_periods
from foretell.training.prospect_rows import MOST_PEOPLE, PEOPLE, prospect_cutoffs
from foretell.training.recipes import scoring_recipes
from foretell.training.requirements import require_trainable
from foretell.training.shop import LEARNT_ON, customers_learnt_on
from foretell.training.train import Tracker, judged_cutoffs, train_shop
from foretell.training.tuning_asked import TuningAsked
from foretell.windows import Horizons, as_cutoff

Cutoffs = Callable[[datetime], Sequence[datetime]]
"""From the end of what was observed to past cutoffs."""


@dataclass(frozen=True, eq=False)
class ShopOnSpark:
    """What a cluster told of a shop.

    Parameters
    ----------
    shop : CountedShop
        As of the cutoff.
    cutoffs : sequence of datetime
        Past cutoffs to judge at.
    last_order_at : datetime or None
        Instant of the last row of orders, whether it was seen or not.
    """

    shop: CountedShop
    cutoffs: Sequence[datetime]
    last_order_at: datetime | None


def train_on_spark(
    spark: Session,
    tables: Tables,
    as_of: date | datetime | str | None = None,
    *,
    time_zone: str | None = None,
    clv_days: int = 365,
    churn_days: int = 90,
    order_days: int = 30,
    annual_discount_rate: float = 0.0,
    rungs: str | Sequence[str] | None = None,
    backtest_cutoffs: Sequence[date | datetime | str] | None = None,
    seed: int = 0,
    threads: int | None = None,
    tracking: Tracker | None = None,
    tune: int = 0,
    tune_timeout_seconds: float | None = None,
    tune_folder: str | Path | None = None,
    resume: bool = False,
    exclude_periods: Sequence[tuple[date | str, date | str]] = (),
    retail_year: bool = True,
    buckets: int | None = None,
) -> TrainedModel:
    """Train on the tables of Spark frames: the same bundle that `foretell.train` makes of the same rows.

    Workers check the rows and count all customers by history, which is what purchase models are fitted to. The rows of
    those whom the local run looks at one by one too (200,000 for corrections, and as many where settings are tuned;
    100,000 at each past cutoff; 50,000 people who never ordered; chosen by hash) come to the driver with all their
    tables, and there the same recipes run.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession
        A classic session.
    tables : pyspark.sql.DataFrame, Source or mapping of str to either
        As for `foretell.score_on_spark`.
    as_of, clv_days, churn_days, order_days, annual_discount_rate, rungs, backtest_cutoffs, seed, threads, tracking
        As for `foretell.train`.
    tune, tune_timeout_seconds, tune_folder, resume, exclude_periods, retail_year
        As for `foretell.train`.
    time_zone : str or None
        The shop's zone, for every table that names none.
    buckets : int or None
        As for `foretell.score_on_spark`; the bundle is the same for any number.

    Returns
    -------
    TrainedModel
        Ready to score; ``.backtest`` is its record.

    Raises
    ------
    DataError, ClusterMismatch, TypeError
        As from `foretell.score_on_spark`.
    WindowError, FitError, BundleError, OutputError, LockHeld
        As from `foretell.train`.
    ConfigError
        If the session is none that can carry a task, a table is not known, or as from `foretell.train`.

    Examples
    --------
    >>> model = train_on_spark(spark, spark.read.parquet("orders"), "2026-11-01")  # doctest: +SKIP
    """
    horizons = Horizons(clv_days, churn_days, order_days)
    recipes = partial(scoring_recipes, rungs, annual_discount_rate=annual_discount_rate)
    asked = TuningAsked(tune, tune_timeout_seconds, None if tune_folder is None else Path(tune_folder), resume)
    asked.require_possible([recipe.name for recipe in recipes()])
    periods = as_periods(exclude_periods)
    cutoff = None if as_of is None else as_cutoff(as_of)
    found = shop_on_spark(
        spark, tables, cutoff, horizons, time_zone=time_zone, judged_at=backtest_cutoffs, tune=asked, buckets=buckets
    )
    model = train_shop(
        found.shop,
        recipes,
        found.cutoffs,
        horizons,
        seed=seed,
        threads=threads,
        exclude_periods=periods,
        retail_year=retail_year,
        tune=asked,
    )
    if tracking is not None:
        tracking.log_training(model)
    return model


def shop_on_spark(
    spark: Session,
    tables: Tables,
    as_of: datetime | None,
    horizons: Horizons,
    *,
    time_zone: str | None = None,
    judged_at: Sequence[date | datetime | str] | None = None,
    judged_too: Cutoffs = lambda _: (),
    tune: TuningAsked | None = None,
    buckets: int | None = None,
) -> ShopOnSpark:
    """Look at a shop on a cluster as training does.

    Parameters
    ----------
    spark, tables, time_zone, buckets
        As for `train_on_spark`.
    as_of : datetime or None
        First instant that is not seen; None is the end of what was observed.
    horizons : Horizons
        Horizons of the answers.
    judged_at : sequence of date, datetime or str, or None
        As ``backtest_cutoffs`` of `foretell.train`.
    judged_too : callable
        Further past cutoffs at which customers will be judged.
    tune : TuningAsked or None
        How far the settings of the trees will be tuned; None is not at all.

    Returns
    -------
    ShopOnSpark

    Raises
    ------
    DataError, WindowError, ClusterMismatch, ConfigError, TypeError
        As from `train_on_spark`.
    """
    with shop_in_buckets(spark, tables, as_of, time_zone=time_zone, buckets=buckets) as opened:
        end = opened.observed_until
        cutoffs = judged_cutoffs(judged_at, opened.first_order_at, end, horizons)
        windows = prospect_cutoffs(opened.known_since, opened.first_order_at, end, horizons.churn_days)
        judged = dict.fromkeys([*cutoffs, *judged_too(end)])
        tuned = (tune or TuningAsked()).cutoffs(cutoffs, opened.as_of)
        told = opened.count([*dict.fromkeys([*judged, *tuned])], people_at=windows[:1])
        counted = told.counted
        customers = counted.population.customers
        if not customers:
            require_trainable(counted.population, opened.as_of)
        known = {at: moment.customers for at, moment in counted.moments.items()}
        draws = [Draw(at, JUDGED, known[at], MOST_JUDGED) for at in judged]
        learnt = {opened.as_of: customers, **{at: known[at] for at in tuned}}
        draws += [Draw(at, LEARNT_ON, among, customers_learnt_on(among)) for at, among in learnt.items()]
        draws += [Draw(at, PEOPLE, among, MOST_PEOPLE, ordered=False) for at, among in counted.people.items()]
        return ShopOnSpark(told.shop(opened, draws), cutoffs, opened.last_order_at)
