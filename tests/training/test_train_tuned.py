"""Training with tuning: the window that reports took no part in the choice, and the card says what was gained."""

from dataclasses import replace
from datetime import date, datetime

import polars as pl
import pytest

import foretell as ft
from foretell.bundles.card import render_card
from foretell.bundles.record import empty_record
from foretell.errors import ConfigError, FitError
from foretell.jobs.train import train as job
from foretell.tables.simulate import simulate
from foretell.training import backtest, train, tuning
from foretell.training.boosted_recipe import TREES
from foretell.training.recipes import scoring_recipes
from foretell.training.tuning import Tuned
from foretell.windows import Horizons

OPTIONS = {"clv_days": 90, "churn_days": 60}
RUNGS = ("purchase", "boosted")
PARAMS = replace(TREES, num_leaves=5)


@pytest.fixture
def studies(monkeypatch):
    """Put a study where trees would be tuned; the list holds what each was asked."""
    asked = []

    def study(data, as_of, horizons, **given):
        asked.append({"last": data.last_order_at(), "as_of": as_of, "horizons": horizons, **given})
        if given["trials"] == 13:
            message = "too thin"
            raise FitError(message)
        facts = {
            "trials": 2,
            "trials_asked_for": 2,
            "loss": 0.97,
            "chosen": "trial 1",
            "chosen_because": "it is better",
        }
        return Tuned(PARAMS, as_of, pl.DataFrame({"trial": [0, 1]}), facts)

    monkeypatch.setattr(tuning, "tune", study)
    return asked


@pytest.fixture
def backtests(monkeypatch):
    """Put a backtest without a record where rungs would be judged; the list holds what each was given."""
    given = []

    def judged(_data, cutoffs, recipes, **options):
        given.append({"cutoffs": cutoffs, "recipes": recipes, **options})
        return empty_record()

    monkeypatch.setattr(train, "run_backtest", judged)
    return given


def test_settings_are_tuned_before_the_newest_window_that_is_judged(big_shop, studies, backtests):
    model = ft.train(big_shop, "2025-10-01", **OPTIONS, rungs=RUNGS, tune=2, seed=7, threads=1)
    ((study,), (judged,)) = studies, backtests
    assert study["as_of"] == max(judged["cutoffs"]) == datetime(2025, 7, 3)
    assert len(judged["cutoffs"]) == 2
    assert study["last"] < datetime(2025, 10, 1)
    assert (study["trials"], study["timeout_seconds"], study["seed"], study["threads"]) == (2, 0, 7, 1)
    boosted = next(recipe for recipe in judged["recipes"] if recipe.name == "boosted")
    assert (boosted.params, boosted.params_from) == (PARAMS, study["as_of"])
    assert model.trials.equals(pl.DataFrame({"trial": [0, 1]}))


def test_excluded_periods_are_left_out_of_a_study(big_shop, studies, backtests):
    ft.train(big_shop, "2025-10-01", **OPTIONS, rungs=RUNGS, tune=2, exclude_periods=[("2025-03-01", "2025-03-20")])
    assert backtests
    assert studies[0]["exclude_periods"] == ((date(2025, 3, 1), date(2025, 3, 20)),)


def test_without_a_backtest_all_that_was_seen_is_tuned_on(big_shop, studies):
    model = ft.train(big_shop, "2025-10-01", **OPTIONS, rungs=RUNGS, backtest_cutoffs=[], tune=2)
    assert studies[0]["as_of"] == datetime(2025, 10, 1)
    # The purchase rung was asked for first, and nothing was judged: its numbers owe the study nothing.
    assert model.bundle.card["tuning"]["in_use"] is False
    assert "it is better" in render_card(model.bundle)


def test_recipes_of_a_backtest_use_the_settings_from_the_cutoff_they_were_tuned_before(big_shop, monkeypatch):
    seen = []
    monkeypatch.setattr(backtest, "judge", lambda *given, **_: seen.extend(given[2]))
    monkeypatch.setattr(backtest, "as_record", lambda _: {})
    tuned = Tuned(PARAMS, datetime(2025, 7, 1), pl.DataFrame(), {})
    backtest.run_backtest(big_shop, [], scoring_recipes(None, tuned=tuned), horizons=Horizons())
    boosted = next(recipe for recipe in seen if recipe.name == "boosted")
    assert boosted.params_at(datetime(2025, 7, 1)) == PARAMS
    assert boosted.params_at(datetime(2025, 6, 30)) == TREES
    assert scoring_recipes("boosted")[0].params_at(datetime(2025, 7, 1)) == TREES


def test_a_history_too_thin_to_tune_on_keeps_the_usual_settings_and_says_so(big_shop, studies, backtests):
    model = ft.train(big_shop, "2025-10-01", **OPTIONS, rungs=RUNGS, tune=13)
    assert studies
    boosted = next(recipe for recipe in backtests[0]["recipes"] if recipe.name == "boosted")
    assert boosted.params_from is None
    assert model.trials is None
    assert model.bundle.card["tuning"] == {"chosen": "the defaults", "chosen_because": "too thin", "in_use": False}


def test_without_tuning_the_card_does_not_speak_of_it(big_shop, studies):
    model = ft.train(big_shop, "2025-10-01", **OPTIONS, rungs="purchase", backtest_cutoffs=[])
    assert studies == []
    assert "tuning" not in model.bundle.card


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"tune": 2, "rungs": "purchase"}, "Only the rung 'boosted' has settings to tune"),
        ({"tune": -1}, "0 \\(none\\) or more, got -1"),
        ({"tune": True}, "got True"),
        ({"resume": True}, "nothing to resume"),
        ({"tune": 2, "resume": True, "backtest_cutoffs": []}, "only from a folder"),
        ({"tune": 2, "tune_timeout_seconds": -3, "backtest_cutoffs": []}, "number of seconds, 0 \\(none\\) or more"),
    ],
)
def test_wrong_numbers_are_named(big_shop, given, words):
    with pytest.raises(ConfigError, match=words):
        ft.train(big_shop, "2025-10-01", **OPTIONS, **given)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::foretell.errors.ConvergenceWarning")
def test_a_tuned_job_end_to_end_and_resumed(tmp_path):
    from foretell.config.settings import Settings

    orders = simulate(customers=500, seed=11, start="2025-01-01", end="2026-01-01")[0].orders.collect()
    orders.select("customer_id", "ordered_at", amount=pl.col("amount_minor") / 10_000).write_csv(
        tmp_path / "orders.csv"
    )
    values = {
        "data": {"orders": {"path": str(tmp_path / "orders.csv")}},
        "horizons": {"clv_days": 60, "churn_days": 60, "order_days": 60},
        "training": {"rungs": ("boosted",), "tune_trials": 2},
        "folders": {"models": tmp_path / "models"},
        "tracking": {"enabled": False},
    }
    first = job(Settings.model_validate(values), resume=True)
    assert len(list((tmp_path / "models" / "tuning").glob("*.log"))) == 1
    card = first.model.bundle.card["tuning"]
    assert (card["trials"], card["in_use"], card["as_of"]) == (
        2,
        True,
        first.model.bundle.record["backtest"]["cutoff"].max(),
    )
    assert any(line.startswith("Tuning after 2 of 2 trials") for line in first.lines())
    again = job(Settings.model_validate(values), resume=True)
    assert again.model.version == first.model.version
    assert again.model.trials.equals(first.model.trials)
