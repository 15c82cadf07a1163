"""Training: fit the chosen rung to what was seen before a cutoff, judge it on the past, keep both together."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from foretell import __version__
from foretell.bundles.record import empty_record
from foretell.engines.trained_model import TrainedModel
from foretell.models.optimise import one_algebra_thread
from foretell.tables.dataset import CustomerData, require_customer_data
from foretell.tables.erasure import FORGOTTEN
from foretell.training.backtest import MOST_JUDGED, past_cutoffs, run_backtest
from foretell.training.known_season import season_source
from foretell.training.past import Periods, as_periods
from foretell.training.profile import training_profile
from foretell.training.prospect_recipe import ProspectSettings, train_prospects
from foretell.training.recipes import BOOSTED, NAIVE_REFERENCE, ScoringRecipe, scoring_recipes, spare_threads
from foretell.training.routing import choose_rung
from foretell.training.shop import Shop, ShopInMemory, statistics_of
from foretell.training.tuning_asked import TuningAsked
from foretell.windows import Horizons, as_cutoff


class Tracker(Protocol):
    """Where a training run is written down; `foretell.MlflowTracker` is one."""

    def log_training(self, model: TrainedModel) -> str | None:
        """Write down one trained model with its record, and return the run's identifier.

        Parameters
        ----------
        model : TrainedModel
            What was trained.

        Returns
        -------
        str or None
            Identifier of the run; None if the store refused.
        """
        ...


def train(
    data: CustomerData,
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
    tune: int = 0,
    tune_timeout_seconds: float | None = None,
    tune_folder: str | Path | None = None,
    resume: bool = False,
    exclude_periods: Sequence[tuple[date | str, date | str]] = (),
    retail_year: bool = True,
) -> TrainedModel:
    """Train on everything seen before `as_of`, and judge the recipe on the shop's own past.

    Rows at or after `as_of` change nothing, not one byte of the model. Where events or customers tell of people who
    never ordered, their first orders within `churn_days` are learnt, too (`training.prospect_recipe`).

    Parameters
    ----------
    data : CustomerData
        The shop's rows.
    as_of : date, datetime, str or None
        First instant that training does not see; None is the end of what `data` observed.
    clv_days, churn_days, order_days : int
        Horizons in days: value and date; churn; short-term purchase.
    annual_discount_rate : float
        Rate at which future spend is discounted in predicted CLV, by exact days; 0 is none.
    rungs : str, sequence of str or None
        Rungs to judge, out of ``boosted`` (a purchase model, and trees on it), ``purchase`` (MBG/CNBD-k) and
        ``pareto`` (Pareto/NBD); None is all. Customers are scored with the first, unless another did better on older
        past cutoffs (`training.routing`).
    backtest_cutoffs : sequence of date, datetime or str, or None
        Past cutoffs to judge on; None takes up to two that fit, an empty sequence judges nothing.
    seed : int
        Seed of the bootstrap.
    threads : int or None
        Threads for numerical libraries during the fit; None leaves them as they are.
    tracking : Tracker or None
        Where to write the run down, as in ``foretell.MlflowTracker("models")``; None writes nothing.
    tune : int
        Settings of the trees to try, the usual ones first; 0 tunes nothing. They are tuned on what was seen before
        the newest past cutoff that is judged on; older ones are judged with the usual settings (`training.tuning`).
    tune_timeout_seconds : float or None
        No trial begins after so many seconds of trials; 0 or None is no limit. With a limit, the number of trials
        and so the model depend on the machine.
    tune_folder : str, Path or None
        Where the trials are kept meanwhile; None is memory.
    resume : bool
        Go on with the trials that `tune_folder` holds of the same rows, cutoff, horizons and seed, if any.
    exclude_periods : sequence of (date or str, date or str)
        First and last day of stretches that say nothing about the future (a lockdown, a month without stock); no
        correction and no level is learnt on them.
    retail_year : bool
        Whether the level of weeks that the shop has not shown yet leans on a published retail year
        (`training.retail_year`); off for a trade that follows another.

    Returns
    -------
    TrainedModel
        Ready to score; ``.backtest`` is its record, ``.trials`` what was tuned.

    Raises
    ------
    WindowError
        If nobody bought before `as_of`, or it lies after an explicit ``observed_until``.
    FitError
        If the history is too thin to fit.
    ConfigError
        If a rung is unknown, the discount rate is no yearly rate, or a number of the tuning is out of its range.
    BundleError, OutputError, LockHeld
        If the trials cannot be kept in `tune_folder`, or read from it.
    TypeError
        If `data` is a plain frame.
    """
    require_customer_data(data)
    horizons = Horizons(clv_days, churn_days, order_days)
    cutoff = data.observed_until if as_of is None else as_cutoff(as_of)
    past = data.before(cutoff)
    asked = TuningAsked(tune, tune_timeout_seconds, None if tune_folder is None else Path(tune_folder), resume)
    recipes = partial(scoring_recipes, rungs, annual_discount_rate=annual_discount_rate)
    asked.require_possible([recipe.name for recipe in recipes()])
    shop = ShopInMemory(past, cutoff)
    model = train_shop(
        shop,
        recipes,
        judged_cutoffs(backtest_cutoffs, shop.first_order_at, past.observed_until, horizons),
        horizons,
        seed=seed,
        threads=threads,
        exclude_periods=as_periods(exclude_periods),
        retail_year=retail_year,
        tune=asked,
    )
    if tracking is not None:
        tracking.log_training(model)
    return model


def judged_cutoffs(
    asked: Sequence[date | datetime | str] | None, first: datetime | None, end: datetime, horizons: Horizons
) -> Sequence[datetime]:
    """Return the past cutoffs that a training is judged at.

    Parameters
    ----------
    asked : sequence of date, datetime or str, or None
        As for `train`.
    first : datetime or None
        Instant of the first order; None without one.
    end : datetime
        First instant that was not observed.
    horizons : Horizons
        Horizons to judge.

    Returns
    -------
    sequence of datetime

    Raises
    ------
    WindowError
        If one cannot be read.
    """
    return past_cutoffs(first, end, horizons) if asked is None else [as_cutoff(day) for day in asked]


def train_shop(
    shop: Shop,
    recipes_with: Callable[..., Sequence[ScoringRecipe]],
    cutoffs: Sequence[datetime],
    horizons: Horizons,
    *,
    seed: int = 0,
    threads: int | None = None,
    exclude_periods: Periods = (),
    retail_year: bool = True,
    tune: TuningAsked | None = None,
) -> TrainedModel:
    """Fit, judge and choose among recipes, wherever the rows of a shop are.

    Parameters
    ----------
    shop : Shop
        As of the cutoff to train at.
    recipes_with : callable
        From ``threads``, ``exclude_periods``, ``retail_year`` and ``tuned`` to the recipes, the default first, as
        `training.recipes.scoring_recipes`.
    cutoffs : sequence of datetime
        Past cutoffs to judge at.
    horizons : Horizons
        Horizons of the answers.
    seed, threads, exclude_periods, retail_year
        As for `train`.
    tune : TuningAsked or None
        How far the settings of the trees are tuned; None tunes nothing.

    Returns
    -------
    TrainedModel
        Written nowhere.

    Raises
    ------
    WindowError, FitError
        As from `train`.
    """
    past = shop.data
    options = {"threads": threads, "exclude_periods": exclude_periods, "retail_year": retail_year}
    with _limited_threads(threads):
        tuned, tuning_facts = (tune or TuningAsked()).study(
            shop, cutoffs, horizons, seed=seed, threads=threads or spare_threads(), exclude_periods=exclude_periods
        )
        recipes = recipes_with(**options, tuned=tuned)
        # The default is fitted first: a history too thin for it is refused before anything is judged.
        bundle = recipes[0].fit_shop(shop, horizons, seed)
        record = empty_record()
        if cutoffs:
            record = run_backtest(past, cutoffs, recipes, horizons=horizons, seed=seed, whole_at=shop.whole_at)
        names = [recipe.name for recipe in recipes]
        label_days = max(horizons.clv_days, horizons.churn_days)
        choice = choose_rung(record, names, label_days=label_days, naive=NAIVE_REFERENCE)
        if choice.rung != bundle.rung:
            bundle = next(recipe for recipe in recipes if recipe.name == choice.rung).fit_shop(shop, horizons, seed)
        trees = any(recipe.name == BOOSTED for recipe in recipes)
        asked = ProspectSettings(horizons.churn_days, seed, threads or spare_threads(), with_trees=trees)
        season_at = season_source(shop, bundle, exclude_periods=exclude_periods, retail_year=retail_year)
        prospects, prospect_facts = train_prospects(shop, bundle.purchase_model, asked, season_at)
        # Segments read the features too, also where no trees do.
        statistics = bundle.statistics or statistics_of(shop)
    facts: dict[str, Any] = {
        "foretell": {"version": __version__, "seed": seed},
        "training": {
            "fingerprint": shop.fingerprint,
            "judged_at": [str(cutoff).removesuffix(" 00:00:00") for cutoff in cutoffs] or ["never"],
            "judged_on": _judged_on(bundle.card["data"]["customers"]),
            "rung_chosen_because": choice.why,
        },
    }
    listed = [note.count for note in past.report.notes if note.code == FORGOTTEN]
    if listed:
        facts["training"]["people_on_the_erasure_list"] = sum(listed)
    if tuning_facts:
        facts["tuning"] = {**tuning_facts, "in_use": tuned is not None and bundle.rung == BOOSTED}
    facts.update(prospect_facts)
    profile = bundle.profile or training_profile(shop)
    bundle = replace(
        bundle,
        card={**facts, **bundle.card},
        record=record,
        statistics=statistics,
        profile=profile,
        prospects=prospects,
    )
    return TrainedModel(bundle, trials=None if tuned is None else tuned.trials)


def _judged_on(customers: int) -> str:
    if customers <= MOST_JUDGED:
        return "all customers"
    return f"about {MOST_JUDGED:,} customers at each cutoff, chosen by hash"


@contextmanager
def _limited_threads(threads: int | None) -> Iterator[None]:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=threads) if threads is not None else nullcontext(), one_algebra_thread():
        yield
