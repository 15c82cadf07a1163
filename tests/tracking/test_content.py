"""What is written down of a run: settings, fits, judged numbers and files, and never a customer."""

from dataclasses import replace

import polars as pl
import pytest

from foretell.bundles.files import load_bundle
from foretell.bundles.record import empty_record
from foretell.engines.trained_model import TrainedModel
from foretell.errors import TrackingError
from foretell.tracking.content import newest, run_metrics, run_name, run_parameters, run_tags, write_files


def test_metrics_are_the_newest_of_the_rung_and_of_the_others_under_their_names(model):
    assert run_metrics(model.bundle) == {"clv.gini": 0.75, "churn.auc": 0.5, "naive_rate/clv.gini": 0.25}


def test_an_unjudged_bundle_has_no_metrics_and_no_figures(model, tmp_path):
    unjudged = TrainedModel(replace(model.bundle, record=empty_record()))
    assert run_metrics(unjudged.bundle) == {}
    write_files(unjudged, tmp_path)
    assert list((tmp_path / "figures").iterdir()) == []
    assert list((tmp_path / "tables").iterdir()) == []


def test_parameters_hold_settings_fits_fingerprint_and_versions(model):
    parameters = run_parameters(model.bundle)
    assert parameters["rung"] == "purchase"
    assert parameters["as_of"] == "2025-07-01T00:00:00"
    assert (parameters["clv_days"], parameters["churn_days"], parameters["order_days"]) == ("180", "90", "30")
    assert parameters["foretell.seed"] == "7"
    assert parameters["training.fingerprint"] == "f" * 64
    fitted = {name: value for name, value in parameters.items() if name.startswith("purchase_model.parameters.")}
    assert {name.rpartition(".")[2] for name in fitted} == set(vars(model.bundle.purchase_model.params_))
    assert {"version.foretell", "version.python", "version.polars"} <= set(parameters)


def test_a_study_is_written_down_with_its_losses_settings_and_trials(model, tmp_path):
    facts = {"loss": 0.97, "default_loss": 0.98, "chosen": "trial 1", "settings": {"num_leaves": 5}, "in_use": True}
    trials = pl.DataFrame({"trial": [0, 1], "loss": [0.98, 0.97]})
    bundle = replace(model.bundle, card={**model.bundle.card, "tuning": facts})
    write_files(TrainedModel(bundle, trials=trials), tmp_path)
    assert pl.read_csv(tmp_path / "tables" / "tuning_trials.csv").equals(trials)
    assert run_metrics(bundle) == run_metrics(model.bundle) | {"tuning.loss": 0.97, "tuning.default_loss": 0.98}
    parameters = run_parameters(bundle)
    assert (parameters["tuning.chosen"], parameters["tuning.settings.num_leaves"]) == ("trial 1", "5")


def test_parameters_fit_the_store(model):
    assert max(len(value) for value in run_parameters(model.bundle).values()) <= 6000
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_.-") for name in run_parameters(model.bundle))


def test_the_card_is_the_description(model):
    tags = run_tags(model)
    assert tags["bundle_version"] == model.version
    assert tags["mlflow.note.content"].startswith("# Model card")
    assert run_name(model) == f"purchase as of 2025-07-01 {model.version[:8]}"


def test_files_are_the_bundle_the_tables_and_figures(model, tmp_path):
    write_files(model, tmp_path)
    assert load_bundle(tmp_path / "bundle").version == model.version
    assert {path.name for path in (tmp_path / "tables").iterdir()} == {
        "backtest.csv",
        "calibration.csv",
        "comparisons.csv",
        "deciles.csv",
    }
    figures = sorted((tmp_path / "figures").iterdir())
    assert [path.name for path in figures] == ["calibration_churn.png", "deciles_clv.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") and path.stat().st_size > 5_000 for path in figures)


def test_a_bundle_that_is_not_the_models_is_refused(model, tmp_path):
    other = TrainedModel(model.bundle)
    other.bundle = replace(model.bundle, annual_discount_rate=0.5)
    with pytest.raises(TrackingError, match="changed after it was trained"):
        write_files(other, tmp_path)


def test_no_customer_is_written_down(model, big_shop, tmp_path):
    write_files(model, tmp_path)
    ids = big_shop.orders.select("customer_id").collect()["customer_id"].unique().to_list()
    files = [path for path in tmp_path.rglob("*.*") if path.suffix != ".png"]
    written = [path.read_text(encoding="utf-8") for path in files]
    assert len(written) > 10
    text = "\n".join([*written, str(run_parameters(model.bundle)), str(run_tags(model))])
    assert not [customer for customer in ids if customer in text]


def test_newest_of_nothing_is_nothing(record):
    assert newest(record["skipped"]).is_empty()
    assert newest(record["backtest"])["cutoff"].unique().to_list() == ["2025-04-01T00:00:00"]
