"""Train on a cluster: the workers read, check and count the tables that the settings name."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial

from foretell.bundles.files import StoredBundle
from foretell.config.settings import Settings
from foretell.engines.spark.session import current_session
from foretell.engines.spark.sources import refusing_broken_rows, sources_on_spark
from foretell.engines.trained_model import TrainedModel
from foretell.jobs.findings import Account, notes_at
from foretell.jobs.inputs import shop_sources
from foretell.jobs.privacy import forgotten_ids
from foretell.scoring.accounting import TableAccount, table_lines
from foretell.tables.dataset import Note
from foretell.tables.erasure import FORGOTTEN
from foretell.training.gate import champion_cutoffs
from foretell.training.past import as_periods
from foretell.training.recipes import scoring_recipes
from foretell.training.shop import Shop
from foretell.training.train import train_shop
from foretell.training.train_on_spark import ShopOnSpark, shop_on_spark
from foretell.training.tuning_asked import TuningAsked
from foretell.windows import as_cutoff, midnight_after


@dataclass(frozen=True)
class Learnt:
    """What training made of a shop, before anything is written.

    Parameters
    ----------
    model : TrainedModel
        The fitted model with its record.
    shop : Shop
        What it learnt from, as of its cutoff.
    account : Account
        What became of the source rows.
    notes : tuple of Note
        What stopped nothing and should be known.
    """

    model: TrainedModel
    shop: Shop
    account: Account
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class CountedRows:
    """Rows used and left out, counted where they lie.

    Parameters
    ----------
    left_out : mapping of str to int
        Rows by reason.
    tables : tuple of TableAccount
        By table, orders first.
    """

    left_out: Mapping[str, int]
    tables: tuple[TableAccount, ...]

    def reasons(self) -> dict[str, int]:
        """Return each reason with its number of rows, sorted."""
        return dict(sorted(self.left_out.items()))

    def table_lines(self) -> list[str]:
        """Return the account of each table as a line of text; nothing where there are orders only."""
        return table_lines(self.tables)


def learn_on_cluster(
    settings: Settings,
    as_of: date | datetime | str | None,
    champion: StoredBundle | None,
    tune: TuningAsked,
) -> Learnt:
    """Train on the tables that a cluster reads.

    Parameters
    ----------
    settings : Settings
        Where the tables are, horizons, rungs.
    as_of : date, datetime, str or None
        First instant that training does not see; None is the end of what the data observed.
    champion : StoredBundle or None
        What customers are scored with now, with which the new bundle will be compared.
    tune : TuningAsked
        How far the settings of the trees are tuned.

    Returns
    -------
    Learnt

    Raises
    ------
    ConfigError
        If the settings ask for what a cluster cannot read, there is none, or nothing can be tuned.
    DataError, WindowError, FitError, ClusterMismatch
        As from `foretell.train_on_spark`.
    """
    sources = shop_sources(settings)
    horizons, options = settings.horizons.as_horizons(), settings.training
    recipes = partial(scoring_recipes, options.rungs, annual_discount_rate=options.annual_discount_rate)
    tune.require_possible([recipe.name for recipe in recipes()])
    spark = current_session()
    forget, periods = forgotten_ids(settings), as_periods(options.exclude_periods or ())
    with refusing_broken_rows(sources):
        found = shop_on_spark(
            spark,
            sources_on_spark(spark, sources, forget=forget),
            None if as_of is None else as_cutoff(as_of),
            horizons,
            time_zone=settings.shop.time_zone,
            judged_too=lambda end: champion_cutoffs(champion, end, horizons),
            tune=tune,
        )
    if not forget.is_empty():
        found = _told_of_forgotten(found, forget.n_unique())
    model = train_shop(
        found.shop,
        recipes,
        found.cutoffs,
        horizons,
        seed=options.seed,
        exclude_periods=periods,
        retail_year=options.retail_year,
        tune=tune,
    )
    account, data, last = CountedRows(found.shop.left_out, found.shop.accounts), found.shop.data, found.last_order_at
    if not data.observed_until_given and last is not None:
        # Stale is what ends before the cutoff, not what is cut there.
        data = replace(data, observed_until=midnight_after(last))
    return Learnt(model, found.shop, account, notes_at(data, found.shop.as_of))


def _told_of_forgotten(found: ShopOnSpark, listed: int) -> ShopOnSpark:
    text = f"The list of people to be forgotten names {listed:,}; rows of theirs were dropped before all else."
    shop = found.shop
    report = replace(shop.data.report, notes=(*shop.data.report.notes, Note(FORGOTTEN, listed, text)))
    return replace(found, shop=replace(shop, data=replace(shop.data, report=report)))
