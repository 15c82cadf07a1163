"""How good settings of the trees are: deviance of cross-fitted trees beside the offset's, on past windows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import numpy as np
from numpy.typing import NDArray

from foretell.bundles.refinement import AMOUNTS, EVENTS
from foretell.errors import FitError
from foretell.features.summary import purchase_summary
from foretell.models.boosting_params import BoostingParams
from foretell.models.objectives import Objective, losses
from foretell.models.population import Population
from foretell.tables.dataset import CustomerData
from foretell.training.answers import Answers
from foretell.training.boosted_recipe import TREES
from foretell.training.cross_fit import Rows, cross_fit
from foretell.training.families import choose_family, fit_families
from foretell.training.past import Past, Periods, Window
from foretell.training.refiner import MOST_ROWS, MOST_WINDOWS
from foretell.windows import Horizons

Vector = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST_BUYERS = 50
"""An answer with fewer buyers in its newest window, or fewer who stayed away, says nothing about settings."""

_OBJECTIVES: Mapping[str, Objective] = {"orders": "poisson", "spend": "tweedie"}


@dataclass(frozen=True, eq=False)
class Question:
    """One answer's rows, and the deviance that its offset leaves.

    Parameters
    ----------
    name : str
        One of ``return``, ``churn``, ``order``, ``orders``, ``spend``.
    objective : {'poisson', 'tweedie', 'binary'}
        Law of the outcome.
    rows : Rows
        Of all its past windows, each at its own level.
    place : ndarray of int64, shape (rows,)
        Place of the row's customer among all that are judged.
    whole : float
        Weighted deviance of the offset, > 0.
    """

    name: str
    objective: Objective
    rows: Rows
    place: Ints
    whole: float


@dataclass(frozen=True, eq=False)
class TuningLoss:
    """The loss that settings are chosen by.

    Parameters
    ----------
    questions : tuple of Question
        At least one.
    customers : int
        How many are judged.
    seed, threads : int
        Of LightGBM.
    """

    questions: tuple[Question, ...]
    customers: int
    seed: int
    threads: int

    @classmethod
    def of(
        cls,
        data: CustomerData,
        as_of: datetime,
        horizons: Horizons,
        *,
        seed: int,
        threads: int,
        exclude_periods: Periods = (),
    ) -> "TuningLoss":
        """Lay out the rows of every answer before a cutoff.

        Parameters
        ----------
        data : CustomerData
            Rows of the customers that corrections are learnt on; those at or after `as_of` are not read.
        as_of : datetime
            First instant that is not seen: every window ends by then.
        horizons : Horizons
            Horizons of the answers.
        seed, threads : int
            Of LightGBM.
        exclude_periods : sequence of (date, date)
            Days that no window may touch, as in training.

        Returns
        -------
        TuningLoss

        Raises
        ------
        FitError
            If no answer has a complete past window with enough buyers.
        """
        learnt = replace(data.before(as_of), observed_until_given=True)
        models, spend_model = fit_families(Population.of(purchase_summary(learnt, as_of)))
        past = Past(learnt, partial(fit_families, near=models, spend_near=spend_model), exclude_periods)
        windows = _windows(past, horizons, money=spend_model is not None)
        if windows:
            family = choose_family(windows.get("churn", ())[:1], models).name
            view = next(iter(windows.values()))[0].view
            answers = Answers.of(view, family, horizons.churn_days, most_rows=MOST_ROWS, params=TREES, threads=threads)
            asked = [_question(name, answers.rows(found, name)) for name, found in windows.items()]
            questions = tuple(each for each in asked if each is not None)
            if questions:
                return cls(_placed(questions), _count(questions), seed, threads)
        msg = (
            f"The settings of the trees cannot be tuned as of {as_of}: no past window is complete and has "
            f"{LEAST_BUYERS} buyers and {LEAST_BUYERS} who stayed away. "
            "Remedy: shorter horizons or a longer history; without --tune the settings are foretell's own."
        )
        raise FitError(msg)

    def shares(self, params: BoostingParams) -> Iterator[Vector]:
        """Fit trees, one answer after another.

        Parameters
        ----------
        params : BoostingParams
            Settings of the trees.

        Yields
        ------
        ndarray of shape (customers,)
            What each customer adds to the deviance that trees leave, as a share of what the offset leaves: the sum
            is 1 where trees say nothing, less where they help customers that they were not fitted to.
        """
        for question in self.questions:
            rows = question.rows
            margin = cross_fit(rows, question.objective, params, seed=self.seed, threads=self.threads).margin
            left = rows.weight * _deviance(question.objective, rows.actual, rows.offset + margin)
            share: Vector = np.zeros(self.customers)
            np.add.at(share, question.place, left / question.whole)
            yield share


def _windows(past: Past, horizons: Horizons, *, money: bool) -> dict[str, tuple[Window, ...]]:
    """Return the windows of every answer that gets trees of its own, as the recipe looks at them."""
    found = {}
    for name in (*EVENTS, *AMOUNTS):
        days = {"churn": horizons.churn_days, "order": horizons.order_days}.get(name, horizons.clv_days)
        same = name == "return" and horizons.clv_days == horizons.churn_days
        fits = past.longest_window_days(days)
        if not same and fits and (money or name != "spend"):
            windows = past.windows(fits, most=MOST_WINDOWS)
            if windows:
                found[name] = windows
    return found


def _question(name: str, rows: Rows | None) -> Question | None:
    if rows is None:
        return None
    newest = rows.by_window(rows.actual)[0]
    bought = int((newest > 0).sum())
    if min(bought, len(newest) - bought) < LEAST_BUYERS:
        return None
    objective = _OBJECTIVES.get(name, "binary")
    whole = float(rows.weight @ _deviance(objective, rows.actual, rows.offset))
    return Question(name, objective, rows, rows.customer, whole) if whole > 0 else None


def _deviance(objective: Objective, actual: Vector, margin: Vector) -> Vector:
    """Return each row's loss above that of a model that knew the outcome; >= 0, so that shares of it mean something."""
    known = np.log(np.maximum(actual, 1e-300))
    least = 0.0 if objective == "binary" else np.where(actual > 0, losses(objective, actual, known), 0.0)
    return losses(objective, actual, margin) - least


def _placed(questions: tuple[Question, ...]) -> tuple[Question, ...]:
    numbers = np.unique(np.concatenate([each.rows.customer for each in questions]))
    return tuple(
        Question(each.name, each.objective, each.rows, np.searchsorted(numbers, each.rows.customer), each.whole)
        for each in questions
    )


def _count(questions: tuple[Question, ...]) -> int:
    return len(np.unique(np.concatenate([each.rows.customer for each in questions])))
