"""Scores of prospects: one row a person whatever the split, as declared, from the bundle's files alone."""

import json
import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from foretell.bundles.files import StoredBundle, bundle_files, load_bundle, save_bundle, version_of
from foretell.engines.prospects import score_prospects_frame
from foretell.engines.trained_model import TrainedModel, load_model
from foretell.errors import BundleError, ModelNotFound, WindowError
from foretell.features.prospects import known_prospects
from foretell.scoring.prospect_schema import PROSPECT_STATUSES, prospect_columns, prospect_schema
from foretell.scoring.prospects import explain_prospects, score_prospects_bucket
from foretell.storage.hashing import canonical_json, sha256_bytes
from foretell.tables.dataset import CustomerData
from foretell.tables.optional_tables import OptionalTables
from foretell.tables.simulate import simulate
from foretell.training.train import train

AS_OF = datetime(2025, 10, 1)


@pytest.fixture(scope="module")
def data() -> CustomerData:
    return simulate(customers=900, seed=5, tables=("events", "customers"))[0]


@pytest.fixture(scope="module")
def model(data: CustomerData) -> TrainedModel:
    return train(data, AS_OF, rungs=("purchase",), backtest_cutoffs=())


@pytest.fixture(scope="module")
def stored(model: TrainedModel) -> StoredBundle:
    return StoredBundle(model.bundle, model.version)


@pytest.fixture(scope="module")
def scores(model: TrainedModel, data: CustomerData) -> pl.DataFrame:
    return model.score_prospects(data, AS_OF)


def test_rows_are_as_declared(scores, data, model):
    assert dict(scores.schema) == prospect_schema(90)
    assert scores["customer_id"].is_sorted()
    assert scores["customer_id"].n_unique() == scores.height > 100
    bought = data.orders.filter(pl.col("ordered_at") < AS_OF).select("customer_id").collect()["customer_id"]
    assert not scores["customer_id"].is_in(bought.implode()).any()
    for column in prospect_columns(90):
        assert column.nullable or not scores[column.name].null_count()
    chance, value = scores["p_first_order_90d"], scores["expected_first_year_value"]
    assert chance.is_between(0, 1).all()
    people = known_prospects(data, AS_OF, model.bundle.statistics)
    assert value.to_list() == (chance * pl.Series(model.bundle.prospects.values.of(people))).to_list()
    assert scores["prospect_percentile"].is_between(1, 100).all()
    assert scores.sort("expected_first_year_value")["prospect_percentile"].is_sorted()
    assert set(scores["prediction_status"]) == {"ok"} <= set(PROSPECT_STATUSES)
    told = scores["reason_1"].drop_nulls()
    assert told.str.contains("(raises|lowers) the chance$").all()
    assert not told.str.contains("@|c0000|v0000").any()


def test_a_person_s_row_is_the_same_in_any_split(data, stored, scores):
    for people_at_once in (37, 400):
        parted = score_prospects_frame(data, stored, AS_OF, people_at_once=people_at_once)
        assert_frame_equal(parted, scores, check_exact=True)
    alone = scores["customer_id"].gather([0, 50, -1])
    part = replace(data.of_customers(alone), observed_until_given=False)
    expected = scores.filter(pl.col("customer_id").is_in(alone.implode()))
    found = score_prospects_bucket(part, stored, AS_OF)
    later = ["prospect_percentile", "reason_1", "reason_2", "reason_3"]
    assert_frame_equal(found.drop(later), expected.drop(later), check_exact=True)
    reasons = explain_prospects(part, stored, alone, AS_OF)
    assert_frame_equal(reasons, expected.select("customer_id", *later[1:]), check_exact=True)


def test_what_comes_at_or_after_the_cutoff_changes_no_score(data, model, scores):
    assert_frame_equal(model.score_prospects(data.before(AS_OF), AS_OF), scores, check_exact=True)


def test_only_so_many_are_explained(data, stored, scores):
    few = score_prospects_frame(data, stored, AS_OF, explained_customers=10)
    assert few["reason_1"].count() <= 10
    assert few.filter(pl.col("reason_1").is_not_null())["prospect_percentile"].min() > 90
    assert few.drop("reason_1", "reason_2", "reason_3").equals(scores.drop("reason_1", "reason_2", "reason_3"))


def test_members_without_a_day_are_listed_without_a_chance(data, model, scores):
    new = pl.LazyFrame({"customer_id": ["undated"]})
    customers = pl.concat([data.optional.customers, new], how="diagonal")
    more = model.score_prospects(replace(data, optional=replace(data.optional, customers=customers)), AS_OF)
    row = more.filter(pl.col("customer_id") == "undated").to_dicts()[0]
    assert (row["prediction_status"], row["funnel_state"]) == ("undated", "member")
    assert row["p_first_order_90d"] is row["expected_first_year_value"] is row["prospect_percentile"] is None
    assert more.filter(pl.col("customer_id") != "undated").equals(scores)


def test_tables_that_are_gone_count_as_missing(data, model):
    only = replace(data, optional=replace(data.optional, events=None))
    found = model.score_prospects(only, AS_OF)
    assert found["days_since_last_event"].is_null().all()
    assert found["p_first_order_90d"].is_between(0, 1).all()
    assert model.score_prospects(replace(data, optional=OptionalTables()), AS_OF).is_empty()


def test_a_saved_model_scores_the_same(model, data, scores, tmp_path: Path):
    model.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert loaded.version == model.version
    assert_frame_equal(loaded.score_prospects(data, AS_OF), scores, check_exact=True)


def test_a_bundle_without_prospects_loads_and_says_why(model, data, tmp_path: Path):
    plain = replace(model.bundle, prospects=None, card={})
    save_bundle(plain, tmp_path / "old")
    old = load_model(tmp_path / "old")
    assert not old.score(data, AS_OF).is_empty()
    with pytest.raises(ModelNotFound, match="does not score prospects; off: the bundle is of an older foretell"):
        old.score_prospects(data, AS_OF)
    with pytest.raises(WindowError, match="lies before"):
        model.score_prospects(data, "2025-09-01")


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value.__setitem__("days", 0),
        lambda value: value.__setitem__("more", 1),
        lambda value: value["blend"].__setitem__("chosen", "subprocess"),
        lambda value: value["blend"].__setitem__("level", "x"),
        lambda value: value["blend"].__setitem__("boosters", 3),
        lambda value: value["blend"]["logistics"].clear(),
        lambda value: value["encoding"]["features"].pop(),
        lambda value: value["values"]["whole"].__setitem__("value", None),
    ],
)
def test_values_that_no_fit_makes_are_refused(model, tmp_path: Path, change):
    folder = tmp_path / "model"
    model.save(folder)
    value = json.loads((folder / "prospects.json").read_bytes())
    change(value)
    forge(folder, "prospects.json", canonical_json(value))
    with pytest.raises(BundleError):
        load_bundle(folder)


def test_half_of_the_files_is_refused(model, tmp_path: Path):
    folder = Path(shutil.copytree(_saved(model, tmp_path), tmp_path / "half"))
    (folder / "prospects_record.csv").unlink()
    forge(folder, None, b"")
    with pytest.raises(BundleError, match="ProspectModel"):
        load_bundle(folder)
    assert {"prospects.json", "prospects_record.csv"} <= set(bundle_files(model.bundle))


def _saved(model: TrainedModel, folder: Path) -> Path:
    model.save(folder / "model")
    return folder / "model"


def forge(folder: Path, name: str | None, content: bytes) -> None:
    """Write a file and a manifest that agrees with it, as an attacker would."""
    if name is not None:
        (folder / name).write_bytes(content)
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name != "manifest.json"}
    manifest = json.loads((folder / "manifest.json").read_bytes())
    listed = {name: {"sha256": sha256_bytes(found), "bytes": len(found)} for name, found in files.items()}
    manifest |= {"files": listed, "version": version_of(files)}
    (folder / "manifest.json").write_bytes(canonical_json(manifest))
