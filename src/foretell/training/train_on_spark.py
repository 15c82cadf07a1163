"""Training on a cluster: all customers are counted by the workers, those who are looked at come to the driver."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from foretell.engines.spark.counted_shop import CountedShop, Orders, Session, orders_on_spark
from foretell.engines.spark.facts import SourceFacts
from foretell.engines.spark.population import Draw
from foretell.engines.trained_model import TrainedModel
from foretell.evaluation.backtest import JUDGED
from foretell.scoring.accounting import REFUND_WITHOUT_ORDER
from foretell.training.backtest import MOST_JUDGED
from foretell.training.past import as_periods
from foretell.training.recipes import scoring_recipes
from foretell.training.requirements import require_trainable
from foretell.training.shop import LEARNT_ON, customers_learnt_on
from foretell.training.train import Tracker, judged_cutoffs, train_shop
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
    facts : SourceFacts
        What was found in the source.
    """

    shop: CountedShop
    cutoffs: Sequence[datetime]
    facts: SourceFacts

    @property
    def left_out(self) -> dict[str, int]:
        """Rows left out, by reason."""
        ledger, counted = self.facts.ledger, self.shop.counted
        by_customer = {REFUND_WITHOUT_ORDER: counted.refunds_only, "duplicate_row": ledger.used - counted.rows}
        return {**ledger.reasons(), **{reason: rows for reason, rows in by_customer.items() if rows}}


def train_on_spark(
    spark: Session,
    orders: Orders,
    as_of: date | datetime | str | None = None,
    *,
    clv_days: int = 365,
    churn_days: int = 90,
    order_days: int = 30,
    annual_discount_rate: float = 0.0,
    rungs: str | Sequence[str] | None = None,
    backtest_cutoffs: Sequence[date | datetime | str] | None = None,
    seed: int = 0,
    threads: int | None = None,
    tracking: Tracker | None = None,
    exclude_periods: Sequence[tuple[date | str, date | str]] = (),
    retail_year: bool = True,
    buckets: int | None = None,
) -> TrainedModel:
    """Train on the orders of a Spark frame: the same bundle that `foretell.train` makes of the same rows.

    Workers check the rows and count all customers by history, which is what purchase models are fitted to. The rows of
    those whom the local run looks at one by one too (200,000 for corrections, 100,000 at each past cutoff, chosen by
    hash) come to the driver, and there the same recipes run.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession
        A classic session.
    orders : pyspark.sql.DataFrame or Source
        As for `foretell.score_on_spark`.
    as_of, clv_days, churn_days, order_days, annual_discount_rate, rungs, backtest_cutoffs, seed, threads, tracking
        As for `foretell.train`.
    exclude_periods, retail_year
        As for `foretell.train`.
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
    WindowError, FitError
        As from `foretell.train`.
    ConfigError
        If there are tables other than orders, the session is none that can carry a task, or as from `foretell.train`.

    Examples
    --------
    >>> model = train_on_spark(spark, spark.read.parquet("orders"), "2026-11-01")  # doctest: +SKIP
    """
    horizons, periods = Horizons(clv_days, churn_days, order_days), as_periods(exclude_periods)
    recipes = scoring_recipes(
        rungs,
        annual_discount_rate=annual_discount_rate,
        threads=threads,
        exclude_periods=periods,
        retail_year=retail_year,
    )
    cutoff = None if as_of is None else as_cutoff(as_of)
    found = shop_on_spark(spark, orders, cutoff, horizons, judged_at=backtest_cutoffs, buckets=buckets)
    model = train_shop(
        found.shop,
        recipes,
        found.cutoffs,
        horizons,
        seed=seed,
        threads=threads,
        exclude_periods=periods,
        retail_year=retail_year,
    )
    if tracking is not None:
        tracking.log_training(model)
    return model


def shop_on_spark(
    spark: Session,
    orders: Orders,
    as_of: datetime | None,
    horizons: Horizons,
    *,
    judged_at: Sequence[date | datetime | str] | None = None,
    judged_too: Cutoffs = lambda _: (),
    buckets: int | None = None,
) -> ShopOnSpark:
    """Look at a shop on a cluster as training does.

    Parameters
    ----------
    spark, orders, buckets
        As for `train_on_spark`.
    as_of : datetime or None
        First instant that is not seen; None is the end of what was observed.
    horizons : Horizons
        Horizons of the answers.
    judged_at : sequence of date, datetime or str, or None
        As ``backtest_cutoffs`` of `foretell.train`.
    judged_too : callable
        Further past cutoffs at which customers will be judged.
    buckets : int or None
        As for `foretell.score_on_spark`.

    Returns
    -------
    ShopOnSpark

    Raises
    ------
    DataError, WindowError, ClusterMismatch, ConfigError, TypeError
        As from `train_on_spark`.
    """
    with orders_on_spark(spark, orders, as_of, buckets=buckets) as opened:
        first, end = opened.facts.first_seen, opened.observed_until
        cutoffs = judged_cutoffs(judged_at, first, end, horizons)
        counted = opened.count([*dict.fromkeys([*cutoffs, *judged_too(end)])])
        customers = counted.population.customers
        if not customers:
            require_trainable(counted.population, opened.as_of)
        judged = [Draw(at, JUDGED, moment.customers, MOST_JUDGED) for at, moment in counted.moments.items()]
        learnt = Draw(opened.as_of, LEARNT_ON, customers, customers_learnt_on(customers))
        shop = opened.shop(counted, [learnt, *judged])
    return ShopOnSpark(shop, cutoffs, opened.facts)
