"""Tuning: the defaults are tried first and kept unless clearly beaten; studies repeat, resume and stay their shop's."""

import logging
import math
import shutil
import threading
import time
from dataclasses import replace
from datetime import date, datetime
from types import SimpleNamespace

import numpy as np
import optuna
import polars as pl
import pytest

from foretell.errors import BundleError, ConfigError, FitError, LockHeld, OutputError
from foretell.storage.lock import folder_lock
from foretell.tables.dataset import CustomerData
from foretell.tables.simulate import simulate
from foretell.training import tuning
from foretell.training.boosted_recipe import TREES, BoostedRecipe
from foretell.training.study import SPACE, completed, suggested
from foretell.training.tuning import settings_of, tune
from foretell.training.tuning_loss import TuningLoss, _deviance
from foretell.windows import Horizons

AS_OF = datetime(2025, 10, 1)
HORIZONS = Horizons(60, 60, 60)
CUSTOMERS = 40


class Bowl:
    """A loss without trees: a smooth bowl with its floor away from the defaults, uneven over customers."""

    def __init__(self, depth=0.05, noise=0.0, fails_at=None):
        self.questions = tuple(SimpleNamespace(name=name) for name in ("churn", "orders", "spend"))
        self.customers = CUSTOMERS
        self.tried = []
        self.answered = 0
        self._depth, self._noise, self._fails_at = depth, noise, fails_at

    def shares(self, params):
        self.tried.append(params)
        if len(self.tried) == self._fails_at:
            raise KeyboardInterrupt
        away = math.log(params.num_leaves / 6) ** 2 + math.log(params.lambda_l2 / 30) ** 2
        uneven = np.sin(np.arange(CUSTOMERS) * (1 + 100 * params.learning_rate)) * self._noise * (params != TREES)
        # What differs between customers only: in all, nobody gains by it.
        uneven -= uneven.mean()
        for _ in self.questions:
            self.answered += 1
            yield (0.9 + self._depth * away + uneven) / CUSTOMERS


@pytest.fixture
def bowl(monkeypatch):
    """Put a bowl where the trees' loss is made; call it for another."""

    def standing(**shape):
        made = Bowl(**shape)
        monkeypatch.setattr(tuning.TuningLoss, "of", lambda *_, **__: made)
        return made

    standing()
    return standing


@pytest.fixture(scope="module")
def small_shop():
    return simulate(customers=500, seed=11, start="2025-01-01", end="2026-01-01")[0]


@pytest.fixture(scope="module")
def loss(small_shop):
    return TuningLoss.of(small_shop, AS_OF, HORIZONS, seed=0, threads=1)


def run(shop, **given):
    return tune(shop[0], AS_OF, HORIZONS, **{"trials": 8, **given})


# --- what is chosen --------------------------------------------------------------------------------------------------


def test_tuned_is_never_worse_than_the_default_on_the_same_rows(small_shop, loss, monkeypatch):
    monkeypatch.setattr(tuning.TuningLoss, "of", lambda *_, **__: loss)
    tuned = tune(small_shop, AS_OF, HORIZONS, trials=3)
    assert completed({name: tuned.trials[name][0] for name in SPACE}) == TREES
    reached, default = (
        sum(share.sum() for share in loss.shares(params)) / len(loss.questions) for params in (tuned.params, TREES)
    )
    assert reached <= default
    # What the card says is what these settings reach; equal sums in another order of adding.
    assert (tuned.facts["loss"], tuned.facts["default_loss"]) == pytest.approx((reached, default), rel=1e-12)
    assert tuned.trials["loss"][0] == tuned.facts["default_loss"]


def test_trees_that_say_nothing_leave_the_whole_deviance(loss):
    silent = replace(TREES, min_child_samples=10**6)
    assert [share.sum() for share in loss.shares(silent)] == pytest.approx([1.0] * len(loss.questions), rel=1e-12)


@pytest.mark.parametrize("objective", ["poisson", "tweedie", "binary"])
def test_a_model_that_knows_the_outcome_leaves_no_deviance(objective):
    actual = np.array([0.0, 1.0]) if objective == "binary" else np.array([0.0, 0.5, 3.0])
    known = np.where(actual > 0, 60.0, -60.0) if objective == "binary" else np.log(np.maximum(actual, 1e-20))
    # What is left is what the clipped ends leave: e⁻⁶⁰, 10⁻²⁰, and with Tweedie's power of 1.5 its root, 2 · 10⁻¹⁰.
    assert _deviance(objective, actual, known) == pytest.approx(np.zeros(len(actual)), abs=1e-9)
    assert (_deviance(objective, actual, known + 0.5 - actual) >= 0).all()


def test_the_best_trial_is_chosen_where_it_is_clearly_better(shop, bowl):
    bowl()
    tuned = run(shop, trials=12)
    best = tuned.trials.filter(pl.col("state") == "complete").sort("loss").row(0, named=True)
    assert best["trial"] > 0
    assert tuned.params == completed({name: best[name] for name in SPACE})
    assert tuned.facts["settings"] == {name: best[name] for name in SPACE}


def test_the_defaults_stay_where_the_best_is_within_one_standard_error(shop, bowl):
    # Customers differ by far more than the bowl is deep.
    bowl(depth=1e-4, noise=0.5)
    tuned = run(shop, trials=12)
    better = tuned.trials.filter(pl.col("better_by") > 0)
    assert better.height > 0
    assert (better["better_by"] < better["error"]).all()
    assert tuned.params == TREES
    assert tuned.facts["chosen"] == "the defaults"
    assert tuned.facts["loss"] == tuned.facts["default_loss"]


def test_settings_are_read_back_from_the_card(shop, bowl):
    bowl()
    tuned = run(shop, trials=12)
    found = settings_of({"tuning": {**tuned.facts, "in_use": True}})
    assert (found.params, found.as_of) == (tuned.params, tuned.as_of)
    assert settings_of({"tuning": {**tuned.facts, "in_use": False}}) is None
    assert settings_of({}) is None


def test_a_smaller_step_gets_as_many_more_trees():
    halved = completed({**{name: getattr(TREES, name) for name in SPACE}, "learning_rate": TREES.learning_rate / 2})
    assert (halved.max_rounds, halved.patience) == (2 * TREES.max_rounds, 2 * TREES.patience)


def test_the_defaults_lie_within_the_space():
    assert [name for name, (low, high) in SPACE.items() if not low <= getattr(TREES, name) <= high] == []


# --- studies ---------------------------------------------------------------------------------------------------------


def test_a_seed_repeats_its_trials_and_another_does_not(shop, bowl):
    bowl()
    first, again, other = (run(shop, seed=seed).trials for seed in (3, 3, 4))
    assert first.equals(again)
    assert not first.equals(other)


def test_bad_settings_are_pruned_and_the_defaults_never(shop, bowl):
    standing = bowl(depth=5.0)
    table = run(shop, trials=20).trials
    pruned = table.filter(pl.col("state") == "pruned")
    assert pruned.height > 0
    assert table["state"][0] == "complete"
    assert pruned["better_by"].null_count() == pruned.height
    # A pruned trial of this bowl is behind from its first answer, and gets to no other.
    assert standing.answered == 3 * (table.height - pruned.height) + pruned.height


@pytest.mark.parametrize(("timeout", "trials"), [(1e-9, 1), (0, 8), (3600, 8)])
def test_a_time_limit_stops_between_trials_and_never_before_the_defaults(shop, bowl, timeout, trials):
    bowl()
    tuned = run(shop, timeout_seconds=timeout)
    assert tuned.trials.height == trials
    assert (tuned.facts["trials"], tuned.facts["trials_asked_for"]) == (trials, 8)


def test_a_resumed_study_is_the_uninterrupted_one(shop, bowl, tmp_path):
    bowl()
    whole = run(shop, trials=14)
    run(shop, trials=6, folder=tmp_path)
    standing = bowl()
    resumed = run(shop, trials=14, folder=tmp_path, resume=True)
    assert resumed.trials.equals(whole.trials)
    assert resumed.facts == whole.facts
    # The defaults are tried once more, for the differences from them.
    assert len(standing.tried) == 8 + 1
    standing = bowl()
    assert run(shop, trials=14, folder=tmp_path, resume=True).trials.equals(whole.trials)
    assert standing.tried == []


@pytest.mark.parametrize("killed_in", [1, 5])
def test_a_study_that_was_killed_is_resumed(shop, bowl, tmp_path, monkeypatch, killed_in):
    whole = run(shop)
    bowl(fails_at=killed_in)
    with pytest.raises(KeyboardInterrupt):
        run(shop, folder=tmp_path)
    (file,) = tmp_path.glob("*.log")
    # What a kill at the worst moment leaves besides: half a line, and the lock that it was written under.
    with file.open("ab") as written:
        written.write(b'{"op_code":4,"wor')
    (tmp_path / f"{file.name}.lock").symlink_to(file)
    bowl()

    mine, sleep = threading.get_ident(), time.sleep

    def waits(seconds):
        # Threads that other tests left behind may sleep.
        if threading.get_ident() == mine:
            pytest.fail("it waits for a lock that nobody holds")
        sleep(seconds)

    monkeypatch.setattr("time.sleep", waits)
    assert run(shop, folder=tmp_path, resume=True).trials.equals(whole.trials)


def test_a_trial_that_never_ended_changes_nothing(shop, bowl, tmp_path):
    bowl()
    # Beyond the first trials, which are drawn at random, what is tried depends on what is running.
    whole = run(shop, trials=24)
    run(shop, trials=12, folder=tmp_path)
    (file,) = tmp_path.glob("*.log")
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(file)))
    left = optuna.load_study(study_name=file.stem, storage=storage, sampler=optuna.samplers.RandomSampler(seed=9))
    left.enqueue_trial(min(left.trials, key=lambda trial: trial.value or 9.0).params)
    suggested(left.ask())
    assert run(shop, trials=24, folder=tmp_path, resume=True).trials.equals(whole.trials)


def test_without_resume_a_study_starts_afresh(shop, bowl, tmp_path):
    bowl()
    run(shop, folder=tmp_path)
    standing = bowl()
    run(shop, folder=tmp_path)
    assert len(standing.tried) == 8


def test_resume_without_a_study_starts_one(shop, bowl, tmp_path):
    bowl()
    assert run(shop, folder=tmp_path, resume=True).trials.equals(run(shop).trials)


@pytest.mark.parametrize("what", ["another shop", "another cutoff", "other horizons", "another seed", "days excluded"])
def test_a_study_of_something_else_is_not_continued(shop, bowl, tmp_path, what):
    bowl()
    run(shop, trials=6, folder=tmp_path)
    (first,) = tmp_path.glob("*.log")
    data = shop[0].of_customers(shop[0].orders.select("customer_id").unique().collect()["customer_id"].sort()[:300])
    given = {
        "data": data if what == "another shop" else shop[0],
        "as_of": datetime(2025, 9, 1) if what == "another cutoff" else AS_OF,
        "horizons": Horizons(90, 60, 60) if what == "other horizons" else HORIZONS,
        "exclude_periods": ((date(2025, 3, 1), date(2025, 3, 9)),) if what == "days excluded" else (),
    }
    seed = int(what == "another seed")
    tune(**given, trials=1, seed=seed, folder=tmp_path)
    (second,) = set(tmp_path.glob("*.log")) - {first}
    # Not even under the other's name.
    shutil.copy(first, second)
    standing = bowl()
    tuned = tune(**given, trials=3, seed=seed, folder=tmp_path, resume=True)
    assert len(standing.tried) == 3
    assert tuned.trials.height == 3


def test_a_damaged_study_is_named(shop, bowl, tmp_path):
    bowl()
    run(shop, trials=2, folder=tmp_path)
    (file,) = tmp_path.glob("*.log")
    lines = file.read_bytes().split(b"\n")
    file.write_bytes(b"\n".join([lines[0], lines[1][:10], *lines[2:]]))
    with pytest.raises(BundleError, match=r"trees-2025-10-01-\w+\.log is damaged\. Remedy: train without --resume"):
        run(shop, folder=tmp_path, resume=True)
    assert run(shop, trials=2, folder=tmp_path).trials.height == 2


def test_a_folder_that_is_in_use_or_none_is_named(shop, bowl, tmp_path):
    bowl()
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="Remedy"):
        run(shop, folder=tmp_path / "file" / "tuning")
    with folder_lock(tmp_path), pytest.raises(LockHeld):
        run(shop, folder=tmp_path)


def test_optuna_stays_quiet_and_as_it_was(shop, bowl, caplog, monkeypatch):
    bowl()
    monkeypatch.setattr(logging.getLogger("optuna"), "propagate", True)
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.INFO)
    try:
        run(shop)
        assert optuna.logging.get_verbosity() == optuna.logging.INFO
    finally:
        optuna.logging.set_verbosity(before)
    assert [record.name for record in caplog.records if record.name.startswith("optuna")] == []


# --- what it rests on ------------------------------------------------------------------------------------------------


def test_rows_at_or_after_as_of_change_nothing(small_shop, loss):
    orders = small_shop.orders.collect()
    last = orders.filter(pl.col("ordered_at") >= AS_OF)
    assert last.height > 0
    other = pl.concat([orders, last.with_columns(pl.col("amount_minor") * 100)])
    changed = CustomerData.from_orders(other, observed_until=small_shop.observed_until)
    found = TuningLoss.of(changed, AS_OF, HORIZONS, seed=0, threads=1)
    assert [each.name for each in found.questions] == [each.name for each in loss.questions]
    for mine, theirs in zip(found.questions, loss.questions, strict=True):
        assert np.array_equal(mine.rows.binned.matrix, theirs.rows.binned.matrix, equal_nan=True)
        assert np.array_equal(mine.rows.actual, theirs.rows.actual)
    assert tuning._name(changed, AS_OF, HORIZONS, 0) == tuning._name(small_shop, AS_OF, HORIZONS, 0)


def test_a_history_that_says_nothing_about_settings_is_refused(small_shop):
    with pytest.raises(FitError, match=r"cannot be tuned as of 2025-02-01.*Remedy: shorter horizons"):
        tune(small_shop, datetime(2025, 2, 1), HORIZONS, trials=2)
    ids = small_shop.orders.select("customer_id").unique().collect()["customer_id"].sort()[:60]
    with pytest.raises(FitError, match="50 buyers and 50 who stayed away"):
        tune(small_shop.of_customers(ids), AS_OF, HORIZONS, trials=2)


def test_every_wrong_number_is_said_at_once(small_shop):
    with pytest.raises(ConfigError) as caught:
        tune(small_shop, AS_OF, HORIZONS, trials=0, timeout_seconds=-1, resume=True)
    assert len(caught.value.problems) == 3


def test_settings_are_used_from_the_cutoff_that_they_were_tuned_before():
    params = replace(TREES, num_leaves=5)
    recipe = BoostedRecipe(params=params, params_from=AS_OF)
    assert recipe.params_at(AS_OF) == params
    assert recipe.params_at(datetime(2025, 9, 30)) == TREES
    assert BoostedRecipe(params=params).params_at(datetime(2000, 1, 1)) == params
