"""Training: fit the chosen rung to what was seen before a cutoff, judge it on the past, keep both together."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Protocol

from foretell import __version__
from foretell.bundles.record import empty_record
from foretell.engines.trained_model import TrainedModel
from foretell.tables.dataset import CustomerData, require_customer_data
from foretell.training.backtest import past_cutoffs, run_backtest
from foretell.training.recipes import scoring_recipes
from foretell.training.routing import choose_rung
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
) -> TrainedModel:
    """Train on everything seen before `as_of`, and judge the recipe on the shop's own past.

    Rows at or after `as_of` change nothing, not one byte of the model.

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
        Past cutoffs to judge on; None takes up to three that fit, an empty sequence judges nothing.
    seed : int
        Seed of the bootstrap.
    threads : int or None
        Threads for numerical libraries during the fit; None leaves them as they are.
    tracking : Tracker or None
        Where to write the run down, as in ``foretell.MlflowTracker("models")``; None writes nothing.

    Returns
    -------
    TrainedModel
        Ready to score; ``.backtest`` is its record.

    Raises
    ------
    WindowError
        If nobody bought before `as_of`, or it lies after an explicit ``observed_until``.
    FitError
        If the history is too thin to fit.
    ConfigError
        If a rung is unknown, or the discount rate is no yearly rate.
    TypeError
        If `data` is a plain frame.
    """
    require_customer_data(data)
    horizons = Horizons(clv_days, churn_days, order_days)
    cutoff = data.observed_until if as_of is None else as_cutoff(as_of)
    past = data.before(cutoff)
    recipes = scoring_recipes(rungs, annual_discount_rate=annual_discount_rate, threads=threads)
    with _limited_threads(threads):
        # The default is fitted first: a history too thin for it is refused before anything is judged.
        bundle = recipes[0].fit(past, cutoff, horizons, seed)
        chosen = (
            past_cutoffs(past, horizons) if backtest_cutoffs is None else [as_cutoff(day) for day in backtest_cutoffs]
        )
        record = empty_record()
        if chosen:
            record = run_backtest(past, chosen, horizons=horizons, rungs=rungs, seed=seed, threads=threads)
        label_days = max(clv_days, churn_days)
        choice = choose_rung(record, [recipe.name for recipe in recipes], label_days=label_days)
        if choice.rung != bundle.rung:
            bundle = next(recipe for recipe in recipes if recipe.name == choice.rung).fit(past, cutoff, horizons, seed)
    judged_at = [str(cutoff).removesuffix(" 00:00:00") for cutoff in chosen]
    facts = {
        "foretell": {"version": __version__, "seed": seed},
        "training": {
            "fingerprint": past.fingerprint(),
            "judged_at": judged_at or ["never"],
            "rung_chosen_because": choice.why,
        },
    }
    model = TrainedModel(replace(bundle, card={**facts, **bundle.card}, record=record))
    if tracking is not None:
        tracking.log_training(model)
    return model


def _limited_threads(threads: int | None) -> Any:
    if threads is None:
        return nullcontext()
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=threads)
