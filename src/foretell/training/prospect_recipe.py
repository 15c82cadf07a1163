"""How a model of first orders is made: rows of past cutoffs, a chosen and calibrated chance, a record, group values."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from foretell.bundles.prospects import RECORD_SCHEMA, ProspectModel
from foretell.evaluation.vectors import FloatArray
from foretell.features.prospects import dated_members
from foretell.models.calibration import ProbabilityCalibrator
from foretell.models.encoding import Encoding
from foretell.models.event_blend import EventBlend
from foretell.models.first_order_level import FirstOrderLevel
from foretell.models.first_year_values import FirstYearValues
from foretell.scoring.base import PurchaseModel
from foretell.scoring.prospects import chances
from foretell.tables.dataset import CustomerData
from foretell.training.answers import NOT_INPUTS
from foretell.training.churn_candidates import FittedChurn, Settings, chances_of_own_fold
from foretell.training.first_order_level import SeasonAt, fit_first_order_level
from foretell.training.first_year_spend import fit_first_year_values
from foretell.training.leak_guard import find_leaks
from foretell.training.prospect_evaluation import prospect_record
from foretell.training.prospect_rows import ProspectRows, prospect_cutoffs, prospect_rows
from foretell.training.shop import Shop

FEWEST_FIRST_ORDERS = 50
"""People with a first order, and people without, from which chances are told apart."""

NO_TABLES = "off: there is neither a table of events nor one of customers"

_FOLDS = 5
_PLACED = ("nearest_place", "nearest_place_km", "places_in_reach")
_LABEL = "first_order_in_window"
_TOLD_METRICS = ("auc", "average_precision", "log_loss", "ece", "top_5_percent_lift")


@dataclass(frozen=True)
class ProspectSettings:
    """What a fit needs beside the shop's rows.

    Parameters
    ----------
    days : int
        Horizon of the first order.
    seed, threads : int
        Seed of folds, trees and resamples, threads of LightGBM.
    with_trees : bool
        Whether trees are in question.
    """

    days: int
    seed: int = 0
    threads: int = 1
    with_trees: bool = True


def train_prospects(
    shop: Shop, model: PurchaseModel, settings: ProspectSettings, season_at: SeasonAt = lambda _: None
) -> tuple[ProspectModel | None, dict[str, Any]]:
    """Learn who of those who never ordered will, and judge it on the newest window, which takes no part in that.

    Parameters
    ----------
    shop : Shop
        As of the cutoff that training ends at.
    model : MBGCNBD or ParetoNBD
        Purchase model fitted to it, for the value of newcomers.
    settings : ProspectSettings
        Horizon, seed, threads.
    season_at : callable
        From an instant to the shop's season of purchases as known then; None where there is none.

    Returns
    -------
    tuple of ProspectModel or None, and dict
        None where the tables do not say enough; facts for the model card, with the reason.
    """
    past = shop.data
    dated = dated_members(past).optional
    if dated.events is None and dated.customers is None:
        if past.optional.customers is None:
            return None, {"prospects": {"state": NO_TABLES}}
        return _off("there are no events, and the customers table does not say when anybody signed up")
    cutoffs = prospect_cutoffs(shop.known_since, shop.first_order_at, past.observed_until, settings.days)
    if not cutoffs:
        return _off(f"no window of {settings.days} days lies behind 30 days of orders and events")
    rows = prospect_rows(shop, cutoffs, settings.days)
    if not rows.actual.size:
        return _off("nobody is known before the first order")
    if not rows.first_orders:
        return _off(
            "nobody who was known before an order placed one; remedy: see whether events and customers carry the "
            "same ids as orders"
        )
    learnt = _learn(rows, past, settings)
    values = fit_first_year_values(past, rows, model)
    level = learnt.level_at(past.observed_until, season_at, settings.days)
    record, judged = _record(rows, past, settings, cutoffs, season_at)
    facts = {
        "prospects": {
            "state": "on",
            "horizon_days": settings.days,
            "candidate": _why(rows, learnt.blend),
            "people": int(rows.person.max()) + 1,
            "people_with_a_first_order": rows.first_orders,
            "rows": int(rows.actual.size),
            "windows": len(cutoffs),
            "left_out": learnt.left_out or "none",
            "level": level.facts(),
        },
        "prospects_first_year_value": _value_facts(values),
        "prospects_record": judged,
    }
    return ProspectModel(settings.days, learnt.encoding, learnt.blend, values, level, record), facts


def _off(why: str) -> tuple[None, dict[str, Any]]:
    return None, {"prospects": {"state": f"off: {why}"}}


@dataclass(frozen=True, eq=False)
class _Learnt:
    """A chance over all windows, and what each row's would have been by models of other people."""

    rows: ProspectRows
    encoding: Encoding
    blend: EventBlend
    own_fold: FloatArray | None
    left_out: dict[str, str]

    def level_at(self, as_of: datetime, season_at: SeasonAt, days: int) -> FirstOrderLevel:
        if self.own_fold is None:
            return FirstOrderLevel.none("everybody has the base rate")
        return fit_first_order_level(self.rows, self.own_fold, season_at(as_of), as_of, days)


def _learn(rows: ProspectRows, past: CustomerData, settings: ProspectSettings) -> _Learnt:
    """Fit the chance; the base rate alone where too few ordered, or too few did not."""
    if not _is_enough(rows):
        events = float(rows.actual.sum())
        level = float(np.log((events + 0.5) / (rows.actual.size - events + 0.5)))
        base = EventBlend("base_rate", level, (), (), ProbabilityCalibrator())
        return _Learnt(rows, Encoding((), {}), base, None, {})
    leaks = _leaks(rows, settings)
    names = [name for name in _inputs(rows.frame, past) if name not in leaks]
    encoding = Encoding.learn(rows.frame, names)
    levels = tuple(len(encoding.levels.get(name, ())) for name in names)
    given = Settings(levels, _FOLDS, settings.seed, settings.threads, with_trees=settings.with_trees)
    matrix = encoding.to_matrix(rows.frame)
    blend = FittedChurn.fit(matrix, rows.actual, given, person=rows.person)
    own_fold = chances_of_own_fold(blend, matrix, rows.actual, given, rows.person)
    # What is chosen may need no column at all.
    return _Learnt(rows, Encoding((), {}) if blend.chosen == "base_rate" else encoding, blend, own_fold, leaks)


def _is_enough(rows: ProspectRows) -> bool:
    people = int(rows.person.max(initial=-1)) + 1
    return min(rows.first_orders, people - rows.first_orders) >= FEWEST_FIRST_ORDERS


def _inputs(frame: pl.DataFrame, past: CustomerData) -> list[str]:
    """Features that differ between people and name no date; of coordinates only where these are declared stable."""
    never = {"cutoff", "customer_id", *NOT_INPUTS}
    if not {"lat", "lon"} <= set(past.optional.stable_attributes):
        never |= set(_PLACED)
    return [name for name in frame.columns if name not in never and frame[name].n_unique() > 1]


def _leaks(rows: ProspectRows, settings: ProspectSettings) -> dict[str, str]:
    """Attributes that know the outcome: all else is made of rows before the cutoff and cannot."""
    names = [name for name in rows.frame.columns if name.startswith("profile_")]
    if not names:
        return {}
    guarded = rows.frame.select(names).with_columns(pl.Series(_LABEL, rows.actual))
    return {
        leak.column: leak.words for leak in find_leaks(guarded, _LABEL, seed=settings.seed, threads=settings.threads)
    }


def _record(
    rows: ProspectRows,
    past: CustomerData,
    settings: ProspectSettings,
    cutoffs: tuple[datetime, ...],
    season_at: SeasonAt,
) -> tuple[pl.DataFrame, Any]:
    """Judge the same recipe on the newest window, learnt from windows that had ended when it began."""
    newest = cutoffs[-1]
    older = rows.until(newest - timedelta(days=settings.days))
    judged = rows.at(newest)
    nothing = pl.DataFrame(schema=dict(RECORD_SCHEMA))
    if not older.actual.size or not older.first_orders:
        return nothing, "no window had ended when the newest one began: the chances are untested"
    if len(np.unique(judged.actual)) < 2:
        return nothing, "nobody or everybody ordered in the newest window: the chances are untested"
    learnt = _learn(older, past, settings)
    level = learnt.level_at(newest, season_at, settings.days)
    model = ProspectModel(settings.days, learnt.encoding, learnt.blend, None, level, nothing)
    chance = chances(judged.frame, model, newest)
    record = prospect_record(
        judged.frame, judged.actual, chance, float(older.actual.mean()), cutoff=newest, seed=settings.seed
    )
    told = record.filter(pl.col("metric").is_in(_TOLD_METRICS))
    lines = {
        f"{row['model']}_{row['metric']}": f"{row['value']:.3g}{_interval(row['low'], row['high'])}"
        for row in told.to_dicts()
    }
    return record, {"cutoff": newest.isoformat(), "people": int(judged.actual.size), **lines}


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" ({low:.3g} to {high:.3g})"


def _why(rows: ProspectRows, blend: EventBlend) -> str:
    if not _is_enough(rows):
        return (
            f"base_rate: {FEWEST_FIRST_ORDERS} people with a first order and as many without are needed to tell them "
            "apart"
        )
    states = rows.frame["funnel_state"].unique().sort().to_list()
    alone = f"; everybody was in the state {states[0]}, so the state says nothing" if len(states) == 1 else ""
    return f"{blend.chosen}: the simplest within one standard error of the least cross-fitted log loss{alone}"


def _value_facts(values: FirstYearValues | None) -> Any:
    if values is None:
        return "none: orders carry no money"
    whole = values.whole
    facts = {"all": f"{whole.value:,.2f} ({whole.low:,.2f} to {whole.high:,.2f}) of {whole.people:,} people"}
    for (state, text), group in values.groups.items():
        name = state if text is None else f"{state} {text}"
        facts[name] = f"{group.value:,.2f} ({group.low:,.2f} to {group.high:,.2f}) of {group.people:,} people"
    return facts
