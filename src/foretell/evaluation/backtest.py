"""Rolling backtest: recipes predict from past cutoffs, and what then happened judges them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Protocol

import polars as pl

from foretell.errors import FitError, HorizonNotObserved, did_you_mean
from foretell.evaluation.ledger import Backtest, Ledger
from foretell.evaluation.predictions import Predictions, check_predictions
from foretell.evaluation.targets import observe, targets
from foretell.features.summary import purchase_summary
from foretell.tables.buckets import drawn
from foretell.tables.dataset import CustomerData
from foretell.tables.moment import Moment
from foretell.windows import Horizons, as_cutoff

__all__ = ["JUDGED", "Backtest", "Recipe", "backtest"]

JUDGED = "judged"
"""Salt of the choice of those who are judged."""


class Recipe(Protocol):
    """Something that can be fitted at any cutoff and then predicts every customer seen before it."""

    @property
    def name(self) -> str:
        """Name of the row (the rung) in the backtest's tables."""

    def fit_predict(self, data: CustomerData, as_of: datetime, horizons: Horizons, seed: int) -> pl.DataFrame:
        """Fit on what was seen and predict what comes.

        Parameters
        ----------
        data : CustomerData
            Rows before `as_of` and nothing else.
        as_of : datetime
            First instant that is not seen.
        horizons : Horizons
            How far ahead each answer looks.
        seed : int
            Seed of any chance in the fit.

        Returns
        -------
        pl.DataFrame
            One row per customer with a purchase before `as_of`: ``customer_id`` and any of the columns of
            `evaluation.predictions.ANSWERS`. ``predicted_orders`` and ``predicted_clv`` are means over
            ``clv_days``; ``churn_risk`` is the probability of no purchase in ``churn_days``, ``p_order`` of
            one in ``order_days``; ``next_order_days`` with ``_early`` and ``_late`` are the median, 10 % and
            90 % day (1 is the first unseen day) given a purchase within ``clv_days``, null where there is no
            chance of one; ``spend_low`` and ``spend_high`` are the 10 % and 90 % quantile of the spend
            realised in ``clv_days``.

        Raises
        ------
        FitError
            If the data cannot carry the model; the backtest goes on without it and says so.
        """


def backtest(
    data: CustomerData,
    cutoffs: Iterable[date | datetime | str],
    recipes: Sequence[Recipe],
    *,
    horizons: Horizons,
    seed: int = 0,
    bootstrap: int = 200,
    reference: str | Sequence[str] | None = None,
    most_customers: int | None = None,
    whole_at: Callable[[datetime], Moment] | None = None,
) -> Backtest:
    """Let recipes predict from past cutoffs, and compare with what then happened.

    At each cutoff every recipe sees the rows before it only, and must predict every customer with a purchase
    before it; one who then did nothing counts as zero. A target whose window was not fully observed is left
    out. All recipes of a cutoff are judged on the same customers and the same resamples of them.

    Targets and metrics: ``orders`` and ``clv`` (gini, spearman, rmse, mae, wape, bias; ``clv`` also
    decile_mape, top10_capture, coverage, interval_width), ``churn`` and ``order_<days>d`` (auc,
    average_precision, log_loss, brier, ece, bias), ``next_order`` (median_abs_error_days, within_7_days,
    coverage, interval_width among buyers; concordance by expected date and concordance_by_risk by churn risk
    among all, with censoring at the window's end; a null date ranks last and is read as the day after the
    window).

    Parameters
    ----------
    data : CustomerData
        All of the shop's rows. Not modified.
    cutoffs : iterable of date, datetime or str
        Past cutoffs, in any order; each is the first instant that is not seen.
    recipes : sequence of Recipe
        What to judge, with different names.
    horizons : Horizons
        Lengths of the label windows.
    seed : int
        Seed of the resamples, and handed to the recipes; not negative.
    bootstrap : int
        Resamples of customers behind each interval; 0 for none.
    reference : str or sequence of str, optional
        Name of the recipe that the others are compared with, or several; the first one if not given.
    most_customers : int, optional
        Where more were seen before a cutoff, about so many of them, chosen by hash, are what recipes are fitted to and
        judged on there; all if not given.
    whole_at : callable, optional
        From a cutoff to the whole shop then, where `data` hold the rows of those who may be chosen and of nobody else.

    Returns
    -------
    Backtest

    Raises
    ------
    HorizonNotObserved
        If no target's window was observed at any cutoff.
    DataError
        If a recipe returns something else than one sound row for each customer.
    WindowError
        If a cutoff cannot be read or lies after a given ``observed_until``.
    ValueError
        If there is no cutoff or recipe, names repeat, or the reference is not among them.

    References
    ----------
    Tashman (2000), "Out-of-sample tests of forecasting accuracy", International Journal of Forecasting 16
    (rolling origin).
    """
    moments = sorted({as_cutoff(cutoff) for cutoff in cutoffs})
    names = [recipe.name for recipe in recipes]
    baselines = _references(names, reference)
    if not moments:
        msg = "at least one cutoff is needed"
        raise ValueError(msg)
    ledger = Ledger(references=baselines, seed=seed, bootstrap=bootstrap, order=_order(horizons, names))
    observed = [
        _judge(_Seen.at(data, cutoff, most_customers, whole_at), recipes, horizons=horizons, seed=seed, ledger=ledger)
        for cutoff in moments
    ]
    result = ledger.close()
    if not any(observed):
        reasons = "; ".join(result.skipped["reason"].unique(maintain_order=True))
        msg = f"nothing can be judged at {len(moments)} cutoff(s): {reasons}"
        raise HorizonNotObserved(msg)
    return result


def _references(names: Sequence[str], reference: str | Sequence[str] | None) -> tuple[str, ...]:
    if not names:
        msg = "at least one recipe is needed"
        raise ValueError(msg)
    if len(set(names)) < len(names):
        msg = f"recipes need different names, got {', '.join(names)}"
        raise ValueError(msg)
    asked = names[:1] if reference is None else (reference,) if isinstance(reference, str) else tuple(reference)
    for name in asked:
        if name not in names:
            msg = f"the reference {name!r} is not among the recipes {', '.join(names)}.{did_you_mean(name, names)}"
            raise ValueError(msg)
    return tuple(dict.fromkeys(asked))


def _order(horizons: Horizons, names: Sequence[str]) -> dict[str, int]:
    in_order = [*(f"target {target.name}" for target in targets(horizons)), *(f"rung {name}" for name in names)]
    return {label: place for place, label in enumerate(in_order)}


@dataclass(frozen=True, eq=False)
class _Seen:
    """Customers who are judged at a cutoff: their rows before it, and all rows."""

    cutoff: datetime
    customers: pl.Series
    past: CustomerData
    data: CustomerData

    @classmethod
    def at(
        cls, data: CustomerData, cutoff: datetime, most: int | None, whole_at: Callable[[datetime], Moment] | None
    ) -> "_Seen":
        past = data.before(cutoff)
        customers = purchase_summary(past, cutoff)["customer_id"].sort()
        whole = Moment(len(customers), past.observed_until) if whole_at is None else whole_at(cutoff)
        if most is not None and whole.customers > most:
            customers = customers.filter(drawn(customers, most, among=whole.customers, salt=JUDGED))
            # The end of observation stays as it was stated.
            past = replace(past.of_customers(customers), observed_until_given=past.observed_until_given)
        return cls(cutoff, customers, replace(past, observed_until=whole.observed_until), data)


def _judge(seen: _Seen, recipes: Sequence[Recipe], *, horizons: Horizons, seed: int, ledger: Ledger) -> bool:
    """Judge all recipes at one cutoff; say whether any target's window was observed."""
    cutoff, customers, past = seen.cutoff, seen.customers, seen.past
    if customers.is_empty():
        ledger.skip(cutoff, None, None, "no customer bought before the cutoff")
        return False
    truths, left_out = observe(seen.data, cutoff, horizons, customers)
    for target, reason in left_out.items():
        ledger.skip(cutoff, None, target, reason)
    if not truths:
        return False
    answers: list[Predictions] = []
    for recipe in recipes:
        try:
            frame = recipe.fit_predict(past, cutoff, horizons, seed)
        except FitError as error:
            ledger.skip(cutoff, recipe.name, None, str(error))
            continue
        answers.append(check_predictions(frame, customers, rung=recipe.name))
    ledger.enter(cutoff, truths, answers)
    return True
